"""What is said to change nothing changes nothing in the parts that a run is made of."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from cvstudio.core.annotation import Task
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import TrainConfig, without_effect
from cvstudio.core.recipe_effects import out_of_reach
from cvstudio.ml.engine.optimising import parameter_groups
from cvstudio.ml.engine.rates import Rates
from cvstudio.ml.engine.thawing import Thawing
from cvstudio.ml.mixing import Mixer
from cvstudio.ml.sizes import Sizes

EPOCHS = 8
STEPS = 4


def course(**changes: Any) -> list[dict[str, float]]:
    """In each epoch, the share of the rate at which each parameter that learns does so."""
    config = recipe(**changes)
    module = nn.Sequential(*(nn.Linear(2, 2, bias=False) for _ in range(9)))
    head = frozenset({"8.weight"})
    thawing = Thawing(module, head=head, config=config)
    names = {id(value): name for name, value in module.named_parameters()}
    groups = parameter_groups(module, head=head, config=config)
    found = []
    for epoch in range(1, EPOCHS + 1):
        thawing.begin(epoch)
        found.append({names[id(v)]: round(group["share"], 9) for group in groups
                      for v in group["params"] if v.requires_grad})  # fmt: skip
    return found


def recipe(**changes: Any) -> TrainConfig:
    return default_config(Task.CLASSIFY, network="resnet18", **{"epochs": EPOCHS, **changes})


@pytest.mark.parametrize("layers", ["all", "last", "head"])
@pytest.mark.parametrize(
    "changes",
    [{"frozen_epochs": 2}, {"thaw_epochs": 2}, {"backbone_rate": 0.5}, {"quarter_rate": 0.5}],
    ids=lambda changes: next(iter(changes)),
)
def test_layers_learn_alike_exactly_where_a_setting_is_said_to_have_no_effect(
    layers: str, changes: dict[str, Any]
) -> None:
    (name,) = changes
    without, with_it = course(layers=layers), course(layers=layers, **changes)
    assert (without == with_it) == bool(without_effect(name, recipe(layers=layers, **changes)))


@pytest.mark.parametrize(
    ("name", "value"), [("thaw_epochs", 2), ("backbone_rate", 0.5), ("quarter_rate", 0.5)]
)
@pytest.mark.parametrize("frozen", [3, EPOCHS])
def test_layers_that_never_thaw_are_said_not_to(name: str, value: float, frozen: int) -> None:
    without, with_it = course(frozen_epochs=frozen), course(frozen_epochs=frozen, **{name: value})
    said = out_of_reach(name, recipe(frozen_epochs=frozen, **{name: value}))
    assert (without == with_it) == bool(said)


@pytest.mark.parametrize("thaw", [4, 5])
def test_quarters_differ_as_soon_as_a_second_one_learns(thaw: int) -> None:
    slow = {"frozen_epochs": 3, "thaw_epochs": thaw}
    same = course(**slow) == course(**slow, quarter_rate=0.5)
    assert same == bool(out_of_reach("quarter_rate", recipe(**slow, quarter_rate=0.5)))


def rates(*, falls: bool = False, **changes: Any) -> list[float]:
    """The rate at every step of a run whose val gets no better after its first epoch."""
    found = Rates(recipe(**changes))
    told = []
    for epoch in range(EPOCHS):
        told += [found(epoch + step / STEPS) for step in range(STEPS)]
        if falls:
            found.judged(0.5)
    return told


@pytest.mark.parametrize("warmup", [1.0, 2.0, 2.6, 4.0])
def test_a_warm_up_within_the_rise_of_one_cycle_changes_no_rate(warmup: float) -> None:
    same = rates(schedule="one-cycle", warmup_epochs=warmup) == rates(
        schedule="one-cycle", warmup_epochs=0.0
    )
    said = out_of_reach("warmup_epochs", recipe(schedule="one-cycle", warmup_epochs=warmup))
    assert same == bool(said)


@pytest.mark.parametrize("waits", [5, 6, 7, 9])
def test_a_plateau_that_outlasts_the_run_changes_no_rate(waits: int) -> None:
    plateau = {"schedule": "plateau", "plateau_epochs": waits}
    same = rates(falls=True, **plateau) == rates(falls=False, **plateau)
    assert same == bool(out_of_reach("plateau_epochs", recipe(**plateau)))


@pytest.mark.parametrize("change", [0.1, 0.16, 0.17, 0.3])
def test_a_change_of_size_that_rounds_to_the_same_is_said_to_be_none(change: float) -> None:
    config = recipe(image_size=96, multi_scale=change)
    sizes = Sizes(config)
    sides = {sizes.side(epoch, step) for epoch in range(1, 40) for step in range(1, 40)}
    assert (sides == {96}) == bool(out_of_reach("multi_scale", config))


def test_an_image_alone_in_its_step_is_not_mixed_and_that_is_said() -> None:
    config = recipe(mixup=1.0, cutmix=1.0, batch=1)
    images, targets = torch.randint(0, 255, (1, 8, 8, 3), dtype=torch.uint8), torch.tensor([1])
    mixer = Mixer(config, classes=3)
    for epoch in range(1, 9):
        mixed, shares, _ = mixer((images, targets, [0]), epoch=epoch)
        assert torch.equal(mixed, images)
        assert shares.argmax(dim=1).tolist() == [1]
    assert out_of_reach("cutmix", config)
    assert out_of_reach("mixup", config)
