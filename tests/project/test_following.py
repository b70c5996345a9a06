"""Objects of a video are followed together, forwards and backwards, and each says where it ends."""

import numpy as np
import pytest
from tracked_scene import FRAMES, HEIGHT, PLACES, SIDE, WIDTH, left_edge, write_scene

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ImageError
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.imaging import decode, video
from cvstudio.imaging.tracking import Method
from cvstudio.imaging.video import Step
from cvstudio.project import commands, following, importing, queries
from cvstudio.project.following import Wanted, follow_objects
from cvstudio.project.project import Project

STEP = 4
IMAGES = -(-FRAMES // STEP)


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=("car", "dog")) as made:
        clip = write_scene(tmp_path / "clip.avi")
        importing.run(made, importing.plan(made, clip, step=Step(STEP)))
        yield made


def drawn(project, image, shape):
    with project.transaction("Add") as s:
        id = commands.add_annotation(s, image_id=image, class_id=1, shape=shape)
        return queries.annotation(s, id)


def true_box(who, image):
    x, y = PLACES[who]((image - 1) * STEP)
    return Box(x, y, SIDE, SIDE)


def outline(box):
    corners = [(box.x, box.y), (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom)]
    return Polygon.simple(np.array(corners, float))


def pixels(box):
    return Mask.from_patch(np.ones((SIDE, SIDE), np.uint8), round(box.x), round(box.y))


def iou(a, b):
    across = max(min(a.right, b.right) - max(a.x, b.x), 0)
    shared = across * max(min(a.bottom, b.bottom) - max(a.y, b.y), 0)
    return shared / (a.area + b.area - shared)


def box_of(shape):
    return shape if isinstance(shape, Box) else shape.box


@pytest.mark.parametrize("backwards", [False, True])
def test_a_box_an_outline_and_a_mask_are_followed_together_either_way(project, backwards):
    start = IMAGES if backwards else 1
    ahead = tuple(range(IMAGES - 1, 0, -1)) if backwards else tuple(range(2, IMAGES + 1))
    kinds = {"first": lambda box: box, "second": outline, "third": pixels}
    objects = {
        who: drawn(project, start, kind(true_box(who, start))) for who, kind in kinds.items()
    }
    told = []
    trails = follow_objects(
        project, [Wanted(a, ahead) for a in objects.values()], told=lambda *at: told.append(at)
    )
    for who, annotation in objects.items():
        trail = trails[annotation.id]
        assert tuple(trail.shapes) == ahead
        assert not trail.lost
        assert {type(shape) for shape, _ in trail.shapes.values()} == {type(annotation.shape)}
        worst = min(iou(box_of(s), true_box(who, i)) for i, (s, _) in trail.shapes.items())
        assert worst > 0.7, (who, worst)  # the box around a mask: a stray pixel counts
    frames = (IMAGES - 1) * STEP
    assert {total for _, total in told} == {frames}
    assert max(done for done, _ in told) == frames - 1


def test_each_picture_is_read_once_however_many_objects_are_followed(project, monkeypatch):
    read, real = [], decode.read_rgb
    monkeypatch.setattr(following, "read_rgb", lambda *a: read.append(a[1]) or real(*a))
    wanted = [Wanted(drawn(project, 1, true_box(who, 1)), (2, 3)) for who in PLACES]
    follow_objects(project, wanted)
    assert read == list(range(2 * STEP + 1))


def test_backwards_a_video_is_decoded_in_passages_and_not_from_the_start_for_each_frame(
    project, monkeypatch
):
    monkeypatch.setattr(following, "_BACKWARDS_BYTES", 10 * WIDTH * HEIGHT * 3)
    seeks, real = [], video._Reader._seek
    monkeypatch.setattr(video._Reader, "_seek", lambda *a: seeks.append(a[1]) or real(*a))
    annotation = drawn(project, IMAGES, true_box("first", IMAGES))
    ahead = tuple(range(IMAGES - 1, 0, -1))
    (trail,) = follow_objects(project, [Wanted(annotation, ahead)]).values()
    assert len(trail.shapes) == IMAGES - 1
    assert 0 < len(seeks) <= (IMAGES - 1) * STEP // 10 + 2


