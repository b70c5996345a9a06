"""Whether a file can be written where it is wanted, asked before the work that makes it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cvstudio.core.errors import RunError, file_trouble
from cvstudio.core.words import size_words


def require_place(output: Path, *, about: int) -> None:
    """Make the folder of a file that will have about so many bytes.

    Raises RunError in words where the folder cannot be made or written to, or has no room.
    """
    folder = output.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise RunError(f"{folder} is a file and not a folder.", hint=_ELSEWHERE) from None
    except OSError as error:
        raise RunError(file_trouble(error), hint=_ELSEWHERE) from error
    if output.is_dir():
        raise RunError(f"{output} is a folder and not a file.", hint="Choose another name.")
    if not os.access(folder, os.W_OK):
        raise RunError(f"{folder} cannot be written to.", hint=_ELSEWHERE)
    free = shutil.disk_usage(folder).free
    if free < about:
        raise RunError(
            f"There is no room in {folder}: about {size_words(about)} are needed, and"
            f" {size_words(free)} are free.",
            hint="Free some space, or choose another place.",
        )


_ELSEWHERE = "Choose another place."
