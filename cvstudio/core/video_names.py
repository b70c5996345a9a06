"""Which files are videos, by their names, and how the place in one is said in words."""

from __future__ import annotations

import os

SUFFIXES = frozenset(
    (
        *(".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg"),
        *(".wmv", ".flv", ".ogv", ".3gp", ".mts", ".m2ts"),
    )
)
"""The endings (lower case) of videos. Their containers have no mark in common, so the name decides
that a file is opened as a video; what it holds is for the decoder to find out."""


def is_video_name(name: str | os.PathLike[str]) -> bool:
    """Whether a file's name, path or uri ends like a video's."""
    return os.path.splitext(os.fspath(name))[1].lower() in SUFFIXES


def page_word(name: str | os.PathLike[str]) -> str:
    """What one image of a file that has several is called: "frame" or "page"."""
    return "frame" if is_video_name(name) else "page"


def clock(seconds: float) -> str:
    """A time in a video: "0:07.240", "1:02:03.000"."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    front = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{front}:{rest // 1000:02d}.{rest % 1000:03d}"
