"""Port Aurora in GBFS 1.1, 2.3 and 3.0: the documents as they are when nothing goes wrong."""

from simulator.gbfs.dialect import DIALECTS, LANGUAGE, TTL_S, VERSION, Dialect
from simulator.gbfs.documents import Documents, feeds_of

__all__ = ["DIALECTS", "LANGUAGE", "TTL_S", "VERSION", "Dialect", "Documents", "feeds_of"]
