"""The editor of keys: every action by page, press to record, and what a key would be taken from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from cvstudio.core.errors import CVStudioError
from cvstudio.core.settings import SETTINGS
from cvstudio.core.words import quoted
from cvstudio.gui import keys
from cvstudio.gui.action_table import ACTIONS, BY_ID, PAGES, ActionInfo
from cvstudio.gui.shortcuts import sheet
from cvstudio.gui.shortcuts.keymap import FIXED, PRESET, KeyBook, normal, refusal
from cvstudio.gui.shortcuts.recorder import KeyRecorder
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import label, push

_ID = Qt.ItemDataRole.UserRole
_WIDTH, _HEIGHT, _AROUND = 760, 720, 72
_NAME, _KEYS, _FROM = 190, 160, 84

PRESET_WORDS = dict(next(setting for setting in SETTINGS if setting.key == PRESET).choices)


class ShortcutDialog(StudioDialog):
    """Changes hold at once. `page`: the group of actions that stands first."""

    def __init__(self, parent: QWidget | None, book: KeyBook, page: str = "") -> None:
        super().__init__(parent, "Keys", width=_WIDTH)
        self.resize(_WIDTH, min(_HEIGHT, self.screen().availableSize().height() - _AROUND))
        self.setObjectName("shortcuts")
        self._book = book
        self._items: dict[str, QTreeWidgetItem] = {}
        self._heads: list[QTreeWidgetItem] = []
        self.content.setSpacing(8)
        self._make_head()
        self._make_tree(page)
        self._make_strip()
        self.note("Changes hold at once.")
        self.add_button("Save a sheet", self._save_sheet, tall=True, icon_name="export")
        self.reset_all = self.add_button("Reset all", self._reset_all, tall=True)
        self.add_button("Close", self.accept)
        book.changed.connect(self._show_keys)
        self._show_keys()
        self.tree.setCurrentItem(next(self._groups())[1][0])
        self.field.setFocus()

    # -- building

    def _make_head(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.field = QLineEdit()
        self.field.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition).setText(
            "Find"
        )
        self.field.setPlaceholderText("Find an action or a key")
        self.field.setAccessibleName("Find an action or a key")
        self.field.textChanged.connect(self._filter)
        row.addWidget(self.field, 1)
        self.preset = QComboBox()
        self.preset.setAccessibleName("Keys to begin with")
        for value, words in PRESET_WORDS.items():
            self.preset.addItem(words, value)
        self.preset.currentIndexChanged.connect(
            lambda index: self._book.choose_preset(self.preset.itemData(index))
        )
        row.addWidget(self.preset)
        self.content.addLayout(row)

    def _make_tree(self, page: str) -> None:
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("Actions and their keys")
        self.tree.setHeaderLabels(["Action", "Keys", "From", "What it does"])
        self.tree.setIndentation(14)
        self.tree.setUniformRowHeights(True)
        self.tree.setTabKeyNavigation(False)
        header = self.tree.header()
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(True)
        for column, width in enumerate((_NAME, _KEYS, _FROM)):
            self.tree.setColumnWidth(column, width)
        groups = ("", *PAGES)
        for group in sorted(groups, key=lambda name: name != page) if page in PAGES else groups:
            head = QTreeWidgetItem([group.capitalize() or "Everywhere"])
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.tree.addTopLevelItem(head)
            head.setFirstColumnSpanned(True)
            for info in ACTIONS:
                if info.page == group:
                    self._items[info.id] = self._item(head, info)
            head.setExpanded(True)
            self._heads.append(head)
        self.tree.currentItemChanged.connect(lambda *_: self._show_action())
        self.tree.itemActivated.connect(lambda *_: self.recorder.start())
        self.content.addWidget(self.tree, 1)

    def _item(self, head: QTreeWidgetItem, info: ActionInfo) -> QTreeWidgetItem:
        item = QTreeWidgetItem(head, [info.text, "", "", info.tip])
        item.setData(0, _ID, info.id)
        item.setIcon(0, icon(info.icon, "muted"))
        item.setToolTip(3, info.tip)
        return item

    def _make_strip(self) -> None:
        """What can be done with the action that is marked."""
        self.name = label("", "section")
        self._caps = QHBoxLayout()
        self._caps.setSpacing(8)
        self.recorder = KeyRecorder("Record a key")
        self.recorder.recorded.connect(self._on_recorded)
        self.reset = push("Reset", self._reset)
        self.reset.setToolTip("The keys of the preset again, for this action")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.name)
        row.addLayout(self._caps)
        row.addStretch(1)
        row.addWidget(self.recorder)
        row.addWidget(self.reset)
        self.content.addLayout(row)
        self.message = Message("info", "")
        self.message.hide()
        self.content.addWidget(self.message)

    # -- what is shown

    @property
    def chosen(self) -> ActionInfo | None:
        """The action that is marked."""
        item = self.tree.currentItem()
        return BY_ID.get(str(item.data(0, _ID))) if item is not None else None

    def choose(self, id: str) -> None:
        """Mark an action."""
        self.tree.setCurrentItem(self._items[id])
        self.tree.scrollToItem(self._items[id])

    def _show_keys(self) -> None:
        own = self._book.own
        for id, item in self._items.items():
            item.setText(1, ",  ".join(keys.words(key) for key in self._book.keys(id)))
            origin = self._book.origin(id)
            words = str(PRESET_WORDS.get(origin, "")).removeprefix("As in ")
            item.setText(2, "you" if origin == "own" else words)
        self.preset.blockSignals(True)
        self.preset.setCurrentIndex(self.preset.findData(self._book.preset))
        self.preset.blockSignals(False)
        self.reset_all.setEnabled(bool(own))
        self._show_action()
        self._hide_rows(self.field.text(), keep=self.tree.currentItem())

    def _show_action(self) -> None:
        self.message.hide()
        empty(self._caps)
        info = self.chosen
        self.name.setText(info.text if info else "")
        self.recorder.setEnabled(info is not None)
        self.reset.setEnabled(info is not None and info.id in self._book.own)
        if info is None:
            return
        fixed = [normal(key) for key in FIXED.get(info.id, ())]
        for key in self._book.keys(info.id):
            words = keys.words(key)
            if normal(key) in fixed:
                self._caps.addWidget(label(words, "key"))
                continue
            cap = push(words, partial(self._take, info.id, key), icon_name="close", small=True)
            cap.setToolTip(f"Take {words} away from {info.text}")
            cap.setAccessibleName(f"Take {words} away")
            self._caps.addWidget(cap)

    def _filter(self, text: str) -> None:
        """Show what is sought; the footer is about a row that is seen, or about none."""
        self._hide_rows(text)
        item = self.tree.currentItem()
        if item is None or item.isHidden():
            seen = (each for _, items in self._groups() for each in items if not each.isHidden())
            first = next(seen, None)
            self.tree.setCurrentIndex(
                self.tree.indexFromItem(first) if first is not None else QModelIndex()
            )

    def _hide_rows(self, text: str, *, keep: QTreeWidgetItem | None = None) -> None:
        """Hide what is not sought, but not `keep`: whose key has just changed stays in view."""
        wanted = text.casefold().split()
        for head, items in self._groups():
            for item in items:
                said = " ".join(item.text(column) for column in range(4)).casefold()
                sought = all(part in said for part in wanted)
                item.setHidden(not sought and item is not keep)
            head.setHidden(all(item.isHidden() for item in items))

    def _groups(self) -> Iterator[tuple[QTreeWidgetItem, list[QTreeWidgetItem]]]:
        for head in self._heads:
            yield head, [item for item in self._items.values() if item.parent() is head]

    # -- what the person does

    def _on_recorded(self, key: str) -> None:
        info = self.chosen
        if info is None or not normal(key):
            return
        words = keys.words(key)
        refused = refusal(info, key)
        chooses = self._book.class_keys.get(normal(key))
        if not refused and chooses is not None and info.page in ("", "label"):
            refused = f"{words} chooses the class {quoted(chooses)}. Give that another key first."
        if refused:
            self._say("warning", refused)
            return
        if normal(key) in map(normal, self._book.keys(info.id)):
            self._say("info", f"{info.text} has {words} already.")
            return
        owner = self._book.owner(info.id, key)
        if owner is None:
            self._give(info, key)
            return
        where = f"on the {owner.page.capitalize()} page" if owner.page else "everywhere"
        self._say("warning", f"{words} is {owner.text} {where}.")
        self.message.set_link(f"Take it from {owner.text}", partial(self._give, info, key, owner))
        self.message.focus_link()

    def _give(self, info: ActionInfo, key: str, owner: ActionInfo | None = None) -> None:
        self._book.give(info.id, key)
        self.recorder.setFocus()
        if owner is not None and not self._book.keys(owner.id):
            self._say("info", f"{owner.text} has no key now.")

    def _take(self, id: str, key: str) -> None:
        self._book.take(id, key)
        self.recorder.setFocus()
        if not self._book.keys(id):
            self._say("info", f"{BY_ID[id].text} has no key now.")

    def _reset(self) -> None:
        info = self.chosen
        if info is not None:
            self._book.reset(info.id)
            self.recorder.setFocus()

    def _reset_all(self) -> None:
        self._book.reset_all()
        self.field.setFocus()

    def _say(self, level: str, text: str) -> None:
        self.message.set(level, text)
        self.message.set_link("")
        self.message.show()

    def _save_sheet(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the keys", "cvstudio-keys.pdf", "PDF (*.pdf);;HTML (*.html)"
        )
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() not in sheet.SUFFIXES:
            path = path.with_name(f"{path.name}.pdf")
        words = str(PRESET_WORDS[self._book.preset])
        try:
            sheet.save(path, self._book, preset=words)
        except CVStudioError as error:
            self._say("danger", error.message)
            return
        self._say("success", f"{path.name} is saved.")


def edit_keys(parent: QWidget | None, book: KeyBook, page: str = "") -> None:
    """Open the editor, over the dialog that is open if there is one, until it is closed."""
    dialog = ShortcutDialog(QApplication.activeModalWidget() or parent, book, page)
    dialog.exec()
    dialog.deleteLater()
