"""`make bench`: each measure and its baseline by turns, medians and their ratio."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mobilake.console import say, table

ROUNDS = int(os.environ.get("ROUNDS", "3"))
ROOT = Path(__file__).parents[1]
IMPORT = ["import", "gbfs", "--system", "bench", "--timezone", "UTC", "--feed", "station_status"]


def main() -> None:
    """Measure, print the table, and fail where a ratio is above its limit."""
    with tempfile.TemporaryDirectory() as folder:
        recording = _recording(Path(folder))
        say(f"import of {recording.name}, {ROUNDS} rounds, whole processes")
        bare, ours = [], []
        for number in range(ROUNDS):
            place = Path(folder) / str(number)
            bare.append(_seconds(["-m", "bench.bare_import", str(recording), str(place / "bare")]))
            ours.append(
                _seconds(
                    ["-m", "mobilake", *IMPORT, str(recording)],
                    MOBILAKE_HOME=str(place / "home"),
                )
            )
    ratio = statistics.median(ours) / statistics.median(bare)
    rows = [
        (name, *(f"{value:.1f}" for value in (min(times), statistics.median(times), max(times))))
        for name, times in (("bare script", bare), ("mobilake import", ours))
    ]
    table(("seconds", "least", "median", "most"), rows)
    say(f"ratio {ratio:.2f}, limit 2.00")
    sys.exit(ratio > 2)


def _recording(folder: Path) -> Path:
    """Return Oslo's recording where it is at hand, else a week of the simulated city."""
    real = Path(os.environ.get("MOBILAKE_REAL_DATA", ROOT.parent / "shared" / "data"))
    oslo = real / "oslo" / "station_status.jsonl.zst"
    if oslo.is_file():
        return oslo
    from simulator.history import record
    from simulator.home import open_world

    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = until - timedelta(days=7)
    world = open_world(folder, since=since, until=until, has_faults=False)
    days = [
        file
        for file in record(world.city, folder, since, until)
        if file.name.startswith("station_status")
    ]
    whole = folder / "week.jsonl.zst"
    whole.write_bytes(b"".join(day.read_bytes() for day in days))
    return whole


def _seconds(arguments: list[str], **environment: str) -> float:
    started = time.monotonic()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - started


if __name__ == "__main__":
    main()
