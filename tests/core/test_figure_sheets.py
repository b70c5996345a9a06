"""Figures with their ranges: against scikit-learn, against counting, and over drawn images."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from cvstudio.core.masks import Mask
from cvstudio.core.metrics import ClassifiedImage, match_pixels
from cvstudio.core.metrics.boundaries import boundary_counts, boundary_f1
from cvstudio.core.metrics.calibration import fit_platt, fit_temperature, reliability
from cvstudio.core.metrics.pixels import IGNORED
from cvstudio.core.metrics.resampling import Measured, draw, with_whole
from cvstudio.core.metrics.several import SeveralMatches, TaggedImage
from cvstudio.core.metrics.sheets import image_sheet, pixel_sheet, several_sheet
from cvstudio.core.metrics.sure_answers import pixel_answers
from cvstudio.core.pixel_sample import PixelSample, places_of
from cvstudio.core.predictions import Prediction, from_json, to_json
from cvstudio.core.sureness import Platt, at_temperature, scores_at_temperature

CLASSES = (4, 7, 9, 12)
Floats = NDArray[np.float64]


def classified(
    count: int, seed: int = 0
) -> tuple[list[ClassifiedImage], NDArray[np.int64], Floats]:
    random = np.random.default_rng(seed)
    labels = random.choice(len(CLASSES), count, p=(0.5, 0.25, 0.2, 0.05))
    logits = random.normal(size=(count, len(CLASSES)))
    logits[np.arange(count), labels] += 1.2
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    images = [
        ClassifiedImage(n, CLASSES[label], dict(zip(CLASSES, row.tolist(), strict=True)))
        for n, (label, row) in enumerate(zip(labels, chances, strict=True))
    ]
    return images, labels, chances


def test_figures_of_classification_are_those_of_scikit_learn() -> None:
    images, labels, chances = classified(200)
    sheet = image_sheet(images, CLASSES, with_whole(draw(200, draws=5)))
    said = chances.argmax(axis=1)
    known = {
        "accuracy": reference.accuracy_score(labels, said),
        "balanced accuracy": reference.balanced_accuracy_score(labels, said),
        "macro F1": reference.f1_score(labels, said, average="macro"),
        "weighted F1": reference.f1_score(labels, said, average="weighted"),
        "AUROC": reference.roc_auc_score(labels, chances, multi_class="ovr"),
        "Cohen's kappa": reference.cohen_kappa_score(labels, said),
        "top-2 accuracy": reference.top_k_accuracy_score(labels, chances, k=2),
        "top-3 accuracy": reference.top_k_accuracy_score(labels, chances, k=3),
    }
    for name, value in known.items():
        assert sheet.figures[name].value == pytest.approx(value, abs=1e-12), name
    assert "top-5 accuracy" not in sheet.figures
    for place, class_id in enumerate(CLASSES):
        own = sheet.classes[class_id]
        assert own["AUROC"].value == pytest.approx(
            reference.roc_auc_score(labels == place, chances[:, place])
        )
        assert own["precision"].value == pytest.approx(
            reference.precision_score(labels == place, said == place)
        )


def test_scores_that_are_equal_count_by_half_in_auroc() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 60)
    scores = np.round(random.random(60), 1)
    images = [
        ClassifiedImage(n, CLASSES[label], {CLASSES[0]: 1 - score, CLASSES[1]: score})
        for n, (label, score) in enumerate(zip(labels, scores.tolist(), strict=True))
    ]
    sheet = image_sheet(images, CLASSES[:2], with_whole(draw(60, draws=3)))
    assert sheet.figures["AUROC"].value == pytest.approx(reference.roc_auc_score(labels, scores))


def test_each_draw_has_the_figures_of_its_images() -> None:
    """The range is made of what scikit-learn says of the images drawn, one draw at a time."""
    images, labels, chances = classified(40, seed=5)
    drawn = draw(40, draws=60)
    sheet = image_sheet(images, CLASSES, with_whole(drawn))
    said = chances.argmax(axis=1)
    rows = []
    for counts in drawn:
        chosen = np.repeat(np.arange(40), counts.astype(int))
        rows.append(reference.cohen_kappa_score(labels[chosen], said[chosen]))
    low, high = np.percentile(rows, (2.5, 97.5))
    assert sheet.figures["Cohen's kappa"].interval == pytest.approx((low, high))


def test_a_range_holds_the_true_figure_about_19_of_20_times() -> None:
    """The truth is an accuracy of 0.8; each of 200 splits of 120 images has its own range."""
    random = np.random.default_rng(11)
    drawn = with_whole(draw(120, draws=200))
    held = 0
    for _split in range(200):
        right = random.random(120) < 0.8
        rows = (drawn @ right.astype(np.float32)) / drawn.sum(axis=1)
        found = Measured.of(np.asarray(rows, np.float64)).interval
        assert found is not None
        held += found[0] <= 0.8 <= found[1]
    assert 0.89 <= held / 200 <= 0.99


def test_of_one_image_no_range_is_told() -> None:
    images, _labels, _chances = classified(1)
    sheet = image_sheet(images, CLASSES, with_whole(draw(1, draws=0)))
    assert sheet.figures["accuracy"].interval is None
    nothing = image_sheet([], CLASSES, with_whole(draw(0)))
    assert np.isnan(nothing.figures["accuracy"].value)


def test_several_classes_are_counted_as_scikit_learn_counts_them() -> None:
    random = np.random.default_rng(2)
    labels = random.random((80, 3)) < (0.5, 0.3, 0.1)
    scores = np.clip(labels * 0.4 + random.random((80, 3)) * 0.6, 0, 1)
    matches = SeveralMatches.of(
        (
            TaggedImage(
                n, frozenset(np.array(CLASSES[:3])[row].tolist()),
                dict(zip(CLASSES[:3], own.tolist(), strict=True)),
            )
            for n, (row, own) in enumerate(zip(labels, scores, strict=True))
        ),
        class_ids=CLASSES[:3],
    )  # fmt: skip
    sheet = several_sheet(matches, with_whole(draw(80, draws=4)), score=0.5)
    said = scores >= 0.5
    for name, value in {
        "mAP": reference.average_precision_score(labels, scores, average="macro"),
        "macro F1": reference.f1_score(labels, said, average="macro"),
        "micro F1": reference.f1_score(labels, said, average="micro"),
        "weighted F1": reference.f1_score(labels, said, average="weighted"),
        "exact match": reference.accuracy_score(labels, said),
        "AUROC": reference.roc_auc_score(labels, scores, average="macro"),
    }.items():
        assert sheet.figures[name].value == pytest.approx(value), name


def test_pixels_are_pooled_over_the_images_of_a_draw() -> None:
    truth = np.zeros((3, 20, 30), np.uint16)
    truth[0, :10] = 1
    truth[1, :, :5] = 2
    answer = np.roll(truth, 2, axis=2)
    matches = match_pixels(
        ((n, truth[n], answer[n]) for n in range(3)), class_ids=CLASSES[:2], boundaries=True
    )
    sheet = pixel_sheet(matches, with_whole(draw(3, draws=10)))
    jaccard = reference.jaccard_score(truth.ravel(), answer.ravel(), average=None)
    for place, class_id in enumerate((0, *CLASSES[:2])):
        assert sheet.classes[class_id]["IoU"].value == pytest.approx(jaccard[place])
    assert sheet.figures["mIoU"].value == pytest.approx(jaccard.mean())
    assert sheet.figures["Dice"].value == pytest.approx(
        reference.f1_score(truth.ravel(), answer.ravel(), average="macro")
    )
    assert sheet.figures["boundary F1"].value == pytest.approx(
        (sheet.classes[4]["boundary F1"].value + sheet.classes[7]["boundary F1"].value) / 2
    )
    assert np.isnan(sheet.classes[0]["boundary F1"].value)


def test_an_edge_counts_when_it_lies_near_the_labelled_one() -> None:
    """A square of 40 px in 400 x 300: the tolerance is 0.0075 x 500 = 3.75 px."""
    truth = np.zeros((300, 400), np.uint16)
    truth[100:140, 100:140] = 1

    def moved(by: int) -> float:
        counts = boundary_counts(truth, np.roll(truth, by, axis=1), classes=1, ignored=IGNORED)
        assert counts[1, 0] == counts[1, 2] == 4 * 39
        return float(boundary_f1(counts)[1])

    assert moved(0) == 1
    assert moved(3) == 1
    # Moved by 10: the vertical edges are lost, but for what lies near a horizontal one; of the
    # horizontal ones 30 + 3 px of 40 stay near.
    assert 0.3 < moved(10) < 0.5
    assert moved(80) == 0
    nothing = boundary_counts(truth, np.zeros_like(truth), classes=1, ignored=IGNORED)
    assert boundary_f1(nothing)[1] == 0
    extra = boundary_counts(np.zeros_like(truth), truth, classes=1, ignored=IGNORED)
    assert np.isnan(boundary_f1(extra)[1])


def test_no_edge_is_judged_where_the_label_is_left_open() -> None:
    truth = np.zeros((60, 60), np.uint16)
    truth[:, 30:] = IGNORED
    answer = np.zeros_like(truth)
    answer[10:20, 40:50] = 1
    assert boundary_counts(truth, answer, classes=1, ignored=IGNORED).sum() == 0


def test_calibration_error_by_hand() -> None:
    """Ten answers of 0.95 of which six are right, ten of 0.55 of which five are."""
    sureness = np.array([0.95] * 10 + [0.55] * 10)
    right = np.array([True] * 6 + [False] * 4 + [True] * 5 + [False] * 5)
    found = reliability(sureness, right, np.arange(20), with_whole(draw(20)))
    assert found.error.value == pytest.approx((0.35 + 0.05) / 2)
    assert found.tendency == pytest.approx(0.2)
    top = found.bins[9]
    assert (top.count, top.sureness, top.right.value) == (10, pytest.approx(0.95), 0.6)
    assert top.right.low < 0.6 < top.right.high
    assert [b.count for b in found.bins] == [0, 0, 0, 0, 0, 10, 0, 0, 0, 10]


def test_the_temperature_of_a_network_that_is_too_sure_is_found_again() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(scale=2.0, size=(4000, 5))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([random.choice(5, p=row) for row in honest])
    too_sure = at_temperature(honest, 1 / 2.5)
    assert fit_temperature(too_sure, labels) == pytest.approx(2.5, rel=0.05)
    assert at_temperature(too_sure, 2.5) == pytest.approx(honest, abs=1e-2)
    images, whole = np.arange(4000), with_whole(draw(4000, draws=2))

    def error(chances: Floats) -> float:
        right = chances.argmax(axis=1) == labels
        return reliability(chances.max(axis=1), right, images, whole).error.value

    assert error(at_temperature(too_sure, fit_temperature(too_sure, labels))) < 0.03
    assert error(too_sure) > 0.1


def test_a_temperature_changes_no_answer() -> None:
    scores = {4: 0.7, 7: 0.2, 9: 0.1, 12: 0.0}
    for temperature in (0.3, 1.0, 4.0):
        told = scores_at_temperature(scores, temperature)
        assert sorted(told, key=lambda c: -told[c]) == [4, 7, 9, 12]
        assert sum(told.values()) == pytest.approx(1)
    assert scores_at_temperature(scores, 1.0) == pytest.approx(scores, abs=1e-6)
    assert scores_at_temperature({}, 2.0) == {}


def test_figures_that_are_perfect_on_few_images_keep_a_range() -> None:
    images = [
        ClassifiedImage(n, CLASSES[n % 4], {CLASSES[n % 4]: 0.9, CLASSES[(n + 1) % 4]: 0.1})
        for n in range(72)
    ]
    sheet = image_sheet(images, CLASSES, with_whole(draw(72)))
    recall = sheet.classes[4]["recall"]
    assert recall.value == 1
    assert recall.interval == pytest.approx((0.8241, 1.0), abs=1e-3)  # Wilson's of 18 of 18
    assert sheet.figures["accuracy"].interval == pytest.approx((0.9493, 1.0), abs=1e-3)
    assert sheet.reliability is not None
    assert sheet.reliability.bins[-1].right.low == pytest.approx(0.9493, abs=1e-3)
    wrong = [ClassifiedImage(n, 4, {7: 1.0}) for n in range(18)]
    none = image_sheet(wrong, CLASSES, with_whole(draw(18))).figures["accuracy"]
    assert none.interval == pytest.approx((0.0, 0.1759), abs=1e-3)


@pytest.mark.parametrize(("slope", "shift"), [(0.4, 0.8), (1.0, 0.0), (2.5, -1.2)])
def test_the_scaling_of_scores_that_are_not_what_they_say_is_found_again(
    slope: float, shift: float
) -> None:
    random = np.random.default_rng(2)
    scores = random.uniform(0.05, 0.98, 20_000)
    meant = Platt(slope, shift)
    right = random.random(20_000) < [meant.of(score) for score in scores]
    found = fit_platt(scores, right)
    assert found is not None
    assert (found.slope, found.shift) == pytest.approx((slope, shift), abs=0.08)


def test_scores_that_part_right_from_wrong_altogether_are_scaled_by_finite_numbers() -> None:
    found = fit_platt(np.array([0.1, 0.2, 0.3, 0.7, 0.8]), np.array([0, 0, 0, 1, 1], bool))
    assert found is not None
    assert 0.5 < found.slope < 20
    assert found.of(0.3) < 0.4 < 0.6 < found.of(0.7)


def test_the_range_of_a_small_error_holds_the_error() -> None:
    random = np.random.default_rng(4)
    sureness = random.uniform(0, 1, 3000)
    right = random.random(3000) < sureness
    error = reliability(sureness, right, np.arange(3000) // 10, with_whole(draw(300))).error
    assert error.value < 0.03
    assert error.low <= error.value <= error.high, "drawn splits have a larger error on average"


def test_scores_that_say_nothing_or_the_contrary_are_not_scaled() -> None:
    scores = np.linspace(0.1, 0.9, 200)
    assert fit_platt(scores, scores < 0.5) is None
    assert fit_platt(scores, np.ones(200, bool)) is None, "nothing is wrong"
    assert fit_platt(scores[:0], np.zeros(0, bool)) is None


def test_a_scaling_keeps_the_order_and_leads_back_to_every_score_of_a_file() -> None:
    for platt in (Platt(0.3, -2.0), Platt(1.7, 0.6)):
        scores = [0.001, 0.002, 0.25, 0.5, 0.500001, 0.999, 0.999999]
        read = [platt.of(score) for score in scores]
        assert read == sorted(set(read))
        assert [platt.back(score) for score in read] == scores
    with pytest.raises(ValueError, match=r"0\.0"):
        Platt(0.0, 1.0)


def test_pixels_that_are_kept_follow_from_the_size_and_survive_their_file() -> None:
    rows, columns = places_of(64, 48, 3)
    assert rows.max() < 48 <= 64
    assert 48 <= columns.max() < 64
    logits = np.random.default_rng(3).normal(scale=4, size=(len(rows), 3)).astype(np.float32)
    kept = PixelSample.of(64, 48, logits)
    mask = Mask.from_patch(np.ones((4, 4), np.uint8))
    assert mask is not None
    again = from_json(to_json(Prediction(1, regions={1: mask}, pixels=kept))).pixels
    assert again is not None
    assert all((a == b).all() for a, b in zip(again.places, (rows, columns), strict=True))
    assert again.chances == pytest.approx(kept.chances, abs=4e-3)
    assert again.at(2.0).chances == pytest.approx(at_temperature(again.chances, 2.0), abs=1e-3)
    assert len(places_of(640, 480, 151)[0]) == 64, "where there are many classes, fewer pixels"


def test_the_sureness_of_pixels_is_held_against_their_labels_and_crowds_are_left_out() -> None:
    truth = np.zeros((48, 64), np.uint16)
    truth[:, 32:] = 1
    truth[:8] = IGNORED
    rows, columns = places_of(64, 48, 2)
    # Sure of class 1 right of column 24, by 4 of 5; it is so from column 32 on.
    logits = np.zeros((len(rows), 2), np.float32)
    logits[:, 1] = np.where(columns >= 24, np.log(4.0), -np.log(4.0))
    found = pixel_answers([(truth, PixelSample.of(64, 48, logits))])
    assert found is not None
    assert len(found.labelled) == (rows >= 8).sum()
    assert found.sureness == pytest.approx(0.8, abs=1e-6)
    judged = rows >= 8
    between = (columns[judged] >= 24) & (columns[judged] < 32)
    assert (found.right == ~between).all()
    whole = match_pixels([(1, truth, truth)], class_ids=[1])
    sheet = pixel_sheet(whole, with_whole(draw(1, draws=2)), found)
    assert sheet.reliability is not None
    share_right = 1 - between.mean()
    assert sheet.reliability.error.value == pytest.approx(abs(0.8 - share_right), abs=1e-6)
    assert pixel_answers([(truth, None)]) is None, "an evaluation of before keeps no pixels"
