"""Between the key shapes of an object come suggestions, and what a person made is never touched."""

import json

import numpy as np
import pytest
from sqlalchemy import event

from cvstudio.core.annotation import Source, State, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.formats.table import by_name
from cvstudio.project import commands, decisions, exporting, importing, queries, tracks
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.sequences import sequence_of

FRAMES = 21


@pytest.fixture
def project(tmp_path):
    """Every fifth frame of a video of 101 frames, and three files of a folder beside."""
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=("car", "dog")) as made:
        images = [
            NewImage("clip.mp4", 320, 240, page=5 * n, pages=101, group="clip.mp4")
            for n in range(FRAMES)
        ]
        images += [NewImage(f"photos/{n}.png", 320, 240) for n in (10, 2, 1)]
        with made.transaction("Import") as s:
            commands.add_images(s, images)
        yield made


def add(project, image, shape, class_id=1, **more):
    with project.transaction("Add") as s:
        return commands.add_annotation(s, image_id=image, class_id=class_id, shape=shape, **more)


def on(project, image):
    with project.read() as s:
        return queries.annotations(s, image)


def track(project, annotation_id):
    with project.read() as s:
        return tracks.track_of(s, queries.annotation(s, annotation_id))


def fill(s, found):
    """Put a shape on every image between the keys of a track; returns how many."""
    shapes = tracks.shapes_between(found, found.gaps())
    return tracks.place(s, track=found, shapes=shapes, maker=tracks.INTERPOLATION)


def interpolated(project, *ids):
    """Link annotations and fill all gaps; returns how many were put."""
    with project.transaction("Interpolate") as s:
        tracks.link(s, ids=ids)
        found = tracks.track_of(s, queries.annotation(s, ids[0]))
        return fill(s, found)


def truth(image):
    frame = 5 * (image - 1)
    return np.array([10 + 1.37 * frame, 20 + 0.4 * frame, 40 + 0.1 * frame, 30])


def numbers(box):
    return np.array([box.x, box.y, box.w, box.h])


def test_the_frames_of_a_video_follow_each_other_and_files_by_their_names(project):
    with project.read() as s:
        clip, photos = sequence_of(s, 3), sequence_of(s, FRAMES + 1)
    assert clip.ids == tuple(range(1, FRAMES + 1))
    assert clip.times[:3] == (0, 5, 10)
    assert clip.one_file
    with project.read() as s:
        names = [r.name for r in queries.images(s, photos.ids)]
    assert names == ["1.png", "2.png", "10.png"]


def test_an_evenly_moving_box_is_found_on_every_frame_between_its_keys(project):
    first = add(project, 1, Box(*truth(1)), attributes={"attributes": {"colour": "red"}})
    last = add(project, 21, Box(*truth(21)))
    before = project.undo_label
    assert interpolated(project, first, last) == 19
    for image in range(2, 21):
        (found,) = on(project, image)
        assert np.abs(numbers(found.box) - truth(image)).max() < 1e-6
        assert (found.state, found.source) == (State.SUGGESTED, Source.NETWORK)
        assert found.attributes == {
            "attributes": {"colour": "red"}, "track_id": 1, "suggested_by": "Interpolation",
        }  # fmt: skip
    project.undo()
    assert project.undo_label == before
    assert not on(project, 5)
    assert "track_id" not in on(project, 1)[0].attributes


def test_an_edited_shape_becomes_a_key_and_its_neighbours_are_computed_anew(project):
    first, last = add(project, 1, Box(0, 0, 10, 10)), add(project, 21, Box(100, 0, 10, 10))
    interpolated(project, first, last)
    (middle,) = on(project, 11)
    with project.transaction("Edit") as s:
        commands.set_shape(s, id=middle.id, shape=Box(50, 100, 10, 10))
        commands.set_state(s, ids=[middle.id], state=State.ACCEPTED)
    found = track(project, first)
    assert found.key_images() == [1, 11, 21]
    assert [gap[:2] for gap in found.gaps_beside(11)] == [(1, 11), (11, 21)]
    with project.transaction("Again") as s:
        assert fill(s, found) == 18
    assert on(project, 6)[0].box == Box(25, 50, 10, 10)
    assert on(project, 16)[0].box == Box(75, 50, 10, 10)
    assert on(project, 11)[0].box == Box(50, 100, 10, 10)
    assert all(len(on(project, image)) == 1 for image in range(1, 22))


