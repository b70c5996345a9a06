"""`cvstudio explain`: of a run or a file, one image or many, and what is refused at once."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from test_judging_commands import Judged, judged

from cvstudio.__main__ import main
from cvstudio.cli import explaining
from cvstudio.core.annotation import Task
from cvstudio.core.config import ExplainConfig, ExplainManyConfig
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.thresholds import Thresholds
from cvstudio.project import analysis
from cvstudio.project.verdict import Case, KindCount

__all__ = ["judged"]


def run(judged: Judged, *words: str) -> int:
    return main(["explain", str(judged.folder), "1", *words])


def test_method_layer_opacity_and_check_reach_the_job(judged: Judged, tmp_path: Path) -> None:
    words = ["--method", "layercam", "--layer", "2", "--opacity", "0.5", "--check"]
    assert run(judged, str(judged.picture), *words, "--out", str(tmp_path / "h.png")) == 0
    config = judged.asked[-1]
    assert isinstance(config, ExplainConfig)
    assert (config.method, config.layer, config.opacity, config.check) == (
        "layercam",
        "2",
        0.5,
        True,
    )


def test_the_mean_of_each_class_is_told_with_its_caveat(
    judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tmp_path / "means"
    folder.mkdir()

    def finish(_job: JobDir, _title: str) -> None:
        rows = [
            {"class": 1, "name": "RBC", "count": 12, "looked": 40, "file": "average-1.png"},
            {"class": 2, "name": "WBC", "count": 0, "looked": 9, "file": None},
        ]
        content = {"split": "test", "of": "object", "classes": rows, "caveat": "In one place."}
        (folder / "averages.json").write_text(json.dumps(content))

    monkeypatch.setattr(explaining, "finish", finish)
    assert run(judged, "--mean", "--split", "test", "-o", str(folder)) == 0
    config = judged.asked[-1]
    assert isinstance(config, ExplainManyConfig)
    assert (config.split, config.cases, config.folder) == ("test", (), folder)
    said = capsys.readouterr().out
    assert "RBC: mean of 12 found of 40 objects, average-1.png" in said
    assert "WBC: no mean, as the network finds none of 9 objects" in said
    assert "In one place." in said


class Verdict:
    kinds = (KindCount("missed", "Missed", 1), KindCount("false alarm", "False alarm", 0))

    def __init__(self, class_id: int) -> None:
        self._class = class_id

    def cases(self, kind: str) -> list[Case]:
        case = Case("missed", 1, 5, None, self._class, 0, None, Box(1, 2, 3, 4), "")
        return [case] if kind == "missed" else []


def test_all_errors_of_a_kind_are_drawn_with_what_they_are(
    judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    asked: list[Any] = []

    class Found:
        classes = ()
        snapshot = SimpleNamespace(task=Task.DETECT)
        own_scores: ClassVar = {1: 0.7}
        chosen = Thresholds(score=0.4)

        def judge(self, *, own: bool, **_how: Any) -> Verdict:
            asked.append(own)
            return Verdict(0)

    monkeypatch.setattr(analysis, "load", lambda *_: Found())
    folder = tmp_path / "missed"
    assert run(judged, "--errors", "missed", "-o", str(folder)) == 0
    config = judged.asked[-1]
    assert isinstance(config, ExplainManyConfig)
    assert config.score == 0.4
    assert asked == [True], "as `cvstudio errors` counts them, from the scores chosen for classes"
    (case,) = config.cases
    assert (case.image_id, case.box, case.kind, case.class_id) == (1, (1, 2, 3, 4), "missed", None)
    assert run(judged, "--errors", "false-alarm", "-o", str(folder)) == 2
    assert "no errors of the kind false alarm" in capsys.readouterr().err
    assert run(judged, "--errors", "nonsense", "-o", str(folder)) == 2
    assert "is none of: missed, false alarm" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Name PROJECT and RUN and IMAGE"),
        (["a", "one", "b"], "is no number of a run"),
        (["a", "1", "b", "--mean"], "Name PROJECT and RUN."),
        (["--file", "{file}"], "Name one IMAGE"),
        (["gone.png", "--file", "{file}"], "Name one IMAGE"),
        (["{file}", "--file", "{file}", "--method", "gradcam"], "--method occlusion"),
        (["{file}", "--file", "{file}", "--check"], "--method occlusion"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_work(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"")
    given = [word.format(file=file) for word in words]
    assert main(["explain", *given, "-o", str(tmp_path / "h.png")]) == 2
    assert said in capsys.readouterr().err
