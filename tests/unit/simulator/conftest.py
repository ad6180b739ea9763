"""A small city that tests share."""

from datetime import date

import pytest

from simulator import City


@pytest.fixture(scope="session")
def city() -> City:
    """Twelve stations; tests read its days and never change it."""
    return City(seed=3, started_on=date(2026, 1, 5), stations=12)
