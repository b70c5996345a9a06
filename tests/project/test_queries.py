"""What the gallery, the charts and the lists are told about a project."""

from __future__ import annotations

import time

import numpy as np
import pytest

from cvstudio.core.annotation import Review, Source, Split, State
from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box
from cvstudio.project import commands, queries, rows, tagging
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, NewImage
from cvstudio.project.tables import natural_key


@pytest.fixture
def labelled(project: Project) -> Project:
    """Image n has n boxes for n up to 4; classes 1 and 2 take turns; images 5 and on have none."""
    with project.transaction("Label") as s:
        for image in range(1, 5):
            for n in range(image):
                commands.add_annotation(
                    s, image_id=image, class_id=1 + n % 2, shape=Box(n, 0, 10 + n, 20)
                )
        commands.add_annotation(
            s, image_id=6, class_id=3, shape=Box(0, 0, 5, 5), source=Source.NETWORK, run_id=7,
            score=0.3, state=State.SUGGESTED,
        )  # fmt: skip
        commands.set_split(s, image_ids=[1, 2, 3], split=Split.TRAIN)
        commands.set_split(s, image_ids=[4], split=Split.VAL)
        commands.set_review(s, image_ids=[4, 5], review=Review.REVIEWED)
        tagging.tag_images(s, image_ids=[2, 7], tag="rare")
        commands.add_images(s, [NewImage("other/folder/100%_a.png", 5, 5, problem="cut short")])
    return project


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (ImageFilter(), [13, *range(1, 13)]),  # 100% comes before img
        (ImageFilter(class_ids=(2,)), [2, 3, 4]),
        (ImageFilter(class_ids=(3,)), []),
        (ImageFilter(class_ids=(1,), without_class_ids=(2,)), [1]),
        (ImageFilter(without_annotations=False), [1, 2, 3, 4]),
        (ImageFilter(without_annotations=True, folder="images"), list(range(5, 13))),
        (ImageFilter(splits=(Split.VAL,)), [4]),
        (ImageFilter(splits=(Split.VAL, None), reviews=(Review.REVIEWED, Review.EMPTY)), [4, 5]),
        (ImageFilter(tags=("rare", "unheard of")), [2, 7]),
        (ImageFilter(sources=(Source.NETWORK,)), [6]),
        (ImageFilter(sources=(Source.HUMAN,)), [1, 2, 3, 4]),
        (ImageFilter(states=(State.SUGGESTED,)), [6]),
        (ImageFilter(scores=(0.2, 0.4)), [6]),
        (ImageFilter(scores=(0.4, 0.9)), []),
        (ImageFilter(run_id=7), [6]),
        (ImageFilter(run_id=8), []),
        (ImageFilter(class_ids=(3,), states=(State.SUGGESTED,)), [6]),
        (ImageFilter(class_ids=(1,), states=(State.SUGGESTED,)), []),
        (ImageFilter(class_ids=(3, 2), scores=(0, 1)), [6]),
        (ImageFilter(class_ids=(1,), sources=(Source.NETWORK,)), []),
        (ImageFilter(folder="other"), [13]),
        (ImageFilter(folder="oth"), []),
        (ImageFilter(folder="other/folder/"), [13]),
        (ImageFilter(text="IMG 1"), [1, 10, 11, 12]),
        (ImageFilter(text="0%_"), [13]),
        (ImageFilter(text="_"), [13]),
        (ImageFilter(text="folder .png"), [13]),
        (ImageFilter(problems=True), [13]),
        (ImageFilter(ids=[9, 3, 77]), [3, 9]),
        (ImageFilter(ids=[]), []),
    ],
)
def test_a_filter_finds_exactly_its_images_in_natural_order(
    labelled: Project, wanted: ImageFilter, ids: list[int]
) -> None:
    with labelled.read() as s:
        assert queries.image_ids(s, wanted) == ids
        assert queries.image_count(s, wanted) == len(ids)


def test_images_come_in_the_order_asked_for(labelled: Project) -> None:
    with labelled.read() as s:
        assert queries.image_ids(s, sort="annotations")[:4] == [4, 3, 2, 1]
        assert queries.image_ids(s, sort="imported")[0] == 13
        assert queries.image_ids(s, sort="review")[-2:] == [4, 5]
        assert [i.id for i in queries.images(s, [9, 2, 99, 4])] == [9, 2, 4]


