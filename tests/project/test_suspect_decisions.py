"""What a person decides about suspects changes labels in one step, and is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from planted import classes_project, honest_run, labels, objects_project, other_class, some

from cvstudio.core.annotation import Annotation, Review, Source, State, area_of
from cvstudio.core.geometry import Box, overlap
from cvstudio.core.masks import Mask
from cvstudio.project import (
    commands,
    image_classes,
    queries,
    shaping,
    suspect_decisions,
    suspecting,
)
from cvstudio.project.project import Project
from cvstudio.project.suspect_decisions import Decision, counts, decide, decisions, forget
from cvstudio.project.suspecting import Fault, Suspect


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Objects of which some were swapped, some removed and some shifted after the run."""
    with objects_project(tmp_path / "objects") as made:
        honest_run(made)
        many = some(labels(made), 0.12)
        with made.transaction("Plant") as s:
            for a in many[::3]:
                commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
            commands.delete_annotations(s, ids=[a.id for a in many[1::3]])
            for a in many[2::3]:
                moved = Box(a.box.x + 16, a.box.y - 14, a.box.w, a.box.h)
                commands.set_shape(s, id=a.id, shape=moved)
        yield made


def suspects(project: Project, fault: Fault) -> list[Suspect]:
    found = suspecting.find(project, suspecting.judges(project)[0])
    return list(found.only({fault}).rows)


def annotation(project: Project, suspect: Suspect) -> Annotation:
    with project.read() as s:
        there = queries.annotations_of(s, [suspect.image_id])[suspect.image_id]
    return next(a for a in there if a.id == suspect.annotation_id)


def test_fixing_a_class_gives_the_proposed_one_and_undo_brings_back_label_and_suspect(
    project: Project,
) -> None:
    first = suspects(project, Fault.WRONG_CLASS)[0]
    assert decide(project, [first], Decision.FIXED).done == 1
    assert annotation(project, first).class_id == first.proposed
    assert counts(project) == {Decision.FIXED: 1}
    assert project.undo_label == "Fix 1 suspected label"
    project.undo()
    assert annotation(project, first).class_id == first.labelled
    assert decisions(project) == []
    assert first in suspects(project, Fault.WRONG_CLASS)


def test_several_are_fixed_in_one_step(project: Project) -> None:
    some = suspects(project, Fault.WRONG_CLASS)[:5]
    assert decide(project, some, Decision.FIXED).done == 5
    assert project.undo_label == "Fix 5 suspected labels"
    project.undo()
    assert [annotation(project, one).class_id for one in some] == [one.labelled for one in some]


def test_fixing_what_was_overlooked_draws_it_as_the_network_found_it(project: Project) -> None:
    first = suspects(project, Fault.OVERLOOKED)[0]
    decide(project, [first], Decision.FIXED)
    with project.read() as s:
        there = queries.annotations_of(s, [first.image_id])[first.image_id]
    new = max(there, key=lambda a: a.id)
    assert (new.shape, new.class_id, new.state) == (first.shape, first.proposed, State.ACCEPTED)
    assert (new.source, new.run_id, new.score) == (Source.NETWORK, first.run_id, first.score)
    again = suspects(project, Fault.OVERLOOKED)
    assert not any(
        one.image_id == first.image_id and one.box is not None and overlap(one.box, new.box) > 0.5
        for one in again
    )


def test_fixing_a_badly_placed_box_moves_it(project: Project) -> None:
    first = suspects(project, Fault.BADLY_PLACED)[0]
    decide(project, [first], Decision.FIXED)
    moved = annotation(project, first)
    assert moved.shape == first.shape
    assert moved.class_id == first.labelled


def test_what_is_not_there_is_deleted_when_it_is_fixed(project: Project) -> None:
    with project.transaction("Plant") as s:
        image_id = labels(project)[0].image_id
        id = commands.add_annotation(s, image_id=image_id, class_id=1, shape=Box(250, 250, 40, 40))
    (found,) = [one for one in suspects(project, Fault.NOT_THERE) if one.annotation_id == id]
    decide(project, [found], Decision.FIXED)
    assert id not in {a.id for a in labels(project)}