def test_an_object_that_ends_says_where_and_the_others_go_on(project):
    stays = drawn(project, 1, true_box("first", 1))
    leaves = drawn(project, 1, true_box("leaver", 1))
    ahead = tuple(range(2, IMAGES + 1))
    trails = follow_objects(project, [Wanted(a, ahead) for a in (stays, leaves)])
    assert len(trails[stays.id].shapes) == len(ahead)
    trail = trails[leaves.id]
    gone = next(i for i in ahead if left_edge("leaver", (i - 1) * STEP) > WIDTH)
    assert trail.lost_on is not None
    assert gone - 3 <= trail.lost_on.id <= gone
    assert list(trail.shapes) == list(range(2, trail.lost_on.id))
    assert trail.lost.endswith(f"picture on clip.avi · frame {(trail.lost_on.id - 1) * STEP + 1}")


def test_each_object_goes_as_far_as_it_was_asked_to(project):
    near, far = (drawn(project, 1, true_box(who, 1)) for who in ("first", "second"))
    trails = follow_objects(project, [Wanted(near, (2,)), Wanted(far, (2, 3, 4))])
    assert [list(trails[a.id].shapes) for a in (near, far)] == [[2], [2, 3, 4]]
    assert not any(trail.lost for trail in trails.values())


def test_by_appearance_a_box_is_followed_backwards_too(project):
    annotation = drawn(project, 6, true_box("first", 6))
    (trail,) = follow_objects(
        project, [Wanted(annotation, (5, 4, 3))], method=Method.APPEARANCE
    ).values()
    assert list(trail.shapes) == [5, 4, 3]
    assert min(iou(s, true_box("first", i)) for i, (s, _) in trail.shapes.items()) > 0.6


def test_a_shape_that_cannot_be_followed_does_not_stop_the_others(project):
    good, bad = drawn(project, 1, true_box("first", 1)), drawn(project, 1, Box(5, 5, 2, 2))
    wanted = [Wanted(a, (2,)) for a in (good, bad)]
    trails = follow_objects(project, wanted, method=Method.APPEARANCE)
    assert list(trails[good.id].shapes) == [2]
    assert (trails[bad.id].shapes, "too small" in trails[bad.id].lost) == ({}, True)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_was_found_before_a_damaged_frame_stays(project, monkeypatch, backwards):
    start, ahead = (9, (8, 7, 6, 5)) if backwards else (1, (2, 3, 4, 5))
    broken = (ahead[2] - 1) * STEP
    real = decode.read_rgb

    def read(path, page, window):
        if page == broken:
            raise ImageError("clip.avi is damaged here.")
        return real(path, page, window)

    monkeypatch.setattr(following, "read_rgb", read)
    annotation = drawn(project, start, true_box("first", start))
    (trail,) = follow_objects(project, [Wanted(annotation, ahead)]).values()
    assert tuple(trail.shapes) == ahead[:2]
    assert trail.lost == "clip.avi is damaged here."


def test_following_can_be_stopped_between_two_pictures(project):
    class Enough(Exception):
        pass

    def told(done, total):
        if done == 5:
            raise Enough

    with pytest.raises(Enough):
        follow_objects(
            project, [Wanted(drawn(project, 1, true_box("first", 1)), (2, 3, 4))], told=told
        )


def test_files_of_a_folder_are_followed_backwards_too(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    clip = cv2.VideoCapture(str(write_scene(tmp_path / "clip.avi")))
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), clip.read()[1])
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=("car",)) as project:
        importing.run(project, importing.plan(project, folder))
        x, y = PLACES["first"](5)
        annotation = drawn(project, 6, Box(x, y, SIDE, SIDE))
        (trail,) = follow_objects(project, [Wanted(annotation, (5, 4, 3, 2, 1))]).values()
    assert list(trail.shapes) == [5, 4, 3, 2, 1]
    x, y = PLACES["first"](0)
    assert iou(trail.shapes[1][0], Box(x, y, SIDE, SIDE)) > 0.9
