"""Runs that answer with rotated boxes and keypoints: trained, judged, resumed, exported, asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from form_scenes import BAR, BONES, DART, form_directory
from training_samples import events_of

from cvstudio.augment.catalogue import make_step
from cvstudio.core import events
from cvstudio.core.config import ExportConfig
from cvstudio.core.events import Outcome
from cvstudio.core.forms import Answers
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.snapshot import read_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.checkpoint import read_checkpoint, write_checkpoint
from cvstudio.ml.environment import prepare
from cvstudio.ml.exporting import timing
from cvstudio.ml.exporting.job import run_export
from cvstudio.ml.load import load_network
from cvstudio.ml.predict import OnnxNetwork, predict_files
from cvstudio.ml.worker import run_job

prepare()

FLIP = [make_step("flip_horizontal", chance=0.5).model_dump()]
LABELS = {"rotated": BAR, "keypoints": DART}
Runs = Callable[[str], JobDir]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    measure: Callable[..., Any] = timing.repeat
    monkeypatch.setattr(timing, "repeat", lambda run, **_words: measure(run, seconds=0.01, most=5))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A short run for each form whose network then reports many objects."""

    @cache
    def made(name: str) -> JobDir:
        job = form_directory(
            tmp_path_factory.mktemp(name), LABELS[name], train=8, val=4, epochs=2,
            augmentation=FLIP, mosaic=0.3, plain_epochs=1,
        )  # fmt: skip
        assert run_job(job.path) == 0, job.log.read_text()
        talkative(job)
        return job

    return made


def talkative(job: JobDir) -> None:
    """Let the best checkpoint report objects, which two epochs do not teach."""
    checkpoint = read_checkpoint(job.best)
    weights = dict(checkpoint.weights)
    for name in [n for n in weights if ".cv3." in n and n.endswith(".2.bias")]:
        weights[name] = weights[name] + 9
        weight = name.removesuffix("bias") + "weight"
        weights[weight] = weights[weight] * 3
    write_checkpoint(job.best, replace(checkpoint, weights=weights))


@pytest.mark.slow
@pytest.mark.parametrize("name", LABELS)
def test_a_run_is_trained_and_judged_by_what_it_answers_with(runs: Runs, name: str) -> None:
    job = runs(name)
    report = json.loads(job.report.read_text())["val"]
    answers = Answers.ROTATED if name == "rotated" else Answers.KEYPOINTS
    assert report["form"]["answers"] == answers
    assert {"mAP50-95", "mAP50", "precision", "recall"} <= report["metrics"].keys()
    told = events_of(job, events.EpochEnded)
    assert len(told) == 2
    parts = {"angle"} if name == "rotated" else {"pose", "kobj"}
    assert parts <= told[-1].train.keys()
    assert all(np.isfinite(value) for value in told[-1].train.values())
    if name == "keypoints":
        assert "box mAP50-95" in report["metrics"]
        assert report["form"]["skeleton"]["names"] == list(BONES.names)


@pytest.mark.slow
@pytest.mark.parametrize("name", LABELS)
def test_what_the_loaded_network_says_is_what_it_was_built_for(runs: Runs, name: str) -> None:
    job = runs(name)
    network = load_network(job.path)
    images = read_snapshot(job.snapshot).images[:2]
    found = network.predict([read_rgb(i.path) for i in images], [i.id for i in images])
    objects = [one for prediction in found for one in prediction.objects]
    assert objects
    if name == "rotated":
        assert all(one.rotated is not None for one in objects)
        assert len({round(one.rotated.angle) for one in objects if one.rotated}) > 1
    else:
        assert all(one.points is not None and len(one.sure) == 4 for one in objects)


