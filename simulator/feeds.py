"""The feeds as a client gets them, faults and all: one way for HTTP and for history files."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import orjson

from simulator.city import City
from simulator.faults import Fault, FaultKind, bodies, information, status, vehicles
from simulator.faults.case import Case, Rows
from simulator.faults.struck import Struck, struck
from simulator.gbfs import DIALECTS, TTL_S, VERSION, Dialect, Documents, feeds_of
from simulator.gbfs.dialect import INDEX, INFORMATION, STATUS
from simulator.moments import to_seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets.

    ``never`` means that it does not come within anybody's patience, ``refused`` that nobody is
    there to give it.
    """

    status: int
    body: str
    media_type: str
    published_at: int
    never: bool = False
    refused: bool = False

    @property
    def comes(self) -> bool:
        """Tell whether the client gets anything at all."""
        return not (self.never or self.refused)


class Feeds:
    """All feeds of a city in one version. They are published anew every ``ttl`` seconds."""

    def __init__(self, city: City, faults: Iterable[Fault] = (), version: str = VERSION) -> None:
        """Serve a city, with the given faults.

        Raises:
            KeyError: the simulator does not speak that version.
        """
        self._city, self._dialect = city, DIALECTS[version]
        self.names = feeds_of(self._dialect, city)
        self._faults = [
            (
                to_seconds(fault.starts_at),
                math.inf if fault.lasts else to_seconds(fault.ends_at),
                fault,
            )
            for fault in faults
        ]
        self._documents: dict[tuple[str, bool], Documents] = {}
        self._struck: dict[str, Struck] = {}
        self._rows_then: dict[tuple[str, str], Rows] = {}

    def answer(self, feed: str, at: int, base_url: str = "") -> Answer | None:
        """Return the answer to a request at second ``at``, ``None`` for an unknown feed.

        ``base_url`` is the server's own address, for the documents that lead to others.
        """
        if feed != INDEX and feed not in self.names:
            return None
        faults = self._in_force(feed, at)
        published_at = content_at = last_updated = at - at % TTL_S
        dialect, declared = self._dialect, self._dialect.version
        for fault in faults:
            content_at = bodies.content_at(fault, content_at)
            last_updated = bodies.last_updated(fault, last_updated)
            dialect = bodies.written_in(fault, dialect)
            declared = bodies.declared_as(fault, declared, published_at)
        data = self._document(dialect).data(feed, content_at, base_url)
        body = dialect.document(last_updated, data, declared)
        for fault in faults:
            body = self._with_rows_changed(body, feed, fault, content_at, dialect)
            body = bodies.text_of(fault, body)
        kinds = {fault.kind for fault in faults}
        return Answer(
            status=next((bodies.STATUS_OF[kind] for kind in kinds & bodies.STATUS_OF.keys()), 200),
            body=body,
            media_type="text/html" if FaultKind.HTML_BODY in kinds else "application/json",
            published_at=content_at if FaultKind.STALE_FEED in kinds else published_at,
            never=FaultKind.TIMEOUT in kinds,
            refused=FaultKind.GAP in kinds,
        )

    def is_down(self, at: int) -> bool:
        """Tell whether nobody answers at second ``at``, whatever is asked."""
        return any(fault.kind is FaultKind.GAP for fault in self._in_force(INDEX, at))

    def _in_force(self, feed: str, at: int) -> list[Fault]:
        return [
            fault
            for starts_at, ends_at, fault in self._faults
            if starts_at <= at < ends_at and fault.touches(feed)
        ]

    def _document(self, dialect: Dialect, *, past: bool = False) -> Documents:
        """Return the documents in a version; a second set, for looking back, keeps its own pace."""
        key = (dialect.version, past)
        if key not in self._documents:
            self._documents[key] = Documents(dialect, self._city)
        return self._documents[key]

    def _with_rows_changed(
        self, body: str, feed: str, fault: Fault, at: int, dialect: Dialect
    ) -> str:
        """Return a body with stations or vehicles as a fault shows them."""
        rows = dialect.items(feed)
        changes = {INFORMATION: information.CHANGES, STATUS: status.CHANGES}
        change = changes.get(feed, vehicles.CHANGES).get(fault.kind)
        if rows is None or change is None:
            return body
        case = Case(
            fault=fault,
            at=at,
            since=bodies.published_first(fault),
            struck=self._struck_by(fault),
            city=self._city,
            dialect=dialect,
            rows_then=partial(self._rows_at_start, fault, feed, dialect),
        )
        document = orjson.loads(body)
        document["data"][rows] = change(document["data"][rows], case)
        return orjson.dumps(document).decode()

    def _struck_by(self, fault: Fault) -> Struck:
        if fault.fault_id not in self._struck:
            self._struck[fault.fault_id] = struck(fault, self._city)
        return self._struck[fault.fault_id]

    def _rows_at_start(self, fault: Fault, feed: str, dialect: Dialect) -> Rows:
        key = (fault.fault_id, dialect.version)
        if key not in self._rows_then:
            past = self._document(dialect, past=True)
            data = orjson.loads(past.data(feed, bodies.published_first(fault)))
            self._rows_then[key] = data[str(dialect.items(feed))]
        return self._rows_then[key]
