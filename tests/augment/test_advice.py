"""Advice names what is wrong, and its remedy makes the sentence go away."""

from __future__ import annotations

from typing import Any

from cvstudio.augment.advice import Trials, advise, gentler
from cvstudio.augment.catalogue import make_step, validate
from cvstudio.core.annotation import Task
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item


def texts(*steps: Item, **more: Any) -> list[str]:
    given: dict[str, Any] = {"task": Task.DETECT, "boxes": True, "grey": False, **more}
    return [advice.text for advice in advise(steps, **given)]


def test_boxes_that_grow_are_told_with_the_true_share() -> None:
    turn = make_step("affine", rotation=[-25, 25])
    (advice,) = advise((turn,), task=Task.DETECT, boxes=True, grey=False)
    assert "at 25° a box is up to 33\N{NO-BREAK SPACE}% wider" in advice.text
    assert advice.remedy == "Limit to ±10°"
    assert advice.steps[0].parameters["rotation"] == [-10, 10]  # type: ignore[union-attr]
    assert texts(*advice.steps) == []
    assert texts(turn, boxes=False) == []
    assert texts(turn, task=Task.INSTANCE) == []
    assert texts(turn.model_copy(update={"enabled": False}))[0].startswith("Nothing is changed")


def test_a_remedy_keeps_a_one_sided_turn_on_its_side() -> None:
    (advice,) = advise((make_step("affine", rotation=[0, 90]),), task=Task.DETECT, boxes=True,
                       grey=False)  # fmt: skip
    assert advice.steps[0].parameters["rotation"] == [0, 10]  # type: ignore[union-attr]


def test_losses_are_told_and_each_remedy_leads_to_a_gentler_pipeline() -> None:
    steps: tuple[Item, ...] = (
        make_step("affine", shift=20, scale=[0.5, 2.0], rotation=[-40, 40]),
        make_step("crop", area=[20, 60]),
    )
    lost = {"whole": 90, "cut": 5, "lost": 5, "degenerate": 0}
    told = " ".join(texts(*steps, trials=Trials(lost)))
    assert "5.0\N{NO-BREAK SPACE}% of the annotations are lost" in told
    remedies = []
    while (advice := gentler(steps)) is not None:
        remedies.append(advice.remedy)
        steps = advice.steps
        validate(steps)
    assert remedies == [
        "Shift at most 3 %", "Scale at most 1.20", "Area left: at least 80 %", "Limit to ±10°",
    ]  # fmt: skip
    few = {"whole": 999, "lost": 1}
    assert texts(*steps, trials=Trials(few)) == []


def test_colour_on_grey_images_can_be_taken_out() -> None:
    steps = (make_step("blur"), make_step("hue_saturation"))
    (advice,) = advise(steps, task=Task.SEGMENT, boxes=False, grey=True)
    assert advice.place == (1,)
    assert advice.steps == steps[:1]
    assert texts(*steps, grey=False) == []


def test_what_a_run_on_all_channels_leaves_out_is_told_before_it() -> None:
    inside = Group(group=GroupKind.ONE_OF, steps=(make_step("hue_saturation"), make_step("blur")))
    steps: tuple[Item, ...] = (make_step("affine"), inside)
    deep: dict[str, Any] = {"boxes": False, "channels": 5, "eight_bit": False}
    (advice,) = advise(steps, task=Task.DETECT, grey=False, **deep)
    assert advice.text == (
        "Hue and saturation works on 8-bit colour only, and this run keeps deep images of 5"
        " channels as they are: it is left out."
    )
    assert advice.place == (1, 0)
    assert not advice.blocks
    assert texts(*advice.steps, **deep) == []
    assert texts(*steps, boxes=False) == []
    off = make_step("hue_saturation").model_copy(update={"enabled": False})
    assert texts(make_step("affine"), off, **deep) == []


def test_mirrored_borders_matter_only_where_objects_are_labelled() -> None:
    step = make_step("elastic", border="reflect")
    assert len(texts(step)) == 1
    assert texts(step, task=Task.CLASSIFY) == []


def test_the_step_that_loses_most_is_named_and_changed_first() -> None:
    steps = (
        make_step("affine", shift=20),
        Group(group=GroupKind.ONE_OF, steps=(make_step("blur"), make_step("crop", area=[20, 60]))),
    )
    trials = Trials({"whole": 80, "lost": 20}, {(0,): 2, (1, 1): 18}, images=9, count=200)
    (advice,) = advise(steps, task=Task.DETECT, boxes=False, grey=False, trials=trials)
    assert "in 9 of 200 images; 90\N{NO-BREAK SPACE}% of them by crop and enlarge." in advice.text
    assert advice.place == (1, 1)
    assert advice.remedy == "Area left: at least 80 %"
    group = advice.steps[1]
    assert isinstance(group, Group)
    assert group.steps[1].parameters["area"] == [80, 80]
    assert advice.steps[0] == steps[0]


def test_what_the_engine_of_the_task_cannot_run_blocks_and_can_be_taken_out() -> None:
    steps = (make_step("blur"), make_step("shuffle_tiles"))
    (advice,) = advise(steps, task=Task.DETECT, boxes=True, grey=False)
    assert advice.blocks
    assert advice.place == (1,)
    assert advice.steps == steps[:1]
    assert texts(*steps, task=Task.SEGMENT) == []


def test_an_empty_group_and_colour_in_automatic_changes_are_told() -> None:
    empty = Group(group=GroupKind.SOME_OF)
    assert any("no step that is on" in text for text in texts(make_step("blur"), empty))
    (advice,) = advise((Automatic(),), task=Task.CLASSIFY, boxes=False, grey=True)
    assert advice.remedy == "Leave colour out"
    assert texts(*advice.steps, task=Task.CLASSIFY, grey=True) == []
    assert texts(Automatic(enabled=False))[0].startswith("Nothing is changed")


def test_a_step_that_takes_long_is_named_with_its_time() -> None:
    steps = (make_step("blur"), make_step("fog"))
    (advice,) = advise(steps, task=Task.CLASSIFY, boxes=False, grey=False,
                       times={(0,): 0.4, (1,): 180.2})  # fmt: skip
    assert "Fog takes 180\N{NO-BREAK SPACE}ms for an image" in advice.text
    assert advice.place == (1,)
    assert advice.steps == steps[:1]
