"""What encoders found in pictures, kept in memory and in the project's cache, both bounded.

On the disk an embedding is an .npz of float16, which is read without unpickling anything. A file
that cannot be read is as good as none.
"""

from __future__ import annotations

import os
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cvstudio.ml.sam import Embedding

IN_MEMORY = 512 << 20
"""Bytes: about 120 pictures of SAM, 30 of SAM 2."""

ON_DISK = 1 << 30
"""Bytes in one project's folder."""

Key = tuple[str, str]
"""sha256 of the pixels, and of the network's file."""


class Embeddings:
    """Embeddings by key; what was used longest ago goes first."""

    def __init__(self, *, in_memory: int = IN_MEMORY, on_disk: int = ON_DISK) -> None:
        self._limit, self._disk_limit = in_memory, on_disk
        self._held: OrderedDict[Key, Embedding] = OrderedDict()

    def get(self, key: Key, folder: Path | None = None) -> Embedding | None:
        """An embedding, from memory or else from a folder; None when it is in neither."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        elif folder is not None and (found := _read(_file(folder, key))) is not None:
            self._keep(key, found)
        return found

    def put(self, key: Key, embedding: Embedding, folder: Path | None = None) -> None:
        """Keep an embedding, in a folder too. Nothing is written where the disk refuses it."""
        self._keep(key, embedding)
        if folder is not None:
            _write(_file(folder, key), embedding, self._disk_limit)

    def in_memory(self, key: Key) -> bool:
        """Whether it can be had at once."""
        return key in self._held

    def _keep(self, key: Key, embedding: Embedding) -> None:
        self._held[key] = embedding
        self._held.move_to_end(key)
        while len(self._held) > 1 and sum(map(_bytes, self._held.values())) > self._limit:
            self._held.popitem(last=False)


def _bytes(embedding: Embedding) -> int:
    return sum(tensor.nbytes for tensor in embedding.values())


def _file(folder: Path, key: Key) -> Path:
    pixels, network = key
    return folder / f"{network[:16]}-{pixels[:40]}.npz"


def _read(path: Path) -> Embedding | None:
    try:
        with np.load(path, allow_pickle=False) as content:
            found = {
                name: torch.from_numpy(content[name].astype(np.float32)) for name in content.files
            }
        os.utime(path)  # used just now: others go first when room is needed
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
    return found or None


def _write(path: Path, embedding: Embedding, limit: int) -> None:
    with np.errstate(over="ignore"):
        halves: dict[str, Any] = {
            name: tensor.numpy().astype(np.float16) for name, tensor in embedding.items()
        }
    if not all(np.isfinite(half).all() for half in halves.values()):
        return  # too large for 16 bits: it stays in memory only
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob("*.part"):  # by a process that was killed
            left.unlink(missing_ok=True)
        with part.open("wb") as file:
            np.savez(file, **halves)
        part.replace(path)
        _make_room(path, limit)
    except OSError:  # a full or read-only disk: it is computed again another day
        part.unlink(missing_ok=True)


def _make_room(newest: Path, limit: int) -> None:
    files = {file: file.stat() for file in newest.parent.glob("*.npz")}
    total = sum(stat.st_size for stat in files.values())
    for file in sorted(files, key=lambda f: files[f].st_mtime_ns):
        if total <= limit:
            break
        if file != newest:
            file.unlink(missing_ok=True)
            total -= files[file].st_size
