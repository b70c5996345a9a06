"""Whether a file can be one of weights, by its first and last bytes: asked before a run is made."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from cvstudio.core.errors import file_trouble

_LONGEST_HEADER = 100_000_000
"""Bytes that safetensors' own readers take of a header at most."""


def trouble(path: Path) -> str:
    """Why a file is no file of weights, as a sentence; "" when nothing speaks against it.

    Nothing in it is run, and of its numbers none is read: a network finds out whether they fit.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(8)
            if not size:
                return f"{path.name} is empty."
            if path.suffix == ".safetensors":
                count = int.from_bytes(head, "little")
                whole = len(head) == 8 and 2 <= count <= min(size - 8, _LONGEST_HEADER)
                return "" if whole and _is_table(stream.read(count)) else _stranger(path)
        if head.startswith(b"PK\x03\x04"):
            # The table of contents of torch's files stands at their end.
            cut = f"{path.name} is cut off: its end is missing."
            return "" if zipfile.is_zipfile(path) else cut
    except OSError as error:
        return file_trouble(error)
    return "" if head.startswith(b"\x80") else _stranger(path)  # what torch wrote before 1.6


def _is_table(header: bytes) -> bool:
    try:
        return isinstance(json.loads(header), dict)
    except ValueError:
        return False


def _stranger(path: Path) -> str:
    return f"{path.name} is not a file of weights."
