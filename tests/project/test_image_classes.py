"""Several classes for one image: given, taken away, counted, and never trained on unseen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from project_state import dump

from cvstudio.core.annotation import Review, Source, Split, State, Task
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import Loss
from cvstudio.core.snapshot import Snapshot
from cvstudio.ml.failures import JobFailure
from cvstudio.ml.labels import usable
from cvstudio.project import (
    class_tree,
    commands,
    decisions,
    image_classes,
    judged,
    preflight,
    queries,
    relabelling,
    snapshots,
    training_facts,
)
from cvstudio.project.preflight import Level
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


@pytest.fixture
def sorting(tmp_path: Path) -> Project:
    """Six images to be sorted into three classes, several for each."""
    folder = tmp_path / "sorted"
    with Project.create(
        folder, task=Task.CLASSIFY, classes=["cat", "dog", "outdoors"], several=True
    ) as project:
        with project.transaction("Add", undoable=False) as s:
            commands.add_images(s, [NewImage(f"{n}.png", width=20, height=10) for n in range(1, 7)])
        yield project


def toggle(project: Project, images: list[int], class_id: int) -> bool:
    with project.transaction("Give class") as s:
        return image_classes.toggle(s, image_ids=images, class_id=class_id)


def classes(project: Project) -> dict[int, list[int]]:
    with project.read() as s:
        return image_classes.classes_of(s, range(1, 7))


def test_a_class_is_given_to_those_that_lack_it_and_taken_when_all_have_it(
    sorting: Project,
) -> None:
    before = dump(sorting)
    assert toggle(sorting, [1, 2], 1)
    assert toggle(sorting, [2, 3], 3)
    assert toggle(sorting, [1, 2, 3], 1)
    assert classes(sorting) == {1: [1], 2: [1, 3], 3: [3, 1]}
    assert not toggle(sorting, [1, 2, 3], 1)
    assert classes(sorting) == {2: [3], 3: [3]}
    with sorting.read() as s:
        assert [i.review for i in queries.images(s, [1, 2])] == [
            Review.UNLABELLED, Review.LABELLED,
        ]  # fmt: skip
    for _ in range(4):
        sorting.undo()
    assert dump(sorting) == before


def test_with_one_class_an_image_each_keeps_the_first_and_all_comes_back(
    sorting: Project,
) -> None:
    for images, class_id in (([1, 2], 2), ([2, 3], 1), ([2], 3)):
        toggle(sorting, images, class_id)
    before = dump(sorting)
    with sorting.read() as s:
        assert image_classes.with_several(s) == [2]
    with sorting.transaction("One class") as s:
        assert image_classes.allow_several(s, False) == 1
        assert not image_classes.several(s)
    assert classes(sorting) == {1: [2], 2: [2], 3: [1]}
    sorting.undo()
    assert dump(sorting) == before
    with sorting.read() as s:
        assert image_classes.several(s)


def test_a_project_has_one_class_an_image_unless_it_was_asked_for(tmp_path: Path) -> None:
    for task, wanted in ((Task.CLASSIFY, False), (Task.DETECT, True)):
        made = Project.create(tmp_path / str(task), task=task, several=wanted)
        with made as project, project.read() as s:
            assert not image_classes.several(s)


def suggest(project: Project, class_id: int) -> int:
    with project.transaction("Suggest") as s:
        return commands.add_annotation(
            s, image_id=1, class_id=class_id, shape=None, source=Source.NETWORK, score=0.9,
            state=State.SUGGESTED,
        )  # fmt: skip


def test_a_kept_suggestion_joins_the_classes_of_the_image_and_never_doubles_one(
    sorting: Project,
) -> None:
    toggle(sorting, [1], 1)
    for class_id in (2, 1):
        id = suggest(sorting, class_id)
        with sorting.transaction("Keep") as s:
            decisions.keep(s, ids=[id])
    assert classes(sorting) == {1: [1, 2]}
    suggest(sorting, 3)
    toggle(sorting, [1], 3)
    assert classes(sorting) == {1: [1, 2, 3]}
    with sorting.read() as s:
        assert decisions.pending(s, [1]) == []


def prepared(project: Project) -> Snapshot:
    with project.transaction("Divide") as s:
        commands.set_split(s, image_ids=[1, 2], split=Split.TRAIN)
        commands.set_split(s, image_ids=[3], split=Split.VAL)
    with project.read() as s:
        return snapshots.build(s, project)


def stopping(project: Project, **settings: Any) -> list[str]:
    with project.read() as s:
        facts = training_facts.gather(s, project)
    config = default_config(Task.CLASSIFY, **settings)
    return [c.text for c in preflight._several_checks(facts, config) if c.level is Level.BLOCKING]


def test_a_run_of_one_class_says_that_it_cannot_learn_several_and_does_not_begin(
    sorting: Project,
) -> None:
    toggle(sorting, [1, 2, 3], 1)
    assert usable(prepared(sorting), Split.TRAIN).images
    assert stopping(sorting) == []
    toggle(sorting, [2], 2)
    assert stopping(sorting) == ["1 image has several classes: this run learns one"]
    with pytest.raises(JobFailure, match="1 image of train with several classes"):
        usable(prepared(sorting), Split.TRAIN)
    assert usable(prepared(sorting), Split.VAL).images
    with sorting.transaction("Take out") as s:
        commands.set_split(s, image_ids=[2], split=None)
    assert stopping(sorting) == []


def test_runs_of_the_project_learn_several_classes_unless_told_otherwise(
    sorting: Project,
) -> None:
    toggle(sorting, [1, 2, 3], 1)
    toggle(sorting, [2], 2)
    with sorting.read() as s:
        facts = training_facts.gather(s, sorting)
    assert facts.allows_several
    assert stopping(sorting, several=facts.allows_several) == []
    assert len(usable(prepared(sorting), Split.TRAIN, several=True).images) == 2
    assert judged.main_figure(sorting) == "mAP"
    config = default_config(Task.CLASSIFY, several=True)
    assert (config.loss, config.several_classes) == (Loss.BINARY, True)
    assert not default_config(Task.CLASSIFY).several_classes
    assert not default_config(Task.DETECT, several=True).several_classes


def test_classes_that_are_missed_or_extra_are_errors_of_the_image(sorting: Project) -> None:
    from cvstudio.core.jobdir import JobDir, write_json
    from cvstudio.core.metrics.resampling import draw
    from cvstudio.core.predictions import Prediction, write_predictions
    from cvstudio.core.snapshot import write_snapshot
    from cvstudio.ml.judge import judge
    from cvstudio.project import analysis, better_worse, certainty

    toggle(sorting, [1, 2, 3], 1)
    toggle(sorting, [1], 2)
    snapshot = prepared(sorting)
    snapshot = replace(snapshot, images=tuple(replace(i, split=Split.VAL) for i in snapshot.images))
    job = JobDir(sorting.runs_directory / "0001")
    scores = {1: {1: 0.9, 2: 0.2, 3: 0.1}, 2: {1: 0.8, 2: 0.7, 3: 0.0}, 3: {1: 0.9, 2: 0.1, 3: 0.1}}
    answers = [Prediction(i.id, scores=scores[i.id]) for i in snapshot.images]
    write_snapshot(job.snapshot, snapshot)
    write_predictions(job.predictions("val"), answers)
    report = judge(Task.CLASSIFY, snapshot.classes, snapshot.images, answers, several=True)
    write_json(job.report, {"val": report})
    loaded = analysis.load(job, Split.VAL)
    assert loaded.has_scores
    assert not loaded.has_overlaps
    verdict = loaded.judge(score=0.5, iou=0.5)
    assert {k.kind: k.count for k in verdict.kinds}["all"] == 2
    (missed,), (extra,) = verdict.cases("missed"), verdict.cases("false alarm")
    assert (missed.image_id, missed.labelled, missed.predicted) == (1, 2, 0)
    assert missed.annotation_id is not None, "the label opens from there"
    assert (extra.image_id, extra.labelled, extra.predicted) == (2, 0, 2)
    assert verdict.confusion.tolist() == [[3, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert [case.image_id for case in verdict.cell(0, 2)] == [2]
    assert verdict.cards[2].title == "Exact match"
    assert verdict.cards[2].value == pytest.approx(1 / 3)
    assert verdict.cards[0].value == report["metrics"]["mAP"]
    assert len(certainty.main_figure(loaded, draw(3, draws=50))) == 50
    same = better_worse.compare(job, job)
    assert (same.images, same.better, same.worse) == (3, (), ())


def test_an_image_of_several_classes_is_not_judged_by_its_first(sorting: Project) -> None:
    from cvstudio.core.predictions import Prediction
    from cvstudio.ml.judge import judge

    toggle(sorting, [1, 2, 3], 1)
    toggle(sorting, [3], 2)
    snapshot = prepared(sorting)
    snapshot = replace(snapshot, images=tuple(replace(i, split=Split.VAL) for i in snapshot.images))
    answers = [Prediction(i.id, scores={1: 0.9, 2: 0.1, 3: 0.0}) for i in snapshot.images]
    report = judge(Task.CLASSIFY, snapshot.classes, snapshot.images, answers)
    assert report["counts"]["labelled"] == 2
    assert report["metrics"]["accuracy"] == 1.0


@pytest.mark.parametrize("way", ["merge", "relabel"])
def test_an_image_that_had_both_of_two_classes_has_the_joined_one_once(
    sorting: Project, way: str
) -> None:
    toggle(sorting, [1, 2], 1)
    toggle(sorting, [2, 3], 2)
    before = dump(sorting)
    with sorting.transaction("Join") as s:
        if way == "merge":
            class_tree.merge(s, sources=[1], target=2)
        else:
            relabelling.change(s, image_ids=[1, 2, 3], source=1, target=2)
    assert classes(sorting) == {1: [2], 2: [2], 3: [2]}
    with sorting.read() as s:
        assert image_classes.with_several(s) == []
    sorting.undo()
    assert dump(sorting) == before
