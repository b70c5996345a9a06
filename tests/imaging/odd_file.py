"""Decodes one file under a memory limit and says how that ended: run by test_odd_files."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from cvstudio.core.errors import ImageError
from cvstudio.imaging import decode, thumbnails

LIMIT = 2 << 30


def main(path: Path) -> str:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
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


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(main(Path(name)) + "\n")
