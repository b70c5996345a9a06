"""Joining, dividing, restacking and locking undo to the same bytes, whatever was done before."""

import sqlite3

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvstudio.core import combine, convert
from cvstudio.core.annotation import Kind, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.project import commands, queries, shaping
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

COLUMNS = (
    "id, image_id, class_id, kind, x, y, w, h, area, payload, z, source, run_id, score, state, "
    "attributes, locked"
)

VERBS = ("join", "subtract", "divide", "front", "back", "lock", "convert", "simplify", "smooth")


def rows_of(project):
    """Every annotation as the file holds it."""
    file = sqlite3.connect(f"file:{project.path}/project.db?mode=ro", uri=True)
    rows = file.execute(f"SELECT {COLUMNS} FROM annotation ORDER BY id").fetchall()
    file.close()
    return rows


def fresh(folder):
    """Boxes, polygons and masks that overlap."""
    project = Project.create(folder, task=Task.INSTANCE, classes=("A", "B"))
    disc = np.fromfunction(lambda y, x: (x - 20) ** 2 + (y - 20) ** 2 < 300, (40, 40))
    shapes = [
        Box(10.5, 10, 60, 40),
        Polygon.simple([(20, 20), (90, 30), (60, 90)]),
        Mask.from_patch(disc.astype(np.uint8), 30, 30),
        Mask.from_patch(disc.astype(np.uint8), 50, 20),
    ]
    with project.transaction("Fill") as s:
        commands.add_images(s, [NewImage(uri="1.png", width=120, height=100)])
        for number, shape in enumerate(shapes):
            commands.add_annotation(
                s, image_id=1, class_id=1 + number % 2, shape=shape, attributes={"n": number}
            )
    return project


def act(project, verb, first, second):
    """Do a verb to two annotations; nothing when the shapes do not allow it."""
    with project.read() as s:
        found = queries.annotations(s, 1)
    one, other = found[first % len(found)], found[second % len(found)]
    with project.transaction(verb) as s:
        if verb in ("join", "subtract"):
            if one.id == other.id:
                return
            how = combine.How.JOIN if verb == "join" else combine.How.SUBTRACT
            made = combine.combined([one.shape, other.shape], how)
            if made is not None and how is combine.How.JOIN:
                shaping.join(s, id=one.id, shape=made, others=[other.id])
            elif made is not None:
                commands.set_shape(s, id=one.id, shape=made)
        elif verb == "divide":
            middle = one.box.x + one.box.w / 2
            pieces = combine.sliced(one.shape, np.array([(middle, -5.0), (middle + 3, 120.0)]))
            if len(pieces) > 1:
                shaping.divide(s, id=one.id, shapes=pieces)
        elif verb in ("front", "back"):
            shaping.stack(s, image_id=1, ids=[one.id, other.id], to=verb)
        elif verb == "lock":
            shaping.set_locked(s, ids=[one.id], locked=not one.locked)
        elif verb == "convert":
            kind = (Kind.BOX, Kind.POLYGON, Kind.MASK)[second % 3]
            made = convert.converted(one.shape, kind, tolerance=1)
            if made is not None:
                commands.set_shape(s, id=one.id, shape=made)
        else:
            change = combine.simplified if verb == "simplify" else combine.smoothed
            commands.set_shape(s, id=one.id, shape=change(one.shape, 2.0))


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(VERBS), st.integers(0, 5), st.integers(0, 5)), max_size=8
    )
)
def test_undo_and_redo_of_any_steps_come_to_the_same_bytes(tmp_path_factory, steps):
    with fresh(tmp_path_factory.mktemp("any") / "p") as project:
        states = [rows_of(project)]
        for step in steps:
            act(project, *step)
            if rows_of(project) != states[-1]:
                states.append(rows_of(project))
        for state in reversed(states[:-1]):
            project.undo()
            assert rows_of(project) == state
        for state in states[1:]:
            project.redo()
            assert rows_of(project) == state


def test_the_pieces_of_a_divided_annotation_lie_right_above_it(tmp_path):
    with fresh(tmp_path / "p") as project:
        with project.transaction("Slice") as s:
            made = shaping.divide(s, id=2, shapes=[Box(0, 0, 5, 5), Box(5, 0, 5, 5)])
        with project.read() as s:
            found = queries.annotations(s, 1)
        assert [a.id for a in found] == [1, *made, 3, 4]
        assert [a.attributes for a in found if a.id in made] == [{"n": 1}, {"n": 1}]


def test_several_annotations_go_to_the_back_in_their_own_order(tmp_path):
    with fresh(tmp_path / "p") as project:
        with project.transaction("Back") as s:
            shaping.stack(s, image_id=1, ids=[4, 3], to="back")
        with project.read() as s:
            assert [a.id for a in queries.annotations(s, 1)] == [3, 4, 1, 2]