@pytest.mark.slow
@pytest.mark.parametrize("name", LABELS)
def test_an_exported_file_answers_like_the_checkpoint_and_says_how(
    runs: Runs, name: str, tmp_path: Path
) -> None:
    run, job = runs(name), JobDir(tmp_path / "export")
    job.path.mkdir()
    output = tmp_path / "network.onnx"
    config = ExportConfig(run_directory=run.path, output=output)
    assert run_export(job, config) is Outcome.FINISHED
    content = json.loads((job.path / "verification.json").read_text())
    assert content["verified"] is True
    words = "Largest turn of a box" if name == "rotated" else "Largest shift of a point"
    compared = [check for check in content["checks"] if check["check"].startswith(words)]
    assert compared
    assert all(check["passed"] for check in compared)
    kept = next(c for c in content["checks"] if c["check"] == "Predictions kept")
    assert kept["reference"] > 0
    exported, network = OnnxNetwork(output), load_network(run.path)
    assert exported.form == network.form
    meaning = exported.record.outputs[0]["meaning"]
    assert ("angle" in meaning) if name == "rotated" else ("left wing" in meaning)
    image = read_snapshot(run.snapshot).images[0]
    (mine,) = network.predict([read_rgb(image.path)], [1])
    (theirs,) = exported.predict([read_rgb(image.path)], [1])
    assert len(mine.objects) == len(theirs.objects) > 0
    told = predict_files(output, [image.path], score=0.0)["images"][0]["objects"][0]
    if name == "rotated":
        best = mine.objects[0].rotated
        assert best is not None
        assert told["rotated_box"][:4] == pytest.approx([best.cx, best.cy, best.w, best.h], abs=0.1)
    else:
        assert list(told["keypoints"]) == list(BONES.names)


@pytest.mark.slow
def test_an_exported_file_is_asked_without_torch(runs: Runs, tmp_path: Path) -> None:
    run, output = runs("rotated"), tmp_path / "network.onnx"
    config = ExportConfig(run_directory=run.path, output=output, verify=False)
    job = JobDir(tmp_path / "export")
    job.path.mkdir()
    run_export(job, config)
    image = read_snapshot(run.snapshot).images[0].path
    program = (
        "import sys; from pathlib import Path; from cvstudio.ml.predict import predict_files;"
        "found = predict_files(Path(sys.argv[1]), [Path(sys.argv[2])], score=0.0);"
        "print(len(found['images'][0]['objects'][0]['rotated_box']), 'torch' in sys.modules)"
    )
    asked = [sys.executable, "-c", program, str(output), str(image)]
    assert subprocess.run(asked, check=True, capture_output=True, text=True).stdout == "5 False\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", LABELS)
def test_a_paused_run_learns_what_an_unbroken_one_does(name: str, tmp_path: Path) -> None:
    whole, parts = (
        form_directory(tmp_path / each, LABELS[name], train=4, val=2, epochs=2, augmentation=FLIP)
        for each in ("whole", "parts")
    )
    assert run_job(whole.path) == 0, whole.log.read_text()
    parts.ask(Request.PAUSE)
    assert run_job(parts.path) == 0
    assert run_job(parts.path) == 0
    mine, theirs = (read_checkpoint(job.last).weights for job in (whole, parts))
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.slow
def test_weights_of_another_form_are_taken_over_but_for_what_only_it_answers(
    tmp_path: Path,
) -> None:
    """From a network for rotated boxes to one for points, and from that to one for boxes."""
    last = form_directory(tmp_path / "first", BAR, train=4, val=2, epochs=1)
    assert run_job(last.path) == 0, last.log.read_text()
    shares = []
    for label, network in ((DART, "yolo11n-pose"), (BAR, "yolo11n")):
        job = form_directory(
            tmp_path / network, label, train=4, val=2, epochs=1, network=network,
            start="file", weights_file=last.best,
        )  # fmt: skip
        assert run_job(job.path) == 0, job.log.read_text()
        (begun,) = [
            note.text for note in events_of(job, events.Note) if note.text.startswith("Started")
        ]
        assert begun.endswith("It knew none of these classes: the last layer begins anew.")
        shares.append(int(begun.split(" %")[0].rsplit(" ", 1)[-1]))
        last = job
    assert 80 <= shares[0] < 100, "the layers for points are others"
    assert shares[1] == 100, "all that it has is there, and the layers for points besides"
