"""Strokes and dragged points make small steps, and undo brings the same bytes back."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from project_state import dump

from cvstudio.core.annotation import Task, pack_shape
from cvstudio.core.errors import ProjectDamaged
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask
from cvstudio.project import commands, database, queries, restoring, step_codec, step_shapes, steps
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.rows import Drop, Put, Set

SIDE = 120


def noise(chance: np.random.Generator, side: int = SIDE) -> np.ndarray:
    return (chance.random((side, side)) < 0.4).astype(np.uint8)


def add(project: Project, shape: object, image_id: int = 1) -> int:
    with project.transaction("Add") as s:
        return commands.add_annotation(s, image_id=image_id, class_id=1, shape=shape)


def shape_of(project: Project, id: int) -> bytes:
    with project.read() as s:
        found = queries.annotation(s, id)
    assert found is not None
    return pack_shape(found.shape)


def newest_size(project: Project) -> int:
    with project.read() as s:
        sql = "SELECT length(changes) FROM step ORDER BY id DESC LIMIT 1"
        return int(s.connection().exec_driver_sql(sql).scalar_one())


ACTS = ["stroke", "stroke", "stroke", "move", "grow", "to polygon", "drag", "delete", "add", "both",
        "twice", "undo", "undo", "redo", "reopen", "again"]  # fmt: skip


class Painter:
    """Somebody who paints, drags, deletes and goes back, in a project with one image."""

    def __init__(self, project: Project, seed: int) -> None:
        self.project, self.chance = project, np.random.default_rng(seed)
        self.pick = random.Random(seed)

    def act(self, name: str) -> None:
        with self.project.read() as s:
            found = queries.annotations(s, 1)
        if name == "add" or not found:
            add(self.project, Mask.from_patch(noise(self.chance)))
            return
        one = self.pick.choice(found)
        with self.project.transaction(name) as s:
            match name:
                case "delete":
                    commands.set_shape(s, id=one.id, shape=self.stroke(one.shape))
                    commands.delete_annotations(s, ids=[one.id])
                case "both":
                    for each in found:
                        commands.set_shape(s, id=each.id, shape=self.stroke(each.shape))
                case "twice":
                    commands.set_shape(s, id=one.id, shape=self.stroke(one.shape))
                    commands.set_shape(s, id=one.id, shape=self.stroke(one.shape))
                case _:
                    commands.set_shape(s, id=one.id, shape=self.changed(name, one.shape))

    def changed(self, name: str, shape: object) -> object:
        if name == "to polygon":
            return Polygon((Part(self.chance.random((40, 2)) * SIDE),))
        if name == "drag" and isinstance(shape, Polygon):
            ring = shape.parts[0].outer.copy()
            ring[self.pick.randrange(len(ring))] += 1
            return Polygon((Part(ring),))
        if name == "move" and isinstance(shape, Mask):
            return shape.moved(self.pick.randrange(-3, 4), self.pick.randrange(-3, 4))
        return self.stroke(shape)

    def stroke(self, shape: object) -> Mask:
        pixels = shape.full(SIDE, SIDE) if isinstance(shape, Mask) else noise(self.chance)
        x, y = self.pick.randrange(SIDE - 9), self.pick.randrange(SIDE - 9)
        pixels[y : y + 9, x : x + 9] = self.pick.random() < 0.7
        found = Mask.from_patch(pixels)
        assert found is not None
        return found


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(acts=st.lists(st.sampled_from(ACTS), min_size=4, max_size=25), seed=st.integers(0, 10**6))
def test_every_state_of_painted_masks_comes_back_to_the_same_bytes(
    acts: list[str], seed: int
) -> None:
    with TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "p", task=Task.SEGMENT, classes=["a"])
        with project.transaction("Add image", undoable=False) as s:
            commands.add_images(s, [NewImage("a.png", width=SIDE, height=SIDE)])
        painter = Painter(project, seed)
        states, place = [dump(project)], 0
        for name in acts:
            if name == "undo":
                place -= project.undo() is not None
            elif name == "redo":
                place += project.redo() is not None
            elif name == "reopen":
                project.close()
                painter.project = project = Project.open(project.path)
            else:
                painter.act(name)
                if dump(project) != states[place]:
                    states = [*states[: place + 1], dump(project)]
                    place += 1
            assert dump(project) == states[place]
        with project.read() as s:
            seen = {m.step.id if m.step else 0: sorted(m.rows) for m in restoring.moments(s, 1)}
            ids = [0, *(step.id for step in reversed(steps.listed(s)))]
        for number, state in enumerate(states):
            if ids[number] in seen:
                assert seen[ids[number]] == sorted(state["annotation"])
        while project.undo():
            pass
        assert dump(project) == states[0]
        while project.redo():
            pass
        assert dump(project) == states[-1]
        project.close()


def test_a_stroke_takes_a_hundredth_of_its_mask_and_can_be_undone_and_redone(
    project: Project,
) -> None:
    chance = np.random.default_rng(1)
    pixels = noise(chance, 1000)
    id = add(project, Mask.from_patch(pixels))
    before = shape_of(project, id)
    pixels[400:440, 300:340] = 1
    with project.transaction("Paint") as s:
        commands.set_shape(s, id=id, shape=Mask.from_patch(pixels))
    after = shape_of(project, id)
    assert newest_size(project) < len(before) / 100
    project.undo()
    assert shape_of(project, id) == before
    assert newest_size(project) < len(before) / 100
    project.redo()
    assert shape_of(project, id) == after


def test_a_dragged_point_of_a_long_outline_is_a_small_step(project: Project) -> None:
    ring = np.random.default_rng(2).random((5000, 2)) * 90
    id = add(project, Polygon((Part(ring),)))
    before = shape_of(project, id)
    ring = ring.copy()
    ring[2500] += 0.5
    with project.transaction("Move point") as s:
        commands.set_shape(s, id=id, shape=Polygon((Part(ring),)))
    assert newest_size(project) < 500
    project.undo()
    assert shape_of(project, id) == before


def test_strokes_a_moment_apart_that_join_one_step_are_taken_back_together(
    project: Project,
) -> None:
    pixels = noise(np.random.default_rng(3))
    id = add(project, Mask.from_patch(pixels))
    before, joined = shape_of(project, id), 0
    for number in range(3):
        pixels[10 * number : 10 * number + 8, 5:40] = 1
        with project.transaction("Paint", into=joined) as s:
            commands.set_shape(s, id=id, shape=Mask.from_patch(pixels))
        joined = project.present_step
    with project.read() as s:
        assert [step.label for step in steps.listed(s)] == ["Paint", "Add"]
    project.undo()
    assert shape_of(project, id) == before


def test_a_step_with_whole_shapes_from_an_older_version_is_still_undone(project: Project) -> None:
    pixels = noise(np.random.default_rng(4))
    id = add(project, Mask.from_patch(pixels))
    before = shape_of(project, id)
    pixels[5:9, 5:9] = 1
    with project.transaction("Paint") as s:
        commands.set_shape(s, id=id, shape=Mask.from_patch(pixels))
    with project.read() as s:
        whole = step_codec.encode(steps.changes_of(s, project.present_step))
    with closing(sqlite3.connect(project.path / database.FILE)) as file, file:
        file.execute("UPDATE step SET changes = ? WHERE id = ?", (whole, project.present_step))
    project.undo()
    assert shape_of(project, id) == before


def test_a_shape_that_changed_without_a_step_ends_the_steps_that_were_told_from_it(
    project: Project,
) -> None:
    id = add(project, Mask.from_patch(noise(np.random.default_rng(5))))
    with project.transaction("By itself", undoable=False) as s:
        commands.set_shape(s, id=id, shape=Box(1, 2, 3, 4))
    assert project.undo_label is None


def test_a_difference_from_another_shape_is_refused_in_words_instead_of_making_a_wrong_mask() -> (
    None
):
    chance = np.random.default_rng(6)
    one, other, third = (pack_shape(Mask.from_patch(noise(chance))) for _ in range(3))
    for before, mask in ((one, True), (one, False)):
        after = before[:-200] + other[-200:] if not mask else other
        small = step_shapes.difference(before, after, mask=mask)
        if small is None:
            continue
        assert step_shapes.apply(after, small) == before
        with pytest.raises(ProjectDamaged, match="does not fit"):
            step_shapes.apply(third, small)
    small = step_shapes.difference(one, one[:-200] + other[-200:], mask=False)
    assert small is not None
    for bad in (b"", small.data[:4], small.data[:4] + b"?" + small.data[5:], small.data[:9]):
        with pytest.raises(ProjectDamaged):
            step_shapes.apply(one, step_shapes.Difference(bad))


def test_shapes_are_told_from_the_one_that_is_there_when_a_change_is_replayed() -> None:
    kept = bytes(random.Random(0).randrange(256) for _ in range(2000))
    a, b, c = (bytes([n]) * 50 + kept for n in (1, 2, 3))
    changes = [
        Set("annotation", ("payload",), [(7, a)]),
        Set("annotation", ("payload",), [(7, b), (8, None)]),
        Put("annotation", ("id", "payload"), [(9, a)]),
        Set("annotation", ("payload", "x"), [(9, b, 1.0)]),
        Drop("annotation", ((10, 11),)),
        Set("image", ("name",), [(7, "x")]),
    ]

    def held(ids: object) -> dict[int, bytes | None]:
        return {7: c, 8: a, 9: c}

    folded = step_shapes.fold(changes, held)
    assert len(step_codec.encode(folded)) < len(step_codec.encode(changes))
    assert [type(row[1]) for row in folded[0].rows] == [step_shapes.Difference]
    assert step_shapes.unfold(step_codec.decode(step_codec.encode(folded)), held) == changes
