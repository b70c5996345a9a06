"""Groups and automatic changes: what they draw, that draws repeat, and how a pipeline is edited."""

from __future__ import annotations

import json
import pickle
from collections import Counter

import numpy as np
import pytest

from cvstudio.augment import automatic, editing
from cvstudio.augment.build import Augmenter, Outcome, build
from cvstudio.augment.carried import carried
from cvstudio.augment.catalogue import make_step
from cvstudio.augment.presets import dump_steps, load_steps
from cvstudio.augment.summary import step_title, summary
from cvstudio.core.errors import ConfigError
from cvstudio.core.geometry import Box
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item, Step
from cvstudio.core.recipe import TrainConfig

IMAGE = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
FLIPS = (make_step("flip_horizontal", chance=0.6), make_step("flip_vertical", chance=0.2))


def captions(items: tuple[Item, ...], count: int = 600) -> Counter[str]:
    augmenter = build(items)
    return Counter(augmenter.apply(IMAGE, seed=seed).caption for seed in range(count))


def test_of_a_group_one_step_acts_as_often_as_its_weight_says() -> None:
    seen = captions((Group(group=GroupKind.ONE_OF, chance=0.8, steps=FLIPS),))
    assert set(seen) == {"flipped", "upside down", "unchanged"}
    assert seen["unchanged"] == pytest.approx(120, abs=35)
    assert seen["flipped"] / seen["upside down"] == pytest.approx(3, rel=0.3)


def test_of_a_group_as_many_steps_act_as_it_says_in_their_order() -> None:
    steps = tuple(
        make_step(name, chance=1.0)
        for name in ("invert", "flip_horizontal", "grey", "flip_vertical", "blur")
    )
    seen = captions((Group(group=GroupKind.SOME_OF, chance=1.0, count=2, steps=steps),), 300)
    pairs = {"inverted, flipped", "inverted, grey", "flipped, grey", "both flips", "grey, blur"}
    assert pairs <= set(seen)
    assert all(caption == "both flips" or caption.count(",") == 1 for caption in seen)
    assert all(count > 10 for count in seen.values())


def test_steps_that_are_off_or_without_chance_are_not_drawn() -> None:
    off = Group(
        group=GroupKind.ONE_OF, chance=1.0,
        steps=(make_step("invert", enabled=False), make_step("grey", chance=0), FLIPS[1]),
    )  # fmt: skip
    assert set(captions((off,), 50)) == {"upside down"}
    assert set(captions((off.model_copy(update={"enabled": False}),), 20)) == {"unchanged"}
    assert set(captions((off.model_copy(update={"steps": ()}),), 20)) == {"unchanged"}


def test_a_step_draws_the_same_whatever_stands_around_it() -> None:
    noise = make_step("gauss_noise", chance=1.0)
    group = Group(group=GroupKind.ONE_OF, chance=1.0, steps=FLIPS)
    alone = build((noise,)).apply(IMAGE, seed=4).rgb
    behind = build((make_step("blur", chance=0), noise, group)).apply(IMAGE, seed=4)
    turned = alone[:, ::-1] if behind.caption.endswith("flipped") else alone[::-1]
    assert np.array_equal(behind.rgb, turned)


@pytest.mark.parametrize("item", [
    Group(group=GroupKind.SOME_OF, count=2, steps=(*FLIPS, make_step("affine"))), Automatic(),
])  # fmt: skip
def test_what_is_stored_comes_back_and_draws_the_same_in_another_process(item: Item) -> None:
    stored = json.loads(json.dumps(dump_steps((item,))))
    assert load_steps(stored) == (item,)
    config = TrainConfig(task="detect", network="x", augmentation=(item,))  # type: ignore[arg-type]
    assert TrainConfig.model_validate_json(config.model_dump_json()).augmentation == (item,)
    here = build((item,))
    there: Augmenter = pickle.loads(pickle.dumps(here))
    for seed in range(5):
        assert np.array_equal(here.apply(IMAGE, seed=seed).rgb, there.apply(IMAGE, seed=seed).rgb)


def test_a_pipeline_from_before_there_were_groups_is_read() -> None:
    old = [{"transform": "blur", "enabled": True, "chance": 0.3, "parameters": {}}]
    assert load_steps(old) == (Step(transform="blur", chance=0.3),)
    with pytest.raises(ConfigError, match="not a setting"):
        load_steps([{"group": "one of", "speed": 3}])
    with pytest.raises(ConfigError, match="no setting called spin"):
        load_steps(
            [{"group": "one of", "steps": [{"transform": "affine", "parameters": {"spin": 1}}]}]
        )


def test_automatic_changes_grow_with_their_strength_and_do_nothing_at_none() -> None:
    def change(strength: float) -> float:
        augmenter = build((Automatic(strength=strength),))
        made = [augmenter.apply(IMAGE, seed=seed).rgb.astype(float) for seed in range(80)]
        return float(np.mean([np.abs(rgb - IMAGE).mean() for rgb in made]))

    changes = [change(strength) for strength in (0, 0.3, 1)]
    assert changes[0] == 0
    assert changes[0] < changes[1] < changes[2]
    assert changes[2] > 20


