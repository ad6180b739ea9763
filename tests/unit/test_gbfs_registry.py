"""What may be registered."""

from __future__ import annotations

import pytest

from ingestion.sources.gbfs.registry import check_url
from mobilake.errors import MobilakeError


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/gbfs.json?api_key=hush",
        "https://example.org/gbfs.json?lang=en&Token=hush",
        "https://someone:hush@example.org/gbfs.json",
    ],
)
def test_an_address_with_a_secret_is_refused_without_showing_it(url):
    with pytest.raises(MobilakeError, match="holds a secret") as refusal:
        check_url(url)
    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize("url", [None, "https://example.org/gbfs.json?lang=en"])
def test_any_other_address_may_be_registered(url):
    check_url(url)


def test_an_address_that_cannot_be_read_is_refused():
    with pytest.raises(MobilakeError, match="no address"):
        check_url("http://[a]/gbfs.json")
