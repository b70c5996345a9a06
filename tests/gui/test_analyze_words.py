"""What the Analyze page says of a case: counts, and no more trust than they bear."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.annotation import LabelClass
from cvstudio.gui.analyze import words
from cvstudio.project.verdict import LIKELY, WRONG, Case, Verdict

CELL, FIBRE = 1, 2
CLASSES = {CELL: LabelClass(CELL, "cell", "#F73C62"), FIBRE: LabelClass(FIBRE, "2", "#688BF6")}


@pytest.mark.parametrize(
    ("right", "wrong", "likely", "said"),
    [
        (8, 2, True, "When it says “2”, it is right 8 of 10 times, and it is as sure here as it"
                     " usually is when it is right: perhaps a label error."),
        (80, 20, True, "When it says “2”, it is right 80 of 100 times, and it is as sure here as"
                       " it usually is when it is right: probably a label error."),
        (80, 20, False, "When it says “2”, it is right 80 of 100 times, but it is less sure here"
                        " than usual."),
        (1, 9, False, "When it says “2”, it is right 1 of 10 times, so its word says little about"
                      " the label."),
    ],
)  # fmt: skip
def test_a_label_is_doubted_as_far_as_the_counts_bear_it(
    right: int, wrong: int, likely: bool, said: str
) -> None:
    case = Case(WRONG, 7, 70, None, CELL, FIBRE, 0.9, None, "0.90")
    verdict = Verdict(
        cards=(),
        class_ids=(CELL, FIBRE),
        confusion=np.array([[5, wrong], [0, right]]),
        unit="images",
        columns=("Labelled", "Precision", "Recall", "F1"),
        rows=(),
        kinds=(),
        cases=lambda kind: [case] if likely and kind == LIKELY else [],
        cell=lambda labelled, predicted: [],
    )
    seen, follows = words.explain(case, verdict, CLASSES, nothing="nothing")
    assert seen == "Labelled “cell”, but the network sees “2”."
    assert follows == said
