"""Errors and Suspects speak of the same wrong labels: one rule, whatever score is in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from planted import (
    classes_project,
    honest_run,
    judged_again,
    labels,
    objects_project,
    other_class,
    some,
)

from cvstudio.core.annotation import Annotation, Split
from cvstudio.core.predictions import read_predictions, write_predictions
from cvstudio.project import analysis, commands, likely, runs, suspect_decisions, suspecting
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_errors import images_with_errors
from cvstudio.project.suspect_decisions import Decision
from cvstudio.project.suspects import LIKELY as FROM
from cvstudio.project.suspects import Suspect
from cvstudio.project.verdict import LIKELY, Analysis, Verdict

QUERY = ["likely label error"]


@pytest.fixture(params=[objects_project, classes_project])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    with request.param(tmp_path / "project") as made:
        yield made


@pytest.fixture
def planted(project: Project) -> list[Annotation]:
    """A run was judged on labels of which some have another class than they should."""
    run = honest_run(project)
    wrong = some(labels(project))
    with project.transaction("Plant") as s:
        for a in wrong:
            commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
    judged_again(project, run)
    return wrong


def run_of(project: Project) -> RunRecord:
    return runs.all_runs(project)[0]


def loaded(project: Project, split: Split = Split.VAL) -> Analysis:
    return analysis.load(runs.job_of(run_of(project)), split)


def at(analysed: Analysis, score: float) -> Verdict:
    return likely.judged(analysed, score=score, iou=0.5)


def listed(project: Project) -> list[Suspect]:
    found = suspecting.find(project, suspecting.of_run(project, run_of(project).id))
    return [row for row in found.rows if row.doubt >= FROM]


def test_errors_list_the_suspects_of_their_split_in_the_same_order(
    project: Project, planted: list[Annotation]
) -> None:
    cases = at(loaded(project), 0.5).cases(LIKELY)
    told = [(c.image_id, c.annotation_id, c.labelled, c.predicted) for c in cases]
    rows = listed(project)
    assert told == [(r.image_id, r.annotation_id, r.labelled, r.proposed) for r in rows]
    held = {c.annotation_id for c in cases}
    assert sum(a.id in held for a in planted) >= 0.6 * len(planted)


def test_a_score_moves_errors_and_no_suspects(
    project: Project, planted: list[Annotation]
) -> None:  # fmt: skip
    analysed = loaded(project)
    low, high = at(analysed, 0.05), at(analysed, 0.95)
    assert low.cases(LIKELY) == high.cases(LIKELY)
    for verdict in (low, high):
        count = len(verdict.cases(LIKELY))
        assert {k.kind: k.count for k in verdict.kinds}[LIKELY] == count
        assert next(c.value for c in verdict.cards if c.title == likely.TITLE) == count
        first = verdict.cases(LIKELY)[0]
        assert verdict.likely_at(first.image_id, first.annotation_id, first.prediction) == 1
    assert low.cases(LIKELY, 2) == low.cases(LIKELY)[:2]


def test_the_query_finds_the_images_of_the_list_and_leaves_out_what_was_decided(
    project: Project, planted: list[Annotation]
) -> None:
    rows = listed(project)
    with project.read() as s:
        assert images_with_errors(s, [], QUERY) == {row.image_id for row in rows}
    first = [row for row in rows if row.image_id == rows[0].image_id]
    suspect_decisions.decide(project, first, Decision.KEPT)
    with project.read() as s:
        assert rows[0].image_id not in images_with_errors(s, [], QUERY)


def test_a_network_claims_nothing_of_images_that_it_learned_from(
    project: Project, planted: list[Annotation]
) -> None:
    job = runs.job_of(run_of(project))
    answers = list(read_predictions(job.predictions("val")))
    analysed = loaded(project)
    train = analysed.snapshot.of(Split.TRAIN)
    taught = [replace(a, image_id=i.id) for a, i in zip(answers, train, strict=False)]
    write_predictions(job.predictions("train"), taught)
    verdict = at(loaded(project, Split.TRAIN), 0.5)
    assert verdict.cases(LIKELY) == []
    assert "learned from these images" in verdict.withheld


def test_copies_of_what_was_learned_are_not_judged(
    project: Project, planted: list[Annotation]
) -> None:  # fmt: skip
    analysed = loaded(project)
    copied = at(analysed, 0.5).cases(LIKELY)[0].image_id
    learned = next(iter(analysed.snapshot.of(Split.TRAIN))).sha256
    images = {
        k: replace(i, sha256=learned) if k == copied else i for k, i in analysed.images.items()
    }
    again = at(replace(analysed, images=images), 0.5).cases(LIKELY)
    assert copied not in {case.image_id for case in again}
    assert again
