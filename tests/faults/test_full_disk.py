"""A disk that fills up: nothing is half imported, and a run says so and can go on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import small_job
from PIL import Image
from processes import answer, cvstudio, wait_for

from cvstudio.core.annotation import Task
from cvstudio.core.networks import default_config
from cvstudio.project import launch, runs
from cvstudio.project.project import Project
from cvstudio.project.run_status import RunStatus

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a small disk or a limit")
MEGABYTE = 1 << 20


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Ten small images and two of a good megabyte and a half."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = np.random.default_rng(0)
    for number in range(12):
        side = 750 if number in (7, 9) else 24
        pixels = noise.integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if sys.platform != "linux" or mount is None:
        pytest.skip("no file system of a chosen size can be made here")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=2m", "none", str(place)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("mounting a file system needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def tree(folder: Path) -> set[str]:
    """All files of a project but those that SQLite and the lock keep beside the database."""
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    return {n for n in names if not n.endswith(("-wal", "-shm", ".lock"))}


def import_fails_whole(
    project: Path, pictures: Path, words: str, prepare: Callable[[], None] | None = None
) -> None:
    Project.create(project, task=Task.DETECT, classes=["cell"]).close()
    before = tree(project)
    failed = cvstudio("import", project, pictures, "--copy", preexec_fn=prepare)
    assert failed.returncode == 1
    assert failed.stdout == ""
    (line,) = failed.stderr.splitlines()
    assert line.startswith("Error: ")
    assert words in line
    assert tree(project) == before
    assert answer("info", project)["images"] == 0
    with Project.open(project) as opened:
        assert opened.undo_label is None


def test_a_full_disk_during_an_import_with_copies_leaves_nothing(
    small_disk: Path, pictures: Path
) -> None:
    project = small_disk / "project"
    import_fails_whole(project, pictures, "The disk is full: nothing was imported")
    # The room is free again: what fits comes in.
    assert answer("import", project, pictures / "00.png", "--copy")["added"] == 1
    assert answer("import", project, pictures)["added"] == 11


def test_a_file_that_may_not_grow_leaves_nothing_of_an_import(
    tmp_path: Path, pictures: Path
) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, MEGABYTE))

    project = tmp_path / "project"
    import_fails_whole(project, pictures, "could not be copied: File too large", limit)
    assert answer("import", project, pictures, "--copy")["added"] == 12


def fill(disk: Path) -> Path:
    """Take all room that is left."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("ab", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    return filler


def test_a_run_on_a_disk_that_another_program_fills_says_so_and_goes_on_when_there_is_room(
    small_disk: Path,
) -> None:
    with Project.create(small_disk / "project", task=Task.DETECT, classes=["cell"]) as project:
        run = runs.create_run(
            project, default_config(Task.DETECT).model_copy(update={"epochs": small_job.LONG})
        )
        job = runs.job_of(run)
        runs.start(project, run.id, command=small_job.command)
        wait_for(lambda: len(job.state().epochs) > 1)
        half = job.checkpoints / "last.pt.part"
        half.write_bytes(bytes(1000))
        filler = fill(small_disk)
        wait_for(lambda: not launch.alive(job))
        # The last word finds room though the disk is as full as before.
        wait_for(lambda: runs.status(runs.get(project, run.id)) is RunStatus.FAILED)
        failed = job.state().failed
        assert failed is not None
        assert failed.cause == "disk full"
        assert "up to epoch" in failed.text
        assert not half.exists()
        filler.unlink()
        runs.sync(project)
        runs.resume(project, run.id, command=small_job.command)
        done = len(job.state().epochs)
        wait_for(lambda: len(job.state().epochs) > done)
        runs.cancel(project, run.id)
