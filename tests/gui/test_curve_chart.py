"""The chart of precision against recall beside the errors."""

from __future__ import annotations

import numpy as np
import pytest
from person import Person

from cvstudio.core.annotation import LabelClass
from cvstudio.core.metrics import Curve
from cvstudio.gui.analyze.curves import CurveChart, Curves

CLASSES = {1: LabelClass(1, "cat", "#FF0000")}
CURVES = {1: Curve.of(1, 2, np.array([0.9, 0.6, 0.3]), np.array([True, False, True]))}


@pytest.mark.parametrize(("score", "said"), [(0.5, "dots: at score 0.50"), (None, "")])
def test_curves_are_drawn_where_no_score_can_be_chosen_too(
    studio_window: Person, score: float | None, said: str
) -> None:
    chart = CurveChart()
    chart.show_curves(Curves(lambda: CURVES, CLASSES, score), fresh=True)
    assert chart._chart is not None
    assert chart._chart.figures.text() == said
    chart.deleteLater()
