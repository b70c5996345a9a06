"""The checks that were made before a run, kept beside it: what was known when it was started.

checks.json in the run's directory: {"at": seconds since 1970, "checks": [{"level", "text",
"detail", "overruled"}, ...]}. A check is overruled that advised something else and the run was
started all the same. The file is a record and nothing is decided by it: a run without one, or with
one that cannot be read or written, is a run like any other.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from cvstudio.core.jobdir import JobDir, replace_file
from cvstudio.project.check import Check, Level

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """The checks of a run: when they were made, and what they said."""

    at: float
    checks: tuple[Check, ...]

    @property
    def overruled(self) -> tuple[str, ...]:
        """What was advised and not followed, in words."""
        return tuple(check.text for check in self.checks if check.level is Level.ADVICE)


def keep(job: JobDir, lines: Iterable[Check]) -> None:
    """Write the checks into a run's directory; a disk that refuses is told to the log alone."""
    content = {
        "at": time.time(),
        "checks": [
            {"level": check.level.value, "text": check.text, "detail": check.detail,
             "overruled": check.level is Level.ADVICE}
            for check in lines
        ],
    }  # fmt: skip
    try:
        replace_file(job.checks, json.dumps(content, indent=1, ensure_ascii=False).encode())
    except OSError as error:
        log.warning("the checks of %s were not kept: %s", job.path, error)


def kept(job: JobDir) -> Kept | None:
    """The checks of a run; None where none were kept or they cannot be read."""
    try:
        told = json.loads(job.checks.read_bytes())
        lines = tuple(
            Check(Level(line["level"]), str(line["text"]), detail=str(line.get("detail", "")))
            for line in told["checks"]
        )
        return Kept(float(told["at"]), lines)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("the checks of %s cannot be read: %s", job.path, error)
        return None
