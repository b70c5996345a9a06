"""The Data page: views at the left, the gallery in the middle, what is known at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QStackedWidget, QWidget
from shiboken6 import isValid

from cvstudio.core.annotation import LabelClass, Review, Task
from cvstudio.core.errors import ProjectReadOnly
from cvstudio.core.words import counted
from cvstudio.gui.data import filters, last_filter, reading, saved_views
from cvstudio.gui.data.bulk import Bulk
from cvstudio.gui.data.deciding import Deciding
from cvstudio.gui.data.gallery import Gallery
from cvstudio.gui.data.next_review import tell_next
from cvstudio.gui.data.reading import Comparing, Surroundings
from cvstudio.gui.data.saved_views import SavedView
from cvstudio.gui.data.selection_menu import selection_menu
from cvstudio.gui.data.tag_list import delete_tag, rename_tag
from cvstudio.gui.data.view_list import edit_view
from cvstudio.gui.data.views import ViewsPanel
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.shortcuts.class_keys import ClassPresses
from cvstudio.gui.studio import Filtered, Studio
from cvstudio.gui.widgets.dialogs import ask_text
from cvstudio.gui.widgets.first_paint import FirstPaint
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.section import NextStep, line, tab_bar
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel
from cvstudio.gui.workspace import Workspace
from cvstudio.project import finding, queries
from cvstudio.project.changes import ChangeSet
from cvstudio.project.records import ImageFilter

if TYPE_CHECKING:
    from cvstudio.gui.data.statistics import Facts

_STATISTICS_WAIT, _WINDOW_WAIT = 400, 300


class DataPage(Workspace):
    """Bring images in, choose among them, know what they hold, divide them."""

    name, title, icon = "data", "Data", "image-multiple-outline"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.filter = last_filter.of(studio.memory, self.project)
        self._filter_words = ""
        self._came_back = self.filter != ImageFilter()
        self._classes: dict[int, LabelClass] = {}
        self._presses = ClassPresses()
        self._around: Surroundings | None = None
        self._statistics_stale = True
        self._visible = False
        self.bulk = Bulk(studio, self)
        self._latest = LatestWins(studio.tasks, owner=self)
        self._comparing = Comparing(studio, self, self.refresh)
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
        left = self.panel("left", 232)
        self.views = ViewsPanel(self.studio.actions["data.save_view"])
        self.views.picked.connect(self.show_filter)
        self.views.saved.asked.connect(
            lambda what, name: edit_view(self.project, self, what, SavedView(name, self.filter))
        )
        self.views.tags.asked.connect(self.edit_tag)
        left.add(self.views, 1)
        left.make_scrollable()
        self.next_step = NextStep(self.studio.actions["data.review"])
        left.set_footer(self.next_step)
        right = self.panel("right", 312)
        right.heading = "Project and selection"
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
        self.gallery = Gallery(self.studio, self.model)
        self.gallery.filtered.connect(self.show_filter)
        self.gallery.reordered.connect(self._find)
        self.gallery.filter_bar.check = self._check_query
        self.gallery.filter_bar.text.count = self._count
        self.gallery.filter_bar.help.more.connect(
            lambda: self.studio.actions.trigger("app.queries")
        )
        self.gallery.missing.suspected.connect(self._look_again)
        self.grid = self.gallery.grid
        self.hearts = (self.grid,)
        self.grid.customContextMenuRequested.connect(self._open_context_menu)
        self.grid.selected.connect(self._selected)
        self.grid.opened.connect(lambda image_id: self.studio.go_to("label", image_id=image_id))
        self.grid.installEventFilter(self)
        self.pages.addWidget(self.gallery)
        self.empty = EmptyProject(self.studio)
        self.empty.sample_asked.connect(lambda key: self.studio.go_to("sample", key=key))
        self.pages.addWidget(self.empty)
        return self.pages

    def _connect_actions(self) -> None:
        def connect(id: str, do: Any) -> None:
            self.studio.actions.connect(id, do, self)

        connect("data.choose", self.choose_folder)
        connect("data.import", self.open_import)
        connect("data.export", self.open_export)
        connect("data.review", self.review)
        connect("data.open", self._open_selected)
        connect("data.select_all", self.grid.selectAll)
        connect("data.filter_text", self.gallery.seek)
        connect("data.clear_filter", self.clear_filter)
        connect("data.save_view", self.save_view)
        connect("data.split", self.edit_split)
        connect("data.classes", self.manage_classes)
        connect("data.health", self._read_statistics)
        connect("data.like", self._show_like)
        connect("data.relocate", self.find_moved)
        self.bulk.connect()
        Deciding(self.studio, self)

    # -- hooks

    def arrive(self, **what: Any) -> None:
        """`class_id`, `ids` (with `words`), `filter`, `sources` to bring in, or `moved=True`.

        `divide` names the page that needs labelled images in train and val, and comes back to it.
        """
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
        elif "divide" in what:
            QTimer.singleShot(0, partial(self._divide_for, str(what["divide"])))
        elif what.get("moved"):
            QTimer.singleShot(0, self.find_moved)

    def shown(self) -> None:
        """Catch up with what changed while another page was in front."""
        self._visible = True
        if self._around is None:
            self.refresh()
        if self._statistics_stale:
            if self.info.count() or self.pages.currentIndex():
                self._later.start(0)
            else:  # the images come first
                FirstPaint(self.grid.viewport(), lambda: self._visible and self._later.start(0))
        if self.pages.currentIndex() == 0:
            self.grid.setFocus(Qt.FocusReason.OtherFocusReason)
        if self._came_back:
            self._came_back = False
            # Not at once: the window may not be up yet, and has no place for words then.
            QTimer.singleShot(_WINDOW_WAIT, self, self._tell_came_back)

    def _tell_came_back(self) -> None:
        if self.gallery.waiting:
            QTimer.singleShot(_WINDOW_WAIT, self, self._tell_came_back)
            return
        shown = f"{len(self.model.ids):,} of {counted(self.studio.image_count, 'image')}"
        self.studio.toast(
            f"The filter of last time is on: {shown}.",
            link="Show all",
            do=lambda: self.clear_filter() if isValid(self) else None,
        )

    def hidden(self) -> None:
        self._visible = False

    def shows(self, changes: ChangeSet) -> bool:
        """States, splits, tags and views are seen here; images, shapes and classes need words."""
        came, _, went = changes.counts().get("image", (0, 0, 0))
        return not (came or went or changes.touches("annotation", "label_class"))

    def release(self) -> None:
        self.studio.settings.unlisten(self._on_setting)
        self.gallery.missing.release()
        self._later.stop()
        self._latest.drop()
        self._comparing.need(())
        self.model.open(None)

    # -- what is shown

    def _on_changed(self, changes: ChangeSet) -> None:
        self.model.take(changes)
        self._statistics_stale = True
        if not self._visible:
            self._around = None
            return
        self.refresh()
        self._later.start()

    def refresh(self) -> None:
        """Read what the project holds, the counts of the views, and the images that pass the
        filter."""
        around = self._around = reading.surroundings(self.project)
        self._classes = around.classes
        bar = self.gallery.filter_bar
        bar.text.names = around.names
        tags = [tag.name for tag in around.counts.tags]
        bar.set_facets(list(around.classes.values()), tags, around.images_by_class)
        self.views.show_counts(around.counts)
        some = any(around.counts.reviews.values())
        self.pages.setCurrentIndex(0 if some else 1)
        self.use_side("right", some)
        tell_next(self.next_step, around.counts.reviews)
        assert self.left is not None
        self.left.show_footer(some)
        self._find()
        if self.info.count():
            self.selection_panel.refresh()
            self._show_words()

    def _find(self) -> None:
        """Read the images that pass the filter; nothing else has changed with it."""
        if self._around is None:
            self.refresh()
            return
        found = reading.found(self.project, self.filter, self.gallery.order)
        self.gallery.filter_bar.show_filter(self.filter)
        last_filter.keep(self.studio.memory, self.project, self.filter)
        self.views.show_filter(self.filter)
        self._comparing.need(found.needs or self._around.needs)
        if found.ids is None:
            self.gallery.wait(reading.words_of(found.needs))
        else:
            self.gallery.show_ids(
                found.ids, self.filter, self._classes, found.offers, trouble=found.trouble
            )
            words = self._filter_words or filters.in_words(self.filter, self._classes)
            some = self.filter != ImageFilter()
            self.studio.filtered = Filtered(tuple(found.ids), words) if some else None
        self._show_words()

    def _count(self, query: str) -> int:
        with self.project.read() as session:
            return queries.image_count(session, ImageFilter(query=query))

    def _show_words(self) -> None:
        shown, chosen = len(self.model.ids), len(self.studio.selection)
        set_ = self.filter != ImageFilter()
        words = self._filter_words or filters.in_words(self.filter, self._classes)
        self.gallery.show_words(words, chosen=chosen, may_save=set_ and self.filter.ids is None)
        self.studio.actions.allow("data.save_view", set_, why="Choose a filter first")
        self.studio.actions.allow("data.clear_filter", set_, why="Every image is shown")
        total = self.studio.image_count
        if self.gallery.waiting or not total:
            self.set_status(self.gallery.waiting or "New project, nothing to save yet")
            return
        annotations = ""
        if chosen and self.info.count():
            number = self.selection_panel.annotation_count
            annotations = f"{counted(number, 'annotation')} in the selection"
        selected = f"{chosen:,} selected" if chosen else ""
        self.set_status(f"{shown:,} of {counted(total, 'image')} shown", selected, annotations)

    def _read_statistics(self) -> None:
        """Compute the right panel in a thread; only the newest request is shown."""
        from cvstudio.gui.data.statistics import read_facts

        if not self.info.count():
            self._make_info()
            self._on_selection(self.studio.selection)
        self._statistics_stale = False
        project = self.project
        self._latest.request(lambda _control: read_facts(project), self._show_facts)

    def _show_facts(self, facts: Facts) -> None:
        self.statistics.show_facts(facts)
        self.gallery.missing.show_findings(facts.findings)

    def _look_again(self) -> None:
        self._statistics_stale = True
        if self._visible:
            self._later.start()

    def _on_setting(self, key: str, value: Any) -> None:
        if key == "data.overlays":
            self.gallery.show_overlays(bool(value))

    # -- filter and views

    def show_filter(self, chosen: ImageFilter) -> None:
        """Show the images that pass a filter."""
        self.filter, self._filter_words = chosen, ""
        self._find()

    def _check_query(self, text: str) -> None:
        with self.project.read() as session:
            finding.check(session, text)

    def clear_filter(self) -> None:
        """Show every image."""
        self.show_filter(ImageFilter())

    def _show_found(self, ids: Sequence[int], words: str) -> None:
        self.filter, self._filter_words = ImageFilter(ids=tuple(ids)), words
        self._find()

    def save_view(self, name: str = "") -> None:
        """Keep the filter under a name; asks for it when none is given."""
        if not name:
            words = filters.in_words(self.filter, self._classes)
            proposal = words[:1].upper() + words[1:]
            name = ask_text(
                self, "Save as view", "Name", proposal, yes="Save", note="It appears at the left."
            )
        if name:
            saved_views.save(self.project, SavedView(name, self.filter), source=self)

    def edit_tag(self, what: str, tag: str, name: str = "") -> None:
        """Rename ("rename") or delete ("delete") a tag; the filter follows."""
        if what == "delete":
            delete_tag(self.studio, self, tag)
            left = tuple(t for t in self.filter.tags if t != tag)
        else:
            now = rename_tag(self.studio, self, tag, name)
            left = tuple(now if t == tag else t for t in self.filter.tags)
        if left != self.filter.tags:
            self.show_filter(replace(self.filter, tags=left))

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

    def _show_like(self) -> None:
        image_id = self.grid.current_id() or self.studio.selection[0]
        self.studio.go_to("analyze", view="map", like=image_id)

    def _open_context_menu(self, place: QPoint) -> None:
        menu = self.context_menu()
        menu.exec(self.grid.viewport().mapToGlobal(place))
        menu.deleteLater()

    def context_menu(self) -> QMenu:
        """The menu of the selected images."""
        whole = self.project.task == Task.CLASSIFY
        classes = self._classes.values() if whole else ()
        return selection_menu(
            self.studio.actions, self.bulk, self, classes=classes, tags=self.bulk.tags()
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """In projects that classify, a class's key says what the selected images are."""
        if (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and self.project.task == Task.CLASSIFY
            and self.studio.selection
        ):
            found = self._presses.feed(event, self._classes.values())
            if found is not None:
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
        if not self.project.writable:
            self.studio.fail(ProjectReadOnly("The project is open for reading only."))
            return
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

    def manage_classes(self) -> None:
        """Open the class manager."""
        from cvstudio.gui.class_manager import manage_classes

        manage_classes(self.studio)

    def find_moved(self) -> None:
        """Find images whose files have moved."""
        from cvstudio.gui.data.relocate_dialog import find_moved

        find_moved(self.studio)

    def edit_split(self, *, settle: bool = False) -> None:
        """Open the dialog that divides the images; `settle` proposes what a run needs."""
        from cvstudio.gui.data.split_dialog import SplitDialog

        dialog = SplitDialog(self.window(), self.studio, settle=settle)
        dialog.exec()
        dialog.deleteLater()

    def _divide_for(self, page: str) -> None:
        """Let the person divide as a run needs it, and go back to where that was asked for."""
        self.edit_split(settle=True)
        self.studio.go_to(page)

    def sizeHint(self) -> QSize:
        return QSize(1280, 760)


def _scrolling(inside: QWidget) -> QWidget:
    area = scrolling(inside)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
