"""Notices: each begin and end is told at least once, under one key, whatever fails between."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ingestion.lake import Lake
from ingestion.source import Context
from mobilake.errors import MobilakeError, TransientError
from mobilake.secrets import Secret
from mobilake.settings import Notices as Choices
from mobilake.settings import Settings
from serving.channels import Webhook
from serving.notices import NOTICE, Notices, notices_of

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
BEFORE, AFTER = "2026-01-05T11:00:00Z", "2026-01-05T12:30:00Z"
CHOICES = Choices(mart="fct_anomaly", id="anomaly_id", ended_at="ended_at")


def row(name: str, ended_at: str | None = None) -> dict[str, Any]:
    return {"anomaly_id": name, "ended_at": ended_at, "evidence": f"of {name}"}


class Receiver:
    """A channel that takes what it is told to take."""

    name = "receiver"

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.refusals = 0

    def send(self, key: str, content: Mapping[str, Any]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise TransientError("not now")
        self.taken.append(key)

    def close(self) -> None:
        """Nothing to leave."""


@pytest.fixture
def told(context: Context) -> Context:
    return Context(
        context.settings.model_copy(update={"notices": CHOICES}), context.lake, lambda: NOW
    )


def test_what_goes_on_and_what_ends_is_told_once(told: Context) -> None:
    receiver, rows = Receiver(), [row("a"), row("old", BEFORE)]
    notices = Notices(told, [receiver], lambda: rows)
    assert notices.send_due() == 1
    assert notices.send_due() == 0
    rows[:] = [row("a", AFTER), row("old", BEFORE), row("short", AFTER)]
    assert notices.send_due() == 3
    assert receiver.taken == ["a:opened", "a:closed", "short:opened", "short:closed"]
    again = Notices(told, [receiver], lambda: rows)
    assert again.send_due() == 0


def test_what_is_not_there_any_more_is_over(told: Context) -> None:
    receiver, rows = Receiver(), [row("a")]
    notices = Notices(told, [receiver], lambda: rows)
    notices.send_due()
    rows.clear()
    notices.send_due()
    notices.send_due()
    assert receiver.taken == ["a:opened", "a:closed"]


def test_a_channel_that_takes_nothing_does_not_keep_the_others_waiting(told: Context) -> None:
    silent, other = Receiver(), Receiver()
    silent.name, silent.refusals = "silent", 1
    notices = Notices(told, [silent, other], lambda: [row("a")])
    with pytest.raises(TransientError, match="silent: not now"):
        notices.send_due()
    assert (silent.taken, other.taken) == ([], ["a:opened"])
    assert notices.send_due() == 1
    assert (silent.taken, other.taken) == (["a:opened"], ["a:opened"])


class Killed(BaseException):
    """What ends a process between two of its steps."""


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["goes on", "ends", "is gone"]),
        st.sampled_from(["", "refused", "killed before", "killed after"]),
    ),
    max_size=8,
)


@examples(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_each_change_is_told_whatever_fails(steps: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_construct(notices=CHOICES, home=Path(folder))
        moment = [NOW]
        lake = Lake(f"{folder}/lake", lambda: moment[0])
        context = Context(settings, lake, lambda: moment[0])
        receiver, rows = Receiver(), dict[str, dict[str, Any]]()
        notices = Notices(context, [receiver], lambda: list(rows.values()))
        notices.send_due()
        expected = set[str]()
        for name, what, failure in steps:
            moment[0] += timedelta(minutes=1)
            there = rows.get(name)
            if what == "goes on" and there is None and f"{name}:opened" not in expected:
                rows[name] = row(name)
            elif what == "ends" and there is not None and there["ended_at"] is None:
                rows[name] = row(name, moment[0].strftime("%Y-%m-%dT%H:%M:%SZ"))
            elif what == "is gone" and there is not None:
                del rows[name]
            expected |= {f"{one}:opened" for one in rows}
            expected |= {f"{one}:closed" for one, it in rows.items() if it["ended_at"]}
            expected |= {
                f"{key.removesuffix(':opened')}:closed"
                for key in set(receiver.taken)
                if key.endswith(":opened") and key.removesuffix(":opened") not in rows
            }
            receiver.refusals = failure == "refused"
            try:
                with pytest.MonkeyPatch.context() as patch:
                    if failure.startswith("killed"):
                        patch.setattr(Notices, "_write_down", _killed)
                    notices.send_due()
            except TransientError:
                pass
            except Killed:
                notices = Notices(context, [receiver], lambda: list(rows.values()))
            notices.send_due()
        assert set(receiver.taken) == expected
        first = {key: receiver.taken.index(key) for key in expected}
        for key in expected:
            if key.endswith(":closed"):
                assert first[key.replace(":closed", ":opened")] < first[key]


def _killed(*_: object) -> int:
    raise Killed


@pytest.fixture
def desk() -> Iterator[tuple[str, list[tuple[str, Any]], list[int]]]:
    """A webhook: its address, what it was told, and what it answers next."""
    told: list[tuple[str, Any]] = []
    answers: list[int] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append((self.headers["Idempotency-Key"], content))
            self.send_response(answers.pop() if answers else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/x", told, answers
    server.shutdown()
    server.server_close()


def test_a_webhook_is_told_with_a_key_and_again_if_it_fails(
    told: Context, desk: tuple[str, list[tuple[str, Any]], list[int]]
) -> None:
    address, heard, answers = desk
    answers.append(500)
    notices = Notices(told, [Webhook("desk", Secret(address))], lambda: [row("a")])
    with pytest.raises(TransientError, match="webhook desk: it answers 500"):
        notices.send_due()
    assert notices.send_due() == 1
    content = {"notice_id": "a:opened", "change": "opened", "row": row("a")}
    assert heard == [("a:opened", content), ("a:opened", content)]


def test_a_webhook_that_is_not_there_is_said_without_its_address(told: Context) -> None:
    notices = Notices(told, [Webhook("desk", Secret("http://127.0.0.1:9/k3y"))], lambda: [row("a")])
    with pytest.raises(TransientError) as raised:
        notices.send_due()
    assert "webhook desk: it cannot be reached" in str(raised.value)
    assert "k3y" not in str(raised.value)


def test_whom_to_tell_of_what_has_to_be_named(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert notices_of(context, lambda mart: []) is None
    monkeypatch.setenv("MOBILAKE_SECRET_DESK", "http://127.0.0.1:9/a-long-address")
    chosen = Choices(webhooks={"desk": "desk"})
    incomplete = Context(
        context.settings.model_copy(update={"notices": chosen}), context.lake, context.clock
    )
    with pytest.raises(MobilakeError, match="not of what"):
        notices_of(incomplete, lambda mart: [])


def test_what_was_sent_is_no_copy_of_what_was_told() -> None:
    assert "evidence" not in NOTICE.columns.names
