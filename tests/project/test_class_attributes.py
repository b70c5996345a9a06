"""Attributes of classes in a project: defined, changed, given, found; each change one step."""

from __future__ import annotations

import pytest
from project_state import dump

from cvstudio.core.annotation import Source
from cvstudio.core.attributes import Attribute, AttributeKind, values_in
from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box
from cvstudio.project import attribute_changes, attributes, class_tree, commands, finding, queries
from cvstudio.project.attribute_changes import Edit
from cvstudio.project.project import Project
from cvstudio.project.query_language import QueryError, quote
from cvstudio.project.records import ImageFilter

TORN = Attribute("torn", AttributeKind.CHECKBOX)
FORM = Attribute("form", AttributeKind.CHOICE, choices=("round", "sickle"))
LENGTH = Attribute("length", AttributeKind.NUMBER, low=0, high=50, unit="µm")
BOX = Box(5, 5, 20, 20)


def define(project: Project, class_id: int, *edits: Edit) -> attribute_changes.Plan:
    with project.transaction("Change attributes") as s:
        return attribute_changes.define(s, class_id=class_id, edits=edits)


def planned(project: Project, class_id: int, *edits: Edit) -> attribute_changes.Plan:
    with project.read() as s:
        return attribute_changes.plan(s, class_id=class_id, edits=edits)


def draw(project: Project, image: int, class_id: int = 1, **values: object) -> int:
    with project.transaction("Draw") as s:
        return commands.add_annotation(
            s, image_id=image, class_id=class_id, shape=BOX,
            attributes={"attributes": values} if values else None,
        )  # fmt: skip


def values(project: Project, id: int) -> dict[str, object]:
    with project.read() as s:
        found = queries.annotation(s, id)
    assert found is not None
    return dict(values_in(found.attributes))


def images(project: Project, query: str) -> list[int]:
    with project.read() as s:
        finding.check(s, query)
        return queries.image_ids(s, ImageFilter(query=query))


def test_what_is_drawn_has_the_defaults_of_its_class_and_of_the_class_above(
    project: Project,
) -> None:
    define(project, 1, Edit(Attribute("form", FORM.kind, FORM.choices, default="sickle")))
    define(project, 2, Edit(Attribute("torn", TORN.kind, default=False)))
    with project.transaction("Nest") as s:
        class_tree.set_parent(s, id=2, parent_id=1)
    assert values(project, draw(project, 1, class_id=2)) == {"form": "sickle", "torn": False}
    assert values(project, draw(project, 1, class_id=3)) == {}
    with project.transaction("From a network") as s:
        id = commands.add_annotation(
            s, image_id=1, class_id=1, shape=BOX, source=Source.NETWORK, run_id=1
        )
    assert values(project, id) == {}


def test_values_are_given_to_many_at_once_and_none_that_the_class_does_not_ask_for(
    project: Project,
) -> None:
    define(project, 1, Edit(TORN), Edit(LENGTH))
    first, second = draw(project, 1), draw(project, 2)
    before = dump(project)
    with project.transaction("Set torn") as s:
        attributes.set_value(s, ids=[first, second], name="torn", value="yes")
    assert values(project, first) == values(project, second) == {"torn": True}
    for name, value, words in (("form", "round", "no attribute"), ("length", 99, "no value of")):
        with pytest.raises(ProjectError, match=words), project.transaction("Set") as s:
            attributes.set_value(s, ids=[first], name=name, value=value)
    project.undo()
    assert dump(project) == before


def test_values_follow_an_attribute_and_a_choice_under_another_name(project: Project) -> None:
    define(project, 1, Edit(FORM), Edit(TORN))
    ids = [draw(project, 1, form="round", torn=True), draw(project, 2, form="sickle")]
    edits = (
        Edit(Attribute("shape", FORM.kind, ("circular", "sickle")), was="form"),
        Edit(Attribute("broken", TORN.kind), was="torn"),
    )
    made = planned(project, 1, *edits)
    assert not made.lost
    assert "1 object in 1 image has “circular” for “round”." in made.lines
    before = dump(project)
    define(project, 1, *edits)
    assert [values(project, id) for id in ids] == [
        {"shape": "circular", "broken": True}, {"shape": "sickle"},
    ]  # fmt: skip
    project.undo()
    assert dump(project) == before


