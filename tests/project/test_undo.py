"""Undo and redo give back exactly what was there, whatever was done."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from sqlite3 import IntegrityError
from typing import Any

import pytest
from monkey import ACTS, act
from project_state import dump
from sqlalchemy import text
from sqlalchemy.orm import Session

from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box
from cvstudio.project import (
    commands,
    queries,
    rows,
    run_commands,
    tagging,
)
from cvstudio.project.changes import ChangeSet
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, NewImage


@pytest.mark.parametrize("seed", range(6))
def test_undo_to_the_start_and_redo_to_the_end_pass_through_the_same_states(
    project: Project, seed: int
) -> None:
    chance = random.Random(seed)
    states = [dump(project)]
    order = ACTS * 2
    chance.shuffle(order)
    for name in ["add_annotation"] * 5 + order:
        act(project, name, chance)
        state = dump(project)
        if state != states[-1]:
            states.append(state)
    assert len(states) > 40
    for state in reversed(states[:-1]):
        assert project.undo() is not None
        assert dump(project) == state
    assert project.undo() is None
    for state in states[1:]:
        assert project.redo() is not None
        assert dump(project) == state
    assert project.redo() is None
    while project.undo():
        pass
    assert dump(project) == states[0]


@pytest.mark.parametrize("seed", range(4))
def test_wandering_back_and_forth_with_new_work_in_between_loses_nothing(
    project: Project, seed: int
) -> None:
    chance = random.Random(100 + seed)
    back, now, forth = [], dump(project), []
    for _ in range(150):
        match chance.choice(["act", "act", "act", "undo", "redo"]):
            case "undo":
                if project.undo():
                    forth.append(now)
                    now = back.pop()
            case "redo":
                if project.redo():
                    back.append(now)
                    now = forth.pop()
            case _:
                act(project, chance.choice(ACTS), chance)
                after = dump(project)
                if after != now:
                    back.append(now)
                    now, forth = after, []
        assert dump(project) == now
    assert len(back) > 10


def test_the_names_of_the_next_steps_are_the_menu_texts(project: Project) -> None:
    assert (project.undo_label, project.redo_label) == (None, None)
    with project.transaction("Rename class") as s:
        commands.rename_class(s, id=1, name="white cell")
    assert (project.undo_label, project.redo_label) == ("Rename class", None)
    project.undo()
    assert (project.undo_label, project.redo_label) == (None, "Rename class")


def test_a_transaction_that_changes_nothing_leaves_no_step_and_tells_nobody(
    project: Project,
) -> None:
    told: list[ChangeSet] = []
    project.changed.connect(told.append)
    with project.transaction("Set split") as s:
        commands.set_split(s, image_ids=[1, 2], split=None)
        commands.rename_class(s, id=1, name="red cell")
    assert project.undo_label is None
    assert told == []


def test_a_failure_in_the_middle_takes_back_rows_history_and_undo(project: Project) -> None:
    before = dump(project)
    with project.read() as s:
        history = queries.history(s)

    def fail_halfway(s: Session) -> None:
        commands.add_annotation(s, image_id=1, class_id=1, shape=Box(0, 0, 5, 5))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), project.transaction("Half") as s:
        fail_halfway(s)
    assert dump(project) == before
    with project.read() as s:
        assert queries.history(s) == history
    assert project.undo_label is None
    act(project, "add_class", random.Random(1))
    assert project.undo_label == "add_class"


def test_a_failed_write_whose_error_was_swallowed_is_not_committed(project: Project) -> None:
    """Half of its rows may be in the database, and undo would not know them."""
    before = dump(project)

    def import_twice_the_same(s: Session) -> None:
        new = [NewImage(f"{n % 6_000}.png", width=1, height=1) for n in range(7_000)]
        with pytest.raises(IntegrityError):
            commands.add_images(s, new)

    with pytest.raises(RuntimeError, match="halfway"), project.transaction("x") as s:
        import_twice_the_same(s)
    assert dump(project) == before


def test_a_large_import_leaves_all_indexes_in_place(project: Project) -> None:
    """They are built after the rows when most rows are new."""

    def indexes() -> set[str]:
        with project.read() as s:
            return set(s.scalars(text("SELECT sql FROM sqlite_master WHERE type = 'index'")))

    before = indexes()
    assert len(before) > 10
    new = [NewImage(f"many/{n}.png", width=1, height=1) for n in range(rows.MANY)]
    with project.transaction("Import") as s:
        commands.add_images(s, new)
    assert indexes() == before
    project.undo()
    project.redo()
    assert indexes() == before


def test_new_work_after_undo_makes_redo_impossible(project: Project) -> None:
    act(project, "add_class", random.Random(1))
    project.undo()
    act(project, "add_images", random.Random(2))
    assert project.redo() is None


def test_work_that_cannot_be_undone_does_not_break_the_steps_before_it(project: Project) -> None:
    with project.transaction("Add box") as s:
        box = commands.add_annotation(s, image_id=1, class_id=1, shape=Box(0, 0, 5, 5))
    with project.transaction("Update run", undoable=False) as s:
        commands.set_setting(s, "seen", True)
        commands.update_images(s, ("sha256",), [(1, "ab")])
    assert project.undo_label == "Add box"
    project.undo()
    with project.read() as s:
        assert queries.annotation(s, box) is None
        assert queries.image(s, 1).sha256 == "ab"
        assert queries.setting(s, "seen") is True
    project.redo()
    with project.transaction("Clean up", undoable=False) as s:
        commands.remove_images(s, ids=[1])
    assert (project.undo_label, project.redo_label) == (None, None)


def test_the_same_number_is_never_given_to_another_annotation(project: Project) -> None:
    """A run's predictions name annotations; after undo they must not mean something else."""
    with project.transaction("Add box") as s:
        first = commands.add_annotation(s, image_id=1, class_id=1, shape=Box(0, 0, 5, 5))
    project.undo()
    with project.transaction("Add box") as s:
        second = commands.add_annotation(s, image_id=2, class_id=1, shape=Box(0, 0, 5, 5))
    assert second > first


