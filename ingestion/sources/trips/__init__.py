"""Trip files: the histories of rides that systems publish as CSV, of any known family."""

from ingestion.sources.trips.source import SOURCE

__all__ = ["SOURCE"]
