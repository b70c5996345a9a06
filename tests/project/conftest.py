"""A small project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cvstudio.core.annotation import Task
from cvstudio.project import commands
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

CLASSES = ["red cell", 'he said "x/y"', "it's 🔬"]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Three classes and twelve images of 200 × 100 pixels, img 1.png to img 12.png."""
    with Project.create(tmp_path / "cells", task=Task.DETECT, classes=CLASSES) as opened:
        with opened.transaction("Add images", undoable=False) as s:
            commands.add_images(
                s, [NewImage(f"images/img {n}.png", width=200, height=100) for n in range(1, 13)]
            )
        yield opened
