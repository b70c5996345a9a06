"""What to label next, and what is unusual: the right images, each with a reason that is true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.embedding import Embeddings
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.core.predictions import Found, Prediction
from cvstudio.project import commands
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.similarity import outliers
from cvstudio.project.similarity.next import By, RunOpinion, difference, label_next

IMAGES = 30
WAITING = tuple(range(21, 31))
STRANGE = 27


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Thirty images: twenty are labelled and in train, ten wait."""
    with Project.create(tmp_path / "p", task=Task.CLASSIFY, classes=["cat", "dog"]) as made:
        with made.transaction("Fill") as s:
            commands.add_images(
                s,
                [NewImage(f"{n:02}.png", 64, 64, split=Split.TRAIN) for n in range(1, IMAGES + 1)],
            )
            labelled = [n for n in range(1, IMAGES + 1) if n not in WAITING]
            commands.set_image_class(s, image_ids=labelled, class_id=1)
        yield made


def embeddings(doubts: Mapping[int, float] | None = None) -> Embeddings:
    """All images in two clouds, but for one that lies elsewhere."""
    random = np.random.default_rng(5)
    vectors = random.normal(0, 0.5, (IMAGES, 24))
    vectors[::2, 0] += 6
    vectors[1::2, 1] += 6
    vectors[STRANGE - 1] = 0
    vectors[STRANGE - 1, 9] = 9
    ids = np.arange(1, IMAGES + 1)
    nothing = np.zeros(IMAGES, np.int64)
    told = doubts or {}
    return Embeddings(
        vectors.astype(np.float16), ids, nothing, nothing, np.ones(IMAGES, np.float32),
        np.zeros((IMAGES, 4), np.float32), np.zeros((IMAGES, 2), np.float32),
        np.zeros((IMAGES, 2), np.float32), ids,
        np.array([told.get(int(i), 0.0) for i in ids], np.float32),
    )  # fmt: skip


def asked(
    title: str = "Run 1", unsure: tuple[int, ...] = (), *, dog: tuple[int, ...] = ()
) -> RunOpinion:
    """A run that says cat, but of some images dog, and is unsure of some."""
    answers = {}
    for image in range(1, IMAGES + 1):
        share = 0.52 if image in unsure else 0.98
        scores = {2: share, 1: 1 - share} if image in dog else {1: share, 2: 1 - share}
        answers[image] = Prediction(image, scores=scores)
    return RunOpinion(embeddings(dict.fromkeys(unsure, 0.96)), answers, title)


def test_the_images_of_which_the_network_is_unsure_come_first_and_it_says_between_what(
    project: Project,
) -> None:
    chosen = label_next(project, asked(unsure=(3, 23, 25)), count=2, by=By.DOUBT)
    assert {c.image_id for c in chosen} == {23, 25}, "3 is labelled already"
    assert "“cat” (52 %) or “dog” (48 %)" in chosen[0].reason


def test_what_two_runs_call_differently_is_listed_with_what_each_says(project: Project) -> None:
    other = asked("Run 2", dog=(24,))
    (first, *_) = label_next(project, asked(), other, count=3, by=By.DIFFERENCE)
    assert first.image_id == 24
    assert first.reason.startswith("Run 1 says “cat”, Run 2 “dog”")


def test_the_image_that_is_like_no_labelled_one_is_the_first_of_the_various(
    project: Project,
) -> None:
    (first, *_) = label_next(project, asked(), count=3, by=By.VARIETY)
    assert first.image_id == STRANGE
    assert "Unlike the images before it" in first.reason


def test_one_list_holds_the_doubtful_and_the_strange_and_no_image_twice(project: Project) -> None:
    chosen = label_next(project, asked(unsure=(22, 29)), asked("Run 2", dog=(24,)), count=4)
    ids = [c.image_id for c in chosen]
    assert set(ids) == {22, 24, 29, STRANGE}
    everything = label_next(project, asked(), count=99)
    assert sorted(c.image_id for c in everything) == list(WAITING)
    assert all(c.reason for c in everything)


def test_when_all_is_labelled_it_says_so(project: Project) -> None:
    with project.transaction("Label") as s:
        commands.set_review(s, image_ids=WAITING, review=Review.EMPTY)
    with pytest.raises(RunError, match="Every image that the run has seen is labelled"):
        label_next(project, asked())


def test_one_run_alone_cannot_differ(project: Project) -> None:
    with pytest.raises(RunError, match="Two runs"):
        label_next(project, asked(), by=By.DIFFERENCE)


def objects(*boxes: tuple[int, Box, float]) -> Prediction:
    return Prediction(1, objects=tuple(Found(c, score, box) for c, box, score in boxes))


def test_how_much_two_answers_differ_is_the_share_that_they_do_not_have_in_common() -> None:
    here, near, there = Box(0, 0, 10, 10), Box(1, 0, 10, 10), Box(50, 50, 10, 10)
    assert difference(objects((1, here, 0.9)), objects((1, near, 0.8))) == 0
    assert difference(objects((1, here, 0.9)), objects((2, here, 0.9))) == 1
    both = objects((1, here, 0.9), (1, there, 0.9))
    assert difference(both, objects((1, here, 0.9))) == pytest.approx(1 / 3)
    assert difference(both, objects((1, here, 0.9), (1, there, 0.1))) == pytest.approx(1 / 3)
    assert difference(objects(), objects()) == 0
    assert difference(objects(), None) == 0
    left = Mask.from_patch(np.ones((4, 4), np.uint8), 0, 0)
    right = Mask.from_patch(np.ones((4, 4), np.uint8), 2, 0)
    assert left is not None
    assert right is not None
    one, two = Prediction(1, regions={1: left}), Prediction(1, regions={1: right})
    assert difference(one, two) == pytest.approx(16 / 24)
    assert difference(one, one) == 0


def test_the_stranger_is_the_first_of_the_unusual_with_how_far_it_lies(project: Project) -> None:
    first, second, *_ = outliers.find(project, embeddings(), count=5)
    assert first.image_id == STRANGE
    assert first.times > 2 * second.times
    assert f"{first.times:.1f} times as far from its nearest training images" in first.reason


def test_too_few_images_are_not_called_unusual(tmp_path: Path) -> None:
    with Project.create(tmp_path / "few", task=Task.CLASSIFY) as project:
        with project.transaction("Fill") as s:
            commands.add_images(s, [NewImage("1.png", 8, 8), NewImage("2.png", 8, 8)])
        with pytest.raises(RunError, match="too few"):
            outliers.find(project, embeddings())
