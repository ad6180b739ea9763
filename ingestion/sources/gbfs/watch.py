"""GBFS for the polling service: every system on its own, every feed at its own pace.

A system has a task for each feed and a limit of requests at once. Nothing is shared with other
systems that one which hangs, or answers nonsense, could use up.
"""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from ingestion.attempt import NO_VALIDATORS, Attempt, Validators
from ingestion.credentials import Credential
from ingestion.http import Client
from ingestion.privacy import RESTRICTED
from ingestion.schedule import first_due, next_due, phase_of, retry_delay
from ingestion.source import Polling
from ingestion.sources.gbfs.feeds import INDEX, listed_feeds
from ingestion.sources.gbfs.pace import GbfsOptions, pace_s, ttl_of
from ingestion.sources.gbfs.poll import parsed
from ingestion.sources.gbfs.registry import System
from ingestion.sources.gbfs.rows import Rows, rows_of_attempt
from ingestion.sources.gbfs.tables import GBFS_FETCH
from ingestion.tally import Counts
from ingestion.waiting import waited
from mobilake.secrets import Secret

LARGE = 1 << 18
LEAST_S = 0.5
FIRST_WITHIN_S = 60.0


@dataclass
class Equipment:
    """What all systems are polled with.

    Attributes:
        key: of the pseudonyms; another one takes its place when keys are changed.
        large: lets large bodies be taken apart one at a time, in a thread; the others go on.
        began_at: what is added to the steady clock, so that it stands near the time of day.
    """

    polling: Polling
    client: Client
    options: GbfsOptions
    key: Secret
    large: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))
    began_at: float = field(default_factory=lambda: time.time() - time.monotonic())

    def now(self) -> float:
        """Return the time of a steady clock; grids of it are the same after a restart."""
        return self.began_at + time.monotonic()


@dataclass
class _Feed:
    """A feed as it was last seen.

    Attributes:
        validators: of the last good body, with its hash and the UTC day it came on. Each day
            begins with a whole body, so that a day of the archive can be read by itself.
    """

    url: str
    pace_s: float
    validators: Validators = NO_VALIDATORS
    sha256: str | None = None
    day: date | None = None


class SystemWatch:
    """One system, polled until it is told to stop."""

    def __init__(self, system: System, credential: Credential | None, with_: Equipment) -> None:
        self.system = system
        self.credential = credential
        self._with = with_
        self._stop = anyio.Event()
        self._limiter = anyio.CapacityLimiter(with_.polling.context.settings.http.concurrency)
        self._large = anyio.CapacityLimiter(1)
        self._phase = phase_of(system.system_id)
        self._feeds: dict[str, _Feed] = {}
        self._client = with_.client

    def stop(self) -> None:
        """Make no further poll; `run` returns when what is under way has ended."""
        self._stop.set()

    async def run(self) -> None:
        """Poll the index, and each feed that it lists."""
        self._client = self._with.client.sibling()
        index = _Feed(str(self.system.url), self._usual_s)
        self._feeds = {INDEX: index}
        due = first_due(self._with.now(), min(self._usual_s, FIRST_WITHIN_S), self._phase)
        async with self._client, anyio.create_task_group() as group:
            group.start_soon(self._keep, INDEX, index, due, group)

    async def _keep(self, name: str, feed: _Feed, due: float, group: TaskGroup) -> None:
        """Poll a feed whenever it is due, for as long as the index lists it."""
        while await self._until(due) and self._feeds.get(name) is feed:
            if self._with.polling.landing.has_room:
                listed = await self._poll(name, feed, due + feed.pace_s)
                self._follow(listed, group)
            due = next_due(due, self._with.now(), feed.pace_s, self._phase)

    def _follow(self, listed: dict[str, str], group: TaskGroup) -> None:
        """Follow an index: feeds that are new or have moved begin at once, those gone end.

        One that lists nothing is no reason to stop: it is at fault.
        """
        if not listed:
            return
        for name in self._feeds.keys() - {INDEX}:
            if listed.get(name) != self._feeds[name].url:
                del self._feeds[name]
        for name in listed.keys() - self._feeds.keys():
            self._feeds[name] = feed = _Feed(listed[name], self._pace(name))
            group.start_soon(self._keep, name, feed, self._with.now(), group)

    async def _poll(self, name: str, feed: _Feed, until: float) -> dict[str, str]:
        """Ask once, and again after an error that may pass, as long as the next poll is not due.

        Returns the feeds that the index lists, if this was it.
        """
        listed: dict[str, str] = {}
        for tried in range(1, self._with.polling.context.settings.poll.attempts + 1):
            async with self._limiter:
                left_s = until - self._with.now()
                if self._stop.is_set() or (tried > 1 and left_s < LEAST_S):
                    break
                with ExitStack() as held:
                    attempt = await self._ask(feed, left_s if tried > 1 else None, held)
                    listed = await self._take(name, feed, attempt)
            delay = retry_delay(tried, attempt.retry_after_s, random.random())
            again = self._with.now() + delay
            if not attempt.is_transient or again + LEAST_S > until or not await self._until(again):
                break
        return listed

    async def _ask(self, feed: _Feed, within_s: float | None, held: ExitStack) -> Attempt:
        today = self._with.polling.context.clock().date()
        validators = feed.validators if feed.day == today else NO_VALIDATORS
        return await self._client.get(feed.url, validators, self.credential, within_s, held)

    async def _take(self, name: str, feed: _Feed, attempt: Attempt) -> dict[str, str]:
        """Land an attempt and learn from it."""
        if attempt.body is not None and len(attempt.body) > LARGE:
            async with self._large:
                rows, listed = await anyio.to_thread.run_sync(
                    self._made, name, feed, attempt, limiter=self._with.large
                )
        else:
            rows, listed = self._made(name, feed, attempt)
        polling = self._with.polling
        polling.landing.add(GBFS_FETCH, rows.fetched)
        if rows.sealed:
            polling.landing.add(RESTRICTED, rows.sealed)
        polling.tally.add(
            Counts(1, rows.error is not None, attempt.is_not_modified, len(attempt.body or b""))
        )
        return listed

    def _made(self, name: str, feed: _Feed, attempt: Attempt) -> tuple[Rows, dict[str, str]]:
        document = parsed(attempt.body) if attempt.error is None else None
        listed = {}
        if name == INDEX:
            listed = listed_feeds(document, self.system.language, feed.url)
        if isinstance(document, dict) and (listed or name != INDEX):
            feed.pace_s = self._pace(name, ttl_of(document))
        rows = rows_of_attempt(
            self.system,
            name,
            attempt,
            feed.pace_s,
            self._with.key,
            self.credential,
            feed.sha256,
        )
        if attempt.body is not None and rows.error is None:
            feed.validators = attempt.validators if isinstance(document, dict) else NO_VALIDATORS
            feed.sha256 = str(rows.fetched["sha256"])
            feed.day = attempt.fetched_at.date()
        return rows, listed

    def _pace(self, feed: str, ttl_s: float = 0.0) -> float:
        polling = self._with.polling
        return pace_s(self.system, feed, self._with.options, ttl_s, polling.every_s)

    @property
    def _usual_s(self) -> float:
        """The pace of the index while no feed is known: that of real-time feeds."""
        return self._with.polling.every_s or float(self.system.poll_interval_s)

    async def _until(self, due: float) -> bool:
        return await waited(self._stop, due - self._with.now())
