"""Where readings come from: CSV folders, SKAB, Edge-IIoTset and the simulated fleet."""

from flead.ingest.errors import SourceError
from flead.ingest.sources import make_source

__all__ = ["SourceError", "make_source"]
