"""Runs whose images have several classes: they learn, are judged, exported and suggest that way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_samples import CLASSES, config_for, events_of, run_directory, written

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.config import ExportConfig, SuggestConfig, Views
from cvstudio.core.errors import ConfigError
from cvstudio.core.events import EpochEnded, Failed
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.metrics.trust import nothing_right
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import read_predictions
from cvstudio.core.recipe_rules import check
from cvstudio.core.run_state import BEST_METRIC, SEVERAL_METRIC, best_metric
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage, read_snapshot
from cvstudio.core.suggestion import ANSWERS, AskedImage, read_answer, write_asked
from cvstudio.core.thresholds import told_by
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.ml.decode import decode, probabilities
from cvstudio.ml.engine.losses import presence_weights
from cvstudio.ml.environment import prepare
from cvstudio.ml.explaining.explain import explain
from cvstudio.ml.judge import judge
from cvstudio.ml.labels import usable
from cvstudio.ml.load import load_network
from cvstudio.ml.mixing import Mixer
from cvstudio.ml.onnx_file import KEY
from cvstudio.ml.predict import OnnxNetwork, predict_files
from cvstudio.ml.preprocess import placement_for
from cvstudio.ml.views import seen_from
from cvstudio.ml.worker import run_job

prepare()

DISC, SQUARE = (c.id for c in CLASSES)
SEVERAL: dict[str, Any] = {"loss": "binary", "several_classes": True}


def tagged(folder: Path, number: int, split: Split) -> SnapshotImage:
    """An image with a red disc, a green square, both or neither, each in its half."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(number)
    rgb = random.integers(0, 60, (64, 64, 3)).astype(np.uint8)
    has = (number % 2 == 0, number // 2 % 2 == 0)
    if has[0]:
        cv2.circle(rgb, (int(random.integers(14, 18)), 32), 12, (220, 40, 40), -1)
    if has[1]:
        top = int(random.integers(16, 28))
        rgb[top : top + 22, 38:60] = (40, 220, 40)
    path = folder / f"tags-{number:03d}.png"
    cv2.imwrite(str(path), rgb[..., ::-1])
    own = tuple(
        SnapshotAnnotation(10 * number + place, CLASSES[place].id, None, Box(0, 0, 64, 64))
        for place in (0, 1) if has[place]
    )  # fmt: skip
    review = Review.LABELLED if own else Review.EMPTY
    return SnapshotImage(number + 1, path, 0, 64, 64, split, review, "", own)


def run_of(folder: Path, *, train: int = 16, val: int = 8, **settings: Any) -> JobDir:
    splits = [Split.TRAIN] * train + [Split.VAL] * val
    images = [tagged(folder / "images", n, split) for n, split in enumerate(splits)]
    return written(folder / "run", Task.CLASSIFY, images, **{**SEVERAL, **settings})


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> JobDir:
    """A run that has learned which of the two there are."""
    job = run_of(tmp_path_factory.mktemp("learned"), train=24, val=12,
                 network="resnet18", epochs=4, batch=8, label_smoothing=0.0)  # fmt: skip
    assert run_job(job.path) == 0, job.log.read_text()
    return job


def test_a_run_learns_several_classes_and_none(learned: JobDir) -> None:
    report = json.loads(learned.report.read_text())["val"]
    assert report["several"] is True
    assert report["metrics"]["mAP"] > 0.9
    assert report["metrics"]["exact match"] > 0.7
    assert [row["labelled"] for row in report["per_class"]] == [6, 6]
    assert report["counts"]["images"] == 12, "images without a class are judged too"
    assert set(report["thresholds"]["per_class"]) == {str(DISC), str(SQUARE)}
    assert report["confusion"]["classes"] == [DISC, SQUARE, 0]


def test_the_best_epoch_is_the_one_with_the_best_map(learned: JobDir) -> None:
    epochs = events_of(learned, EpochEnded)
    assert read_checkpoint(learned.best).metric == "mAP"
    best = max(e.metrics["mAP"] for e in epochs)
    assert [e.metrics["mAP"] for e in epochs if e.best][-1] == best
    assert set(epochs[0].metrics) == {"mAP", "macro F1", "exact match"}
    assert set(epochs[-1].classes) == {DISC, SQUARE}


def test_each_class_has_a_chance_of_its_own(learned: JobDir) -> None:
    answers = {p.image_id: p.scores or {} for p in read_predictions(learned.predictions("val"))}
    snapshot = read_snapshot(learned.snapshot)
    both = [i for i in snapshot.of(Split.VAL) if len(i.annotations) == 2]
    none = [i for i in snapshot.of(Split.VAL) if not i.annotations]
    assert all(sum(answers[i.id].values()) > 1.2 for i in both)
    assert all(sum(answers[i.id].values()) < 0.8 for i in none)


def test_one_class_an_image_keeps_probabilities_that_sum_to_one(tmp_path: Path) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, loss="binary", epochs=1)
    assert run_job(job.path) == 0
    for prediction in read_predictions(job.predictions("val")):
        assert sum((prediction.scores or {}).values()) == pytest.approx(1, abs=1e-5)
    told = set(json.loads(job.report.read_text())["val"]["metrics"])
    assert {"accuracy", "balanced accuracy", "macro F1", "Cohen's kappa"} <= told
    assert not told & {"mAP", "exact match", "micro F1"}  # those of several classes an image


