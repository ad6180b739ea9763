"""The feeds as a client gets them, faults and all: one way for HTTP and for history files."""

from collections.abc import Iterable
from dataclasses import dataclass

from simulator import gbfs
from simulator.city import City
from simulator.faults import Fault, FaultKind, distort
from simulator.gbfs import TTL_S
from simulator.moments import to_seconds

REGRESS_S, FUTURE_S = 15 * 60, 2 * 3_600
FAULTY_STATUS = {FaultKind.HTTP_500: 500, FaultKind.HTTP_404: 404}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets; ``never`` means that it does not come within anybody's patience."""

    status: int
    body: str
    media_type: str
    published_at: int
    never: bool = False


class Feeds:
    """All feeds of a city. They are published anew every ``ttl`` seconds, on the whole minute."""

    def __init__(self, city: City, faults: Iterable[Fault] = ()) -> None:
        """Serve a city, with the given faults."""
        self._faults = [
            (range(to_seconds(fault.starts_at), to_seconds(fault.ends_at)), fault)
            for fault in faults
        ]
        self._station_status = gbfs.StationStatus(city)
        self._fixed = {
            "system_information": gbfs.system_information(city),
            "vehicle_types": gbfs.vehicle_types(),
            "station_information": gbfs.station_information(city),
        }

    def answer(self, feed: str, at: int, base_url: str = "") -> Answer | None:
        """Return the answer to a request at second ``at``, ``None`` for an unknown feed.

        ``base_url`` is the server's own address, for the discovery document.
        """
        if feed not in ("gbfs", *gbfs.FEEDS):
            return None
        fault = self._fault(feed, at)
        published_at = at - at % TTL_S
        last_updated = content_at = published_at
        match fault and fault.kind:
            case FaultKind.STALE_FEED if fault:
                content_at = to_seconds(fault.starts_at) // TTL_S * TTL_S
                last_updated = content_at
            case FaultKind.LAST_UPDATED_REGRESS:
                last_updated = published_at - TTL_S - REGRESS_S
            case FaultKind.LAST_UPDATED_FUTURE:
                last_updated = published_at + FUTURE_S
        body = gbfs.document(last_updated, self._data(feed, content_at, base_url))
        if fault is None:
            return Answer(200, body, "application/json", published_at)
        status = FAULTY_STATUS.get(fault.kind, 200)
        html = fault.kind is FaultKind.HTML_BODY
        return Answer(
            status=status,
            body=distort(fault, body) if status == 200 else f'{{"error":{status}}}',
            media_type="text/html" if html else "application/json",
            published_at=content_at,
            never=fault.kind is FaultKind.TIMEOUT,
        )

    def _fault(self, feed: str, at: int) -> Fault | None:
        """Return the fault of a feed that is in force at a second, if there is one."""
        return next(
            (fault for time, fault in self._faults if at in time and fault.feed == feed), None
        )

    def _data(self, feed: str, at: int, base_url: str) -> str:
        if feed == "gbfs":
            return gbfs.discovery(base_url)
        if feed == "station_status":
            return self._station_status.data(at)
        return self._fixed[feed]
