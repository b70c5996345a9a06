"""Folds, sweeps and searches from the terminal: what is said, what is refused, what is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import experiment_hands
import pytest

from cvstudio.__main__ import main
from cvstudio.cli import experimenting
from cvstudio.core.recipe import Start
from cvstudio.project import runs
from cvstudio.project.project import Project

RECIPE = ("--network", "yolo26n", "--epochs", "2", "--set", "start=scratch")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Groups of images; runs are done by the job of experiment_hands."""
    folder = tmp_path / "cells"
    experiment_hands.make_project(folder).close()
    known = dict(runs.advance.__kwdefaults__) | {"command": experiment_hands.command}
    monkeypatch.setattr(runs.advance, "__kwdefaults__", known)
    monkeypatch.setattr(experimenting, "LOOK_SECONDS", 0.05)
    yield folder
    with Project.open(folder, write=False) as opened:
        experiment_hands.end_all(opened)


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_folds_are_trained_and_their_spread_is_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["folds", str(project), "--k", "3", *RECIPE]) == 0
    told = capsys.readouterr()
    assert "3 runs one after the other" in told.err
    assert "fold 2: finished" in told.err
    assert "“rare” is on 6 images only" in told.err
    assert "mean ± sd" in told.out
    assert "predictions.jsonl.gz" in told.out
    assert main(["experiments", str(project), "1", "--json"]) == 0
    content = answer(capsys)
    assert content["summary"]["metrics"]["mAP50-95"]["sd"] is not None
    assert (content["done"], content["wanted"]) == (3, 3)


def test_folds_that_begin_from_a_run_are_said_to_know_what_they_are_judged_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", str(project), "--vary", "seed=1", *RECIPE]) == 0
    with Project.open(project, write=False) as opened:
        best = runs.job_of(runs.get(opened, 1)).best
    best.parent.mkdir(parents=True, exist_ok=True)
    best.write_bytes(b"weights")
    capsys.readouterr()
    begun = ("--k", "2", "--epochs", "1")
    assert main(["folds", str(project), *begun, "--from-run", "1", "--detach"]) == 0
    assert "their figures come out too good" in capsys.readouterr().err
    with Project.open(project, write=False) as opened:
        config = runs.config_of(runs.get(opened, 2))
    assert (config.network, config.start, config.weights_file) == ("yolo26n", Start.RUN, best)
    assert main(["folds", str(project), *begun, *RECIPE[:2], "--start", "scratch", "--detach"]) == 0
    assert "too good" not in capsys.readouterr().err


def test_each_value_of_a_sweep_is_a_run_and_the_best_is_known(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vary = ("--vary", "learning_rate=0.1,0.01", "--vary", "optimizer=adamw,sgd")
    assert main(["sweep", str(project), *vary, *RECIPE, "--name", "Rates", "--json"]) == 0
    content = answer(capsys)
    assert content["name"] == "Rates"
    assert len(content["trials"]) == 4
    best = content["trials"][content["best_trial"] - 1]
    assert best["values"]["learning_rate"] == 0.01
    assert main(["experiments", str(project)]) == 0
    assert "Rates" in capsys.readouterr().out


def test_a_search_says_what_it_searches_and_goes_on_when_more_is_asked(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--vary", "learning_rate=1e-4..0.1", "--trials", "2", "--no-prune")
    assert main(["search", str(project), *asked, *RECIPE]) == 0
    told = capsys.readouterr()
    assert "Learning rate: 0.0001 to 0.1, by powers of ten" in told.err
    assert "trial 2 (learning_rate" in told.err
    assert main(["experiments", str(project), "1", "--more", "1", "--json"]) == 0
    assert len(answer(capsys)["trials"]) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep", "--vary", "learning_rate=7"], "Learning rate must be 1 or less, not 7."),
        (["sweep", "--vary", "magic=1"], 'There is no setting "magic".'),
        (["sweep", "--vary", "mixup=0.1"], '"MixUp" (mixup) has no effect on these runs.'),
        (["search", "--vary", "learning_rate=0.1..0.01"], "must be below the highest"),
        (["search", "--vary", "learning_rate"], "is not KEY=VALUES."),
    ],
)
def test_what_cannot_be_varied_is_wrong_usage_in_one_line(
    project: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([arguments[0], str(project), *arguments[1:], *RECIPE]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert words in told[-1]
    with Project.open(project, write=False) as opened:
        assert runs.all_runs(opened) == []


def test_more_folds_than_groups_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["folds", str(project), "--k", "20", *RECIPE]) == 1
    assert "8 groups of images in train and val" in capsys.readouterr().err


def test_a_stopped_experiment_starts_nothing_more(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["folds", str(project), "--k", "2", *RECIPE, "--detach"]) == 0
    assert main(["experiments", str(project), "1", "--stop"]) == 0
    assert "Stopped by hand." in capsys.readouterr().out
    with Project.open(project, write=False) as opened:
        states = [run.status for run in runs.all_runs(opened)]
    assert states[1] == "cancelled"