def test_a_write_past_the_one_door_is_refused(project: Project) -> None:
    before = dump(project)
    for statement in ("UPDATE image SET split = 'val'", "DELETE FROM image"):
        with pytest.raises(RuntimeError, match="escape undo"), project.transaction("x") as s:
            s.execute(text(statement))
    with project.read() as s, pytest.raises(RuntimeError, match="only reads"):
        rows.change(s, "image", [1], split="val")
    assert dump(project) == before


def test_a_transaction_inside_another_is_refused_and_the_outer_one_goes_on(
    project: Project,
) -> None:
    with project.transaction("Outer") as s:
        commands.add_class(s, name="new")
        with pytest.raises(RuntimeError, match="open already"), project.transaction("Inner"):
            pass
    assert project.undo_label == "Outer"


def test_every_change_is_written_into_the_history(project: Project) -> None:
    with project.transaction("Add box") as s:
        commands.add_annotation(s, image_id=1, class_id=1, shape=Box(0, 0, 5, 5))
    project.undo()
    with project.read() as s:
        undone, done = queries.history(s, limit=2)
    assert (done.kind, done.label) == ("do", "Add box")
    assert done.counts == {"annotation": (1, 0, 0), "image": (0, 1, 0)}
    assert (undone.kind, undone.label) == ("undo", "Add box")
    assert undone.counts["annotation"] == (0, 0, 1)
    assert done.who
    assert undone.at >= done.at


# What views are told


def told(project: Project, do: Callable[[Session], Any]) -> ChangeSet:
    heard: list[ChangeSet] = []
    project.changed.connect(heard.append)
    with project.transaction("Something", source="me") as s:
        do(s)
    project.changed.disconnect(heard.append)
    (changes,) = heard
    return changes


def test_a_view_learns_which_rows_of_which_image_changed(project: Project) -> None:
    shape = Box(0, 0, 5, 5)
    new = told(project, lambda s: commands.add_annotation(s, image_id=2, class_id=1, shape=shape))
    assert (new.label, new.source, new.kind) == ("Something", "me", "do")
    assert new.touches("annotation")
    assert new.touches("annotation", image=2)
    assert not new.touches("annotation", image=3)
    assert new.touches("image", image=2)
    assert not new.touches("label_class")
    assert new.ids("annotation") == {1}
    assert new.ids("label_class") == set()
    assert new.images() == {2}
    undone = project.undo()
    assert undone is not None
    assert undone.kind == "undo"
    assert undone.touches("annotation", image=2)
    assert undone.images() == {2}


def test_tags_settings_and_snapshots_are_told_under_the_name_that_views_know(
    project: Project,
) -> None:
    tagged = told(project, lambda s: tagging.tag_images(s, image_ids=[4], tag="rare"))
    assert tagged.touches("tag", image=4)
    assert not tagged.touches("tag", image=5)
    assert tagged.images() == {4}
    assert told(project, lambda s: commands.set_setting(s, "k", 1)).touches("project")
    noted = told(
        project,
        lambda s: run_commands.add_snapshot(s, hash="ab", image_count=1, annotation_count=1),
    )
    assert noted.touches("run")


