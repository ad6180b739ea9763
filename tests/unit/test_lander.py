"""Messages with marks land once in each table, whatever a crash left behind."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from ingestion.dead_letters import DEAD_LETTER, Rejected
from ingestion.lake import Lake, Overtaken, RawTable
from ingestion.privacy import RESTRICTED, Protected
from ingestion.source import Context
from ingestion.sources.events.tables import DEVICE_EVENT
from ingestion.stream.lander import Lander
from ingestion.stream.message import Intake, Mark, Message
from mobilake.settings import Settings

LOG = "kafka:t:id:0"


@pytest.fixture
def context(settings: Settings, lake: Lake, clock: Any) -> Context:
    return Context(settings, lake, clock)


def intake(rejected: str) -> Intake:
    """Make what rejects some documents and accepts the others."""

    def read(message: Message) -> dict[str, object]:
        name = str(message.document)
        if name in rejected:
            raise Rejected("wrong", Protected(name, f"sealed {name}"))
        return {
            "delivery_id": f"{message.position}-{name}",
            "event_id": name,
            "system_id": "town",
            "device_kind": "dock",
            "device_id": "d",
            "event_type": "heartbeat",
            "occurred_at": message.received_at,
            "source": message.channel,
            "source_position": message.position,
        }

    return Intake(DEVICE_EVENT, lambda _: read)


def messages(context: Context, names: str, since: int = 0) -> list[Message]:
    return [
        Message("town", "kafka", f"t:0:{n}", context.clock(), names[n], mark=Mark(LOG, n))
        for n in range(since, len(names))
    ]


def resumed(context: Context, rejected: str = "") -> tuple[Lander, int]:
    lander = Lander(context, intake(rejected))
    return lander, lander.resume([LOG])[LOG] or 0


def landed(lake: Lake) -> tuple[str, str, int]:
    """Return what was accepted and what is dead, by name, and how much is sealed."""
    accepted = lake.read(DEVICE_EVENT, ["event_id"])["event_id"].to_pylist()
    dead = lake.read(DEAD_LETTER, ["payload"])["payload"].to_pylist()
    sealed = lake.read(RESTRICTED, ["sealed"]).num_rows
    return "".join(sorted(accepted)), "".join(sorted(dead)), sealed


class _Crash(Exception):
    pass


@given(crashes=st.lists(st.tuples(st.integers(1, 8), st.integers(0, 3)), max_size=6))
@trying(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_batches_and_the_crashes_each_lands_once(
    context: Context, crashes: list[tuple[int, int]], tmp_path_factory: Any
) -> None:
    """A crash comes after so many of a batch's commits; the next lander goes on from the lake."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")), context.clock)
    context = Context(context.settings, lake, context.clock)
    names = "abcdefghij"
    for size, commits in crashes:
        lander, since = resumed(context, "bdfh")
        with pytest.MonkeyPatch.context() as patched:
            left, advance = [commits], Lake.advance

            def dying(
                self: Lake, *told: Any, left: list[int] = left, advance: Any = advance, **named: Any
            ) -> int:
                if not left[0]:
                    raise _Crash
                left[0] -= 1
                return int(advance(self, *told, **named))

            patched.setattr(Lake, "advance", dying)
            try:
                lander.land(messages(context, names[: since + size], since))
            except _Crash:
                continue
    lander, since = resumed(context, "bdfh")
    lander.land(messages(context, names, since))
    assert landed(lake) == ("acegij", "bdfh", 4)


def test_a_stricter_version_after_a_crash_loses_nothing(context: Context) -> None:
    lander, _ = resumed(context, "b")
    with pytest.MonkeyPatch.context() as patched:
        advance = Lake.advance

        def but_not_events(self: Lake, table: RawTable, *told: Any, **named: Any) -> int:
            if table is DEVICE_EVENT:
                raise _Crash
            return advance(self, table, *told, **named)

        patched.setattr(Lake, "advance", but_not_events)
        with pytest.raises(_Crash):
            lander.land(messages(context, "abc"))
    lander, since = resumed(context, "ab")
    lander.land(messages(context, "abc", since))
    assert landed(context.lake) == ("c", "ab", 2)


def test_a_second_lander_is_refused_and_changes_nothing(context: Context) -> None:
    first, _ = resumed(context)
    second, _ = resumed(context)
    first.land(messages(context, "ab"))
    with pytest.raises(Overtaken, match="another lander reads it"):
        second.land(messages(context, "abc"))
    assert landed(context.lake)[0] == "ab"


def test_a_commit_whose_end_nobody_knows_is_repeated_without_harm(context: Context) -> None:
    lander, _ = resumed(context)
    with pytest.MonkeyPatch.context() as patched:
        advance = Lake.advance

        def unheard(self: Lake, *told: Any, **named: Any) -> int:
            advance(self, *told, **named)
            raise OSError("the connection was reset")

        patched.setattr(Lake, "advance", unheard)
        with pytest.raises(OSError, match="reset"):
            lander.land(messages(context, "abc"))
    lander.land(messages(context, "abc"))
    lander.land(messages(context, "abcd", 3))
    assert landed(context.lake)[0] == "abcd"


def test_a_position_that_delta_has_forgotten_stops_nobody(context: Context) -> None:
    lander, _ = resumed(context, "bd")
    lander.land(messages(context, "ab"))
    for table in (DEAD_LETTER, RESTRICTED):
        context.lake.open(table).alter.set_table_properties(
            {"delta.setTransactionRetentionDuration": "interval 0 days"}
        )
    lander.land(messages(context, "abcd", 2))
    assert landed(context.lake) == ("ac", "bd", 2)
