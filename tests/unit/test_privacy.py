"""Personal values never land readable: hashed with a key, dropped, or sealed."""

import json

import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.privacy import DROP, HASH, protect, pseudonym, seal, unseal
from mobilake.secrets import Secret

KEY, OTHER_KEY = Secret("k" * 40), Secret("l" * 40)
FIELDS = {"bike_id": HASH, "rental_uris": DROP}
MARK = "PLANTED"

planted = st.text(alphabet='0123456789-/\\"é', max_size=8).map(lambda tail: MARK + tail)
innocent = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4)
documents = st.recursive(
    innocent,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "bikes", "n"]), inner, max_size=3)
        | st.fixed_dictionaries(
            {}, optional={"bike_id": planted, "rental_uris": st.dictionaries(planted, planted)}
        )
    ),
    max_leaves=12,
)


@given(document=st.lists(documents, max_size=3))
@settings(max_examples=60, deadline=None)
def test_identifiers_are_hashed_at_any_depth(document: list[object]) -> None:
    kept = protect(json.dumps(document), FIELDS, KEY)
    assert kept.sealed is None
    assert MARK not in str(kept.text)
    assert "rental_uris" not in str(kept.text)
    assert json.dumps(document).count('"bike_id"') >= str(kept.text).count('"bike_id"')


def test_only_the_declared_members_change() -> None:
    document = {"bike_id": "a", "n": 1.5, "none": None, "bike": [{"bike_id": None, "id": "a"}]}
    kept = protect(json.dumps(document), FIELDS, KEY)
    assert json.loads(str(kept.text)) == document | {"bike_id": pseudonym("a", KEY)}


@pytest.mark.parametrize("value", [7, 7.5, True, ["a"], {"id": "a"}])
def test_an_identifier_that_is_no_text_is_hashed_too(value: object) -> None:
    kept = json.loads(str(protect(json.dumps({"bike_id": value}), FIELDS, KEY).text))
    assert kept["bike_id"] == pseudonym(json.dumps(value, separators=(",", ":")), KEY)


def test_the_same_identifier_has_the_same_pseudonym_under_one_key_only() -> None:
    assert pseudonym("a", KEY) == pseudonym("a", KEY)
    assert len({pseudonym("a", KEY), pseudonym("b", KEY), pseudonym("a", OTHER_KEY)}) == 3
    assert len(pseudonym("a", KEY)) == 32


UNFIT = {
    "no JSON": '{"bike_id": "PLANTED"',
    "a bare text": '"PLANTED"',
    "deeper than can be written": "[" * 400 + '{"bike_id": "PLANTED"}' + "]" * 400,
    "deeper than can be read": "[" * 5000 + "]" * 5000,
    "a lone surrogate": '{"bike_id": "\\ud800"}',
}


@pytest.mark.parametrize("text", UNFIT.values(), ids=UNFIT.keys())
def test_what_cannot_be_cleaned_is_sealed(text: str) -> None:
    kept = protect(text, FIELDS, KEY)
    assert kept.text is None
    assert MARK not in str(kept.sealed)
    assert unseal(str(kept.sealed), KEY) == text


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_needs_no_protection(text: str) -> None:
    assert protect(text, FIELDS, KEY).text == text


def test_a_feed_without_personal_members_stays_as_served() -> None:
    assert protect('{ "a":1 }nonsense', {}, KEY).text == '{ "a":1 }nonsense'


def test_another_key_opens_no_seal() -> None:
    with pytest.raises(InvalidToken):
        unseal(seal("text", KEY), OTHER_KEY)
