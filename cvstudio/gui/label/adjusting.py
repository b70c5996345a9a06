"""Simplify, smooth and convert: an amount in a popup, the shapes change as it does, Enter keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QRect, QRectF, QTimer, Signal
from PySide6.QtWidgets import QWidget

from cvstudio.core import combine, convert, outlines
from cvstudio.core.annotation import Annotation, Kind, Shape, area_of, box_of
from cvstudio.core.clipping import clipped
from cvstudio.core.geometry import Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.words import counted
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.adjust_popup import KINDS, AdjustPopup
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.toolbox import Toolbox
from cvstudio.gui.label.tools.adjust import AdjustTool
from cvstudio.gui.label.turning import rotated_words
from cvstudio.gui.latest_wins import LatestWins

_AT_ONCE = 1_000_000  # pixels of shapes that are changed within a frame; more goes to a thread


@dataclass(frozen=True)
class Adjustment:
    """One way to change shapes by an amount in pixels of the image."""

    verb: str
    word: str
    amount: float
    kinds: frozenset[Kind]
    none: str
    """Said when nothing that is selected can be changed so."""
    make: Callable[[Shape, float], Shape] | None = None
    """None converts to the kind that the popup asks for."""


_ADJUSTMENTS = {
    "label.simplify": Adjustment(
        "Simplify", "Tolerance", 1.0, frozenset({Kind.POLYGON}),
        "Select a polygon to simplify; Convert makes one of a mask", combine.simplified,
    ),
    "label.smooth": Adjustment(
        "Smooth", "Strength", 3.0, frozenset({Kind.POLYGON, Kind.MASK}),
        "Select a polygon or mask to smooth", combine.smoothed,
    ),
    "label.convert": Adjustment(
        "Convert", "Tolerance", 1.5, frozenset(KINDS),
        "Select a shape to convert",
    ),
}  # fmt: skip


class Adjusting(QObject):
    """The actions and the popup. One undo step when it is kept, none when it is dropped."""

    said = Signal(str)

    def __init__(
        self, actions: Actions, document: Document, canvas: Canvas, toolbox: Toolbox, page: QWidget
    ) -> None:
        super().__init__(page)
        self._document, self._canvas, self._toolbox = document, canvas, toolbox
        self._amounts = {id: each.amount for id, each in _ADJUSTMENTS.items()}
        self._action = ""
        self._before: dict[int, Shape] = {}
        self._latest = LatestWins(document.studio.tasks, owner=self)
        self.popup = AdjustPopup(canvas)
        self.tool = AdjustTool(document, canvas, self._end)
        self.popup.changed.connect(self._preview)
        self.popup.kept.connect(self.tool.finish)
        self.popup.dropped.connect(self.tool.cancel)
        document.selection_changed.connect(self.tool.cancel)
        document.annotations_changed.connect(self.tool.cancel)
        for id in _ADJUSTMENTS:
            actions.connect(id, partial(self.begin, id), page)

    def begin(self, action: str) -> None:
        """Open the popup for what is selected."""
        self.tool.cancel()
        adjustment = _ADJUSTMENTS[action]
        chosen = [a for a in self._document.selected() if a.kind in adjustment.kinds]
        free = [a for a in chosen if not a.locked]
        if not free:
            self.said.emit(adjustment.none)
            return
        self._action = action
        self._before = {a.id: a.shape for a in free}
        self._canvas.set_tool(self.tool)
        self.popup.ask_amount(True)
        kind = None if adjustment.make is not None else _likely(free)
        self.popup.begin(
            adjustment.verb, adjustment.word, self._amounts[action], kind, about=self._place(free)
        )
        self._preview()
        self.said.emit("")  # the hint is that of the preview now

    def _place(self, annotations: Iterable[Annotation]) -> QRect:
        """Where annotations lie on the canvas."""
        place = QRectF()
        for box in (a.box for a in annotations):
            corner = self._canvas.to_screen(box.x + box.w, box.y + box.h)
            place |= QRectF(self._canvas.to_screen(box.x, box.y), corner).normalized()
        return place.toAlignedRect()

    def _preview(self) -> None:
        adjustment, amount = _ADJUSTMENTS[self._action], self.popup.amount.value
        self._amounts[self._action] = amount
        make = adjustment.make
        if make is None:
            kind = self.popup.wanted
            make = partial(_converted, kind)
            from_mask = any(isinstance(shape, Mask) for shape in self._before.values())
            self.popup.ask_amount(kind is Kind.POLYGON and from_mask)
        work = partial(_made, dict(self._before), make, amount, self._document.size)
        if sum(map(_cost, self._before.values())) <= _AT_ONCE:
            self._latest.drop()
            self._show(work())
            return
        if not self.tool.active:
            self.tool.show(self._before)
        self.tool.waiting = True
        self.popup.words.setText("Computing …")
        self._latest.request(lambda _control: work(), self._show, self._failed)

    def _show(self, drafts: Mapping[int, Shape]) -> None:
        self.popup.words.setText(result_words(self._before, drafts))
        self.tool.show(drafts)

    def _failed(self, error: BaseException) -> None:
        self.tool.cancel()
        self._document.studio.fail(error)

    def _end(self, kept: bool) -> None:
        """Keep what is previewed, or not; the tool that was in hand comes back."""
        drafts, before = self.tool.drafts, self._before
        self._before = {}
        self._latest.drop()
        self.popup.hide()
        if kept:
            changed = {id: shape for id, shape in drafts.items() if shape != before[id]}
            verb = _ADJUSTMENTS[self._action].verb
            if changed:
                label = f"{verb} {counted(len(changed), 'annotation')}"
                self._document.reshape(changed, label=label)
            else:
                self.said.emit("Nothing changed")
        self._canvas.setFocus()
        # Not at once: the tool may be ending because another one is just being taken.
        QTimer.singleShot(0, self, self._give_back)

    def _give_back(self) -> None:
        if self._document.studio.project is None:
            return  # it was closed in the middle
        if self._canvas.tool is self.tool and not self.tool.active:
            self._toolbox.take(self._toolbox.info.action)


def _made(
    before: Mapping[int, Shape], make: Callable[[Shape, float], Shape], amount: float,
    size: tuple[int, int],
) -> dict[int, Shape]:  # fmt: skip
    """The shapes as they would be; what would lie outside the image stays. For any thread."""
    width, height = size
    drafts: dict[int, Shape] = {}
    for id, shape in before.items():
        inside = clipped(make(shape, amount), width=width, height=height)
        drafts[id] = inside if inside is not None else shape
    return drafts


def _converted(kind: Kind, shape: Shape, amount: float) -> Shape:
    return convert.converted(shape, kind, tolerance=amount)


def _cost(shape: Shape) -> float:
    """About how much work a shape is: the pixels around it, or so many for each of its points."""
    if shape is None:
        return 0.0
    box = box_of(shape)
    return box.w * box.h + 20 * _points(shape)


def _likely(annotations: list[Annotation]) -> Kind:
    """What shapes are most likely converted to: masks and boxes to polygons, polygons to masks."""
    return Kind.MASK if all(a.kind is Kind.POLYGON for a in annotations) else Kind.POLYGON


def result_words(before: Mapping[int, Shape], after: Mapping[int, Shape]) -> str:
    """What an adjustment does: "412 → 37 points, area +0.4 %"."""
    words = []
    points = sum(_points(shape) for shape in after.values())
    if points:
        known = sum(_points(shape) for shape in before.values())
        words.append(f"{known:,} → {points:,} points" if known else f"{points:,} points")
    elif len(after) == 1 and isinstance(shape := next(iter(after.values())), RotatedBox):
        words.append(rotated_words(shape))
    elif len(after) == 1:
        box = box_of(next(iter(after.values())))
        words.append(f"{box.w:,.0f} × {box.h:,.0f} px")
    old, new = (sum(area_of(shape) for shape in shapes.values()) for shapes in (before, after))
    words.append(_area_words(100 * (new - old) / old) if old else "")
    return ", ".join(word for word in words if word)


def _area_words(percent: float) -> str:
    """How much an area grew; what rounds to nothing has no sign."""
    words = f"{percent:+.1f}"
    return "area the same" if float(words) == 0 else f"area {words} %"


def _points(shape: Shape) -> int:
    return outlines.point_count(shape) if isinstance(shape, Polygon) else 0
