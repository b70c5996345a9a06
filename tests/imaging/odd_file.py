"""Decodes files, each in a process of its own under a memory limit, and says how each ended.

One line a file: PIXELS, REFUSED and the sentence, WRONG and what, or CRASHED and how. The
processes are forked, so that the libraries are loaded once.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
from pathlib import Path

from cvstudio.core.errors import ImageError
from cvstudio.imaging import decode, thumbnails

LIMIT = 2 << 30
SECONDS = 60


def decode_all(path: Path) -> str:
    try:
        for info in decode.probe(path):
            pixels = decode.read_image(path, info.page)
            if pixels.shape[:2] != (info.height, info.width):
                return f"WRONG the header says {info}, the pixels are {pixels.shape}"
            if pixels.dtype.name not in ("uint8", "uint16", "float32"):
                return f"WRONG type {pixels.dtype}"
        thumbnails.make(path)
    except ImageError as error:
        return f"REFUSED {error.message}"
    return "PIXELS"


def in_own_process(path: Path) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        words = ""
        try:
            resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
            signal.alarm(SECONDS)
            words = decode_all(path)
        finally:
            words = words or f"CRASHED {traceback.format_exc(limit=-2)!r}"
            os.write(writing, words.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        words = stream.read().decode()
    _, status = os.waitpid(child, 0)
    return words if words and status == 0 else f"CRASHED with status {status}"


if __name__ == "__main__":
    for name in sys.stdin.read().splitlines():
        sys.stdout.write(in_own_process(Path(name)) + "\n")
