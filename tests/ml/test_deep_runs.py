"""Runs that see every bit and channel of their images, on what no 8-bit picture shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from deep_samples import (
    QUICK,
    SIZE,
    WINDOW,
    classified,
    disc,
    faint,
    outlined,
    place_of,
    stain,
    trained,
)
from training_samples import CLASSES, events_of, written

from cvstudio.augment.catalogue import make_step
from cvstudio.augment.presets import dump_steps
from cvstudio.core.annotation import Split, Task
from cvstudio.core.config import EvaluateConfig, ExplainConfig, ExportConfig
from cvstudio.core.events import Note
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.predictions import read_predictions
from cvstudio.core.recipe import Sees
from cvstudio.core.snapshot import read_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.environment import prepare
from cvstudio.ml.explaining.explain import explain
from cvstudio.ml.load import load_network
from cvstudio.ml.predict import OnnxNetwork, predict_files
from cvstudio.ml.seeing import see
from cvstudio.ml.worker import run_job

prepare()


def figures(job: JobDir) -> dict[str, float]:
    found: dict[str, float] = json.loads(job.report.read_text())["val"]["metrics"]
    return found


@pytest.fixture(scope="module")
def stained(tmp_path_factory: pytest.TempPathFactory) -> JobDir:
    """A run that has learned what the fifth channel shows."""
    folder = tmp_path_factory.mktemp("stained")
    return trained(folder / "run", Task.CLASSIFY, classified(folder, stain), sees="all", **QUICK)


def test_a_run_that_sees_all_channels_learns_what_the_fifth_shows(
    stained: JobDir, tmp_path: Path
) -> None:
    images = list(read_snapshot(stained.snapshot).images)
    for even, odd in zip(images[::2], images[1::2], strict=True):
        assert np.array_equal(read_rgb(even.path, 0, WINDOW), read_rgb(odd.path, 0, WINDOW))
    assert figures(stained)["balanced accuracy"] == 1.0
    flat = trained(tmp_path / "run", Task.CLASSIFY, images, **{**QUICK, "epochs": 2})
    assert figures(flat)["balanced accuracy"] == 0.5


def test_a_run_that_sees_every_bit_learns_less_than_a_step_of_grey(tmp_path: Path) -> None:
    images = classified(tmp_path, faint)
    for even, odd in zip(images[::2], images[1::2], strict=True):
        assert np.array_equal(read_rgb(even.path, 0, WINDOW), read_rgb(odd.path, 0, WINDOW))
    job = trained(tmp_path / "run", Task.CLASSIFY, images, sees="all", **QUICK)
    assert figures(job)["balanced accuracy"] == 1.0


@pytest.mark.slow
def test_regions_that_no_picture_shows_are_segmented(tmp_path: Path) -> None:
    images = outlined(tmp_path, Task.SEGMENT)
    settings = {"network": "unet-resnet18", "epochs": 7, "learning_rate": 3e-3}
    deep = trained(
        tmp_path / "all", Task.SEGMENT, images, sees="all", copy_paste=0.5, mosaic=0.2,
        plain_epochs=3, **settings,
    )  # fmt: skip
    flat = trained(tmp_path / "shown", Task.SEGMENT, images, **settings)
    assert figures(deep)["mIoU"] > 0.8
    assert figures(flat)["mIoU"] < 0.5


def test_a_run_keeps_what_the_training_images_are_scaled_by(stained: JobDir) -> None:
    checkpoint = read_checkpoint(stained.best)
    images = read_snapshot(stained.snapshot).of(Split.TRAIN)
    values = np.stack([tifffile.imread(image.path) for image in images]) / 65535
    rows = values.reshape(-1, 5)
    how = checkpoint.preprocessing
    assert (how.sees, how.channels) == (Sees.ALL, 5)
    assert how.mean == pytest.approx(rows.mean(axis=0), rel=1e-5)
    assert how.std == pytest.approx(rows.std(axis=0), rel=1e-4)
    assert how.padding == how.mean
    assert json.loads((stained.path / "input.json").read_text()) == how.to_json()
    (told,) = [e.text for e in events_of(stained, Note) if "channels" in e.text]
    assert told.startswith("The network sees 5 channels of the files")


def test_a_run_goes_on_from_one_with_as_many_channels_and_from_no_other(
    stained: JobDir, tmp_path: Path
) -> None:
    few: dict[str, Any] = {**QUICK, "epochs": 1, "start": "file", "weights_file": stained.best}
    images = classified(tmp_path / "five", stain, train=6, val=2)
    five = trained(tmp_path / "same", Task.CLASSIFY, images, sees="all", **few)
    assert read_checkpoint(five.best).preprocessing == read_checkpoint(stained.best).preprocessing
    grey = classified(tmp_path / "one", faint, train=6, val=2)
    one = trained(tmp_path / "other", Task.CLASSIFY, grey, sees="all", **few)
    how = read_checkpoint(one.best).preprocessing
    assert how.channels == 1
    assert how.mean == pytest.approx([116 / 255], abs=1e-3)


def test_images_with_different_numbers_of_channels_stop_a_run_in_words(tmp_path: Path) -> None:
    images = classified(tmp_path / "a", stain, train=4, val=2)
    images += classified(tmp_path / "b", faint, train=2, val=0)
    job = written(tmp_path / "run", Task.CLASSIFY, images, sees="all", **QUICK)
    assert run_job(job.path) != 0
    assert "2 of 1 and 6 of 5" in job.log.read_text()


def test_a_file_that_has_changed_its_channels_is_named(stained: JobDir, tmp_path: Path) -> None:
    network = load_network(stained.path)
    path = tmp_path / "grey.tif"
    tifffile.imwrite(path, faint(0))
    from cvstudio.core.errors import ImageError

    with pytest.raises(ImageError, match="has 1 channel, and the network takes 5"):
        see(path, 0, WINDOW, network.preprocessor)


def test_the_heat_lies_on_what_the_fifth_channel_shows(stained: JobDir) -> None:
    network = load_network(stained.path)
    hits = []
    for image in read_snapshot(stained.snapshot).of(Split.VAL):
        if image.id % 2:  # even numbers: no disc
            continue
        seen = see(image.path, 0, image.window, network.preprocessor)
        found = explain(network, seen, class_id=CLASSES[1].id)
        inside = disc(place_of(image.id - 1), 20)
        hits.append(found.heat[inside].mean() / max(found.heat[~inside].mean(), 1e-9))
    assert np.median(hits) > 1.5


def test_the_explain_job_draws_the_heat_over_the_picture_people_see(
    stained: JobDir, tmp_path: Path
) -> None:
    image = read_snapshot(stained.snapshot).of(Split.VAL)[1]
    job = JobDir(tmp_path / "job")
    job.path.mkdir()
    config = ExplainConfig(run_directory=stained.path, image=image.path, device="cpu")
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    assert read_rgb(job.path / "heat.png").shape == (SIZE, SIZE, 3)


def test_a_later_evaluation_sees_what_the_run_saw(stained: JobDir, tmp_path: Path) -> None:
    job = JobDir(tmp_path / "job")
    job.path.mkdir()
    config = EvaluateConfig(run_directory=stained.path, split="val", device="cpu")
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    assert figures(job) == figures(stained)


@pytest.fixture(scope="module")
def exported(stained: JobDir) -> Path:
    """The run's network as a file, proven."""
    path = stained.path / "net.onnx"
    job = JobDir(stained.path / "jobs" / "export-1")
    job.path.mkdir(parents=True)
    config = ExportConfig(run_directory=stained.path, output=path, device="cpu", int8=True)
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    return path


