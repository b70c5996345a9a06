"""Images of more than 8 bits reach an exported network as they reached it in training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from judge_samples import CLASSES, network_of, snapshot_of

from cvstudio.core.annotation import Split, Task
from cvstudio.core.config import ExplainConfig
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import Snapshot, SnapshotImage, shape_to_json, write_snapshot
from cvstudio.core.thresholds import Thresholds
from cvstudio.core.wire import Message
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.data import SplitImages
from cvstudio.ml.evaluate import read_images
from cvstudio.ml.explaining.job import run_explain
from cvstudio.ml.exporting.graph import to_onnx
from cvstudio.ml.exporting.record import record_of, with_record
from cvstudio.ml.labels import IGNORE
from cvstudio.ml.live import _Inbox, _Worker
from cvstudio.ml.onnx_file import FileRecord
from cvstudio.ml.predict import OnnxNetwork, predict_files
from cvstudio.ml.preprocess import Preprocessing
from cvstudio.ml.preview import Previews

WINDOW = (812.0, 4020.0)


class Seen(Exception):
    """The window is known: the rest of the job is not the matter here."""


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A 16-bit image that its own percentiles would show quite differently from WINDOW."""
    path = tmp_path / "deep.tif"
    values = np.random.default_rng(2).integers(900, 1400, (64, 64)).astype(np.uint16)
    values[20:40, 20:40] += 1500
    tifffile.imwrite(path, values)
    return path


def deep_image(path: Path, snapshot: Snapshot) -> SnapshotImage:
    image = snapshot.images[0]
    return replace(image, path=path, width=64, height=64, window=WINDOW, split=Split.TRAIN)


def test_an_exported_file_sees_deep_images_through_the_window_of_its_run(
    deep: Path, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    network = network_of(Task.CLASSIFY, "mobilenet_v3_small", size=64)
    model = to_onnx(network)
    record = record_of(
        network, model, run="0001-run", report={}, counts=Thresholds(), window=WINDOW
    )
    path = tmp_path / "net.onnx"
    path.write_bytes(with_record(model, record))
    exported = OnnxNetwork(path)
    rules = exported.record.input
    assert rules["alpha"] == "laid over white"
    assert rules["deeper_than_8_bits"]["window"] == [812, 4020]
    (row,) = predict_files(path, [deep])["images"]
    (answer,) = exported.predict([read_rgb(deep, window=WINDOW)], [0])
    (other,) = exported.predict([read_rgb(deep)], [0])
    assert answer.scores is not None
    assert list(row["scores"].values()) == pytest.approx(list(answer.scores.values()), abs=1e-6)
    assert answer.scores != other.scores
    live = _Worker(_Inbox(), lambda message: None).handler(Message({"kind": "predict"}))(
        Message({"kind": "predict", "onnx": str(path), "path": str(deep), "window": None})
    )
    told = live.header["prediction"]["scores"]
    assert list(told.values()) == pytest.approx(list(answer.scores.values()), abs=1e-6)


def test_a_file_of_images_of_8_bits_says_what_happens_to_deeper_ones() -> None:
    network = network_of(Task.CLASSIFY, "mobilenet_v3_small", size=64)
    record: FileRecord = record_of(
        network, to_onnx(network), run="r", report={}, counts=Thresholds()
    )
    assert record.window is None
    assert "0.1 and 99.9 percentiles" in record.input["deeper_than_8_bits"]["rule"]


def test_training_judging_preview_and_heat_map_look_through_the_same_window(
    deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = snapshot_of(tmp_path, Task.DETECT, count=1)
    image = deep_image(deep, snapshot)
    wanted = read_rgb(deep, window=WINDOW)
    trained, _ = SplitImages([image], size=64, fit=Fit.PAD).read(0)
    assert np.array_equal(trained, wanted)
    how = Preprocessing(64, Fit.PAD, (0, 0, 0), (1, 1, 1))
    ((_, judged),) = read_images([image], [], how)
    assert np.array_equal(judged, wanted)
    told = {"id": 1, "path": str(deep), "window": list(WINDOW), "annotations": []}
    header = {
        "task": "detect", "fit": "pad", "size": 64, "steps": [], "seed": 0, "epochs": [1],
        "thumbnail": 0, "classes": [], "image": told,
    }  # fmt: skip
    assert np.array_equal(Previews().augment(header).arrays["original"], wanted)

    run, job = JobDir(tmp_path / "run"), JobDir(tmp_path / "job")
    run.path.mkdir()
    job.path.mkdir()
    stranger = tmp_path / "stranger.tif"
    stranger.write_bytes(deep.read_bytes())
    write_snapshot(run.snapshot, Snapshot(Task.DETECT, CLASSES, (image,)))
    seen = []

    def look(path: Path, page: int, window: tuple[float, float] | None) -> None:
        seen.append(window)
        raise Seen

    monkeypatch.setattr("cvstudio.ml.seeing.read_rgb", look)
    known = SimpleNamespace(preprocessor=how)
    monkeypatch.setattr("cvstudio.ml.explaining.job.load_network", lambda *_, **__: known)
    for path in (deep, stranger):
        config = ExplainConfig(run_directory=run.path, image=path)
        with pytest.raises(Seen):
            run_explain(job, config)
    assert seen == [WINDOW, WINDOW]


def test_the_preview_shows_that_a_box_among_outlines_teaches_nothing(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, Task.SEGMENT, count=1)
    (image,) = snapshot.images
    box = Box(2, 2, 20, 20)
    annotations = [{"class": a.class_id, **shape_to_json(a.shape)} for a in image.annotations]
    told = {"id": 1, "path": str(image.path), "window": None}
    header = {
        "task": "segment", "fit": "pad", "size": 96, "steps": [], "seed": 0, "epochs": [1],
        "thumbnail": 0, "classes": [c.id for c in CLASSES],
        "image": {**told, "annotations": [*annotations, {"class": 3, **shape_to_json(box)}]},
    }  # fmt: skip
    message = Previews().augment(header)
    shown = message.arrays["labels 0"]
    plain = Previews().augment({**header, "image": {**told, "annotations": annotations}})
    before = plain.arrays["labels 0"]
    blotted = (shown == IGNORE) & (before != IGNORE)
    assert blotted.sum() > 0
    assert np.all(before[blotted] == 0)
    assert len(message.header["variants"][0]["shapes"]) == len(annotations)
