"""The kinds of faults: the rule that should find each, how long it lasts, what it touches."""

import zlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from simulator.gbfs.dialect import DIALECTS, FREE_BIKES, INDEX, INFORMATION, STATUS, VEHICLES


class FaultKind(StrEnum):
    """What a feed can do wrong."""

    EMPTY_BODY = "empty_body"
    TRUNCATED_JSON = "truncated_json"
    HTML_BODY = "html_body"
    HTTP_500 = "http_500"
    HTTP_404 = "http_404"
    GAP = "gap"
    TIMEOUT = "timeout"
    STALE_FEED = "stale_feed"
    FROZEN_FEED = "frozen_feed"
    LAST_UPDATED_REGRESS = "last_updated_regress"
    LAST_UPDATED_FUTURE = "last_updated_future"
    INTEGER_BOOLEANS = "integer_booleans"
    VERSION_SWITCH = "version_switch"
    MISSING_REQUIRED_FIELD = "missing_required_field"

    DUPLICATE_STATION = "duplicate_station"
    ZERO_COORDINATES = "zero_coordinates"
    SAME_ID_MOVE = "same_id_move"
    ZERO_CAPACITY = "zero_capacity"
    STATION_FLAP = "station_flap"
    ID_FORMAT_CHANGE = "id_format_change"
    RENAME_AND_BACK = "rename_and_back"
    CAPACITY_OSCILLATION = "capacity_oscillation"

    ORPHAN_STATUS = "orphan_status"
    MISSING_STATUS = "missing_status"
    NEGATIVE_COUNT = "negative_count"
    GHOST_BIKES = "ghost_bikes"
    EBIKES_OVER_BIKES = "ebikes_over_bikes"
    TYPES_SUM_MISMATCH = "types_sum_mismatch"
    STALE_LAST_REPORTED = "stale_last_reported"
    ABSURD_LAST_REPORTED = "absurd_last_reported"
    FLAG_LATTICE = "flag_lattice"
    FROZEN_STATION = "frozen_station"
    FULL_AND_EMPTY = "full_and_empty"

    ID_NOT_ROTATED = "id_not_rotated"
    DISABLED_COUNTED = "disabled_counted"
    GEOFENCE_BREACH = "geofence_breach"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a kind of fault shows.

    Attributes:
        rule: the rule that should find it.
        minutes: its usual range of minutes; ``None`` lasts to the end of the plan and beyond.
        feed: the feed that it is planned for.
        also: feeds that it touches besides.
        beside: feeds that have to be right meanwhile, or it could not be told.
        hour: the UTC hour at which it starts, if that matters.
        first_day: how many days of history must lie before it.
    """

    rule: str
    minutes: tuple[int, int] | None
    feed: str = STATUS
    also: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    hour: int | None = None
    first_day: int = 0


EVERY_FEED = (INDEX, *sorted({feed for dialect in DIALECTS.values() for feed in dialect.feeds}))
SHORT = (30, 45)

MANNERS = {
    FaultKind.EMPTY_BODY: Manner("R3", (1, 4)),
    FaultKind.TRUNCATED_JSON: Manner("R3", (1, 4)),
    FaultKind.HTML_BODY: Manner("R3", (2, 6)),
    FaultKind.HTTP_500: Manner("R6", (20, 40)),
    FaultKind.HTTP_404: Manner("R8", (20, 40)),
    FaultKind.GAP: Manner("R6", (156, 156), also=EVERY_FEED),
    FaultKind.TIMEOUT: Manner("R6", (10, 20)),
    FaultKind.STALE_FEED: Manner("R5", (35, 45)),
    FaultKind.FROZEN_FEED: Manner("R7", (60, 90)),
    FaultKind.LAST_UPDATED_REGRESS: Manner("R4", (1, 1)),
    FaultKind.LAST_UPDATED_FUTURE: Manner("R4", (1, 1)),
    FaultKind.INTEGER_BOOLEANS: Manner("R2", (110, 130)),
    FaultKind.VERSION_SWITCH: Manner("R2", None, also=(INFORMATION,), hour=12),
    FaultKind.MISSING_REQUIRED_FIELD: Manner("R1", (25, 35)),
    FaultKind.DUPLICATE_STATION: Manner("R9", (185, 220), INFORMATION, also=(STATUS,)),
    FaultKind.ZERO_COORDINATES: Manner("R10", (185, 220), INFORMATION),
    FaultKind.SAME_ID_MOVE: Manner("R11", None, INFORMATION),
    FaultKind.ZERO_CAPACITY: Manner("R12", (185, 220), INFORMATION),
    FaultKind.STATION_FLAP: Manner("R13", (120, 130), INFORMATION),
    FaultKind.ID_FORMAT_CHANGE: Manner("R14", (180, 200), INFORMATION, also=(STATUS,)),
    FaultKind.RENAME_AND_BACK: Manner("flap", (120, 180), INFORMATION),
    FaultKind.CAPACITY_OSCILLATION: Manner("flap", (480, 480), INFORMATION),
    FaultKind.ORPHAN_STATUS: Manner("R15", SHORT),
    FaultKind.MISSING_STATUS: Manner("R16", SHORT, beside=(INFORMATION,)),
    FaultKind.NEGATIVE_COUNT: Manner("R17", SHORT),
    FaultKind.GHOST_BIKES: Manner("R18", (60, 90), beside=(INFORMATION,)),
    FaultKind.EBIKES_OVER_BIKES: Manner("R19", SHORT),
    FaultKind.TYPES_SUM_MISMATCH: Manner("R20", SHORT),
    FaultKind.STALE_LAST_REPORTED: Manner("R21", (180, 200)),
    FaultKind.ABSURD_LAST_REPORTED: Manner("R22", SHORT),
    FaultKind.FLAG_LATTICE: Manner("R23", SHORT),
    FaultKind.FROZEN_STATION: Manner("R24", (2_160, 2_160), first_day=8),
    FaultKind.FULL_AND_EMPTY: Manner("R25", SHORT),
    FaultKind.ID_NOT_ROTATED: Manner("R26", (780, 780), FREE_BIKES, hour=6),
    FaultKind.DISABLED_COUNTED: Manner("R27", (60, 90)),
    FaultKind.GEOFENCE_BREACH: Manner("R28", (60, 90), FREE_BIKES),
}
"""Faults of vehicles are planned for ``free_bike_status``, whatever a version calls that feed."""

OF_SCOOTERS = {FaultKind.ID_NOT_ROTATED, FaultKind.DISABLED_COUNTED, FaultKind.GEOFENCE_BREACH}
"""The kinds that strike only a city with scooters."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one feed from ``starts_at`` until just before ``ends_at``.

    One that lasts ends with its plan on paper only: the feed stays as it is.
    """

    fault_id: str
    kind: FaultKind
    expected_rule: str
    feed: str
    starts_at: datetime
    ends_at: datetime

    @property
    def feeds(self) -> tuple[str, ...]:
        """Return all feeds that it touches, the one it is planned for first."""
        also = MANNERS[self.kind].also
        return (self.feed, *(feed for feed in also if feed != self.feed))

    @property
    def lasts(self) -> bool:
        """Tell whether it never ends."""
        return MANNERS[self.kind].minutes is None

    def touches(self, feed: str) -> bool:
        """Tell whether a feed is among its feeds, under any of the feed's names."""
        return (FREE_BIKES if feed == VEHICLES else feed) in self.feeds

    def choose(self, options: int) -> int:
        """Return which of so many things the fault strikes, always the same one."""
        return zlib.crc32(self.fault_id.encode()) % options
