"""`cvstudio augment`: the next run's steps are shown, taken from a name, a strength or a file, and
written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cvstudio.__main__ import main
from cvstudio.core.annotation import Task
from cvstudio.core.pipeline import Automatic, Step
from cvstudio.project.pipeline import pipeline
from cvstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["a"]):
        return tmp_path / "p"


def steps(folder: Path) -> tuple[object, ...]:
    with Project.open(folder, write=False) as project:
        return pipeline(project).steps


def test_the_steps_of_the_next_run_are_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["augment", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "Standard: 5 entries" in text
    assert "±8°, 0.80 to 1.20, ±6" in text


def test_a_preset_or_a_strength_is_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["augment", str(folder), "--preset", "careful"]) == 0
    assert len(steps(folder)) == 2
    assert main(["augment", str(folder), "--automatic", "25", "--json"]) == 0
    assert steps(folder) == (Automatic(strength=0.25),)
    out = capsys.readouterr().out
    told = json.loads(out[out.index("{") :])
    assert told["steps"][0]["strength"] == 0.25
    assert main(["augment", str(folder), "--preset", "Stormy"]) == 2
    assert "There are: None, Careful" in capsys.readouterr().err
    assert main(["augment", str(folder), "--preset", "None", "--automatic", "3"]) == 2


def test_a_file_of_albumentations_is_written_and_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pipeline.yaml"
    assert main(["augment", str(folder), "--preset", "Careful", "--write", str(file)]) == 0
    before = steps(folder)
    assert "RandomBrightnessContrast" in file.read_text()
    assert main(["augment", str(folder), "--preset", "None"]) == 0
    assert main(["augment", str(folder), "--read", str(file)]) == 0
    assert steps(folder) == before
    strange = tmp_path / "strange.json"
    strange.write_text(
        '{"transform": {"__class_fullname__": "Compose", "p": 1, "transforms": ['
        '{"__class_fullname__": "Normalize", "p": 1}, {"__class_fullname__": "ToGray", "p": 1}]}}'
    )
    capsys.readouterr()
    assert main(["augment", str(folder), "--read", str(strange)]) == 0
    assert "note: Normalize was left out." in capsys.readouterr().err
    assert [s.transform for s in steps(folder) if isinstance(s, Step)] == ["grey"]
    strange.write_text("no pipeline")
    assert main(["augment", str(folder), "--read", str(strange)]) == 1
    assert "not a pipeline of albumentations" in capsys.readouterr().err
