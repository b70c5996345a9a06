"""Folders for pictures of answers: what an earlier look has made there stays as it is.

Each folder says in settings.json what made its pictures. Pictures that were made otherwise, or of
other images, go into a folder beside it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from cvstudio.core.jobdir import write_json

LIST = "pictures.csv"
SETTINGS = "settings.json"

Picture = tuple[str, Path, int]
"""The name of a picture, the file of the image that it is of, and its page from 0 on."""


@dataclass(frozen=True, slots=True)
class Made:
    """What pictures are made with: of what kind, by which network, and what decides its answers."""

    kind: str
    """ "masks" or "pictures"."""
    network: Path
    """A file, or the directory of a run."""
    score: float
    own: bool = False
    pieces: bool = False
    views: str = "one"
    step: int = 1

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, which tells a network that was made anew from the one before it."""
        inside = self.network / "checkpoints" / "best.pt"
        file = inside if self.network.is_dir() else self.network
        made = datetime.fromtimestamp(file.stat().st_mtime) if file.is_file() else None
        return {
            "kind": self.kind, "network": str(self.network),
            "network_made": made.isoformat(timespec="seconds") if made is not None else None,
            "score": round(self.score, 4), "own_scores": self.own, "pieces": self.pieces,
            "views": self.views, "every_frame_in": self.step,
        }  # fmt: skip


def place_for(folder: Path, made: Made, pictures: Iterable[Picture]) -> Path:
    """Where such pictures take the place of no others: the folder itself while it has none of these
    names or all of its pictures would be the same again, else the next free "folder-2" beside it.
    """
    named = {name: (str(path), page) for name, path, page in pictures}
    settings = made.to_json()
    free = (place for place in _places(folder) if _is_free(place, settings, named))
    return next(free)


def note(folder: Path, made: Made) -> None:
    """Say in the folder what makes its pictures. Raises OSError."""
    write_json(folder / SETTINGS, made.to_json())


def made_at(folder: Path) -> list[Path]:
    """A folder that pictures are wanted in, and those beside it that earlier looks have made."""
    beside = (place for place in folder.parent.glob("*") if _number(folder, place))
    return [folder, *(place for place in beside if (place / SETTINGS).is_file())]


def _places(folder: Path) -> Iterator[Path]:
    yield folder
    for number in count(2):
        yield folder.with_name(f"{folder.name}-{number}")


def _number(folder: Path, place: Path) -> bool:
    """Whether a folder is named as one of those beside another one."""
    before, dash, number = place.name.rpartition("-")
    return bool(dash) and before == folder.name and number.isdecimal()


def _is_free(
    place: Path, settings: Mapping[str, Any], named: Mapping[str, tuple[str, int]]
) -> bool:
    if not place.is_dir():
        return not place.exists()
    before = _listed(place)
    if _settings(place) != settings:
        return not before and not any((place / name).exists() for name in named)
    return all(named.get(name) == image for name, image in before.items())


def _settings(place: Path) -> object:
    """What made the pictures of a folder; None where nobody knows."""
    try:
        return json.loads((place / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _listed(place: Path) -> dict[str, tuple[str, int]]:
    """The pictures of a folder by name, each with the file and page that it is of."""
    try:
        with (place / LIST).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return {
            row["picture"]: (row["file"], int(row["page"] or row["frame"] or 1) - 1) for row in rows
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError):
        return {LIST: ("", 0)}  # somebody else's list: no picture is known to be the same
