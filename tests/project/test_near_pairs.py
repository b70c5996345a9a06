"""Images that show the same are found whatever was done to them, and put into one split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cvstudio.core.annotation import Split, Task
from cvstudio.core.embedding import Embeddings
from cvstudio.core.opencv import cv2
from cvstudio.imaging.synthetic import paint_cells
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.similarity import duplicates
from cvstudio.project.similarity.duplicates import Pair

Picture = NDArray[np.uint8]
PLANTED = 10


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["cell"]) as made:
        yield made


def leaked(bgr: Picture, random: np.random.Generator) -> Picture:
    """Scaled, compressed and a little brighter, as a copy on its way through other programs is."""
    height, width = bgr.shape[:2]
    scale = random.uniform(0.5, 0.9)
    size = max(round(width * scale), 8), max(round(height * scale), 8)
    small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 80))]
    packed = cv2.imdecode(cv2.imencode(".jpg", small, quality)[1], cv2.IMREAD_COLOR)
    lighter = packed * random.uniform(1.02, 1.1) + random.uniform(3, 12)
    return np.clip(lighter, 0, 255).astype(np.uint8)


def fill(
    project: Project, files: Sequence[Path], *, planted: int, seed: int = 0
) -> set[frozenset[int]]:
    """Bring in files as train, and leaked copies of some of them as val; the planted pairs."""
    random = np.random.default_rng(seed)
    picked = sorted(random.choice(len(files), planted, replace=False).tolist())
    folder = project.path.parent / "leaked"
    folder.mkdir()
    new, copies = [], []
    for number, path in enumerate(files):
        bgr = cv2.imread(str(path))
        new.append(NewImage(project.uri_of(path), bgr.shape[1], bgr.shape[0], split=Split.TRAIN))
        if number in picked:
            copy = folder / f"x{number}.jpg"
            other = leaked(np.asarray(bgr, np.uint8), random)
            cv2.imwrite(str(copy), other)
            copies.append(
                NewImage(project.uri_of(copy), other.shape[1], other.shape[0], split=Split.VAL)
            )
    with project.transaction("Fill") as s:
        ids = list(commands.add_images(s, [*new, *copies]))
    return {frozenset((ids[at], ids[len(new) + n])) for n, at in enumerate(picked)}


def cells(folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True)
    paths = []
    for seed in range(count):
        paths.append(folder / f"{seed}.png")
        rgb = paint_cells(seed, width=240, height=180, count=8).rgb
        cv2.imwrite(str(paths[-1]), rgb[..., ::-1])
    return paths


def recall(pairs: Sequence[Pair], planted: set[frozenset[int]]) -> tuple[float, float]:
    """The share of the planted among the first 2 x planted, and that of right ones there."""
    first = [frozenset((p.first, p.second)) for p in pairs[: 2 * len(planted)]]
    right = len(planted.intersection(first))
    return right / len(planted), right / max(len(first), 1)


def found(project: Project, embeddings: Embeddings | None = None) -> list[Pair]:
    pairs = duplicates.find(project, embeddings)
    assert pairs is not None
    return pairs


def test_planted_copies_are_the_first_that_are_found_and_each_says_why(
    project: Project, tmp_path: Path
) -> None:
    planted = fill(project, cells(tmp_path / "cells", 30), planted=PLANTED)
    pairs = found(project)
    assert recall(pairs, planted) == (1.0, 1.0)
    assert all(pair.leaks and pair.splits == (Split.TRAIN, Split.VAL) for pair in pairs)
    assert all("look the same" in pair.reason for pair in pairs)


@pytest.mark.shared_data
@pytest.mark.parametrize(("data", "pattern"), [("det_bccd", "*.jpg"), ("cls_signdigits", "*.JPG")])
def test_planted_copies_in_real_images_are_found(
    project: Project, shared_data: Path, data: str, pattern: str
) -> None:
    every = sorted(path for path in (shared_data / data).rglob(pattern)
                   if path.stat().st_size < 300_000)  # fmt: skip
    planted = fill(project, every[:: max(len(every) // 120, 1)], planted=PLANTED)
    share, precision = recall(found(project), planted)
    assert share >= 0.9
    assert precision >= 0.8


def test_the_same_file_twice_is_told_as_such(project: Project, tmp_path: Path) -> None:
    (path,) = cells(tmp_path / "cells", 1)
    twin = path.with_name("twin.png")
    twin.write_bytes(path.read_bytes())
    with project.transaction("Fill") as s:
        commands.add_images(
            s, [NewImage(project.uri_of(p), 240, 180, sha256="ab") for p in (path, twin)]
        )
    (pair,) = found(project)
    assert (pair.reason, pair.sure, pair.leaks) == ("The same file", 1.0, False)


def test_one_click_puts_copies_into_one_split_and_undo_takes_it_back(
    project: Project, tmp_path: Path
) -> None:
    planted = fill(project, cells(tmp_path / "cells", 8), planted=3)
    copies = {max(pair) for pair in planted}
    moved = duplicates.separate(project, found(project))
    assert moved == dict.fromkeys(copies, Split.TRAIN)
    assert not any(pair.leaks for pair in found(project))
    project.undo()
    assert sum(pair.leaks for pair in found(project)) == 3


def test_what_is_tied_over_several_pairs_comes_together() -> None:
    def pair(a: int, b: int, one: Split | None, two: Split | None) -> Pair:
        return Pair(a, b, (one, two), 1.0, "")

    train, val, test = Split
    pairs = [pair(2, 1, val, test), pair(3, 2, train, val), pair(5, 4, val, test),
             pair(7, 6, train, None), pair(9, 8, train, train)]  # fmt: skip
    assert duplicates.moves(pairs) == {1: train, 2: train, 4: val}


def embedded(project: Project, near: tuple[int, int]) -> Embeddings:
    """Embeddings of all images, far apart but for two."""
    with project.read() as s:
        ids = queries.image_ids(s)
    vectors = np.random.default_rng(3).normal(size=(len(ids), 32))
    vectors[ids.index(near[1])] = vectors[ids.index(near[0])] + 0.01
    rows = len(ids)
    nothing = np.zeros(rows, np.int64)
    return Embeddings(
        vectors.astype(np.float16), np.array(ids), nothing, nothing, np.ones(rows, np.float32),
        np.zeros((rows, 4), np.float32), np.zeros((rows, 2), np.float32),
        np.zeros((rows, 2), np.float32), np.array(ids), np.zeros(rows, np.float32),
    )  # fmt: skip


def test_a_network_finds_a_copy_that_was_drawn_over_and_images_that_differ_are_none(
    project: Project, tmp_path: Path
) -> None:
    files = cells(tmp_path / "cells", 12)
    bgr = np.array(cv2.imread(str(files[3])))
    bgr[20:110, 20:120] = 230  # a label over a quarter of it
    cv2.imwrite(str(files[8]), bgr)
    fill(project, files, planted=0)
    with project.read() as s:
        ids = {r.name: r.id for r in queries.images(s, queries.image_ids(s))}
    third, eighth, other = ids["3.png"], ids["8.png"], ids["5.png"]
    assert not found(project), "their looks alone do not say it"
    (pair,) = found(project, embedded(project, (third, eighth)))
    assert {pair.first, pair.second} == {third, eighth}
    assert "network" in pair.reason
    assert not found(project, embedded(project, (third, other))), "they show other things"


def test_a_search_that_is_cancelled_says_nothing(project: Project, tmp_path: Path) -> None:
    fill(project, cells(tmp_path / "cells", 3), planted=1)
    assert duplicates.find(project, cancelled=lambda: True) is None
