"""Faults planted among labels are found first, by answers that may judge them and no others."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from planted import (
    answer_honestly,
    classes_project,
    honest_run,
    labels,
    objects_project,
    other_class,
    some,
)

from cvstudio.core.annotation import Annotation, Source, Split
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box, overlap
from cvstudio.core.jobdir import write_json
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, read_predictions, write_predictions
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.suspects import Doubt
from cvstudio.project import commands, queries, runs, snapshots, suspect_words, suspecting
from cvstudio.project.experiments import book, folds
from cvstudio.project.experiments.plans import FoldsPlan
from cvstudio.project.project import Project
from cvstudio.project.records import Role
from cvstudio.project.suspecting import Fault, Suspect, Suspects


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Project]:
    with objects_project(tmp_path / "objects") as project:
        yield project


@pytest.fixture
def classes(tmp_path: Path) -> Iterator[Project]:
    with classes_project(tmp_path / "classes") as project:
        yield project


def found_in_first(
    rows: Sequence[Suspect],
    planted: Sequence[Annotation],
    *,
    gone: bool = False,
    among: int = 0,
) -> float:
    """The share of what was planted among twice as many suspects from the first one on."""
    first = rows[: among or 2 * len(planted)]
    if not gone:
        named = {row.annotation_id for row in first}
        return sum(a.id in named for a in planted) / len(planted)
    places = [(r.image_id, r.shape) for r in first if isinstance(r.shape, Box)]
    hits = [
        any(image == a.image_id and overlap(box, a.box) > 0.5 for image, box in places)
        for a in planted
    ]
    return sum(hits) / len(planted)


def of(found: Suspects, fault: Fault) -> list[Suspect]:
    return list(found.only({fault}).rows)


def look(project: Project) -> Suspects:
    return suspecting.find(project, suspecting.judges(project)[0])


# What was planted comes first


def test_objects_of_another_class_than_labelled_come_first(objects: Project) -> None:
    honest_run(objects)
    planted = some(labels(objects))
    with objects.transaction("Plant") as s:
        for a in planted:
            commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
    found = look(objects)
    truth = {a.id: a.class_id for a in planted}
    assert found_in_first(of(found, Fault.WRONG_CLASS), planted) >= 0.9
    named = [row for row in of(found, Fault.WRONG_CLASS) if row.annotation_id in truth]
    right = sum(row.proposed == truth[row.annotation_id or 0] for row in named)
    assert right >= 0.9 * len(named)


def test_objects_whose_label_was_removed_come_first_where_they_are(objects: Project) -> None:
    honest_run(objects)
    planted = some(labels(objects))
    with objects.transaction("Plant") as s:
        commands.delete_annotations(s, ids=[a.id for a in planted])
    assert found_in_first(of(look(objects), Fault.OVERLOOKED), planted, gone=True) >= 0.9


def test_boxes_that_were_shifted_come_first_and_are_offered_their_place(objects: Project) -> None:
    honest_run(objects)
    planted = some(labels(objects))
    with objects.transaction("Plant") as s:
        for a in planted:
            moved = Box(a.box.x + 0.4 * SHIFT, a.box.y + 0.35 * SHIFT, a.box.w, a.box.h)
            commands.set_shape(s, id=a.id, shape=moved)
    rows = of(look(objects), Fault.BADLY_PLACED)
    assert found_in_first(rows, planted) >= 0.9
    true = {a.id: a.box for a in planted}
    offered = [row for row in rows if row.annotation_id in true]
    assert all(
        isinstance(row.shape, Box) and overlap(row.shape, true[row.annotation_id or 0]) > 0.7
        for row in offered
    )


SHIFT = 40.0


def test_all_kinds_planted_at_once_share_the_top_of_one_list(objects: Project) -> None:
    honest_run(objects)
    many = some(labels(objects), 0.15)
    swapped, removed, shifted = many[::3], many[1::3], many[2::3]
    with objects.transaction("Plant") as s:
        for a in swapped:
            commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
        commands.delete_annotations(s, ids=[a.id for a in removed])
        for a in shifted:
            moved = Box(a.box.x - 0.4 * SHIFT, a.box.y + 0.4 * SHIFT, a.box.w, a.box.h)
            commands.set_shape(s, id=a.id, shape=moved)
    rows, among = look(objects).rows, 2 * len(many)
    assert found_in_first(rows, removed, gone=True, among=among) >= 0.8
    assert found_in_first(rows, swapped, among=among) >= 0.8
    assert found_in_first(rows, shifted, among=among) >= 0.8


def test_right_labels_alone_are_rarely_called_likely_wrong(objects: Project) -> None:
    honest_run(objects)
    found = look(objects)
    assert found.labels == len(labels(objects))
    assert found.likely <= 0.05 * found.labels


def test_images_of_another_class_than_labelled_come_first(classes: Project) -> None:
    honest_run(classes)
    planted = some(labels(classes))
    with classes.transaction("Plant") as s:
        for a in planted:
            commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
    rows = look(classes).rows
    assert found_in_first(rows, planted) >= 0.9
    assert rows[0].box is None
    assert rows[0].fault is Fault.WRONG_CLASS


def test_one_class_labelled_as_another_again_and_again_is_found_though_the_network_is_unsure(
    classes: Project,
) -> None:
    run = honest_run(classes)
    planted = [a for a in labels(classes) if a.class_id == 3][:25]
    job = runs.job_of(run)
    unsure = {a.image_id for a in planted}
    told = [  # in the other light the network is as unsure of the true class as of a third one
        replace(p, scores={1: 0.40, 2: 0.12, 3: 0.48}) if p.image_id in unsure else p
        for p in read_predictions(job.predictions("val"))
    ]
    write_predictions(job.predictions("val"), told)
    with classes.transaction("Plant") as s:
        commands.set_class(s, ids=[a.id for a in planted], class_id=2)
    assert found_in_first(look(classes).rows, planted) >= 0.9


def test_of_several_classes_an_image_each_is_overlooked_or_not_there(tmp_path: Path) -> None:
    with classes_project(tmp_path / "tags", several=True) as project:
        honest_run(project, told={"several": True})
        everything = labels(project)
        held = Counter(a.image_id for a in everything)
        removed = some([a for a in everything if held[a.image_id] > 1], seed=5)
        lacking = {a.image_id for a in everything if a.class_id == 1}
        with project.read() as s:
            images = [i.id for i in snapshots.images(s, project, split=Split.VAL)]
        wrong = [i for i in images if i not in lacking][:8]
        with project.transaction("Plant") as s:
            commands.delete_annotations(s, ids=[a.id for a in removed])
            for image_id in wrong:
                commands.add_annotation(s, image_id=image_id, class_id=1, shape=None)
        found = look(project)
        missing = {
            (r.image_id, r.proposed) for r in of(found, Fault.OVERLOOKED)[: 2 * len(removed)]
        }
        assert sum((a.image_id, a.class_id) in missing for a in removed) >= 0.8 * len(removed)
        surplus = {
            r.image_id for r in of(found, Fault.NOT_THERE)[: 2 * len(wrong)] if r.labelled == 1
        }
        assert len(surplus & set(wrong)) >= 6
        assert all(r.annotation_id is not None for r in of(found, Fault.NOT_THERE))


@pytest.mark.parametrize("several", [False, True])
def test_where_no_judged_image_has_a_label_any_more_that_is_said_and_nothing_is_suspected(
    tmp_path: Path, several: bool
) -> None:
    with classes_project(tmp_path / "bare", several=several) as project:
        honest_run(project, told={"several": several})
        with project.transaction("Clear") as s:
            commands.delete_annotations(s, ids=[a.id for a in labels(project)])
        found = look(project)
    assert (found.rows, found.images) == ((), 0)
    assert any("not labelled" in words for words in found.notes)


def test_a_network_that_knows_nothing_calls_no_label_likely_wrong(classes: Project) -> None:
    run = honest_run(classes)
    job = runs.job_of(run)
    flat = [
        Prediction(p.image_id, scores={1: 0.35, 2: 0.33, 3: 0.32})
        for p in read_predictions(job.predictions("val"))
    ]
    write_predictions(job.predictions("val"), flat)
    found = look(classes)
    assert found.likely == 0
    assert any("No label errors are claimed" in words for words in found.notes)


def test_an_object_that_was_found_twice_is_suspected_once(objects: Project) -> None:
    run = honest_run(objects)
    job = runs.job_of(run)
    gone = labels(objects)[0]
    answers = []
    for p in read_predictions(job.predictions("val")):
        if p.image_id == gone.image_id:
            box = gone.box
            twins = [
                Found(gone.class_id, 0.99, box),
                Found(gone.class_id, 0.98, Box(box.x + 2, box.y, box.w, box.h)),
                Found(other_class(gone.class_id), 0.97, Box(box.x, box.y + 2, box.w, box.h)),
            ]
            rest = [f for f in p.objects if overlap(f.box, box) < 0.5]
            p = Prediction(p.image_id, objects=(*twins, *rest))
        answers.append(p)
    write_predictions(job.predictions("val"), answers)
    with objects.transaction("Plant") as s:
        commands.delete_annotations(s, ids=[gone.id])
    here = [
        row
        for row in look(objects).rows
        if row.image_id == gone.image_id
        and row.box is not None
        and overlap(row.box, gone.box) > 0.5
    ]
    assert [(row.fault, row.proposed) for row in here] == [(Fault.OVERLOOKED, gone.class_id)]


# Who may judge


def test_images_that_the_run_learned_from_are_never_judged_by_it(objects: Project) -> None:
    run = honest_run(objects)
    job = runs.job_of(run)
    snapshot = read_snapshot(job.snapshot)
    everything = list(read_predictions(job.predictions("val")))
    trained = [Prediction(i.id, objects=()) for i in snapshot.of(Split.TRAIN)]
    write_predictions(job.predictions("val"), [*everything, *trained])
    found = look(objects)
    ids = {image.id for image in snapshot.of(Split.TRAIN)}
    assert found.images == len(everything)
    assert not {row.image_id for row in found.rows} & ids
    assert any(f"{len(trained)} images left out" in words for words in found.notes)


def test_an_image_that_came_to_val_after_it_was_learned_from_stays_out(objects: Project) -> None:
    run = honest_run(objects)
    moved = labels(objects, Split.TRAIN)[0].image_id
    with objects.transaction("Move") as s:
        commands.set_split(s, image_ids=[moved], split=Split.VAL)
        now = snapshots.build(s, objects)
    job = runs.job_of(run)
    answer_honestly(objects, run, now, Split.VAL, seed=4, skill=1.0)
    assert moved in {p.image_id for p in read_predictions(job.predictions("val"))}
    assert moved not in {row.image_id for row in look(objects).rows}


def test_copies_of_images_that_were_learned_from_are_not_judged(objects: Project) -> None:
    with objects.read() as s:
        first = labels(objects, Split.TRAIN)[0].image_id
        twin = labels(objects)[0].image_id
        content = queries.image(s, first).sha256
    with objects.transaction("Copy") as s:
        commands.update_images(s, ("sha256",), [(twin, content)])
    honest_run(objects)
    found = look(objects)
    assert twin not in {row.image_id for row in found.rows}
    assert any("1 image left out" in words for words in found.notes)


def test_a_run_does_not_judge_what_the_run_before_it_learned_from(objects: Project) -> None:
    older = honest_run(objects)
    learned = labels(objects, Split.TRAIN)
    ids = sorted({a.image_id for a in learned})
    fresh = sorted({a.image_id for a in labels(objects)})[:10]
    with objects.transaction("Divide otherwise") as s:
        commands.set_split(s, image_ids=ids, split=Split.VAL)
        commands.set_split(s, image_ids=fresh, split=Split.TRAIN)
    newer = honest_run(objects, parent_id=older.id)
    found = suspecting.find(objects, suspecting.of_run(objects, newer.id))
    assert not {row.image_id for row in found.rows} & {*ids, *fresh}


def test_it_is_said_when_the_run_before_is_gone_and_what_it_learned_from_with_it(
    objects: Project,
) -> None:
    older = honest_run(objects)
    newer = honest_run(objects, parent_id=older.id)
    judge = suspecting.of_run(objects, newer.id)
    assert not any("is gone" in words for words in suspecting.find(objects, judge).notes)
    shutil.rmtree(runs.job_of(older).path)
    assert any("is gone" in words for words in suspecting.find(objects, judge).notes)


def test_folds_judge_every_image_by_the_network_that_did_not_see_it(objects: Project) -> None:
    config = default_config(objects.task, epochs=1, start="scratch")
    experiment = folds.create(objects, FoldsPlan(config=config, k=3))
    division = folds.division_of(experiment)
    for _ in range(2):
        make_fold(objects, experiment.id)
    partly = suspecting.find(objects, suspecting.of_folds(objects, experiment.id))
    assert partly.images == sum(fold <= 2 for fold in division.values())
    assert any("1 fold of 3" in words for words in partly.notes)
    make_fold(objects, experiment.id)
    planted = some([*labels(objects), *labels(objects, Split.TRAIN)])
    with objects.transaction("Plant") as s:
        for a in planted:
            commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
    judge = suspecting.judges(objects)[0]
    assert judge.experiment_id == experiment.id
    found = suspecting.find(objects, judge)
    assert found.images == 60
    assert not any("left out" in words for words in found.notes)
    assert found_in_first(of(found, Fault.WRONG_CLASS), planted) >= 0.8
    fold_of_run = {r.id: r.role.fold for r in runs.all_runs(objects) if r.role is not None}
    assert all(fold_of_run[row.run_id] == division[row.image_id] for row in found.rows)


def make_fold(project: Project, experiment_id: int) -> None:
    experiment = book.get(project, experiment_id)
    run = folds.make_run(project, experiment)
    assert run is not None
    assert isinstance(run.role, Role)
    job = runs.job_of(run)
    answer_honestly(project, run, read_snapshot(job.snapshot), Split.VAL, seed=run.id, skill=0.97)
    write_json(job.report, {"val": {"metrics": {}, "per_class": []}})


def test_without_answers_it_is_said_what_is_to_be_done(objects: Project) -> None:
    run = runs.create_run(objects, default_config(objects.task, epochs=1, start="scratch"))
    assert suspecting.judges(objects) == []
    with pytest.raises(RunError, match="has not been judged on val or test"):
        suspecting.of_run(objects, run.id)


# What is said of them


def test_the_reason_names_both_classes_and_how_often_such_answers_agree(objects: Project) -> None:
    honest_run(objects)
    planted = {a.id: a.class_id for a in some(labels(objects))}
    with objects.transaction("Plant") as s:
        for id, class_id in planted.items():
            commands.set_class(s, ids=[id], class_id=other_class(class_id))
    rows = [r for r in of(look(objects), Fault.WRONG_CLASS) if r.annotation_id in planted]
    names = dict(enumerate(("", "cell", "debris", "bubble")))
    assert len(rows) > 10
    for row in rows:
        true = planted[row.annotation_id or 0]
        assert row.reason.startswith(
            f"Labelled “{names[other_class(true)]}”, but the network finds"
        )
        assert f"“{names[row.proposed]}” here ({row.score:.2f} sure). Of 100 objects" in row.reason


def test_a_class_that_is_gone_is_neither_suspected_nor_proposed(objects: Project) -> None:
    honest_run(objects)
    with objects.transaction("Delete") as s:
        commands.delete_class(s, id=3)
    found = look(objects)
    assert found.rows
    assert not any(3 in (row.labelled, row.proposed) for row in found.rows)


def test_labels_that_a_network_made_are_judged_like_any_other(objects: Project) -> None:
    honest_run(objects)
    image_id = labels(objects)[0].image_id
    with objects.transaction("Plant") as s:
        new = commands.add_annotation(
            s, image_id=image_id, class_id=1, shape=Box(255, 255, 40, 40),
            source=Source.NETWORK, score=0.9,
        )  # fmt: skip
    assert new in {row.annotation_id for row in look(objects).rows}


def test_a_region_that_is_doubted_as_a_whole_is_held_against_its_two_classes_alone() -> None:
    doubt = Doubt(
        Fault.WRONG_REGION, 1, None, 0, 12, 0.9, as_sure=0.9, whole=True, box=Box(1, 2, 3, 4)
    )  # fmt: skip
    assert suspect_words.reason(doubt, {12: "rod"}) == (
        "Labelled background, but the network sees a region of “rod” here. Of 100 such regions that"
        " are labelled background or “rod”, 90 are labelled “rod”."
    )
