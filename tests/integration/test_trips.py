"""Trip files of several families, dirt and all, from the command line to the marts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from simulator.home import World, open_world
from simulator.moments import to_datetime
from simulator.trip_files import family_of, trips_of, write_trip_files

LISBON = ZoneInfo("Europe/Lisbon")

T1 = (
    '"tripduration","starttime","stoptime","start station id","start station name",'
    '"start station latitude","start station longitude","end station id","end station name",'
    '"end station latitude","end station longitude","bikeid","usertype","birth year","gender"'
)
T2 = (
    "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,"
    "end_station_name,end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual"
)
T4 = (
    "Duration (ms),Start date,End date,Start station number,Start station,End station number,"
    "End station,Bike number,Member type"
)
T6 = (
    "started_at,ended_at,duration,start_station_id,start_station_name,start_station_description,"
    "start_station_latitude,start_station_longitude,end_station_id,end_station_name,"
    "end_station_description,end_station_latitude,end_station_longitude"
)
A = '1,"A",40.7,-73.9'
B = '2,"B",40.8,-73.8'
A_TO_B = "A,1.01,B,1.02,40.7,-73.9,40.8,-73.8,member"
A_ZU_B = "A;1.01;B;1.02;40,7;-73,9;40,8;-73,8;member;;"
FILES = {
    "t1_202510.csv": [
        T1,
        f'600,"2025-10-01 10:00:00","2025-10-01 10:10:00",{A},{B},7,"Subscriber",1984,1',
        f'660,"2025-10-01 10:05:00","2025-10-01 10:16:00",{B},{A},7,"Customer",\\N,0',
        # the hour that clocks showed twice, in 30 minutes and in 90
        f'1800,"2025-11-02 01:40:00","2025-11-02 02:10:00",{A},{B},8,"Subscriber",1990,2',
        f'5400,"2025-11-02 01:40:00","2025-11-02 02:10:00",{A},{B},9,"Subscriber",1990,2',
        '300,"2025-10-02 10:00:00","2025-10-02 10:05:00",1,"A",407.102,-73.9,3,"NYC Depot",'
        '40.8,-73.8,8,"Customer",,0',
        '300,"2025-10-02 10:00:00"',
    ],
    "t2_202604.csv": [
        T2,
        f"R1,classic_bike,2026-04-30 23:50:00,2026-05-01 00:10:00,{A_TO_B}",
        "R2,electric_bike,2026-04-01 12:00:00,2026-04-01 12:10:00,A,1.01,,,40.7,-73.9,,,casual",
        f"R3,classic_bike,04:50.2,15:00.1,{A_TO_B}",
        f"1.42E+15,classic_bike,4/2/26 3:09 PM,4/2/26 3:19 PM,{A_TO_B}",
    ],
    "t2_202605.csv": [
        T2.replace(",", ";") + ";;",
        f"R1;classic_bike;30.04.2026 23:50;01.05.2026 00:10;{A_ZU_B}",
        "R4;classic_bike;2.05.2026 09:11;2.05.2026 09:21;A;1.01;B;1.02;"
        "407;-73,9;40,8;-73,8;member;;",
        f"R5;classic_bike;2.05.2026 09:11;4.05.2026 09:21;{A_ZU_B}",
    ],
    "t4_2012.csv": [
        T4,
        "600000,1/31/2012 9:00,1/31/2012 9:10,31000,A St,31001,B St,W00869,Registered",
        "-60000,1/31/2012 9:00,1/31/2012 8:59,31000,A St,31001,B St,W00869,Casual",
    ],
    "t6_05.csv": [
        T6,
        "2026-05-01 00:55:46.521000+00:00,2026-05-01 01:05:46.521000+00:00,600,"
        "377,A,a,59.9,10.7,378,B,b,59.9,10.8",
    ],
}
UNREAD = 1
QUARANTINED = [
    ("t1_202510", 6, "R33"),
    ("t2_202604", 4, "R31"),
    ("t2_202605", 2, "R29"),
    ("t2_202605", 4, "R30"),
    ("t4_2012", 3, "R30"),
]


BUILT = ("fct_trip", "fct_trip_file", "fct_trip_quarantined", "int_findings__trip_files")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {}
    for name, lines in FILES.items():
        found[name] = tmp_path / name
        found[name].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return found


def import_trips(workspace, *files: Path) -> str:
    words = ("--system", "town", "--timezone", "America/New_York")
    return str(workspace.run("import", "trips", *words, *map(str, files)))


def check_against_truth(workspace, world: World) -> None:
    """Every planted line breaks its rule and no other line breaks any; all other times are true."""
    tables = sorted((world.home / "ledger").glob("trip_files-*.parquet"))
    planted = [row for table in tables for row in pq.read_table(table).to_pylist()]
    current = "silver.int_trips__files where is_current and system_id = 'aurora'"
    told = workspace.bronze(
        "select file_name || '.csv', line, rule_id, is_quarantined "
        f"from silver.int_trips__breaches join (from {current}) using (file_id)"
    )
    expected = {
        (one["file"], one["line"], one["expected_rule"], one["is_quarantined"])
        for one in planted
        if one["expected_rule"]
    }
    assert {rule for _, _, rule, _ in expected} == {
        "R29", "R30", "R31", "R32", "R33", "R34", "R37"
    }  # fmt: skip
    assert {breach for breach in told if breach[2] != "R35"} == expected
    cut = {(one["file"], one["line"]) for one in planted if one["kind"] == "cut_line"}
    unread = workspace.bronze("select position from delta_scan('{lake}/raw/dead_letter')".format(
        lake=workspace.home / "lake"
    ))  # fmt: skip
    assert {line for _, line in cut} <= {int(str(position)) for (position,) in unread}
    sums = "sum(lines_received), sum(lines_unread), sum(rides_quarantined), sum(trips)"
    ((received, unread_lines, quarantined, trips),) = workspace.ask(
        f"select {sums} from gold.fct_trip_file where is_current and system_id = 'aurora'"
    )
    assert unread_lines == len(cut)
    assert received == unread_lines + quarantined + trips

    ambiguous = {(file, line) for file, line, rule, _ in told if rule == "R35"}
    soiled = {(one["file"], one["line"]) for one in planted}
    compared = 0
    for table in tables:
        day = date.fromisoformat(table.stem[-10:])
        file, step = f"port_aurora-{day}.csv", family_of(world.city, day).step_s
        found = workspace.ask(
            "select line, cast(epoch(started_at) as bigint), cast(epoch(ended_at) as bigint) "
            "from gold.fct_trip join gold.fct_trip_file using (file_id) "
            f"where is_current and file_name || '.csv' = '{file}'"
        )
        true = dict(enumerate(trips_of(world.city, day), start=2))
        for line, started_at, ended_at in found:
            if (file, line) in soiled:
                continue
            ride = true[line]
            told_times = (started_at, ended_at)
            true_times = (ride.started_at // step * step, ride.ended_at // step * step)
            if (file, line) in ambiguous:
                assert (
                    any(abs(a - b) == 3600 for a, b in zip(told_times, true_times, strict=True))
                    or told_times == true_times
                )
                hours = {to_datetime(at).astimezone(LISBON).hour for at in true_times}
                assert 1 in hours
            else:
                assert told_times == true_times, (file, line)
                compared += 1
    assert compared > 500
    assert all(file == "port_aurora-2025-10-26.csv" for file, _ in ambiguous)


def test_files_become_trips_and_a_corrected_one_takes_the_place_of_its_own(
    workspace, city, files, tmp_path
) -> None:
    workspace.import_history("station_status", city.files["station_status"][-1])
    assert "1 new + 0 known already + 0 quarantined" in import_trips(workspace, files["t6_05.csv"])
    import_trips(workspace, *files.values())
    until = datetime(2025, 10, 28, 18, tzinfo=UTC)  # clocks went back on the 26th
    since = until - timedelta(days=8)
    world = open_world(tmp_path / "aurora", since=since, until=until, stations=20, scooters=0)
    simulated = write_trip_files(world.city, world.home, until)
    words = ("--system", "aurora", "--timezone", "Europe/Lisbon")
    workspace.run("import", "trips", *words, *map(str, simulated))
    workspace.models(*BUILT, tested=True)
    check_against_truth(workspace, world)

    counts = "sum(lines_received), sum(lines_unread), sum(rides_quarantined), sum(trips)"
    ((received, unread, quarantined, trips),) = workspace.ask(
        f"select {counts} from gold.fct_trip_file where system_id = 'town'"
    )
    assert received == sum(len(lines) - 1 for lines in FILES.values())
    assert (unread, quarantined) == (UNREAD, len(QUARANTINED))
    assert trips == received - UNREAD - len(QUARANTINED)
    assert (
        workspace.ask(
            "select file_name, line, rule_id from gold.fct_trip_quarantined "
            "join gold.fct_trip_file as files using (file_id) "
            "where files.system_id = 'town' order by all"
        )
        == QUARANTINED
    )
    found = workspace.bronze(
        "select rule_id, object_id from silver.int_findings__trip_files "
        "where system_id = 'town' order by all"
    )
    flagged = [
        ("R32", "t2_202604"),
        ("R34", "t1_202510"),
        ("R34", "t2_202605"),
        ("R37", "t1_202510"),
    ]
    assert found == sorted([(rule, file) for file, _, rule in QUARANTINED] + flagged)

    clocks = workspace.ask(
        "select strftime(started_at, '%H:%M'), is_time_ambiguous from gold.fct_trip "
        "where service_on = '2025-11-02' order by line"
    )
    assert clocks == [("06:40", False), ("05:40", False)]
    assert workspace.ask("select start_lat from gold.fct_trip where ride_id = 'R4'") == [(40.7,)]

    # a correction of one of them
    header, first, second, *_ = FILES["t2_202604.csv"]
    corrected = [header, first.replace("R1", "R1x"), second.replace("12:10", "12:20")]
    files["t2_202604.csv"].write_text("\n".join(corrected) + "\n", encoding="utf-8")
    import_trips(workspace, files["t2_202604.csv"])
    workspace.models(*BUILT)
    rides = "select ride_id, duration_s from gold.fct_trip where ride_id like 'R%' order by 1"
    assert workspace.ask(rides) == [("R1", 1200.0), ("R1x", 1200.0), ("R2", 1200.0), ("R4", 600.0)]

    every = "from gold.{} order by all"
    marts = ("fct_trip", "fct_trip_quarantined", "fct_trip_file")
    incremental = [workspace.ask(every.format(mart)) for mart in marts]
    workspace.models(*BUILT, full_refresh=True)
    assert [workspace.ask(every.format(mart)) for mart in marts] == incremental
