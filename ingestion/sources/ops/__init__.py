"""The operator's own database: vehicles, work orders, moves, inspections, riders' reports."""

from ingestion.sources.ops.source import SOURCE

__all__ = ["SOURCE"]
