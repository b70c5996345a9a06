"""Attributes of a class in the class manager: written in a form, their effect said before."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from dialog_hands import answer_over, in_manager
from person import Person
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel

from cvstudio.core.annotation import Source, State
from cvstudio.core.attributes import Attribute, AttributeKind, values_in
from cvstudio.core.geometry import Box
from cvstudio.gui import class_manager
from cvstudio.gui.class_attributes import AttributesDialog, Draft
from cvstudio.gui.class_manager import ClassManager
from cvstudio.gui.class_tree_view import moved
from cvstudio.project import attribute_changes, attributes, class_tree, commands, queries
from cvstudio.project.attribute_changes import Edit

FORM = Attribute("form", AttributeKind.CHOICE, choices=("round", "sickle"))


def in_attributes(person: Person, do: Callable[[AttributesDialog], None]) -> None:
    """Open the attributes of class 1 by their button and do something there."""

    def manage(manager: ClassManager) -> None:
        manager.tree.select_class(1)

        def act(dialog: QDialog) -> None:
            assert isinstance(dialog, AttributesDialog)
            do(dialog)

        answer_over(manager, act)
        person.click(person.button("Attributes", manager))

    in_manager(person, manage)


def words_of(dialog: QDialog) -> str:
    return "\n".join(part.text() for part in dialog.findChildren(QLabel))


def asked(person: Person, class_id: int = 1) -> tuple[Attribute, ...]:
    with person.project.read() as s:
        return attributes.asked(s)[class_id]


def define(person: Person, *edits: Edit) -> None:
    with person.project.transaction("Prepare") as s:
        attribute_changes.define(s, class_id=1, edits=edits)


@pytest.fixture
def formed(studio_window: Person) -> Person:
    """One RBC is round, two are sickle; the class asks for the form."""
    define(studio_window, Edit(FORM))
    with studio_window.project.transaction("Prepare") as s:
        for image, form in ((1, "round"), (2, "sickle"), (2, "sickle")):
            commands.add_annotation(
                s, image_id=image, class_id=1, shape=Box(1, 1, 9, 9),
                attributes={"attributes": {"form": form}},
            )  # fmt: skip
    return studio_window


def test_suggestions_are_told_apart_from_objects_that_lose_a_value(formed: Person) -> None:
    with formed.project.transaction("Suggest") as s:
        for state in (State.SUGGESTED, State.SUGGESTED, State.REJECTED):
            commands.add_annotation(
                s, image_id=3, class_id=1, shape=Box(1, 1, 9, 9), source=Source.NETWORK,
                score=0.5, state=state, attributes={"attributes": {"form": "round"}},
            )  # fmt: skip
    told: list[str] = []

    def remove(dialog: AttributesDialog) -> None:
        formed.click(dialog.minus)
        formed.until(lambda: dialog.plan is not None)
        told.append(dialog.effects.text())
        dialog.reject()

    in_attributes(formed, remove)
    assert told == [
        "3 objects in 2 images, 2 suggestions and 1 rejected suggestion lose the value of “form”."
    ]


def test_attributes_of_every_kind_are_written_in_the_form_and_stored_in_one_step(
    studio_window: Person,
) -> None:
    def write(dialog: AttributesDialog) -> None:
        form = dialog.form
        assert not dialog.go.isEnabled()
        studio_window.click(dialog.plus)
        studio_window.type(form.name, "torn")
        studio_window.click(dialog.plus)
        studio_window.type(form.name, "form")
        form.kind.choose(1)
        form.kind.chosen.emit(1)
        for choice in ("round", "sickle"):
            studio_window.type(form.choices, choice)
            studio_window.key("Return", form.choices)
        form.default_choice.setCurrentIndex(form.default_choice.findData("round"))
        form.default_choice.activated.emit(form.default_choice.currentIndex())
        studio_window.click(dialog.plus)
        studio_window.type(form.name, "length")
        form.kind.choose(2)
        form.kind.chosen.emit(2)
        for field, text in ((form.low, "0"), (form.high, "50"), (form.unit, "µm")):
            studio_window.type(field, text)
        assert [dialog.list.item(row).text() for row in range(3)] == ["torn", "form", "length"]
        studio_window.click(dialog.up)
        studio_window.until(lambda: dialog.effects.text() == "No value of any object changes.")
        studio_window.click(dialog.go)

    in_attributes(studio_window, write)
    assert asked(studio_window) == (
        Attribute("torn", AttributeKind.CHECKBOX),
        Attribute("length", AttributeKind.NUMBER, low=0, high=50, unit="µm"),
        Attribute("form", AttributeKind.CHOICE, choices=("round", "sickle"), default="round"),
    )
    assert studio_window.project.undo_label == "Change the attributes of “RBC”"
    studio_window.project.undo()
    assert asked(studio_window) == ()


def test_what_is_written_wrongly_is_said_and_cannot_be_stored(studio_window: Person) -> None:
    def write(dialog: AttributesDialog) -> None:
        form = dialog.form
        studio_window.click(dialog.plus)
        assert dialog.effects.text() == "An attribute needs a name."
        studio_window.type(form.name, "size")
        form.kind.chosen.emit(2)
        studio_window.type(form.low, "5")
        studio_window.type(form.high, "much")
        assert dialog.effects.text() == "“much” is no number."
        form.high.clear()
        studio_window.type(form.high, "9")
        studio_window.type(form.default, "12")
        assert dialog.effects.text() == "“12” is no value of “size”: choose its default."
        assert not dialog.go.isEnabled()

    in_attributes(studio_window, write)
    assert asked(studio_window) == ()


def test_values_that_would_be_lost_are_counted_asked_about_and_come_back(formed: Person) -> None:
    questions: list[str] = []

    def write(dialog: AttributesDialog) -> None:
        dialog.list.setCurrentRow(0)
        dialog.form.choices.setPlainText("round")
        formed.until(
            lambda: dialog.effects.text() == "2 objects in 1 image lose the value of “form”."
        )

        def agree(question: QDialog) -> None:
            questions.append(words_of(question))
            formed.click(formed.button("Lose them", question))

        answer_over(dialog, agree)
        formed.click(dialog.go)

    in_attributes(formed, write)
    assert "2 objects in 1 image lose the value of “form”." in questions[0]
    with formed.project.read() as s:
        held = [values_in(a.attributes) for i in (1, 2) for a in queries.annotations(s, i)]
    assert [each for each in held if each] == [{"form": "round"}]
    formed.project.undo()
    with formed.project.read() as s:
        held = [values_in(a.attributes) for a in queries.annotations(s, 2)]
    assert held[-2:] == [{"form": "sickle"}, {"form": "sickle"}]


def test_a_default_is_given_to_those_without_one_when_the_box_is_ticked(formed: Person) -> None:
    def write(dialog: AttributesDialog) -> None:
        form = dialog.form
        dialog.list.setCurrentRow(0)
        assert not form.fill.isEnabled()
        form.default_choice.setCurrentIndex(form.default_choice.findData("round"))
        form.default_choice.activated.emit(1)
        formed.click(form.fill, QPoint(8, form.fill.height() // 2))
        formed.until(
            lambda: dialog.effects.text() == "10 objects in 10 images get the default of “form”."
        )
        formed.click(dialog.go)

    in_attributes(formed, write)
    with formed.project.read() as s:
        held = [values_in(a.attributes) for a in queries.annotations(s, 5) if a.class_id == 1]
    assert held == [{"form": "round"}]


def test_a_merge_says_that_the_target_is_asked_more_and_goes_on_asking(formed: Person) -> None:
    said: list[str] = []

    def merge(manager: ClassManager) -> None:
        manager.tree.select_class(1)
        menu = manager.merge_menu()

        def agree(question: QDialog) -> None:
            said.append(words_of(question))
            formed.click(formed.button("Merge", question))

        answer_over(manager, agree)
        next(action for action in menu.actions() if action.text() == "WBC").trigger()

    in_manager(formed, merge)
    assert "“WBC” then asks for form as well." in said[0]
    assert asked(formed, 2) == (FORM,)


def test_classes_are_arranged_by_keys_and_it_is_said_what_a_move_means(formed: Person) -> None:
    alt = Qt.KeyboardModifier.AltModifier

    def arrange(manager: ClassManager) -> None:
        manager.tree.select_class(2)
        QTest.keyClick(manager.tree, Qt.Key.Key_Right, alt)
        assert (
            "“WBC” becomes a kind of “RBC”: its 10 objects in 10 images are found with it,"
            " and asked for form. One step, undone with Ctrl+Z."
        ) in words_of(manager)
        assert manager.tree.chosen() == [2]
        QTest.keyClick(manager.tree, Qt.Key.Key_Left, alt)
        assert "“WBC” stands by itself, and no more asked for form." in words_of(manager)
        QTest.keyClick(manager.tree, Qt.Key.Key_Up, alt)
        QTest.keyClick(manager.tree, Qt.Key.Key_Up, alt)

    in_manager(formed, arrange)
    with formed.project.read() as s:
        assert list(class_tree.parents(s).items()) == [(2, None), (1, None)]
    formed.project.undo()
    formed.project.undo()
    with formed.project.read() as s:
        assert class_tree.parents(s) == {1: None, 2: 1}


def test_before_a_drop_it_is_said_what_it_would_do(formed: Person) -> None:
    def drag(manager: ClassManager) -> None:
        manager.tree.select_class(2)
        manager.tree.over.emit(1)
        assert "“WBC” becomes a kind of “RBC”: its 10 objects in 10 images" in words_of(manager)
        manager.tree.over.emit(2)
        assert "A class cannot be a kind of itself." in words_of(manager)
        manager.tree.over.emit(None)
        assert "Only the order changes." in words_of(manager)
        manager.tree.over.emit(False)
        assert "WBC: 10 objects in 10 images." in words_of(manager)

    in_manager(formed, drag)


@pytest.mark.parametrize(
    ("move", "id", "expected"),
    [
        ("up", 3, [(3, None), (1, None), (2, 1)]),
        ("down", 1, [(3, None), (1, None), (2, 1)]),
        ("in", 3, [(1, None), (2, 1), (3, 1)]),
        ("out", 2, [(1, None), (2, None), (3, None)]),
        ("up", 1, None), ("in", 1, None), ("out", 1, None), ("down", 2, None),
    ],
)  # fmt: skip
def test_a_class_moves_with_all_its_kinds(move: str, id: int, expected: object) -> None:
    assert moved([(1, None), (2, 1), (3, None)], id, move) == expected


def test_a_range_that_nobody_touches_stays_to_the_last_digit() -> None:
    length = Attribute("length", AttributeKind.NUMBER, low=1234567, high=7654321.25)
    assert Draft.of(length).edit().attribute == length
    for default in (1234567.8901234567, 0.1 + 0.2, -3.0, 2.0**52 + 1, 1e300):
        other = Attribute("length", AttributeKind.NUMBER, default=default)
        assert Draft.of(other).edit().attribute.default == default


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was planned and carried out since, each with the thread that did it."""
    found: list[tuple[str, str]] = []

    def noted(name: str) -> None:
        real = getattr(attribute_changes, name)

        def instead(*parts: object, **more: object) -> object:
            made = real(*parts, **more)
            found.append((name, threading.current_thread().name))
            return made

        monkeypatch.setattr(attribute_changes, name, instead)

    noted("plan")
    noted("carry_out")
    return found


