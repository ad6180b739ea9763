"""Families of trip files: each is told by its header, however that is written."""

from pathlib import Path

import pytest

from ingestion.sources.trips.families import DROP, HASH, layout_of, normalised, read_families

ROOT = Path(__file__).parents[2]
SIDES = "station id,{0} station name,{0} station latitude,{0} station longitude"
START, END = (f"{side} " + SIDES.format(side) for side in ("start", "end"))
T1 = f"tripduration,starttime,stoptime,{START},{END},bikeid,usertype,birth year,gender"
TITLE = T1.replace("tripduration", "Trip Duration").replace("starttime", "Start Time").title()
T2 = (
    "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,"
    "end_station_name,end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual"
)
DIVVY = "from_station_id,from_station_name,to_station_id,to_station_name,usertype,gender,birthyear"
RENTAL = "01 - Rental Details "
OSLO = ",".join(
    f"{side}_station_{what}"
    for side in ("start", "end")
    for what in ("id", "name", "description", "latitude", "longitude")
)
CABI = (
    "Duration,Start date,End date,Start station number,Start station,End station number,"
    "End station,Bike number,Member type"
)
HEADERS = {
    "T1": T1,
    "T1 quoted": ",".join(f'"{name}"' for name in T1.split(",")),
    "T1 as T1b writes it": TITLE,
    "T1 with dots for blanks": T1.replace(" ", "."),
    "T1c": T1.replace("birth year,gender", "postal code"),
    "T2": T2,
    "T2 by semicolons": T2.replace(",", ";") + ";;;",
    "T3": f"trip_id,starttime,stoptime,bikeid,tripduration,{DIVVY}",
    "T3b": f"trip_id,start_time,end_time,bikeid,tripduration,{DIVVY}",
    "T3c": (
        f"{RENTAL}Rental ID,{RENTAL}Local Start Time,{RENTAL}Local End Time,{RENTAL}Bike ID,"
        f"{RENTAL}Duration In Seconds Uncapped,03 - Rental Start Station ID,"
        "03 - Rental Start Station Name,02 - Rental End Station ID,02 - Rental End Station Name,"
        "User Type,Member Gender,05 - Member Details Member Birthday Year"
    ),
    "T4": CABI,
    "T4 in milliseconds": CABI.replace("Duration", "Duration (ms)"),
    "T4 with other names": CABI.replace("Bike number", "Bike #").replace("Member", "Account"),
    "T4b": (
        "Duration,Start date,End date,Start station number,Start station name,"
        "End station number,End station name,Bike number,Member type,Zip code,Gender"
    ),
    "T4c": (
        "Start date,Start station,Start terminal,End date,End station,End terminal,"
        "Total duration (ms),Account type"
    ),
    "T5": (
        "trip_id,duration,start_time,end_time,start_station,start_lat,start_lon,end_station,"
        "end_lat,end_lon,bike_id,plan_duration,trip_route_category,passholder_type,bike_type"
    ),
    "T5 without bike_type": (
        "trip_id,duration,start_time,end_time,start_station_id,start_lat,start_lon,"
        "end_station_id,end_lat,end_lon,bike_id,plan_duration,trip_route_category,passholder_type"
    ),
    "T6": f"started_at,ended_at,duration,{OSLO}",
    "T7": (
        "Rental Id,Duration,Bike Id,End Date,EndStation Id,EndStation Name,Start Date,"
        "StartStation Id,StartStation Name"
    ),
    "T8": (
        "trip_id,duration,start_date,start_station,start_terminal,end_date,end_station,"
        "end_terminal,bike_id,subscription_type,zip_code"
    ),
}
FAMILIES = read_families(ROOT)


@pytest.mark.parametrize("name", HEADERS)
def test_a_family_is_told_by_its_header(name: str) -> None:
    layout = layout_of(HEADERS[name], FAMILIES)
    assert layout
    assert layout.family.name == name.split(" ")[0]
    assert not layout.undeclared


def test_every_family_has_a_header_here() -> None:
    assert {family.name for family in FAMILIES} == {name.split(" ")[0] for name in HEADERS}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "id,name,latitude,longitude",
        T2.replace("started_at,", ""),
        T1.replace("bikeid", "bicycle"),
    ],
    ids=["empty", "stations", "a field is missing", "a field has another name"],
)
def test_a_header_that_lacks_a_field_is_of_no_family(header: str) -> None:
    assert layout_of(header, FAMILIES) is None


def test_a_column_that_is_not_declared_is_told_and_not_read() -> None:
    layout = layout_of(f"{T2},email,", FAMILIES)
    assert layout
    assert layout.undeclared == ("email",)
    assert layout.columns[-2:] == (None, None)


@pytest.mark.parametrize(
    "name",
    ["birth year", "gender", "postal code", "zip code", "bike id", "bikenumber", "birthyear"],
)
def test_what_may_tell_of_a_person_is_never_kept(name: str) -> None:
    treatments = {
        family.columns[normalised(name)].treatment
        for family in FAMILIES
        if normalised(name) in family.columns
    }
    assert treatments <= ({HASH} if name.startswith("bike") else {DROP, "band"})
    assert treatments
