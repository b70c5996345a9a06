"""Steps outlive the program: closed and opened at any moment, undo goes on where it was."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monkey import ACTS, act
from project_state import dump

from cvstudio.core.annotation import Review, Task
from cvstudio.core.errors import ProjectDamaged, ProjectError
from cvstudio.core.geometry import Box
from cvstudio.project import commands, database, queries, rows, step_codec, steps
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.rows import Change, Drop, Put, Set


def again(project: Project) -> Project:
    """The project after its program was closed and started again."""
    project.close()
    return Project.open(project.path)


def box(project: Project, image_id: int, x: float = 1, label: str = "Add box") -> int:
    with project.transaction(label) as s:
        return commands.add_annotation(s, image_id=image_id, class_id=1, shape=Box(x, 2, 9, 9))


def labels(project: Project, *, done: bool) -> list[str]:
    with project.read() as s:
        return [step.label for step in steps.listed(s) if step.done is done]


# Closing and opening

MOVES = st.lists(
    st.sampled_from([*ACTS, *["undo"] * 8, *["redo"] * 5, *["reopen"] * 6, *["go"] * 3]),
    min_size=4,
    max_size=25,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(moves=MOVES, seed=st.integers(0, 10**6))
def test_whatever_is_done_and_whenever_it_is_closed_every_state_comes_back(
    moves: list[str], seed: int
) -> None:
    chance = random.Random(seed)
    with TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "p", task=Task.DETECT, classes=["a", "b", "c"])
        new = [NewImage(f"img {n}.png", width=200, height=100) for n in range(6)]
        with project.transaction("Add images", undoable=False) as s:
            commands.add_images(s, new)
        states, place = [dump(project)], 0
        for move in moves:
            if move == "undo":
                place -= project.undo() is not None
            elif move == "redo":
                place += project.redo() is not None
            elif move == "reopen":
                project = again(project)
            elif move == "go":
                with project.read() as s:
                    ids = [0, *(step.id for step in reversed(steps.listed(s)))]
                place = chance.randrange(len(ids))
                project.go_to(ids[place])
            else:
                act(project, move, chance)
                if dump(project) != states[place]:
                    states = [*states[: place + 1], dump(project)]
                    place += 1
            assert dump(project) == states[place]
        project = again(project)
        while project.redo():
            pass
        assert dump(project) == states[-1]
        while project.undo():
            pass
        assert dump(project) == states[0]
        project = again(project)
        while project.redo():
            pass
        assert dump(project) == states[-1]
        project.close()


def test_the_menu_names_the_same_steps_after_the_program_was_started_again(
    project: Project,
) -> None:
    for number in range(3):
        box(project, 1, number, f"Add box {number}")
    project.undo()
    opened = again(project)
    assert (opened.undo_label, opened.redo_label) == ("Add box 1", "Add box 2")
    assert opened.undo_reach == project.undo_reach
    assert opened.undo_reach.images == {1}
    assert labels(opened, done=True) == ["Add box 1", "Add box 0"]
    assert labels(opened, done=False) == ["Add box 2"]
    opened.close()


def test_new_work_drops_what_was_undone_before_the_program_was_closed(project: Project) -> None:
    box(project, 1, label="first")
    project.undo()
    opened = again(project)
    box(opened, 2, label="second")
    assert opened.redo() is None
    opened = again(opened)
    assert opened.redo_label is None
    assert labels(opened, done=True) == ["second"]
    opened.close()


def test_a_reader_sees_the_steps_and_can_undo_nothing(project: Project) -> None:
    box(project, 1)
    with Project.open(project.path, write=False) as reader:
        assert reader.undo_label is None
        assert reader.undo() is None
        assert labels(reader, done=True) == ["Add box"]
        with pytest.raises(ProjectError, match="reading only"):
            reader.go_to(0)


def test_work_that_cannot_be_undone_still_ends_all_steps_for_good(project: Project) -> None:
    box(project, 1)
    with project.transaction("Sync", undoable=False) as s:
        commands.add_images(s, [NewImage("late.png", width=5, height=5)])
    opened = again(project)
    assert opened.undo_label is None
    assert labels(opened, done=True) == []
    opened.close()


def test_no_step_goes_by_itself_and_old_ones_go_when_a_person_says_so(project: Project) -> None:
    for number in range(30):
        box(project, 1, number, f"Add box {number}")
    project.undo()
    with project.read() as s:
        count, size, last = steps.older(s, 2**40)
        assert count == 28, "the newest step that is done stays"
        assert 28 * steps.OVERHEAD < size < steps.size(s)
        assert steps.older(s, 0) == (0, 0, 0)
    project.forget_steps(last)
    opened = again(project)
    assert (labels(opened, done=True), labels(opened, done=False)) == (["Add box 28"],
                                                                       ["Add box 29"])  # fmt: skip
    with opened.read() as s:
        named = s.connection().exec_driver_sql("SELECT count(*) FROM step_image").scalar_one()
    assert named == 2
    opened.redo()
    opened.go_to(0)
    with opened.read() as s:
        assert len(queries.annotations(s, 1)) == 28
    opened.close()


# Going to a step


def test_going_to_a_step_undoes_all_later_ones_in_one_change(project: Project) -> None:
    told = []
    project.changed.connect(told.append)
    states = [dump(project)]
    for number in range(5):
        box(project, 1 + number, label=f"Add box {number}")
        states.append(dump(project))
    with project.read() as s:
        ids = [0, *(step.id for step in reversed(steps.listed(s)))]
    told.clear()
    for place, kind, label in [
        (2, "undo", "3 steps"), (4, "redo", "2 steps"), (4, None, None), (3, "undo", "Add box 3"),
        (0, "undo", "3 steps"), (5, "redo", "5 steps"),
    ]:  # fmt: skip
        project.go_to(ids[place])
        assert dump(project) == states[place]
        assert project.present_step == ids[place]
        if kind is not None:
            change = told.pop()
            assert (change.kind, change.label) == (kind, label)
        assert told == []


def test_a_failure_on_the_way_to_a_step_leaves_the_project_where_it_was(project: Project) -> None:
    box(project, 1, label="first")
    for number in range(3):
        box(project, 2, number)
    with project.read() as s:
        first = steps.listed(s)[-1].id
    project.close()
    with closing(sqlite3.connect(project.path / database.FILE)) as file, file:
        file.execute("UPDATE step SET changes = x'00' WHERE id = ?", (first,))
    opened = Project.open(project.path)
    before = dump(opened)
    with pytest.raises(ProjectDamaged, match="history cannot be read"):
        opened.go_to(0)
    assert dump(opened) == before
    assert opened.present_step == first + 3
    for _ in range(3):
        assert opened.undo() is not None
    assert opened.undo_label == "first"
    opened.close()


def test_the_way_to_before_all_steps_is_gone_although_they_grow_while_they_are_undone(
    project: Project,
) -> None:
    """Undoing an import turns its few ids into all its rows; the older steps must stay so long."""
    before = dump(project)
    for number in range(4):
        box(project, 1, number)
    with project.transaction("Import") as s:
        row = commands.annotation_row(
            image_id=2, class_id=1, shape=Box(1, 2, 3, 4), width=9, height=9
        )
        rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, [row] * 20_000)
    change = project.go_to(0)
    assert change is not None
    assert change.label == "5 steps"
    assert dump(project) == before
    assert project.undo_label is None
    with project.read() as s:
        kept = [step.label for step in steps.listed(s)]
    assert kept == ["Import", *["Add box"] * 4], "all can be done again"


def test_the_steps_of_an_image_are_found_among_those_of_others(project: Project) -> None:
    box(project, 1, label="one")
    box(project, 2, label="two")
    with project.transaction("both") as s:
        commands.set_review(s, image_ids=[1, 2], review=Review.REVIEWED)
    with project.read() as s:
        assert [step.label for step in steps.of_image(s, 2)] == ["both", "two"]
        assert [step.images for step in steps.listed(s)] == [2, 1, 1]


def test_a_class_whose_parent_is_deleted_stands_alone_until_undo(project: Project) -> None:
    with project.transaction("Class tree") as s:
        rows.change(s, "label_class", [2, 3], parent_id=1, attributes='{"grade": [1, 2]}')
    before = dump(project)
    with project.transaction("Delete class") as s:
        commands.delete_class(s, id=1)
    with project.read() as s:
        found = s.connection().exec_driver_sql("SELECT id, parent_id FROM label_class").all()
    assert [tuple(row) for row in found] == [(2, None), (3, None)]
    opened = again(project)
    opened.undo()
    assert dump(opened) == before
    opened.redo()
    opened.go_to(0)
    opened.go_to(opened.present_step + 10)
    with opened.read() as s:
        assert [c.id for c in queries.classes(s)] == [2, 3]
    opened.close()


# The bytes

VALUES = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.floats(allow_nan=False)),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
    st.lists(st.binary()),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))),
    st.lists(st.none() | st.binary()),
    st.lists(st.none() | st.floats(allow_nan=False) | st.integers(-9, 9)),
)


@settings(max_examples=200, deadline=None)
@given(values=VALUES, ids=st.lists(st.integers(1, 2**40), min_size=1, unique=True))
def test_values_come_back_from_a_step_as_they_were(values: list[object], ids: list[int]) -> None:
    changes: list[Change] = [
        Set("annotation", ("payload",), list(enumerate(values, 1))),
        Drop("image", rows.ranges_of(ids)),
        Put("tag", ("id", "name"), list(enumerate(values, 5))),
    ]
    found = step_codec.decode(step_codec.encode(changes))
    assert found == changes
    kinds = [[type(v) for row in c.rows for v in row] for c in found if not isinstance(c, Drop)]
    assert kinds == [
        [type(v) for row in c.rows for v in row] for c in changes if not isinstance(c, Drop)
    ]


@pytest.mark.parametrize(
    "change",
    [
        Put("nothing", ("id",), [(1,)]),
        Put("tag", ("id", 'name") --'), [(1, "x")]),
        Set("image", ("name = 1; --",), [(1, "x")]),
        Put("tag", ("name", "id"), [("x", 1)]),
        Drop("sqlite_sequence", ((1, 2),)),
    ],
)
def test_a_step_that_names_what_is_no_table_or_column_is_refused(change: Change) -> None:
    with pytest.raises(ProjectDamaged, match="history cannot be read"):
        step_codec.decode(step_codec.encode([change]))


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=300, deadline=None)
def test_bytes_that_are_no_step_are_refused_in_words(data: bytes, packed: bool) -> None:
    with pytest.raises(ProjectDamaged, match="history cannot be read"):
        step_codec.decode(zlib.compress(data) if packed else data)


def test_what_an_import_adds_is_remembered_as_ranges_of_ids(project: Project) -> None:
    with project.transaction("Import") as s:
        new = [NewImage(f"many/{n}.png", width=1, height=1) for n in range(2_000)]
        ids = commands.add_images(s, new)
        row = commands.annotation_row(
            image_id=ids[0], class_id=1, shape=Box(1, 2, 3, 4), width=9, height=9
        )
        rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, [row] * 20_000)
    with project.read() as s:
        size = s.connection().exec_driver_sql("SELECT sum(size) FROM step").scalar_one()
    assert size < 500


# kill -9

CHURN = """
import random, sys
from cvstudio.core.geometry import Box
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
project = Project.open(sys.argv[1])
chance = random.Random(int(sys.argv[2]))
while True:
    match chance.choice(["add", "add", "move", "class", "undo", "redo"]):
        case "undo":
            project.undo()
        case "redo":
            project.redo()
        case "class":
            with project.transaction("Rename class") as s:
                commands.rename_class(s, id=1, name=f"class {chance.random()}")
        case "move":
            with project.transaction("Move") as s:
                ids = [a.id for n in (1, 2) for a in queries.annotations(s, n)]
                for id in ids:
                    commands.set_shape(s, id=id, shape=Box(chance.random(), 1, 5, 5))
        case _:
            with project.transaction("Add boxes") as s:
                for n in range(40):
                    shape = Box(n, 0, 5, 5)
                    commands.add_annotation(s, image_id=1 + n % 2, class_id=1, shape=shape)
    print("done", flush=True)
