"""Dead letters are tried again as they were sent, and what is accepted counts once."""

from typing import Any

import pytest

from ingestion.dead_letters import DEAD_LETTER
from ingestion.lake import Lake
from ingestion.privacy import RESTRICTED, pseudonym
from ingestion.source import Context, load_sources
from ingestion.sources.events import event
from ingestion.sources.events.tables import DEVICE_EVENT
from ingestion.stream.lander import Lander
from ingestion.stream.message import Intake, Message, parsed
from ingestion.stream.redrive import REDRIVEN, redrive
from ingestion.stream.service import intake_of
from mobilake.secrets import pseudonym_key
from mobilake.settings import Settings

ROCKET = (
    b'{"event_id": "7", "device_kind": "rocket", "device_id": "PLANTED-7", '
    b'"event_type": "started", "occurred_at": "2026-01-05T11:00:00Z"}'
)
SENT = (ROCKET, b"{", b'{"device_kind": "dock"}')


@pytest.fixture
def context(settings: Settings, lake: Lake, clock: Any) -> Context:
    return Context(settings, lake, clock)


@pytest.fixture
def intake(context: Context) -> Intake:
    """The stream's, after three messages of which none was accepted."""
    intake = intake_of(list(load_sources(context.settings).values()))
    messages = [
        Message("town", "kafka", f"t:0:{number}", context.clock(), *parsed(content))
        for number, content in enumerate(SENT)
    ]
    assert all(Lander(context, intake).land(messages))
    return intake


def rows(lake: Lake, table: Any) -> list[dict[str, Any]]:
    return lake.read(table, table.columns.names).to_pylist()


def test_nothing_changes_while_nothing_was_mended(context: Context, intake: Intake) -> None:
    said = str(redrive(context, intake))
    assert said.startswith("3 dead letters: 0 accepted; 1 still ")
    assert rows(context.lake, DEVICE_EVENT) == rows(context.lake, REDRIVEN) == []


def test_what_is_accepted_by_now_lands_once_as_it_was_sent(
    context: Context, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event, "KINDS", (*event.KINDS, "rocket"))
    assert redrive(context, intake).accepted == 1
    assert redrive(context, intake).accepted == 0
    (row,) = rows(context.lake, DEVICE_EVENT)
    assert (row["source"], row["source_position"]) == ("kafka", "t:0:0")
    assert row["device_id"] == pseudonym("PLANTED-7", pseudonym_key(context.settings.home))
    letters = {row["dead_letter_id"]: row["position"] for row in rows(context.lake, DEAD_LETTER)}
    (again,) = rows(context.lake, REDRIVEN)
    assert letters[again["dead_letter_id"]] == "t:0:0"


def test_a_kill_before_it_is_noted_adds_nothing_twice(
    context: Context, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event, "KINDS", (*event.KINDS, "rocket"))
    with monkeypatch.context() as killed:
        append_new = Lake.append_new

        def stop_before(self: Lake, table: Any, *others: Any) -> int:
            if table is REDRIVEN:
                raise KeyboardInterrupt
            return append_new(self, table, *others)

        killed.setattr(Lake, "append_new", stop_before)
        with pytest.raises(KeyboardInterrupt):
            redrive(context, intake)
    assert len(rows(context.lake, DEVICE_EVENT)) == 1
    redrive(context, intake)
    assert len(rows(context.lake, DEVICE_EVENT)) == len(rows(context.lake, REDRIVEN)) == 1


def test_what_is_no_longer_kept_is_said_to_be_gone(
    context: Context, intake: Intake, clock: Any
) -> None:
    clock.put_on(days=40)
    context.lake.expire(RESTRICTED, 30)
    assert str(redrive(context, intake)) == "3 dead letters: 0 accepted; 3 no longer kept."
