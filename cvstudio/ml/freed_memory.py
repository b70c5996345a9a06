"""Memory that a job has freed stays with it, instead of being fetched anew for every batch.

glibc gives large blocks, and what is free at the end of its heap, back to the system. A batch of
images is freed as a whole: the next one then costs a page fault for each 4 kB, at 640 px a fifth of
what an image costs to read on a virtual machine. Steps on the processor fetch theirs anew as well.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

_TRIM, _MAP = -1, -3  # malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
_OWN_MAPPING = 32 << 20
"""Blocks from so many bytes on are always given back: the most that glibc takes."""
_KEPT = 128 << 20
"""Bytes at the end of the heap that are kept. By itself glibc keeps twice the largest block that
was freed (mallopt(3)): less than a step of a training, or a batch of a reader, takes and frees."""


def keep_freed_memory() -> bool:
    """Keep up to 128 MiB of freed memory in this process, and in those that are forked from it.

    False where there is no glibc, or where a person has chosen for themselves by a variable of it.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    if "GLIBC_TUNABLES" in os.environ or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(name, value) for name, value in ((_MAP, _OWN_MAPPING), (_TRIM, _KEPT)))
