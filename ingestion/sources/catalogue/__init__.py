"""The worldwide catalogue of GBFS systems: MobilityData's systems.csv, and its history."""

from ingestion.sources.catalogue.source import SOURCE

__all__ = ["SOURCE"]
