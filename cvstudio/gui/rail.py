"""The rail at the left of the window: the menu, the seven pages, the keys and the settings."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolBar, QToolButton, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.actions import Actions
from cvstudio.gui.pages import PAGES, PageInfo
from cvstudio.gui.widgets.icons import icon

MENU_GROUPS = ("project", "edit", "go", "view", "app")


class PageButton(QToolButton):
    """A button of a page, which tells of the pointer also while it is disabled."""

    refused = Signal()
    """It was pressed, and is disabled."""
    pointed = Signal(bool)
    """The pointer came to it, or left it."""

    def event(self, event: QEvent) -> bool:
        """A disabled widget gets no press; it is told here alone."""
        if event.type() == QEvent.Type.MouseButtonPress and not self.isEnabled():
            self.refused.emit()
        elif event.type() in (QEvent.Type.Enter, QEvent.Type.Leave):
            self.pointed.emit(event.type() == QEvent.Type.Enter)
        return super().event(event)


class Rail(QToolBar):
    """A button for each page, made from the actions go.NAME; `mark` says which one is shown."""

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self._actions = actions
        self.setObjectName("rail")
        self.setMovable(False)
        self.setFloatable(False)
        self.setOrientation(Qt.Orientation.Vertical)
        self.setFixedWidth(theme.size("rail_width"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setContentsMargins(3, 4, 4, 8)
        layout.setSpacing(4)
        menu = _tool("menu", "Menu: every action that works on all pages")
        menu.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu.setMenu(self._menu())
        layout.addWidget(menu, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(4)
        group = QActionGroup(self)
        # Without a project no page is the one at hand.
        group.setExclusionPolicy(QActionGroup.ExclusionPolicy.ExclusiveOptional)
        self.buttons = {page.name: self._page_button(page, group) for page in PAGES}
        for button in self.buttons.values():
            layout.addWidget(button)
        layout.addStretch(1)
        for id in ("app.keys", "app.settings"):
            action = actions[id]
            tool = _tool(str(action.property("iconName")), action.toolTip())
            tool.clicked.connect(lambda _checked=False, a=action: a.trigger())
            tool.setAccessibleName(action.text())
            action.changed.connect(lambda a=action, b=tool: b.setToolTip(a.toolTip()))
            layout.addWidget(tool, 0, Qt.AlignmentFlag.AlignHCenter)
        column.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        column.setFixedWidth(theme.size("rail_width") - 1)
        self.addWidget(column)

    def _page_button(self, page: PageInfo, group: QActionGroup) -> PageButton:
        action = self._actions[f"go.{page.name}"]
        action.setCheckable(True)
        group.addAction(action)
        button = PageButton()
        theme.mark(button, rail=True)
        button.setDefaultAction(action)
        button.setIcon(icon(str(action.property("iconName")), "muted", "text"))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(theme.size("rail"), theme.size("rail")))
        button.setFixedSize(*theme.tokens()["size"]["rail_item"])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for group in MENU_GROUPS:
            for info, action in self._actions.all():
                if info.id.startswith(f"{group}."):
                    menu.addAction(action)
            menu.addSeparator()
        return menu

    def mark(self, name: str) -> None:
        """Mark the page that is shown, and no other; "" for none."""
        for page in PAGES:
            self._actions[f"go.{page.name}"].setChecked(page.name == name)


def _tool(name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(name))
    button.setIconSize(QSize(22, 22))
    button.setFixedSize(40, 40)
    button.setToolTip(tip)
    button.setAccessibleName(tip.partition(":")[0])
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
