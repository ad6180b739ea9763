"""The worldwide catalogue of systems as this world has it: a list over HTTP, and its history."""

import csv
import io
import json
from pathlib import Path

from simulator.city import NAME, SYSTEM_ID, City
from simulator.home import replacing
from simulator.moments import DAY_S, midnight

COLUMNS = (
    "Country Code",
    "Name",
    "Location",
    "System ID",
    "URL",
    "Auto-Discovery URL",
    "Supported Versions",
    "Authentication Info URL",
    "Authentication Type",
    "Authentication Parameter Name",
)
HOME_URL = "https://gbfs.aurora.example"
NEIGHBOUR = "port_borealis"
THIRD_VERSION_S, NEIGHBOUR_GONE_S = 2 * DAY_S, 3 * DAY_S

Entry = dict[str, str]


def entries(city: City, at: int, base_url: str = HOME_URL) -> list[Entry]:
    """Return the list as it stands at a second: once the city is said to speak a version more.

    Args:
        base_url: where the city's feeds are.
    """
    age_s = at - midnight(city.started_on)
    versions = ["1.1", "2.3"] + (["3.0"] if age_s >= THIRD_VERSION_S else [])
    listed = [_entry(NAME, SYSTEM_ID, f"{base_url.rstrip('/')}/gbfs.json", versions)]
    if age_s < NEIGHBOUR_GONE_S:
        listed.append(
            _entry("Port Borealis", NEIGHBOUR, "https://gbfs.borealis.example/gbfs.json", ["1.1"])
        )
    return listed


def document(city: City, at: int, base_url: str) -> str:
    """Return the list as a CSV document."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(entries(city, at, base_url))
    return text.getvalue()


def write_history(city: City, home: Path, until: int) -> Path:
    """Write each change of the list before a second as a line; return the file."""
    begin = midnight(city.started_on)
    path = home / "catalogue" / "systems_history.jsonl"
    known: dict[str, Entry] = {}
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as lines:
        for at in (begin, begin + THIRD_VERSION_S, begin + NEIGHBOUR_GONE_S):
            now = (
                {entry["System ID"]: entry for entry in entries(city, at)} if at < until else known
            )
            for system_id in sorted(now.keys() | known.keys()):
                entry = now.get(system_id)
                if entry == known.get(system_id):
                    continue
                change = {
                    "commit_ts": at,
                    "op": "upsert" if entry else "delete",
                    "system_id": system_id,
                    "row": entry or known[system_id],
                }
                lines.write(json.dumps(change) + "\n")
            known = now
    return path


def _entry(name: str, system_id: str, url: str, versions: list[str]) -> Entry:
    known = {
        "Country Code": "US",
        "Name": name,
        "Location": f"{name}, ZZ",
        "System ID": system_id,
        "URL": f"https://{system_id.replace('_', '')}.example",
        "Auto-Discovery URL": url,
        "Supported Versions": " ; ".join(versions),
    }
    return {column: known.get(column, "") for column in COLUMNS}
