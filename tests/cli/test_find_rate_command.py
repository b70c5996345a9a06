"""`cvstudio find-rate`: rates are tried from the weights that the run is going to begin from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_job
from test_command_line import sample  # noqa: F401  # a fixture

from cvstudio.__main__ import main
from cvstudio.core.config import FindRateConfig, read_config
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.project import rate_finding, runs
from cvstudio.project.project import Project


@pytest.fixture
def project(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """A sample project whose rates are tried by a job that stands in."""
    monkeypatch.setattr(rate_finding.start, "__kwdefaults__", {"command": small_job.command})
    return sample


def tried_with(project: Path) -> TrainConfig:
    """The settings that the newest job tried rates with."""
    jobs = sorted((project / "runs" / "jobs").glob("find-rate-*"))
    config = read_config(JobDir(jobs[-1]).config)
    assert isinstance(config, FindRateConfig)
    return config.train


def test_a_rate_is_looked_for_from_scratch_and_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["find-rate", str(project), "--start", "scratch", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["suggested"] == pytest.approx(3e-3, rel=0.6)
    assert len(told["tried"]) == 100
    assert tried_with(project).start is Start.SCRATCH


def test_a_rate_is_looked_for_from_the_weights_of_a_run_or_of_a_file(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--epochs", "1", "--network", "yolo11n", "--start", "scratch"]
    assert main(["train", str(project), *small]) == 0
    with Project.open(project, write=False) as opened:
        best = runs.job_of(runs.get(opened, 1)).best
    best.parent.mkdir(parents=True, exist_ok=True)
    best.write_bytes(b"weights")
    assert main(["find-rate", str(project), "--from-run", "1", "--json"]) == 0
    config = tried_with(project)
    assert (config.network, config.start, config.weights_file) == ("yolo11n", Start.RUN, best)
    weights = tmp_path / "mine.pt"
    weights.write_bytes(b"weights")
    assert main(["find-rate", str(project), "--weights-file", str(weights), "--json"]) == 0
    config = tried_with(project)
    assert (config.start, config.weights_file) == (Start.FILE, weights)
    capsys.readouterr()
    assert main(["find-rate", str(project), "--from-run", "7"]) == 1
    assert "This project has no run 7." in capsys.readouterr().err
    assert main(["find-rate", str(project), "--start", "run"]) == 2
    assert "run needs --from-run." in capsys.readouterr().err
