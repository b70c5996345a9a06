"""What the terminal asks of the jobs that judge and explain, and how it words their answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from judged_run import judged_run

from cvstudio.__main__ import main
from cvstudio.cli import explaining, exporting, judging
from cvstudio.core.annotation import Task
from cvstudio.core.config import ExplainConfig
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import Snapshot, write_snapshot
from cvstudio.project import analysis, commands, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.sample import create_sample


@dataclass
class Judged:
    """A project with run 1; `asked` are the configs of the jobs that commands started."""

    folder: Path
    picture: Path
    annotation: int
    class_id: int
    asked: list[Any] = field(default_factory=list)


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judged:
    picture = tmp_path / "stack.tif"
    pages = [np.full((48, 64), value, np.uint8) for value in (10, 20, 30)]
    assert cv2.imwritemulti(str(picture), pages)
    folder = tmp_path / "cells"
    with Project.create(folder, task=Task.DETECT, classes=["RBC", "WBC"]) as project:
        with project.transaction("Fill") as s:
            class_id = queries.classes(s)[1].id
            new = [
                NewImage(uri=project.uri_of(picture), page=page, pages=3, width=64, height=48)
                for page in range(3)
            ]
            first, *_ = commands.add_images(s, new)
            annotation = commands.add_annotation(
                s, image_id=first, class_id=class_id, shape=Box(4, 5, 6, 7)
            )
        runs.create_run(project, TrainConfig(task=Task.DETECT, network="yolo11n"))
    found = Judged(folder, picture, annotation, class_id)

    def start(project: Project, run: int, config: Any, **_more: Any) -> JobDir:
        found.asked.append(config)
        job = JobDir(runs.job_of(runs.get(project, run)).path / "jobs" / "evaluate-1")
        job.path.mkdir(parents=True, exist_ok=True)
        write_snapshot(job.snapshot, Snapshot(Task.DETECT, (), ()))
        (job.path / "heat.json").write_text(json.dumps({"class": 2, "score": 0.5, "box": None}))
        return job

    monkeypatch.setattr(runs, "start_job", start)
    monkeypatch.setattr(judging, "finish", lambda job, title: None)
    monkeypatch.setattr(judging, "with_network", runs.get)
    monkeypatch.setattr(explaining, "finish", lambda job, title: None)
    monkeypatch.setattr(explaining, "with_network", runs.get)
    monkeypatch.setattr(exporting, "with_network", runs.get)
    return found


def explained(judged: Judged, *more: str) -> ExplainConfig:
    output = str(judged.folder.parent / "heat.png")
    assert main(["explain", str(judged.folder), "1", *more, "-o", output]) == 0
    config = judged.asked[-1]
    assert isinstance(config, ExplainConfig)
    return config


def test_any_page_of_a_file_can_be_explained(judged: Judged) -> None:
    assert explained(judged, str(judged.picture)).page == 0
    assert explained(judged, str(judged.picture), "--page", "3").page == 2
    assert explained(judged, "stack.tif", "--page", "2").page == 1


def test_an_object_is_explained_for_its_label_unless_another_class_is_asked(
    judged: Judged,
) -> None:
    number = str(judged.annotation)
    config = explained(judged, str(judged.picture), "--object", number)
    assert config.class_id == judged.class_id
    assert config.box == (4, 5, 6, 7)
    config = explained(judged, str(judged.picture), "--object", number, "--class", "RBC")
    assert config.class_id != judged.class_id


def test_figures_come_with_the_range_in_which_they_are_known(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"mAP50": 0.61, "recall": 0.9}
    report = {"val": {"metrics": metrics, "intervals": {"recall": [0.842, 0.951]}}}

    def load(job: JobDir, split: str) -> Any:
        return Snapshot(Task.DETECT, (), ())

    def finish(job: JobDir, title: str) -> None:
        job.report.write_text(json.dumps(report))

    monkeypatch.setattr(analysis, "load", load)
    monkeypatch.setattr(judging, "finish", finish)
    assert main(["evaluate", str(judged.folder), "1"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[:2] == ["mAP50: 0.610", "recall: 0.900 (95 %: 0.842 to 0.951)"]
    assert "warning" not in said.err
    metrics["mAP50"] = 0.0001
    assert main(["evaluate", str(judged.folder), "1"]) == 0
    assert "found next to nothing right" in capsys.readouterr().err


def test_the_checks_of_an_exported_file_say_their_limits_and_the_warning_of_the_run(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check = {"precision": "float32", "passed": True, "reference": None, "unit": ""}
    file = {"file": "net.onnx", "title": "ONNX, 32-bit", "size": 4_000_000, "verified": True,
            "measured": 0.6, "drop": 0.0, "speed_up": 1.0}  # fmt: skip
    content = {
        "verified": True, "timings": [], "left_out": [], "metric": "mAP50-95",
        "files": [{**file, "checks": [
            {**check, "check": "Largest shift of a box", "value": 0.0123, "allowed": 0.5,
             "unit": "px"},
            {**check, "check": "Predictions kept", "value": 23_920, "allowed": 23_896,
             "reference": 23_920},
            {**check, "check": "mAP50-95, measured again", "value": 6.253e-05, "allowed": 0.0,
             "reference": 6.3e-05, "precision": "int8"},
        ]}],
    }  # fmt: skip
    output = judged.folder.parent / "net.onnx"
    output.write_bytes(b"x")

    def finish(job: JobDir, title: str) -> None:
        (job.path / "verification.json").write_text(json.dumps(content))

    monkeypatch.setattr(exporting, "finish", finish)
    assert main(["export-network", str(judged.folder), "1", "-o", str(output)]) == 0
    assert capsys.readouterr().out.splitlines()[3:6] == [
        "passed: Largest shift of a box: 0.012 px (at most 0.500 px)",
        "passed: Predictions kept: 23,920 (at least 23,896)",
        "passed: mAP50-95, measured again: 0.0001 (at least 0)",
    ]


def test_pixels_of_no_class_are_called_background_as_in_the_window(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with create_sample(tmp_path / "sample", Task.SEGMENT, images=20) as project:
        run = judged_run(project)
    assert main(["errors", str(tmp_path / "sample"), str(run.id), "--json"]) == 0
    text = capsys.readouterr().out
    assert '"background"' in text
    assert '"nothing"' not in text
