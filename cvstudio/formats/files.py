"""Files and folders as label sets have them: found, read as text, and named without a clash."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from cvstudio.core.annotation import Split
from cvstudio.core.errors import FormatError
from cvstudio.imaging.decode import is_image_name

_SPLIT_WORD = re.compile(r"(?:^|[^a-z])(train|val|valid|validation|test)(?:ing)?(?![a-z])")
_SPLITS = {"train": Split.TRAIN, "test": Split.TEST}


def split_of(words: str) -> Split | None:
    """The split that a file's or folder's name speaks of ("train2017", "valid"), if any."""
    found = _SPLIT_WORD.findall(words.lower())
    return _SPLITS.get(found[-1], Split.VAL) if found else None


_SPLIT_FOLDER = re.compile(r"(train|val|valid|validation|test)(ing)?[-_ ]?\d*")


def split_named(folder: str) -> Split | None:
    """The split that a folder is wholly named after ("train2017", not "test bench"), if any."""
    return split_of(folder) if _SPLIT_FOLDER.fullmatch(folder.lower()) else None


class ImageIndex:
    """All image files under a folder, found once; hidden folders are left out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: dict[Path, list[str]] = {}
        self._by_name: dict[str, list[Path]] = {}
        self._stems: dict[Path, dict[str, str]] = {}
        self._files: set[str] = set()
        for folder, names in walk(root):
            images = [name for name in names if is_image_name(name)]
            if images:
                self.folders[folder] = images
                prefix = str(folder) + os.sep
                self._files.update(prefix + name for name in images)
        for folder, images in self.folders.items():
            for name in images:
                self._by_name.setdefault(name, []).append(folder / name)

    def __len__(self) -> int:
        return len(self._files)

    def find(self, name: str, *, beside: Sequence[Path] = ()) -> Path | None:
        """The file that a source calls `name`, looked for in some folders first, then anywhere
        by the longest agreement of its last folders; None when there is none or no single one."""
        name = name.replace("\\", "/").strip()
        for folder in beside:
            candidate = f"{folder}{os.sep}{name}"
            if candidate in self._files:
                return Path(candidate)
        if os.path.isabs(name) and Path(name).is_file():
            return Path(name)
        wanted = PurePosixPath(name).parts
        if not wanted:
            return None
        found = self._by_name.get(wanted[-1], [])
        if len(found) <= 1:
            return found[0] if found else None
        scored = sorted(((_agreement(path.parts, wanted), path) for path in found), reverse=True)
        return scored[0][1] if scored[0][0] > scored[1][0] else None

    def with_stem(self, folder: Path, stem: str) -> Path | None:
        """The image of a folder whose name without its ending is `stem`."""
        stems = self._stems.get(folder)
        if stems is None:
            names = self.folders.get(folder, ())
            stems = self._stems[folder] = {os.path.splitext(n)[0]: n for n in reversed(names)}
        return folder / stems[stem] if stem in stems else None


def _agreement(path: Sequence[str], wanted: Sequence[str]) -> int:
    count = 0
    for a, b in zip(reversed(path), reversed(wanted), strict=False):
        if a != b:
            break
        count += 1
    return count


def walk(root: Path, *, depth: int = 12) -> Iterator[tuple[Path, list[str]]]:
    """Each folder under `root` with the names of its files, in order; links are not followed."""
    for folder, subfolders, names in os.walk(root):
        level = len(Path(folder).relative_to(root).parts)
        subfolders[:] = [] if level >= depth else sorted(n for n in subfolders if n[0] != ".")
        yield Path(folder), sorted(name for name in names if name[0] != ".")


def read_text(path: Path) -> str:
    """A text file in UTF-8 (with or without a mark). Raises FormatError in words."""
    try:
        return text_of(path.read_bytes(), path)
    except FileNotFoundError:
        raise FormatError(f"{path.name} is missing: {path}", path=path) from None
    except OSError as error:
        raise FormatError(f"{path.name} cannot be opened: {error.strerror}.", path=path) from None


def text_of(data: bytes, path: Path) -> str:
    """The text in the bytes of a file, its lines ended by "\\n". Raises FormatError in words."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FormatError(
            f"{path.name} is damaged: line {line} is not text.", path=path, line=line
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def json_of(text: str, path: Path) -> Any:
    """What a file of JSON holds. Raises FormatError that says where it is damaged or ends."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) - 1 or "Unterminated" in error.msg
        reason = "is cut off" if cut else f"is damaged ({error.msg})"
        raise FormatError(
            f"{path.name} {reason} at line {error.lineno}, column {error.colno}.",
            path=path,
            line=error.lineno,
        ) from None
    except RecursionError:
        raise FormatError(f"{path.name} is damaged: it is nested too deeply.", path=path) from None
    except ValueError:  # an integer of thousands of digits
        raise FormatError(
            f"{path.name} is damaged: it holds an endless number.", path=path
        ) from None


def head_of(path: Path, count: int = 65536) -> bytes:
    """The first bytes of a file, or none when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError:
        return b""


def unique_names(names: Iterable[str], folders: Iterable[str]) -> list[str]:
    """Names that are unique even without their endings (label files share the stem), in order.

    Where two clash, the folder comes in front, then a number behind.
    """
    taken: set[str] = set()
    result = []
    for name, folder in zip(names, folders, strict=True):
        stem, suffix = os.path.splitext(name)
        candidate, number = stem, 1
        if candidate.lower() in taken and folder:
            candidate = f"{folder.strip('/').replace('/', '_')}_{stem}"
        base = candidate
        while candidate.lower() in taken:
            number += 1
            candidate = f"{base}_{number}"
        taken.add(candidate.lower())
        result.append(candidate + suffix)
    return result
