"""What of an image's annotations will not train or waits, told to the person who approves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cvstudio.core.annotation import COUNTING, LEARNED, Annotation, Kind, State, Task
from cvstudio.core.words import counted

_NEEDS = {
    Task.CLASSIFY: "classification needs a class for the whole image",
    Task.DETECT: "detection needs boxes, polygons or masks",
    Task.SEGMENT: "segmentation needs polygons or masks",
    Task.INSTANCE: "instance segmentation needs polygons or masks",
}
_MANY = {
    Kind.BOX: ("box", "boxes"),
    Kind.POLYGON: ("polygon", "polygons"),
    Kind.MASK: ("mask", "masks"),
    Kind.IMAGE: ("image class", "image classes"),
    Kind.ROTATED_BOX: ("rotated box", "rotated boxes"),
    Kind.KEYPOINTS: ("set of keypoints", "sets of keypoints"),
}


def idle_words(annotations: Iterable[Annotation], task: Task, *, where: str = "this image") -> str:
    """ "2 boxes on this image will not train: segmentation needs polygons or masks."

    "" when the kind of every accepted annotation is one that the task learns from. In a project
    that segments, an image of which nothing trains is background to the network: that is said too.
    """
    kinds = Counter(a.kind for a in annotations if a.state == State.ACCEPTED)
    without = [kind for kind in Kind if kind in kinds and kind not in LEARNED[task]]
    idle = [counted(kinds[kind], *_MANY[kind]) for kind in without]
    if not idle:
        return ""
    # Another shape would help the others; points are learned in another project.
    posed = without == [Kind.KEYPOINTS]
    needs = "only projects that find objects learn from them" if posed else _NEEDS[task]
    words = f"{' and '.join(idle)} on {where} will not train: {needs}."
    if task is Task.SEGMENT and not kinds.keys() & COUNTING[task]:
        words += " Without them all of it trains as background."
    return words


def waiting_words(
    annotations: Iterable[Annotation], task: Task, *, where: str = "this image"
) -> str:
    """ "2 suggestions wait on this image. It counts as empty until you accept one."

    "" when nobody suggested anything, or all of it is decided on.
    """
    states = Counter(a.state for a in annotations)
    waiting = states[State.SUGGESTED]
    if not waiting:
        return ""
    words = f"{counted(waiting, 'suggestion waits', 'suggestions wait')} on {where}."
    if not states[State.ACCEPTED]:
        alone = "has no class" if task is Task.CLASSIFY else "counts as empty"
        words += f" It {alone} until you accept one."
    return words


def note_of_keypoints(task: Task) -> str:
    """What the tool that places keypoints says where no network learns from them; else ""."""
    if Kind.KEYPOINTS in LEARNED[task]:
        return ""
    return "Keypoints are kept but do not train here: only projects that find objects learn them"


def note_of_boxes(task: Task) -> str:
    """What a tool that draws boxes says where they do not train; else ""."""
    if task in (Task.SEGMENT, Task.INSTANCE):
        return "Boxes are kept but do not train here: draw polygons or masks"
    return ""