def test_probabilities_of_one_class_are_the_numbers_that_they_were() -> None:
    logits = np.random.default_rng(0).normal(0, 5, 7).astype(np.float32)
    values = np.exp(logits.astype(np.float64) - logits.max())
    values /= values.sum()
    at = placement_for(64, 64, size=64, fit=config_for(Task.CLASSIFY).fit)
    found = decode(Task.CLASSIFY, [logits], at, class_ids=range(1, 8), image_id=1).scores
    assert list((found or {}).values()) == values.tolist()


def test_a_chance_far_from_even_is_no_overflow() -> None:
    found = probabilities(np.array([-1000.0, 0.0, 1000.0]), several=True)
    assert found.tolist() == [0.0, 0.5, 1.0]


def test_several_views_give_the_mean_of_the_chances() -> None:
    answers = iter([np.array([[2.0, -1.0]]), np.array([[0.0, 3.0]])])
    compute = seen_from(lambda _: [next(answers)], Task.CLASSIFY, Views.MIRRORED, several=True)
    (logits,) = compute(np.zeros((1, 3, 4, 4), np.float32))
    wanted = (probabilities(np.array([2.0, -1.0]), several=True)
              + probabilities(np.array([0.0, 3.0]), several=True)) / 2  # fmt: skip
    assert probabilities(logits[0], several=True) == pytest.approx(wanted, abs=1e-6)


def test_images_of_several_classes_are_refused_unless_the_run_is_for_them(tmp_path: Path) -> None:
    job = run_of(tmp_path, several_classes=False, train=4, val=4)
    assert run_job(job.path) != 0
    (failed,) = events_of(job, Failed)
    assert "several classes" in failed.text
    assert "Several classes an image" in failed.text


def test_images_reviewed_as_empty_teach_that_no_class_is_there(tmp_path: Path) -> None:
    images = tuple(tagged(tmp_path, n, Split.TRAIN) for n in range(8))
    found = usable(Snapshot(Task.CLASSIFY, CLASSES, images), Split.TRAIN, several=True)
    assert [len(own) for own in found.annotations] == [2, 1, 1, 0] * 2


@pytest.mark.parametrize("loss", ["standard", "focal"])
def test_only_the_binary_loss_learns_several_classes(loss: str) -> None:
    with pytest.raises(ConfigError, match="binary"):
        check(config_for(Task.CLASSIFY, loss=loss, several_classes=True))
    check(config_for(Task.CLASSIFY, **SEVERAL))


def test_the_figure_of_the_best_epoch_changes_for_several_classes_alone() -> None:
    assert best_metric(Task.CLASSIFY, several=True) == SEVERAL_METRIC
    assert {task: best_metric(task) for task in BEST_METRIC} == BEST_METRIC
    assert best_metric(Task.DETECT, several=True) == BEST_METRIC[Task.DETECT]


def test_missing_a_rare_class_costs_as_much_more_as_it_is_rare() -> None:
    present = np.zeros((20, 4))
    present[:10, 0] = present[:4, 1] = present[:1, 2] = 1
    assert presence_weights(present).tolist() == [1.0, 4.0, 10.0, 1.0]


