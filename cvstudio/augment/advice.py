"""What is worth a look in a pipeline, in words, each with the change that mends it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cvstudio.augment.catalogue import field_of, transform, values
from cvstudio.augment.editing import (
    Items,
    Place,
    acting_steps,
    acts,
    at,
    changed,
    flat,
    removed,
    with_parameters,
)
from cvstudio.augment.summary import with_unit
from cvstudio.augment.unable import cannot_run, runnable
from cvstudio.core.annotation import Task
from cvstudio.core.pipeline import Automatic, Group, Item, Step

_MUCH_GROWTH = 0.2
_MUCH_LOST = 0.01
_CALM_ANGLE = 10.0
_SLOW_MS = 80.0


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence about what stands at `place`, or about the whole pipeline where that is None.

    `remedy` are the words of a link, `steps` the pipeline after it; both empty when there is none.
    `blocks`: a run with this pipeline would not start.
    """

    text: str
    place: Place | None = None
    remedy: str = ""
    steps: Items = ()
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Trials:
    """What became of annotations in trial images.

    `outcomes` counts them by how they ended ("whole", "cut", "lost", "degenerate"), `lost_by` those
    that were lost, by the place of the step that lost them; `images` of `count` lost any.
    """

    outcomes: Mapping[str, int] = field(default_factory=dict)
    lost_by: Mapping[Place, int] = field(default_factory=dict)
    images: int = 0
    count: int = 0

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())

    @property
    def lost(self) -> int:
        return self.outcomes.get("lost", 0)


def advise(
    items: Sequence[Item],
    *,
    task: Task,
    boxes: bool,
    grey: bool,
    trials: Trials | None = None,
    times: Mapping[Place, float] | None = None,
    channels: int = 3,
    eight_bit: bool = True,
) -> list[Advice]:
    """Everything worth a look, what blocks first.

    `boxes`: there are annotations that are boxes. `grey`: the images have no colour. `times`:
    milliseconds of each step when it acts. `channels`, `eight_bit`: what reaches the network, as
    augment.unable takes it.
    """
    items = tuple(items)
    found = list(_what_cannot_run(items, task))
    found += _left_out(items, task, channels=channels, eight_bit=eight_bit)
    found += _nothing_happens(items)
    found += _empty_groups(items)
    if boxes and task is Task.DETECT:
        found += _growing_boxes(items)
    if task is not Task.CLASSIFY:
        found += _mirrored_objects(items)
        found += _lost_objects(items, trials or Trials())
    if grey and eight_bit:
        found += _colour_without_colour(items)
    found += _slow_steps(items, times or {})
    return found


def gentler(items: Sequence[Item], *, first: Place | None = None) -> Advice | None:
    """The change that loses fewest habits and most losses: less shift, scale, turn or crop.

    `first`: the step that is known to lose most. None when no step that acts moves objects out of
    the image in a way that is known here. Its text is empty.
    """
    items = tuple(items)
    places = [first] if first is not None else [place for place, _ in acting_steps(items)]
    for transform_name, name, limit in _GENTLER:
        for place in places:
            step = at(items, place)
            if isinstance(step, Step) and step.transform == transform_name:
                found = _gentler_step(items, place, step, name, limit)
                if found is not None:
                    return found
    return gentler(items) if first is not None else None


_GENTLER = (
    ("affine", "shift", 3),
    ("affine", "scale", 1.2),
    ("crop", "area", 80),
    ("crop_to_object", "side", 85),
    ("trim", "sides", 5),
    ("trim", "ends", 5),
    ("stretch", "width", 1.2),
    ("stretch", "height", 1.2),
    ("hide_patches", "size", 10),
    ("hide_parts", "size", 35),
    ("affine", "rotation", _CALM_ANGLE),
)
"""Transform, parameter and the value that loses little, in the order in which they are tried."""


def _gentler_step(items: Items, place: Place, step: Step, name: str, limit: float) -> Advice | None:
    now = values(step)[name]
    title = field_of(transform(step.transform), name).title
    if name == "rotation":
        too_much = max(abs(now[0]), abs(now[1])) > limit
        return _calmer(items, place, "") if too_much else None
    if name == "area":
        if now[0] >= limit:
            return None
        pair = [limit, max(now[1], limit)]
        return Advice(
            "", place, f"{title}: at least {limit} %", with_parameters(items, place, area=pair)
        )
    if name == "side":
        words = f"{title}: {limit} %"
        return (
            None
            if now >= limit
            else Advice("", place, words, with_parameters(items, place, side=limit))
        )
    top = now[1] if isinstance(now, list | tuple) else now
    if top <= limit:
        return None
    wanted = [min(now[0], limit), limit] if isinstance(now, list | tuple) else limit
    shown = f"{limit:.2f}" if isinstance(limit, float) else f"{limit} %"
    words = f"{title} at most {shown}"
    return Advice("", place, words, with_parameters(items, place, **{name: wanted}))


