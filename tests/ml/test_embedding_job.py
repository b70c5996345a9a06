"""The job that embeds images: a row for each image or object, from the layer that was asked for."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from judge_samples import CLASSES, network_of, snapshot_of

from cvstudio.core import doubt
from cvstudio.core.annotation import Task
from cvstudio.core.config import Depth, EmbedConfig
from cvstudio.core.embedding import (
    ANSWERS,
    Embeddings,
    Subject,
    Thing,
    embeddings_path,
    read_embeddings,
    write_subjects,
)
from cvstudio.core.events import Failed, Outcome
from cvstudio.core.jobdir import JobDir, Request, replace_file
from cvstudio.core.networks import network as info_of
from cvstudio.core.pieces import windows
from cvstudio.core.predictions import read_predictions, to_json
from cvstudio.core.recipe import Fit
from cvstudio.core.sureness import Correction, Platt
from cvstudio.core.thresholds import keep_correction
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.checkpoint import Checkpoint, write_checkpoint
from cvstudio.ml.layers import tap
from cvstudio.ml.load import LoadedNetwork, load_network
from cvstudio.ml.networks.build import build
from cvstudio.ml.worker import run_job

NAMES = {
    Task.CLASSIFY: "resnet18",
    Task.SEGMENT: "unet-mobilenet_v2",
    Task.DETECT: "yolo11n",
    Task.INSTANCE: "yolo11n-seg",
}
COUNT = 5


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@dataclass
class Made:
    """A run with an untaught network, and images to embed."""

    run: JobDir
    subjects: list[Subject]

    def job(self, name: str, **more: Any) -> JobDir:
        job = JobDir(self.run.path / "jobs" / name)
        settings = {"umap": False, "batch": 2, "device": "cpu", **more}
        config = EmbedConfig(run_directory=self.run.path, **settings)
        replace_file(job.config, config.model_dump_json().encode())
        write_subjects(job, self.subjects)
        return job

    def embed(self, name: str, **more: Any) -> Embeddings:
        job = self.job(name, **more)
        assert run_job(job.path) == 0, job.log.read_text()
        return read_embeddings(embeddings_path(job))


def _settle(network: LoadedNetwork, rgbs: list[Any]) -> None:
    """Statistics that fit the images, without which an untaught network sees nothing at all; a
    detector's scores are about a quarter everywhere."""
    module: Any = network.module.train()
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    inputs = [network.prepare(rgb)[0] for rgb in rgbs]
    with torch.no_grad():
        module(torch.cat([each for each in inputs if each.shape == inputs[0].shape]))
        for branch in module.model[-1].cv3 if hasattr(module, "model") else ():
            torch.nn.init.constant_(branch[-1].bias, -1.0)
    module.eval()


def made(folder: Path, task: Task, *, count: int = COUNT, **how: Any) -> Made:
    snapshot = snapshot_of(folder / "images", task, count=count, seed=4)
    network = network_of(task, NAMES[task], size=64, **how)
    if task is not Task.CLASSIFY:
        _settle(network, [read_rgb(image.path) for image in snapshot.images])
    run = JobDir(folder / "0001-run")
    run.checkpoints.mkdir(parents=True)
    write_checkpoint(
        run.best,
        Checkpoint(network.config, CLASSES, network.preprocessor, network.module.state_dict(),
                   epoch=1, snapshot=""),
    )  # fmt: skip
    subjects = [
        Subject(
            i.id, i.path, 0, i.width, i.height, f"sha-{i.id}", None,
            tuple(Thing(a.id, a.class_id, a.box) for a in i.annotations if a.shape is not None),
        )
        for i in snapshot.images
    ]  # fmt: skip
    return Made(run, subjects)


@pytest.mark.parametrize("task", list(Task))
def test_every_image_gets_a_row_and_the_answer_it_was_given(tmp_path: Path, task: Task) -> None:
    run = made(tmp_path, task)
    found = run.embed("embed-1")
    ids = [subject.id for subject in run.subjects]
    assert found.images.tolist() == ids == found.seen.tolist()
    assert found.vectors.shape[0] == COUNT
    assert found.vectors.shape[1] >= 64
    assert np.isfinite(found.vectors.astype(np.float32)).all()
    assert np.ptp(found.vectors.astype(np.float32), axis=0).max() > 0, "images differ"
    assert ((found.doubts >= 0) & (found.doubts <= 1)).all()
    assert np.abs(found.flat).max() == pytest.approx(1, abs=1e-3)
    answers = list(read_predictions(JobDir(run.run.path / "jobs/embed-1").predictions(ANSWERS)))
    assert [a.image_id for a in answers] == ids