def test_accepted_shapes_follow_their_keys_but_locked_and_drawn_ones_stay(project):
    first, last = add(project, 1, Box(0, 0, 10, 10)), add(project, 21, Box(100, 0, 10, 10))
    stranger = add(project, 6, Box(200, 200, 5, 5))
    interpolated(project, first, last)
    with project.transaction("Keep") as s:
        decisions.keep(s, ids=[on(project, 5)[0].id])
        decisions.reject(s, ids=[on(project, 8)[0].id])
        commands.set_shape(s, id=last, shape=Box(100, 100, 10, 10))
    found = track(project, first)
    with project.transaction("Again") as s:
        fill(s, found)
    (kept,) = on(project, 5)
    assert (kept.state, kept.box) == (State.ACCEPTED, Box(20, 20, 10, 10))
    assert [a.box for a in on(project, 6)] == [Box(200, 200, 5, 5), Box(25, 25, 10, 10)]
    assert on(project, 6)[0].id == stranger
    assert [a.state for a in on(project, 8)] == [State.SUGGESTED]
    assert not track(project, first).others.get(1)


def test_a_kept_interpolation_trains_and_says_who_made_it(project):
    first, last = add(project, 1, Box(0, 0, 10, 10)), add(project, 3, Box(20, 0, 10, 10))
    interpolated(project, first, last)
    with project.transaction("Keep") as s:
        decisions.keep(s, ids=[on(project, 2)[0].id])
    (kept,) = on(project, 2)
    assert not tracks.is_key(kept)
    assert kept.attributes["suggested_by"] == "Interpolation"
    assert track(project, first).others.keys() == {2}


def test_two_boxes_drawn_on_distant_frames_are_known_as_one_object(project):
    near = add(project, 1, Box(12, 10, 30, 30))
    add(project, 1, Box(250, 10, 30, 30))
    add(project, 1, Box(14, 12, 30, 30), class_id=2)
    here = add(project, 9, Box(40, 20, 30, 30))
    with project.read() as s:
        found = tracks.partner(s, queries.annotation(s, here))
    assert found.id == near


def test_objects_that_have_a_number_are_no_partners_and_cost_no_question_each(project):
    free = add(project, 1, Box(12, 10, 30, 30))
    for image in range(2, 12):
        add(project, image, Box(40, 20, 30, 30), attributes={"track_id": 3})
    here = add(project, 12, Box(40, 20, 30, 30))
    asked = []
    with project.read() as s:
        mine = queries.annotation(s, here)
        event.listen(s.get_bind(), "before_cursor_execute", lambda *call: asked.append(call[2]))
        found = tracks.partner(s, mine)
    assert found.id == free
    assert 0 < len(asked) < 6


def test_no_partner_is_seen_where_no_image_lies_between(project):
    add(project, 1, Box(12, 10, 30, 30))
    here = add(project, 2, Box(40, 20, 30, 30))
    with project.read() as s:
        assert tracks.partner(s, queries.annotation(s, here)) is None


def test_masks_and_outlines_are_interpolated_too(project):
    patch = np.zeros((20, 20), np.uint8)
    patch[3:17, 5:15] = 1
    mask = Mask.from_patch(patch, 20, 20)
    ring = Polygon.simple([(0, 0), (20, 0), (10, 30)])
    assert interpolated(project, add(project, 1, mask), add(project, 3, mask.moved(40, 8))) == 1
    assert on(project, 2)[0].shape == mask.moved(20, 4)
    assert interpolated(project, add(project, 4, ring), add(project, 8, ring.moved(40, 0))) == 3
    assert on(project, 6)[0].shape == ring.moved(20, 0)
    assert {a.attributes["track_id"] for i in (2, 6) for a in on(project, i)} == {1, 2}