def test_the_plan_that_was_shown_is_carried_out_and_the_window_does_none_of_it(
    formed: Person, threads: list[tuple[str, str]]
) -> None:
    def write(dialog: AttributesDialog) -> None:
        dialog.list.setCurrentRow(0)
        formed.type(dialog.form.name, "ed")
        formed.until(lambda: "keep “form” as “formed”" in dialog.effects.text())
        formed.click(dialog.go)

    in_attributes(formed, write)
    assert [name for name, _thread in threads] == ["plan", "carry_out"]
    assert threading.main_thread().name not in [thread for _name, thread in threads]
    with formed.project.read() as s:
        held = [values_in(a.attributes) for a in queries.annotations(s, 2)]
    assert {"formed": "sickle"} in held


def test_enter_before_the_effect_is_known_plans_once_and_still_asks_about_losses(
    formed: Person, threads: list[tuple[str, str]]
) -> None:
    questions: list[str] = []

    def write(dialog: AttributesDialog) -> None:
        dialog.list.setCurrentRow(0)
        dialog.form.choices.setPlainText("round")

        def agree(question: QDialog) -> None:
            questions.append(words_of(question))
            formed.click(formed.button("Lose them", question))

        answer_over(dialog, agree)
        formed.click(dialog.go)

    in_attributes(formed, write)
    assert len(questions) == 1
    assert "2 objects in 1 image lose the value of “form”." in questions[0]
    assert [name for name, _thread in threads] == ["plan", "carry_out"]
    assert threading.main_thread().name not in [thread for _name, thread in threads]


