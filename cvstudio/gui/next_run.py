"""What is remembered of a project's next run: the form of Train, also between sessions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cvstudio.core.recipe import Sees
from cvstudio.core.settings import Memory

_CHOICES, _REMEMBERED = "train.choices", 12
"""Where the form is remembered by project, and of how many projects."""


def remember(memory: Memory, project: Path, choices: Mapping[str, Any]) -> None:
    """Keep what was chosen for the next run of a project: {"preset", "settings"} in JSON."""
    kept = dict(memory.get(_CHOICES, {}))
    kept.pop(str(project), None)
    newest = {str(project): dict(choices), **kept}
    memory.set(_CHOICES, dict(list(newest.items())[:_REMEMBERED]))


def remembered(memory: Memory, project: Path) -> Mapping[str, Any] | None:
    """What was chosen last; None for a project of which nothing is known."""
    found: Mapping[str, Any] | None = memory.get(_CHOICES, {}).get(str(project))
    return found


def sees(memory: Memory, project: Path) -> Sees:
    """What the next run's network sees of images."""
    choices = remembered(memory, project) or {}
    return Sees(choices.get("settings", {}).get("sees", Sees.DISPLAYED))
