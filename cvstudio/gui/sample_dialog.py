"""Makes a sample project where the person's projects lie, with progress."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.gui.widgets.samples import SAMPLES


def free_folder(wanted: Path) -> Path:
    """The folder itself, or with the first number that is free behind its name."""
    number, found = 1, wanted
    while found.exists():
        number += 1
        found = wanted.with_name(f"{wanted.name} {number}")
    return found


def make_sample(parent: QWidget, studio: Studio, key: str) -> Path | None:
    """Generate the sample of SAMPLES with that key; None when it was cancelled or failed."""
    sample = next(item for item in SAMPLES if item.key == key)
    home = Path(studio.memory.get("projects", Path.home() / "CVStudio"))
    folder = free_folder(home / f"Sample {sample.title.lower()}")

    def make(control: Control) -> Path:
        from cvstudio.project.sample import create_sample

        def progress(done: int, total: int) -> None:
            control.check()
            control.progress(done, total, "Painting images")

        with create_sample(folder, sample.task, progress=progress) as project:
            return project.path

    outcome = run_with_progress(parent, studio.tasks, f"Make the sample “{sample.title}”", make)
    if outcome.error is not None:
        studio.fail(outcome.error, doing="The sample could not be made")
        return None
    return None if outcome.cancelled else outcome.result
