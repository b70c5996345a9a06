"""In what runs differ: settings, labels, computer, figures, and single images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import better_worse, commands, comparing, queries, reproducing, runs
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.reproducing import Sameness
from cvstudio.project.sample import create_sample


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with create_sample(tmp_path / "cells", Task.DETECT, images=20) as made:
        yield made


def new_run(project: Project, **over: object) -> RunRecord:
    config = default_config(
        Task.DETECT, network="yolo26n", **{"epochs": 3, "start": "scratch", **over}
    )
    return runs.create_run(project, config)


def trained(job: JobDir, *, figure: float = 0.5, loss: float = 1.0) -> None:
    """Events and a report as a training leaves them."""
    for epoch in (1, 2):
        job.emit(
            events.EpochEnded(
                epoch=epoch, train={"box": loss / epoch}, val={"box": 2 / epoch},
                metrics={"mAP50-95": figure}, learning_rate=0.01, seconds=1, best=True,
            )
        )  # fmt: skip
    rows = [{"class": 1, "labelled": 9, "precision": 0.5, "AP50-95": figure}]
    metrics = {"mAP50-95": figure, "mAP50": 0.9}
    write_json(job.report, {"val": {"metrics": metrics, "per_class": rows}})


def test_only_settings_that_differ_are_named_with_their_titles_and_values(project: Project) -> None:
    configs = [
        runs.config_of(new_run(project, batch=batch, augmentation=steps))
        for batch, steps in ((4, ()), (8, ()), (8, ()))
    ]
    (row,) = comparing.settings(configs)
    assert row.title == "Batch"
    assert row.values == ("4", "8", "8")
    assert comparing.settings(configs[1:]) == []


def test_the_difference_in_data_names_images_splits_and_labels(project: Project) -> None:
    before = read_snapshot(runs.job_of(new_run(project)).snapshot)
    train, val = before.of(Split.TRAIN), before.of(Split.VAL)
    more, away, other = train[0], train[1], val[0]
    with project.transaction("Change") as s:
        commands.add_annotation(s, image_id=more.id, class_id=1, shape=Box(1, 1, 9, 9))
        commands.remove_images(s, ids=[away.id])
        commands.set_split(s, image_ids=[other.id], split=Split.TRAIN)
    after = read_snapshot(runs.job_of(new_run(project)).snapshot)
    found = comparing.data(before, after)
    assert found.relabelled == (more.id,)
    assert found.removed == (away.id,)
    assert found.moved == (other.id,)
    assert found.added == ()
    assert "1 image removed (1 train)" in found.words
    assert "1 image with other labels (1 train)" in found.words
    assert "1 image moved from val to train" in found.words
    assert comparing.data(after, before).added == (away.id,)
    assert not comparing.data(after, after)


def test_the_computer_and_the_packages_that_matter_are_told_first() -> None:
    then = {
        "python": "3.11.7", "packages": {"torch": "2.9"}, "threads": 4, "device": "cpu",
        "installed": {"aaa": "1", "torch": "2.9"}, "switches": {},
    }  # fmt: skip
    now = {
        **then, "installed": {"aaa": "2", "torch": "2.10"}, "threads": 8,
        "gpu": {"name": "H200"}, "switches": {"OMP_NUM_THREADS": "8"},
    }  # fmt: skip
    rows = comparing.environments([then, now])
    assert [(row.title, row.values) for row in rows] == [
        ("Threads", ("4", "8")),
        ("GPU", ("none", "H200")),
        ("Variable OMP_NUM_THREADS", ("not set", "8")),
        ("Package torch", ("2.9", "2.10")),
        ("Package aaa", ("1", "2")),
    ]
    assert not comparing.environments([{**now, "snapshot": "aa"}, {**now, "snapshot": "bb"}]), (
        "what runs saw is no matter of the computer"
    )
    old = {"python": "3.11.7", "packages": {"torch": "2.9"}}
    told = {row.title: row.values for row in comparing.environments([old, now])}
    assert told["Threads"] == ("not recorded", "8")


def test_figures_and_classes_of_runs_stand_side_by_side(project: Project) -> None:
    jobs = [runs.job_of(new_run(project)) for _ in range(2)]
    trained(jobs[0], figure=0.5)
    trained(jobs[1], figure=0.6)
    reports = [comparing.report(job) for job in jobs]
    rows = {row.title: row.values for row in comparing.figures(reports)}
    assert rows == {"mAP50-95 on val": (0.5, 0.6), "mAP50 on val": (0.9, 0.9)}
    name, classes = comparing.class_figures(reports, {1: "cell"})
    assert name == "AP50-95"
    assert [(row.title, row.values) for row in classes] == [("cell", (0.5, 0.6))]


def answered(job: JobDir, *, without: tuple[int, ...]) -> None:
    """A run that finds every labelled box of val, but nothing in some images."""
    predictions = [
        Prediction(
            image.id,
            objects=() if image.id in without else tuple(
                Found(a.class_id, 0.9, a.box) for a in image.annotations
            ),
        )
        for image in read_snapshot(job.snapshot).of(Split.VAL)
    ]  # fmt: skip
    write_predictions(job.predictions("val"), predictions)
    trained(job)


def test_images_that_got_better_and_worse_are_told_apart(project: Project) -> None:
    first, second = (runs.job_of(new_run(project)) for _ in range(2))
    ids = [image.id for image in read_snapshot(first.snapshot).of(Split.VAL)]
    answered(first, without=(ids[0],))
    answered(second, without=(ids[1],))
    found = better_worse.compare(first, second)
    assert [(c.image_id, c.before, c.after) for c in found.better] == [(ids[0], 0.0, 1.0)]
    assert [(c.image_id, c.before, c.after) for c in found.worse] == [(ids[1], 1.0, 0.0)]
    assert found.images == len(ids)


def test_runs_without_answers_say_what_is_missing(project: Project) -> None:
    first, second = (runs.job_of(new_run(project)) for _ in range(2))
    answered(first, without=())
    with pytest.raises(RunError, match="not been judged on val"):
        better_worse.compare(first, second)


def test_a_repetition_trains_on_what_the_run_saw_and_not_on_the_labels_of_now(
    project: Project,
) -> None:
    run = new_run(project, batch=4, seed=7)
    seen = read_snapshot(runs.job_of(run).snapshot)
    with project.transaction("Label on") as s:
        image = seen.of(Split.TRAIN)[0]
        commands.add_annotation(s, image_id=image.id, class_id=1, shape=Box(1, 1, 9, 9))
    again = reproducing.repeat(project, run.id)
    assert again.snapshot_hash == run.snapshot_hash
    assert read_snapshot(runs.job_of(again).snapshot) == seen
    assert runs.config_of(again) == runs.config_of(run)
    assert reproducing.repeats(runs.get(project, again.id)) == run.id
    assert reproducing.repeats(run) is None
    assert new_run(project).snapshot_hash != run.snapshot_hash


def test_a_run_of_which_an_image_changed_cannot_be_repeated(project: Project) -> None:
    run = new_run(project)
    with project.read() as s:
        image = queries.images(s, queries.image_ids(s))[0]
    path = project.image_path(image)
    content = path.read_bytes()
    path.write_bytes(content + b"\0")
    with pytest.raises(RunError, match=rf"1 image of its snapshot is changed .*{path.name}"):
        reproducing.repeat(project, run.id)
    path.unlink()
    with pytest.raises(RunError, match="is gone"):
        reproducing.repeat(project, run.id)
    path.write_bytes(content)
    assert reproducing.repeat(project, run.id).status == "queued"


def weights(job: JobDir, content: bytes) -> None:
    """A checkpoint: a zip of plain tensors, with a part that never matters."""
    import zipfile

    job.checkpoints.mkdir(exist_ok=True)
    with zipfile.ZipFile(job.best, "w") as file:
        file.writestr("best/data.pkl", job.path.name)
        file.writestr("best/data/0", content)


@pytest.mark.parametrize(
    ("figure", "loss", "content", "expected"),
    [
        (0.5, 1.0, b"same", Sameness.BITS),
        (0.5, 1.0, b"othr", Sameness.FIGURES),
        (0.5, 1.25, b"same", Sameness.OTHER),
        (0.55, 1.0, b"othr", Sameness.OTHER),
    ],
)
def test_a_repetition_says_whether_the_same_came_out(
    project: Project, figure: float, loss: float, content: bytes, expected: Sameness
) -> None:
    run = new_run(project)
    again = reproducing.repeat(project, run.id)
    assert reproducing.compare(project, run.id, again.id).sameness is Sameness.UNKNOWN
    trained(runs.job_of(run))
    weights(runs.job_of(run), b"same")
    trained(runs.job_of(again), figure=figure, loss=loss)
    weights(runs.job_of(again), content)
    found = reproducing.compare(project, run.id, again.id)
    assert found.sameness is expected
    if loss != 1.0:
        assert "part at the train loss of epoch 1" in found.verdict
    if figure != 0.5:
        assert "mAP50-95 on val 0.5 → 0.55 (+0.05)" in found.verdict
    if expected is Sameness.BITS:
        assert "bit for bit" in found.verdict


def test_a_repetition_elsewhere_says_what_was_other(project: Project) -> None:
    run = new_run(project, device="cpu")
    again = reproducing.repeat(project, run.id, device="auto")
    for each, version in ((run, "2.9"), (again, "2.10")):
        trained(runs.job_of(each), figure=float(version[-1]) / 10)
        there = {"packages": {"torch": version}, "installed": {"torch": version}}
        write_json(runs.job_of(each).environment, there)
    found = reproducing.compare(project, run.id, again.id)
    assert found.reasons == "What differs: settings (Device); 1 package (torch 2.9 → 2.10)."
    assert replace(found, settings=(), environment=()).reasons == ""
