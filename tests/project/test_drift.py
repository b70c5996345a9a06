"""New images beside a run's own: what is asked of the job, and what is said of its answer."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from drift_hands import answered, pictures
from judged_run import judged_run

from cvstudio.core.annotation import Split, Task
from cvstudio.core.drift import Standing
from cvstudio.core.embedding import (
    Subject,
    embeddings_path,
    read_subjects,
)
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.opencv import cv2
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import drift, runs
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.sample import create_sample


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """No test changes it; a job only lays files beside the run."""
    with create_sample(tmp_path_factory.mktemp("drift") / "sample", Task.DETECT, images=90) as made:
        yield made


@pytest.fixture(scope="module")
def run(project: Project) -> RunRecord:
    found = judged_run(project)
    best = runs.job_of(found).best
    best.parent.mkdir(exist_ok=True)
    best.touch()
    return found


def nothing(_directory: Path) -> list[str]:
    """A process in the place of the job, which is not under test here."""
    return [sys.executable, "-c", ""]


def subjects_of(job: JobDir) -> tuple[list[Subject], list[Subject]]:
    """The run's own, and the new ones."""
    told = read_subjects(job)
    return [s for s in told if s.id > 0], [s for s in told if s.id < 0]


def test_the_job_is_asked_about_the_runs_own_images_and_every_page_of_the_new(
    run: RunRecord, tmp_path: Path
) -> None:
    folder = pictures(tmp_path / "new", run, count=3)
    (folder / "notes.txt").write_text("no image")
    (folder / "deeper").mkdir()
    pages = [np.full((20, 30), value, np.uint8) for value in (10, 20)]
    assert cv2.imwritemulti(str(folder / "deeper" / "stack.tif"), pages)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    job = drift.start(run, [folder], command=nothing)
    own, new = subjects_of(job)
    snapshot = read_snapshot(runs.job_of(run).snapshot)
    assert {s.id for s in own} == {i.id for i in snapshot.images}
    assert sorted((s.path.name, s.page) for s in new) == [
        ("000.png", 0), ("001.png", 0), ("002.png", 0), ("broken.png", 0),
        ("stack.tif", 0), ("stack.tif", 1),
    ]  # fmt: skip
    assert len({s.id for s in new}) == 6
    assert job.path.parent.name == "drift", "it is not taken for the map of the project"


def test_images_of_the_same_kind_are_called_so(run: RunRecord, tmp_path: Path) -> None:
    job = drift.start(run, [pictures(tmp_path / "new", run)], command=nothing)
    answered(job, away=0, unsure=0)
    found = drift.read(run, job)
    assert found.standing is Standing.SAME
    assert "like those that run 1 knows" in found.headline
    assert not any("Bring the strangest" in sentence for sentence in found.sentences)
    assert not [title for title, one in found.shifts.items() if one.noticeable]
    held = [i for i in read_snapshot(runs.job_of(run).snapshot).images if i.split != Split.TRAIN]
    assert len(found.usual_distance) == len(held)


def test_images_from_elsewhere_are_called_so_with_what_is_other_about_them(
    run: RunRecord, tmp_path: Path
) -> None:
    job = drift.start(run, [pictures(tmp_path / "new", run, light=0.4)], command=nothing)
    answered(job, away=60, objects=1)
    found = drift.read(run, job)
    assert found.standing is Standing.OUT_OF_ITS_DEPTH
    assert "out of its depth" in found.headline
    said = " ".join(found.sentences)
    assert "30 of 30 of them lie farther" in said
    assert "darker (brightness" in said
    assert "with fewer objects (objects an image 3 → 1)" in said
    assert "sharper" not in said
    assert "Bring the strangest" in said


def test_doubt_alone_is_not_called_out_of_depth(run: RunRecord, tmp_path: Path) -> None:
    job = drift.start(run, [pictures(tmp_path / "new", run)], command=nothing)
    answered(job, away=0, unsure=0.8)
    assert drift.read(run, job).standing is Standing.AT_THE_EDGE


