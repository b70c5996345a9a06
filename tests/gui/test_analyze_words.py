"""What the Analyze page says of a case: counts, and no more trust than they bear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cvstudio.core.annotation import LabelClass, Review, Split, Task
from cvstudio.core.forms import Answers, Form
from cvstudio.core.geometry import Box
from cvstudio.core.metrics import ErrorKind
from cvstudio.core.snapshot import Snapshot, SnapshotImage
from cvstudio.gui.analyze import words
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.verdict import CHOSEN, WRONG, Case, Verdict

CELL, FIBRE = 1, 2
CLASSES = {CELL: LabelClass(CELL, "cell", "#F73C62"), FIBRE: LabelClass(FIBRE, "2", "#688BF6")}


@pytest.mark.parametrize(
    ("right", "wrong", "likely", "said"),
    [
        (8, 2, True, "When it says “2”, it is right 8 of 10 times, and by"
                     " its usual answers this is likelier than not: perhaps a label error."),
        (80, 20, True, "When it says “2”, it is right 80 of 100 times, and by"
                       " its usual answers this is likelier than not: probably a label error."),
        (80, 20, False, "When it says “2”, it is right 80 of 100 times, which"
                        " alone is no proof of a label error."),
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
        cases=lambda kind: [],
        cell=lambda labelled, predicted: [],
        likely=lambda *about: int(likely and about == (7, 70, None)),
    )
    seen, follows = words.explain(case, verdict, CLASSES, nothing="nothing")
    assert seen == "Labelled “cell”, but the network sees “2”."
    assert follows == said


@pytest.mark.parametrize(
    ("kind", "labelled", "predicted", "said"),
    [
        (ErrorKind.FALSE_ALARM, 0, CELL, "cell, nothing there"),
        (ErrorKind.MISSED, CELL, 0, "cell missed"),
        (ErrorKind.WRONG_CLASS, CELL, FIBRE, "cell, said 2"),
        (ErrorKind.BOTH, CELL, FIBRE, "cell, said 2"),
        (ErrorKind.DUPLICATE, 0, CELL, "cell twice"),
        (ErrorKind.LOOSE_BOX, CELL, CELL, "cell loose"),
        (WRONG, 0, FIBRE, "background, said 2"),
        (CHOSEN, 0, 0, ""),
    ],
)
def test_a_tile_says_in_short_what_was_said_and_what_is_there(
    kind: str, labelled: int, predicted: int, said: str
) -> None:
    case = Case(kind, 7, 70, 0, labelled, predicted, 0.9, None, "0.90")
    assert words.in_short(case, CLASSES, nothing="background") == said


@pytest.mark.parametrize(
    ("answers", "title", "seen"),
    [
        (Answers.BOXES, "Loose box", "The network's box around “cell” is off here."),
        (Answers.OUTLINES, "Loose outline", "The network's outline of “cell” is off here."),
        (Answers.ROTATED, "Loose box", "The network's rotated box around “cell” is off here: its"
                                       " place, its sides or its angle."),
        (Answers.KEYPOINTS, "Points off", "The network's points of “cell” are off here."),
    ],
)  # fmt: skip
def test_what_is_off_is_called_what_the_network_answers_with(
    answers: Answers, title: str, seen: str
) -> None:
    image = SnapshotImage(1, Path("one.png"), 0, 100, 100, Split.VAL, Review.REVIEWED, "", ())
    snapshot = Snapshot(Task.DETECT, (CLASSES[CELL],), (image,))
    report = {"form": Form(answers).to_json(), "metrics": {}}
    analysed = ObjectAnalysis(snapshot, Split.VAL, {1: image}, {}, report)
    verdict = analysed.judge(score=0.5, iou=0.5)
    case = Case(ErrorKind.LOOSE_BOX, 1, 70, 0, CELL, CELL, 0.9, Box(3, 4, 10, 10), "0.90")
    assert title in [kind.title for kind in verdict.kinds]
    assert words.place(case, verdict) == f"{title.lower()} at x 3, y 4"
    said, follows = words.explain(case, verdict, CLASSES, nothing="nothing")
    assert said == seen
    assert ("outline" in follows) is (answers is Answers.OUTLINES)