def test_tracked_shapes_are_cut_at_the_edge_and_left_out_behind_it(project):
    first = add(project, 1, Box(280, 10, 40, 40))
    with project.transaction("Track") as s:
        tracks.link(s, ids=[first])
        found = tracks.track_of(s, queries.annotation(s, first))
        shapes = {2: (Box(300, 10, 40, 40), 0.9), 3: (Box(330, 10, 40, 40), 0.5)}
        assert tracks.place(s, track=found, shapes=shapes, maker=tracks.TRACKER) == 1
    (cut,) = on(project, 2)
    assert (cut.box, cut.score) == (Box(300, 10, 20, 40), 0.9)
    assert not on(project, 3)


def test_the_next_key_is_found_forwards_and_backwards(project):
    first, last = add(project, 3, Box(0, 0, 10, 10)), add(project, 9, Box(10, 0, 10, 10))
    interpolated(project, first, last)
    found = track(project, on(project, 5)[0].id)
    assert [found.beside(5, 1), found.beside(5, -1), found.beside(9, 1)] == [9, 3, 0]


@pytest.mark.parametrize("asked_on", [1, 9])
@pytest.mark.parametrize("kind", ["mask", "outline"])
def test_masks_and_outlines_are_interpolated_from_the_earlier_key_and_from_the_later_one(
    project, asked_on, kind
):
    def square(x):
        if kind == "mask":
            return Mask.from_patch(np.ones((30, 30), np.uint8), x, 50)
        return Polygon.simple(np.array([[x, 50], [x + 30, 50], [x + 30, 80], [x, 80]], float))

    ids = {1: add(project, 1, square(20)), 9: add(project, 9, square(100))}
    assert interpolated(project, ids[asked_on], ids[10 - asked_on]) == 7
    for image in range(2, 9):
        (found,) = on(project, image)
        assert type(found.shape) is type(square(0))
        expected = [20 + 10 * (image - 1), 50, 30, 30]
        assert np.abs(numbers(found.box) - expected).max() <= 1


def test_two_objects_of_a_class_find_each_its_own_shape_on_the_other_image(project):
    left, right = add(project, 1, Box(10, 10, 20, 20)), add(project, 1, Box(80, 10, 20, 20))
    add(project, 1, Box(50, 200, 20, 20), class_id=2)
    near, far = add(project, 9, Box(60, 10, 20, 20)), add(project, 9, Box(130, 10, 20, 20))
    with project.read() as s:
        found = tracks.partners(s, [queries.annotation(s, id) for id in (near, far)])
    assert {id: each.id for id, each in found.items()} == {near: left, far: right}


def test_an_object_keeps_its_number_through_coco(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in (1, 2, 3):
        from cvstudio.core.opencv import cv2

        cv2.imwrite(str(photos / f"{number}.png"), np.full((60, 80, 3), number, np.uint8))
    with Project.create(tmp_path / "a", task=Task.DETECT, classes=("car",)) as project:
        importing.run(project, importing.plan(project, photos))
        first, last = add(project, 1, Box(5, 5, 9, 9)), add(project, 3, Box(25, 5, 9, 9))
        interpolated(project, first, last)
        with project.transaction("Keep") as s:
            decisions.keep_from(s, image_ids=[2])
        exporting.export(project, tmp_path / "coco", format="coco")
    written = json.loads((tmp_path / "coco" / "annotations" / "instances.json").read_text())
    assert [a["track_id"] for a in written["annotations"]] == [1, 1, 1]
    assert not any("suggested_by" in a for a in written["annotations"])
    with Project.create(tmp_path / "b", task=Task.DETECT) as other:
        importing.run(other, importing.plan(other, tmp_path / "coco"))
        with other.read() as s:
            images = queries.image_ids(s)
        assert [tracks.track_id(on(other, i)[0]) for i in images] == [1, 1, 1]
    assert by_name("coco").title
