"""Zones: areas of a city that it draws itself, such as councils and equity areas, as GeoJSON."""

from ingestion.sources.zones.source import SOURCE

__all__ = ["SOURCE"]
