"""The documents about what can be ridden, at what price, and where."""

from datetime import date

from simulator.area import Zone
from simulator.city import SCOOTER_TYPE, VEHICLE_TYPES, City
from simulator.gbfs.dialect import Data, Dialect
from simulator.moments import midnight
from simulator.scooters import RANGE_KM

BIKE_PLAN, DAY_PLAN, SCOOTER_PLAN = "single", "day", "scooter"
BIKE_RANGE_M = 45_000


def system_pricing_plans(dialect: Dialect, city: City) -> Data:
    """Return the data of ``system_pricing_plans``."""
    plans = [
        (BIKE_PLAN, "Single ride", 1.0, "1 euro for 30 minutes, then 10 cents a minute", (30, 0.1)),
        (DAY_PLAN, "Day pass", 8.0, "Any number of rides of up to 45 minutes", (45, 0.1)),
    ]
    if city.scooters:
        text = "1 euro to unlock, then 20 cents a minute"
        plans.append((SCOOTER_PLAN, "Scooter ride", 1.0, text, (0, 0.2)))
    return {"plans": [_plan(dialect, *plan) for plan in plans]}


def vehicle_types(dialect: Dialect, city: City) -> Data:
    """Return the data of ``vehicle_types``."""
    classic, electric = VEHICLE_TYPES
    bike = {
        "form_factor": "bicycle",
        "rider_capacity": 1,
        "return_constraint": "any_station",
        "default_pricing_plan_id": BIKE_PLAN,
    }
    scooter = {
        "form_factor": "scooter_standing",
        "rider_capacity": 1,
        "return_constraint": "free_floating",
        "default_pricing_plan_id": SCOOTER_PLAN,
    }
    types = [
        _type(dialect, classic, "Classic bike", "human", None, bike),
        _type(dialect, electric, "Electric bike", "electric_assist", BIKE_RANGE_M, bike),
    ]
    if city.scooters:
        range_m = round(1_000 * RANGE_KM)
        types.append(_type(dialect, SCOOTER_TYPE, "Scooter", "electric", range_m, scooter))
    return {"vehicle_types": types}


def geofencing_zones(dialect: Dialect, city: City) -> Data:
    """Return the data of ``geofencing_zones``: where parking is forbidden, where riding ends.

    Where zones overlap the earlier one counts.
    """
    area = city.area
    zones = {
        "geofencing_zones": {
            "type": "FeatureCollection",
            "features": [
                _zone(dialect, area.no_parking, parking=False, riding=True, since=city.started_on),
                _zone(dialect, area.service, parking=True, riding=True, since=city.started_on),
            ],
        }
    }
    if dialect.is_3:
        return zones | {"global_rules": [_rule(dialect, parking=False, riding=False)]}
    return zones


def _plan(
    dialect: Dialect, plan_id: str, name: str, price: float, text: str, minutes: tuple[int, float]
) -> Data:
    start, rate = minutes
    per_minute = {"per_min_pricing": [{"start": start, "rate": rate, "interval": 1}]}
    return {
        "plan_id": plan_id,
        "name": dialect.text(name),
        "currency": "EUR",
        "price": price,
        "is_taxable": dialect.flag(False),
        "description": dialect.text(text),
        **(per_minute if dialect.has_types else {}),
    }


def _type(
    dialect: Dialect, type_id: str, name: str, propulsion: str, range_m: int | None, rest: Data
) -> Data:
    return {
        "vehicle_type_id": type_id,
        "name": dialect.text(name),
        "propulsion_type": propulsion,
        **({} if range_m is None else {"max_range_meters": range_m}),
        **rest,
    }


def _zone(dialect: Dialect, zone: Zone, *, parking: bool, riding: bool, since: date) -> Data:
    return {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": [[zone.ring()]]},
        "properties": {
            "name": dialect.text(zone.name),
            "start": dialect.time(midnight(since)),
            "rules": [_rule(dialect, parking=parking, riding=riding)],
        },
    }


def _rule(dialect: Dialect, *, parking: bool, riding: bool) -> Data:
    if dialect.is_3:
        start_and_end = {"ride_start_allowed": parking, "ride_end_allowed": parking}
        return {
            "vehicle_type_ids": [SCOOTER_TYPE],
            **start_and_end,
            "ride_through_allowed": riding,
        }
    return {
        "vehicle_type_id": [SCOOTER_TYPE],
        "ride_allowed": parking,
        "ride_through_allowed": riding,
    }
