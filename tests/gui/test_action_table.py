"""The table of actions: each says what it does, does it, and is reached by the keyboard."""

from __future__ import annotations

from person import Person
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QLineEdit,
)

from cvstudio.gui.action_table import ACTIONS, BY_ID, PAGES, REASONS
from cvstudio.gui.analyze.views import VIEWS


def test_every_action_says_what_it_does_and_why_it_cannot() -> None:
    assert len(BY_ID) == len(ACTIONS)
    for info in ACTIONS:
        assert info.text[0].isupper() or info.text[0].isdigit(), info.id
        assert not info.text.endswith("."), info.id
        assert info.tip, info.id
        assert set(info.needs) <= set(REASONS), info.id
        for key in info.keys:
            assert not QKeySequence(key).isEmpty(), (info.id, key)


def test_no_two_actions_of_a_page_share_a_key() -> None:
    for page in PAGES:
        seen: dict[str, str] = {}
        for info in ACTIONS:
            if info.page not in ("", page):
                continue
            for key in info.keys:
                text = QKeySequence(key).toString()
                assert text not in seen, f"{info.id} and {seen.get(text)} share {text} on {page}"
                seen[text] = info.id


def test_every_action_can_be_reached_by_keyboard(studio_window: Person) -> None:
    """By its own key, or through the search, or as a button that Tab reaches."""
    window = studio_window.window
    for info, action in studio_window.studio.actions.all():
        if not info.page:
            assert action in window.actions(), info.id
        elif info.keys:
            continue
    for button in window.findChildren(QAbstractButton):
        if button.isVisible() and button.isEnabled():
            policy = button.focusPolicy()
            clear = button.objectName() == "qt_toolbar_ext_button" or isinstance(
                button.parentWidget(), QLineEdit
            )
            assert clear or policy & Qt.FocusPolicy.TabFocus, (
                f"Tab does not reach {button.text() or button.accessibleName()!r}"
            )


def test_every_button_without_words_has_a_name_for_screen_readers(studio_window: Person) -> None:
    for button in studio_window.window.findChildren(QAbstractButton):
        if button.isVisible() and not isinstance(button.parentWidget(), QLineEdit):
            named = button.text() or button.accessibleName() or button.toolTip()
            if button.objectName() != "qt_toolbar_ext_button":
                assert named, button


def test_a_disabled_action_says_why(empty_window: Person) -> None:
    actions = empty_window.studio.actions
    assert not actions.trigger("data.import")
    assert "Open a project first" in actions["data.import"].toolTip()
    assert "Ctrl+Shift+O" in actions["project.open"].toolTip()


def test_every_action_of_the_table_does_something(studio_window: Person) -> None:
    for page in PAGES:
        studio_window.page(page)
    for view in VIEWS:
        studio_window.page("analyze").views.show_view(view.name)
    idle = [
        info.id
        for info in ACTIONS
        if not any(True for _ in studio_window.studio.actions._handlers.get(info.id, ()))
    ]
    assert not idle
    studio_window.page("data")
    studio_window.idle()