def test_a_change_of_very_many_rows_says_many_instead_of_naming_them(project: Project) -> None:
    new = [NewImage(f"many/{n}.png", width=1, height=1) for n in range(rows.MANY + 1)]
    changes = told(project, lambda s: commands.add_images(s, new))
    assert changes.ids("image") is None
    assert changes.images() is None
    assert changes.touches("image", image=7)
    assert changes.counts()["image"] == (rows.MANY + 1, 0, 0)


def test_the_projects_name_follows_its_renaming_and_undo(project: Project) -> None:
    with project.transaction("Rename project") as s:
        commands.rename_project(s, name="Blut · 2026")
    assert project.name == "Blut · 2026"
    project.undo()
    assert project.name == "cells"


def test_a_class_name_can_hold_quotes_slashes_and_emoji(project: Project) -> None:
    with project.read() as s:
        assert [c.name for c in queries.classes(s)] == ["red cell", 'he said "x/y"', "it's 🔬"]
    with project.transaction("Add") as s:
        commands.add_class(s, name="'; DROP TABLE image; --")
        tagging.tag_images(s, image_ids=[1], tag="100 % \"sure\" / 'maybe'")
    with project.read() as s:
        assert queries.classes(s)[-1].name == "'; DROP TABLE image; --"
        found = queries.image_ids(s, ImageFilter(tags=("100 % \"sure\" / 'maybe'",)))
    assert found == [1]


def test_a_taken_or_empty_class_name_is_refused_in_words(project: Project) -> None:
    with pytest.raises(ProjectError, match="already"), project.transaction("x") as s:
        commands.rename_class(s, id=2, name=" red cell ")
    with pytest.raises(ProjectError, match="needs a name"), project.transaction("x") as s:
        commands.add_class(s, name="  ")


def test_rows_made_while_they_are_written_come_back_after_undo_and_redo(project: Project) -> None:
    """As a large import writes them; their number is only about what was expected."""

    def pictures(count: int) -> Iterator[tuple[str, str, str, int, int, float]]:
        for n in range(count):
            yield f"late/{n}.png", f"{n}.png", f"{n:06d}", 4, 3, 1.0

    columns = ("uri", "name", "sort_key", "width", "height", "imported_at")
    before = dump(project)
    with project.transaction("Import") as s:
        ids = rows.add(s, "image", columns, pictures(1_234), about=2 * rows.MANY)
        assert rows.add(s, "image", columns, pictures(0), about=5) == range(
            ids[-1] + 1, ids[-1] + 1
        )
    assert len(ids) == 1_234
    with project.read() as s:
        assert [image.name for image in queries.images(s, ids[:2])] == ["0.png", "1.png"]
    after = dump(project)
    project.undo()
    assert dump(project) == before
    project.redo()
    assert dump(project) == after


@pytest.mark.parametrize("direction", ["undo", "redo"])
def test_undo_beside_another_threads_work_takes_back_one_step_and_no_more(
    project: Project, direction: str
) -> None:
    """Undo waits for an import that is still writing, and takes back that one only."""
    with project.transaction("Mine") as s:
        commands.rename_class(s, id=1, name="mine")
    if direction == "redo":
        project.undo()
    found: list[ChangeSet | None] = []
    pressed = threading.Thread(target=lambda: found.append(getattr(project, direction)()))
    with project.transaction("Import") as s:
        pressed.start()
        pressed.join(0.3)  # it stands at the lock now
        commands.rename_class(s, id=2, name="theirs")
    pressed.join()
    with project.read() as s:
        names = [c.name for c in queries.classes(s)][:2]
    assert [change.label for change in found if change] == (
        ["Import"] if direction == "undo" else []
    )
    assert names == (["mine", names[1]] if direction == "undo" else ["red cell", "theirs"])
    assert direction == "redo" or names[1] != "theirs"


def test_undo_of_a_certain_step_leaves_what_another_thread_added_since(project: Project) -> None:
    told: list[ChangeSet] = []
    project.changed.connect(told.append)
    with project.transaction("Mine") as s:
        commands.rename_class(s, id=1, name="mine")
    asked_about = project.present_step
    assert [change.step for change in told] == [asked_about]
    with project.transaction("Theirs") as s:
        commands.rename_class(s, id=2, name="theirs")
    after = dump(project)
    assert project.undo(only=asked_about) is None
    assert dump(project) == after
    newest = project.present_step
    assert project.undo(only=newest) is not None
    assert project.redo(only=asked_about) is None
    assert project.redo(only=newest) is not None
    assert dump(project) == after


def test_a_change_without_a_step_names_none(project: Project) -> None:
    with project.transaction("Mine") as s:
        commands.rename_class(s, id=1, name="mine")
    told: list[ChangeSet] = []
    project.changed.connect(told.append)
    with project.transaction("Note", undoable=False) as s:
        commands.set_setting(s, key="view", value=1)
    assert [change.step for change in told] == [0]