def test_what_a_change_of_definitions_would_lose_is_counted_before_and_comes_back(
    project: Project,
) -> None:
    define(project, 1, Edit(FORM), Edit(LENGTH), Edit(TORN))
    with project.transaction("Nest") as s:
        class_tree.set_parent(s, id=2, parent_id=1)
    draw(project, 1, form="sickle", length=40, torn=True)
    draw(project, 1, class_id=2, form="sickle", length=10)
    draw(project, 2, form="round")
    edits = (
        Edit(Attribute("form", FORM.kind, ("round",)), was="form"),
        Edit(Attribute("length", LENGTH.kind, high=20), was="length"),
    )
    before = dump(project)
    made = planned(project, 1, *edits)
    assert made.lost
    assert set(made.lines) == {
        "2 objects in 1 image lose the value of “form”.",
        "1 object in 1 image loses the value of “length”.",
        "1 object in 1 image loses the value of “torn”.",
    }
    assert dump(project) == before
    define(project, 1, *edits)
    with project.read() as s:
        found = [a.attributes for each in (1, 2) for a in queries.annotations(s, each)]
    assert found == [{}, {"attributes": {"length": 10}}, {"attributes": {"form": "round"}}]
    project.undo()
    assert dump(project) == before


def test_two_attributes_may_take_each_others_names(project: Project) -> None:
    define(project, 1, Edit(Attribute("a", AttributeKind.TEXT)), Edit(TORN))
    id = draw(project, 1, a="x", torn=True)
    define(
        project, 1,
        Edit(Attribute("torn", AttributeKind.TEXT), was="a"),
        Edit(Attribute("a", AttributeKind.CHECKBOX), was="torn"),
    )  # fmt: skip
    assert values(project, id) == {"torn": "x", "a": True}


def test_what_an_import_carries_is_kept_when_it_is_asked_for_and_does_not_fit(
    project: Project,
) -> None:
    good, odd = draw(project, 1, form="round", torn="yes"), draw(project, 2, form="Square")
    made = define(project, 1, Edit(FORM), Edit(TORN))
    assert made.lines == ["1 object in 1 image keeps what is no value of “form”."]
    assert values(project, good) == {"form": "round", "torn": True}
    assert values(project, odd) == {"form": "Square"}


def test_the_default_is_given_to_those_without_a_value_only_when_asked(project: Project) -> None:
    first, second = draw(project, 1), draw(project, 2, form="sickle")
    form = Attribute("form", FORM.kind, FORM.choices, default="round")
    assert planned(project, 1, Edit(form)).lines == []
    made = define(project, 1, Edit(form, fill=True))
    assert made.lines == ["1 object in 1 image gets the default of “form”."]
    assert values(project, first) == {"form": "round"}
    assert values(project, second) == {"form": "sickle"}


def test_definitions_that_cannot_be_are_refused(project: Project) -> None:
    with pytest.raises(ProjectError, match="two attributes"):
        planned(project, 1, Edit(FORM), Edit(Attribute("Form", AttributeKind.TEXT)))
    with pytest.raises(ProjectError, match="at least one choice"):
        planned(project, 1, Edit(Attribute("form", AttributeKind.CHOICE)))


def test_a_class_is_split_by_an_attribute_that_was_defined_for_it(project: Project) -> None:
    define(project, 1, Edit(FORM))
    draw(project, 1, form="round")
    draw(project, 2, form="sickle")
    with project.transaction("Split") as s:
        class_tree.split_by_attribute(s, id=1, attribute="form")
    with project.read() as s:
        names = {c.id: c.name for c in queries.classes(s)}
        split = [names[a.class_id] for each in (1, 2) for a in queries.annotations(s, each)]
        asked = attributes.asked(s)
    assert split == ["red cell round", "red cell sickle"]
    assert all(asked[id] == (FORM,) for id, name in names.items() if name in split)


def test_images_are_found_by_the_attributes_of_their_objects(project: Project) -> None:
    define(project, 1, Edit(FORM), Edit(TORN), Edit(LENGTH))
    draw(project, 1, form="round", torn=True, length=12)
    draw(project, 2, form="sickle", torn=False, length=30.5)
    with project.transaction("As an import has it") as s:
        commands.add_annotation(
            s, image_id=3, class_id=2, shape=BOX, attributes={"difficult": 1, "pose": "Left"}
        )
    assert images(project, "attribute:form=round") == [1]
    assert images(project, "attribute:form=Round,form=sickle") == [1, 2]
    assert images(project, "attribute:torn=no") == [2]
    assert images(project, "attribute:torn") == [1, 2]
    assert images(project, 'attribute:"length>12"') == [2]
    assert images(project, "attribute:length>=12 attribute:torn=yes") == [1]
    assert images(project, "attribute:difficult=1") == [3]
    assert images(project, "attribute:pose=left") == [3]
    assert images(project, 'class:"red cell" attribute:form=round count:1') == [1]
    assert 1 not in images(project, "-attribute:form=round")