def test_a_change_of_attributes_is_one_of_the_manager_and_is_undone_there(formed: Person) -> None:
    def manage(manager: ClassManager) -> None:
        manager.tree.select_class(1)

        def write(dialog: QDialog) -> None:
            assert isinstance(dialog, AttributesDialog)
            formed.type(dialog.form.name, "ed")
            formed.click(dialog.go)

        answer_over(manager, write)
        formed.click(formed.button("Attributes", manager))
        assert asked(formed)[0].name == "formed"
        assert "Asked for formed." in words_of(manager)
        assert manager.isEnabled()
        QTest.keyClick(manager, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert asked(formed) == (FORM,)

    in_manager(formed, manage)


def test_what_changes_elsewhere_while_the_dialog_is_open_is_counted_as_well(
    formed: Person,
) -> None:
    def write(dialog: AttributesDialog) -> None:
        dialog.list.setCurrentRow(0)
        dialog.form.choices.setPlainText("round")
        effect = dialog.effects.text
        formed.until(lambda: effect() == "2 objects in 1 image lose the value of “form”.")
        with formed.project.transaction("By a job") as s:
            commands.add_annotation(
                s, image_id=3, class_id=1, shape=Box(1, 1, 9, 9),
                attributes={"attributes": {"form": "sickle"}},
            )  # fmt: skip
        formed.until(lambda: effect() == "3 objects in 2 images lose the value of “form”.")
        formed.click(dialog.minus)
        formed.until(lambda: effect() == "4 objects in 3 images lose the value of “form”.")

    in_attributes(formed, write)
    assert asked(formed) == (FORM,)


@pytest.mark.parametrize("change", ["delete", "merge", "split"])
def test_what_touches_very_many_objects_is_done_in_a_thread_and_undone_in_the_manager(
    formed: Person, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(class_manager, "_MANY", 2)
    threads: list[threading.Thread] = []
    name = {"split": "split_by_attribute"}.get(change, change)
    real = getattr(class_tree, name)

    def noted(*parts: object, **more: object) -> object:
        threads.append(threading.current_thread())
        return real(*parts, **more)

    monkeypatch.setattr(class_tree, name, noted)

    def names() -> list[str]:
        with formed.project.read() as s:
            return [c.name for c in queries.classes(s)]

    def manage(manager: ClassManager) -> None:
        manager.tree.select_class(1)
        answer = {"delete": "Delete", "merge": "Merge", "split": "Split"}[change]
        answer_over(manager, lambda question: formed.click(formed.button(answer, question)))
        if change == "delete":
            manager.delete()
        elif change == "merge":
            manager.merge(2)
        else:
            manager.split(1, "form")
        assert names() != ["RBC", "WBC"]
        assert manager.isEnabled()
        assert len(manager._classes) == len(names())
        QTest.keyClick(manager, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert names() == ["RBC", "WBC"]

    in_manager(formed, manage)
    assert threads
    assert threading.main_thread() not in threads
