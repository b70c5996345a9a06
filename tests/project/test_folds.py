"""Cross-validation: fair folds, no leak between them, and figures with their spread."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
from experiment_hands import end_all, look_after, make_project, recipe

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.errors import ConfigError, RunError
from cvstudio.core.geometry import Box
from cvstudio.core.snapshot import Snapshot, read_snapshot, write_snapshot
from cvstudio.project import commands, queries, run_removal, run_store, runs, snapshots
from cvstudio.project.experiments import book, folds
from cvstudio.project.experiments.plans import FoldsPlan, checked
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path / "cells") as made:
        yield made
        end_all(made)


def seen(project: Project) -> tuple[Snapshot, dict[int, str]]:
    with project.read() as session:
        snapshot = snapshots.build(session, project)
    return snapshot, folds.groups_of(project, snapshot, "group")


def test_each_image_is_judged_once_and_a_patient_is_never_in_two_folds(project: Project) -> None:
    snapshot, groups = seen(project)
    division = folds.divide(snapshot, groups, k=4, seed=0)
    wanted = {i.id for i in snapshot.images if i.split is not Split.TEST}
    assert division.keys() == wanted
    judged: Counter[int] = Counter()
    for fold in range(1, 5):
        made = folds.fold_of(snapshot, division, fold)
        train, val = ({i.id for i in made.of(split)} for split in (Split.TRAIN, Split.VAL))
        assert train | val == wanted
        assert not {groups[i] for i in train} & {groups[i] for i in val}
        assert {i.id for i in made.of(Split.TEST)} == {i.id for i in snapshot.of(Split.TEST)}
        judged.update(val)
    assert set(judged.values()) == {1}


def test_the_runs_of_folds_keep_patients_apart_as_their_directories_say(
    project: Project,
) -> None:
    made = folds.create(project, checked(FoldsPlan, config=recipe(), k=3))
    with project.read() as session:
        patients = {i.id: i.group for i in queries.images(session, queries.image_ids(session))}
    judged: Counter[int] = Counter()
    for _ in range(3):
        run = folds.make_run(project, made)
        assert run is not None
        snapshot = read_snapshot(runs.job_of(run).snapshot)
        learned, val = (
            {patients[image.id] for image in snapshot.of(split)}
            for split in (Split.TRAIN, Split.VAL)
        )
        assert learned
        assert not learned & val
        judged.update(image.id for image in snapshot.of(Split.VAL))
    assert judged == {image: 1 for image, patient in patients.items() if patient}
    assert folds.make_run(project, made) is None


def test_folds_have_their_share_of_images_and_of_a_rare_class(tmp_path: Path) -> None:
    with make_project(tmp_path / "many", groups=40, each=2) as project:
        snapshot, groups = seen(project)
        division = folds.divide(snapshot, groups, k=5, seed=3)
    rare = {i.id for i in snapshot.images if any(a.class_id == 2 for a in i.annotations)}
    sizes = Counter(division.values())
    assert set(sizes.values()) == {16}
    assert set(Counter(division[i] for i in rare & division.keys()).values()) == {4}


def test_the_same_seed_divides_in_the_same_way_and_another_one_otherwise(project: Project) -> None:
    snapshot, groups = seen(project)
    first = folds.divide(snapshot, groups, k=4, seed=1)
    assert first == folds.divide(snapshot, groups, k=4, seed=1)
    assert first != folds.divide(snapshot, groups, k=4, seed=2)


def test_copies_of_an_image_share_a_fold_whatever_their_names(tmp_path: Path) -> None:
    with Project.create(tmp_path / "twins", task=Task.DETECT, classes=["cell"]) as project:
        with project.transaction("Add", undoable=False) as s:
            commands.add_images(
                s,
                [
                    NewImage(f"{n}.png", 9, 9, sha256=f"{n % 6:064d}", split=Split.TRAIN,
                             review=Review.EMPTY)
                    for n in range(12)
                ],
            )  # fmt: skip
        snapshot, groups = seen(project)
    division = folds.divide(snapshot, groups, k=3, seed=0)
    assert all(division[n] == division[n + 6] for n in range(1, 7))


def test_too_few_groups_are_refused_in_words(project: Project) -> None:
    snapshot, groups = seen(project)
    with pytest.raises(ConfigError, match="8 groups of images in train and val"):
        folds.divide(snapshot, groups, k=9, seed=0)
    with pytest.raises(ConfigError, match="must be 2 or more, not 1"):
        checked(FoldsPlan, config=recipe(), k=1)


def test_a_class_that_some_fold_lacks_is_told(project: Project) -> None:
    snapshot, groups = seen(project)
    division = folds.divide(snapshot, groups, k=4, seed=0)
    (told,) = folds.advice(snapshot, division)
    assert "“rare” is on 6 images only" in told
    assert folds.advice(snapshot, folds.divide(snapshot, groups, k=2, seed=0)) == []


def test_folds_train_one_after_the_other_and_are_summed_up(project: Project) -> None:
    made = folds.create(project, FoldsPlan(config=recipe(), k=4))
    # What is labelled later does not get into the later folds: all learn from the same labels.
    with project.transaction("Draw") as s:
        commands.add_annotation(s, image_id=1, class_id=1, shape=Box(1, 1, 5, 5))
    steward = Steward()
    look_after(project, steward, lambda: book.get(project, made.id).ended is not None)
    found = book.runs_of(project, made)
    assert [run.role.fold for run in found if run.role] == [1, 2, 3, 4]
    assert {run.status for run in found} == {"finished"}
    counts = {sum(len(i.annotations) for i in read_snapshot(runs.job_of(run).snapshot).images)
              for run in found}  # fmt: skip
    assert len(counts) == 1
    summary = folds.summary(project, made)
    figures = [run.best for run in found]
    spread = summary.metrics["mAP50-95"]
    assert summary.whole
    assert spread.mean == pytest.approx(fmean(f for f in figures if f is not None))
    assert spread.sd == pytest.approx(stdev(f for f in figures if f is not None))
    assert "mAP50" not in summary.metrics  # null in every report
    assert summary.test["mAP50-95"].mean > 0
    rare = next(row for row in summary.per_class if row.class_id == 2)
    assert rare.labelled == 6
    assert len(rare.figures["AP"].values) < 4  # folds without the class do not count as zero
    assert summary.confusion is not None
    assert summary.confusion["matrix"][0] == [24, 0, 4]
    steward.close()


def test_every_image_of_train_and_val_has_an_answer_of_a_network_that_never_saw_it(
    project: Project,
) -> None:
    made = folds.create(project, FoldsPlan(config=recipe(epochs=1), k=2))
    steward = Steward()
    look_after(project, steward, lambda: book.get(project, made.id).ended is not None)
    answers = {p.image_id: p for p in folds.out_of_fold(made)}
    division = folds.division_of(made)
    assert answers.keys() == division.keys()
    for run in book.runs_of(project, made):
        assert run.role is not None
        train = {i.id for i in read_snapshot(runs.job_of(run).snapshot).of(Split.TRAIN)}
        assert not train & {i for i, fold in division.items() if fold == run.role.fold}
    saved = json.loads((made.directory / "summary.json").read_text())
    assert saved["metrics"]["mAP50-95"]["mean"] > 0
    assert runs.changed_since(project, book.runs_of(project, made)[0]) == []
    steward.close()


def test_one_failed_fold_does_not_keep_the_others_waiting(project: Project) -> None:
    made = folds.create(project, FoldsPlan(config=recipe(epochs=1), k=3))
    steward = Steward()
    look_after(project, steward, lambda: len(book.runs_of(project, made)) == 3)
    second = book.runs_of(project, made)[1]
    config = runs.job_of(second).config
    config.write_text(config.read_text().replace('"seed": 0', '"seed": 13'))
    look_after(project, steward, lambda: book.get(project, made.id).ended is not None)
    assert [run.status for run in book.runs_of(project, made)] == ["finished", "failed", "finished"]
    summary = folds.summary(project, made)
    assert (list(summary.folds), summary.whole) == ([1, 3], False)
    steward.close()


def test_when_already_the_first_fold_fails_a_person_is_asked(project: Project) -> None:
    made = folds.create(project, FoldsPlan(config=recipe(seed=13), k=3))
    steward = Steward()
    look_after(project, steward, lambda: runs.held_by(project) is not None)
    for _ in range(3):
        steward.look(project)
        runs.advance(project)
    assert [run.status for run in book.runs_of(project, made)] == ["failed", "queued", "queued"]
    assert book.get(project, made.id).ended is None
    book.stop(project, made.id)
    assert [run.status for run in book.runs_of(project, made)][1:] == ["cancelled"] * 2
    steward.close()


def test_a_fold_that_is_being_made_while_somebody_stops_is_never_trained(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = folds.create(project, FoldsPlan(config=recipe(), k=3))
    written = write_snapshot

    def write_and_be_stopped(*parts: Any) -> str:
        """The first fold is in the queue, and the second takes its time."""
        if book.runs_of(project, made):
            book.stop(project, made.id)
        return written(*parts)

    monkeypatch.setattr(run_store, "write_snapshot", write_and_be_stopped)
    steward = Steward()
    assert steward.look(project)
    for _ in range(2):
        steward.look(project)
        runs.advance(project)
    assert [run.status for run in book.runs_of(project, made)] == ["cancelled"]
    assert book.get(project, made.id).message == "Stopped by hand."
    assert not list(project.runs_directory.glob(".new-*"))
    steward.close()


def test_what_was_stopped_by_hand_says_so_whatever_a_look_that_began_before_makes_of_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = folds.create(project, FoldsPlan(config=recipe(), k=2))
    over = book.over

    def over_once_it_is_stopped(found: Any) -> bool:
        book.stop(project, made.id)
        return over(book.runs_of(project, made))

    monkeypatch.setattr(book, "over", over_once_it_is_stopped)
    steward = Steward()
    steward.look(project)
    assert book.get(project, made.id).message == "Stopped by hand."
    steward.close()


def test_an_experiment_goes_with_its_runs_or_leaves_them_as_they_are(project: Project) -> None:
    steward = Steward()
    made = [folds.create(project, FoldsPlan(config=recipe(), k=2)) for _ in range(2)]
    steward.look(project)
    first, second = (book.runs_of(project, each) for each in made)
    book.delete(project, made[0].id, with_runs=True)
    book.delete(project, made[1].id, with_runs=False)
    assert book.every(project) == []
    kept = runs.all_runs(project)
    assert [run.id for run in kept] == [run.id for run in second]
    assert {(run.experiment_id, run.role) for run in kept} == {(None, None)}
    assert not any(run.directory.exists() for run in first)
    assert not any(each.directory.exists() for each in made)
    run_removal.sweep(project)
    assert not list(project.runs_directory.glob(".deleted-*"))
    steward.close()


def test_a_running_fold_keeps_its_experiment_from_being_deleted(project: Project) -> None:
    made = folds.create(project, FoldsPlan(config=recipe(epochs=2000), k=2))
    steward = Steward()
    look_after(project, steward, lambda: bool(runs.running(project)))
    with pytest.raises(RunError, match="is running: cancel it first"):
        book.delete(project, made.id, with_runs=True)
    assert len(book.runs_of(project, made)) == 2
    steward.close()


def test_a_deleted_fold_does_not_come_back(project: Project) -> None:
    made = folds.create(project, FoldsPlan(config=recipe(), k=3))
    steward = Steward()
    steward.look(project)
    run_removal.remove(project, book.runs_of(project, made)[2].id)
    steward.look(project)
    assert len(book.runs_of(project, made)) == 2
    with project.read() as session:
        assert len(queries.experiments(session)) == 1
    steward.close()