@pytest.mark.parametrize("task", list(Task))
def test_doubts_follow_how_the_answers_are_read_and_answers_stay_as_they_were(
    tmp_path: Path, task: Task
) -> None:
    run = made(tmp_path, task)
    bare = run.embed("embed-1")
    objects = task in (Task.DETECT, Task.INSTANCE)
    warm = Correction(platt=Platt(1.0, -2.0)) if objects else Correction(temperature=4.0)
    keep_correction(run.run.path, warm)
    read = run.embed("embed-2")
    assert np.array_equal(read.vectors, bare.vectors)
    kept = [JobDir(run.run.path / f"jobs/embed-{n}").predictions(ANSWERS) for n in (1, 2)]
    answers = list(read_predictions(kept[0]))
    assert [to_json(a) for a in answers] == [to_json(a) for a in read_predictions(kept[1])]
    if objects:
        scores = [[Platt(1.0, -2.0).of(one.score) for one in a.objects] for a in answers]
        assert read.doubts.tolist() == pytest.approx(list(map(doubt.of_objects, scores)), abs=1e-3)
        assert read.doubts.tolist() != bare.doubts.tolist()
    else:
        assert (read.doubts > bare.doubts).all(), "warmed classes come nearer to each other"
    keep_correction(run.run.path, None)
    assert run.embed("embed-3").doubts.tolist() == bare.doubts.tolist()


def test_labelled_objects_have_rows_of_their_own_that_follow_their_boxes(tmp_path: Path) -> None:
    run = made(tmp_path, Task.DETECT)
    found = run.embed("embed-1", of="objects", score=1.0, layer="fine")
    things = [(s.id, t.id, t.class_id) for s in run.subjects for t in s.things]
    rows = zip(found.images, found.annotations, found.classes, strict=True)
    assert [tuple(map(int, row)) for row in rows] == things
    assert found.boxes[0].tolist() == pytest.approx(
        [run.subjects[0].things[0].box.x, run.subjects[0].things[0].box.y,
         run.subjects[0].things[0].box.w, run.subjects[0].things[0].box.h]
    )  # fmt: skip
    whole = run.embed("embed-2", layer="fine")
    mine = found.vectors[found.images == run.subjects[0].id].astype(np.float32)
    assert np.abs(mine - whole.vectors[0].astype(np.float32)).max() > 1e-3


def test_found_objects_are_embedded_beside_the_labelled_ones(tmp_path: Path) -> None:
    run = made(tmp_path, Task.DETECT)
    every = run.embed("embed-1", of="objects", score=0.05)
    answers = read_predictions(JobDir(run.run.path / "jobs/embed-1").predictions(ANSWERS))
    objects = [found for answer in answers for found in answer.objects]
    assert objects, "the network has to find something for this to say anything"
    assert every.predicted.sum() == len(objects)
    assert every.scores[every.predicted] == pytest.approx([o.score for o in objects], abs=1e-5)


def test_an_image_that_is_answered_in_tiles_is_embedded_at_a_smaller_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cvstudio.ml import embed

    run = made(tmp_path, Task.DETECT)
    whole = run.embed("embed-1", of="objects", score=1.0, layer="fine")
    (run.run.path / "embeddings.sqlite").unlink()
    monkeypatch.setattr(embed, "goes_in_tiles", lambda *_how: True)
    monkeypatch.setattr(embed, "_LARGE", 48)
    small = run.embed("embed-2", of="objects", score=1.0, layer="fine")
    assert small.annotations.tolist() == whole.annotations.tolist()
    assert (small.boxes == whole.boxes).all(), "in pixels of the image, whatever was looked at"
    one, other = (each.vectors[0].astype(np.float32) for each in (whole, small))
    assert np.corrcoef(one, other)[0, 1] > 0.5, "the same object, a little coarser"


def test_an_image_classified_by_windows_is_embedded_by_the_mean_of_the_same_windows(
    tmp_path: Path,
) -> None:
    run = made(tmp_path, Task.CLASSIFY, fit=Fit.CROP)
    whole = run.embed("embed-1")
    answers = read_predictions(JobDir(run.run.path / "jobs/embed-1").predictions(ANSWERS))
    network = load_network(run.run.path, device="cpu")
    rgb, subject = read_rgb(run.subjects[0].path), run.subjects[0]  # 96 x 72: windows of 64
    (answer,) = network.predict([rgb], [subject.id])
    assert next(iter(answers)).scores == pytest.approx(answer.scores, abs=1e-6)
    areas = windows(subject.width, subject.height, 64)
    assert len(areas) > 1
    parts = Made(run.run, [])
    for place, (left, top, right, bottom) in enumerate(areas):
        path = tmp_path / f"part-{place}.png"
        cv2.imwrite(str(path), rgb[top:bottom, left:right, ::-1])
        parts.subjects.append(
            Subject(place + 1, path, 0, right - left, bottom - top, f"part-{place}", None, ())
        )
    each = parts.embed("embed-2").vectors.astype(np.float32)
    assert np.ptp(each, axis=0).max() > 0.01, "the windows differ"
    mean = whole.vectors[0].astype(np.float32)
    assert mean == pytest.approx(each.mean(axis=0), rel=0.01, abs=0.01)


