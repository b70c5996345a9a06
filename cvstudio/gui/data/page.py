"""The Data page: views at the left, the gallery in the middle, what is known at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMenu,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass, Review, Task
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.data import filters
from cvstudio.gui.data.bulk import Bulk
from cvstudio.gui.data.filters import FilterBar
from cvstudio.gui.data.views import SavedView, ViewCounts, ViewsPanel
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import LatestWins
from cvstudio.gui.widgets.dialogs import ask_text
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import NextStep, label, line, link, push, tab_bar
from cvstudio.gui.widgets.thumbnail_grid import ThumbnailGrid
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel
from cvstudio.gui.widgets.verbatim import face
from cvstudio.gui.workspace import Workspace
from cvstudio.project import commands, queries
from cvstudio.project.changes import ChangeSet
from cvstudio.project.records import ImageFilter

SORTS = (
    ("name", "Sort: file name"),
    ("imported", "Sort: newest first"),
    ("annotations", "Sort: most annotations"),
    ("review", "Sort: review state"),
    ("size", "Sort: file size"),
)
VIEWS_KEY = "views"
_SIDES = (96, 288)
_STATISTICS_WAIT = 400


class DataPage(Workspace):
    """Bring images in, choose among them, know what they hold, divide them."""

    name, title, icon = "data", "Data", "image-multiple-outline"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.filter = ImageFilter()
        self._filter_words = ""
        self._classes: dict[int, LabelClass] = {}
        self._stale = True
        self._statistics_stale = True
        self._visible = False
        self.bulk = Bulk(studio, self)
        self._latest = LatestWins(studio.tasks, owner=self)
        self.model = ThumbnailModel(studio.thumbnails, self)
        self.model.open(self.project)
        self._later = QTimer(self, singleShot=True, interval=_STATISTICS_WAIT)
        self._later.timeout.connect(self._read_statistics)
        self.info = QStackedWidget()
        self._build()
        self._connect_actions()
        studio.project_changed.connect(self._on_changed)
        studio.selection_changed.connect(self._on_selection)
        studio.settings.listen(self._on_setting)

    # -- building

    def _build(self) -> None:
        left = self.panel("left", 216)
        self.views = ViewsPanel(self.studio.actions["data.save_view"])
        self.views.picked.connect(self.show_filter)
        self.views.removed.connect(self.remove_view)
        left.add(self.views, 1)
        left.make_scrollable()
        self.next_step = NextStep(self.studio.actions["data.review"])
        left.set_footer(self.next_step)
        right = self.panel("right", 312)
        self.tabs = tab_bar("Project", "Selection")
        self.tabs.currentChanged.connect(lambda place: self.info.setCurrentIndex(place))
        right.add(self.tabs)
        right.add(line())
        right.add(self.info, 1)
        self.assemble(left=left, centre=self._centre(), right=right)

    def _make_info(self) -> None:
        """The right panel's contents; they wait until the page has been painted once."""
        from cvstudio.gui.data.selection import SelectionPanel
        from cvstudio.gui.data.statistics import StatisticsPanel

        self.statistics = StatisticsPanel(self.studio)
        self.statistics.images_asked.connect(self._show_found)
        self.statistics.class_asked.connect(
            lambda class_id: self.show_filter(ImageFilter(class_ids=(class_id,)))
        )
        self.selection_panel = SelectionPanel(self.studio)
        for part in (self.statistics, self.selection_panel):
            self.info.addWidget(_scrolling(part))
        self.statistics.hide()  # until there is something to say
        self.info.setCurrentIndex(self.tabs.currentIndex())

    def _centre(self) -> QWidget:
        from cvstudio.gui.data.empty import EmptyProject

        self.pages = QStackedWidget()
        gallery = QWidget()
        column = QVBoxLayout(gallery)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._filter_row())
        column.addWidget(self._sort_row())
        self.grid = ThumbnailGrid(self.model)
        self.grid.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.grid.customContextMenuRequested.connect(self._open_context_menu)
        self.grid.selected.connect(self._selected)
        self.grid.opened.connect(lambda image_id: self.studio.go_to("label", image_id=image_id))
        self.grid.installEventFilter(self)
        self.grid.delegate.overlays = bool(self.studio.settings.get("data.overlays"))
        self.grid.set_side(int(self.studio.memory.get("data.side", 148)))
        self.nothing = EmptyState(
            "image-filter-none", "", button="Clear the filter", do=self.clear_filter, next_=False
        )
        self.shown_part = QStackedWidget()
        holder = QWidget()
        inner = QHBoxLayout(holder)
        inner.setContentsMargins(8, 0, 0, 0)
        inner.addWidget(self.grid)
        self.shown_part.addWidget(holder)
        self.shown_part.addWidget(self.nothing)
        column.addWidget(self.shown_part, 1)
        self.pages.addWidget(gallery)
        self.empty = EmptyProject(self.studio)
        self.empty.sample_asked.connect(lambda key: self.studio.go_to("sample", key=key))
        self.pages.addWidget(self.empty)
        return self.pages

    def _filter_row(self) -> QWidget:
        frame = QFrame()
        theme.mark(frame, panel="bar")
        frame.setFixedHeight(theme.size("bar"))
        row = QHBoxLayout(frame)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(8)
        self.filter_bar = FilterBar()
        self.filter_bar.changed.connect(self._filter_changed)
        row.addWidget(self.filter_bar, 1)
        self.import_button = push(
            "Import",
            lambda: self.studio.actions.trigger("data.import"),
            icon_name="import",
            small=True,
        )
        self.import_button.setToolTip(self.studio.actions["data.import"].toolTip())
        row.addWidget(self.import_button)
        return frame

    def _sort_row(self) -> QWidget:
        frame = QWidget()
        frame.setFixedHeight(44)
        row = QHBoxLayout(frame)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(8)
        self.count = label("", "section")
        self.words = label("", "muted")
        self.words.setMinimumWidth(40)
        row.addWidget(self.count)
        row.addWidget(self.words, 1)
        self.save_link = link(
            "Save as view", lambda: self.studio.actions.trigger("data.save_view"),
            tip=self.studio.actions["data.save_view"].toolTip(),
        )  # fmt: skip
        row.addWidget(self.save_link)
        divider = line(upright=True)
        divider.setFixedHeight(20)
        row.addWidget(divider)
        self.sort = QComboBox()
        for key, text in SORTS:
            self.sort.addItem(text, key)
        self.sort.setMinimumWidth(144)
        self.sort.setAccessibleName("Sort")
        self.sort.currentIndexChanged.connect(lambda _place: self.refresh())
        row.addWidget(self.sort)
        row.addWidget(IconLabel("view-grid-outline", "muted", 16))
        self.side = QSlider(Qt.Orientation.Horizontal)
        self.side.setRange(*_SIDES)
        self.side.setFixedWidth(88)
        self.side.setValue(int(self.studio.memory.get("data.side", 148)))
        self.side.setToolTip("Size of the thumbnails")
        self.side.setAccessibleName("Size of the thumbnails")
        self.side.valueChanged.connect(self._set_side)
        row.addWidget(self.side)
        return frame

    def _connect_actions(self) -> None:
        def connect(id: str, do: Any) -> None:
            self.studio.actions.connect(id, do, self)

        connect("data.choose", self.choose_folder)
        connect("data.import", self.open_import)
        connect("data.export", self.open_export)
        connect("data.review", self.review)
        connect("data.open", self._open_selected)
        connect("data.select_all", self.grid.selectAll)
        connect("data.filter_text", self._focus_text)
        connect("data.clear_filter", self.clear_filter)
        connect("data.save_view", self.save_view)
        connect("data.split", self.edit_split)
        connect("data.health", self._read_statistics)
        self.bulk.connect()

    # -- hooks

    def arrive(self, **what: Any) -> None:
        """`class_id`, `ids` (with `words`), `filter`, or `sources` to bring in."""
        if "class_id" in what:
            self.show_filter(ImageFilter(class_ids=(int(what["class_id"]),)))
        elif "filter" in what:
            self.show_filter(what["filter"])
        elif "ids" in what:
            self._show_found(what["ids"], str(what.get("words", "")))
        elif "image_id" in what:
            self.refresh()
            self.grid.select_ids([int(what["image_id"])], scroll=True)
        elif "sources" in what:
            # The drop must end before a dialog opens.
            paths = [Path(path) for path in what["sources"]]
            QTimer.singleShot(0, partial(self.open_import, paths))

    def shown(self) -> None:
        """Catch up with what changed while another page was in front."""
        self._visible = True
        if self._stale:
            self.refresh()
        if self._statistics_stale:
            self._later.start(0 if self.info.count() else 50)
        if self.pages.currentIndex() == 0:
            self.grid.setFocus(Qt.FocusReason.OtherFocusReason)

    def hidden(self) -> None:
        self._visible = False

    def shows(self, changes: ChangeSet) -> bool:
        """States, splits, tags and views are seen here; images, shapes and classes need words."""
        came, _, went = changes.counts().get("image", (0, 0, 0))
        return not (came or went or changes.touches("annotation", "label_class"))

    def release(self) -> None:
        self.studio.settings.unlisten(self._on_setting)
        self._later.stop()
        self._latest.drop()
        self.model.open(None)

    # -- what is shown

    def _on_changed(self, changes: ChangeSet) -> None:
        self.model.take(changes)
        self._statistics_stale = True
        if not self._visible:
            self._stale = True
            return
        self.refresh()
        self._later.start()

    def refresh(self) -> None:
        """Read the ids that pass the filter, and the counts of the views."""
        self._stale = False
        with self.project.read() as session:
            self._classes = {c.id: c for c in queries.classes(session)}
            tags = [tag.name for tag in queries.tags(session)]
            reviews = queries.review_counts(session)
            total = sum(reviews.values())
            ids = queries.image_ids(session, self.filter, self.sort.currentData() or "name")
            saved = [
                (view, len(queries.image_ids(session, view.filter)))
                for view in self._saved_views(session)
            ]
            folders = queries.folders(session)
        self.filter_bar.set_facets(list(self._classes.values()), tags)
        self.filter_bar.show_filter(self.filter)
        self.views.show_counts(ViewCounts(reviews, saved, folders))
        self.views.show_filter(self.filter)
        self.model.set_ids(ids)
        self.pages.setCurrentIndex(0 if total else 1)
        self.shown_part.setCurrentIndex(0 if ids else 1)
        if not ids:
            words = filters.in_words(self.filter, self._classes)
            has = words.startswith("with ")
            self.nothing.set(f"No image {'has ' + words[5:] if has else 'is ' + words}.")
        self.use_side("right", bool(total))
        self._show_next_step(reviews)
        self._show_words()

    def _show_next_step(self, reviews: dict[Review, int]) -> None:
        total = sum(reviews.values())
        done = reviews[Review.REVIEWED] + reviews[Review.EMPTY]
        waiting = reviews[Review.LABELLED] or reviews[Review.UNLABELLED]
        button = self.next_step.button
        if reviews[Review.LABELLED]:
            button.set_text(f"Review {counted(waiting, 'image')}")
        elif waiting:
            button.set_text(f"Label {counted(waiting, 'image')}")
        else:
            button.set_text("Go to Train")
        share = done / total if total else None
        figure = f"{done:,} of {total:,}" if total else ""
        self.next_step.set_progress("Reviewed" if total else "", figure, share)
        assert self.left is not None
        self.left.show_footer(bool(total))

    def _show_words(self) -> None:
        shown, chosen = len(self.model.ids), len(self.studio.selection)
        self.count.setText(counted(shown, "image"))
        parts = [self._filter_words or filters.in_words(self.filter, self._classes)]
        if chosen:
            parts.append(f"{chosen:,} selected")
        self.words.setText(" · ".join(part for part in parts if part))
        set_ = self.filter != ImageFilter()
        self.save_link.setVisible(set_ and self.filter.ids is None)
        self.studio.actions.allow("data.save_view", set_, why="Choose a filter first")
        self.studio.actions.allow("data.clear_filter", set_, why="Every image is shown")
        total = self.studio.image_count
        if not total:
            self.set_status("New project, nothing to save yet")
            return
        annotations = ""
        if chosen and self.info.count():
            number = self.selection_panel.annotation_count
            annotations = f"{counted(number, 'annotation')} in the selection"
        self.set_status(
            f"{shown:,} of {counted(total, 'image')} shown",
            f"{chosen:,} selected" if chosen else "",
            annotations,
        )

    def _read_statistics(self) -> None:
        """Compute the right panel in a thread; only the newest request is shown."""
        from cvstudio.gui.data.statistics import read_facts

        if not self.info.count():
            self._make_info()
            self._on_selection(self.studio.selection)
        self._statistics_stale = False
        project = self.project
        self._latest.request(
            lambda _control: read_facts(project), lambda facts: self.statistics.show_facts(facts)
        )

    def _on_setting(self, key: str, value: Any) -> None:
        if key == "data.overlays":
            self.grid.delegate.overlays = bool(value)
            self.grid.viewport().update()

    def _set_side(self, side: int) -> None:
        self.grid.set_side(side)
        self.studio.memory.set("data.side", side)

    # -- filter and views

    def show_filter(self, chosen: ImageFilter) -> None:
        """Show the images that pass a filter."""
        self.filter, self._filter_words = chosen, ""
        self.refresh()

    def clear_filter(self) -> None:
        """Show every image."""
        self.show_filter(ImageFilter())

    def _filter_changed(self, chosen: ImageFilter) -> None:
        self.show_filter(chosen)

    def _show_found(self, ids: Sequence[int], words: str) -> None:
        self.filter, self._filter_words = ImageFilter(ids=tuple(ids)), words
        self.refresh()

    def _focus_text(self) -> None:
        self.filter_bar.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter_bar.text.selectAll()

    def _saved_views(self, session: Any) -> list[SavedView]:
        stored = queries.setting(session, VIEWS_KEY, [])
        return [SavedView(item["name"], filters.from_json(item["filter"])) for item in stored]

    def save_view(self, name: str = "") -> None:
        """Keep the filter under a name; asks for it when none is given."""
        if not name:
            words = filters.in_words(self.filter, self._classes)
            proposal = words[:1].upper() + words[1:]
            name = ask_text(
                self, "Save as view", "Name", proposal, yes="Save", note="It appears at the left."
            )
        if not name:
            return
        with self.project.read() as session:
            views = self._saved_views(session)
        views = [view for view in views if view.name != name]
        self._store_views([*views, SavedView(name, self.filter)], f"Save view {name}")

    def remove_view(self, name: str) -> None:
        """Forget a saved view; its images stay."""
        with self.project.read() as session:
            views = [view for view in self._saved_views(session) if view.name != name]
        self._store_views(views, f"Remove view {name}")

    def _store_views(self, views: Sequence[SavedView], step: str) -> None:
        stored = [{"name": view.name, "filter": filters.to_json(view.filter)} for view in views]
        with self.project.transaction(step, source=self) as session:
            commands.set_setting(session, VIEWS_KEY, stored)

    # -- selection

    def _selected(self, ids: tuple[int, ...]) -> None:
        self.studio.select(ids)
        current = self.grid.current_id()
        if current in ids:
            self.studio.select_image(current)
        elif ids:
            self.studio.select_image(ids[0])

    def _on_selection(self, ids: tuple[int, ...]) -> None:
        if tuple(self.grid.selected_ids()) != tuple(ids):
            self.grid.blockSignals(True)
            self.grid.select_ids(ids)
            self.grid.blockSignals(False)
        if self.info.count():
            self.selection_panel.refresh()
        self._show_words()

    def _open_selected(self) -> None:
        image_id = self.grid.current_id() or self.studio.selection[0]
        self.studio.go_to("label", image_id=image_id)

    def _open_context_menu(self, place: QPoint) -> None:
        menu = self.context_menu()
        menu.exec(self.grid.viewport().mapToGlobal(place))
        menu.deleteLater()

    def context_menu(self) -> QMenu:
        """The menu of the selected images."""
        menu = QMenu(self)
        action = self.studio.actions
        menu.addAction(action["data.open"])
        menu.addSeparator()
        for id in ("data.mark_reviewed", "data.mark_empty", "data.mark_labelled"):
            menu.addAction(action[id])
        split = menu.addMenu("Set split")
        for id in ("data.set_train", "data.set_val", "data.set_test", "data.set_none"):
            split.addAction(action[id])
        if self.project.task == Task.CLASSIFY and self._classes:
            classes = menu.addMenu("Set class")
            for found in self._classes.values():
                entry = classes.addAction(face(f"{found.name}\t{found.hotkey}"))
                entry.triggered.connect(partial(self._set_class, found.id))
        menu.addAction(action["data.tag"])
        menu.addAction(action["data.group"])
        menu.addAction(action["data.ungroup"])
        menu.addSeparator()
        menu.addAction(action["data.select_all"])
        menu.addAction(action["data.export"])
        menu.addSeparator()
        menu.addAction(action["data.remove"])
        return menu

    def _set_class(self, class_id: int, _checked: bool = False) -> None:
        self.bulk.set_class(class_id)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """In projects that classify, a class's key says what the selected images are."""
        if (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            and self.project.task == Task.CLASSIFY
            and self.studio.selection
        ):
            for found in self._classes.values():
                if found.hotkey and event.text() == found.hotkey:
                    self.bulk.set_class(found.id)
                    return True
        return super().eventFilter(watched, event)

    # -- the next step, and dialogs

    def review(self) -> None:
        """Go to the first image that waits: for review, else for labels; else to Train."""
        with self.project.read() as session:
            for state in (Review.LABELLED, Review.UNLABELLED):
                waiting = queries.image_ids(session, replace(ImageFilter(), reviews=(state,)))
                if waiting:
                    break
        if waiting:
            self.studio.go_to("label", image_id=waiting[0])
        else:
            self.studio.go_to("train")

    def choose_folder(self) -> None:
        """Ask for a folder and bring in what is in it."""
        start = str(self.studio.memory.get("folder", Path.home()))
        found = QFileDialog.getExistingDirectory(self, "Choose a folder with images", start)
        if found:
            self.studio.memory.set("folder", found)
            self.open_import([Path(found)])

    def open_import(self, sources: Sequence[Path] = ()) -> None:
        """Open the import wizard, with what was chosen or dropped."""
        from cvstudio.gui.data.import_dialog import ImportDialog

        dialog = ImportDialog(self.window(), self.studio, sources)
        dialog.exec()
        dialog.deleteLater()

    def open_export(self) -> None:
        """Open the dialog that writes labels for another program."""
        from cvstudio.gui.data.export_dialog import ExportDialog

        dialog = ExportDialog(self.window(), self.studio)
        dialog.exec()
        dialog.deleteLater()

    def edit_split(self) -> None:
        """Open the dialog that divides the images."""
        from cvstudio.gui.data.split_dialog import SplitDialog

        dialog = SplitDialog(self.window(), self.studio)
        dialog.exec()
        dialog.deleteLater()

    def sizeHint(self) -> QSize:
        return QSize(1280, 760)


def _scrolling(inside: QWidget) -> QWidget:
    area = scrolling(inside)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
