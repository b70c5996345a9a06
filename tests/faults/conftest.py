"""Windows that are killed, projects that outlive them, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import Window

from cvstudio.core.annotation import Task
from cvstudio.core.jobdir import JobDir
from cvstudio.project import launch
from cvstudio.project.sample import create_sample


@pytest.fixture
def window() -> Iterator[Callable[[str, Path], Window]]:
    """Opens window processes; those that still run at the end are killed."""
    opened: list[Window] = []

    def open_window(what: str, project: Path) -> Window:
        opened.append(Window(what, project))
        return opened[-1]

    yield open_window
    for each in opened:
        each.close()


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Callable[[Task], Path]]:
    """Makes a small sample project; jobs that still run in it at the end are killed."""
    made: list[Path] = []

    def make(task: Task) -> Path:
        made.append(tmp_path / f"sample-{task}")
        create_sample(made[-1], task, images=12).close()
        return made[-1]

    yield make
    for path in made:
        for directory in (path / "runs").glob("*"):
            launch.end(JobDir(directory), asked_seconds=0, terminate_seconds=0)
