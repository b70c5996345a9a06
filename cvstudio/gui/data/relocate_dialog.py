"""The dialog that finds images whose files moved: choose a folder, see what is found, use it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QWidget,
)

from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.one_step import ONE_STEP
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.gui.widgets.section import label, push
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project import relocation
from cvstudio.project.relocation import Missing, Relocation

_MOST_SHOWN = 500
_FOLDERS_SHOWN = 3


def loss_words(missing: Sequence[Missing]) -> str:
    """How many images are missing, and in which folders they were."""
    folders = relocation.folders_of(missing)
    shown = [f"{folder} ({number:,})" for folder, number in list(folders.items())[:_FOLDERS_SHOWN]]
    if len(folders) > _FOLDERS_SHOWN:
        shown.append(f"{counted(len(folders) - _FOLDERS_SHOWN, 'more folder')}")
    return f"They were in {', '.join(shown)}."


def find_moved(studio: Studio) -> None:
    """Look which images are missing, and let the person say where they are now."""
    project = studio.project
    assert project is not None
    assert studio.window is not None

    def look(_control: Control) -> list[Missing]:
        with project.read() as session:
            return relocation.missing_files(session, project)

    outcome = run_with_progress(studio.window, studio.tasks, "Looking for every image", look)
    if outcome.error is not None:
        studio.fail(outcome.error, doing="The images could not be looked for")
    elif outcome.result:
        dialog = RelocateDialog(studio.window, studio, outcome.result)
        dialog.exec()
        dialog.deleteLater()
    elif not outcome.cancelled:
        studio.toast("Every image is where it was.", level="success")


class RelocateDialog(StudioDialog):
    """Nothing is changed before the last button; files are never moved."""

    def __init__(self, parent: QWidget, studio: Studio, missing: Sequence[Missing]) -> None:
        super().__init__(parent, "Find moved images", width=680, height=520)
        self.setObjectName("relocate")
        self._studio = studio
        assert studio.project is not None
        self._project = studio.project
        self.plan = Relocation()
        self._latest = LatestWins(studio.tasks, owner=self)
        number = sum(len(each.image_ids) for each in missing)
        words = counted(number, "image is", "images are")
        self.content.addWidget(label(f"{words} not where they were", "title", wrap=True))
        self.content.addWidget(label(loss_words(missing), "muted", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(8)
        self.path = QLineEdit()
        self.path.setPlaceholderText("The folder in which they are now")
        self.path.setAccessibleName("Folder")
        self.path.returnPressed.connect(self._typed)
        row.addWidget(self.path, 1)
        self.choose = push("Find the folder…", self._choose, icon_name="folder-outline", small=True)
        row.addWidget(self.choose)
        self.content.addLayout(row)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        theme.mark(self.bar, job=True)
        self.bar.hide()
        self.content.addWidget(self.bar)
        self.said = Message("info", "Folders inside it are looked through, too.")
        self.content.addWidget(self.said)
        self.list = QListWidget()
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("What is found")
        self.content.addWidget(self.list, 1)
        self.note(f"{ONE_STEP} No file is moved or changed.")
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Use these images", self._use, next=True)
        self.go.setEnabled(False)
        self.choose.setFocus()

    def _choose(self) -> None:
        start = str(self._studio.memory.get("folder", Path.home()))
        found = QFileDialog.getExistingDirectory(self, "The folder in which the images are", start)
        if found:
            self._studio.memory.set("folder", found)
            self.look_in(Path(found))

    def _typed(self) -> None:
        if self.path.text().strip():
            self.look_in(Path(self.path.text().strip()).expanduser())

    def look_in(self, folder: Path) -> None:
        """Look for the images in a folder and those inside it, in a thread; the newest counts."""
        self.path.setText(str(folder))
        self.plan = Relocation()
        self.list.clear()
        self.go.setEnabled(False)
        if not folder.is_dir():
            self._latest.drop()
            self.bar.hide()
            self.said.set("danger", f"There is no folder {folder}.")
            return
        self.said.set("info", f"Looking in {folder.name or folder}…")
        self.bar.setRange(0, 0)
        self.bar.show()
        project = self._project

        def look(control: Control) -> Relocation:
            return relocation.find(project, folder, cancelled=control.cancelled)

        self._latest.request(look, self._found, self._failed)

    def _failed(self, error: BaseException) -> None:
        self.bar.hide()
        self.said.set("danger", str(error))

    def _found(self, plan: Relocation) -> None:
        self.plan = plan
        self.bar.hide()
        others = sum(len(each.image_ids) for each in plan.others)
        lost = sum(len(each.image_ids) for each in plan.lost)
        total = plan.image_count + others + lost
        words = [f"{plan.image_count:,} of {counted(total, 'image')} found."]
        if others:
            have = counted(others, "has a file of its name", "have files of their names")
            words.append(f"{have} with another content: left as missing.")
        if lost:
            words.append(f"{counted(lost, 'is', 'are')} not in this folder.")
        whole = plan.image_count == total
        self.said.set("success" if whole else "warning", " ".join(words))
        self._show_list(plan)
        self.go.setEnabled(plan.image_count > 0)
        self.go.setText(f"Use {counted(plan.image_count, 'image')}")
        if plan.image_count:
            self.go.setFocus()

    def _show_list(self, plan: Relocation) -> None:
        lines = [("alert-outline", "warning", each.uri, "another content") for each in plan.others]
        lines += [("alert-circle-outline", "danger", each.uri, "not found") for each in plan.lost]
        lines += [("check", "muted", each.uri, str(path)) for each, path in plan.found]
        for icon_name, role, uri, now in lines[:_MOST_SHOWN]:
            item = QListWidgetItem(icon(icon_name, role), f"{PurePath(uri).name}   {now}")
            item.setToolTip(tip(f"{uri}\n{now}"))
            self.list.addItem(item)
        if len(lines) > _MOST_SHOWN:
            self.list.addItem(f"and {len(lines) - _MOST_SHOWN:,} more")

    def _use(self) -> None:
        relocation.relocate(self._project, self.plan, source=self)
        number = self.plan.image_count
        self.accept()
        self._studio.toast(
            f"{counted(number, 'image is', 'images are')} found again.",
            level="success", link="Undo", do=self._studio.undo,
        )  # fmt: skip

    def done(self, result: int) -> None:
        """However it ends, a search that is under way is dropped."""
        self._latest.drop()
        super().done(result)
