"""What is worth a look in a pipeline, in words, each with the change that mends it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cvstudio.augment.catalogue import field_of, transform, values
from cvstudio.augment.summary import with_unit
from cvstudio.core.annotation import Task
from cvstudio.core.pipeline import Step

_MUCH_GROWTH = 0.2
_MUCH_LOST = 0.01
_CALM_ANGLE = 10.0


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence about step `step` (an index, or None for the whole pipeline).

    `remedy` are the words of a link, `steps` the pipeline after it; both empty when there is none.
    """

    text: str
    step: int | None = None
    remedy: str = ""
    steps: tuple[Step, ...] = ()


def advise(
    steps: Sequence[Step],
    *,
    task: Task,
    boxes: bool,
    grey: bool,
    outcomes: Mapping[str, int] | None = None,
) -> list[Advice]:
    """Everything worth a look.

    `boxes`: there are annotations that are boxes. `grey`: the images have no colour. `outcomes`:
    how many annotations of trial images ended "whole", "cut", "lost" and "degenerate".
    """
    steps = tuple(steps)
    found = list(_nothing_happens(steps))
    if boxes and task is Task.DETECT:
        found += _growing_boxes(steps)
    if task is not Task.CLASSIFY:
        found += _mirrored_objects(steps)
        found += _lost_objects(steps, outcomes or {})
    if grey:
        found += _colour_without_colour(steps)
    return found


def gentler(steps: Sequence[Step]) -> Advice | None:
    """The change that loses fewest habits and most losses: less shift, scale, turn or crop.

    None when no enabled step moves objects out of the image. Its text is empty.
    """
    steps = tuple(steps)
    for index, name, limit in (
        *((i, "shift", 3) for i in _enabled(steps, "affine")),
        *((i, "scale", 1.2) for i in _enabled(steps, "affine")),
        *((i, "area", 80) for i in _enabled(steps, "crop")),
        *((i, "rotation", _CALM_ANGLE) for i in _enabled(steps, "affine")),
    ):
        now = values(steps[index])[name]
        title = field_of(transform(steps[index].transform), name).title
        if name == "shift" and now > limit:
            return Advice("", index, f"Shift at most {limit} %", _with(steps, index, shift=limit))
        if name == "scale" and now[1] > limit:
            wanted = [min(now[0], limit), limit]
            return Advice(
                "", index, f"Scale at most {limit:.2f}", _with(steps, index, scale=wanted)
            )
        if name == "area" and now[0] < limit:
            wanted = [limit, max(now[1], limit)]
            words = f"{title}: at least {limit} %"
            return Advice("", index, words, _with(steps, index, area=wanted))
        if name == "rotation" and max(abs(now[0]), abs(now[1])) > limit:
            return _calmer(steps, index, "")
    return None


def _nothing_happens(steps: tuple[Step, ...]) -> Iterator[Advice]:
    if not any(step.enabled and step.chance > 0 for step in steps):
        yield Advice("Nothing is changed: the network sees every image the same way each epoch.")


def _growing_boxes(steps: tuple[Step, ...]) -> Iterator[Advice]:
    for index in _enabled(steps, "affine"):
        low, high = values(steps[index])["rotation"]
        widest = max(abs(low), abs(high))
        angle = math.radians(min(widest, 45))
        growth = math.cos(angle) + math.sin(angle) - 1
        if growth >= _MUCH_GROWTH:
            degrees = with_unit(min(widest, 45), "°", step=1)
            share = with_unit(100 * growth, "%", step=1)
            text = (
                f"Boxes grow when images turn: at {degrees} a box is up to {share} wider than its"
                " object. Masks stay tight."
            )
            yield _calmer(steps, index, text)


def _calmer(steps: tuple[Step, ...], index: int, text: str) -> Advice:
    low, high = values(steps[index])["rotation"]
    calm = [max(low, -_CALM_ANGLE), min(high, _CALM_ANGLE)]
    if calm[0] > calm[1]:
        calm = [-_CALM_ANGLE, _CALM_ANGLE]
    after = _with(steps, index, rotation=calm)
    return Advice(text, index, f"Limit to ±{_CALM_ANGLE:.0f}°", after)


def _mirrored_objects(steps: tuple[Step, ...]) -> Iterator[Advice]:
    for index, step in enumerate(steps):
        if _acts(step) and values(step).get("border") == "reflect":
            yield Advice(
                f"{transform(step.transform).title}: a mirrored border shows objects that no label"
                " marks.",
                index,
                "Fill with the background",
                _with(steps, index, border="background"),
            )


def _lost_objects(steps: tuple[Step, ...], outcomes: Mapping[str, int]) -> Iterator[Advice]:
    total = sum(outcomes.values())
    lost = outcomes.get("lost", 0)
    if total and lost / total >= _MUCH_LOST:
        remedy = gentler(steps)
        share = with_unit(100 * lost / total, "%", step=0.1)
        text = f"{share} of the annotations are lost at the border or hidden."
        if remedy is None:
            yield Advice(text)
        else:
            yield Advice(text, remedy.step, remedy.remedy, remedy.steps)


def _colour_without_colour(steps: tuple[Step, ...]) -> Iterator[Advice]:
    for index, step in enumerate(steps):
        record = transform(step.transform)
        if _acts(step) and not record.grey:
            yield Advice(
                f"These images have no colour: {record.title.lower()} does not help here.",
                index,
                "Take it out",
                steps[:index] + steps[index + 1 :],
            )


def _acts(step: Step) -> bool:
    return step.enabled and step.chance > 0


def _enabled(steps: Sequence[Step], name: str) -> list[int]:
    return [i for i, step in enumerate(steps) if _acts(step) and step.transform == name]


def _with(steps: tuple[Step, ...], index: int, **changed: Any) -> tuple[Step, ...]:
    step = steps[index]
    parameters = {**step.parameters, **changed}
    return (
        *steps[:index],
        step.model_copy(update={"parameters": parameters}),
        *steps[index + 1 :],
    )
