"""Which settings of a recipe change nothing, and in which words that is said."""

from __future__ import annotations

from typing import Any

import pytest

from cvstudio.core.annotation import Task
from cvstudio.core.networks import applies, default_config, network
from cvstudio.core.recipe import TrainConfig, needed, without_effect
from cvstudio.core.recipe_effects import in_vain, out_of_reach, wanted, word
from cvstudio.core.recipe_limits import fields


def recipe(name: str = "resnet18", **over: Any) -> TrainConfig:
    return default_config(network(name).task, network=name, **over)


def told(config: TrainConfig) -> dict[str, str]:
    return {vain.name: vain.why for vain in in_vain(config)}


@pytest.mark.parametrize(
    ("layers", "without"),
    [
        ("all", set()),
        ("last", {"thaw_epochs", "quarter_rate"}),
        ("head", {"frozen_epochs", "thaw_epochs", "backbone_rate", "quarter_rate"}),
    ],
)
def test_how_pretrained_layers_thaw_depends_on_which_of_them_learn(
    layers: str, without: set[str]
) -> None:
    changes = {"frozen_epochs": 3, "thaw_epochs": 2, "backbone_rate": 0.5, "quarter_rate": 0.5}
    config = recipe(layers=layers, **changes)
    assert {name for name in changes if without_effect(name, config)} == without
    words = f"“Layers that learn” is {word(layers)}"
    assert told(config) == dict.fromkeys(sorted(without, key=list(fields()).index), words)


def test_what_nobody_chose_is_not_said_to_be_in_vain() -> None:
    assert not told(recipe(layers="head"))
    short = recipe(epochs=4, image_count=900)
    assert not told(short), "the preset's patience is nobody's mistake"
    assert out_of_reach("patience", short) == "the run has 4 epochs"
    assert not out_of_reach("patience", recipe(epochs=20, patience=9))
    for task in Task:
        assert not told(default_config(task)), task


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("warmup_epochs", {"epochs": 20, "schedule": "one-cycle", "warmup_epochs": 5},
         "one-cycle rises for 6 epochs anyway"),
        ("plateau_epochs", {"epochs": 5, "schedule": "plateau"},
         "the run has 5 epochs, so the rate never falls"),
        ("mixup", {"mixup": 0.2, "batch": 1}, "a step has one image, and mixing takes two"),
        ("multi_scale", {"image_size": 96, "multi_scale": 0.1},
         "sizes go in steps of 32 px, and it reaches the next one from 0.17 on"),
        ("backbone_rate", {"epochs": 5, "frozen_epochs": 5, "backbone_rate": 0.5},
         "“New layers alone” covers the whole run"),
        ("quarter_rate", {"epochs": 5, "frozen_epochs": 1, "thaw_epochs": 4, "quarter_rate": 0.5},
         "only the last quarter, if any, learns within 5 epochs"),
        ("half", {"mixed_precision": False, "half": "float16"}, "“Mixed precision” is off"),
    ],
)  # fmt: skip
def test_a_value_that_the_run_never_comes_to_is_told(
    name: str, changes: dict[str, Any], words: str
) -> None:
    assert told(recipe(**changes)) == {name: words}


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 20, "schedule": "one-cycle", "warmup_epochs": 7},
        {"epochs": 7, "schedule": "plateau", "plateau_epochs": 5},
        {"mixup": 0.2, "batch": 1, "accumulate": 2},
        {"image_size": 96, "multi_scale": 0.2},
        {"epochs": 6, "frozen_epochs": 1, "thaw_epochs": 4, "quarter_rate": 0.5},
        {"half": "float16"},
    ],
)
def test_a_value_that_the_run_comes_to_is_not_told(changes: dict[str, Any]) -> None:
    assert not told(recipe(**changes))


def test_a_mosaic_of_a_run_that_is_plain_from_its_first_epoch_is_told() -> None:
    short = recipe("yolo26n", mosaic=1.0, epochs=10)
    assert told(short) == {"mosaic": "“Plain at the end” covers the whole run"}
    assert not told(recipe("yolo26n", mosaic=1.0, epochs=11))
    usual = default_config(Task.DETECT, network="yolo26n", image_count=2000)
    by_preset = usual.model_copy(update={"epochs": 10, "patience": 5})
    assert by_preset.mosaic == 1.0
    assert set(told(by_preset)) == {"mosaic"}


def test_plain_epochs_wait_for_what_they_leave_out() -> None:
    config = recipe("yolo26n", plain_epochs=3)
    (need,) = needed("plain_epochs")
    assert without_effect("plain_epochs", config) == need
    assert told(config) == {"plain_epochs": "“Mosaic” is off"}
    assert wanted(need, config) == "Mosaic above 0", "detect has nothing to paste"
    assert wanted(need) == "Mosaic above 0 or Copy and paste above 0"
    pasting = recipe("unet-resnet18", plain_epochs=3, copy_paste=0.5)
    assert not without_effect("plain_epochs", pasting)
    assert not told(pasting)


def test_the_loss_of_rt_detr_knows_no_weights_of_classes() -> None:
    assert not applies("class_weights", network("rtdetr-l"))
    assert applies("class_weights", network("yolo26n"))


def test_warm_up_beside_one_cycle_has_an_effect_where_the_library_warms_up_itself() -> None:
    changes: dict[str, Any] = {"schedule": "one-cycle", "warmup_epochs": 2, "epochs": 20}
    assert out_of_reach("warmup_epochs", recipe(**changes))
    assert not out_of_reach("warmup_epochs", recipe("yolo26n", **changes))
