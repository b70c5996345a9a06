"""What a transform cannot be used for: the task, and images that are not 8-bit RGB.

What cannot run on such images is left out of a run that sees all their values, and said.
"""

from __future__ import annotations

from collections.abc import Sequence

from cvstudio.augment.automatic import as_group, steps_of
from cvstudio.augment.catalogue import transform
from cvstudio.core.annotation import Task
from cvstudio.core.pipeline import Automatic, Group, Item, Step

ENGINES = {
    Task.CLASSIFY: "Training to classify",
    Task.SEGMENT: "Training to segment",
    Task.DETECT: "Training to detect",
    Task.INSTANCE: "Training for instances",
}
"""What runs the pipeline of a task. Every engine calls the same code (build.py), so what differs is
what it is given: whole images, label maps, or objects."""


def cannot_run(item: Item, *, task: Task, channels: int = 3, eight_bit: bool = True) -> str:
    """Why an item cannot run in the engine of a task, in a sentence; empty when it can.

    `channels`, `eight_bit`: what the images that reach the network are like.
    """
    if isinstance(item, Group | Automatic):
        steps = item.steps if isinstance(item, Group) else steps_of(item)
        found = (
            cannot_run(step, task=task, channels=channels, eight_bit=eight_bit) for step in steps
        )
        return next((why for why in found if why), "")
    record = transform(item.transform)
    if task not in record.tasks:
        reason = (
            "objects have no single place afterwards"
            if Task.CLASSIFY in record.tasks
            else "its images have no labelled places"
        )
        return f"{ENGINES[task]} cannot use {record.title.lower()}: {reason}."
    return _needs_colour(item, channels=channels, eight_bit=eight_bit)


def _needs_colour(step: Step, *, channels: int, eight_bit: bool) -> str:
    """Why a step cannot run on such images; empty when it can."""
    record = transform(step.transform)
    if channels == 3 and eight_bit:
        return ""
    if channels == 1 and not record.grey:
        return f"{record.title} needs several channels, and these images have one."
    if record.deep:
        return ""
    depth = "" if eight_bit else "deep "
    kind = f"{depth}images of {channels} channels" if channels != 3 else "deep images"
    return f"{record.title} works on 8-bit colour only, and this run keeps {kind} as they are."


def runnable(
    items: Sequence[Item], *, channels: int = 3, eight_bit: bool = True
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The pipeline without the steps that need 8-bit colour where images are not that, and why each
    was left out.
    """
    kept: list[Item] = []
    left_out: dict[str, None] = {}
    for item in items:
        if isinstance(item, Step):
            why = _needs_colour(item, channels=channels, eight_bit=eight_bit)
            if not why:
                kept.append(item)
            elif item.enabled:
                left_out[why] = None
            continue
        group = as_group(item) if isinstance(item, Automatic) else item
        inside, reasons = runnable(group.steps, channels=channels, eight_bit=eight_bit)
        if len(inside) == len(group.steps):
            kept.append(item)
            continue
        if item.enabled:
            left_out |= dict.fromkeys(reasons)
        if inside:
            steps = tuple(step for step in inside if isinstance(step, Step))
            count = min(group.count, len(steps))
            kept.append(group.model_copy(update={"steps": steps, "count": count}))
    return tuple(kept), tuple(left_out)