def test_what_was_embedded_before_is_not_looked_at_again(tmp_path: Path) -> None:
    run = made(tmp_path, Task.CLASSIFY)
    first = run.embed("embed-1")
    for subject in run.subjects[1:]:
        subject.path.unlink()
    again = run.embed("embed-2")
    assert (again.vectors == first.vectors).all()
    assert again.layer == first.layer
    other = run.embed("embed-3", layer="fine")
    assert other.images.tolist() == [run.subjects[0].id], "another layer has to look"
    assert len(other.unread) == COUNT - 1


def test_a_job_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    run = made(tmp_path, Task.CLASSIFY)
    run.subjects, rest = run.subjects[:2], run.subjects
    run.embed("embed-1")
    run.subjects = rest
    stopped = run.job("embed-2")
    stopped.ask(Request.CANCEL)
    assert run_job(stopped.path) == 0
    ended = stopped.state().ended
    assert ended is not None
    assert ended.outcome is Outcome.CANCELLED
    assert not embeddings_path(stopped).exists()
    with sqlite3.connect(run.run.path / "embeddings.sqlite") as kept:
        assert kept.execute("SELECT COUNT(*) FROM embedded").fetchone() == (2,)
    assert len(run.embed("embed-3")) == COUNT


def test_a_damaged_cache_costs_time_alone(tmp_path: Path) -> None:
    run = made(tmp_path, Task.CLASSIFY)
    first = run.embed("embed-1")
    (run.run.path / "embeddings.sqlite").write_bytes(b"no database at all, " * 100)
    assert (run.embed("embed-2").vectors == first.vectors).all()


def test_a_layer_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    run = made(tmp_path, Task.CLASSIFY, count=2)
    assert run.embed("embed-1", layer="layer2").layer == "layer2"
    job = run.job("embed-2", layer="nothing.at.all")
    assert run_job(job.path) == 1
    (failed,) = [e for e in job.read_events() if isinstance(e, Failed)]
    assert "no layer nothing.at.all" in failed.text


def test_sorting_networks_have_no_objects_and_say_so(tmp_path: Path) -> None:
    job = made(tmp_path, Task.CLASSIFY, count=2).job("embed-1", of="objects")
    assert run_job(job.path) == 1
    (failed,) = [e for e in job.read_events() if isinstance(e, Failed)]
    assert "whole images" in failed.text


@pytest.mark.slow
def test_the_umap_picture_keeps_two_kinds_of_images_apart(tmp_path: Path) -> None:
    from cvstudio.ml.embed import _umap

    random = np.random.default_rng(0)
    rows = random.normal(0, 0.3, (60, 20))
    rows[:30, 0] += 4
    rows[30:, 1] += 4
    near = _umap(rows.astype(np.float16), lambda: False)
    one, two = near[:30], near[30:]
    apart = np.linalg.norm(one.mean(axis=0) - two.mean(axis=0))
    assert apart > 2 * max(one.std(), two.std())


@pytest.mark.parametrize(
    ("name", "deep", "middle"),
    [
        ("resnet18", "layer4", "layer2"),
        ("efficientnet_b0", "bn2", "blocks."),
        ("vit_tiny", "blocks.11", "blocks.7"),
        ("swin_tiny", "layers", "layers."),
        ("unet-resnet18", "encoder.layer4", "encoder.layer2"),
        ("yolo11n", "model.22", "model.16"),
        ("fasterrcnn-mobilenet", "backbone.fpn", "backbone."),
    ],
)
def test_the_deep_layer_is_the_last_of_the_part_that_looks(
    name: str, deep: str, middle: str
) -> None:
    info = info_of(name)
    size = info.image_size if info.fixed_size else 128
    module = build(info, classes=2, image_size=size).eval()
    example = torch.rand(1, 3, size, size)
    names, sides = {}, {}
    for depth in Depth:
        found = tap(module, example, depth.value)
        with found.open(), torch.no_grad():
            module(torch.cat([example, example]))
            values = found.values((size, size))
        names[depth], sides[depth] = found.name, values.shape[2]
        assert values.ndim == 4
        assert len(values) == 2
    assert names[Depth.DEEP].startswith(deep)
    assert names[Depth.MIDDLE].startswith(middle)
    assert sides[Depth.FINE] >= sides[Depth.MIDDLE] >= sides[Depth.DEEP] > 1