def test_balanced_runs_learn_otherwise(tmp_path: Path) -> None:
    def after(name: str, **more: Any) -> dict[str, torch.Tensor]:
        job = run_of(tmp_path / name, train=7, val=4, epochs=1, **more)
        assert run_job(job.path) == 0, job.log.read_text()
        return read_checkpoint(job.last).weights

    plain, weighed = after("plain"), after("weighed", class_weights=True)
    assert any(not torch.equal(plain[name], weighed[name]) for name in plain)


@pytest.mark.parametrize("how", ["mixup", "cutmix"])
def test_mixed_images_have_shares_of_all_their_classes(how: str) -> None:
    mixer = Mixer(config_for(Task.CLASSIFY, **SEVERAL, **{how: 1.0}), 3)
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    _, mixed, _ = mixer((torch.zeros(2, 8, 8, 3, dtype=torch.uint8), targets, [0, 1]), epoch=1)
    kept = float(mixed[0, 0])
    assert 0 <= kept <= 1
    assert torch.allclose(mixed, torch.tensor([[kept, kept, 0], [1 - kept, 1 - kept, 0]]))


def test_all_recipes_of_data_work_with_several_classes(tmp_path: Path) -> None:
    for name, more in {
        "mixed": {"mixup": 0.4, "cutmix": 1.0, "sampling": "balanced", "average": 0.9},
        "repeated": {"sampling": "repeat", "rare_below": 1.0, "fit": "crop", "sharpness": 0.05},
    }.items():
        job = run_of(tmp_path / name, train=6, val=4, epochs=1, **more)
        assert run_job(job.path) == 0, job.log.read_text()
        assert "mAP" in events_of(job, EpochEnded)[0].metrics


def test_an_exported_file_says_and_gives_each_class_its_own_chance(
    learned: JobDir, tmp_path: Path
) -> None:
    job = JobDir(tmp_path / "export")
    output = tmp_path / "tags.onnx"
    config = ExportConfig(run_directory=learned.path, output=output, device="cpu")
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    proof = json.loads(output.with_suffix(".verification.json").read_text())
    assert proof["verified"]
    assert proof["metric"] == "mAP"
    assert any(c["check"].startswith("Classes found alike") for c in proof["checks"])
    network = OnnxNetwork(output)
    record = json.loads(network.session.get_modelmeta().custom_metadata_map[KEY])
    assert "sigmoid" in record["outputs"][0]["meaning"]
    assert "sigmoid" in record["answer"]["scores"]
    assert record["format"] == 2, "older versions would take its chances for shares of one"
    assert record["thresholds"]["score"] > 0
    images = read_snapshot(learned.snapshot).of(Split.VAL)
    told = predict_files(output, [image.path for image in images])["images"]
    names = {c.id: c.name for c in CLASSES}
    wanted = [{names[a.class_id] for a in image.annotations} for image in images]
    right = sum(set(row["classes"]) == own for row, own in zip(told, wanted, strict=True))
    assert right >= 6
    kept = load_network(learned.path).predict([read_rgb(images[0].path)], [1])[0].scores or {}
    mine = network.predict([read_rgb(images[0].path)], [1])[0].scores or {}
    assert mine == pytest.approx(kept, abs=1e-4)


def test_a_network_suggests_every_class_that_it_is_sure_of(learned: JobDir, tmp_path: Path) -> None:
    job = JobDir(tmp_path / "suggest")
    images = read_snapshot(learned.snapshot).of(Split.VAL)
    write_asked(job, [AskedImage(i.id, i.path, 0, i.width, i.height) for i in images])
    config = SuggestConfig(
        task=Task.CLASSIFY, run_directory=learned.path, score=0.5, device="cpu", batch=4
    )
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    assert read_answer(job).several
    counts = {p.image_id: len(p.scores or {}) for p in read_predictions(job.predictions(ANSWERS))}
    wanted = {image.id: len(image.annotations) for image in images}
    assert sum(counts[key] == wanted[key] for key in wanted) >= 6


def with_scores(run: JobDir, folder: Path, scores: dict[int, float | None]) -> JobDir:
    """A copy of a run whose classes count from these scores."""
    copy = JobDir(Path(shutil.copytree(run.path, folder / "copied-run")))
    report = json.loads(copy.report.read_text())
    report["val"]["thresholds"]["per_class"] = {str(key): score for key, score in scores.items()}
    write_json(copy.report, report)
    return copy


