"""Deleting a run: its files go, everything else stays, and not while it is at work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import small_job

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import Start
from cvstudio.project import commands, launch, run_commands, run_removal, runs
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage, RunRecord


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "cells", task=Task.DETECT, classes=["cell"]) as made:
        with made.transaction("Fill", undoable=False) as s:
            new = [NewImage(f"{split}.png", 100, 80, split=split) for split in Split]
            for image_id in commands.add_images(s, new):
                commands.add_annotation(s, image_id=image_id, class_id=1, shape=Box(1, 1, 9, 9))
        yield made
        for run in runs.all_runs(made):
            launch.end(runs.job_of(run), asked_seconds=0, terminate_seconds=0)


def queued(project: Project, **over: object) -> RunRecord:
    return runs.create_run(project, default_config(Task.DETECT, network="yolo26n", **over))


def test_a_deleted_run_takes_its_files_and_no_others_with_it(project: Project) -> None:
    kept, gone = queued(project), queued(project)
    (gone.directory / "checkpoints").mkdir(exist_ok=True)
    (gone.directory / "checkpoints/last.pt").write_bytes(b"x" * 1000)
    there = run_removal.contents(gone)
    assert there.files == 3
    assert there.bytes > 1000
    run_removal.remove(project, gone.id)
    assert not gone.directory.exists()
    run_removal.sweep(project)
    assert [run.id for run in runs.all_runs(project)] == [kept.id]
    assert list(project.runs_directory.iterdir()) == [kept.directory]


def test_the_number_of_a_deleted_run_is_not_given_again(project: Project) -> None:
    run = queued(project)
    run_removal.remove(project, run.id)
    assert runs.next_number(project) == run.id + 1
    assert queued(project).id == run.id + 1


def test_a_running_run_is_not_deleted(project: Project) -> None:
    run = queued(project, epochs=small_job.LONG)
    runs.start(project, run.id, command=small_job.command)
    with pytest.raises(RunError, match="Run 1 is running: cancel it first"):
        run_removal.remove(project, run.id)
    assert run.directory.is_dir()


def test_a_run_whose_network_another_one_waits_for_is_not_deleted(project: Project) -> None:
    first = queued(project)
    runs.job_of(first).best.parent.mkdir(exist_ok=True)
    runs.job_of(first).best.write_bytes(b"weights")
    config = default_config(Task.DETECT, network="yolo26n")
    waiting = config.model_copy(update={"start": Start.RUN})
    second = runs.create_run(project, waiting, parent_id=first.id)
    assert run_removal.why_not(project, first) == f"Run {second.id} starts from its network"
    runs.cancel(project, second.id)
    assert run_removal.why_not(project, runs.get(project, first.id)) == ""


def test_a_project_that_names_a_foreign_folder_as_a_run_loses_only_the_row(
    project: Project, tmp_path: Path
) -> None:
    run = queued(project)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    with project.transaction("Forge", undoable=False) as s:
        run_commands.update_run(s, id=run.id, directory="../precious")
    run_removal.remove(project, run.id)
    assert runs.all_runs(project) == []
    assert (precious / "thesis.txt").exists()
