"""One labelme file as JSON, without the image that may lie in it as megabytes of text.

The text of an embedded image is cut out before the JSON is read, since it is most of the file; its
place is kept, and its bytes are fetched only where no image file is there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import mmap
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cvstudio.core import places
from cvstudio.core.errors import FormatError
from cvstudio.formats.files import head_of, json_of, text_of

_NAME = b'"imageData"'
_DATA = re.compile(rb'"imageData"\s*:\s*"')
_HEAD, _TAIL = 65536, 8192
_DIALECT = re.compile(rb'"(?:checked|kie_linking|direction)"\s*:|"difficult"\s*:\s*false')
_ENDINGS = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"RIFF", ".webp"),
)


@dataclass(frozen=True, slots=True)
class LabelmeFile:
    """What a file holds, and where in it (from byte, to byte) the text of its image lies."""

    path: Path
    data: dict[str, Any]
    image: tuple[int, int] | None


def looks_like(file: Path) -> bool:
    """Whether a JSON file is labelme's, by its beginning and its end."""
    ends = _ends(file)
    if not ends.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") or b'"shapes"' not in ends:
        return False
    return b'"imagePath"' in ends or b'"imageData"' in ends or b'"shape_type"' in ends


def is_dialect(file: Path) -> bool:
    """Whether a labelme file was written by X-AnyLabeling."""
    return _DIALECT.search(_ends(file)) is not None


def _ends(file: Path) -> bytes:
    head = head_of(file, _HEAD)
    if len(head) < _HEAD:
        return head
    try:
        with file.open("rb") as stream:
            stream.seek(max(_HEAD, stream.seek(0, os.SEEK_END) - _TAIL))
            return head + stream.read(_TAIL)
    except OSError:
        return head


def load(file: Path) -> LabelmeFile:
    """Read a file. Raises FormatError, with the line where it is damaged."""
    try:
        text, place = _without_image(file)
    except OSError as error:
        raise FormatError(f"{file.name} cannot be opened: {error.strerror}.", path=file) from None
    data = json_of(text_of(text, file), file)
    if place is not None and (not isinstance(data, dict) or data.get("imageData") != ""):
        # What was cut out is no image of the file's own, but lies deeper in it.
        data, place = json_of(text_of(file.read_bytes(), file), file), None
    if not isinstance(data, dict) or not isinstance(data.get("shapes"), list):
        raise FormatError(
            f"{file.name} is not a labelme file: it has no list of shapes.", path=file
        )
    data.pop("imageData", None)
    return LabelmeFile(file, data, place)


def _without_image(file: Path) -> tuple[bytes, tuple[int, int] | None]:
    """The bytes of a file without those of its image, and where those are."""
    with file.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return b"", None
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            start = _start_of_image(whole)
            end = whole.find(b'"', start) if start else -1
            if end < 0:
                return whole[:], None
            return whole[:start] + whole[end:], (start, end)


def _start_of_image(whole: mmap.mmap) -> int:
    """The byte at which the text of an image begins; 0 when there is none. What a search for the
    pattern finds would hold the map open, so it ends here."""
    place = whole.find(_NAME)  # many times faster than the pattern
    while place >= 0:
        found = _DATA.match(whole, place)
        if found is not None and whole[place - 1 : place] != b"\\":
            return found.end()
        place = whole.find(_NAME, place + 1)
    return 0


def unpack(file: LabelmeFile) -> Path | None:
    """The image that lies in a file, as a file of the cache; None when there is none.

    Raises FormatError when it cannot be decoded.
    """
    if file.image is None or file.image[0] == file.image[1]:
        return None
    try:
        with file.path.open("rb") as stream:
            stream.seek(file.image[0])
            coded = stream.read(file.image[1] - file.image[0])
        content = base64.b64decode(coded.replace(b"\\/", b"/").replace(b"\\n", b""), validate=True)
    except (OSError, binascii.Error, ValueError):
        raise FormatError(
            f"The image inside {file.path.name} is damaged.", path=file.path
        ) from None
    ending = next((end for mark, end in _ENDINGS if content.startswith(mark)), None)
    if ending is None:
        text = f"The image inside {file.path.name} is of no kind that can be read."
        raise FormatError(text, path=file.path)
    # In a folder of its own, for two files may hold different images of one name.
    folder = places.cache() / "unpacked" / hashlib.sha256(content).hexdigest()[:24]
    told = PurePosixPath(str(file.data.get("imagePath") or "").replace("\\", "/")).stem
    target = folder / f"{told or file.path.stem}{ending}"
    if not target.is_file() or target.stat().st_size != len(content):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(f"{ending}.partial")
            partial.write_bytes(content)
            os.replace(partial, target)
        except OSError as error:
            reason = error.strerror or str(error)
            raise FormatError(
                f"The image inside {file.path.name} cannot be unpacked: {reason}.", path=file.path
            ) from None
    return target
