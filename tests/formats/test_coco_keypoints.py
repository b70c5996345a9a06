"""Keypoints and skeletons through COCO files and back, beside outlines and alone."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cvstudio.core.annotation import Kind, Task
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.opencv import cv2
from cvstudio.core.skeleton import COCO_PERSON, Skeleton
from cvstudio.formats import coco_keypoints
from cvstudio.project import (
    commands,
    exporting,
    importing,
    queries,
    rows,
    skeleton_changes,
    skeletons,
)
from cvstudio.project.project import Project

ARM = Skeleton(("shoulder", "elbow", "wrist"), ((0, 1), (1, 2)))
POINTS = [10, 10, 2, 20.5, 20, 1, 0, 0, 0]
RING = [[5, 5, 40, 5, 40, 40, 5, 40]]


@pytest.fixture
def new(tmp_path):
    made = []

    def make(task=Task.INSTANCE):
        made.append(Project.create(tmp_path / f"project {len(made)}", task=task))
        return made[-1]

    yield make
    for project in made:
        project.close()


@pytest.fixture
def source(tmp_path):
    """A folder with one image and a function that writes annotations beside it."""
    folder = tmp_path / "source"
    (folder / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "images" / "a.png"), np.full((60, 80, 3), 90, np.uint8))

    def write(*items, **category):
        arm = {"id": 4, "name": "arm", "keypoints": list(ARM.names), "skeleton": [[1, 2], [2, 3]]}
        found = {
            "images": [{"id": 7, "file_name": "a.png", "width": 80, "height": 60}],
            "categories": [arm | category],
            "annotations": [
                {"id": n, "image_id": 7, "category_id": 4, "iscrowd": 0, **item}
                for n, item in enumerate(items, 1)
            ],
        }
        (folder / "instances.json").write_text(json.dumps(found))
        return folder

    return write


def bring(project, folder):
    return importing.run(project, importing.plan(project, folder))


def out(project, folder):
    exporting.export(project, folder, format="coco", copy_images=True)
    return folder


def items(folder, name="instances"):
    found = json.loads((folder / "annotations" / f"{name}.json").read_text(encoding="utf-8"))
    return {a["id"]: a for a in found["annotations"]}, found["categories"]


def content(project):
    """Skeletons, and class, shape and box of all annotations, by labelled image in order."""
    with project.read() as s:
        names = {c.id: c.name for c in queries.classes(s)}
        bones = {names[id]: found for id, found in skeletons.skeletons(s).items()}
        ids = [r.id for r in sorted(queries.images(s, queries.image_ids(s)), key=lambda r: r.name)]
        found = queries.annotations_of(s, ids)
    said = [[(names[a.class_id], a.shape, a.box) for a in found[id]] for id in ids]
    return bones, [each for each in said if each]


OUTLINED = {
    "segmentation": RING, "bbox": [5, 5, 35, 35], "area": 1225, "keypoints": POINTS,
    "num_keypoints": 2, "mood": "glad",
}  # fmt: skip


def test_an_object_with_outline_and_keypoints_is_one_item_again(new, source, tmp_path):
    project, folder = new(), source(OUTLINED)
    bring(project, folder)
    bones, [[outline, points]] = content(project)
    assert bones == {"arm": ARM}
    assert outline[2] == Box(5, 5, 35, 35)
    assert points[1] == Keypoints.of(POINTS)
    written, categories = items(out(project, tmp_path / "out"))
    old = json.loads((folder / "instances.json").read_text())
    assert written == {a["id"]: a for a in old["annotations"]}
    assert categories == old["categories"]
    other = new()
    bring(other, tmp_path / "out")
    assert content(other) == content(project)


def test_objects_that_come_in_as_two_annotations_are_told_before(new, source):
    folder = source(
        {"segmentation": RING, "keypoints": POINTS},
        {"bbox": [5, 5, 9, 9], "keypoints": POINTS},
        {"keypoints": POINTS},
    )
    plan = importing.plan(new(), folder)
    assert plan.problems == []
    assert plan.notes() == [
        "2 objects have keypoints beside an outline or a box: each becomes two annotations that"
        " belong together, and one object again in an export as COCO."
    ]


def test_a_box_with_keypoints_still_trains_as_a_box(new, source, tmp_path):
    project = new(Task.DETECT)
    bring(project, source({"bbox": [5, 5, 30, 30], "keypoints": POINTS}))
    _, [[box, points]] = content(project)
    assert box[1] == Box(5, 5, 30, 30)
    assert points[1].placed().tolist() == [[10, 10], [20.5, 20]]
    written, _ = items(out(project, tmp_path / "out"))
    assert list(written) == [1]
    assert (written[1]["bbox"], written[1]["keypoints"]) == ([5, 5, 30, 30], POINTS)


def test_a_point_that_was_moved_is_written_where_it_is_now(new, source, tmp_path):
    project = new()
    bring(project, source(OUTLINED))
    with project.transaction("Move point") as s:
        (points,) = [a for a in queries.annotations(s, 1) if a.kind is Kind.KEYPOINTS]
        moved = points.shape.with_point(1, 30, 31, 2)
        commands.set_shape(s, id=points.id, shape=moved)
    written, _ = items(out(project, tmp_path / "out"))
    assert written[1]["keypoints"] == [10, 10, 2, 30, 31, 2, 0, 0, 0]
    assert written[1]["segmentation"] == RING


def test_without_their_outline_keypoints_stay_keypoints(new, source, tmp_path):
    project = new()
    bring(project, source(OUTLINED))
    with project.transaction("Delete") as s:
        (gone,) = [a.id for a in queries.annotations(s, 1) if a.kind is not Kind.KEYPOINTS]
        commands.delete_annotations(s, ids=[gone])
    out(project, tmp_path / "out")
    other = new()
    bring(other, tmp_path / "out")
    _, [[only]] = content(other)
    assert only[1] == Keypoints.of(POINTS)


def test_a_project_that_carried_keypoints_draws_them_after_importing_again(new, source, tmp_path):
    project, folder = new(), source(OUTLINED)
    bring(project, folder)
    with project.transaction("As an older version left it") as s:
        outline, points = queries.annotations(s, 1)
        commands.delete_annotations(s, ids=[points.id])
        carried = {"keypoints": POINTS, "num_keypoints": 2, "mood": "glad", "coco": {"id": 1}}
        rows.change(s, "annotation", [outline.id], attributes=json.dumps(carried))
    written, _ = items(out(project, tmp_path / "before"))
    assert written[1]["keypoints"] == POINTS
    bring(project, folder)
    assert [shape for _, shape, _ in content(project)[1][0]][1] == Keypoints.of(POINTS)
    written, _ = items(out(project, tmp_path / "out"))
    assert list(written) == [1]
    assert (written[1]["keypoints"], written[1]["segmentation"]) == (POINTS, RING)


def test_parts_that_are_of_two_classes_now_are_two_items(new, source, tmp_path):
    project = new()
    bring(project, source(OUTLINED))
    with project.transaction("Relabel") as s:
        leg = commands.add_class(s, name="leg")
        (points,) = [a for a in queries.annotations(s, 1) if a.kind is Kind.KEYPOINTS]
        commands.set_class(s, ids=[points.id], class_id=leg)
    out(project, tmp_path / "out")
    other = new()
    bring(other, tmp_path / "out")
    assert sorted(name for name, *_ in content(other)[1][0]) == ["arm", "leg"]


def test_what_cannot_be_drawn_is_carried_as_it_was(new, source, tmp_path):
    """Keypoints of crowds, without any place, cut off, or with words in them."""
    none = {"segmentation": RING, "bbox": [5, 5, 35, 35], "area": 1225}
    told = ([0] * 9, [10, 10], ["x", 10, 2], [10, 10, 7])
    project = new()
    folder = source(*({**none, "keypoints": each} for each in told))
    bring(project, folder)
    assert [len(each) for each in content(project)[1]] == [4]
    written, _ = items(out(project, tmp_path / "out"))
    assert [written[n]["keypoints"] for n in (1, 2, 3, 4)] == list(told)


def test_a_skeleton_that_counts_from_nought_or_joins_nothing_is_read_as_far_as_it_can_be(
    new, source
):
    project = new()
    bring(project, source(OUTLINED, skeleton=[[0, 1], [1, 2], [2, 9], [1, 1]]))
    assert content(project)[0] == {"arm": ARM}


def test_a_project_keeps_its_own_skeleton_when_a_file_brings_another(new, source):
    project = new()
    own = Skeleton(("a", "b", "c"))
    with project.transaction("Class") as s:
        id = commands.add_class(s, name="arm")
        skeleton_changes.define(s, class_id=id, skeleton=own)
    bring(project, source(OUTLINED))
    assert content(project)[0] == {"arm": own}


def test_points_of_a_file_go_with_their_names_into_a_skeleton_of_another_order(new, source):
    project, plain = new(), new()
    bring(plain, source(OUTLINED))
    with project.transaction("Class") as s:
        id = commands.add_class(s, name="arm")
        order = Skeleton(("wrist", "shoulder", "hand", "elbow"))
        skeleton_changes.define(s, class_id=id, skeleton=order)
    bring(project, source(OUTLINED))
    bring(project, source(OUTLINED))  # what is there already does not come twice

    def points(of):
        found = (shape for image in content(of)[1] for _, shape, _ in image)
        return [shape.points.tolist() for shape in found if isinstance(shape, Keypoints)]

    (before,), (after,) = points(plain), points(project)
    shoulder, elbow, wrist = before
    assert after == [wrist, shoulder, [0, 0, 0], elbow]


def test_random_keypoints_come_back_exactly(new, source, tmp_path):
    rng = np.random.default_rng(5)
    project = new()
    bring(project, source(OUTLINED))
    with project.transaction("Draw") as s:
        for _ in range(40):
            places = rng.uniform(0, 60, (3, 2))
            known = rng.integers(0, 3, (3, 1))
            known[0] = 2
            points = np.hstack([places * (known > 0), known])
            frame = Box(*rng.uniform(1, 30, 4).tolist()) if rng.random() < 0.5 else None
            shape = Keypoints(points, frame)
            commands.add_annotation(s, image_id=1, class_id=1, shape=shape)
    out(project, tmp_path / "out")
    other = new()
    bring(other, tmp_path / "out")
    assert content(other) == content(project)
    out(other, tmp_path / "again")
    assert items(tmp_path / "again") == items(tmp_path / "out")


@pytest.mark.shared_data
def test_people_of_coco_come_back_with_all_their_points(new, shared_data, tmp_path):
    source = shared_data / "inst_tinycoco" / "pose_minicoco"
    project = new()
    bring(project, source)
    bones, images = content(project)
    assert bones == {"person": COCO_PERSON}
    people = [shape for image in images for _, shape, _ in image if isinstance(shape, Keypoints)]
    old = json.loads((source / "annotations/person_keypoints_val2017.json").read_text())
    train = json.loads((source / "annotations/person_keypoints_train2017.json").read_text())
    told = [a for a in (*old["annotations"], *train["annotations"]) if a["num_keypoints"]]
    assert len(people) == len(told)
    assert sum(len(p.placed()) for p in people) == sum(a["num_keypoints"] for a in told)
    written, categories = items(out(project, tmp_path / "out"), "instances_val")
    assert written == {a["id"]: a for a in old["annotations"]}
    assert categories == old["categories"]
    other = new()
    bring(other, tmp_path / "out")
    assert content(other) == content(project)


def test_the_template_of_a_skeleton_comes_back(new, source, tmp_path):
    project = new()
    bring(project, source(OUTLINED))
    shaped = replace(ARM, layout=((0.2, 0.1), (0.5, 0.5), (0.875, 0.25)))
    with project.transaction("Template") as s:
        skeleton_changes.define(s, class_id=1, skeleton=shaped)
    out(project, tmp_path / "out")
    other = new()
    bring(other, tmp_path / "out")
    assert content(other)[0] == {"arm": shaped}
    with other.transaction("Template") as s:
        skeleton_changes.define(s, class_id=1, skeleton=ARM)
    out(other, tmp_path / "again")
    third = new()
    bring(third, tmp_path / "again")
    assert content(third)[0] == {"arm": ARM}, "what the file said before has gone"


@pytest.mark.parametrize(
    "told", [7, [[0, 1]], [[0, 1], [1, 2]], [[0, 1], [1]], [[0, 1], "ab"], [[0, 1], [1, None]]]
)
def test_what_is_said_badly_of_a_template_is_left_out(told):
    category = {"keypoints": ["a", "b"], coco_keypoints.LAYOUT_KEY: told}
    assert coco_keypoints.skeleton_of(category) == Skeleton(("a", "b"))


def test_what_is_said_badly_of_frames_and_edges_is_left_out():
    points = Keypoints.of(POINTS)
    for bbox in (None, [1, 2, 3], [1, 2, "3", 4], [1, 2, float("nan"), 4], [1, 2, 10**400, 4]):
        told = {coco_keypoints.ALONE_KEY: "framed", "bbox": bbox}
        assert coco_keypoints.framed(points, told) == points
    category = {"keypoints": ["a", "b"], "skeleton": [[1, float("inf")]]}
    assert coco_keypoints.skeleton_of(category) == Skeleton(("a", "b"))
