"""The view Map: every image, or object, as a point where the network sees it."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from cvstudio.core.errors import CVStudioError
from cvstudio.core.geometry import Box
from cvstudio.core.words import counted, percent
from cvstudio.gui import theme
from cvstudio.gui.analyze.controls import ArrowKeeper
from cvstudio.gui.analyze.map_view import reading
from cvstudio.gui.analyze.map_view.bar import MapBar
from cvstudio.gui.analyze.map_view.canvas import MapCanvas
from cvstudio.gui.analyze.map_view.colours import By, Colouring, colouring
from cvstudio.gui.analyze.map_view.making import Making
from cvstudio.gui.analyze.map_view.peek import Peek
from cvstudio.gui.analyze.map_view.reading import Loaded
from cvstudio.gui.analyze.map_view.reasons import Reason
from cvstudio.gui.analyze.map_view.side import CHOSEN, NEXT, Side
from cvstudio.gui.analyze.view import Subject, View
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.dialogs import ask_text
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.project import tagging
from cvstudio.project.changes import ChangeSet
from cvstudio.project.project import Project
from cvstudio.project.similarity import embedding

_SIDE = 312
_WORDS = ("chosen on the map", "to label next", "unlike what was trained on")
_NOTHING = (
    "Drag around points, or press Space over one, to list their images here.",
    "Looking for what to label next …",
    "Looking for what is unusual …",
)


class MapView(View):
    """The map in the middle, its legend and what is chosen at the right."""

    name, title = "map", "Map"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.subject: Subject | None = None
        self.loaded: Loaded | None = None
        self.colouring: Colouring | None = None
        self._shown: tuple[object, ...] = ()
        self._gives_keys = False
        self._stale = False
        self._like: list[Reason] = []
        self._wanted_like = 0
        self._asked_like = -1
        """The row whose likes are being looked for; -1 when none are."""
        self._reading = LatestWins(studio.tasks, owner=self, title="Read the map")
        self._listing = LatestWins(studio.tasks, owner=self, title="List images")
        self.making = Making(studio, self)
        self.making.moved.connect(self._making_moved)
        self.making.done.connect(self._made)
        self._lay_out()
        theme.keeper().changed.connect(self._recolour)
        studio.project_changed.connect(self._on_changes)

    # -- parts

    def _lay_out(self) -> None:
        self.bar = MapBar(self._project.task)
        self.bar.subject_changed.connect(self._load)
        self.bar.drawing_changed.connect(self._redraw)
        self.bar.colour_changed.connect(self._colour_chosen)
        self.bar.reach_changed.connect(self._choose_reach)
        self.bar.make.clicked.connect(lambda _checked=False: self._make())
        self.canvas = MapCanvas()
        self.canvas.chosen.connect(self._chosen)
        self.canvas.pointed.connect(self._point)
        self.canvas.opened.connect(self._show_on_data)
        self.peek = Peek(self.studio.thumbnails, self.canvas)
        self.empty = EmptyState("chart-scatter-plot", "")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.canvas)
        self.side = Side(self.studio)
        self.side.tab_chosen.connect(lambda _place: self._list())
        self.side.list.at_hand.connect(lambda reason: self.canvas.mark(reason.row))
        self.side.legend.toggled.connect(self._show_groups)
        self.side.legend.wanted.connect(self._choose_group)
        self.side.data_wanted.connect(self._show_on_data)
        self.side.label_wanted.connect(self._label)
        self.side.tag_wanted.connect(self._tag)
        self.side.like_wanted.connect(self.choose_like)
        self.side.pairs_wanted.connect(self._show_pairs)
        across = QSplitter(Qt.Orientation.Horizontal)
        across.setHandleWidth(1)
        across.setChildrenCollapsible(False)
        across.addWidget(self.stack)
        across.addWidget(self.side)
        across.setStretchFactor(0, 1)
        across.setSizes([900, _SIDE])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(across, 1)
        self.side.hide()
        self._arrows = ArrowKeeper(self)
        self._arrows.watch(self.canvas, self.side.legend, self.side.tabs, *self.bar.arrow_users)

    @property
    def _project(self) -> Project:
        assert self.studio.project is not None  # there is no view without one
        return self.studio.project

    def take_focus(self) -> None:
        target: QWidget = self.canvas if self.loaded is not None else self.empty.button
        # What is hidden yet takes no keys: they are given to the map once it has been read.
        self._gives_keys = self.loaded is None
        target.setFocus(Qt.FocusReason.OtherFocusReason)

    def release(self) -> None:
        self._reading.drop()
        self._listing.drop()
        self.making.stop()

    # -- what is shown

    def _on_changes(self, changes: ChangeSet) -> None:
        """Labels, splits or images are others: so are colours and lists, once they are seen."""
        if not changes.touches("annotation", "image", "label_class"):
            return
        self._stale = True
        if self.isVisible():
            self._catch_up()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._catch_up()

    def _catch_up(self) -> None:
        self._stale = False
        self._load()

    def show_subject(self, subject: Subject) -> None:
        before, self.subject = self.subject, subject
        self.making.find(subject.run)
        if self.loaded is None or not subject.same_answers(before):
            self._load()
        elif self.bar.by is By.ERROR and subject is not before:
            self._load()  # another threshold: other errors

    def _load(self) -> None:
        subject = self.subject
        if subject is None:
            return
        of, layer, project = self.bar.of, self.bar.layer_name, self._project
        self._reading.request(
            lambda control: reading.load(project, subject, of, layer, control),
            lambda loaded: self._take(subject, loaded), self._not_read,
        )  # fmt: skip

    def _not_read(self, error: BaseException) -> None:
        self.loaded = None
        self._offer(str(error) if isinstance(error, CVStudioError) else "")
        if not isinstance(error, CVStudioError):
            self.studio.fail(error, doing="Read the map")

    def _take(self, subject: Subject, loaded: Loaded | None) -> None:
        if loaded is None:
            self.loaded = None
            self._offer()
            return
        self.loaded = loaded
        shown = (loaded.found.job.path, len(loaded.known.embeddings))
        self.stack.setCurrentWidget(self.canvas)
        self.side.show()
        self.bar.make.show()
        if self._gives_keys and self.isVisible():
            self._gives_keys = False
            self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        if shown != self._shown:
            self._shown = shown
            self.canvas.show_points(self._points())
            self.side.show_list([], _NOTHING[CHOSEN])
            self._like, self._asked_like = [], -1
        other = loaded.other
        why = "" if other is not None else "Make the map of another run first"
        self.bar.allow(By.RUN, why)
        self._colour_chosen()
        if self._asked_like >= 0:
            self.choose_like(self._asked_like)  # it has not been answered yet
        elif self.side.tab == CHOSEN and self._shows_like:
            self.choose_like(self._like[0].row)  # the same images; their labels may be others
        else:
            self._list()
        self._tell(subject)
        self._choose_wanted()

    def _tell(self, subject: Subject) -> None:
        assert self.loaded is not None
        embeddings = self.loaded.known.embeddings
        points = counted(len(embeddings), "object" if embeddings.of_objects else "image")
        missing = self.loaded.missing
        late = f"{counted(missing, 'image is', 'images are')} not on it yet" if missing else ""
        beside = f"beside run {self.loaded.other.id}" if self.loaded.other is not None else ""
        depth = self.bar.layer.currentText()
        self.say(f"{points} of all splits as run {subject.run.id} sees them", depth, late, beside)

    def _offer(self, trouble: str = "") -> None:
        """There is no such map: offer to make it."""
        self._shown = ()
        self.side.hide()
        self.bar.make.hide()  # the empty page has its button, which makes it or ends that
        self.stack.setCurrentWidget(self.empty)
        if self.making.running or self.subject is None:
            return
        things = "every image" if self.bar.of == "images" else "every object"
        text = trouble or (
            f"Run {self.subject.run.id} has not placed {things} on a map yet, where what it takes"
            " for alike lies together. It looks at all images of the project, labelled or not."
        )
        self.empty.set(text, button="Make the map", do=self._make, title="")
        self.say("")

    def _points(self) -> NDArray[np.float32]:
        assert self.loaded is not None
        embeddings = self.loaded.known.embeddings
        return embeddings.flat if self.bar.flat else embeddings.near

    def _redraw(self) -> None:
        if self.loaded is not None:
            self.canvas.move_points(self._points())

    @property
    def judges(self) -> bool:
        """The map is of all splits; where it is coloured by error, the split says whose errors."""
        return self.bar.by is By.ERROR

    def _colour_chosen(self) -> None:
        self.judging_changed.emit()
        self._recolour()

    def _recolour(self) -> None:
        if self.loaded is None:
            return
        self.colouring = colouring(self.loaded.known, self.bar.by)
        self.side.show_colours(self.colouring)
        self._show_groups()

    def _show_groups(self) -> None:
        if self.colouring is not None:
            checked = np.array(self.side.legend.checked(), np.bool_)
            self.canvas.show_colours(self.colouring.colours(), checked[self.colouring.of])

    def _choose_reach(self) -> None:
        self.canvas.reach = self.bar.reach

    # -- making it

    def _make(self) -> None:
        if self.making.running:
            self.making.cancel()
            return
        if self.subject is None:
            return
        try:
            config = embedding.config_for(
                self.subject.run, of=self.bar.of, layer=self.bar.layer_name
            )
        except CVStudioError as error:
            self.studio.fail(error)
            return
        self.making.embed(config)

    def _making_moved(self, text: str) -> None:
        self.bar.make.setText("Cancel" if text else "Make again")
        if text:
            self.empty.set(text, button="Cancel", do=self.making.cancel, ends=True)
            self.say(text)
        elif self.loaded is None:
            self._offer()
        elif self.subject is not None:
            self._tell(self.subject)

    def _made(self) -> None:
        self._load()

    # -- what is chosen, and the lists

    def _chosen(self, _rows: object) -> None:
        if self.side.tab != CHOSEN:
            self.side.tabs.setCurrentIndex(CHOSEN)  # which lists it
        else:
            self._list()

    def _choose_group(self, place: int) -> None:
        if self.colouring is not None:
            self.canvas.choose(np.flatnonzero(self.colouring.of == place))

    def _list(self) -> None:
        """Show the list of the tab in front."""
        loaded, subject, tab = self.loaded, self.subject, self.side.tab
        if loaded is None or subject is None:
            return
        self.canvas.mark(-1)
        self._asked_like = -1
        if tab == CHOSEN:
            self._listing.drop()
            rows = self.canvas.rows.tolist()
            self._show_list(tab, self._like if self._shows_like else reading.chosen(loaded, rows))
            return
        self.side.show_list([], _NOTHING[tab])
        project, run = self._project, subject.run
        if tab == NEXT:
            find = partial(reading.label_next, project, loaded, run)
        else:
            find = partial(reading.unusual, project, loaded)
        self._listing.request(
            find, lambda reasons: self._show_list(tab, reasons),
            lambda error: self._not_listed(tab, error),
        )  # fmt: skip

    @property
    def _shows_like(self) -> bool:
        """Whether what is chosen is what was found to be like one of them."""
        rows = sorted(reason.row for reason in self._like)
        return bool(rows) and rows == self.canvas.rows.tolist()

    def show_like(self, image_id: int) -> None:
        """Choose what is most like an image, as soon as there is a map."""
        self._wanted_like = image_id
        self._choose_wanted()

    def _choose_wanted(self) -> None:
        image_id, loaded = self._wanted_like, self.loaded
        if not image_id or loaded is None:
            return
        self._wanted_like = 0
        row = reading.row_of(loaded, image_id)
        if row >= 0:
            self.choose_like(row)
        else:
            self.studio.toast("This image is not on the map yet.", link="Make again", do=self._make)

    def choose_like(self, row: int) -> None:
        """Choose what is most like a row of the map; it is listed in that order."""
        loaded = self.loaded
        if loaded is not None:
            self._asked_like = row
            self._listing.request(
                lambda control: reading.like(loaded, row, control), self._take_like,
                lambda error: self._not_listed(CHOSEN, error),
            )  # fmt: skip

    def _take_like(self, reasons: list[Reason]) -> None:
        self._like, self._asked_like = reasons, -1
        self.canvas.choose(np.array([reason.row for reason in reasons], np.int64))

    def _show_list(self, tab: int, reasons: list[Reason]) -> None:
        if tab == self.side.tab:
            self.side.show_list(reasons, _NOTHING[tab])
            self.verbs_changed.emit()

    def _not_listed(self, tab: int, error: BaseException) -> None:
        self._asked_like = -1
        if not isinstance(error, CVStudioError):
            self.studio.fail(error, doing="List images")
        elif tab == self.side.tab:
            words = f"{error.message} {error.hint}" if error.hint else error.message
            self.side.show_list([], words)

    def _point(self, row: int, place: QPoint) -> None:
        """Show what is under the mouse."""
        loaded = self.loaded
        if row < 0 or loaded is None or self.colouring is None:
            self.peek.hide()
            return
        embeddings = loaded.known.embeddings
        record = loaded.known.records[int(embeddings.images[row])]
        box = Box(*map(float, embeddings.boxes[row])) if embeddings.of_objects else None
        group = self.colouring.groups[int(self.colouring.of[row])].name
        sure = percent(embeddings.scores[row])
        found = f", found with {sure}" if embeddings.predicted[row] else ""
        self.peek.show_image(record, box, f"{group}{found}", place)

    @property
    def _ids(self) -> list[int]:
        return list(dict.fromkeys(reason.record.id for reason in self.side.list.reasons))

    def _show_on_data(self) -> None:
        if self._ids:
            self.studio.go_to("data", ids=self._ids, words=_WORDS[self.side.tab])

    def _label(self, image_id: int) -> None:
        if self._ids:
            self.studio.go_to(
                "label", image_id=image_id or self._ids[0], ids=self._ids,
                words=_WORDS[self.side.tab], back=("analyze", "Back to the map"),
            )  # fmt: skip

    def _tag(self) -> None:
        ids = self._ids
        if not ids:
            return
        name = ask_text(
            self.window(), "Tag images", "Tag", "", yes=f"Tag {counted(len(ids), 'image')}"
        )
        if name:
            with self._project.transaction(f"Tag {name}", source=self) as s:
                tagging.tag_images(s, image_ids=ids, tag=name)
            self.studio.toast(f"{counted(len(ids), 'image')} tagged", level="success")

    def _show_pairs(self) -> None:
        from cvstudio.gui.near_pairs import show_pairs

        images = embedding.latest(self.subject.run) if self.subject is not None else None
        show_pairs(self.window(), self.studio, images)

    # -- the verbs of the page

    def why_not(self, verb: str) -> str:
        if verb in ("next", "previous") and self.side.list.reasons:
            return ""
        return super().why_not(verb)

    def step(self, by: int) -> None:
        model = self.side.list.model()
        row = min(max(self.side.list.currentIndex().row() + by, 0), model.rowCount() - 1)
        self.side.list.setCurrentIndex(model.index(row, 0))
