"""What an image file says about itself: its kind by its first bytes, its size, turning and end.

Reads a few kilobytes at most, whatever the size of the file, and never decodes a pixel.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cvstudio.core.errors import ImageError

MAX_PIXELS = 1 << 30
"""Largest width times height that is decoded; also OpenCV's own limit."""

_TAIL = 65536
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""JPEG's markers that no length follows."""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image of a file: sizes in pixels as displayed (EXIF applied), bits of one channel.

    `page` counts from 0; `orientation` is EXIF's 1 to 8; `palette` says that the file stores
    indices into a colour table; `alpha` that some pixels may be transparent; `separate` that the
    channels are measurements of their own, neither colours nor transparency.
    """

    format: str
    width: int
    height: int
    channels: int
    bit_depth: int
    orientation: int = 1
    page: int = 0
    pages: int = 1
    palette: bool = False
    alpha: bool = False
    separate: bool = False

    @property
    def values(self) -> int:
        """How many channels a network gets that sees all of them: transparency is none."""
        if self.separate:
            return self.channels
        return 3 if self.palette or self.channels - self.alpha >= 3 else 1

    def turned(self, orientation: int) -> ImageInfo:
        """The same image with an EXIF orientation applied to its stored size."""
        if orientation == 1:
            return self
        swap = orientation >= 5
        width, height = (self.height, self.width) if swap else (self.width, self.height)
        return replace(self, width=width, height=height, orientation=orientation)


def sniff(head: bytes) -> str:
    """The format behind a file's first 32 bytes, or "" when they are no known image's."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head.startswith(b"BM") and len(head) >= 18:
        return "BMP"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    return ""


def describe_stranger(head: bytes) -> str:
    """What a file that is no image seems to be instead, as the end of a sentence."""
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return "is a HEIC photograph, which CVStudio cannot read; save it as JPEG or PNG first"
    if head[128:132] == b"DICM":
        return "is a DICOM file, which CVStudio cannot read yet; save it as TIFF or PNG first"
    if head.startswith((b"%PDF", b"%!PS")):
        return "is a document, not an image"
    text = head[:256].decode("utf-8", "replace").rstrip("\ufffd")
    if text and all(c.isprintable() or c in "\t\r\n\f\ufeff" for c in text):
        return "is a text file, not an image"
    return "is not an image of a kind that CVStudio can read"


def jpeg_info(stream: BinaryIO, size: int, name: str) -> ImageInfo:
    """Read the headers of a JPEG up to its frame and look for its end."""
    orientation, frame = 1, None
    stream.seek(2)
    while True:
        marker = stream.read(2)
        if len(marker) < 2:
            raise ImageError(f"{name} is cut off: the file ends inside its header.")
        if marker[0] != 0xFF:
            raise ImageError(f"{name} is damaged: its header is not a JPEG's.")
        while marker[1] == 0xFF:  # fill bytes
            following = stream.read(1)
            if not following:
                raise ImageError(f"{name} is cut off: the file ends inside its header.")
            marker = b"\xff" + following
        code = marker[1]
        if code in _ALONE:
            continue
        if code == 0xD9:
            raise ImageError(f"{name} is damaged: it holds no picture.")
        raw = stream.read(2)
        length = struct.unpack(">H", raw)[0] if len(raw) == 2 else 0
        if length < 2:
            raise ImageError(f"{name} is damaged: its header is not a JPEG's.")
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            body = stream.read(length - 2)
            if len(body) < 6:
                raise ImageError(f"{name} is cut off: the file ends inside its header.")
            frame = struct.unpack(">BHHB", body[:6])
        elif code == 0xE1:
            body = stream.read(length - 2)
            if body.startswith(b"Exif\0\0"):
                orientation = exif_orientation(body[6:])
        elif code == 0xDA:
            break
        else:
            stream.seek(length - 2, 1)
    if frame is None:
        raise ImageError(f"{name} is damaged: it holds no picture.")
    _require_end(stream, size, b"\xff\xd9", start=stream.tell(), name=name)
    bits, height, width, channels = frame
    info = ImageInfo("JPEG", width, height, channels, bits)
    return info.turned(orientation)


def png_info(stream: BinaryIO, size: int, name: str) -> ImageInfo:
    """Read a PNG's header chunk, its transparency and EXIF chunks, and look for its end."""
    stream.seek(8)
    head = stream.read(25)
    if len(head) < 25 or head[4:8] != b"IHDR":
        raise ImageError(f"{name} is cut off: the file ends inside its header.")
    width, height, bits, colour = struct.unpack(">IIBB", head[8:18])
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour)
    if channels is None or bits not in (1, 2, 4, 8, 16):
        raise ImageError(f"{name} is damaged: its header names a kind of PNG that does not exist.")
    orientation, alpha = 1, colour in (4, 6)
    while True:
        chunk = stream.read(8)
        if len(chunk) < 8:
            raise ImageError(f"{name} is cut off: the file ends before its pixels.")
        length, kind = struct.unpack(">I4s", chunk)
        if kind in (b"IDAT", b"IEND"):
            break
        if kind == b"eXIf":
            orientation = exif_orientation(stream.read(min(length, _TAIL)))
            stream.seek(max(length - _TAIL, 0) + 4, 1)
            continue
        alpha = alpha or kind == b"tRNS"
        stream.seek(length + 4, 1)
    _require_end(stream, size, b"IEND", start=stream.tell(), name=name)
    info = ImageInfo("PNG", width, height, channels, bits, palette=colour == 3, alpha=alpha)
    return info.turned(orientation)