def test_names_with_numbers_sort_as_people_count() -> None:
    names = ["img 10.png", "IMG 2.png", "img 2b.png", "img 002.png", "a", "z9", "z10", "z010x"]
    ordered = sorted(names, key=natural_key)
    assert ordered == [
        "a", "IMG 2.png", "img 002.png", "img 2b.png", "img 10.png", "z9", "z10", "z010x",
    ]  # fmt: skip
    huge = "1" * 120
    assert natural_key(f"a{huge}") < natural_key(f"a{huge}1")


def test_pages_of_a_file_stay_together_in_their_order(project: Project) -> None:
    with project.transaction("Add") as s:
        for folder in ("b", "a"):
            pages = [NewImage(f"{folder}/s.tif", 5, 5, page=p, pages=12) for p in (11, 2, 0)]
            commands.add_images(s, pages)
    with project.read() as s:
        found = queries.images(s, queries.image_ids(s, ImageFilter(text="s.tif")))
    assert [(i.folder, i.page) for i in found] == [
        ("a", 0), ("a", 2), ("a", 11), ("b", 0), ("b", 2), ("b", 11),
    ]  # fmt: skip
    assert found[1].title == "s.tif · page 3"


def test_counts_are_of_what_counts(labelled: Project) -> None:
    with labelled.read() as s:
        assert queries.class_counts(s) == {1: 6, 2: 4, 3: 0}
        assert queries.class_counts(s, ImageFilter(splits=(Split.TRAIN,))) == {1: 4, 2: 2, 3: 0}
        assert queries.annotation_counts(s, [4, 6]) == {4: 4, 6: 0}
        assert queries.split_table(s)[Split.TRAIN] == {1: 3, 2: 2, 3: 0}
        assert queries.split_table(s)[None] == {1: 0, 2: 0, 3: 0}
        assert queries.class_ids_by_image(s, [1, 2, 6]) == {1: {1}, 2: {1, 2}}
        assert queries.image_counts_by_class(s) == {1: 4, 2: 3}
        assert queries.review_counts(s) == {
            Review.UNLABELLED: 8, Review.LABELLED: 3, Review.REVIEWED: 1, Review.EMPTY: 1,
        }  # fmt: skip
        assert queries.folders(s) == {"images": 12, "other/folder": 1}
        totals = queries.totals(s)
        assert (totals.images, totals.annotations, totals.suggestions) == (13, 10, 1)
        assert (totals.classes, totals.problems) == (3, 1)


def test_sides_of_boxes_are_those_of_the_filtered_images(labelled: Project) -> None:
    with labelled.read() as s:
        sides = queries.box_sides(s, ImageFilter(ids=[2]))
        assert queries.box_sides(s).shape == (10, 2)
        assert queries.box_sides(s, ImageFilter(ids=[5])).shape == (0, 2)
    assert np.array_equal(sides, [(10, 20), (11, 20)])


def test_an_image_that_is_gone_says_so(project: Project) -> None:
    with project.read() as s, pytest.raises(ProjectError, match="no image 99"):
        queries.image(s, 99)


def test_the_gallery_of_a_large_project_is_filtered_at_once(project: Project) -> None:
    """Each question to 50,000 boxes takes milliseconds, so the limit is generous."""
    with project.transaction("Import") as s:
        images = commands.add_images(s, [NewImage(f"x/{n}.png", 640, 480) for n in range(5_000)])
        row = commands.annotation_row
        drawn = [
            row(image_id=i, class_id=1 + n % 3, shape=Box(n, n, 9, 9), width=640, height=480)
            for i in images
            for n in range(10)
        ]
        rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, drawn)
    started = time.thread_time()  # what else the machine does is no fault of the questions
    with project.read() as s:
        assert len(queries.image_ids(s, ImageFilter(class_ids=(2,), text="x/"))) == 5_000
        assert queries.image_ids(s, ImageFilter(without_class_ids=(1,), folder="x")) == []
        assert len(queries.image_ids(s, sort="annotations")) == 5_012
        assert sum(queries.class_counts(s).values()) == 50_000
    assert time.thread_time() - started < 1
