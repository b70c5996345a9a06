"""Images of val that look like images of train are found, whatever was done to their files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from own_time import own_seconds

from cvstudio.core.annotation import Split, Task
from cvstudio.core.opencv import cv2
from cvstudio.imaging import likeness, thumbnails
from cvstudio.imaging.synthetic import paint_cells
from cvstudio.project import commands, leakage
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

Picture = NDArray[np.uint8]
TRAIN = 12


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["cell"]) as made:
        yield made


def picture(seed: int) -> Picture:
    return np.asarray(paint_cells(seed, width=320, height=240, count=9).rgb)


def brighter(rgb: Picture) -> Picture:
    return np.clip(rgb * 0.8 + 40, 0, 255).astype(np.uint8)


CHANGES: dict[str, tuple[Callable[[Picture], Picture], str]] = {
    "compressed": (lambda rgb: rgb, ".jpg"),
    "scaled": (lambda rgb: np.asarray(cv2.resize(rgb, (200, 150)), np.uint8), ".png"),
    "brighter": (brighter, ".png"),
    "mirrored": (lambda rgb: np.ascontiguousarray(rgb[:, ::-1]), ".png"),
    "turned": (lambda rgb: np.ascontiguousarray(np.rot90(rgb)), ".png"),
    "cut at its edge": (lambda rgb: np.ascontiguousarray(rgb[3:-3, 3:-3]), ".png"),
}


def add(project: Project, split: Split, pictures: list[tuple[str, Picture]]) -> dict[int, Split]:
    """Bring in pictures; their ids with the split."""
    new = []
    for name, rgb in pictures:
        path = project.path.parent / name
        cv2.imwrite(str(path), rgb[..., ::-1])
        new.append(NewImage(project.uri_of(path), rgb.shape[1], rgb.shape[0], split=split))
    with project.transaction("Add") as session:
        ids = list(commands.add_images(session, new))
    return dict.fromkeys(ids, split)


def train(project: Project) -> dict[int, Split]:
    return add(project, Split.TRAIN, [(f"train-{n}.png", picture(n)) for n in range(TRAIN)])


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_copy_is_found_whatever_was_done_to_it(project: Project, change: str) -> None:
    do, kind = CHANGES[change]
    divided = train(project)
    copy = add(project, Split.VAL, [(f"copy{kind}", do(picture(4))), ("own.png", picture(99))])
    fourth, first_of_val = list(divided)[4], next(iter(copy))
    assert leakage.near_duplicates(project, {**divided, **copy}) == ((fourth, first_of_val),)


def test_images_of_one_kind_are_not_taken_for_copies(project: Project) -> None:
    divided = train(project)
    others = add(project, Split.TEST, [(f"t-{n}.png", picture(100 + n)) for n in range(12)])
    assert leakage.near_duplicates(project, {**divided, **others}) == ()


def test_pictures_without_anything_to_see_are_not_compared(project: Project) -> None:
    plain = np.full((64, 64, 3), 90, np.uint8)
    one = add(project, Split.TRAIN, [("a.png", plain)])
    two = add(project, Split.VAL, [("b.png", plain + 1)])
    assert leakage.near_duplicates(project, {**one, **two}) == ()


def test_only_new_and_changed_files_are_looked_at_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    real = thumbnails.make

    def make(path: Path, page: int = 0, size: int = thumbnails.SIZE) -> bytes:
        made.append(path.name)
        return real(path, page, size)

    monkeypatch.setattr(thumbnails, "make", make)
    divided = train(project)
    val = add(project, Split.VAL, [("v.png", picture(50))])
    both = {**divided, **val}
    assert leakage.near_duplicates(project, both) == ()
    assert len(made) == TRAIN + 1
    assert leakage.near_duplicates(project, both) == ()
    assert len(made) == TRAIN + 1
    cv2.imwrite(str(project.path.parent / "v.png"), picture(7)[..., ::-1])
    assert leakage.near_duplicates(project, both) == ((list(divided)[7], next(iter(val))),)
    assert made[TRAIN + 1 :] == ["v.png"]


def test_a_damaged_cache_and_a_missing_file_stop_nothing(project: Project) -> None:
    divided = train(project)
    val = add(project, Split.VAL, [("v.png", picture(3)), ("gone.png", picture(5))])
    (project.path.parent / "gone.png").unlink()
    cache = project.thumbnails_file.with_name("looks.sqlite")
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_bytes(b"no database at all, " * 100)
    expected = ((list(divided)[3], next(iter(val))),)
    for _ in range(2):
        assert leakage.near_duplicates(project, {**divided, **val}) == expected
    with sqlite3.connect(cache) as connection:
        (count,) = connection.execute("SELECT COUNT(*) FROM look").fetchone()
    assert count == TRAIN + 1


def test_the_search_can_be_stopped(project: Project) -> None:
    divided = {**train(project), **add(project, Split.VAL, [("v.png", picture(1))])}
    assert leakage.near_duplicates(project, divided, cancelled=lambda: True) is None


def test_who_does_not_wait_gets_what_was_seen_before_and_hears_how_much_that_leaves(
    project: Project,
) -> None:
    divided = train(project)
    val = add(project, Split.VAL, [("v.png", picture(4)), ("own.png", picture(90))])
    both = {**divided, **val}
    pair = (list(divided)[4], next(iter(val)))
    assert leakage.near_in_time(project, both, seconds=0) == ((), len(both))
    assert leakage.near_in_time(project, both, seconds=60) == ((pair,), 0)
    fresh = add(project, Split.VAL, [("new.png", picture(91)), ("newer.png", picture(2))])
    later = {**both, **fresh}
    assert leakage.near_in_time(project, later, seconds=0) == ((pair,), 2)
    assert leakage.near_in_time(project, later, seconds=0, comparing=0) == (None, len(later))
    (project.path.parent / "own.png").unlink()
    found, left = leakage.near_in_time(project, later, seconds=60)
    assert (set(found or ()), left) == ({pair, (list(divided)[2], list(fresh)[1])}, 0)


def test_twenty_thousand_images_are_compared_within_seconds() -> None:
    random = np.random.default_rng(0)
    looks = random.integers(0, 255, (20_000, likeness.SIDE, likeness.SIDE)).astype(np.uint8)
    looks[17_000] = looks[5]
    found: list[tuple[int, int]] = []
    took = own_seconds(
        lambda: found.extend(likeness.alike(looks[:16_000], looks[16_000:])), tries=1
    )
    assert found == [(5, 1_000)]
    assert took < 30
