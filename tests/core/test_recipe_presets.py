"""Each preset has what published recipes have for its task, and no more than it has time for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cvstudio.core.annotation import Task
from cvstudio.core.networks import applies, default_config, network, preset_changes
from cvstudio.core.presets import MANY, RECIPES
from cvstudio.core.recipe import Preset, TrainConfig
from cvstudio.core.recipe_rules import check

EVERY = [(task, preset) for task in Task for preset in Preset]


@pytest.mark.parametrize(("task", "preset"), EVERY)
@pytest.mark.parametrize("images", [None, 10, MANY - 1, MANY, 20_000])
def test_no_preset_has_a_setting_that_contradicts_another_or_has_no_effect(
    task: Task, preset: Preset, images: int | None
) -> None:
    config = default_config(task, preset, image_count=images)
    check(config)
    info = network(config.network)
    plain = TrainConfig(task=task, network=config.network)
    for name in TrainConfig.model_fields:
        if getattr(config, name) != getattr(plain, name):
            assert applies(name, info), name
    assert preset_changes(config) == ()


@pytest.mark.parametrize("task", list(Task))
def test_fast_is_cheap_whatever_there_is_to_learn_from(task: Task) -> None:
    config = default_config(task, Preset.FAST, image_count=5000)
    assert (config.mixup, config.cutmix, config.mosaic, config.average) == (0, 0, 0, 0)
    assert config.sharpness == 0


def test_accurate_has_what_pays_off_in_a_long_run() -> None:
    many = default_config(Task.CLASSIFY, Preset.ACCURATE, image_count=2000)
    assert (many.mixup, many.cutmix, many.average) == (0.2, 1.0, 0.998)
    assert many.label_smoothing == 0.1
    few = default_config(Task.CLASSIFY, Preset.ACCURATE, image_count=100)
    assert (few.mixup, few.cutmix, few.average) == (0, 0, 0.998)
    assert default_config(Task.SEGMENT, Preset.ACCURATE).average == 0.998


@pytest.mark.parametrize("task", [Task.DETECT, Task.INSTANCE])
def test_yolo_gets_mosaics_of_many_images_that_end_before_the_run_does(task: Task) -> None:
    for preset in (Preset.BALANCED, Preset.ACCURATE):
        many = default_config(task, preset, image_count=MANY)
        assert many.mosaic == 1.0
        assert 0 < many.plain_epochs < many.epochs / 2
        assert default_config(task, preset, image_count=MANY - 1).mosaic == 0
    assert default_config(Task.DETECT, Preset.BALANCED, "yolo26n-obb", image_count=MANY).mosaic == 1


@pytest.mark.parametrize("name", ["fasterrcnn-resnet50", "rtdetr-l", "maskrcnn-resnet50"])
def test_detectors_that_list_objects_learn_at_the_rate_of_their_papers(name: str) -> None:
    info = network(name)
    config = default_config(info.task, Preset.ACCURATE, name, image_count=2000)
    assert config.learning_rate == 1e-4
    torchvision = info.family == "torchvision-detection"
    assert config.mosaic == (0.0 if torchvision else 1.0)
    assert config.average == (0.998 if torchvision else 0.0), "ultralytics has an average itself"


def test_the_larger_presets_take_more_time() -> None:
    for recipes in RECIPES.values():
        fast, balanced, accurate = (recipes[p] for p in Preset)
        assert fast.epochs < balanced.epochs < accurate.epochs
        assert fast.image_size <= balanced.image_size <= accurate.image_size


def test_the_page_says_what_each_preset_sets() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    looked = 0
    for preset in Preset:
        row = next(line for line in page.splitlines() if line.startswith(f"| {preset} |"))
        columns = row.split("|")[2:5]
        for task, told in zip((Task.CLASSIFY, Task.DETECT, Task.SEGMENT), columns, strict=True):
            always, _, many = told.partition("from 500 train images")
            for part, images in ((always, MANY - 1), (many, MANY)):
                config = default_config(task, preset, image_count=images)
                for name, value in re.findall(r"`(\w+)=([\d.]+)`", part):
                    assert getattr(config, name) == float(value), (preset, task, name)
                    looked += 1
    assert looked == 14
