"""The catalogue: nothing of the library is forgotten, and every entry says what a person needs."""

from __future__ import annotations

import inspect

import albumentations
import numpy as np
import pytest
from albumentations.core.composition import BaseCompose
from albumentations.core.transforms_interface import BasicTransform

from cvstudio.augment.build import build
from cvstudio.augment.catalogue import BY_NAME, GROUPS, TRANSFORMS, make_step
from cvstudio.augment.fields import Choice, Points, Target, Transform
from cvstudio.augment.left_out import INSTEAD, LEFT_OUT
from cvstudio.augment.unable import cannot_run
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.pipeline import Automatic, Group, GroupKind


def of_the_library() -> set[str]:
    """Every public class of the installed albumentations that can stand in a pipeline."""
    return {
        name
        for name, value in vars(albumentations).items()
        if inspect.isclass(value) and issubclass(value, BasicTransform | BaseCompose)
    }


def test_every_transform_of_the_library_is_offered_or_left_out_with_a_reason() -> None:
    offered = {record.target for record in TRANSFORMS}
    assert offered | set(LEFT_OUT) == of_the_library()
    assert not offered & set(LEFT_OUT)
    assert all(reason.endswith(".") and len(reason) > 10 for reason in LEFT_OUT.values())
    assert set(INSTEAD) <= set(LEFT_OUT)
    assert set(INSTEAD.values()) <= set(BY_NAME)


def test_names_are_told_apart() -> None:
    assert (
        len({t.name for t in TRANSFORMS}) == len({t.title for t in TRANSFORMS}) == len(TRANSFORMS)
    )
    assert len(GROUPS) <= 8


@pytest.mark.parametrize("record", TRANSFORMS, ids=lambda t: t.name)
def test_an_entry_is_described_in_one_sentence_and_starts_sensibly(record: Transform) -> None:
    assert record.description.endswith(".")
    assert 15 < len(record.description) < 110
    assert record.tasks
    assert record.targets[0] is Target.IMAGE
    assert (Target.BOXES in record.targets) == (
        record.geometric and record.points is not Points.TILES
    )
    for field in record.parameters:
        assert field.check(record.defaults()[field.name]) == ""
        if isinstance(field, Choice):
            assert len(field.options) > 1
        weak = getattr(field, "weak", None)
        if weak is not None:
            assert field.low <= weak <= field.high  # type: ignore[union-attr]


@pytest.mark.parametrize("record", TRANSFORMS, ids=lambda t: t.name)
def test_what_is_said_to_run_on_deep_images_of_many_channels_does(record: Transform) -> None:
    deep = np.random.default_rng(3).random((64, 80, 5)).astype(np.float32)
    augmenter = build([make_step(record.name, chance=1.0)])
    step = make_step(record.name)
    task = next(iter(record.tasks))
    told = cannot_run(step, task=task, channels=5, eight_bit=False)
    if record.deep:
        assert told == ""
        variant = augmenter.apply(deep, seed=2)
        assert variant.rgb.dtype == np.float32
        assert variant.rgb.shape[2] == 5
        assert sorted(variant.rgb.shape[:2]) == [64, 80]
        assert np.isfinite(variant.rgb).all()
    else:
        assert "8-bit colour only" in told
        with pytest.raises(ConfigError, match="8-bit colour"):
            augmenter.apply(deep, seed=2)


def test_what_an_engine_cannot_use_is_named_with_the_reason() -> None:
    tiles = make_step("shuffle_tiles")
    assert "no single place" in cannot_run(tiles, task=Task.DETECT)
    assert cannot_run(tiles, task=Task.SEGMENT) == ""
    assert "no labelled places" in cannot_run(make_step("hide_parts"), task=Task.CLASSIFY)
    group = Group(group=GroupKind.ONE_OF, steps=(make_step("blur"), tiles))
    assert "shuffle tiles" in cannot_run(group, task=Task.INSTANCE)
    for task in Task:
        assert cannot_run(Automatic(), task=task) == ""
