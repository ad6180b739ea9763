"""A file of zones into the lake, whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from ingestion.dead_letters import DEAD_LETTER
from ingestion.importer import Counts, account, name_of
from ingestion.lake import Lake, rows_of
from ingestion.source import Context
from ingestion.sources.zones.features import BadZone, Reading, Zone, features_of, zone_of
from ingestion.sources.zones.tables import ZONE
from mobilake.errors import MobilakeError


def land(context: Context, system_id: str, file: Path, reading: Reading) -> Counts:
    """Land the zones of a file in one commit, in the place of those of its name before.

    A feature that is no zone is a dead letter. What the last import of the name brought is known
    and lands no more.

    Raises:
        MobilakeError: the file cannot be read, or has no zone at all.
    """
    started_at = context.clock()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise MobilakeError(f"{file} cannot be read ({error.strerror}): check the path.") from None
    features = features_of(content, file.name)
    zones, dead = [], []
    for position, feature in enumerate(features, start=1):
        try:
            zones.append((position, zone_of(feature, reading)))
        except BadZone as bad:
            dead.append(_dead_letter(system_id, file.name, position, str(bad), feature))
    scope = f"zones:{system_id}"
    context.lake.open(ZONE)  # the models read it
    if dead:
        context.lake.append_new(DEAD_LETTER, rows_of(DEAD_LETTER, dead), "dead_letter_id", scope)
    if not zones:
        reason = f": {dead[0]['reason']}" if dead else ""
        raise MobilakeError(f"{file.name} has no zone that could be read{reason}.")
    sha256 = name_of(content.hex(), reading.kind or "", reading.name_property)
    is_known = _last_content(context.lake, system_id, file.name) == sha256
    counts = Counts(
        received=len(features),
        accepted=0 if is_known else len(zones),
        known=len(zones) if is_known else 0,
        quarantined=len(dead),
    )
    if not is_known:
        same = {
            "import_id": name_of(system_id, file.name, sha256, started_at.isoformat()),
            "system_id": system_id,
            "file": file.name,
            "content_sha256": sha256,
            "imported_at": started_at,
        }
        context.lake.append(ZONE, rows_of(ZONE, (_row(*zone) | same for zone in zones)))
    account(context.lake, file.name, scope, started_at, counts)
    return counts


def _row(position: int, zone: Zone) -> dict[str, object]:
    return {
        "position": position,
        "kind": zone.kind,
        "name": zone.name,
        "valid_from": zone.valid_from,
        "valid_to": zone.valid_to,
        "polygons": orjson.dumps(zone.polygons).decode(),
    }


def _dead_letter(
    system_id: str, file: str, position: int, reason: str, feature: Any
) -> dict[str, object]:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    try:
        payload = orjson.dumps(geometry).decode()
    except orjson.JSONEncodeError:
        payload = '"nested too deeply to be kept"'
    return {
        "dead_letter_id": name_of("zones", system_id, file, str(position), payload),
        "origin": file,
        "position": str(position),
        "reason": reason,
        "payload": payload,
    }


def _last_content(lake: Lake, system_id: str, file: str) -> str | None:
    imports: Iterable[dict[str, Any]] = lake.read(
        ZONE, ["file", "content_sha256", "imported_at"], f"system_id = '{system_id}'"
    ).to_pylist()
    of_name = [row for row in imports if row["file"] == file]
    last = max(of_name, key=lambda row: row["imported_at"], default=None)
    return last["content_sha256"] if last else None
