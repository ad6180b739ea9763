"""Faults of a feed, planned with the rule that should find each of them."""

import math
import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from simulator.moments import to_datetime, to_seconds

QUIET_START_S, QUIET_END_S = 3_600, 6 * 3_600
GRID_S = 600
"""Planned faults begin on whole ten minutes: any poll interval that divides them sees them."""


class FaultKind(StrEnum):
    """What a feed can do wrong."""

    EMPTY_BODY = "empty_body"
    TRUNCATED_JSON = "truncated_json"
    HTML_BODY = "html_body"
    INTEGER_BOOLEANS = "integer_booleans"
    MISSING_REQUIRED_FIELD = "missing_required_field"
    LAST_UPDATED_REGRESS = "last_updated_regress"
    LAST_UPDATED_FUTURE = "last_updated_future"
    STALE_FEED = "stale_feed"
    HTTP_500 = "http_500"
    HTTP_404 = "http_404"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a kind of fault shows: the rule it breaks and its usual range of minutes."""

    rule: str
    minutes: tuple[int, int]


BODY_FAULTS = {
    FaultKind.EMPTY_BODY: Manner("R3", (1, 4)),
    FaultKind.TRUNCATED_JSON: Manner("R3", (1, 4)),
    FaultKind.HTML_BODY: Manner("R3", (2, 6)),
    FaultKind.INTEGER_BOOLEANS: Manner("R2", (110, 130)),
    FaultKind.MISSING_REQUIRED_FIELD: Manner("R1", (25, 35)),
    FaultKind.LAST_UPDATED_REGRESS: Manner("R4", (1, 1)),
    FaultKind.LAST_UPDATED_FUTURE: Manner("R4", (1, 1)),
    FaultKind.STALE_FEED: Manner("R5", (35, 45)),
}
"""The kinds that a plan contains; the others (no answer at all) are planned one by one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one feed from ``starts_at`` until just before ``ends_at``."""

    fault_id: str
    kind: FaultKind
    expected_rule: str
    feed: str
    starts_at: datetime
    ends_at: datetime

    def choose(self, options: int) -> int:
        """Return which of so many things the fault strikes, always the same one."""
        return zlib.crc32(self.fault_id.encode()) % options


def default_faults(seed: int, since: datetime, until: datetime) -> tuple[Fault, ...]:
    """Plan faults of ``station_status`` for a period, in order of time.

    From a week on there are one or two of each kind, from two days on one of each, in less time
    as many as fit. They never overlap; the first hour and the last six are free of them.
    """
    rng = np.random.default_rng([seed, 1])
    first = math.ceil((to_seconds(since) + QUIET_START_S) / GRID_S)
    room = (to_seconds(until) - QUIET_END_S) // GRID_S - first
    kinds = list(BODY_FAULTS)
    if until - since >= timedelta(days=7):
        kinds += [kind for kind in BODY_FAULTS if rng.random() < 0.5]
    longest = max(manner.minutes[1] * 60 for manner in BODY_FAULTS.values())
    shortest_slot = longest // GRID_S + 2
    kinds = [kinds[place] for place in rng.permutation(len(kinds))]
    kinds = kinds[: max(0, room // shortest_slot)]
    planned = []
    for number, kind in enumerate(kinds):
        minutes = int(rng.integers(*BODY_FAULTS[kind].minutes, endpoint=True))
        opens, closes = (first + room * edge // len(kinds) for edge in (number, number + 1))
        latest = closes - math.ceil(minutes * 60 / GRID_S) - 1
        starts_at = to_datetime(int(rng.integers(opens, latest, endpoint=True)) * GRID_S)
        planned.append(
            Fault(
                fault_id=f"fault-{number + 1:02d}-{kind}",
                kind=kind,
                expected_rule=BODY_FAULTS[kind].rule,
                feed="station_status",
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=minutes),
            )
        )
    return tuple(planned)


def distort(fault: Fault, body: str) -> str:
    """Return a body as the fault leaves it; kinds that do not touch the text leave it alone."""
    match fault.kind:
        case FaultKind.EMPTY_BODY:
            return ""
        case FaultKind.TRUNCATED_JSON:
            return body[: len(body) * 2 // 3]
        case FaultKind.HTML_BODY:
            return "<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>"
        case FaultKind.INTEGER_BOOLEANS:
            return body.replace(":true", ":1").replace(":false", ":0")
        case FaultKind.MISSING_REQUIRED_FIELD:
            return _without_one(fault, r'"num_bikes_available":\d+,', body)
        case _:
            return body


def _without_one(fault: Fault, field: str, body: str) -> str:
    """Cut one of the places that match, the same for as long as the fault lasts."""
    places = list(re.finditer(field, body))
    if not places:
        return body
    place = places[fault.choose(len(places))]
    return body[: place.start()] + body[place.end() :]
