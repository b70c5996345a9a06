"""Regions that a tool found become annotations: masks, or a part of the one mask of their class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from cvstudio.core.annotation import Annotation, Shape, State, Task
from cvstudio.core.masks import Mask, Patch, together
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.layer import ShapeLayer
from cvstudio.gui.label.regions import without
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.imaging.regions.view import Region

MOST_PIXELS = 100_000_000
"""Of the rectangles of regions that are kept in one step, in pixels of the image: a mask takes a
byte for each of them whenever it is looked at, several times while it is made."""

AT_ONCE = 4_000_000
"""Pixels up to which masks are made on the window's thread, within a tenth of a second."""

TOO_LARGE = "That is too large for one mask: zoom in and take a part of it"
STORING = "Storing a large region…"

Found = Sequence[tuple[int, Region]]
"""Class ids and what was found of them."""


def too_large(found: Found) -> bool:
    """Whether the masks of these regions would ask for too much memory."""
    return sum(region.box.area for _, region in found) > MOST_PIXELS


@dataclass(frozen=True)
class Outcome:
    """What becomes of an image's shapes when regions are kept."""

    about: ShapeLayer
    """The shapes as they were."""
    new: Sequence[tuple[int, Shape]] = ()
    """Class ids and masks that are added."""
    changed: Mapping[int, Shape] | None = None
    """Other shapes of annotations that are there; None deletes one."""


class Keeper:
    """Makes masks of regions, large ones in a thread of the tool, and stores them in one step.

    In a project that segments, a class is one mask, which grows, and a pixel has one class: the
    others lose it. In all others each region becomes a mask of its own.
    """

    def __init__(self, document: Document, runner: LatestWins, say: Callable[[str], None]) -> None:
        self._document, self._runner, self._say = document, runner, say

    def keep(
        self, found: Found, *, label: str, stored: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:  # fmt: skip
        """Call `stored` when the regions are kept, and `failed` when they could not be: what the
        person sees of them must stay then. Why is told."""
        document = self._document
        if too_large(found):
            self._say(TOO_LARGE)
            failed()
            return
        work = partial(outcome_of, found, document.layer, task=document.task, size=document.size)

        def store(outcome: Outcome) -> None:
            if outcome.about is not document.layer:  # somebody has changed a shape meanwhile
                outcome = outcome_of(
                    found, document.layer, task=document.task, size=document.size
                )  # fmt: skip
            if _store(document, outcome, label=label):
                stored()
            else:
                failed()

        def torn(error: BaseException) -> None:
            document.studio.tasks.tell(label, error)
            failed()

        if sum(region.box.area for _, region in found) <= AT_ONCE:
            store(work())
        else:
            self._say(STORING)
            self._runner.request(lambda _control: work(), store, torn)


def _store(document: Document, outcome: Outcome, *, label: str) -> bool:
    """False when the shapes could not be written, or are locked; both are told."""
    if outcome.new:
        return bool(document.add_many(outcome.new, label=label, also=outcome.changed))
    return not outcome.changed or document.reshape(outcome.changed, label=label)


def outcome_of(
    found: Found, layer: ShapeLayer, *, task: Task, size: tuple[int, int]
) -> Outcome:  # fmt: skip
    """What keeping regions does to the shapes of an image of that size. For any thread."""
    patches = [(class_id, *region.full(*size)) for class_id, region in found]
    if task == Task.SEGMENT:
        return _grown(patches, layer)
    masks = [(class_id, Mask.from_patch(patch, x, y)) for class_id, patch, x, y in patches]
    return Outcome(layer, [(class_id, mask) for class_id, mask in masks if mask is not None])


def _grown(patches: Sequence[tuple[int, Patch, int, int]], layer: ShapeLayer) -> Outcome:
    now = list(layer.annotations)
    new: list[tuple[int, Shape]] = []
    for class_id, patch, x, y in patches:
        target = _mask_of_class(now, class_id)
        old = target.shape if target is not None else None
        painted, grown = patch, Mask.from_patch(patch, x, y)
        if isinstance(old, Mask):
            painted = patch.copy()
            old.moved(-x, -y).paint(painted, 0)
            grown = Mask.from_patch(*together([(old.patch(), old.x, old.y), (patch, x, y)]))
        others = without(ShapeLayer(tuple(now)), painted, x, y, target=target)
        if target is not None:
            others[target.id] = grown
        elif grown is not None:
            new.append((class_id, grown))
        now = [replace(a, shape=others[a.id]) if a.id in others else a for a in now]
        now = [a for a in now if a.shape is not None]
    left = {a.id: a.shape for a in now}
    changed: dict[int, Shape] = {
        a.id: left.get(a.id)
        for a in layer.annotations
        if a.id not in left or left[a.id] is not a.shape
    }
    return Outcome(layer, new, changed)


def _mask_of_class(annotations: Sequence[Annotation], class_id: int) -> Annotation | None:
    """The mask that lies on top of the others of its class, and may be changed."""
    return next(
        (
            a
            for a in reversed(annotations)
            if a.class_id == class_id
            and isinstance(a.shape, Mask)
            and a.state == State.ACCEPTED
            and not a.locked
        ),
        None,
    )
