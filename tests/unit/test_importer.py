"""Recorded files: every line is accounted for, whatever the file is like."""

import gzip
import json
import random
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.dead_letters import DEAD_LETTER, Rejected
from ingestion.importer import IMPORT_FILE, Counts, Target, import_file, opened
from ingestion.lake import Lake, RawTable, column
from ingestion.privacy import Protected
from ingestion.source import Context
from mobilake.errors import MobilakeError
from mobilake.settings import Settings

MIDDAY = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def target(thing: RawTable) -> Target:
    return Target(thing, "name", "things")


def read_line(line: bytes, origin: str, position: int) -> Mapping[str, object]:
    """Accept JSON texts as the names of things."""
    try:
        name = json.loads(line)
    except ValueError:
        name = None
    if not isinstance(name, str):
        raise Rejected("no text", Protected(line.decode("latin-1")))
    return {"name": name, "body": f"{origin}:{position}"}


def names(lake: Lake, target: Target) -> list[str]:
    return sorted(column(lake.read(target.table, ["name"]), "name"))


def zstd(content: bytes, window_log: int = 20) -> bytes:
    parameters = zstandard.ZstdCompressionParameters(
        window_log=window_log, enable_ldm=True, write_checksum=True
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(content)


def zstd_stream(content: bytes, window_log: int) -> bytes:
    """A frame that does not say its size, so that its whole window is asked for."""
    parameters = zstandard.ZstdCompressionParameters(window_log=window_log)
    writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return writer.compress(content) + writer.flush()


LINES = b'"a"\n"b"\n\n  \n"c"'
KINDS = {
    "plain": LINES,
    "gzip": gzip.compress(LINES),
    "gzip in two members": gzip.compress(LINES[:6]) + gzip.compress(LINES[6:]),
    "zstd": zstd(LINES),
    "zstd with a long window": zstd_stream(LINES, 31),
    "zstd in three frames": zstd(LINES[:2]) + zstd(b"") + zstd(LINES[2:]),
}


@pytest.mark.parametrize("content", KINDS.values(), ids=KINDS.keys())
def test_a_file_is_told_by_its_first_bytes(
    context: Context, target: Target, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "things.data"
    file.write_bytes(content)
    assert import_file(context, file, target, read_line) == Counts(received=3, accepted=3)
    assert names(context.lake, target) == ["a", "b", "c"]
    assert import_file(context, file, target, read_line) == Counts(received=3, known=3)


@pytest.mark.parametrize(
    "content", [b"", gzip.compress(b""), zstd(b"")], ids=["plain", "gz", "zst"]
)
def test_an_empty_file_holds_nothing(
    context: Context, target: Target, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "empty").write_bytes(content)
    assert import_file(context, tmp_path / "empty", target, read_line) == Counts()


def test_what_is_not_accepted_is_kept_with_reason_and_position(
    context: Context, target: Target, tmp_path: Path
) -> None:
    (tmp_path / "mixed.jsonl").write_bytes(b'"a"\n\nnonsense\n"a"\n"b"\n')
    counts = import_file(context, tmp_path / "mixed.jsonl", target, read_line)
    assert counts == Counts(received=4, accepted=2, known=1, quarantined=1)
    letters = context.lake.read(DEAD_LETTER, ["origin", "position", "reason", "payload"])
    assert letters.to_pylist() == [
        {"origin": "mixed.jsonl", "position": "3", "reason": "no text", "payload": "nonsense\n"}
    ]
    account = context.lake.read(IMPORT_FILE, ["file", "scope", *vars(counts)]).to_pylist()
    assert account == [{"file": "mixed.jsonl", "scope": "things", **vars(counts)}]


@given(
    files=st.lists(
        st.lists(
            st.sampled_from(['"a"', '"b"', '"c"', '"d"', "bad", "worse", "", " "]), max_size=9
        ),
        min_size=1,
        max_size=3,
    ),
    data=st.data(),
)
@settings(max_examples=8, deadline=None)
def test_counts_add_up_and_order_makes_no_difference(
    target: Target, files: list[list[str]], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(files))))
    ends = []
    for turn in (range(len(files)), order):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            lake = Lake(f"{folder}/lake", lambda: MIDDAY)
            context = Context(Settings.model_construct(), lake, lambda: MIDDAY)
            total = Counts()
            for number in turn:
                (folder / str(number)).write_text("\n".join(files[number]))
                total += import_file(context, folder / str(number), target, read_line)
            lines = [line for lines in files for line in lines if line.strip()]
            assert total.received == len(lines)
            assert total.accepted + total.known + total.quarantined == total.received
            assert names(lake, target) == sorted({line[1] for line in lines if line[0] == '"'})
            assert total.accepted == len({line for line in lines if line[0] == '"'})
            letters = column(lake.read(DEAD_LETTER, ["payload"]), "payload")
            assert {text.strip() for text in letters} == {x for x in lines if x[0] != '"'}
            ends.append((total, names(lake, target)))
    assert ends[0] == ends[1]