def test_each_class_is_judged_from_its_own_score_and_test_from_that_of_val(
    learned: JobDir,
) -> None:
    told = json.loads(learned.report.read_text())["val"]["thresholds"]
    assert told["applied"] == "per class"
    assert set(told["per_class"]) == {str(DISC), str(SQUARE)}
    assert all(0 < score < 1 for score in told["per_class"].values())
    images = read_snapshot(learned.snapshot).of(Split.VAL)
    answers = list(read_predictions(learned.predictions("val")))
    strict = judge(
        Task.CLASSIFY, CLASSES, images, answers, several=True, score=0.5,
        class_scores={DISC: 0.0, SQUARE: None},
    )  # fmt: skip
    assert strict["per_class"][0]["predicted"] == len(images), "every image counts as a disc"
    assert strict["thresholds"]["per_class"] == {str(DISC): 0.0, str(SQUARE): None}
    assert told_by({"val": strict}).own == {DISC: 0.0, SQUARE: None}


def test_suggestions_take_each_class_from_its_own_score(learned: JobDir, tmp_path: Path) -> None:
    run = with_scores(learned, tmp_path, {DISC: 0.0, SQUARE: None})
    images = read_snapshot(run.snapshot).of(Split.VAL)
    job = JobDir(tmp_path / "suggest")
    write_asked(job, [AskedImage(i.id, i.path, 0, i.width, i.height) for i in images])
    config = SuggestConfig(
        task=Task.CLASSIFY, run_directory=run.path, score=1.0, device="cpu", own_scores=True
    )
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    found = [set(p.scores or {}) for p in read_predictions(job.predictions(ANSWERS))]
    assert found == [{DISC}] * len(images), "squares count from the common score, 1"


def test_an_exported_file_decides_each_class_by_its_own_score(
    learned: JobDir, tmp_path: Path
) -> None:
    run = with_scores(learned, tmp_path, {DISC: 0.0, SQUARE: None})
    job, output = JobDir(tmp_path / "export"), tmp_path / "own.onnx"
    config = ExportConfig(run_directory=run.path, output=output, device="cpu", parity_images=2)
    write_json(job.config, config.model_dump(mode="json"))
    assert run_job(job.path) == 0, job.log.read_text()
    record = json.loads(OnnxNetwork(output).session.get_modelmeta().custom_metadata_map[KEY])
    assert "its own threshold" in record["answer"]["classes"]
    assert record["thresholds"]["per_class"] == {str(DISC): 0.0, str(SQUARE): None}
    images = read_snapshot(run.snapshot).of(Split.VAL)
    told = predict_files(output, [image.path for image in images])
    disc, square = (c.name for c in CLASSES)
    common = record["thresholds"]["score"]
    assert told["class_scores"] == {disc: 0.0, square: common}
    for row in told["images"]:
        assert disc in row["classes"]
        assert (square in row["classes"]) is (row["scores"][square] >= common)
    one = predict_files(output, [images[0].path], score=1.0)
    assert one["images"][0]["classes"] == [], "a score that is given counts for all"


def test_the_explanation_of_a_class_leaves_the_others_alone(learned: JobDir) -> None:
    image = next(
        i for i in read_snapshot(learned.snapshot).of(Split.VAL) if len(i.annotations) == 2
    )
    network, rgb = load_network(learned.path), read_rgb(image.path)
    scores = network.predict([rgb], [1])[0].scores or {}
    for class_id in (DISC, SQUARE):
        found = explain(network, rgb, class_id=class_id)
        assert found.score == pytest.approx(scores[class_id], abs=1e-3)


def test_a_network_that_guesses_is_said_to(tmp_path: Path) -> None:
    from cvstudio.core.predictions import Prediction

    images = [tagged(tmp_path, n, Split.VAL) for n in range(8)]
    same = [Prediction(i.id, scores={DISC: 0.5, SQUARE: 0.5}) for i in images]
    report = judge(Task.CLASSIFY, CLASSES, images, same, several=True)
    assert "no better than guessing" in nothing_right(Task.CLASSIFY, report)
    right = [
        Prediction(i.id, scores={c: float(any(a.class_id == c for a in i.annotations))
                                 for c in (DISC, SQUARE)})
        for i in images
    ]  # fmt: skip
    assert not nothing_right(
        Task.CLASSIFY, judge(Task.CLASSIFY, CLASSES, images, right, several=True)
    )
