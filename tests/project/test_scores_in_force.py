"""Errors, queries, the command line and suggestions count a run's answers from the same scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from judged_run import judged_run

from cvstudio.cli.judging import judged_at
from cvstudio.core.annotation import Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, read_json, write_json
from cvstudio.core.predictions import Found, Prediction, read_predictions, write_predictions
from cvstudio.core.thresholds import Aim, keep_scores
from cvstudio.project import analysis, runs, suggesting
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_errors import images_with_errors
from cvstudio.project.sample import create_sample

SURPLUS = Box(1, 1, 4, 4)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with create_sample(tmp_path / "cells", Task.DETECT, images=12) as made:
        yield made


@pytest.fixture
def run(project: Project) -> RunRecord:
    """On test each image has one more answer, of a score between the run's 0.4 and the rest."""
    made = judged_run(project, splits=(Split.VAL, Split.TEST))
    path = runs.job_of(made).predictions(Split.TEST)
    answers = [
        Prediction(p.image_id, objects=(*p.objects, Found(1, 0.6, SURPLUS)))
        for p in read_predictions(path)
    ]
    write_predictions(path, answers)
    return made


def extra(project: Project, run: RunRecord) -> int:
    with project.read() as s:
        found = images_with_errors(s, [run.id], ["false alarm"])
    return len(found)


def test_errors_queries_and_commands_count_test_from_the_score_of_val(
    project: Project, run: RunRecord
) -> None:
    loaded = analysis.load(runs.job_of(run), Split.TEST)
    assert loaded.best_score(0.5) > 0.6, "on test itself another score would be the best"
    score, own, verdict = judged_at(loaded, None)
    assert (score, own) == (0.4, False)
    counted = {each.kind: each.count for each in verdict.kinds}
    assert counted["false alarm"] == len(loaded.images)
    assert extra(project, run) == len(loaded.images)
    assert suggesting.usual_score(run, Task.DETECT) == 0.4


def test_scores_that_a_person_chose_hold_for_queries_commands_and_suggestions(
    project: Project, run: RunRecord
) -> None:
    keep_scores(run_path(run), {1: 0.7}, aim=Aim.PRECISION, wanted=0.9)
    loaded = analysis.load(runs.job_of(run), Split.TEST)
    _score, own, verdict = judged_at(loaded, None)
    assert own
    assert {each.kind: each.count for each in verdict.kinds}["false alarm"] == 0
    assert extra(project, run) == 0
    assert suggesting.own_scores(run) == {1: 0.7}


def test_a_run_without_scores_counts_from_the_usual_one_everywhere(
    project: Project, run: RunRecord
) -> None:
    report = read_json(JobDir(run_path(run)).report)
    write_json(JobDir(run_path(run)).report, {k: {"metrics": {}} for k in report})
    loaded = analysis.load(runs.job_of(run), Split.TEST)
    assert judged_at(loaded, None)[0] == suggesting.usual_score(run, Task.DETECT) == 0.25


def run_path(run: RunRecord) -> Path:
    return runs.job_of(run).path
