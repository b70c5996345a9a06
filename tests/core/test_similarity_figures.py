"""Distances of embeddings: who is nearest, what is strange, which rows cover the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cvstudio.core import doubt, similarity
from cvstudio.core.embedding import (
    Embeddings,
    Subject,
    Thing,
    embeddings_path,
    read_embeddings,
    read_subjects,
    write_embeddings,
    write_subjects,
)
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir


def clouds(*, each: int = 40, width: int = 16) -> np.ndarray:
    """Three groups of directions, one after the other."""
    random = np.random.default_rng(1)
    middles = np.eye(3, width) * 4
    return np.concatenate([m + random.normal(0, 0.2, (each, width)) for m in middles])


def test_the_nearest_are_those_of_a_plain_comparison_whatever_the_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = np.random.default_rng(0).normal(size=(70, 8)).astype(np.float32)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    apart = 1 - unit @ unit.T
    np.fill_diagonal(apart, np.inf)
    expected = np.argsort(apart, axis=1)[:, :4]
    monkeypatch.setattr(similarity, "_VALUES_AT_ONCE", 70 * 9)  # nine rows at once
    found = similarity.nearest(rows, rows, 4, same=True)
    assert (found.places == expected).all()
    assert found.distances == pytest.approx(np.take_along_axis(apart, expected, 1), abs=1e-5)


def test_a_search_that_nobody_wants_any_more_stops() -> None:
    rows = np.ones((4, 2), np.float32)
    with pytest.raises(similarity.Stopped):
        similarity.nearest(rows, rows, 1, stopped=lambda: True)


def test_few_vectors_have_fewer_neighbours_and_none_is_its_own() -> None:
    rows = np.eye(3, dtype=np.float32)
    assert similarity.nearest(rows, rows, 9, same=True).places.shape == (3, 2)
    assert similarity.nearest(rows[:1], rows[:1], 9, same=True).places.shape == (1, 0)
    assert similarity.strangeness(rows[:1], rows[:1], same=True) == pytest.approx([1.0])


def test_a_stranger_is_many_times_as_far_as_usual_and_the_others_about_once() -> None:
    rows = clouds()
    stranger = np.zeros((1, 16))
    stranger[0, 10] = 5
    inside = similarity.strangeness(rows, rows, 5, same=True)
    outside = similarity.strangeness(stranger, rows, 5)
    assert np.median(inside) == pytest.approx(1, abs=0.1)
    assert outside[0] > 3 * inside.max()


def test_three_rows_that_are_far_apart_are_one_of_each_group() -> None:
    rows = clouds()
    chosen, gaps = similarity.far_apart(rows, np.zeros((0, 16)), 3)
    assert sorted(row // 40 for row in chosen) == [0, 1, 2]
    assert gaps == sorted(gaps, reverse=True)


def test_what_is_known_already_is_chosen_last_and_doubt_outweighs_distance() -> None:
    rows = clouds()
    chosen, _ = similarity.far_apart(rows, rows[:80], 1)
    assert chosen[0] >= 80
    weights = np.ones(len(rows), np.float32)
    weights[7] = 500
    chosen, _ = similarity.far_apart(rows, rows[40:80], 1, weights=weights)
    assert chosen == [7]


@pytest.mark.parametrize("width", [3, 200])
def test_the_first_axis_of_the_picture_is_the_widest_spread(width: int) -> None:
    random = np.random.default_rng(2)
    rows = random.normal(0, 0.1, (60, width))
    wide = np.linspace(-5, 5, 60)
    rows[:, 1] += wide
    flat = similarity.principal(rows)
    assert flat.shape == (60, 2)
    assert abs(np.corrcoef(flat[:, 0], wide)[0, 1]) > 0.99
    assert flat[:, 0].std() > 5 * flat[:, 1].std()


def test_one_image_alone_has_a_place_too() -> None:
    assert similarity.principal(np.ones((1, 5))).tolist() == [[0, 0]]


def test_doubt_is_none_where_an_answer_is_sure_and_full_at_even_odds() -> None:
    assert doubt.of_classes({1: 1.0, 2: 0.0}) == 0
    assert doubt.of_classes({1: 0.5, 2: 0.5}) == 1
    assert doubt.of_classes({1: 0.9, 2: 0.5}, several=True) == 1
    assert doubt.of_classes({1: 0.4}) == 0
    assert doubt.of_objects([]) == 0
    assert doubt.of_objects([0.5, 0.5, 0.5, 0.99]) == 1
    assert doubt.of_objects([0.01] * 300) == 0, "what is hardly there says nothing"
    logits = np.zeros((2, 4, 4), np.float32)
    assert doubt.of_pixels(logits) == pytest.approx(1)
    logits[0] = 50
    assert doubt.of_pixels(logits) == pytest.approx(0, abs=1e-6)


def test_what_a_job_is_asked_and_what_it_leaves_are_read_as_they_were_written(
    tmp_path: Path,
) -> None:
    job = JobDir(tmp_path)
    subject = Subject(
        3, tmp_path / "ä.png", 1, 64, 48, "ab", (0.0, 9.5), (Thing(7, 2, Box(1, 2, 3, 4)),)
    )
    write_subjects(job, [subject])
    assert read_subjects(job) == [subject]
    found = Embeddings(
        np.ones((1, 4), np.float16), np.array([3]), np.array([7]), np.array([2]),
        np.array([1], np.float32), np.array([[1, 2, 3, 4]], np.float32),
        np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32), np.array([3, 4]),
        np.array([0.5, 0.1], np.float32), layer="model.22", of_objects=True, unread=(9,),
    )  # fmt: skip
    write_embeddings(job, found)
    read = read_embeddings(embeddings_path(job))
    assert (read.layer, read.of_objects, read.unread) == ("model.22", True, (9,))
    assert read.vectors.dtype == np.float16
    assert (read.doubts == found.doubts).all()
    assert not read.predicted.any()


def test_a_damaged_file_of_embeddings_is_told_in_words(tmp_path: Path) -> None:
    path = embeddings_path(JobDir(tmp_path))
    with pytest.raises(RunError, match="not been embedded"):
        read_embeddings(path)
    path.write_bytes(b"PK\x03\x04 half of it")
    with pytest.raises(RunError, match="damaged"):
        read_embeddings(path)