def many_lines() -> bytes:
    """Lines that compress badly, so that a cut leaves many of them before it."""
    rng = random.Random(1)
    return b"".join(b'"%06d-%032x"\n' % (n, rng.getrandbits(128)) for n in range(6000))


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def scratched(content: bytes) -> bytes:
    middle = len(content) * 2 // 3
    return content[:middle] + b"\xff" * 99 + content[middle + 99 :]


HALVES = (many_lines()[:120_000], many_lines()[120_000:])


@pytest.mark.parametrize("damage", [cut, scratched])
@pytest.mark.parametrize(
    "content",
    [gzip.compress(many_lines()), zstd(many_lines()), b"".join(map(zstd, HALVES))],
    ids=["gzip", "zstd", "zstd in two frames"],
)
def test_of_a_damaged_file_is_kept_what_came_before(
    context: Context, target: Target, tmp_path: Path, content: bytes, damage
) -> None:
    file = tmp_path / "things.data"
    file.write_bytes(damage(content))
    with pytest.raises(MobilakeError, match=r"things\.data is cut off or damaged .+ landed"):
        import_file(context, file, target, read_line)
    kept = names(context.lake, target)
    whole = many_lines().decode().replace('"', "").split()
    assert set(whole[:1900]) <= set(kept)
    account = context.lake.read(IMPORT_FILE, list(vars(Counts()))).to_pylist()[0]
    assert account["accepted"] == len(kept)
    assert account["received"] == sum(account.values()) - account["received"]
    file.write_bytes(content)
    whole_again = import_file(context, file, target, read_line)
    assert whole_again.received == 6000
    assert whole_again.accepted + whole_again.known == 6000
    assert set(whole) <= set(names(context.lake, target))


def test_a_cut_at_the_end_of_a_line_is_seen_too(tmp_path: Path) -> None:
    writer = zstandard.ZstdCompressor().compressobj()
    content = writer.compress(b'"a"\n') + writer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    (tmp_path / "cut.zst").write_bytes(content)
    with opened(tmp_path / "cut.zst") as (lines, _):
        assert next(lines) == b'"a"\n'
        with pytest.raises(MobilakeError, match="the last frame has no end"):
            next(lines)


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_cannot_be_read_is_one_sentence(
    context: Context, target: Target, tmp_path: Path, name: str
) -> None:
    with pytest.raises(MobilakeError, match=r"cannot be read \(.+\): check the path\.$"):
        import_file(context, tmp_path / name, target, read_line)


def test_progress_is_told_in_bytes_of_the_file(
    context: Context, target: Target, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(LINES)
    told: list[tuple[int, int]] = []
    import_file(context, tmp_path / "a", target, read_line, lambda *now: told.append(now))
    assert told[-1] == (len(LINES), len(LINES))
