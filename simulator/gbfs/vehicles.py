"""The documents about scooters: ``free_bike_status``, called ``vehicle_status`` since 3.0."""

from simulator.city import SCOOTER_TYPE, City
from simulator.gbfs.dialect import Data, Dialect, to_json
from simulator.gbfs.offer import SCOOTER_PLAN
from simulator.gbfs.stations import hubs_of
from simulator.geography import latitude, longitude
from simulator.log import ScooterState
from simulator.scooters import RANGE_KM
from simulator.states import ScooterStates


class VehicleStatus:
    """The data of the feed of vehicles at any moment.

    It keeps the text of each scooter for as long as its state and ``last_reported`` stay the
    same. Scooters are listed by public id: their order tells nothing about which is which.
    """

    def __init__(self, dialect: Dialect, city: City) -> None:
        """Start with nothing kept."""
        self._dialect = dialect
        self._hub_ids = [hub.station_id for hub in hubs_of(dialect, city)]
        self._states = ScooterStates(city)
        self._kept: dict[str, tuple[ScooterState, int, str]] = {}

    def data(self, at: int) -> str:
        """Return the data as of second ``at``."""
        self._states.move_to(at)
        kept, self._kept = self._kept, {}
        for scooter, state in enumerate(self._states.states):
            if state.is_ridden:
                continue
            reported_at = self._states.reported_at(scooter)
            before = kept.get(state.vehicle_id)
            if before is None or before[0] is not state or before[1] != reported_at:
                before = (state, reported_at, to_json(self._row(state, reported_at)))
            self._kept[state.vehicle_id] = before
        texts = (self._kept[vehicle_id][2] for vehicle_id in sorted(self._kept))
        return f'{{"{self._dialect.items(self._dialect.vehicle_feed)}":[{",".join(texts)}]}}'

    def _row(self, state: ScooterState, reported_at: int) -> Data:
        dialect, place = self._dialect, state.place
        row: Data = {
            dialect.vehicle_id: state.vehicle_id,
            "lat": latitude(place.spot[1]),
            "lon": longitude(place.spot[0]),
            "is_reserved": dialect.flag(state.is_reserved),
            "is_disabled": dialect.flag(state.is_disabled),
        }
        if dialect.has_types:
            row |= {
                "vehicle_type_id": SCOOTER_TYPE,
                "last_reported": dialect.time(reported_at),
                "current_range_meters": round(1_000 * RANGE_KM * state.charge),
                "current_fuel_percent": state.charge,
                "pricing_plan_id": SCOOTER_PLAN,
            }
        if place.hub is not None and self._hub_ids:
            row["station_id"] = self._hub_ids[place.hub]
        return row