def test_a_kept_label_is_left_alone_and_not_suspected_again_by_another_run(
    project: Project,
) -> None:
    first = suspects(project, Fault.WRONG_CLASS)[0]
    before = annotation(project, first)
    decide(project, [first], Decision.KEPT)
    assert annotation(project, first) == before
    honest_run(project, seed=9)
    for judge in suspecting.judges(project):
        found = suspecting.find(project, judge)
        asked = [
            (row.annotation_id, row.fault) for row in found.rows if row.annotation_id is not None
        ]
        assert (first.annotation_id, Fault.WRONG_CLASS) not in asked
    assert suspecting.find(project, suspecting.judges(project)[-1]).decided == 1


def test_a_kept_label_is_suspected_again_once_its_class_is_another_one(project: Project) -> None:
    first = suspects(project, Fault.WRONG_CLASS)[0]
    decide(project, [first], Decision.KEPT)
    third = ({1, 2, 3} - {first.labelled, first.proposed}).pop()
    with project.transaction("Relabel") as s:
        commands.set_class(s, ids=[first.annotation_id or 0], class_id=third)
    again = suspects(project, Fault.WRONG_CLASS)
    assert first.annotation_id in {one.annotation_id for one in again}


def test_a_place_without_a_label_that_was_kept_so_is_not_named_again(project: Project) -> None:
    first = suspects(project, Fault.OVERLOOKED)[0]
    decide(project, [first], Decision.KEPT)
    assert first not in suspects(project, Fault.OVERLOOKED)
    other = next(
        one for one in suspects(project, Fault.OVERLOOKED) if one.image_id != first.image_id
    )
    assert other.doubt <= first.doubt


def test_a_rejected_label_sends_its_image_back_with_the_reason(project: Project) -> None:
    first = suspects(project, Fault.WRONG_CLASS)[0]
    with project.transaction("Review") as s:
        commands.set_review(s, image_ids=[first.image_id], review=Review.REVIEWED)
    decide(project, [first], Decision.REJECTED, reason="Neither of the two.")
    with project.read() as s:
        assert queries.image(s, first.image_id).review is Review.LABELLED
    assert annotation(project, first).class_id == first.labelled
    assert first not in suspects(project, Fault.WRONG_CLASS)


def test_a_label_that_was_changed_meanwhile_or_is_locked_is_left_and_that_is_said(
    project: Project,
) -> None:
    one, two, three = suspects(project, Fault.WRONG_CLASS)[:3]
    third = ({1, 2, 3} - {one.labelled, one.proposed}).pop()
    with project.transaction("Meanwhile") as s:
        commands.set_class(s, ids=[one.annotation_id or 0], class_id=third)
        shaping.set_locked(s, ids=[two.annotation_id or 0], locked=True)
    outcome = decide(project, [one, two, three], Decision.FIXED)
    assert outcome.done == 1
    assert len(outcome.left) == 2
    assert any("no longer what was suspected" in words for words in outcome.left)
    assert any("locked" in words for words in outcome.left)
    assert annotation(project, one).class_id == third
    assert annotation(project, two).class_id == two.labelled
    assert annotation(project, three).class_id == three.proposed
    assert counts(project) == {Decision.FIXED: 1}


def test_an_image_that_was_removed_meanwhile_is_left_out_and_the_others_are_fixed(
    project: Project,
) -> None:
    first, *others = suspects(project, Fault.OVERLOOKED)
    other = next(each for each in others if each.image_id != first.image_id)
    with project.transaction("Remove") as s:
        commands.remove_images(s, ids=[first.image_id])
    outcome = decide(project, [first, other], Decision.FIXED)
    assert outcome == suspect_decisions.Outcome(1, ("An image is no longer there.",))


def test_pixels_are_taken_out_of_no_label_when_one_that_has_them_is_locked(
    project: Project,
) -> None:
    """Both labels have the pixels; the suspect names one of them."""
    image_id = labels(project)[0].image_id
    pixels = Mask.from_patch(np.ones((20, 20), np.uint8), 0, 0)
    wide = Mask.from_patch(np.ones((30, 40), np.uint8), 0, 0)
    assert pixels is not None
    assert wide is not None
    with project.transaction("Draw") as s:
        below, above = (
            commands.add_annotation(s, image_id=image_id, class_id=1, shape=shape)
            for shape in (wide, pixels)
        )
        shaping.set_locked(s, ids=[below], locked=True)
    suspect = Suspect(
        Fault.WRONG_REGION, image_id, above, 1, 0, pixels.box, pixels, 0.9, None, "", 1
    )
    outcome = decide(project, [suspect], Decision.FIXED)
    assert outcome == suspect_decisions.Outcome(0, ("A label is locked: unlock it to change it.",))
    assert {below, above} <= {a.id for a in labels(project)}
    with project.transaction("Unlock") as s:
        shaping.set_locked(s, ids=[below], locked=False)
    assert decide(project, [suspect], Decision.FIXED).done == 1
    left = {a.id: a for a in labels(project)}
    assert above not in left
    assert area_of(left[below].shape) == 30 * 40 - 20 * 20