"""

HALF = """
import sys
from cvstudio.core.geometry import Box
from cvstudio.project import commands, rows
from cvstudio.project.project import Project
project = Project.open(sys.argv[1])
with project.transaction("Half") as s:
    row = commands.annotation_row(image_id=1, class_id=1, shape=Box(1, 2, 3, 4), width=9, height=9)
    rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, [row] * 50_000)
    commands.delete_annotations(s, ids=[1])
    from cvstudio.project import steps
    kept = steps.note
    def told(*given, **more):
        answer = kept(*given, **more)
        print("noted", flush=True)
        sys.stdin.read()
        return answer
    steps.note = told
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("seed", range(4))
def test_after_a_kill_at_any_moment_the_steps_still_fit_the_rows(
    project: Project, seed: int
) -> None:
    start_state = dump(project)
    project.close()
    worker = start(CHURN, project.path, seed)
    assert worker.stdout is not None
    for _ in range(10 + 7 * seed):
        assert worker.stdout.readline() == "done\n"
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    with Project.open(project.path) as opened:
        here = dump(opened)
        states = []
        while opened.undo():
            states.append(dump(opened))
        assert states, "nothing was done before it was killed"
        assert states[-1] == start_state
        for state in [*reversed(states[:-1]), here]:
            assert opened.redo() is not None
            assert dump(opened) == state


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_between_step_and_commit_neither_rows_nor_step_are_there(project: Project) -> None:
    box(project, 1, label="before")
    before = dump(project)
    project.close()
    worker = start(HALF, project.path)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "noted\n"
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    with Project.open(project.path) as opened:
        assert dump(opened) == before
        assert labels(opened, done=True) == ["before"]
        assert opened.undo_label == "before"
        assert opened.undo() is not None
