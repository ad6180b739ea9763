"""All documents of one version: what each feed says at a moment when nothing goes wrong."""

from simulator.city import City
from simulator.gbfs import offer, system
from simulator.gbfs.dialect import STATUS, ZONES, Data, Dialect, to_json
from simulator.gbfs.stations import StationStatus, station_information
from simulator.gbfs.vehicles import VehicleStatus


def feeds_of(dialect: Dialect, city: City) -> tuple[str, ...]:
    """Return the feeds that a city lists in its index; without scooters it has no use for some."""
    return tuple(
        feed for feed in dialect.feeds if city.scooters or feed not in (dialect.vehicle_feed, ZONES)
    )


class Documents:
    """The documents of a city in one version."""

    def __init__(self, dialect: Dialect, city: City) -> None:
        """Start at the beginning of the city."""
        self._dialect, self._city = dialect, city
        self._feeds = feeds_of(dialect, city)
        self._station_status = StationStatus(dialect, city)
        self._vehicle_status = VehicleStatus(dialect, city)

    def data(self, feed: str, at: int, base_url: str = "") -> str:
        """Return the JSON text of a feed's data as of second ``at``.

        Raises:
            KeyError: there is no such feed.
        """
        if feed == STATUS:
            return self._station_status.data(at)
        if feed == self._dialect.vehicle_feed:
            return self._vehicle_status.data(at)
        return to_json(self._rare(feed, at, base_url))

    def _rare(self, feed: str, at: int, base_url: str) -> Data:
        dialect, city = self._dialect, self._city
        match feed:
            case "gbfs":
                return system.discovery(dialect, self._feeds, base_url)
            case "gbfs_versions":
                return system.gbfs_versions(base_url)
            case "system_information":
                return system.system_information(dialect, city)
            case "system_regions":
                return system.system_regions(dialect)
            case "system_hours":
                return system.system_hours()
            case "system_calendar":
                return system.system_calendar()
            case "system_alerts":
                return system.system_alerts(dialect, at)
            case "system_pricing_plans":
                return offer.system_pricing_plans(dialect, city)
            case "vehicle_types":
                return offer.vehicle_types(dialect, city)
            case "geofencing_zones":
                return offer.geofencing_zones(dialect, city)
            case "station_information":
                return station_information(dialect, city)
        raise KeyError(feed)