def test_an_exported_file_takes_every_channel_and_is_proven(
    exported: Path, stained: JobDir
) -> None:
    network = OnnxNetwork(exported)
    rules = network.record.input
    assert rules["shape"][1] == 5
    assert rules["sees"] == "all"
    assert rules["deeper_than_8_bits"]["window"] == list(WINDOW)
    assert rules["padding"] == list(read_checkpoint(stained.best).preprocessing.padding)
    assert network.record.to_json()["format"] == 2
    verification = network.record.verification
    assert verification is not None
    assert verification["verified"] is True


def test_a_file_alone_answers_as_the_run_does_and_names_images_of_another_kind(
    exported: Path, stained: JobDir, tmp_path: Path
) -> None:
    images = read_snapshot(stained.snapshot).of(Split.VAL)
    stranger = tmp_path / "grey.tif"
    tifffile.imwrite(stranger, faint(1))
    found = predict_files(exported, [*(image.path for image in images), stranger])
    told = {p.image_id: p.scores for p in read_predictions(stained.predictions("val"))}
    for image, row in zip(images, found["images"], strict=True):
        wanted = told[image.id]
        assert wanted is not None
        assert list(row["scores"].values()) == pytest.approx(list(wanted.values()), abs=1e-4)
    assert "has 1 channel, and the network takes 5" in found["problems"][0]["problem"]


def test_colour_steps_are_left_out_of_such_a_run_and_the_others_work(tmp_path: Path) -> None:
    steps = [
        make_step("hue_saturation", chance=1.0), make_step("affine", chance=1.0),
        make_step("brightness_contrast", chance=1.0),
    ]  # fmt: skip
    images = classified(tmp_path, stain, train=6, val=2)
    job = trained(
        tmp_path / "run", Task.CLASSIFY, images, sees="all", mixup=0.5, cutmix=0.5,
        augmentation=dump_steps(steps), **{**QUICK, "epochs": 1},
    )  # fmt: skip
    notes = [e.text for e in events_of(job, Note) if "Left out" in e.text]
    assert notes == [
        "Left out of the augmentation: Hue and saturation works on 8-bit colour only, and this run"
        " keeps deep images of 5 channels as they are."
    ]


def test_torchvisions_detectors_learn_from_all_channels_and_answer_to_them(tmp_path: Path) -> None:
    images = outlined(tmp_path, Task.DETECT, train=6, val=2)
    job = trained(
        tmp_path / "run", Task.DETECT, images, sees="all", epochs=1, network="fasterrcnn-mobilenet",
        batch=2, mosaic=0.5, plain_epochs=0,
    )  # fmt: skip
    network = load_network(job.path)
    assert network.preprocessor.channels == 5
    image = images[-1]
    seen = see(image.path, 0, image.window, network.preprocessor)
    (answer,) = network.predict([seen], [image.id])
    assert answer.image_id == image.id
