"""The command line of this very program."""

from __future__ import annotations

import sys


def is_frozen() -> bool:
    """Whether the program is a bundle with Python inside."""
    return bool(getattr(sys, "frozen", False))


def program(*arguments: str) -> list[str]:
    """The command line of this very program, frozen or not, with arguments."""
    return [sys.executable, *([] if is_frozen() else ["-m", "cvstudio"]), *arguments]
