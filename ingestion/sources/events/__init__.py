"""Device events: what stations, docks and vehicles send of themselves, as recorded or as sent."""

from ingestion.sources.events.source import SOURCE

__all__ = ["SOURCE"]
