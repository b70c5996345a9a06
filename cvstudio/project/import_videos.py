"""Videos among what is brought in: which files they are, and which frames of them come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from cvstudio.core.errors import ImageError
from cvstudio.core.video_names import clock, is_video_name
from cvstudio.core.words import counted
from cvstudio.formats.base import Problem, ProblemKind, Reading
from cvstudio.formats.files import walk
from cvstudio.imaging import video
from cvstudio.imaging.video import Step
from cvstudio.project import commands, queries

_FINGERPRINTS = "videos"
"""The setting that holds them."""


@dataclass(frozen=True, slots=True)
class PlannedVideo:
    """A video of which some frames will come in."""

    path: Path
    frames: int
    seconds: float
    chosen: tuple[int, ...]
    step: Step
    fingerprint: str = ""

    @property
    def sentence(self) -> str:
        """What there is and what of it is taken."""
        rate = self.frames / self.seconds if self.seconds > 0 else 0.0
        speed = f", {rate:.4g} a second" if rate else ""
        return (
            f"{self.path.name}: {counted(self.frames, 'frame')}{speed}, {clock(self.seconds)};"
            f" {self.step.words} is {counted(len(self.chosen), 'image')}."
        )


def remember(s: Session, videos: Iterable[PlannedVideo], hashes: Mapping[Path, str]) -> None:
    """Keep what a video is known by again; `hashes` are the SHA-256 of the files."""
    known = fingerprints(s)
    found = {hashes[each.path]: each.fingerprint for each in videos if each.path in hashes}
    if not found.items() <= known.items():
        commands.set_setting(s, _FINGERPRINTS, {**known, **found})


def fingerprints(s: Session) -> dict[str, str]:
    """The fingerprints (imaging.video) of the project's videos, by the SHA-256 of their files."""
    found = queries.setting(s, _FINGERPRINTS, {})
    return {str(digest): str(each) for digest, each in found.items()}


def videos_in(paths: Iterable[Path]) -> list[Path]:
    """The video files among files and folders, in order."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            for folder, names in walk(path):
                found.update((folder / name, None) for name in names if is_video_name(name))
        elif is_video_name(path):
            found[path] = None
    return list(found)


def look_through(
    path: Path, step: Step, reading: Reading, problems: list[Problem]
) -> PlannedVideo | None:
    """Decode a video once from end to end, and choose its frames. One that cannot be read is left
    to `reading.unreadable`, and one that breaks off is a problem. Raises Cancelled."""

    def told(done: int, total: int) -> None:
        reading.step(f"Looking through {path.name}", done, total)

    try:
        index = video.index_of(path, told)
    except ImageError as error:
        reading.unreadable[path] = error.message
        return None
    reading.infos[path] = [index.info(frame) for frame in range(len(index))]
    if index.breaks_off:
        text = f"{path.name} {index.breaks_off}; what is there can be used."
        problems.append(Problem(ProblemKind.MALFORMED, text, path))
    return PlannedVideo(
        path, len(index), index.seconds, tuple(step.choose(index)), step, index.fingerprint
    )
