"""The rail at the left of the window: the menu, the six pages, the keys and the settings."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolBar, QToolButton, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.actions import Actions
from cvstudio.gui.pages import PAGES, PageInfo
from cvstudio.gui.widgets.icons import icon

MENU_GROUPS = ("project", "edit", "go", "view", "app")


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
        for page in PAGES:
            layout.addWidget(self._page_button(page, group))
        layout.addStretch(1)
        for id in ("app.keys", "app.settings"):
            action = actions[id]
            button = _tool(str(action.property("iconName")), action.toolTip())
            button.clicked.connect(lambda _checked=False, a=action: a.trigger())
            button.setAccessibleName(action.text())
            action.changed.connect(lambda a=action, b=button: b.setToolTip(a.toolTip()))
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        column.setFixedWidth(theme.size("rail_width") - 1)
        self.addWidget(column)

    def _page_button(self, page: PageInfo, group: QActionGroup) -> QToolButton:
        action = self._actions[f"go.{page.name}"]
        action.setCheckable(True)
        group.addAction(action)
        button = QToolButton()
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
