"""Time inside the simulation: whole seconds since 1970, UTC; calendar days are UTC days."""

from datetime import UTC, date, datetime, timedelta

DAY_S = 86_400


def midnight(day: date) -> int:
    """Return the second at which a UTC day begins."""
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY_S


def day_of(at: int) -> date:
    """Return the UTC day that a second falls on."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + at // DAY_S)


def to_seconds(moment: datetime) -> int:
    """Return an aware datetime as a whole second, rounded down.

    Raises:
        ValueError: the datetime has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; pass an aware datetime")
    return int(moment.timestamp() // 1)


def to_datetime(at: int) -> datetime:
    """Return a second as an aware UTC datetime."""
    return datetime.fromtimestamp(at, UTC)


def iso(at: int) -> str:
    """Return a second as ISO 8601 with a Z, for example ``2026-01-05T10:00:00Z``."""
    return f"{to_datetime(at).isoformat()[:19]}Z"


def days_between(first: date, last: date) -> list[date]:
    """Return the days from ``first`` to ``last``, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