def test_a_detector_that_finds_nothing_on_images_of_another_kind_is_not_sure_but_blind(
    run: RunRecord, tmp_path: Path
) -> None:
    job = drift.start(run, [pictures(tmp_path / "new", run, light=0.4)], command=nothing)
    answered(job, away=60, unsure=-0.1, objects=0)
    found = drift.read(run, job)
    assert found.standing is Standing.OUT_OF_ITS_DEPTH
    said = " ".join(found.sentences)
    assert "It finds nothing on 30 of 30; on its own it is 0 of 100." in said
    assert re.search(r"learned from 9\d of 100 had an object", said)
    assert "it does not see what is on them" in said
    assert "less sure of" not in said, "nothing was found that it could be sure of"
    assert found.silent is not None
    assert (found.silent.count, found.unsure.of, len(found.new_doubt)) == (30, 0, 0)
    assert found.to_json()["silent"]["count"] == 30


def test_finding_nothing_counts_even_where_the_images_look_as_usual(
    run: RunRecord, tmp_path: Path
) -> None:
    job = drift.start(run, [pictures(tmp_path / "new", run)], command=nothing)
    answered(job, away=0, unsure=-0.1, objects=0)
    found = drift.read(run, job)
    assert found.standing is Standing.AT_THE_EDGE
    assert any("Bring the strangest" in sentence for sentence in found.sentences)


def test_a_detector_that_is_used_to_finding_nothing_is_not_called_blind(
    run: RunRecord, tmp_path: Path
) -> None:
    job = drift.start(run, [pictures(tmp_path / "new", run)], command=nothing)
    answered(job, away=0, unsure=0, objects=0, usual=0)
    found = drift.read(run, job)
    assert found.standing is Standing.SAME
    assert not any("does not see" in sentence for sentence in found.sentences)


def test_a_handful_of_images_says_little_and_the_report_says_so(
    run: RunRecord, tmp_path: Path
) -> None:
    job = drift.start(run, [pictures(tmp_path / "new", run, count=4)], command=nothing)
    answered(job, away=0, unsure=0)
    assert drift.read(run, job).sentences[0].startswith("With 4 images this says little")


def test_the_strangest_come_first_and_what_is_unread_is_named(
    run: RunRecord, tmp_path: Path
) -> None:
    folder = pictures(tmp_path / "new", run, count=20)
    job = drift.start(run, [folder], command=nothing)
    _, new = subjects_of(job)
    gone = new[0]
    answered(job, away=60, unread=(gone.id,))
    found = drift.read(run, job)
    times = [one.times for one in found.strangers]
    assert times == sorted(times, reverse=True)
    assert gone.path not in [one.path for one in found.strangers]
    assert found.unread == (str(gone.path),)
    assert f"1 file could not be read: {gone.path.name}." in found.sentences


def test_when_none_of_the_new_images_can_be_read_their_names_are_told(
    run: RunRecord, tmp_path: Path
) -> None:
    job = drift.start(run, [pictures(tmp_path / "new", run, count=5)], command=nothing)
    _, new = subjects_of(job)
    answered(job, away=60, unread=tuple(one.id for one in new))
    with pytest.raises(RunError, match=r"None of the new images can be read\.") as told:
        drift.read(run, job)
    assert told.value.hint.endswith("000.png, 001.png, 002.png and 2 more.")


def test_the_newest_look_that_came_to_its_end_is_found_again(
    run: RunRecord, tmp_path: Path
) -> None:
    first = drift.start(run, [pictures(tmp_path / "first", run, count=2)], command=nothing)
    answered(first, away=0)
    os.utime(embeddings_path(first), (9e9, 9e9))
    second = drift.start(run, [pictures(tmp_path / "second", run, count=2)], command=nothing)
    assert drift.latest(run) == first, "the second one has not ended"
    answered(second, away=0)
    os.utime(embeddings_path(second), (9e9 + 1, 9e9 + 1))
    assert drift.latest(run) == second


def test_what_cannot_be_compared_is_refused_in_words(run: RunRecord, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="no image to look at"):
        drift.start(run, [tmp_path / "empty"], command=nothing)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"nothing")
    with pytest.raises(RunError, match=r"None of the new images can be read\.") as told:
        drift.start(run, [tmp_path / "bad"], command=nothing)
    assert told.value.hint.endswith(": a.png."), "before the network is asked"
    best = runs.job_of(run).best
    best.unlink()
    try:
        with pytest.raises(RunError, match="has no network yet"):
            drift.start(run, [pictures(tmp_path / "new", run, count=2)], command=nothing)
    finally:
        best.touch()
