"""Ready and saved pipelines, and how steps read in words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cvstudio.augment import presets
from cvstudio.augment.catalogue import TRANSFORMS, make_step, validate
from cvstudio.augment.summary import summary
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError


@pytest.mark.parametrize("task", list(Task))
def test_every_task_has_sound_presets_with_names_of_their_own(task: Task) -> None:
    found = presets.presets_for(task)
    names = [preset.name for preset in found]
    assert len(set(names)) == len(names)
    assert {"None", "Careful", "Standard", "Strong", "Microscopy"} <= set(names)
    for preset in found:
        validate(preset.steps, task=task)
    assert presets.default_steps(task)


@pytest.mark.parametrize("name", ["Smears", 'Ärzte / "x" 🦠', "a" * 300, "con"])
def test_a_saved_pipeline_comes_back_whatever_its_name(name: str) -> None:
    steps = (make_step("affine", chance=0.8, rotation=[-25, 25]), make_step("blur"))
    presets.save(name, steps)
    presets.save(name, steps[:1])
    (found,) = presets.saved()
    assert (found.name, found.steps) == (name, steps[:1])
    presets.delete(name)
    assert presets.saved() == []


def test_two_names_that_look_alike_do_not_overwrite_each_other() -> None:
    presets.save("a/b", ())
    presets.save("a:b", ())
    assert {pipeline.name for pipeline in presets.saved()} == {"a/b", "a:b"}


def test_a_ready_pipeline_cannot_be_overwritten() -> None:
    with pytest.raises(ConfigError, match="ready pipeline"):
        presets.save("Careful", ())


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"name": "x", "steps": [{"transform": "rm"}]}', '{"name": "x", "steps": 3}'],
)
def test_a_file_that_is_no_pipeline_is_left_out_and_refused_in_words(
    content: str, tmp_path: Path
) -> None:
    path = presets.save("good", ()).with_name("bad.json")
    path.write_text(content)
    assert [pipeline.name for pipeline in presets.saved()] == ["good"]
    with pytest.raises(ConfigError):
        presets.read(path)


def test_steps_survive_json() -> None:
    steps = presets.default_steps(Task.DETECT)
    assert presets.load_steps(json.loads(json.dumps(presets.dump_steps(steps)))) == steps


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            make_step("affine", rotation=[-25, 25], scale=[0.9, 1.15], shift=6),
            "±25°, 0.90 to 1.15, ±6\N{NO-BREAK SPACE}%",
        ),
        (make_step("affine", rotation=[-5, 10], scale=[1, 1], shift=0), "−5 to 10°, 1.00"),
        (make_step("flip_horizontal"), "mirror image"),
        (make_step("flip_horizontal", enabled=False), "off"),
        (make_step("hue_saturation", hue=[-10, 10], saturation=[-20, 20]), "±10°, ±20"),
        (make_step("box_blur", size=[3, 5]), "3 to 5\N{NO-BREAK SPACE}px"),
        (make_step("rain", kind="heavy"), "heavy rain"),
    ],
)
def test_a_step_reads_like_a_sentence(step: object, words: str) -> None:
    assert summary(step) == words  # type: ignore[arg-type]


def test_every_transform_has_words() -> None:
    for record in TRANSFORMS:
        assert summary(make_step(record.name))
        assert record.description.endswith(".")
        for field in record.parameters:
            assert not field.check(record.defaults()[field.name]), (record.name, field.name)


def test_the_window_reads_the_catalogue_without_the_training_libraries() -> None:
    code = (
        "import sys, cvstudio.augment.presets, cvstudio.augment.summary;"
        "sys.exit(bool({'torch', 'albumentations', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
