"""Bytes to columns and records, and back: what crosses the boundary of a process."""