def test_automatic_changes_draw_as_many_as_they_say_and_no_colour_when_told() -> None:
    for count in (1, 3):
        parts = build((Automatic(count=count),))._acting(7)
        assert len(list(parts)) == count
    plain = automatic.steps_of(Automatic(colour=False))
    assert not {step.transform for step in plain} & {"hue_saturation", "colour_temperature"}
    assert len(automatic.steps_of(Automatic())) > len(plain)


def test_automatic_changes_leave_labels_right() -> None:
    """Nothing is mirrored, inverted or hidden, and objects that do not touch the border stay."""
    unsafe = {
        "flip_horizontal",
        "flip_vertical",
        "invert",
        "channel_shuffle",
        "hide_patches",
        "crop",
    }
    assert not {step.transform for step in automatic.steps_of(Automatic())} & unsafe
    augmenter = build((Automatic(strength=1.0, count=3),))
    boxes = [Box(x, y, 60, 50) for x in range(40, 520, 100) for y in range(40, 520, 90)]
    outcomes = [o for seed in range(120) for o in augmenter.trial((640, 640), boxes, seed=seed)]
    assert outcomes.count(Outcome.LOST) / len(outcomes) < 0.01


def test_a_trial_names_the_step_that_moves() -> None:
    group = Group(group=GroupKind.ONE_OF, chance=1.0, steps=(make_step("crop", chance=1.0),))
    augmenter = build((make_step("blur", chance=1.0), group))
    objects = [carried(Box(2, 2, 4, 4))]
    parts = list(augmenter.trial_steps((64, 64), objects, seed=3))
    assert [part.place for part in parts] == [(1, 0)]


ITEMS: tuple[Item, ...] = (
    make_step("blur"),
    Group(group=GroupKind.ONE_OF, steps=FLIPS),
    Automatic(),
)


def names(items: tuple[Item, ...]) -> list[str]:
    return [
        ("  " if len(place) == 2 else "") + getattr(item, "transform", step_title(item))
        for place, item in editing.flat(items)
    ]


def test_a_step_walks_through_a_group_row_by_row_and_back() -> None:
    items, place = ITEMS, (0,)
    walk = []
    for down in (True, True, True, True, False, False, False, False):
        to = editing.neighbour(items, place, down)
        assert to is not None
        items, place = editing.moved(items, place, to)
        walk.append(place)
    assert walk == [(0, 0), (0, 1), (0, 2), (1,), (0, 2), (0, 1), (0, 0), (0,)]
    assert items == ITEMS
    assert editing.neighbour(ITEMS, (2,), True) is None
    assert editing.neighbour(ITEMS, (0,), False) is None


def test_dragged_items_land_where_they_are_dropped() -> None:
    into, place = editing.moved(ITEMS, (0,), (1, 1))
    assert place == (0, 1)
    assert names(into)[:4] == ["One of these", "  flip_horizontal", "  blur", "  flip_vertical"]
    out, place = editing.moved(ITEMS, (1, 0), (3,))
    assert place == (3,)
    assert names(out)[-2:] == ["Automatic changes", "flip_horizontal"]
    group, place = editing.moved(ITEMS, (1,), (0,))
    assert names(group)[0] == "One of these"
    assert editing.moved(ITEMS, (1,), (1, 1)) == (ITEMS, (1,))  # a group does not enter itself
    beside, place = editing.moved(ITEMS, (2,), (1, 1))  # nor does anything but a step
    assert place == (2,)
    assert beside == ITEMS


def test_groups_are_made_and_dissolved() -> None:
    grouped, place = editing.grouped(ITEMS, (0,), GroupKind.SOME_OF)
    assert place == (0, 0)
    assert names(grouped)[:2] == ["Some of these", "  blur"]
    assert editing.dissolved(grouped, (0,))[0] == ITEMS
    opened, place = editing.dissolved(ITEMS, (2,))
    assert isinstance(opened[2], Group)
    assert opened[2].steps == automatic.steps_of(Automatic())
    assert editing.grouped(ITEMS, (1, 0), GroupKind.ONE_OF) == (ITEMS, (1, 0))


def test_something_new_goes_behind_what_is_selected_or_into_the_selected_group() -> None:
    assert editing.after_selected(ITEMS, (0,)) == (1,)
    assert editing.after_selected(ITEMS, (1,)) == (1, 2)
    assert editing.after_selected(ITEMS, (1, 0)) == (1, 1)
    assert editing.after_selected((), (0,)) == (0,)
    items, place = editing.inserted(ITEMS, (1, 1), Automatic())
    assert place == (2,)
    assert names(items)[-2:] == ["Automatic changes"] * 2


def test_words_under_groups_say_how_they_choose() -> None:
    one, some = (Group(group=kind, steps=FLIPS, count=5) for kind in GroupKind)
    assert summary(one) == "1 of 2, by weight"
    assert summary(some) == "2 of 2, evenly"
    assert summary(Group(group=GroupKind.ONE_OF)) == "nothing to choose from"
    assert summary(Automatic(strength=0.25, colour=False)) == "2 of 15, strength 25 %, no colour"
