"""A screen reader finds a name for every control, and Tab reaches every control of every page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QGraphicsView,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QTableView,
    QTextEdit,
    QToolButton,
    QWidget,
)
from test_analyze import finished_run, judged_page
from test_map_view import embedded

from cvstudio.gui.analyze.views import VIEWS
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.widgets.section import tool
from cvstudio.gui.widgets.table_names import name_table

PAGES = ("data", "label", "augment", "train", "analyze", "export", "predict")
CONTROLS = (
    QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QAbstractSlider, QTextEdit,
    QPlainTextEdit, QAbstractItemView,
)  # fmt: skip
SILENT = (QScrollBar, QTabBar, QHeaderView)
"""Parts whose items speak for themselves, or that are not worked with."""
OF_QT = ("qt_tableview_cornerbutton", "qt_toolbar_ext_button", "qt_spinbox_lineedit")


def controls(inside: QWidget) -> Iterator[QWidget]:
    """What a person can work with and sees now."""
    for widget in inside.findChildren(QWidget):
        works = isinstance(widget, CONTROLS) or widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        own = isinstance(widget.parentWidget(), QAbstractSpinBox | QComboBox | QGraphicsView)
        apart = isinstance(widget, SILENT) or widget.objectName() in OF_QT or own
        if works and not apart and widget.isVisible():
            yield widget


def nameless(inside: QWidget) -> list[str]:
    """The controls of which a screen reader has nothing to say."""
    found = []
    for widget in controls(inside):
        told = QAccessible.queryAccessibleInterface(widget)
        if told is None or not told.text(QAccessible.Text.Name).strip():
            parents = f"{type(widget.parentWidget()).__name__}"
            found.append(f"{type(widget).__name__} {widget.objectName()!r} in {parents}")
    return found


PARTS = (QTableView, QHeaderView, QGraphicsView)
"""What is read and not worked with, and what Qt makes for a table."""


def nameless_parts(inside: QWidget) -> list[str]:
    """Tables, headers, plots and corners of tables of which a screen reader has nothing to say."""
    found = []
    for widget in inside.findChildren(QWidget):
        corner = isinstance(widget, QAbstractButton) and isinstance(
            widget.parentWidget(), QTableView
        )
        header = isinstance(widget, QHeaderView) and not isinstance(
            widget.parentWidget(), QTableView
        )
        if header or not (corner or isinstance(widget, PARTS)):
            continue
        told = QAccessible.queryAccessibleInterface(widget)
        name = told.text(QAccessible.Text.Name).strip() if told is not None else ""
        if not (name or widget.accessibleName()):
            found.append(f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}")
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_table_header_plot_and_corner_has_a_name(studio_window: Person, page: str) -> None:
    shown = studio_window.page(page)
    studio_window.settle()
    assert nameless_parts(shown) == []


def test_a_table_without_a_name_would_be_found(studio_window: Person) -> None:
    page = studio_window.page("data")
    before = nameless_parts(page)
    table = QTableView(page)
    assert len(nameless_parts(page)) == len(before) + 4, "itself, two headers and the corner"
    name_table(table, "Trial")
    assert nameless_parts(page) == before


@pytest.mark.parametrize("page", PAGES)
def test_every_control_of_a_page_has_a_name(studio_window: Person, page: str) -> None:
    studio_window.page(page)
    assert len(list(controls(studio_window.window))) > 14
    assert nameless(studio_window.window) == []


def test_every_control_and_table_of_every_view_of_analyze_has_a_name(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    finished_run(studio_window.project)
    embedded(studio_window.project)
    page = judged_page(studio_window)
    found = []
    for view in VIEWS:
        studio_window.trigger(view.action)
        studio_window.idle()
        studio_window.settle()
        assert page.views.front is page.views.views[view.name]
        found += [(view.name, each) for each in (*nameless(page), *nameless_parts(page))]
    assert not found


def test_every_tool_of_label_brings_options_that_have_names(studio_window: Person) -> None:
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    for button in page.palette_bar.buttons.values():
        studio_window.click(button)
        assert nameless(studio_window.window) == [], button.toolTip()


@pytest.mark.parametrize("action", ["app.settings", "app.keys", "project.new", "data.split"])
def test_every_control_of_a_dialog_has_a_name(studio_window: Person, action: str) -> None:
    found: list[list[str]] = []

    def look(dialog: QDialog) -> None:
        found.append(nameless(dialog))
        dialog.reject()

    studio_window.page("data")
    studio_window.answer(look)
    studio_window.trigger(action)
    assert found == [[]]


def test_a_button_with_nothing_but_an_icon_would_be_found(studio_window: Person) -> None:
    page = studio_window.page("train")
    bare = QToolButton(page)
    bare.show()
    assert nameless(page) == ["QToolButton '' in TrainPage"]
    bare.deleteLater()
    named = tool(icon_name="close", tip="Close")
    named.setParent(page)
    named.show()
    studio_window.settle()
    assert nameless(page) == []


def reached() -> set[QWidget]:
    """What Tab comes to, going round once from where the focus is."""
    seen: list[QWidget] = []
    for _ in range(300):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        now = QApplication.focusWidget()
        assert now is not None
        if seen and now is seen[0]:
            return set(seen)
        seen.append(now)  # a slider of two handles has the focus twice
    raise AssertionError(f"Tab stays with {type(seen[-1]).__name__} {_name(seen[-1])}")


@pytest.mark.parametrize("name", PAGES)
def test_tab_comes_to_every_control_of_a_page(studio_window: Person, name: str) -> None:
    page = studio_window.page(name)
    studio_window.window.activateWindow()
    QTest.qWaitForWindowActive(studio_window.window)
    if isinstance(page, LabelPage):
        studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
        page.canvas.setFocus()
    else:
        page.setFocus()
    seen = reached()
    missing = []
    for widget in controls(studio_window.window):
        wanted = widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if wanted and widget not in seen and not _by_arrows(widget, seen):
            missing.append(f"{type(widget).__name__} {_name(widget)}")
    assert missing == [], [f"{type(w).__name__} {_name(w)}" for w in seen]


def test_f6_goes_from_part_to_part_and_each_has_the_keys_where_it_had_them(
    studio_window: Person,
) -> None:
    window = studio_window.window
    page = studio_window.label_page()
    window.activateWindow()
    QTest.qWaitForWindowActive(window)
    page.canvas.setFocus()
    assert page.right is not None
    for part in (page.right, window.header, window.rail):
        studio_window.key("F6")
        focused = QApplication.focusWidget()
        assert part.isAncestorOf(focused), f"{part} has not got the keys: {focused}"
    studio_window.key("F6")
    assert page.canvas.hasFocus()
    studio_window.key("F6")
    page.tree.setFocus()
    studio_window.key("Shift+F6")
    assert page.canvas.hasFocus()
    studio_window.key("F6")
    assert page.tree.hasFocus()


@pytest.mark.parametrize("name", PAGES)
def test_f6_comes_round_on_every_page(studio_window: Person, name: str) -> None:
    window, page = studio_window.window, studio_window.page(name)
    window.activateWindow()
    QTest.qWaitForWindowActive(window)
    page.setFocus()
    regions, _hearts = window._regions()
    seen = set()
    for _ in range(2 * len(regions)):
        studio_window.key("F6")
        focused = QApplication.focusWidget()
        seen |= {n for n, region in enumerate(regions) if region.isAncestorOf(focused)}
    reachable = {
        n
        for n, region in enumerate(regions)
        if any(
            w.isVisible() and w.isEnabled() and w.focusPolicy() & Qt.FocusPolicy.TabFocus
            for w in region.findChildren(QWidget)
        )
    }
    assert seen == reachable
    assert len(seen) >= 3


def _by_arrows(widget: QWidget, seen: set[QWidget]) -> bool:
    """Of an exclusive group Tab comes to one, the arrows to the others; a viewport is its view."""
    if isinstance(widget, QAbstractButton):
        group = widget.group()
        if group is not None and group.exclusive():
            return any(button in seen for button in group.buttons())
        if widget.autoExclusive():
            return any(s.parentWidget() is widget.parentWidget() for s in seen)
    return widget.parentWidget() in seen


def _name(widget: QWidget) -> str:
    told = QAccessible.queryAccessibleInterface(widget)
    return told.text(QAccessible.Text.Name) if told is not None else ""


def test_labelling_goes_without_a_mouse_except_drawing(studio_window: Person) -> None:
    """Choose an image, its object's class, hide, delete, take back, approve: keys only."""
    studio_window.key("Alt+1")
    studio_window.key("Alt+2")
    page = studio_window.window.page_named("label")
    assert isinstance(page, LabelPage)
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    first = page.document.image
    studio_window.key("D")
    studio_window.key("A")
    assert page.document.image == first
    before = len(page.document.annotations)
    studio_window.key("Ctrl+A")
    assert len(page.document.selection) == before > 0
    studio_window.key("2")
    assert len({a.class_id for a in page.document.annotations}) == 1
    studio_window.key("Del")
    assert not page.document.annotations
    studio_window.key("Ctrl+Z")
    assert len(page.document.annotations) == before
    studio_window.key("Ctrl+Return")
    assert page.document.image != first
    studio_window.key("Alt+4")
    assert studio_window.window.front is studio_window.window.page_named("train")
