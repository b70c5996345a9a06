"""The filter of the gallery: its bar of buttons, its words, and how a saved view stores it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from dataclasses import field as made
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QIcon,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from cvstudio.core.annotation import LabelClass, Review, Source, Split
from cvstudio.gui import theme
from cvstudio.gui.data.query_box import QueryBox
from cvstudio.gui.data.query_dialog import QueryDialog
from cvstudio.gui.data.query_help import QueryHelp
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.section import tool
from cvstudio.gui.widgets.swatch import swatch
from cvstudio.gui.widgets.verbatim import face
from cvstudio.gui.widgets.verbatim import tip as plain_tip
from cvstudio.project.query_language import QueryError, only_words, parse, start_of_word
from cvstudio.project.records import ImageFilter

REVIEW_WORDS = {
    Review.UNLABELLED: "unlabelled",
    Review.LABELLED: "labelled, to review",
    Review.REVIEWED: "reviewed",
    Review.EMPTY: "reviewed and empty",
}
SOURCE_WORDS = {
    Source.HUMAN: "drawn or edited by you",
    Source.IMPORT: "import",
    Source.NETWORK: "network",
}
SPLIT_WORDS = {Split.TRAIN: "train", Split.VAL: "val", Split.TEST: "test", None: "none"}


@dataclass(frozen=True)
class Facet:
    """One button of the filter bar: a field of ImageFilter and what may be chosen."""

    field: str
    title: str
    options: tuple[tuple[Any, str], ...]
    colours: Mapping[Any, str] = made(default_factory=dict)
    counts: Mapping[Any, int] = made(default_factory=dict)
    """By option, where there is one: its colour, and how many images it would show."""


def facets(
    classes: Sequence[LabelClass], tags: Sequence[str], counts: Mapping[int, int] | None = None
) -> tuple[Facet, ...]:
    """The buttons for a project with these classes and tags; `counts`: images by class id."""
    named = tuple((c.id, c.name) for c in classes)
    colours = {c.id: c.colour for c in classes}
    return (
        Facet("class_ids", "Class", named, colours, counts or {}),
        Facet("splits", "Split", tuple(SPLIT_WORDS.items())),
        Facet("reviews", "Review state", tuple(REVIEW_WORDS.items())),
        Facet("tags", "Tag", tuple((tag, tag) for tag in tags)),
        Facet("sources", "Source", tuple(SOURCE_WORDS.items())),
    )


MORE = (
    ("without_annotations", True, "Without annotations"),
    ("without_annotations", False, "With annotations"),
    ("problems", True, "Cannot be read"),
    ("rejected", True, "Rejected"),
    ("open_comments", True, "With an open comment"),
)
"""What stands in the menu More: field, value, words."""

_PATIENCE = 800
"""Milliseconds of rest after which half a query is called wrong."""

_KEEP = ("class_ids", "reviews", "splits", "tags", "sources")
"""The buttons, the one first that keeps its place longest when there is little room."""


def in_words(current: ImageFilter, classes: dict[int, LabelClass]) -> str:
    """A filter as it follows "201 images": "with Platelets, in val"."""
    parts = []
    if current.ids is not None:
        parts.append("chosen for you")
    if current.class_ids:
        names = [classes[i].name for i in current.class_ids if i in classes]
        parts.append("with " + " or ".join(names))
    if current.splits:
        parts.append("in " + " or ".join(SPLIT_WORDS[s] for s in current.splits))
    if current.reviews:
        parts.append(" or ".join(REVIEW_WORDS[r] for r in current.reviews))
    if current.tags:
        parts.append("tagged " + " or ".join(current.tags))
    if current.sources:
        parts.append("from " + " or ".join(SOURCE_WORDS[s] for s in current.sources))
    if current.folder:
        parts.append(f"in {current.folder.rpartition('/')[2]}")
    parts += [words.lower() for field, value, words in MORE if getattr(current, field) is value]
    if current.text:
        parts.append(f"named “{current.text}”")
    if current.query:
        parts.append(f"found by {current.query}")
    return ", ".join(parts)


def to_json(current: ImageFilter) -> dict[str, Any]:
    """A filter as a saved view keeps it: only what restricts."""
    plain = ImageFilter()
    return {name: value for name, value in asdict(current).items() if value != getattr(plain, name)}


def from_json(data: dict[str, Any]) -> ImageFilter:
    """The inverse of to_json; what this version does not know is left out."""
    known = {field.name for field in fields(ImageFilter)}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in data.items()
        if key in known
    }
    if "splits" in values:
        values["splits"] = tuple(Split(s) if s else None for s in values["splits"])
    if "reviews" in values:
        values["reviews"] = tuple(Review(r) for r in values["reviews"])
    if "sources" in values:
        values["sources"] = tuple(Source(s) for s in values["sources"])
    return ImageFilter(**values)


def _chip(colour: str) -> QIcon:
    """The colour of a class as the box of a menu entry: a tick stands in it when it is chosen."""
    found = QIcon()
    for state in (QIcon.State.Off, QIcon.State.On):
        picture = swatch(colour, 14, margin=1)
        if state is QIcon.State.On:
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for pen in (QPen(QColor("#000000"), 4), QPen(QColor("#FFFFFF"), 2)):
                painter.setPen(pen)
                painter.drawPolyline([QPointF(3.5, 8.2), QPointF(6.8, 11.2), QPointF(12.5, 4.8)])
            painter.end()
        found.addPixmap(picture, QIcon.Mode.Normal, state)
    return found


class FilterButton(QToolButton):
    """One facet: a menu to choose from; when something is chosen, a cross that takes it away."""

    picked = Signal(str, object)
    """The field and the chosen values, a tuple."""

    def __init__(self, facet: Facet) -> None:
        super().__init__()
        self.facet = facet
        self._values: tuple[Any, ...] = ()
        theme.mark(self, filter=True, set=False)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        # The arrow and the cross stand after the words.
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.setIconSize(QSize(16, 16))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(lambda _checked=False: self.open_menu())
        self.show_values(())

    def set_facet(self, facet: Facet) -> None:
        """Other options: a class or a tag came or went."""
        self.facet = facet
        self.show_values(self._values)

    def show_values(self, values: tuple[Any, ...]) -> None:
        """Show what is chosen, without telling."""
        self._values = values
        words = dict(self.facet.options)
        chosen = [words[v] for v in values if v in words]
        text = f"{self.facet.title}: {', '.join(chosen)}" if chosen else self.facet.title
        self.setText(face(text if len(text) <= 36 else f"{self.facet.title}: {len(chosen)} chosen"))
        self.setIcon(icon("close", "selectionText") if chosen else icon("chevron-down"))
        theme.mark(self, set=bool(chosen))
        tip = f"{text}. The cross takes it away." if chosen else "Show only some images"
        self.setToolTip(plain_tip(tip if chosen else f"{self.facet.title}: {tip}"))

    def menu_of(self) -> QMenu:
        """The menu of options, checked as chosen."""
        menu = QMenu(self)
        menu.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.fill(menu)
        return menu

    def fill(self, menu: QMenu) -> None:
        """Put the options into a menu, checked as chosen."""
        for value, words in self.facet.options:
            count = self.facet.counts.get(value)
            # What follows a tab stands at the right, where keys stand in other menus.
            action = menu.addAction(face(words) + ("" if count is None else f"\t{count:,}"))
            if value in self.facet.colours:
                action.setIcon(_chip(self.facet.colours[value]))
            action.setCheckable(True)
            action.setChecked(value in self._values)
            action.toggled.connect(lambda on, v=value: self._toggle(v, on))
        if not self.facet.options:
            nothing = menu.addAction(f"No {self.facet.title.lower()} yet")
            nothing.setEnabled(False)

    def open_menu(self) -> None:
        """Open the menu under the button."""
        menu = self.menu_of()
        menu.exec(self.mapToGlobal(QPoint(0, self.height() + 2)))
        menu.deleteLater()

    def _toggle(self, value: Any, on: bool) -> None:
        values = (*self._values, value) if on else tuple(v for v in self._values if v != value)
        self.show_values(values)
        self.picked.emit(self.facet.field, values)

    def clear(self) -> None:
        """Take the choice away."""
        self.show_values(())
        self.picked.emit(self.facet.field, ())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._values and event.position().x() > self.width() - 28:
            self.clear()
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete) and self._values:
            self.clear()
            return
        super().keyPressEvent(event)


class FilterBar(QWidget):
    """Text field, facets and More; `changed(ImageFilter)` after every choice of the person."""

    changed = Signal(object)
    refused = Signal(str)
    """Why the text is no query, or "" when it is one."""

    def __init__(self) -> None:
        super().__init__()
        self.current = ImageFilter()
        self.fruitless = False
        """Whether no image passes the filter, so that nothing is lost with its query."""
        self._problem = ""
        self._order: list[str] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.text = QueryBox()
        self.check: Callable[[str], object] = parse
        """Raises QueryError for a query that cannot be answered."""
        self.extra: Sequence[QAction] = ()
        """What else stands in More."""
        self._found = ""
        self._wait = QTimer(self, singleShot=True, interval=_PATIENCE)
        self._wait.timeout.connect(self._refuse)
        self.text.grown.connect(self._fit)
        self.text.editingFinished.connect(self._refuse)
        self.text.textChanged.connect(self._typed)
        self.text.installEventFilter(self)
        row.addWidget(self.text, 4)
        self.help = QueryHelp(self)
        self.help_button = tool(
            icon_name="help-circle-outline", tip="Words of queries, with examples",
            do=self.open_help,
        )  # fmt: skip
        self.help.chosen.connect(self._take_example)
        row.addWidget(self.help_button)
        self.buttons: dict[str, FilterButton] = {}
        for facet in facets((), ()):
            button = FilterButton(facet)
            button.picked.connect(self._picked)
            self.buttons[facet.field] = button
            row.addWidget(button)
        # Source is rare: it appears as a chip when it is set, and is chosen from More.
        self.buttons["sources"].hide()
        self.more = QToolButton()
        theme.mark(self.more, filter=True)
        self.more.setText("More")
        self.more.setIcon(icon("chevron-down"))
        self.more.setIconSize(QSize(16, 16))
        self.more.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.more.setToolTip("More: source, count, size, score, errors of runs, unreadable files")
        self.more.clicked.connect(lambda _checked=False: self._open_more())
        row.addWidget(self.more)
        row.addStretch(1)

    def set_facets(
        self,
        classes: Sequence[LabelClass],
        tags: Sequence[str],
        counts: Mapping[int, int] | None = None,
    ) -> None:
        """The classes and tags that can be chosen now, and how many images show each class."""
        for facet in facets(classes, tags, counts):
            self.buttons[facet.field].set_facet(facet)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Show as many buttons as have room for their words; More has the others."""
        if not hasattr(self, "more"):
            return
        room = self.width() - self.text.minimumWidth() - self.more.sizeHint().width() - 8
        room -= self.help_button.width() + 8
        wanted = [name for name in _KEEP if name != "sources" or self.current.sources]
        # What is chosen comes first: its cross is the way out of it.
        wanted.sort(key=lambda name: not getattr(self.current, name))
        for name in wanted:
            room -= self.buttons[name].sizeHint().width() + 8
            self.buttons[name].setVisible(room >= 0 or bool(getattr(self.current, name)))
        if "sources" not in wanted:
            self.buttons["sources"].hide()

    def show_filter(self, current: ImageFilter) -> None:
        """Show a filter without telling."""
        self.current = current
        self._order = [name for name in self.buttons if getattr(current, name)]
        if self._found != (found := current.query or current.text):
            self._found = found
            self.text.setText(found)
        for name, button in self.buttons.items():
            button.show_values(tuple(getattr(current, name)))
        self._show_more()

    def _show_more(self) -> None:
        on = [words for field, value, words in MORE if getattr(self.current, field) is value]
        self.more.setText(on[0] if on else "More")
        theme.mark(self.more, set=bool(on))
        self.more.setIcon(icon("chevron-down", "selectionText" if on else "muted"))
        self._fit()

    def _set(self, **values: Any) -> None:
        self.current = replace(self.current, **values)
        self._show_more()
        self.changed.emit(self.current)

    def _typed(self, text: str) -> None:
        """Show what a part of a name or a query finds."""
        text = text.strip()
        self._problem = ""
        try:
            terms = parse(text)
            self.check(text)
        except QueryError as error:
            self._problem = error.message
            # What stands before the fault is understood, and is shown.
            text = text[: start_of_word(text, error.position)].strip()
            terms = parse(text)
        if text != self._found:
            self._found = text
            # Words that are written with their key, or in quotes, are a query too.
            plain = only_words(terms) and text.split() == [term.values[0] for term in terms]
            self._set(text=text if plain else "", query="" if plain else text)
        # Half a query is no fault until the person rests.
        if self._problem:
            self._wait.start()
        else:
            self._refuse()

    def open_help(self) -> None:
        """Show the words of queries, by example, under the question mark."""
        self.help.open_under(self.help_button)

    def _take_example(self, example: str) -> None:
        """Put an example after what finds images, in the place of what does not: it is to be
        seen at work, and then made one's own."""
        failed = self.fruitless or bool(self._problem)
        before = "" if failed else self.text.text().rstrip()
        self.text.setText(f"{before} {example}" if before else example)
        self.text.setFocus(Qt.FocusReason.OtherFocusReason)

    def _refuse(self) -> None:
        """Say what is wrong with the query, or that nothing is."""
        self._wait.stop()
        theme.mark(self.text, invalid=bool(self._problem))
        self.refused.emit(self._problem)

    def _picked(self, field: str, values: tuple[Any, ...]) -> None:
        self._order = [name for name in self._order if name != field]
        if values:
            self._order.append(field)
        self._set(**{field: values})

    def _open_more(self) -> None:
        menu = self.more_menu()
        menu.exec(self.more.mapToGlobal(QPoint(0, self.more.height() + 2)))
        menu.deleteLater()

    def more_menu(self) -> QMenu:
        """What is rarely wanted, and what has no room in the bar."""
        menu = QMenu(self)
        menu.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        for name in _KEEP:
            button = self.buttons[name]
            if button.isHidden():
                title = "Source of annotations" if name == "sources" else button.facet.title
                button.fill(menu.addMenu(title))
        for name, wanted, words in MORE:
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(getattr(self.current, name) is wanted)
            action.toggled.connect(lambda on, f=name, v=wanted: self._set(**{f: v if on else None}))
        menu.addSeparator()
        menu.addAction("Count, size, score or run error…", self.ask_numbers)
        if self.extra:
            menu.addSeparator()
            menu.addActions(list(self.extra))
        return menu

    def ask_numbers(self) -> None:
        """Ask for count, size, score and errors in fields; what is filled in becomes the query."""
        dialog = QueryDialog(self.window(), self.text.text(), self.text.names)
        if dialog.exec() == QueryDialog.DialogCode.Accepted:
            self.text.setText(dialog.query)
            self._refuse()
        dialog.deleteLater()

    def clear_last(self) -> None:
        """Take away what was chosen last, as Backspace in the empty field does."""
        if self._order:
            self.buttons[self._order[-1]].clear()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        if (
            watched is self.text
            and event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Backspace
            and not self.text.text()
        ):
            self.clear_last()
            return True
        return super().eventFilter(watched, event)
