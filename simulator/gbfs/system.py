"""The documents about the system as a whole: who, where, when."""

from datetime import timedelta

from simulator.city import NAME, SYSTEM_ID, City
from simulator.gbfs.dialect import DIALECTS, LANGUAGE, Data, Dialect
from simulator.geography import NEIGHBOURHOODS
from simulator.moments import day_of, midnight
from simulator.riders import TIMEZONE

CONTACT = "feeds@aurora.example"
MARKET_REGION = NEIGHBOURHOODS[0]


def discovery(dialect: Dialect, feeds: tuple[str, ...], base_url: str) -> Data:
    """Return the data of ``gbfs.json``: where the feeds are on this server."""
    folder = f"{base_url.rstrip('/')}/gbfs/{dialect.version}"
    folder += "" if dialect.is_3 else f"/{LANGUAGE}"
    listed: Data = {"feeds": [{"name": feed, "url": f"{folder}/{feed}.json"} for feed in feeds]}
    return listed if dialect.is_3 else {LANGUAGE: listed}


def gbfs_versions(base_url: str) -> Data:
    """Return the data of ``gbfs_versions``: the same city in other versions."""
    base_url = base_url.rstrip("/")
    return {
        "versions": [
            {"version": version, "url": f"{base_url}/{version}/gbfs.json"} for version in DIALECTS
        ]
    }


def system_information(dialect: Dialect, city: City) -> Data:
    """Return the data of ``system_information``."""
    language: Data = {"languages": [LANGUAGE]} if dialect.is_3 else {"language": LANGUAGE}
    hours = {"opening_hours": "24/7"} if dialect.is_3 else {}
    return {
        "system_id": SYSTEM_ID,
        **language,
        "name": dialect.text(NAME),
        "operator": dialect.text("Aurora Bicicletas (simulated)"),
        "start_date": city.started_on.isoformat(),
        "timezone": TIMEZONE,
        "feed_contact_email": CONTACT,
        **hours,
    }


def system_regions(dialect: Dialect) -> Data:
    """Return the data of ``system_regions``: one region for each neighbourhood."""
    return {
        "regions": [
            {"region_id": place.region_id, "name": dialect.text(place.name)}
            for place in NEIGHBOURHOODS
        ]
    }


def system_hours() -> Data:
    """Return the data of ``system_hours``: always open."""
    return {
        "rental_hours": [
            {
                "user_types": ["member", "nonmember"],
                "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                "start_time": "00:00:00",
                "end_time": "23:59:59",
            }
        ]
    }


def system_calendar() -> Data:
    """Return the data of ``system_calendar``: all year."""
    return {"calendars": [{"start_month": 1, "start_day": 1, "end_month": 12, "end_day": 31}]}


def system_alerts(dialect: Dialect, at: int) -> Data:
    """Return the data of ``system_alerts``: the street market of the coming Saturday."""
    today = day_of(at)
    monday = today - timedelta(days=today.weekday())
    saturday = midnight(monday + timedelta(days=5))
    times = {"start": dialect.time(saturday + 8 * 3_600), "end": dialect.time(saturday + 50_400)}
    return {
        "alerts": [
            {
                "alert_id": f"market-{monday}",
                "type": dialect.word("other"),
                "times": [times],
                "region_ids": [MARKET_REGION.region_id],
                "summary": dialect.text(f"Street market in {MARKET_REGION.name} on Saturday"),
                "last_updated": dialect.time(midnight(monday)),
            }
        ]
    }
