"""The folders of this computer that belong to CVStudio; CVSTUDIO_HOME moves them all."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """Settings, recent projects, pretrained weights and logs; made when it is missing."""
    given = os.environ.get("CVSTUDIO_HOME")
    folder = Path(given) if given else Path(platformdirs.user_data_dir("cvstudio", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def weights() -> Path:
    """Where pretrained weights are looked for first, and where downloads go."""
    folder = home() / "weights"
    folder.mkdir(exist_ok=True)
    return folder


def logs() -> Path:
    """Where the window and the live process write their logs."""
    folder = home() / "logs"
    folder.mkdir(exist_ok=True)
    return folder


def videos() -> Path:
    """Where the indexes of videos lie: a cache that may be deleted at any time."""
    folder = home() / "videos"
    folder.mkdir(exist_ok=True)
    return folder


def cache() -> Path:
    """What can be made again at any time, and deleted."""
    given = os.environ.get("CVSTUDIO_HOME")
    if given:
        folder = Path(given) / "cache"
    else:
        folder = Path(platformdirs.user_cache_dir("cvstudio", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