def _what_cannot_run(items: Items, task: Task) -> Iterator[Advice]:
    for place, item in flat(items):
        if isinstance(item, Step) and acts(items, place):
            why = cannot_run(item, task=task)
            if why:
                yield Advice(why, place, "Take it out", removed(items, place), blocks=True)


def _left_out(items: Items, task: Task, *, channels: int, eight_bit: bool) -> Iterator[Advice]:
    """What runs on 8-bit colour alone, where the network sees something else."""
    for place, item in flat(items):
        if isinstance(item, Group) or not acts(items, place):
            continue
        if isinstance(item, Step) and cannot_run(item, task=task):
            continue
        _, reasons = runnable((item,), channels=channels, eight_bit=eight_bit)
        for why in reasons:
            text = f"{why.removesuffix('.')}: it is left out."
            remedy = "Take it out" if isinstance(item, Step) else ""
            yield Advice(text, place, remedy, removed(items, place) if remedy else ())


def _nothing_happens(items: Items) -> Iterator[Advice]:
    able = any(isinstance(item, Automatic) and acts(items, place) for place, item in flat(items))
    if not able and not any(acting_steps(items)):
        yield Advice("Nothing is changed: the network sees every image the same way each epoch.")


def _empty_groups(items: Items) -> Iterator[Advice]:
    for place, item in flat(items):
        if isinstance(item, Group) and item.enabled and len(items) > 1:
            inside = [step for p, step in acting_steps(items) if p[:1] == place]
            if not inside:
                yield Advice(
                    "This group has no step that is on, so it does nothing.", place, "Take it out",
                    removed(items, place),
                )  # fmt: skip


def _growing_boxes(items: Items) -> Iterator[Advice]:
    for place, step in acting_steps(items):
        if step.transform not in ("affine", "turn_whole"):
            continue
        low, high = values(step)["rotation"]
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
            yield _calmer(items, place, text)


def _calmer(items: Items, place: Place, text: str) -> Advice:
    step = at(items, place)
    assert isinstance(step, Step)
    low, high = values(step)["rotation"]
    calm = [max(low, -_CALM_ANGLE), min(high, _CALM_ANGLE)]
    if calm[0] > calm[1]:
        calm = [-_CALM_ANGLE, _CALM_ANGLE]
    after = with_parameters(items, place, rotation=calm)
    return Advice(text, place, f"Limit to ±{_CALM_ANGLE:.0f}°", after)


def _mirrored_objects(items: Items) -> Iterator[Advice]:
    for place, step in acting_steps(items):
        if values(step).get("border") == "reflect":
            yield Advice(
                f"{transform(step.transform).title}: a mirrored border shows objects that no label"
                " marks.",
                place,
                "Fill with the background",
                with_parameters(items, place, border="background"),
            )


def _lost_objects(items: Items, trials: Trials) -> Iterator[Advice]:
    if not trials.total or trials.lost / trials.total < _MUCH_LOST:
        return
    share = with_unit(100 * trials.lost / trials.total, "%", step=0.1)
    text = f"{share} of the annotations are lost at the border or hidden"
    if trials.count:
        text += f", in {trials.images} of {trials.count} images"
    worst = max(trials.lost_by, key=lambda place: trials.lost_by[place], default=None)
    step = at(items, worst) if worst is not None else None
    if isinstance(step, Step):
        part = with_unit(100 * trials.lost_by[worst] / max(trials.lost, 1), "%", step=1)  # type: ignore[index]
        text += f"; {part} of them by {transform(step.transform).title.lower()}"
    remedy = gentler(items, first=worst if isinstance(step, Step) else None)
    if remedy is None:
        yield Advice(f"{text}.", worst)
    else:
        yield Advice(f"{text}.", worst or remedy.place, remedy.remedy, remedy.steps)


def _slow_steps(items: Items, times: Mapping[Place, float]) -> Iterator[Advice]:
    for place, step in acting_steps(items):
        took = times.get(place, 0.0)
        if took >= _SLOW_MS:
            title = transform(step.transform).title
            yield Advice(
                f"{title} takes {with_unit(took, 'ms', step=1)} for an image each time it acts:"
                " training may wait for it.",
                place,
                "Take it out",
                removed(items, place),
            )


def _colour_without_colour(items: Items) -> Iterator[Advice]:
    for place, item in flat(items):
        if not acts(items, place):
            continue
        if isinstance(item, Step) and not transform(item.transform).grey:
            yield Advice(
                f"These images have no colour: {transform(item.transform).title.lower()} does not"
                " help here.",
                place,
                "Take it out",
                removed(items, place),
            )
        elif isinstance(item, Automatic) and item.colour:
            yield Advice(
                "These images have no colour: automatic changes need not draw any.", place,
                "Leave colour out", changed(items, place, colour=False),
            )  # fmt: skip
