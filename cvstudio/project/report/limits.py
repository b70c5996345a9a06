"""What a report must not leave unsaid: how far its figures are to be believed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cvstudio.core.annotation import Split, Task
from cvstudio.core.run_state import RunState
from cvstudio.core.snapshot import Snapshot
from cvstudio.core.words import counted, quoted
from cvstudio.project.verdict import Analysis

FEW_IMAGES = 100
"""Judged on fewer, a figure moves by several hundredths with the luck of which they were."""
FEW_OBJECTS = 20
"""With fewer labels, or images of a small split, the figure of a class says little."""
_NAMED = 5


def limits(
    snapshot: Snapshot,
    judged: Mapping[Split, Analysis],
    *,
    state: RunState,
    changed: int,
    damaged: Sequence[str] = (),
) -> Iterator[str]:
    """Sentences, the weightiest first; `changed`: images whose labels are other ones by now,
    `damaged`: files that could not be read for this report."""
    shown = judged.get(Split.TEST) or judged.get(Split.VAL)
    if shown is None:
        yield "The network has not been judged on images that it did not learn from."
        return
    if Split.TEST not in judged:
        yield (
            "There is no test split: the best epoch was chosen on the same images that the figures"
            " are of. On new images it will do somewhat worse."
        )
    images = len(shown.images)
    if images < FEW_IMAGES:
        yield (
            f"It was judged on {counted(images, 'image')}. With so few, the figures could be"
            " noticeably better or worse by chance; the ranges in brackets say how much."
        )
    yield from _rare(snapshot, shown)
    if changed:
        yield (
            f"The labels, splits or files of {counted(changed, 'image')} have changed since this"
            " network learned from them."
        )
    yield _kind_of_images(snapshot)
    for note in state.notes:
        if note.level == "warning":
            yield f"While it trained: {note.text}"
    if damaged:
        yield f"{counted(len(damaged), 'image')} could not be shown here: {damaged[0]}"


def _rare(snapshot: Snapshot, shown: Analysis) -> Iterator[str]:
    """Classes of which the judged images have too few."""
    by_object = snapshot.task in (Task.DETECT, Task.INSTANCE)
    counts = {c.id: 0 for c in snapshot.classes}
    for image in shown.images.values():
        found = [one.class_id for one in image.annotations]
        for class_id in found if by_object else set(found):
            counts[class_id] = counts.get(class_id, 0) + 1
    what = "annotation" if by_object else "image"
    names = [
        f"{quoted(c.name)} ({counts[c.id]:,})"
        for c in snapshot.classes
        if counts[c.id] < min(FEW_OBJECTS, len(shown.images))
    ]
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield (
            f"Of these classes the judged images have few {what}s, so that"
            f" little can be said of them: {', '.join(names[:_NAMED])}{more}."
        )


def _kind_of_images(snapshot: Snapshot) -> str:
    sizes = {(image.width, image.height) for image in snapshot.images}
    widths, heights = sorted(w for w, _ in sizes), sorted(h for _, h in sizes)
    if len(sizes) == 1:
        size = f"of {widths[0]:,} × {heights[0]:,} pixels"
    else:
        size = f"from {widths[0]:,} × {heights[0]:,} to {widths[-1]:,} × {heights[-1]:,} pixels"
    return (
        f"It knows images like those it learned from ({size}). From another instrument, stain,"
        " site or magnification they may be answered worse, without any warning."
    )
