"""Occlusion of networks and exported files, whether a map follows what was learned, and means."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from judge_samples import CLASSES, network_of, snapshot_of, teach

from cvstudio.core.annotation import LabelClass, Split, Task
from cvstudio.core.config import ExplainCase, ExplainConfig, ExplainManyConfig, ExportConfig
from cvstudio.core.errors import ConfigError, RunError
from cvstudio.core.events import Outcome
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import Snapshot, write_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.checkpoint import Checkpoint, write_checkpoint
from cvstudio.ml.explaining import many, randomising
from cvstudio.ml.explaining.averaging import SIDE, Mean
from cvstudio.ml.explaining.explain import Question, evidence, explain
from cvstudio.ml.explaining.job import run_explain
from cvstudio.ml.explaining.many import run_explain_many
from cvstudio.ml.explaining.occlusion import Answering, occlude
from cvstudio.ml.exporting.job import run_export
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.preprocess import Preprocessing

SIZE = 64
WITH_EMPTY = (*CLASSES, LabelClass(9, "empty", "#0C8486"))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def asked(task: Task, compute: Any, *, most: int = 8) -> Answering:
    how = Preprocessing(SIZE, Fit.STRETCH, (0.0,) * 3, (1.0,) * 3)
    return Answering(task, tuple(c.id for c in CLASSES), how, compute, most=most)


def with_bright_corner() -> np.ndarray:
    rgb = np.full((SIZE, SIZE, 3), 114, np.uint8)
    rgb[8:24, 40:56] = 255
    return rgb


def brightness(batch: np.ndarray) -> np.ndarray:
    """How bright the place of the square is, from 0 to 1."""
    return np.asarray(batch[:, :, 8:24, 40:56].mean((1, 2, 3)))


INSIDE = (slice(8, 24), slice(40, 56))


def lies_inside(heat: np.ndarray) -> bool:
    outside = heat.copy()
    outside[0:32, 32:64] = 0  # a patch that touches the square reaches half of it further
    return bool(heat[INSIDE].mean() > 0.4 and outside.max() < 0.05)


def test_occlusion_finds_the_one_place_that_a_class_is_read_from() -> None:
    def compute(batch: np.ndarray) -> list[np.ndarray]:
        return [np.stack([8 * brightness(batch), np.full(len(batch), 4.0)], 1)]

    told: list[tuple[int, int]] = []
    found = occlude(
        asked(Task.CLASSIFY, compute), with_bright_corner(),
        tell=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert found.class_id == CLASSES[0].id
    assert found.score == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-3)
    assert lies_inside(found.heat)
    assert told[-1][0] == told[-1][1] == len({*told}) * 8 - (-told[-1][1] % 8)


def test_occlusion_of_the_other_class_shows_nothing_where_it_only_helps_it() -> None:
    def compute(batch: np.ndarray) -> list[np.ndarray]:
        return [np.stack([8 * brightness(batch), np.full(len(batch), 4.0)], 1)]

    found = occlude(asked(Task.CLASSIFY, compute), with_bright_corner(), class_id=CLASSES[1].id)
    assert not found.heat.any()


def test_occlusion_of_a_region_asks_for_its_own_pixels() -> None:
    def compute(batch: np.ndarray) -> list[np.ndarray]:
        logits = np.zeros((len(batch), 3, SIZE, SIZE), np.float32)
        logits[:, 1, :32, :32] = 6 * brightness(batch)[:, None, None]
        return [logits]

    found = occlude(
        asked(Task.SEGMENT, compute), with_bright_corner(), class_id=CLASSES[0].id,
        box=Box(0, 0, 32, 32),
    )  # fmt: skip
    assert found.box == Box(0, 0, 32, 32)
    assert lies_inside(found.heat)


def test_occlusion_of_an_object_follows_that_object_and_not_a_surer_one() -> None:
    def compute(batch: np.ndarray) -> list[np.ndarray]:
        raw = np.zeros((len(batch), 6, 2), np.float32)
        raw[:, :4, 0] = (48, 16, 16, 16)
        raw[:, :4, 1] = (16, 48, 20, 20)
        raw[:, 4, 0] = 0.6 * brightness(batch)
        raw[:, 4, 1] = 0.9
        return [raw]

    rgb = with_bright_corner()
    found = occlude(asked(Task.DETECT, compute), rgb, box=Box(40, 8, 16, 16))
    assert found.score == pytest.approx(0.6, abs=0.01)
    assert found.box is not None
    assert (found.box.x, found.box.w) == pytest.approx((40, 16), abs=0.1)
    assert lies_inside(found.heat)
    surest = occlude(asked(Task.DETECT, compute), rgb)
    assert surest.score == pytest.approx(0.9, abs=0.01)
    assert not surest.heat.any()


class Enough(Exception):
    pass


def test_occlusion_ends_in_the_middle_when_nobody_waits_for_it() -> None:
    calls: list[int] = []

    def compute(batch: np.ndarray) -> list[np.ndarray]:
        calls.append(len(batch))
        return [np.stack([brightness(batch), brightness(batch)], 1)]

    def tell(done: int, _total: int) -> None:
        if done >= 16:
            raise Enough

    with pytest.raises(Enough):
        occlude(asked(Task.CLASSIFY, compute), with_bright_corner(), tell=tell)
    assert calls == [1, 8, 8]


def test_an_exported_file_is_explained_as_its_checkpoint_and_without_torch(tmp_path: Path) -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE)
    onnx = tmp_path / "net.onnx"
    snapshot = snapshot_of(tmp_path, Task.CLASSIFY, count=1)
    run = run_of(tmp_path, network, snapshot)
    config = ExportConfig(run_directory=run.path, output=onnx, verify=False)
    assert run_export(job_of(run, "export-1"), config) is Outcome.FINISHED
    picture = snapshot.images[0].path
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from cvstudio.imaging.decode import read_rgb\n"
        "from cvstudio.ml.explaining.occlusion import asked_file, occlude\n"
        "from cvstudio.ml.predict import OnnxNetwork\n"
        "found = occlude(asked_file(OnnxNetwork(Path(sys.argv[1]))), read_rgb(Path(sys.argv[2])),"
        " class_id=7)\n"
        "np.save(sys.argv[3], found.heat)\n"
        "assert 'torch' not in sys.modules\n"
    )
    heat = tmp_path / "heat.npy"
    subprocess.run([sys.executable, "-c", code, onnx, picture, heat], check=True, timeout=120)
    own = explain(network, read_rgb(picture), class_id=7, method="occlusion")
    assert own.heat.any()
    assert np.abs(np.load(heat) - own.heat).max() < 0.02
    assert [layer.key for layer in own.layers] == ["1", "2", "3", "4", "5"]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedNetwork, Snapshot]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("taught")
    network = network_of(Task.CLASSIFY, "resnet18", size=96, classes=WITH_EMPTY)
    snapshot = snapshot_of(folder, Task.CLASSIFY, count=24, classes=WITH_EMPTY)
    teach(network, snapshot, steps=25)
    return network, snapshot


@pytest.mark.slow
def test_a_map_of_what_was_learned_changes_when_it_is_shuffled(
    taught: tuple[LoadedNetwork, Snapshot],
) -> None:
    network, snapshot = taught
    before = {key: value.clone() for key, value in network.module.state_dict().items()}
    rgb = read_rgb(snapshot.images[0].path)
    told: list[tuple[int, int]] = []
    found = randomising.check(
        network, rgb, Question(class_id=3), tell=lambda done, total: told.append((done, total))
    )
    assert found.likeness < randomising.FOLLOWS
    assert "follows what was learned" in found.words
    assert [stage.share for stage in found.stages] == [
        0,
        pytest.approx(1 / 3),
        pytest.approx(2 / 3),
        1,
    ]
    assert told == [(n, 6) for n in range(1, 7)]
    after = network.module.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_a_map_that_only_shows_the_image_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE)
    rgb = with_bright_corner()

    def edges(other: Any, tensor: torch.Tensor, *rest: Any, **more: Any) -> Any:
        _, traced = evidence(other, tensor, *rest, **more)
        return (rgb[..., 0] > 200).astype(np.float32), traced

    monkeypatch.setattr(randomising, "evidence", edges)
    found = randomising.check(network, rgb, Question(class_id=3))
    assert found.likeness == pytest.approx(1)
    assert "untrained network: do not trust it" in found.words


def test_the_head_is_put_out_of_order_first_and_then_what_computes_before_it() -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE)
    tensor, _ = network.prepare(with_bright_corner())
    parts, heads = randomising.layers_from_head(network, tensor)
    assert heads == 1
    assert parts[0] == "fc"
    assert parts[1].startswith("layer4.1")
    assert parts[-1] == "conv1"
    weight = network.module.fc.weight.clone()  # type: ignore[union-attr]
    randomising.shuffle(network.module.fc, torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    shuffled = network.module.fc.weight  # type: ignore[union-attr]
    assert not torch.equal(shuffled, weight)  # type: ignore[arg-type]
    assert torch.equal(shuffled.flatten().sort()[0], weight.flatten().sort()[0])  # type: ignore


def test_likeness_is_1_for_the_same_map_and_0_where_one_shows_nothing() -> None:
    a = np.random.default_rng(0).random((80, 60)).astype(np.float32)
    assert randomising.likeness(a, a) == pytest.approx((1, 1))
    assert randomising.likeness(a, np.zeros_like(a)) == (0, 0)
    ranks, ssim = randomising.likeness(a, 1 - a)
    assert ranks == pytest.approx(-1, abs=1e-3)
    assert ssim < 0


def test_what_cannot_be_checked_says_so() -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE)
    with pytest.raises(ConfigError, match="nothing to check"):
        randomising.check(network, with_bright_corner(), Question(method="occlusion"))


def test_the_mean_of_a_class_lays_objects_over_each_other_wherever_they_are() -> None:
    mean = Mean(3)
    for x, y in ((10, 10), (60, 40), (-10, 30)):
        rgb = np.zeros((80, 100, 3), np.uint8)
        heat = np.zeros((80, 100), np.float32)
        box = Box(x, y, 20, 20)
        left = max(x, 0)
        rgb[y : y + 20, left : x + 20] = 200
        heat[y : y + 10, left : x + 20] = 1.0  # the upper half decides
        mean.add(rgb, heat, box)
    rgb, heat = mean.result()
    assert mean.count == 3
    assert heat.shape == (SIDE, SIDE)
    third = SIDE // 3
    assert heat[third : SIDE // 2 - 4, third : 2 * third].min() > 0.9
    assert heat[SIDE // 2 + 4 :, :].max() < 0.05
    assert rgb[SIDE // 2, SIDE // 2].min() > 190
    assert rgb[2, 2].max() < 10


def run_of(folder: Path, network: LoadedNetwork, snapshot: Snapshot) -> JobDir:
    run = JobDir(folder / "run")
    run.checkpoints.mkdir(parents=True)
    write_snapshot(run.snapshot, snapshot)
    write_checkpoint(
        run.best,
        Checkpoint(
            network.config, network.classes, network.preprocessor, network.module.state_dict(),
            epoch=1,
        ),
    )  # fmt: skip
    return run


def job_of(run: JobDir, name: str) -> JobDir:
    job = JobDir(run.path / "jobs" / name)
    job.path.mkdir(parents=True)
    return job


def test_pictures_of_cases_come_with_a_list_of_what_they_are(tmp_path: Path) -> None:
    classes = (LabelClass(3, "round", "#F73C62"), LabelClass(7, "=flat", "#688BF6"))
    network = network_of(Task.DETECT, "yolo11n", size=SIZE, classes=classes)
    snapshot = snapshot_of(tmp_path, Task.DETECT, count=2, classes=classes)
    first, second = snapshot.images
    run = run_of(tmp_path, network, snapshot)
    box = first.annotations[0].box
    cases = (
        ExplainCase(
            image_id=first.id, class_id=3, box=(box.x, box.y, box.w, box.h), kind="missed",
            labelled="round", predicted="=flat", score=0.25,
        ),
        ExplainCase(image_id=second.id, class_id=7),
        ExplainCase(image_id=12345),
    )  # fmt: skip
    folder = tmp_path / "out"
    config = ExplainManyConfig(
        run_directory=run.path, cases=cases, folder=folder, method="layercam", device="cpu"
    )
    job = job_of(run, "explain-many-1")
    assert run_explain_many(job, config) is Outcome.FINISHED
    with (folder / "pictures.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["kind"] for row in rows] == ["missed", ""]
    assert rows[0]["predicted"] == "'=flat"  # a spreadsheet would run it
    assert rows[0]["labelled"] == "round"
    assert rows[0]["method"] == "layercam"
    assert sorted(p.name for p in folder.glob("*.png")) == [row["picture"] for row in rows]
    picture = read_rgb(folder / rows[0]["picture"])
    assert picture.shape == (first.height, 3 * first.width + 16, 3)
    assert np.array_equal(picture[:, first.width : first.width + 8], np.full((72, 8, 3), 255))
    assert "12345" in job.events.read_text()


def test_the_mean_of_each_class_is_a_picture_with_its_caveat(tmp_path: Path) -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE)
    snapshot = snapshot_of(tmp_path, Task.CLASSIFY, count=6, split=Split.VAL)
    run = run_of(tmp_path, network, snapshot)
    config = ExplainManyConfig(run_directory=run.path, split="val", most=2, device="cpu")
    job = job_of(run, "explain-many-1")
    assert run_explain_many(job, config) is Outcome.FINISHED
    told = json.loads((job.path / "averages.json").read_text())
    assert [(row["class"], row["looked"]) for row in told["classes"]] == [(3, 2), (7, 2)]
    assert "laid over each other" in told["caveat"]
    means = [row for row in told["classes"] if row["count"]]
    assert means
    for row in means:
        assert read_rgb(job.path / row["file"]).shape == (SIDE, SIDE, 3)
    with pytest.raises(RunError, match="No image of test"):
        run_explain_many(job_of(run, "explain-many-2"), replace_split(config, "test"))
    stopped = job_of(run, "explain-many-3")
    stopped.ask(Request.CANCEL)
    assert run_explain_many(stopped, config) is Outcome.CANCELLED
    assert not (stopped.path / "averages.json").exists()


def test_a_class_that_is_never_found_has_no_mean_and_the_others_say_how_many_they_are_of(
    tmp_path: Path,
) -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE)
    with torch.no_grad():
        network.module.fc.bias[:] = torch.tensor([50.0, 0.0])
    snapshot = snapshot_of(tmp_path, Task.CLASSIFY, count=6, split=Split.VAL)
    run = run_of(tmp_path, network, snapshot)
    config = ExplainManyConfig(run_directory=run.path, split="val", most=2, device="cpu")
    job = job_of(run, "explain-many-1")
    assert run_explain_many(job, config) is Outcome.FINISHED
    first, second = json.loads((job.path / "averages.json").read_text())["classes"]
    assert (first["count"], first["looked"]) == (2, 2)
    assert (second["count"], second["looked"], second["file"]) == (0, 2, None)
    assert [path.name for path in job.path.glob("*.png")] == [first["file"]]


@pytest.mark.parametrize(
    ("class_id", "box", "score", "found"),
    [
        (3, Box(10, 10, 20, 20), 0.5, True),
        (3, Box(10, 10, 20, 20), 0.7, False),
        (7, Box(10, 10, 20, 20), 0.5, False),
        (3, Box(40, 40, 20, 20), 0.5, False),
    ],
)
def test_an_object_is_found_by_its_class_in_its_place_and_sure_enough(
    class_id: int, box: Box, score: float, found: bool
) -> None:
    answer = Prediction(1, objects=(Found(3, 0.6, Box(12, 10, 20, 20)),))
    assert many._finds(answer, class_id, box, score, several=False) is found


def replace_split(config: ExplainManyConfig, split: str) -> ExplainManyConfig:
    return config.model_copy(update={"split": split})


def test_the_job_of_one_map_takes_method_and_layer_and_can_be_checked(tmp_path: Path) -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=SIZE)
    snapshot = snapshot_of(tmp_path, Task.CLASSIFY, count=1)
    run = run_of(tmp_path, network, snapshot)
    image = snapshot.images[0].path
    job = job_of(run, "explain-1")
    config = ExplainConfig(
        run_directory=run.path, image=image, class_id=3, device="cpu", method="eigencam", layer="2",
        check=True,
    )  # fmt: skip
    assert run_explain(job, config) is Outcome.FINISHED
    told = json.loads((job.path / "heat.json").read_text())
    assert told["layer"] == "before it, 4 × 4"
    assert told["method"] == "eigencam"
    assert told["caution"] == ""  # it is of no single object
    assert len(told["check"]["stages"]) == 4
    assert told["check"]["words"]
    plain = read_rgb(job.path / "heat.png")
    run_explain(job, config.model_copy(update={"opacity": 0.1, "check": False}))
    faint = read_rgb(job.path / "heat.png")
    grey = np.ptp(faint.astype(int), axis=2).mean()
    assert grey < np.ptp(plain.astype(int), axis=2).mean() / 3
    stopped = job_of(run, "explain-2")
    stopped.ask(Request.CANCEL)
    config = config.model_copy(update={"method": "occlusion", "layer": "", "check": False})
    assert run_explain(stopped, config) is Outcome.CANCELLED
    assert not (stopped.path / "heat.png").exists()