def test_what_was_fixed_is_suspected_again_when_it_is_wrong_again(project: Project) -> None:
    first = suspects(project, Fault.BADLY_PLACED)[0]
    before = annotation(project, first)
    decide(project, [first], Decision.FIXED)
    assert first.annotation_id not in {o.annotation_id for o in suspects(project, first.fault)}
    with project.transaction("Move back") as s:
        commands.set_shape(s, id=before.id, shape=before.shape)
    assert first.annotation_id in {o.annotation_id for o in suspects(project, first.fault)}


def test_a_label_that_was_kept_among_the_errors_of_a_run_is_not_suspected(
    project: Project,
) -> None:
    first = suspects(project, Fault.WRONG_CLASS)[0]
    with project.transaction("Keep") as s:
        key = f"{suspect_decisions.KEPT_CASES}{first.run_id}"
        commands.set_setting(s, key, [[first.image_id, first.annotation_id, 3], [1, 0, 7]])
    found = suspecting.find(project, suspecting.judges(project)[0])
    assert first.annotation_id not in {row.annotation_id for row in found.rows}
    assert found.decided == 1


def test_a_decision_can_be_forgotten(project: Project) -> None:
    first, second = suspects(project, Fault.WRONG_CLASS)[:2]
    decide(project, [first, second], Decision.KEPT)
    (mine,) = [d for d in decisions(project) if d.about(first)]
    forget(project, [mine])
    left = suspects(project, Fault.WRONG_CLASS)
    assert first in left
    assert second not in left


def test_decisions_survive_closing_the_project(project: Project) -> None:
    first = suspects(project, Fault.OVERLOOKED)[0]
    decide(project, [first], Decision.KEPT)
    before, path = decisions(project), project.path
    project.close()
    with Project.open(path) as again:
        assert decisions(again) == before
        assert counts(again, [first.run_id]) == {Decision.KEPT: 1}
        assert counts(again, [first.run_id + 1]) == {}


def test_fixing_the_class_of_an_image_replaces_it(tmp_path: Path) -> None:
    with classes_project(tmp_path / "classes") as project:
        honest_run(project)
        planted = some(labels(project))
        with project.transaction("Plant") as s:
            for a in planted:
                commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
        first = suspects(project, Fault.WRONG_CLASS)[0]
        decide(project, [first], Decision.FIXED)
        assert annotation(project, first).class_id == first.proposed
        assert len([a for a in labels(project) if a.image_id == first.image_id]) == 1


def test_of_several_classes_one_is_added_and_one_taken_away(tmp_path: Path) -> None:
    with classes_project(tmp_path / "tags", several=True) as project:
        honest_run(project, told={"several": True})
        everything = labels(project)
        have = {a.image_id for a in everything if a.class_id == 1}
        lacking = next(a.image_id for a in everything if a.image_id not in have)
        full = next(
            a for a in everything
            if a.class_id == 1 and sum(b.image_id == a.image_id for b in everything) > 1
        )  # fmt: skip
        with project.transaction("Plant") as s:
            commands.add_annotation(s, image_id=lacking, class_id=1, shape=None)
            commands.delete_annotations(s, ids=[full.id])
        surplus = next(o for o in suspects(project, Fault.NOT_THERE) if o.image_id == lacking)
        missing = next(
            o for o in suspects(project, Fault.OVERLOOKED) if o.image_id == full.image_id
        )
        decide(project, [surplus, missing], Decision.FIXED)
        with project.read() as s:
            held = image_classes.classes_of(s, [lacking, full.image_id])
        assert 1 not in held[lacking]
        assert 1 in held[full.image_id]


def test_a_label_can_be_deleted_whatever_was_proposed(project: Project) -> None:
    first = suspects(project, Fault.WRONG_CLASS)[0]
    place = suspects(project, Fault.OVERLOOKED)[0]
    outcome = decide(project, [first, place], Decision.DELETED)
    assert outcome == suspect_decisions.Outcome(1, ("There is no label to delete.",))
    assert first.annotation_id not in {a.id for a in labels(project)}
