"""The embedded engine: the whole pipeline in one process, `flead run`."""
