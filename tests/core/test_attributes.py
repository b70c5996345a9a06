"""Attributes of classes as values: what they take, how they are stored, where values lie."""

from __future__ import annotations

import pytest

from cvstudio.core.attributes import (
    Attribute,
    AttributeKind,
    pack,
    said_of,
    unpack,
    values_in,
    with_inherited,
    with_value,
)

TORN = Attribute("torn", AttributeKind.CHECKBOX, default=False)
FORM = Attribute("form", AttributeKind.CHOICE, choices=("round", "sickle"), default="round")
YES_NO = Attribute("torn", AttributeKind.CHOICE, choices=("yes", "no"))
LENGTH = Attribute("length", AttributeKind.NUMBER, low=0, high=50, unit="µm")
NOTE = Attribute("note", AttributeKind.TEXT)


@pytest.mark.parametrize(
    ("attribute", "written", "taken"),
    [
        (TORN, "Yes", True), (TORN, 1, True), (TORN, "no", False), (TORN, "perhaps", None),
        (FORM, "sickle", "sickle"), (FORM, "square", None),
        (YES_NO, True, "yes"), (YES_NO, False, "no"), (LENGTH, 10**400, None),
        (LENGTH, "12.5", 12.5), (LENGTH, 12.0, 12), (LENGTH, 51, None), (LENGTH, -1, None),
        (LENGTH, "long", None), (LENGTH, True, None), (LENGTH, float("nan"), None),
        (NOTE, "at the rim", "at the rim"), (NOTE, 7, "7"), (NOTE, "  ", None),
    ],
)  # fmt: skip
def test_an_attribute_takes_its_own_values_and_no_others(attribute, written, taken) -> None:
    assert attribute.taken(written) == taken
    assert type(attribute.taken(written)) is type(taken)


def test_definitions_come_back_from_the_database_as_they_were() -> None:
    assert unpack(pack([TORN, FORM, LENGTH, NOTE])) == (TORN, FORM, LENGTH, NOTE)
    assert pack([]) is None
    assert unpack(None) == ()


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        (Attribute("  ", AttributeKind.TEXT), "needs a name"),
        (Attribute("iscrowd", AttributeKind.TEXT), "word of the file formats"),
        (Attribute("coco", AttributeKind.TEXT), "word of the file formats"),
        (Attribute("rotation", AttributeKind.NUMBER), "word of the file formats"),
        (Attribute("form", AttributeKind.CHOICE), "at least one choice"),
        (Attribute("form", AttributeKind.CHOICE, choices=("a", "a")), "twice"),
        (Attribute("size", AttributeKind.NUMBER, low=5, high=1), "ends below"),
        (Attribute("size", AttributeKind.NUMBER, low=5, default=1), "none of its values"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(attribute: Attribute, words: str) -> None:
    assert words in attribute.problem()
    assert FORM.problem() == ""


def test_a_kind_asks_what_its_class_asks_unless_it_asks_it_in_its_own_way() -> None:
    own_form = Attribute("form", AttributeKind.TEXT)
    asked = with_inherited({1: [TORN, FORM], 2: [own_form, NOTE]}, {1: None, 2: 1, 3: 2, 4: None})
    assert asked == {
        1: (TORN, FORM), 2: (TORN, own_form, NOTE), 3: (TORN, own_form, NOTE), 4: (),
    }  # fmt: skip


def test_a_value_stays_where_the_import_has_put_it_and_a_new_one_goes_where_cvat_looks() -> None:
    carried = {"coco": {"id": 4}, "difficult": 1, "attributes": {"occluded": False}, "iscrowd": 1}
    assert values_in(carried) == {"difficult": 1, "occluded": False}
    changed = with_value(carried, "difficult", True)
    changed = with_value(changed, "occluded", True)
    changed = with_value(changed, "form", "round")
    assert changed == {
        "coco": {"id": 4}, "difficult": True, "iscrowd": 1,
        "attributes": {"occluded": True, "form": "round"},
    }  # fmt: skip
    for name in ("occluded", "form", "difficult"):
        changed = with_value(changed, name, None)
    assert changed == {"coco": {"id": 4}, "iscrowd": 1}


@pytest.mark.parametrize("more", [{}, {"attributes": {"form": "round"}}, {"attributes": [1, 2]}])
def test_a_value_never_takes_the_place_of_what_is_none(more) -> None:
    carried = {"keypoints": [1, 2, 2], "coco": {"id": 4}, **more}
    for name in ("keypoints", "coco"):
        for value in ("x", None):
            changed = with_value(carried, name, value)
            assert changed["keypoints"] == [1, 2, 2]
            assert changed["coco"] == {"id": 4}


def test_attributes_that_are_no_object_in_a_file_are_kept_as_they_are() -> None:
    assert with_value({"attributes": [1, 2]}, "form", "round") == {
        "attributes": [1, 2], "form": "round",
    }  # fmt: skip


def test_an_annotation_says_its_values_in_few_words() -> None:
    values = {"attributes": {"torn": True, "form": "round", "length": 12.5, "other": "x"}}
    assert said_of(values, (FORM, TORN, LENGTH, NOTE)) == "round, torn, 12.5 µm"
    assert said_of({"attributes": {"torn": False, "form": "square"}}, (FORM, TORN)) == ""
