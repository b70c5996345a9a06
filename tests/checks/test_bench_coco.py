"""The generated split of `cvstudio bench coco`: every way to its statistics agrees."""

from __future__ import annotations

import pytest

from cvstudio.checks.bench_coco import (
    _OWN,
    _as_dicts,
    _drawn,
    _faster,
    _pycocotools,
    _split,
)
from cvstudio.ml.coco import statistics_of

IDS = list(range(1, 81))


def test_statistics_of_labels_and_predictions_are_those_of_pycocotools() -> None:
    images, predictions = _split(12)
    gt, dt = _as_dicts(images, predictions, IDS)
    assert len(dt) == 12 * 40
    reference = _pycocotools(gt, dt)
    found = statistics_of(images, predictions, IDS, "bbox", max_detections=100)
    assert found.values == pytest.approx(reference, abs=1e-6)
    assert _faster(gt, dt) == pytest.approx(reference, abs=1e-6)
    drawn = _drawn(images, predictions, IDS, 2)
    assert [drawn[name] for name in _OWN] == pytest.approx(reference[:6], abs=1e-6)
    assert 0.1 < reference[0] < 0.9  # the split is neither hopeless nor trivial
