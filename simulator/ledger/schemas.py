"""The tables of the ledger."""

import pyarrow as pa

UTC_TIME = pa.timestamp("us", tz="UTC")
IDS = pa.list_(pa.string())

SCHEMAS = {
    "trips": pa.schema(
        [
            ("trip_id", pa.string()),
            ("bike_id", pa.string()),
            ("vehicle_type_id", pa.string()),
            ("start_station_id", pa.string()),
            ("intended_station_id", pa.string()),
            ("end_station_id", pa.string()),
            ("redirects", pa.int16()),
            ("started_at", UTC_TIME),
            ("ended_at", UTC_TIME),
        ]
    ),
    "lost_demand": pa.schema(
        [
            ("station_id", pa.string()),
            ("intended_station_id", pa.string()),
            ("requested_at", UTC_TIME),
        ]
    ),
    "moves": pa.schema(
        [
            ("move_id", pa.string()),
            ("truck_id", pa.string()),
            ("from_station_id", pa.string()),
            ("to_station_id", pa.string()),
            ("bike_ids", IDS),
            ("num_bikes", pa.int16()),
            ("picked_up_at", UTC_TIME),
            ("dropped_at", UTC_TIME),
        ]
    ),
    "disablements": pa.schema(
        [
            ("bike_id", pa.string()),
            ("station_id", pa.string()),
            ("disabled_at", UTC_TIME),
            ("repaired_at", UTC_TIME),
        ]
    ),
    "scooter_trips": pa.schema(
        [
            ("trip_id", pa.string()),
            ("scooter_id", pa.string()),
            ("vehicle_id_before", pa.string()),
            ("vehicle_id_after", pa.string()),
            ("start_station_id", pa.string()),
            ("start_lat", pa.float64()),
            ("start_lon", pa.float64()),
            ("end_station_id", pa.string()),
            ("end_lat", pa.float64()),
            ("end_lon", pa.float64()),
            ("reserved_at", UTC_TIME),
            ("started_at", UTC_TIME),
            ("ended_at", UTC_TIME),
        ]
    ),
    "scooter_outages": pa.schema(
        [
            ("scooter_id", pa.string()),
            ("vehicle_id", pa.string()),
            ("station_id", pa.string()),
            ("cause", pa.string()),
            ("disabled_at", UTC_TIME),
            ("repaired_at", UTC_TIME),
        ]
    ),
    "scooter_collections": pa.schema(
        [
            ("scooter_id", pa.string()),
            ("vehicle_id_before", pa.string()),
            ("vehicle_id_after", pa.string()),
            ("is_charged", pa.bool_()),
            ("start_station_id", pa.string()),
            ("start_lat", pa.float64()),
            ("start_lon", pa.float64()),
            ("end_station_id", pa.string()),
            ("end_lat", pa.float64()),
            ("end_lon", pa.float64()),
            ("collected_at", UTC_TIME),
            ("deployed_at", UTC_TIME),
        ]
    ),
    "weather": pa.schema(
        [
            ("temperature_c", pa.float64()),
            ("rain_mm", pa.float64()),
            ("wind_kmh", pa.float64()),
            ("humidity_pct", pa.float64()),
            ("observed_at", UTC_TIME),
        ]
    ),
    "weather_faults": pa.schema([("kind", pa.string()), ("observed_at", UTC_TIME)]),
    "faults": pa.schema(
        [
            ("fault_id", pa.string()),
            ("kind", pa.string()),
            ("expected_rule", pa.string()),
            ("feed", pa.string()),
            ("feeds", IDS),
            ("station_ids", IDS),
            ("scooter_ids", IDS),
            ("starts_at", UTC_TIME),
            ("ends_at", UTC_TIME),
        ]
    ),
}
