"""Images of more than 8 bits: one window for all, stored, and said wherever it matters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.networks import default_config
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import Start
from cvstudio.imaging.decode import read_rgb
from cvstudio.project import (
    commands,
    importing,
    preflight,
    queries,
    snapshots,
    training_facts,
    windows,
)
from cvstudio.project.device import Device
from cvstudio.project.preflight import Level
from cvstudio.project.project import Project

PROCESSOR = Device("cpu", "EPYC", 24 * 2**30, 2**30)


def grey(path: Path, low: int, high: int) -> Path:
    """A 16-bit image whose values run evenly from low to high."""
    values = np.linspace(low, high, 64 * 64).round().astype(np.uint16).reshape(64, 64)
    tifffile.imwrite(path, values)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dark and a bright 16-bit image, a float image and one of 8 bits."""
    folder = tmp_path / "microscope"
    folder.mkdir()
    grey(folder / "bright.tif", 2000, 4000)
    grey(folder / "dark.tif", 100, 2000)
    tifffile.imwrite(
        folder / "float.tif", np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
    )
    cv2.imwrite(str(folder / "plain.png"), np.full((64, 64, 3), 9, np.uint8))
    return folder


def bring(project: Project, source: Path) -> importing.ImportReport:
    return importing.run(project, importing.plan(project, source))


def windows_of(project: Project) -> dict[str, tuple[float, float] | None]:
    with project.read() as s:
        return {r.name: r.window for r in queries.images(s, queries.image_ids(s))}


def test_deep_images_that_come_together_get_one_window(folder: Path, tmp_path: Path) -> None:
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        report = bring(project, folder)
        found = windows_of(project)
        window = found["dark.tif"]
        assert window == pytest.approx((104, 3996), abs=4)
        assert found["bright.tif"] == window
        assert found["float.tif"] == pytest.approx((0.001, 0.999), abs=1e-3)
        assert found["plain.png"] is None
        assert any("16 bits" in line and "10" in line for line in report.sentences())
        # The same number is the same grey: 2,000 is the end of one image, the start of the other.
        dark = read_rgb(folder / "dark.tif", window=window)
        bright = read_rgb(folder / "bright.tif", window=window)
        assert abs(int(dark[-1, -1, 0]) - int(bright[0, 0, 0])) <= 1


def test_images_that_come_later_join_the_window_of_the_project(
    folder: Path, tmp_path: Path
) -> None:
    with Project.create(tmp_path / "p", task=Task.DETECT) as project:
        bring(project, folder)
        window = windows_of(project)["dark.tif"]
        more = tmp_path / "more"
        more.mkdir()
        grey(more / "later.tif", 0, 60000)
        report = bring(project, more)
        assert windows_of(project)["later.tif"] == window
        assert list(report.windows) == [16]


def test_a_window_for_training_is_stored_undone_and_taken_into_the_snapshot(
    folder: Path, tmp_path: Path
) -> None:
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["cell"]) as project:
        bring(project, folder)
        before = windows_of(project)
        with project.transaction("Use window for training") as s:
            ids = windows.deep_images(s, bit_depth=16)
            windows.set_window(s, image_ids=ids, window=(812.0, 4020.0))
        assert windows_of(project) == {**before, "dark.tif": (812, 4020), "bright.tif": (812, 4020)}
        with project.transaction("Prepare") as s:
            everything = queries.image_ids(s)
            commands.set_review(s, image_ids=everything, review=Review.EMPTY)
            commands.set_split(s, image_ids=everything, split=Split.TRAIN)
        with project.read() as s:
            snapshot = snapshots.build(s, project)
        assert {i.path.name: i.window for i in snapshot.images} == windows_of(project)
        assert snapshot.window == (812, 4020)
        with project.read() as s:
            facts = training_facts.gather(s, project)
        config = default_config(project.task, start=Start.SCRATCH)
        lines = preflight.checks(facts, config, PROCESSOR)
        (line,) = [c for c in lines if "16 bits" in c.text]
        assert line.text == (
            "2 images of 16 bits are shown to the network through the window 812 to 4,020"
        )
        assert line.level is Level.OK
        project.undo()
        project.undo()
        assert windows_of(project) == before


def test_deep_images_without_a_common_window_are_worth_a_look_before_a_run(
    folder: Path, tmp_path: Path
) -> None:
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["cell"]) as project:
        bring(project, folder)
        with project.transaction("Prepare") as s:
            (first, second) = windows.deep_images(s, bit_depth=16)
            windows.set_window(s, image_ids=[first], window=None)
            commands.set_review(s, image_ids=[first, second], review=Review.EMPTY)
            commands.set_split(s, image_ids=[first, second], split=Split.TRAIN)
        with project.read() as s:
            facts = training_facts.gather(s, project)
        config = default_config(project.task, start=Start.SCRATCH)
        lines = [c for c in preflight.checks(facts, config, PROCESSOR) if "16 bits" in c.text]
        assert [c.level for c in lines] == [Level.ADVICE, Level.ADVICE]
        assert any(c.text.endswith("by their own brightness") for c in lines)


def test_a_window_leaves_eight_bits_alone(folder: Path) -> None:
    assert np.all(read_rgb(folder / "plain.png", window=(812, 4020)) == 9)
