"""Where CVStudio's own data files lie: in a checkout, in an installed wheel, in a frozen program."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def resources() -> Path:
    """The folder resources/ of this program."""
    package = Path(__file__).parent.parent
    installed = package / "_resources"
    return installed if installed.is_dir() else package.parent / "resources"