def test_a_slip_in_a_query_for_attributes_is_answered_with_what_there_is(project: Project) -> None:
    define(project, 1, Edit(FORM), Edit(LENGTH))
    for query, words in (
        ("attribute:from=round", "Did you mean form"),
        ("attribute:form=rund", "Did you mean round"),
        ("attribute:length>long", "compares numbers"),
        ("attribute:form=", "a value is missing"),
    ):
        with project.read() as s, pytest.raises(QueryError, match=words):
            finding.check(s, query)
    with project.read() as s:
        assert "form=sickle" in finding.vocabulary(s)["attribute"]


@pytest.mark.parametrize("what", ["merge", "delete"])
def test_classes_go_on_asking_when_one_goes_and_one_undo_brings_all_back(
    project: Project, what: str
) -> None:
    define(project, 1, Edit(FORM), Edit(TORN))
    define(project, 2, Edit(Attribute("torn", AttributeKind.TEXT)), Edit(LENGTH))
    with project.transaction("Nest") as s:
        class_tree.set_parent(s, id=3, parent_id=1)
    before = dump(project)
    with project.transaction(what) as s:
        if what == "merge":
            class_tree.merge(s, sources=[1], target=2)
        else:
            class_tree.delete(s, ids=[1])
    with project.read() as s:
        asked = attributes.asked(s)
    text = Attribute("torn", AttributeKind.TEXT)
    if what == "merge":
        assert asked[2] == (text, LENGTH, FORM)
        assert set(asked[3]) == {LENGTH, FORM, TORN}
    else:
        assert asked == {2: (text, LENGTH), 3: (FORM, TORN)}
    project.undo()
    assert dump(project) == before


@pytest.mark.parametrize("name", ["größe", 'the "long" side', "a\\b", "100 %_x"])
def test_attributes_of_any_name_are_found(project: Project, name: str) -> None:
    define(project, 1, Edit(Attribute(name, AttributeKind.TEXT)))
    draw(project, 4, **{name: "yes!"})
    assert images(project, f"attribute:{quote(name + '=yes!')}") == [4]
    assert images(project, f"attribute:{quote(name)}") == [4]


def test_a_plan_is_carried_out_as_it_was_shown_and_told_on_the_way(project: Project) -> None:
    define(project, 1, Edit(FORM))
    ids = [draw(project, image, form="sickle") for image in (1, 1, 2)]
    told: list[tuple[int, int]] = []
    rename = Edit(Attribute("shape", FORM.kind, FORM.choices), was="form")
    with project.read() as s:
        made = attribute_changes.plan(
            s, class_id=1, edits=[rename], told=lambda *far: told.append(far)
        )
    assert told == [(0, 3)]
    with project.transaction("Change") as s:
        attribute_changes.carry_out(s, made, told=lambda *far: told.append(far))
    assert told == [(0, 3), (0, 3)]
    assert [values(project, id) for id in ids] == [{"shape": "sickle"}] * 3


def test_a_plan_of_yesterday_is_carried_out_when_it_still_says_the_same_and_else_refused(
    project: Project,
) -> None:
    define(project, 1, Edit(FORM))
    ids = [draw(project, 1, form="sickle"), draw(project, 2, form="round")]
    only_round = Edit(Attribute("form", FORM.kind, ("round",)), was="form")
    made = planned(project, 1, only_round)
    ids.append(draw(project, 3, form="round"))
    with project.transaction("Change") as s:
        attribute_changes.carry_out(s, made)
    assert [values(project, id) for id in ids] == [{}, {"form": "round"}, {"form": "round"}]
    project.undo()
    made = planned(project, 1, only_round)
    draw(project, 3, form="sickle")
    before = dump(project)
    with (
        pytest.raises(ProjectError, match="Objects have changed meanwhile"),
        project.transaction("Change") as s,
    ):
        attribute_changes.carry_out(s, made)
    assert dump(project) == before


def test_a_plan_that_is_stopped_halfway_changes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribute_changes, "_AT_ONCE", 1)
    define(project, 1, Edit(FORM))
    for image in (1, 2, 3):
        draw(project, image, form="sickle")
    made = planned(project, 1, Edit(Attribute("form", FORM.kind, ("round",)), was="form"))
    before = dump(project)

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), project.transaction("Change") as s:
        attribute_changes.carry_out(s, made, told=stop)
    assert dump(project) == before
