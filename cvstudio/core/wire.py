"""Messages between the window and its live process: a JSON header and numpy arrays, framed.

Nothing is unpickled, so neither side can be made to run code by the other. Frame: 4 bytes little
endian length of the header, the header as JSON (its "arrays" names shapes and types), the arrays.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Message:
    """A header of plain JSON values, and named arrays."""

    header: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def write_message(stream: BinaryIO, message: Message) -> None:
    """Write one message and flush it."""
    described = [
        {"name": name, "shape": array.shape, "dtype": array.dtype.str}
        for name, array in message.arrays.items()
    ]
    head = json.dumps({**message.header, "arrays": described}).encode()
    stream.write(struct.pack("<I", len(head)))
    stream.write(head)
    for array in message.arrays.values():
        stream.write(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    stream.flush()


def read_message(stream: BinaryIO) -> Message | None:
    """The next message; None when the other side is gone. Raises EOFError in the midst of one."""
    start = stream.read(4)
    if not start:
        return None
    (length,) = struct.unpack("<I", start)
    header = json.loads(_exactly(stream, length))
    arrays = {}
    for item in header.pop("arrays"):
        dtype = np.dtype(item["dtype"])
        size = int(np.prod(item["shape"])) * dtype.itemsize
        arrays[item["name"]] = np.frombuffer(_exactly(stream, size), dtype).reshape(item["shape"])
    return Message(header, arrays)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError(f"the other side stopped after {len(data)} of {size} bytes")
    return data
