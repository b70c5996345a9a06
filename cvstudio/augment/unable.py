"""What a transform cannot be used for: the task, and images that are not 8-bit RGB."""

from __future__ import annotations

from cvstudio.augment.automatic import steps_of
from cvstudio.augment.catalogue import transform
from cvstudio.core.annotation import Task
from cvstudio.core.pipeline import Automatic, Group, Item

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
    if not record.deep and (channels != 3 or not eight_bit):
        depth = "" if eight_bit else "deep "
        kind = f"{depth}images of {channels} channels" if channels != 3 else "deep images"
        return f"{record.title} works on 8-bit colour only, and this run keeps {kind} as they are."
    return ""
