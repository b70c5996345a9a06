"""One attribute of all objects of a class on many images: counted, given, kept, taken away."""

from __future__ import annotations

import pytest
from project_state import dump

from cvstudio.core.annotation import State
from cvstudio.core.attributes import Attribute, AttributeKind, Value, values_in
from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box
from cvstudio.project import attribute_changes, attribute_values, commands, queries, shaping
from cvstudio.project.attribute_changes import Edit
from cvstudio.project.attribute_values import Objects, Reach
from cvstudio.project.project import Project

FORM = Attribute("form", AttributeKind.CHOICE, choices=("round", "sickle", "1"))
TORN = Attribute("torn", AttributeKind.CHECKBOX)


@pytest.fixture
def drawn(project: Project) -> Project:
    """Objects of class 1: image 1 round, round; image 2 sickle, nothing; image 3 a locked one
    and a suggestion; image 4 round. Class 2 has an object on image 1."""
    with project.transaction("Ask") as s:
        for class_id in (1, 2):
            attribute_changes.define(s, class_id=class_id, edits=[Edit(FORM), Edit(TORN)])

        def add(image: int, form: Value | None = None, class_id: int = 1, **more: object) -> int:
            carried = {"attributes": {"form": form}} if form is not None else None
            return commands.add_annotation(
                s, image_id=image, class_id=class_id, shape=Box(1, 1, 9, 9), attributes=carried,
                **more,  # type: ignore[arg-type]
            )  # fmt: skip

        for image, form in ((1, "round"), (1, "round"), (2, "sickle"), (2, None), (4, "round")):
            add(image, form)
        shaping.set_locked(s, ids=[add(3, "sickle")], locked=True)
        add(3, "sickle", state=State.SUGGESTED)
        add(1, "sickle", class_id=2)
    return project


def look(project: Project, *images: int, name: str = "form") -> Objects:
    with project.read() as s:
        return attribute_values.objects(s, image_ids=images, class_id=1, name=name)


def give(project: Project, value: Value | None, *images: int, keep: bool = False) -> Reach:
    with project.transaction("Set") as s:
        return attribute_values.give(
            s, image_ids=images, class_id=1, name="form", value=value, keep=keep
        )


def forms(project: Project, image: int) -> list[Value | None]:
    with project.read() as s:
        return [values_in(a.attributes).get("form") for a in queries.annotations(s, image)]


@pytest.mark.parametrize(
    ("value", "keep", "images", "reach"),
    [
        ("round", False, (1, 2, 3), Reach(objects=2, images=1, alike=2, locked=1)),
        ("sickle", False, (1, 2, 3), Reach(objects=3, images=2, alike=2, locked=0)),
        ("sickle", True, (1, 2, 3), Reach(objects=1, images=1, alike=4, locked=0)),
        (None, False, (1, 2, 3), Reach(objects=3, images=2, alike=1, locked=1)),
        ("round", False, (1, 4), Reach(objects=0, images=0, alike=3, locked=0)),
        ("round", False, (), Reach()),
        ("1", False, (4,), Reach(objects=1, images=1)),
    ],
)
def test_what_is_counted_before_is_what_is_done(
    drawn: Project, value: Value | None, keep: bool, images: tuple[int, ...], reach: Reach
) -> None:
    before = {image: forms(drawn, image) for image in (1, 2, 3, 4)}
    assert look(drawn, *images).reach(value, keep=keep) == reach
    assert give(drawn, value, *images, keep=keep) == reach
    after = {image: forms(drawn, image) for image in (1, 2, 3, 4)}
    changed = sum(
        a != b for image in before for a, b in zip(before[image], after[image], strict=True)
    )
    assert changed == reach.objects


def test_locked_objects_suggestions_and_other_classes_stay_and_it_is_one_step(
    drawn: Project,
) -> None:
    before = dump(drawn)
    give(drawn, "1", 1, 2, 3, 4)
    assert forms(drawn, 1) == ["1", "1", "sickle"]
    assert forms(drawn, 2) == ["1", "1"]
    assert forms(drawn, 3) == ["sickle", "sickle"]
    drawn.undo()
    assert dump(drawn) == before


def test_what_the_objects_say_now_is_counted(drawn: Project) -> None:
    assert look(drawn, 1, 2, 3).counts() == [("round", 2), ("sickle", 2), (None, 1)]
    assert look(drawn, 5).counts() == []


def test_one_is_not_yes(project: Project) -> None:
    with project.transaction("Ask") as s:
        attribute_changes.define(s, class_id=1, edits=[Edit(TORN)])
        for torn in (True, 1, False):
            commands.add_annotation(
                s, image_id=1, class_id=1, shape=Box(1, 1, 9, 9),
                attributes={"attributes": {"torn": torn}},
            )  # fmt: skip
    found = look(project, 1, name="torn")
    assert found.counts() == [(True, 1), (1, 1), (False, 1)]
    assert found.reach(True, keep=False).objects == 2


def test_a_value_that_the_class_does_not_ask_for_changes_nothing(drawn: Project) -> None:
    before = dump(drawn)
    with pytest.raises(ProjectError, match="no value"):
        give(drawn, "square", 1, 2)
    assert dump(drawn) == before


def test_very_many_objects_are_given_in_parts_and_a_stop_between_them_undoes_all(
    drawn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribute_values, "_AT_ONCE", 2)
    before, told = dump(drawn), []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), drawn.transaction("Set") as s:
        attribute_values.give(s, image_ids=(1, 2, 4), class_id=1, name="form", value="1", told=stop)
    assert told == [(0, 5), (2, 5), (4, 5)]
    assert dump(drawn) == before
