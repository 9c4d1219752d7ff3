"""Gives back what only the loading of kernels needed: on a gateway every megabyte counts.

Of the compiler, LLVM, the larger part has been read from its file by the time the last kernel is loaded, and is not
needed again. The operating system reads it anew if it is.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

COMPILER = "llvmlite"
MADV_DONTNEED = 4


def give_back() -> None:
    """Let go of the pages of the compiler that nothing was written to. Only on Linux; elsewhere it does nothing."""
    if sys.platform != "linux":
        return
    gc.collect()
    gc.freeze()  # what start-up has made stays: no later collection looks at it, or copies its pages
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, stop in list(_unwritten(Path("/proc/self/smaps"))):
        libc.madvise(start, stop - start, MADV_DONTNEED)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def _unwritten(smaps: Path) -> Iterator[tuple[int, int]]:
    """Address ranges of the compiler's file without a page that differs from the file."""
    bounds: tuple[int, int] | None = None
    for line in smaps.read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            start, _, stop = words[0].partition("-")
            mapped = len(words) > 5 and COMPILER in words[5] and "w" not in words[1]
            bounds = (int(start, 16), int(stop, 16)) if mapped else None
        elif words[0] == "Anonymous:" and bounds is not None and words[1] == "0":
            yield bounds