def bmp_info(stream: BinaryIO, size: int, name: str) -> ImageInfo:
    """Read a BMP's header and compare the pixels it promises with the file's size."""
    stream.seek(0)
    head = stream.read(54)
    if len(head) < 26:
        raise ImageError(f"{name} is cut off: the file ends inside its header.")
    offset, kind = struct.unpack("<II", head[10:18])
    if kind == 12:
        width, height, _, bits = struct.unpack("<HHHH", head[18:26])
        compression = 0
    elif kind >= 16 and len(head) >= 34:
        width, height, _, bits, compression = struct.unpack("<iiHHI", head[18:34])
    else:
        raise ImageError(f"{name} is damaged: its header is not a BMP's.")
    height = abs(height)
    if width <= 0 or height == 0 or bits not in (1, 2, 4, 8, 16, 24, 32, 64):
        raise ImageError(f"{name} is damaged: its header promises {width} × {height} pixels.")
    stride = (width * bits + 31) // 32 * 4
    last_row = (width * bits + 7) // 8
    if compression in (0, 3, 6) and offset + stride * (height - 1) + last_row > size:
        raise ImageError(f"{name} is cut off: the file ends before its last row.")
    return ImageInfo("BMP", width, height, 3, 8, palette=bits <= 8)


def webp_info(stream: BinaryIO, size: int, name: str) -> ImageInfo:
    """Read the chunks of a WebP and compare the length that it states with the file's."""
    stream.seek(0)
    head = stream.read(12)
    length = struct.unpack("<I", head[4:8])[0]
    if length + 8 > size:
        raise ImageError(f"{name} is cut off: {size:,} of {length + 8:,} bytes are there.")
    info, orientation = None, 1
    while stream.tell() + 8 <= size:
        kind, length = struct.unpack("<4sI", stream.read(8))
        start = stream.tell()
        if kind == b"EXIF":
            orientation = exif_orientation(stream.read(min(length, _TAIL)))
        elif info is None and kind in (b"VP8 ", b"VP8L", b"VP8X"):
            info = _webp_frame(kind, stream.read(10))
        stream.seek(start + length + length % 2)
    if info is None:
        raise ImageError(f"{name} is damaged: it holds no picture.")
    return info.turned(orientation)


def _webp_frame(kind: bytes, body: bytes) -> ImageInfo | None:
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        width = 1 + int.from_bytes(body[4:7], "little")
        height = 1 + int.from_bytes(body[7:10], "little")
        alpha = bool(body[0] & 0x10)
    elif kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height, alpha = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), bool(bits >> 28 & 1)
    else:
        width = int.from_bytes(body[6:8], "little") & 0x3FFF
        height = int.from_bytes(body[8:10], "little") & 0x3FFF
        alpha = False
    return ImageInfo("WebP", width, height, 4 if alpha else 3, 8, alpha=alpha)


def exif_orientation(block: bytes) -> int:
    """The orientation 1 to 8 in a block of EXIF data; 1 when it has none or makes no sense."""
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return 1
    start = struct.unpack_from(order + "I", block, 4)[0]
    if start + 2 > len(block):
        return 1
    count = struct.unpack_from(order + "H", block, start)[0]
    for index in range(count):
        entry = start + 2 + 12 * index
        if entry + 12 > len(block):
            return 1
        tag, kind = struct.unpack_from(order + "HH", block, entry)
        if tag == 0x0112:
            value = struct.unpack_from(order + ("I" if kind == 4 else "H"), block, entry + 8)[0]
            return int(value) if 1 <= value <= 8 else 1
    return 1


def check_size(info: ImageInfo, file_size: int, name: str) -> None:
    """Refuse sizes that no honest file of that many bytes can have. Raises ImageError."""
    if info.width <= 0 or info.height <= 0:
        raise ImageError(
            f"{name} is damaged: its header promises {info.width} × {info.height} pixels."
        )
    pixels = info.width * info.height
    if pixels > MAX_PIXELS:
        raise ImageError(
            f"{name} claims {info.width:,} × {info.height:,} pixels; "
            f"CVStudio reads up to {MAX_PIXELS // 1_000_000:,} million."
        )
    # Deflate shrinks at most 1032 times; a JPEG block of 64 pixels takes at least one bit.
    bits = info.bit_depth * (1 if info.palette else info.channels)
    honest = {"PNG": pixels * bits <= 8 * 1032 * file_size, "JPEG": pixels <= 512 * file_size}
    if not honest.get(info.format, True):
        raise ImageError(
            f"{name} claims {info.width:,} × {info.height:,} pixels, "
            f"but {file_size:,} bytes cannot hold them."
        )


def refuse_name(path: Path) -> None:
    """Raises ImageError for a path that is no text: neither OpenCV nor a database takes it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode(errors="replace")
        raise ImageError(
            f"{shown} has a name that is not UTF-8: rename it, or the folder that it is in."
        ) from None


def file_size(path: Path) -> int:
    """The size of a file in bytes. Raises ImageError when it is missing, a folder or empty."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise ImageError(f"{path.name} is missing: there is no file at {path}.") from None
    except OSError as error:
        raise ImageError(f"{path.name} cannot be opened: {error.strerror}.") from None
    if stat.S_ISDIR(found.st_mode):
        raise ImageError(f"{path.name} is a folder, not an image.")
    if found.st_size == 0:
        raise ImageError(f"{path.name} is empty: the file has 0 bytes.")
    return found.st_size


def _require_end(stream: BinaryIO, size: int, end: bytes, *, start: int, name: str) -> None:
    """Find the end mark after `start`: in the last bytes as a rule, else anywhere behind."""
    for reach in (32, _TAIL, size):
        begin = max(start, size - reach)
        stream.seek(begin)
        if end in stream.read():
            return
        if begin == start:
            break
    raise ImageError(f"{name} is cut off: the file ends before the picture does.")
