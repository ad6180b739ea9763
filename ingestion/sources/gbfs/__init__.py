"""GBFS: the General Bikeshare Feed Specification, any version, as polled or as recorded."""

from ingestion.sources.gbfs.source import SOURCE

__all__ = ["SOURCE"]
