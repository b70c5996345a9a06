"""What was checked before a run is kept with it, and never stands in its way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from experiment_hands import make_project, recipe

from cvstudio.core.jobdir import JobDir
from cvstudio.project import preflight, preflight_facts, run_checks, runs
from cvstudio.project.check import Check, Level
from cvstudio.project.experiments import lasting, varying
from cvstudio.project.experiments.plans import FoldsPlan, SweepPlan
from cvstudio.project.project import Project

LINES = (
    Check(Level.ADVICE, "“é”: not in val, no figure", detail="Nobody can say."),
    Check(Level.OK, "Every image can be read"),
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path / "cells") as made:
        yield made


def test_a_run_keeps_its_checks_and_which_of_them_were_overruled(project: Project) -> None:
    run = runs.create_run(project, recipe(), checks=LINES)
    kept = run_checks.kept(runs.job_of(run))
    assert kept is not None
    assert kept.checks == LINES
    assert kept.overruled == ("“é”: not in val, no figure",)
    told = json.loads(runs.job_of(run).checks.read_text(encoding="utf-8"))
    assert [line["overruled"] for line in told["checks"]] == [True, False]
    assert told["at"] == kept.at > 0


def test_a_run_without_checks_has_none(project: Project) -> None:
    job = runs.job_of(runs.create_run(project, recipe()))
    assert not job.checks.exists()
    assert run_checks.kept(job) is None


def test_a_disk_that_refuses_the_checks_does_not_keep_the_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_checks, "replace_file", refuse)
    job = runs.job_of(runs.create_run(project, recipe(), checks=LINES))
    assert job.config.is_file()
    assert run_checks.kept(job) is None


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"at": 1}', '{"at": 1, "checks": [{"level": "new kind", "text": "x"}]}',
     '{"at": null, "checks": []}', '{"at": 1, "checks": 5}'],
)  # fmt: skip
def test_checks_that_are_damaged_or_of_a_newer_kind_are_none(content: str, tmp_path: Path) -> None:
    job = JobDir(tmp_path)
    job.checks.write_text(content, encoding="utf-8")
    assert run_checks.kept(job) is None


def test_a_line_with_more_than_is_known_is_read(tmp_path: Path) -> None:
    job = JobDir(tmp_path)
    line = {"level": "advice", "text": "Slow", "by": "somebody", "overruled": True}
    job.checks.write_text(json.dumps({"at": 1, "more": 2, "checks": [line]}), encoding="utf-8")
    kept = run_checks.kept(job)
    assert kept is not None
    assert kept.overruled == ("Slow",)


# Several runs


def texts(project: Project, plan: FoldsPlan | SweepPlan) -> list[str]:
    facts = preflight_facts.gather(project, plan.config)
    return [check.text for check in lasting.advice(plan, facts, None)]


def test_advice_for_several_runs_is_said_once_where_it_is_the_same(project: Project) -> None:
    config = recipe(start="scratch")
    alone = preflight.checks(preflight_facts.gather(project, config), config, None)
    scratch = next(c.text for c in alone if c.text.startswith("From scratch with"))
    trials = varying.grid(config, {"seed": [0, 1, 2]})
    told = texts(project, SweepPlan(config=config, trials=tuple(trials)))
    assert told.count(scratch) == 1
    assert len(told) == len(set(told))
    assert not [text for text in told if "some of the runs" in text]
    assert texts(project, FoldsPlan(config=config, k=3))


def test_advice_on_some_of_several_runs_says_so_and_comes_last(project: Project) -> None:
    config = recipe(start="scratch")
    trials = varying.grid(config, {"optimizer": ["adamw", "sgd"]})
    told = texts(project, SweepPlan(config=config, trials=tuple(trials)))
    some = [text for text in told if text.endswith("(some of the runs)")]
    assert some == ["SGD wants about ten times the learning rate of AdamW (some of the runs)"]
    assert told[-1] == some[0]


def test_the_first_and_the_last_of_very_many_runs_are_looked_at(project: Project) -> None:
    config = recipe(start="scratch", batch=16)
    rates = [0.0001 + 0.00001 * step for step in range(60)]
    trials = [{"learning_rate": rate} for rate in rates] + [{"optimizer": "sgd"}]
    told = texts(project, SweepPlan(config=config, trials=tuple(trials)))
    assert any(text.startswith("SGD wants about ten times") for text in told)
