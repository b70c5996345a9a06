"""The Augment page: pipeline at the left, nine variants in the middle, findings at the right."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.augment import ladder as ladders
from cvstudio.augment.advice import Advice, Trials, advise, gentler
from cvstudio.augment.editing import Items, Place, flat
from cvstudio.augment.summary import step_title
from cvstudio.core.annotation import BOXES, Annotation, LabelClass, Review, Task
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.snapshot import shape_from_json
from cvstudio.core.wire import Message
from cvstudio.core.words import counted
from cvstudio.gui import next_run, theme
from cvstudio.gui.augment.findings import TRIALS, AdviceList, Outcomes
from cvstudio.gui.augment.image_bar import ImageBar
from cvstudio.gui.augment.ladder import LadderGrid, rows_of
from cvstudio.gui.augment.pipeline import PipelineModel
from cvstudio.gui.augment.pipeline_files import PipelineFiles
from cvstudio.gui.augment.pipeline_side import PipelineSide
from cvstudio.gui.augment.preview import Preview, accepted, seen_words, trained
from cvstudio.gui.augment.variants import VariantGrid, VariantPicture, items_of, pictures_of
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.filmstrip import Filmstrip
from cvstudio.gui.widgets.image_view import ImageView
from cvstudio.gui.widgets.pixels import to_image
from cvstudio.gui.widgets.section import NextStep, SectionHeader, label, tool
from cvstudio.gui.workspace import SidePanel, Workspace
from cvstudio.imaging.decode import value_channels
from cvstudio.project import queries, runs, skeletons
from cvstudio.project.changes import ChangeSet
from cvstudio.project.records import ImageFilter, ImageRecord

_BUSY_MS = 300
_THUMBNAIL = 260
"""Pictures are at least that large: the original at the right is. More would only be carried."""
_SMALL = 160
_LABELLED = ImageFilter(reviews=(Review.LABELLED, Review.REVIEWED))


class AugmentPage(Workspace):
    """Put a pipeline together and see at once what it does."""

    name, title, icon = "augment", "Augment", "auto-fix"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.pipeline = PipelineModel(studio, self)
        self._classes: dict[int, LabelClass] = {}
        self._skeletons: dict[int, Skeleton] = {}
        self._image: ImageRecord | None = None
        self._annotations: list[Annotation] = []
        self._trials = Trials()
        self._tried: Items = ()
        """The pipeline of which the trial images were made."""
        self._times: tuple[Items, dict[Place, float]] = ((), {})
        """What the steps cost, and of which pipeline."""
        self._milliseconds = 0.0
        self._stale = True
        self.preview = Preview(studio, self.project, self)
        self._busy = QTimer(self, singleShot=True, interval=_BUSY_MS)
        self._busy.timeout.connect(self._show_busy)
        self._answered = 0
        """The image that the variants on screen were made of."""
        self.files = PipelineFiles(studio, self.pipeline, self)
        self.side = PipelineSide(studio, self.pipeline, self.project.task)
        self.bar = ImageBar(studio, self.project.task)
        self.assemble(left=self.side, centre=self._make_centre(), right=self._make_right())
        self._connect()
        self._refresh_images()
        self._show_findings()

    # -- parts

    def _make_centre(self) -> QWidget:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        self.grid = VariantGrid()
        self.empty = EmptyState(
            "auto-fix", "Variants are made from your labelled images. Label one first.",
            button="Label an image", do=lambda: self.studio.go_to("label"),
        )  # fmt: skip
        self.trouble = EmptyState(
            "alert-outline", "", button="Try again", do=self._ask, next_=False
        )
        self.stack = QStackedWidget()
        self.ladder = LadderGrid()
        for page in (self.grid, self.ladder, self.empty, self.trouble):
            self.stack.addWidget(page)
        column.addWidget(self.stack, 1)
        column.addWidget(self._make_strip())
        return centre

    def _make_strip(self) -> QFrame:
        frame = QFrame()
        theme.mark(frame, panel="strip")
        row = QHBoxLayout(frame)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(4)
        self.strip = Filmstrip(self.studio.thumbnails)
        self.strip.images.open(self.project)
        self.strip.chosen.connect(self.studio.select_image)
        row.addWidget(
            tool(icon_name="chevron-left", tip="Earlier images",
                 do=lambda: self.strip.scroll_by(-5))
        )  # fmt: skip
        row.addWidget(self.strip, 1)
        row.addWidget(
            tool(icon_name="chevron-right", tip="Later images", do=lambda: self.strip.scroll_by(5))
        )
        return frame

    def _make_right(self) -> SidePanel:
        panel = self.panel("right", 276)
        self.original_head = SectionHeader("Original")
        panel.add(self.original_head)
        self.original = ImageView()
        self.original.setFixedHeight(160)
        panel.add_padded(self.original, bottom=8)
        self.seen = label("", "caption", wrap=True)
        panel.add_padded(self.seen, bottom=8)
        self.trial_part = QWidget()
        column = QVBoxLayout(self.trial_part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(SectionHeader(f"Annotations in {TRIALS} trial images", padded=False))
        self.outcomes = Outcomes()
        column.addWidget(self.outcomes)
        panel.add_padded(self.trial_part, bottom=8)
        self.trial_part.setVisible(self.project.task is not Task.CLASSIFY)
        self.advice_head = SectionHeader("Worth a look")
        panel.add(self.advice_head)
        self.advice = AdviceList()
        self.advice.wanted.connect(self._follow)
        panel.add_padded(self.advice)
        panel.body.addStretch(1)
        panel.make_scrollable()
        self.next_step = NextStep(self.studio.actions["augment.use"])
        footer = QWidget()
        rows = QVBoxLayout(footer)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(8)
        words = "Training shows these same variants to the network, from the same code."
        rows.addWidget(label(words, "muted", wrap=True))
        rows.addWidget(self.next_step)
        panel.set_footer(footer)
        return panel

    def _connect(self) -> None:
        actions = self.studio.actions
        actions.connect("augment.add", self.side.open_catalogue, self)
        actions.connect("augment.again", self._shuffle, self)
        actions.connect("augment.use", self._use, self)
        actions.connect("augment.group", self.pipeline.group, self)
        actions.connect("augment.ungroup", self.pipeline.dissolve, self)
        actions.connect("augment.ladder", self._show_mode, self)
        actions.connect("augment.import", self.files.read, self)
        actions.connect("augment.export", self.files.write, self)
        self.pipeline.changed.connect(self._pipeline_changed)
        self.preview.came.connect(self._show_variants)
        self.preview.rungs_came.connect(self._show_rungs)
        self.preview.tried.connect(self._show_trial)
        self.preview.timed.connect(self._show_times)
        self.ladder.taken.connect(self._take_rung)
        self.preview.failed.connect(self._show_trouble)
        self.bar.stepped.connect(self._step_image)
        self.bar.seed_changed.connect(self._ask)
        self.bar.shapes_changed.connect(self._show_shapes)
        self.grid.chosen.connect(lambda _number: self._refresh_words())
        self.studio.image_selected.connect(self._image_selected)
        self.studio.project_changed.connect(self._project_changed)
        self.studio.jobs.runs_changed.connect(self._name_next_run)
        theme.keeper().changed.connect(self.grid.update)
        theme.keeper().changed.connect(self.ladder.update)

    # -- the page comes and goes

    def shown(self) -> None:
        """Bring up to date what changed while other pages were in front."""
        self.preview.sees = next_run.sees(self.studio.memory, self.project.path)
        if self._stale:
            self._refresh_images()
        self._name_next_run()
        self._refresh_words()
        self._ask()
        self.grid.setFocus()

    def hidden(self) -> None:
        """Nothing is drawn for nobody."""
        self.preview.stop()
        self._stale = True

    def shows(self, changes: ChangeSet) -> bool:
        return set(changes.counts()) <= {"setting", "project"}

    def release(self) -> None:
        """The project closes."""
        self.preview.stop()
        self.strip.images.open(None)

    def _project_changed(self, changes: ChangeSet) -> None:
        self.strip.images.take(changes)
        if not changes.touches("image", "annotation", "label_class"):
            return
        if self.isVisible():
            self._refresh_images()
        else:
            self._stale = True

    # -- the image

    def _refresh_images(self) -> None:
        self._stale = False
        with self.project.read() as session:
            ids = queries.image_ids(session, _LABELLED)
            self._classes = {c.id: c for c in queries.classes(session)}
            self._skeletons = skeletons.skeletons(session)
        self.strip.images.set_ids(ids)
        self.stack.setCurrentWidget(self._pictures if ids else self.empty)
        wanted = self.studio.image_id if self.studio.image_id in set(ids) else next(iter(ids), 0)
        self._show_image(wanted)

    def _image_selected(self, image_id: int) -> None:
        if self.isVisible() and self.strip.images.row_of(image_id) >= 0:
            self._show_image(image_id)

    def _step_image(self, step: int) -> None:
        ids = self.strip.images.ids
        if not ids or self._image is None:
            return
        row = self.strip.images.row_of(self._image.id)
        self.studio.select_image(ids[(row + step) % len(ids)])

    def _show_image(self, image_id: int) -> None:
        if not image_id:
            self._image, self._annotations = None, []
            self.preview.stop()
            self.bar.show_name("")
            self.grid.clear()
            self.ladder.clear("")
            self.original.set_image(None)
            self._refresh_words()
            return
        with self.project.read() as session:
            self._image = queries.image(session, image_id)
            found = queries.annotations(session, image_id)
        path = self.project.image_path(self._image)
        self.preview.channels = value_channels(path, self._image.channels)
        self._annotations = accepted(found)
        self.bar.show_name(self._image.title)
        self.strip.show_image(image_id)
        self._ask()

    # -- the pipeline

    def _pipeline_changed(self) -> None:
        self._show_findings()
        self._ask()

    def _follow(self, advice: Advice) -> None:
        self.pipeline.replace(advice.remedy, advice.steps)

    def _use(self) -> None:
        self.pipeline.use()
        self.studio.toast(f"Run {self._next_run()} will train with {self.pipeline.name}.",
                          level="success")  # fmt: skip
        self.studio.go_to("train")

    def _next_run(self) -> int:
        return runs.next_number(self.project)

    def _name_next_run(self) -> None:
        self.next_step.button.set_text(f"Use for run {self._next_run()}")

    # -- previews

    def _ask(self) -> None:
        """Ask for variants of what is at hand now; the answers come to _show_variants."""
        if not self.isVisible():
            return
        cell = self.grid.cell(0)
        preview = self.preview
        preview.rising = None
        if self.rising:
            preview.rising = self.pipeline.step
            if not self._can_rise():
                return
        preview.image, preview.annotations = self._image, self._annotations
        preview.steps, preview.seed = self.pipeline.steps, self.bar.seed.value()
        preview.class_ids = list(self._classes)
        preview.image_ids = self.strip.images.ids
        longest = max(cell.width(), cell.height(), _THUMBNAIL)
        if preview.rising is not None:
            longest = max(self.ladder.cell_width, _SMALL)
        preview.pixels = round(longest * self.devicePixelRatioF())
        if self._image is not None and self._image.id != self._answered:
            self._busy.start()
        preview.refresh()

    def _show_busy(self) -> None:
        """The answer takes a while: say so, and do not show another image's variants meanwhile."""
        image = self._image
        if image is None:
            return
        self.grid.clear()
        size = f"{image.width:,} × {image.height:,} px"
        self.grid.set_words(f"Making nine variants of {image.title}, {size} …")
        self.ladder.clear(f"Making strengths of {image.title}, {size} …")
        self.original.set_items([])
        self.original.set_image(
            self.studio.thumbnails.picture(image), size=(image.width, image.height)
        )

    def _show_variants(self, message: Message, class_ids: list[int]) -> None:
        self._busy.stop()
        self._answered = self._image.id if self._image is not None else 0
        rgb = message.arrays["original"]
        shapes = [shape_from_json(item) for item in message.header["original"]]
        items = items_of(shapes, class_ids, self._classes, self._skeletons)
        original = VariantPicture(to_image(rgb), items, None, "", kept=len(shapes))
        self.original.set_image(rgb)
        self.original.set_items(list(items))
        self._milliseconds = float(message.header["milliseconds"])
        self.stack.setCurrentWidget(self.grid)
        pictures = pictures_of(message, self._classes, class_ids, self._skeletons)
        self.grid.set_pictures(pictures, original)
        self._refresh_words()

    # -- from weak to strong

    @property
    def rising(self) -> bool:
        """Whether the selected step is shown from weak to strong instead of variants."""
        return self.studio.actions["augment.ladder"].isChecked()

    @property
    def _pictures(self) -> QWidget:
        return self.ladder if self.rising else self.grid

    def _show_mode(self, _on: bool) -> None:
        if self.strip.images.ids:
            self.stack.setCurrentWidget(self._pictures)
            self._pictures.setFocus()
        self._ask()
        self._refresh_words()

    def _can_rise(self) -> bool:
        """Whether there is anything to raise; else the words that say why not are shown."""
        step, item = self.pipeline.step, self.pipeline.item
        words = ""
        if item is None:
            words = "Add a step to see it from weak to strong."
        elif step is None:
            words = f"{step_title(item)}: choose one of the steps to see it from weak to strong."
        elif not ladders.rows(step):
            words = f"{step_title(step)} has one strength only."
        if words:
            self.ladder.clear(words)
            self.preview.stop()
        return not words

    def _show_rungs(self, message: Message, class_ids: list[int]) -> None:
        self._busy.stop()
        self._milliseconds = float(message.header["milliseconds"])
        self.ladder.set_rows(rows_of(message, self._classes, class_ids, self._skeletons))
        self.stack.setCurrentWidget(self.ladder)
        self._refresh_words()

    def _take_rung(self, parameters: dict[str, Any]) -> None:
        step = self.pipeline.step
        if step is not None:
            self.pipeline.set_values(f"Take strength of {step_title(step).lower()}", parameters)

    def _show_trouble(self, text: str) -> None:
        self._busy.stop()
        self.trouble.set(text, button="Try again")
        self.stack.setCurrentWidget(self.trouble)

    def _shuffle(self) -> None:
        self.bar.seed.setValue(random.randrange(self.bar.seed.maximum()))

    def _show_shapes(self) -> None:
        for pictures in (self.grid, self.ladder):
            pictures.show_shapes(
                boxes=self.bar.show_boxes.isChecked(), masks=self.bar.show_masks.isChecked()
            )

    # -- trial images and findings

    def _show_trial(self, trials: Trials) -> None:
        self._trials, self._tried = trials, self.pipeline.steps
        self.outcomes.show_outcomes(trials.outcomes)
        self._show_findings()

    def _show_times(self, times: dict[Place, float], total: float | None) -> None:
        self._times = (self.pipeline.steps, times)
        self.side.show_times(times, total)
        self._show_findings()

    def _show_findings(self) -> None:
        advice = self._advice()
        self.advice.show_advice(advice)
        self.advice_head.setVisible(bool(advice))
        warned = frozenset(a.place for a in advice if a.place is not None)
        self.side.show_steps(warned)

    def _advice(self) -> list[Advice]:
        boxes = any(a.kind in BOXES for a in self._annotations)
        grey = self._image is not None and self._image.channels == 1
        advice = advise(
            self.pipeline.steps, task=self.project.task, boxes=boxes, grey=grey,
            trials=self._losses(),
            times=self._times[1] if self._times[0] == self.pipeline.steps else {},
            channels=self.preview.channels if self.preview.deep else 3,
            eight_bit=not self.preview.deep,
        )  # fmt: skip
        return advice + self._advice_on_variant()

    def _losses(self) -> Trials:
        """What trial images came to; which step loses most only while the same ones stand there."""
        if _order(self._tried) == _order(self.pipeline.steps):
            return self._trials
        return replace(self._trials, lost_by={})

    def _advice_on_variant(self) -> list[Advice]:
        """What the chosen variant loses, or else the first one that loses much."""
        pictures = self.grid.pictures
        number = self.grid.selected
        if not 0 <= number < len(pictures) or not pictures[number].lost:
            return []
        lost = pictures[number].lost
        remedy = gentler(self.pipeline.steps)
        text = f"Variant {number + 1} loses {counted(lost, 'annotation')}."
        if remedy is None:
            return [Advice(text)]
        return [Advice(text, remedy.place, remedy.remedy, remedy.steps)]

    def _refresh_words(self) -> None:
        task = self.project.task
        count = len(trained(self._annotations, task))
        words = counted(count, "annotation")
        self.original_head.figure.setText("" if task is Task.CLASSIFY else words)
        self.seen.setText(seen_words(self.preview))
        self.seen.setVisible(self.preview.deep)
        self._show_findings()
        pictures, number = self.grid.pictures, self.grid.selected
        told = []
        if 0 <= number < len(pictures):
            picture = pictures[number]
            told.append(f"Variant {number + 1} selected")
            if picture.counted:
                total = picture.kept + picture.lost
                told.append(f"{picture.kept} of {counted(total, 'annotation')} kept")
        if self.rising:
            count = sum(len(row.pictures) for row in self.ladder.rows)
            told = [f"{count} strengths in {self._milliseconds:.0f} ms"] if count else []
            self.set_status(*told, right="Enter takes the strength over, L goes back to variants")
            return
        if pictures:
            told.append(f"{len(pictures)} variants in {self._milliseconds:.0f} ms")
        self.set_status(*told, right="Hold O to see the original")

    # -- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_O and not event.modifiers():
            self.grid.show_original(True)
            return
        super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_O and not event.isAutoRepeat():
            self.grid.show_original(False)
            return
        super().keyReleaseEvent(event)


def _order(items: Items) -> list[tuple[Place, str]]:
    """What stands where, whatever its settings."""
    return [(place, step_title(item)) for place, item in flat(items)]
