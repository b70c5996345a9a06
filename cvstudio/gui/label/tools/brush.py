"""Brush and eraser: a uint8 patch of the whole image, edited in place, committed at release."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from cvstudio.core.annotation import Annotation, Shape, State, Task
from cvstudio.core.convert import to_mask
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, Patch, rasterise
from cvstudio.core.rotated import RotatedBox
from cvstudio.gui.label import hit
from cvstudio.gui.label.dabs import Rect, dab, fill_new_holes
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.layer import ShapeLayer
from cvstudio.gui.label.mask_picture import MaskPicture
from cvstudio.gui.label.pens import cosmetic
from cvstudio.gui.label.regions import of_other_classes, painted_over, without
from cvstudio.gui.label.tools.base import Pointer, Surface, Tool
from cvstudio.gui.label.tools.brush_options import BrushOptions
from cvstudio.gui.label.tools.brush_settings import BrushSettings
from cvstudio.gui.label.tools.options import ToolOptions

_NEAR = 3  # screen pixels beside a polygon that still count as on it
_RING_DARK, _RING_LIGHT = QColor(0, 0, 0, 170), QColor(255, 255, 255)


@dataclass
class _Stroke:
    """A stroke under way: the picture it is painted into, and what it will change."""

    picture: MaskPicture
    target: Annotation | None
    colour: QColor
    erases: bool
    last: tuple[float, float]
    painted: bool = False
    """Whether a pixel of the image has come under it."""


class BrushTool(Tool):
    """Paints the mask of the current class. The eraser is the same tool the other way round."""

    name = "brush"
    drawn = "Brush stroke"
    cursor = Qt.CursorShape.BlankCursor
    options_type = BrushOptions
    erases = False

    def __init__(self, document: Document, surface: Surface, settings: BrushSettings) -> None:
        super().__init__(document, surface)
        self.settings = settings
        self._stroke: _Stroke | None = None
        self._pointer: Pointer | None = None

    @property
    def busy(self) -> bool:
        return self._stroke is not None

    @property
    def ripe(self) -> bool:
        return self._stroke is not None and self._stroke.painted

    @property
    def lacks(self) -> str:
        return "it changes nothing" if self.ripe else "it lies outside the image"

    @property
    def hides(self) -> frozenset[int]:
        target = self._stroke.target if self._stroke else None
        return frozenset({target.id}) if target else frozenset()

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        if self._stroke is not None:  # one that could not be stored goes on
            self._dab(pointer)
            return
        erases = self.erases != pointer.opposite
        target = self._to_erase(pointer) if erases else self._to_extend(pointer)
        if erases and target is None:
            self.surface.say("There is no mask under the eraser. Select one to erase from it")
            return
        if target is None and not self.document.ready_to_draw():
            return
        colour = self.document.colour(target.class_id if target else None)
        point = (pointer.x, pointer.y)
        self._stroke = _Stroke(self._picture_of(target), target, colour, erases, point)
        if target is not None:
            self.document.select([target.id])
            self.surface.drafts_changed()
            self.surface.repaint()
        self._dab(pointer)

    def move(self, pointer: Pointer, *, held: bool) -> None:
        if self._stroke is not None and held:
            self._dab(pointer)
        self._show_ring(pointer)

    def release(self, pointer: Pointer) -> None:
        self.finish()

    def finish(self) -> bool:
        """As if the button went up now; what cannot be stored stays in hand."""
        if self._stroke is None:
            return False
        before = self.document.failures
        self._commit(self._stroke)
        if self.document.failures == before:
            self._stroke = None
        self.surface.drafts_changed()
        self.surface.repaint()
        return True

    def cancel(self) -> bool:
        had, self._stroke = self.busy, None
        if had:
            self.surface.drafts_changed()
            self.surface.repaint()
        return had

    def leave(self) -> None:
        self._hide_ring()

    def wheel(self, steps: float) -> bool:
        self._hide_ring(forget=False)
        self.settings.grow(steps)
        self._hide_ring(forget=False)
        return True

    def hint(self) -> str:
        alt = "paints" if self.erases else "erases"
        keys = "{label.smaller} and {label.larger}"  # the status bar puts the keys in their place
        return f"Alt {alt}, {keys} change the size · Space + drag pans"

    def note(self) -> str:
        annotation = self.selected()
        if annotation is not None and isinstance(annotation.shape, Polygon):
            return "Makes the polygon a mask"
        boxed = annotation is not None and isinstance(annotation.shape, Box | RotatedBox)
        if self.erases and boxed:
            return "Makes the box a mask"
        return ""

    def fill_options(self, options: ToolOptions) -> None:
        assert isinstance(options, BrushOptions)
        options.show_settings(self.settings, erases=self.erases)

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        scale = self.surface.scale
        if self._stroke is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
            self._stroke.picture.draw(
                painter, exposed, x=0, y=0, scale=scale, colour=self._stroke.colour,
                opacity=max(self.settings.opacity, 0.25),
            )  # fmt: skip
        if self._pointer is not None:
            self._paint_ring(painter, self._pointer, scale)

    # -- which mask it is about

    def _to_extend(self, pointer: Pointer) -> Annotation | None:
        """The selected mask or polygon of the class, when the stroke starts on it or with Shift.

        A mask is met by the whole brush. A polygon would turn into a mask, so only a stroke whose
        middle starts on it is meant for it: painting beside it begins another object.
        In a project that segments, a class is one area: its mask is extended from anywhere.
        """
        chosen = self.selected()
        class_id = self.document.class_id
        segments = self.document.task == Task.SEGMENT
        if (
            chosen is not None
            and isinstance(chosen.shape, Mask | Polygon)
            and chosen.class_id == class_id
            and (segments or pointer.shift or self._touches(chosen, pointer))
        ):
            return chosen
        if not segments:
            return None
        of_class = [
            a
            for a in self.document.layer.annotations
            if isinstance(a.shape, Mask) and a.class_id == class_id
        ]
        # What a person has accepted comes before what is only suggested.
        of_class.sort(key=lambda a: a.state == State.ACCEPTED)
        return of_class[-1] if of_class else None

    def _to_erase(self, pointer: Pointer) -> Annotation | None:
        """What is selected, if it is one shape; else the smallest mask or polygon under it."""
        chosen = self.selected()
        if chosen is not None:
            return None if isinstance(chosen.shape, Keypoints) else chosen
        layer = self.document.layer
        under = hit.shapes_at(
            layer, pointer.x, pointer.y, reach=self.settings.size / 2,
            hidden=self.document.hidden(), patch_of=self.surface.pictures.patch,
        )  # fmt: skip
        found = [a for a in map(layer.get, under) if a and isinstance(a.shape, Mask | Polygon)]
        return found[0] if found else None

    def _touches(self, annotation: Annotation, pointer: Pointer) -> bool:
        reach = self.settings.size / 2
        if isinstance(annotation.shape, Polygon):
            reach = min(reach, _NEAR / self.surface.scale)
        return bool(
            hit.shapes_at(
                ShapeLayer((annotation,)), pointer.x, pointer.y, reach=reach,
                patch_of=self.surface.pictures.patch,
            )
        )  # fmt: skip

    def _picture_of(self, target: Annotation | None) -> MaskPicture:
        """A picture of the whole image that shows the target; its own one from the last stroke
        if that is still there."""
        width, height = self.document.size
        if target is not None and isinstance(target.shape, Mask):
            own, mask = self.surface.pictures.take(target.shape), target.shape
            whole = own is not None and (own.width, own.height) == (width, height)
            # A copy that lies elsewhere has the same pixels, and so the same picture.
            if own is not None and whole and (own.left, own.top) == (mask.x, mask.y):
                return own
        picture = MaskPicture.blank(width, height)
        if target is not None:
            picture.changed(_imprint(target, picture.patch))
        return picture

    # -- painting

    def _dab(self, pointer: Pointer) -> None:
        stroke = self._stroke
        assert stroke is not None
        point = (pointer.x, pointer.y)
        touched = dab(
            stroke.picture.patch, stroke.last, point, size=self.settings.reach,
            value=0 if stroke.erases else 1, square=self.settings.square,
        )  # fmt: skip
        stroke.last = point
        if not touched.empty:
            stroke.painted = True
            stroke.picture.changed(touched)
            self.surface.repaint(
                Box(touched.x0, touched.y0, touched.x1 - touched.x0, touched.y1 - touched.y0),
                margin=2,
            )

    def _commit(self, stroke: _Stroke) -> None:
        """One transaction for the whole stroke; a mask without a pixel is deleted."""
        picture, target = stroke.picture, stroke.target
        if not stroke.painted:
            self.surface.say("Nothing was painted: the stroke lies outside the image")
            return
        ink = picture.ink
        patch = picture.patch[ink.y0 : ink.y1, ink.x0 : ink.x1]
        before = np.zeros_like(patch)
        if target is not None and not stroke.erases and not ink.empty:
            _imprint(target, before, left=ink.x0, top=ink.y0)
        painted = None
        if self.document.task == Task.SEGMENT and not stroke.erases and not ink.empty:
            painted = (patch > before).astype(np.uint8)  # what is filled below takes from nobody
        if self.settings.fill_holes and not stroke.erases and not ink.empty:
            self._fill_holes(stroke, patch, before)
        mask = None if ink.empty else Mask.from_patch(np.ascontiguousarray(patch), ink.x0, ink.y0)
        if target is not None and mask == target.shape:
            if stroke.erases:
                self._say_nothing_erased(target)
            return
        label = "Erase" if stroke.erases else "Brush stroke"
        if mask is not None:
            picture.left, picture.top = mask.x, mask.y
            self.surface.pictures.keep(mask, picture)
        others: dict[int, Shape] = {}
        if painted is not None:
            others = without(self.document.layer, painted, ink.x0, ink.y0, target=target)
        if target is not None:
            self.document.reshape({target.id: mask, **others}, label=label)
            if isinstance(target.shape, Polygon):
                self.surface.say("The polygon is a mask now. Ctrl+Z makes it a polygon again")
        elif mask is not None:
            self.document.add(mask, label=label, also=others)

    def _fill_holes(self, stroke: _Stroke, patch: Patch, before: Patch) -> None:
        """Fill what the stroke has closed; where a pixel has one class, only what is free."""
        ink, target = stroke.picture.ink, stroke.target
        taken = None
        class_id = target.class_id if target else self.document.class_id
        if self.document.task == Task.SEGMENT and class_id is not None:
            box = Box(ink.x0, ink.y0, ink.x1 - ink.x0, ink.y1 - ink.y0)
            layer, id = self.document.layer, target.id if target else 0
            others = of_other_classes(layer, box, class_id=class_id, id=id)
            taken = painted_over(others, ink.x0, ink.y0, patch.shape[1], patch.shape[0])
        if fill_new_holes(patch, before, taken):
            self.surface.say("What other classes have in the holes stays theirs")
        stroke.picture.changed(ink)

    def _say_nothing_erased(self, target: Annotation) -> None:
        found = self.document.classes.get(target.class_id)
        name = f"the selected {found.name}" if found is not None else "what is selected"
        self.surface.say(
            f"Nothing of {name} is here. Esc, then the eraser takes what lies under it"
        )

    # -- the ring

    def _show_ring(self, pointer: Pointer) -> None:
        self._hide_ring()
        self._pointer = pointer
        self._hide_ring(forget=False)

    def _hide_ring(self, *, forget: bool = True) -> None:
        """Have the place of the ring drawn again."""
        if self._pointer is not None:
            side = self.settings.size
            x, y = self._pointer.x - side / 2, self._pointer.y - side / 2
            self.surface.repaint(Box(x, y, side, side), margin=8)
        if forget:
            self._pointer = None

    def _paint_ring(self, painter: QPainter, pointer: Pointer, scale: float) -> None:
        side = self.settings.size
        centre, radius = QPointF(pointer.x, pointer.y), side / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        arm = 3 / scale
        lines = [
            QLineF(centre - QPointF(arm, 0), centre + QPointF(arm, 0)),
            QLineF(centre - QPointF(0, arm), centre + QPointF(0, arm)),
        ]
        erases = self.erases != pointer.opposite
        for pen in (cosmetic(_RING_DARK, width=3), cosmetic(_RING_LIGHT, width=1)):
            painter.setPen(pen)
            if self.settings.square:
                painter.drawRect(QRectF(centre.x() - radius, centre.y() - radius, side, side))
            else:
                painter.drawEllipse(centre, radius, radius)
            painter.drawLines(lines[:1] if erases else lines)


class EraserTool(BrushTool):
    """Takes away from the selected mask, or from the one under it; Alt paints."""

    name = "erase"
    drawn = "Eraser stroke"
    erases = True


def _imprint(annotation: Annotation, patch: Patch, *, left: int = 0, top: int = 0) -> Rect:
    """Set an annotation's pixels in a patch whose corner lies at left, top of the image; returns
    the rectangle that may have changed."""
    height, width = patch.shape
    match annotation.shape:
        case Mask() as mask:
            mask.moved(-left, -top).paint(patch, 1)
        case RotatedBox() as turned:
            pixels = to_mask(turned)
            if pixels is not None:
                pixels.moved(-left, -top).paint(patch, 1)
        case Polygon() as polygon:
            box = polygon.box
            x, y = max(int(np.floor(box.x)), left), max(int(np.floor(box.y)), top)
            w = min(int(np.ceil(box.right)) + 1, left + width) - x
            h = min(int(np.ceil(box.bottom)) + 1, top + height) - y
            if w > 0 and h > 0:
                inside = patch[y - top : y - top + h, x - left : x - left + w]
                np.maximum(inside, rasterise(polygon, x=x, y=y, width=w, height=h), out=inside)
        case Box() as box:
            x0, y0 = max(round(box.x) - left, 0), max(round(box.y) - top, 0)
            patch[y0 : max(round(box.bottom) - top, 0), x0 : max(round(box.right) - left, 0)] = 1
        case Keypoints() | None:
            pass
    box = annotation.box
    return Rect(
        int(np.floor(box.x)) - left,
        int(np.floor(box.y)) - top,
        int(np.ceil(box.right)) + 1 - left,
        int(np.ceil(box.bottom)) + 1 - top,
    ).within(width, height)
