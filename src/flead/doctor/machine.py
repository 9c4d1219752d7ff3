"""Disk, memory and clock."""

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import flead
from flead.doctor.finding import Finding, ok, problem, warning
from flead.settings import Settings

MEGABYTE = 1_000_000
LEAST_DISK, GOOD_DISK = 500, 5_000
"""Megabytes: an empty database with its log takes 100; the log may grow to two gigabytes."""
LEAST_MEMORY, GOOD_MEMORY = 500, 1_000
"""Megabytes that are still available: the pipeline, its database and its viewer take about half a gigabyte."""
CLOCK_SECONDS = 0.2
DRIFT_SECONDS = 0.02


def disk(settings: Settings) -> Finding:
    """The free space where the data goes."""
    place = existing(settings.data_dir)
    free = shutil.disk_usage(place).free // MEGABYTE
    said = f"{free:,} MB free at {place}"
    if free < LEAST_DISK:
        return problem(said, "make room, or set data_dir (FLEAD_DATA_DIR) to a directory on another disk")
    if free < GOOD_DISK:
        return warning(said, "a long run and the platform want more: make room, or set data_dir (FLEAD_DATA_DIR)")
    return ok(said)


def memory(settings: Settings) -> Finding:
    """The memory that programs can still use."""
    del settings
    available = _available_megabytes()
    if available is None:
        return ok("this system does not say how much is available")
    said = f"{available:,} MB available"
    if available < LEAST_MEMORY:
        return problem(said, f"end other programs: flead run wants {GOOD_MEMORY:,} MB")
    if available < GOOD_MEMORY:
        return warning(said, f"end other programs: flead run wants {GOOD_MEMORY:,} MB")
    return ok(said)


def clock(settings: Settings) -> Finding:
    """Whether the clock is later than our own files, and goes as fast as the one that nobody can set."""
    del settings
    wall, steady = time.time(), time.monotonic()
    time.sleep(CLOCK_SECONDS)
    wall_passed, steady_passed = time.time() - wall, time.monotonic() - steady
    said = f"{datetime.fromtimestamp(wall, UTC):%Y-%m-%d %H:%M:%S} UTC"
    advice = "set the clock, and keep it by NTP: simulated and live readings carry its time"
    if wall < Path(flead.__file__).stat().st_mtime - 60:
        return warning(f"{said} is before FLEAD was installed", advice)
    if abs(wall_passed - steady_passed) > DRIFT_SECONDS:
        moved = (wall_passed - steady_passed) * 1000
        return warning(f"{said}; it moved by {moved:+.0f} ms against the monotonic clock just now", advice)
    return ok(f"{said}, steady")


def existing(path: Path) -> Path:
    """The path, or the nearest directory above it that is there."""
    path = path.expanduser().absolute()
    return next(place for place in (path, *path.parents) if place.exists())


def _available_megabytes() -> int | None:
    try:
        from flead.stack.preflight import available_megabytes
    except ModuleNotFoundError:  # psutil comes with an optional part
        try:
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MEGABYTE
        except (OSError, ValueError):
            return None
    return available_megabytes()
