"""Hourly weather over HTTP, in the format of Open-Meteo, for the places of registered systems."""

from ingestion.sources.weather.source import SOURCE

__all__ = ["SOURCE"]
