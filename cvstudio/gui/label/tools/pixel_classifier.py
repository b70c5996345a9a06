"""Pixel classifier: scribble classes, a random forest proposes the rest, scribble to correct."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QCheckBox

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.keeping import Keeper
from cvstudio.gui.label.tools.base import Pointer, Surface, Tool
from cvstudio.gui.label.tools.options import ToolOptions, number_field
from cvstudio.gui.label.tools.pixel_learner import Labels, Learner, Question
from cvstudio.gui.label.tools.region import NO_PICTURE
from cvstudio.gui.label.tools.scribbles import Scribbles
from cvstudio.gui.label.tools.stroke import WIDTH, Stroke
from cvstudio.gui.label.tools.thinking import thinking
from cvstudio.gui.widgets.section import label
from cvstudio.imaging.regions import pixel_classifier
from cvstudio.imaging.regions.view import Place, Region, Sight, objects, without_small

BACKGROUND = 0
"""The number of pixels that are of no class."""

_OPACITY = 0.45
_BACKGROUND_COLOUR = QColor("#A9AEB6")


@dataclass
class ClassifierSettings:
    """What the options bar changes."""

    smallest: int = 64
    """Pixels of the image; smaller parts are left out."""
    parts: bool = True
    """Whether each connected part becomes a mask of its own."""
    across: bool = False
    """Whether scribbles on other images teach the forest as well."""


class ClassifierOptions(ToolOptions):
    """What Enter makes of a proposal."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = ClassifierSettings()
        self.row.addWidget(label("Smallest part", "muted"))
        name = "Smallest part that is kept, in pixels of the image"
        self.smallest = number_field(name, 0, 1_000_000, width=104)
        self.row.addWidget(self.smallest)
        self.parts = QCheckBox("One mask for each part")
        self.parts.setToolTip("Parts that do not touch become masks of their own")
        self.parts.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.row.addWidget(self.parts)
        self.across = QCheckBox("Learn across images")
        self.across.setToolTip("What was scribbled on other images since then is not forgotten")
        self.across.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.row.addWidget(self.across)
        self.smallest.valueChanged.connect(self._set_smallest)
        self.across.toggled.connect(self._set_across)
        self.parts.toggled.connect(self._set_parts)

    def show_settings(self, settings: ClassifierSettings, *, segments: bool) -> None:
        """Show the settings as they are; what is changed here is changed in them."""
        self._settings = settings
        for widget in (self.smallest, self.parts, self.across):
            widget.blockSignals(True)
        self.smallest.setValue(settings.smallest)
        self.parts.setChecked(settings.parts)
        self.parts.setVisible(not segments)
        self.across.setChecked(settings.across)
        for widget in (self.smallest, self.parts, self.across):
            widget.blockSignals(False)

    def _set_smallest(self, value: int) -> None:
        self._settings.smallest = value
        self.changed.emit()

    def _set_parts(self, on: bool) -> None:
        self._settings.parts = on
        self.changed.emit()

    def _set_across(self, on: bool) -> None:
        self._settings.across = on
        self.changed.emit()


