"""Faults of a whole document: how it is dated, what its text is, whether it comes at all."""

from simulator.faults.kinds import Fault, FaultKind
from simulator.gbfs.dialect import DIALECTS, TTL_S, Dialect
from simulator.moments import to_seconds

REGRESS_S, FUTURE_S = 15 * 60, 2 * 3_600
MISLABELLED_S = 2 * 3_600
SWITCHED_TO = "3.0"
STATUS_OF = {FaultKind.HTTP_500: 500, FaultKind.HTTP_404: 404}


def published_first(fault: Fault) -> int:
    """Return the second of the first document that was published under a fault."""
    starts_at = to_seconds(fault.starts_at)
    return starts_at - starts_at % TTL_S


def content_at(fault: Fault, published_at: int) -> int:
    """Return the second whose state a document shows."""
    if fault.kind in (FaultKind.STALE_FEED, FaultKind.FROZEN_FEED):
        return published_first(fault)
    return published_at


def last_updated(fault: Fault, published_at: int) -> int:
    """Return the second at which a document says that it was updated."""
    match fault.kind:
        case FaultKind.STALE_FEED:
            return published_first(fault)
        case FaultKind.LAST_UPDATED_REGRESS:
            return published_at - TTL_S - REGRESS_S
        case FaultKind.LAST_UPDATED_FUTURE:
            return published_at + FUTURE_S
    return published_at


def written_in(fault: Fault, dialect: Dialect) -> Dialect:
    """Return the version whose shape a document has."""
    return DIALECTS[SWITCHED_TO] if fault.kind is FaultKind.VERSION_SWITCH else dialect


def declared_as(fault: Fault, version: str, published_at: int) -> str:
    """Return the version that a document claims: for a while after a switch still the old one."""
    switched = published_at - published_first(fault) >= MISLABELLED_S
    return SWITCHED_TO if fault.kind is FaultKind.VERSION_SWITCH and switched else version


def text_of(fault: Fault, body: str) -> str:
    """Return a body as a fault leaves it; kinds that do not touch the text leave it alone."""
    match fault.kind:
        case FaultKind.EMPTY_BODY:
            return ""
        case FaultKind.TRUNCATED_JSON:
            return body[: len(body) * 2 // 3]
        case FaultKind.HTML_BODY:
            return "<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>"
        case FaultKind.INTEGER_BOOLEANS:
            return body.replace(":true", ":1").replace(":false", ":0")
        case FaultKind.HTTP_500 | FaultKind.HTTP_404:
            return f'{{"error":{STATUS_OF[fault.kind]}}}'
    return body