class PixelClassifierTool(Tool):
    """Scribbles of two classes or more, Alt for background; Enter keeps what is proposed."""

    name = "pixel_classifier"
    drawn = "Scribbles"
    options_type = ClassifierOptions
    sees_pixels = True

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self.settings = ClassifierSettings()
        self._learner = Learner()
        self._thinking = thinking(document)
        self._keeper = Keeper(document, self._thinking, surface.say)
        self._scribbles = Scribbles(document)
        self._stroke: Stroke | None = None
        self._asked: Question | None = None
        self._answer: tuple[Question, Labels, QImage] | None = None
        self._finishing = False
        self._untold = False
        """Whether there are scribbles of which it was not said that they wait."""
        self._declined = 0
        self._prepared = False
        self._ahead: tuple[Sight, Place] | None = None
        """Whose features are being computed before anything was asked."""
        self._in_hand = False
        document.annotations_changed.connect(self._follow_steps)

    @property
    def strokes(self) -> list[Stroke]:
        """The scribbles on the open image; they stay while other tools are used, and when the
        window closes."""
        image = self.document.image
        return self._scribbles.of(image.id) if image is not None else []

    @property
    def proposal(self) -> tuple[Labels, Place] | None:
        """The class of each pixel of a place, when it is there for what is on the screen."""
        if self._answer is None:
            return None
        question, labels, _ = self._answer
        return labels, question.place

    @property
    def busy(self) -> bool:
        return self._stroke is not None or self._answer is not None or bool(self.strokes)

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        self._in_hand = True
        self._settle_confirmed()  # the next scribble begins another proposal
        if self.surface.sight() is None:
            self.surface.say(NO_PICTURE)
            return
        if not self.document.ready_to_draw():
            return
        self._declined = 0
        number = BACKGROUND if pointer.opposite else (self.document.class_id or BACKGROUND)
        point = self.on_image(pointer.x, pointer.y)
        self._stroke = Stroke([point], WIDTH / self.surface.scale, number)
        self.surface.repaint()

    def move(self, pointer: Pointer, *, held: bool) -> None:
        self._in_hand = True
        if self._stroke is not None and held:
            self._stroke.points.append(self.on_image(pointer.x, pointer.y))
            self.surface.repaint()
        elif self._stroke is None:
            self._propose()

    def release(self, pointer: Pointer) -> None:
        if self._stroke is None:
            return
        self.strokes.append(self._stroke)
        self._stroke = None
        self._untold = True
        if len({stroke.number for stroke in self.strokes}) < 2:
            self.surface.say("Now scribble a second class, or with Alt or Ctrl what is background")
        self._propose()
        self.surface.repaint()

    def finish(self) -> bool:
        if not self.busy:
            return False
        if self._thinking.busy:
            self._finishing = True  # kept as soon as it is there
        elif self._answer is None:
            self.surface.say("Scribble two classes, or one and with Alt or Ctrl the background")
        else:
            self._keep()
        return True

    def step_back(self) -> bool:
        if not self.strokes:
            return False
        self.strokes.pop()
        self._drop_answer()
        self.surface.say("")
        self._propose()
        return True

    def cancel(self) -> bool:
        had = self._clear()
        if had:
            self.surface.say("The scribbles of this image are dropped")
        return had

    def _clear(self) -> bool:
        had = self.busy
        self.surface.say("")  # what was said of the proposal is over
        self._stroke = None
        self.strokes.clear()
        self._declined = self._image_id  # what others taught is not proposed again at once
        self._drop_answer()
        self._learner.forget()
        return had

    def settle(self) -> None:
        """Scribbles stay with their image; a proposal that nobody has kept is not kept."""
        self._in_hand = False
        self._stroke = None
        self._settle_confirmed()
        if self._answer is not None:
            self._learner.keep(self._answer[0])
        self._drop_answer()
        self._learner.forget()
        self._scribbles.write()

    def _settle_confirmed(self) -> None:
        """Wait for what Enter was pressed for."""
        while self._finishing and self._thinking.busy:
            self._thinking.settle()

    @property
    def leaving(self) -> str:
        return "Leaving keeps the scribbles" if self.strokes else ""

    def left_behind(self) -> str:
        told, self._untold = self._untold, False
        return "Scribbles wait" if told and self.strokes else ""

    def hint(self) -> str:
        if self._answer is None:
            drops = "Esc drops" if self.strokes else "Space + drag pans"
            return f"Scribble each class, with Alt or Ctrl the background · {drops}"
        return "Scribble to correct · Enter keeps the masks · Backspace · Esc drops"

    def fill_options(self, options: ToolOptions) -> None:
        assert isinstance(options, ClassifierOptions)
        self._in_hand = True
        options.show_settings(self.settings, segments=self.document.task == Task.SEGMENT)
        if not self._prepared:
            self._prepared = True
            self.document.studio.tasks.run(lambda _control: pixel_classifier.prepare())
        self._propose()

    # -- the proposal

    def _propose(self) -> None:
        """Ask for the classes of what is on the screen, unless that is known or asked already."""
        strokes = tuple(s for s in self.strokes if self._is_known(s.number))
        sight = self.surface.sight()
        if sight is None or self._image_id in (0, self._declined) or self._finishing:
            return
        seen = self.surface.visible()
        area = Box(seen.x(), seen.y(), seen.width(), seen.height())
        most = pixel_classifier.MOST_PIXELS
        place = sight.place(area, scale=self.surface.scale, most=most)
        if place is None:
            return
        question = Question(self._image_id, sight, place, strokes, self.settings.across)
        learnt = self._learner.learnt(question)
        numbers = {stroke.number for stroke in strokes} | set(learnt)
        if len(numbers) < 2:
            self._look_ahead(sight, place)
            return
        if question == self._asked or (self._answer is not None and question == self._answer[0]):
            return
        self._asked = question
        if self._answer is None:
            self.surface.say("Learning from the scribbles…")
        self._thinking.request(
            lambda _control: (question, self._learner.answer(question, learnt)),
            self._answered, self._failed,
        )  # fmt: skip

    def _look_ahead(self, sight: Sight, place: Place) -> None:
        """Compute the features of what is on the screen while the person scribbles."""
        if self._ahead is None and not self._learner.knows(sight, place):
            self._ahead = (sight, place)
            self.document.studio.tasks.run(
                lambda _control: self._learner.look(sight, place),
                done=self._looked, failed=self._looked,  # the question itself will tell
            )  # fmt: skip

    def _looked(self, _result: object) -> None:
        self._ahead = None

    def _answered(self, answer: tuple[Question, Labels]) -> None:
        question, labels = answer
        if question == self._asked:
            self._asked = None
        self._answer = (question, labels, self._picture(labels))
        self.surface.say("Scribble to correct it · Enter keeps the masks")
        self.surface.repaint()
        if self._finishing and not self._thinking.busy:
            self._finishing = False
            self._keep()

    def _failed(self, error: BaseException) -> None:
        """A thread could not answer."""
        self._unconfirm()
        self.document.studio.tasks.tell(self._thinking.title, error)

    def _drop_answer(self) -> None:
        self._thinking.drop()
        self._asked = self._answer = None
        self._finishing = False
        self.surface.repaint()

    def _keep(self) -> None:
        assert self._answer is not None
        question, labels, _ = self._answer
        place = question.place
        parts = self.settings.parts and self.document.task != Task.SEGMENT
        smallest = max(1, round(self.settings.smallest / place.step**2))
        found: list[tuple[int, Region]] = []
        for number in np.unique(labels):
            if number == BACKGROUND or not self._is_known(int(number)):
                continue
            region = Region.of((labels == number).astype(np.uint8), place)
            if region is not None and parts:
                found.extend((int(number), r) for r in objects(region, smallest=smallest))
            elif region is not None:
                rest = without_small(region, smallest=smallest)
                found.extend([(int(number), rest)] if rest is not None else [])
        if not found:
            self.surface.say("Nothing was found that is large enough to keep")
        else:
            self._finishing = True
            self._keeper.keep(
                found, label="Classify pixels",
                stored=partial(self._stored, question), failed=self._unconfirm,
            )  # fmt: skip

    def _stored(self, question: Question) -> None:
        self._learner.keep(question)
        self._scribbles.use_up(question.image_id)
        self._clear()

    def _follow_steps(self) -> None:
        """Undo takes the masks and brings the scribbles back, redo the other way round."""
        if (
            not self._image_id
            or self._finishing
            or not self._scribbles.follow_steps(self._image_id)
        ):
            return
        self._drop_answer()
        self._declined = 0 if self.strokes else self._image_id
        if self._in_hand:
            self._propose()

    def _unconfirm(self) -> None:
        """Nothing is kept before Enter is pressed again."""
        self._finishing = False

    @property
    def _image_id(self) -> int:
        return self.document.image.id if self.document.image is not None else 0

    def _is_known(self, number: int) -> bool:
        return number == BACKGROUND or number in self.document.classes

    def _colour(self, number: int) -> QColor:
        return self.document.colour(number) if number else _BACKGROUND_COLOUR

    # -- the look

    def _picture(self, labels: Labels) -> QImage:
        """The proposal in the colours of its classes, clear where there is background."""
        numbers, places = np.unique(labels, return_inverse=True)
        table = np.zeros((len(numbers), 4), np.uint8)
        for row, number in enumerate(numbers):
            if number != BACKGROUND:
                c = self._colour(int(number))
                channels = (c.blue(), c.green(), c.red(), 255)  # as ARGB32 lies in memory
                table[row] = [round(v * _OPACITY) for v in channels]
        pixels = np.ascontiguousarray(table[places.reshape(labels.shape)])
        height, width = labels.shape
        kind = QImage.Format.Format_ARGB32_Premultiplied
        return QImage(pixels.data, width, height, 4 * width, kind).copy()

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        if self._answer is not None:
            question, _, picture = self._answer
            box = question.place.box
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(QRectF(box.x, box.y, box.w, box.h), picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for stroke in [*self.strokes, *([self._stroke] if self._stroke else [])]:
            stroke.paint(painter, self._colour(stroke.number))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
