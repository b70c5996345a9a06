"""The 48 px at the top: project menu, undo and redo by name, search, running job, device."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from cvstudio.gui import theme
from cvstudio.gui.export_pill import ExportPill
from cvstudio.gui.studio import Studio
from cvstudio.gui.suggest_pill import SuggestPill
from cvstudio.gui.widgets.clickable import Clickable
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label, line, tool
from cvstudio.gui.widgets.verbatim import face, tip

if TYPE_CHECKING:
    from cvstudio.core.run_state import RunState
    from cvstudio.project.device import Device

SEARCH_WIDTH = 336
PROJECT_WIDTH = 360  # px of a project's name, so that what stands beside it keeps its room


def time_left(seconds: float | None) -> str:
    """A stretch of time as people say it: "24 min left"."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s left"
    if seconds < 3600:
        return f"{round(seconds / 60)} min left"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min left"


class JobPill(Clickable):
    """The running run: icon, name, epoch, bar, time left; the message when it stopped."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(pill=True)
        self.setFixedHeight(32)
        self._studio = studio
        self._run = 0
        self._failed = False
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        row.setSpacing(8)
        self._icon = IconLabel("chart-line", "link")
        self._title = label("", "section")
        self._words = label("", "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(72)
        self._bar.setRange(0, 1000)
        theme.mark(self._bar, job=True)
        self._left = label("", "muted")
        for part in (self._icon, self._title, self._words, self._bar, self._left):
            row.addWidget(part)
        self.pressed.connect(self._open)
        self.hide()

    def watch(self) -> None:
        """Follow the jobs of the studio; called once, when the window is up."""
        jobs = self._studio.jobs
        jobs.run_started.connect(self._moved)
        jobs.run_moved.connect(self._moved)
        jobs.run_ended.connect(self.tell_end)
        if jobs.current is not None:
            self._show(jobs.current.id, jobs.state)

    def _moved(self, run: int, _events: object = None) -> None:
        """Of several runs at work the one that began first is shown."""
        current = self._studio.jobs.current
        if current is not None and current.id == run:
            self._show(run, self._studio.jobs.state)

    def clear(self) -> None:
        """Show nothing, as when another project is opened."""
        self._run = 0
        self.hide()

    def _show(self, run: int, state: RunState) -> None:
        self._run, self._failed = run, False
        theme.mark(self._words, role="muted")
        theme.mark(self, failed=False)
        self._icon.set("chart-line", "link")
        others = len(self._studio.jobs.live) - 1
        self._title.setText(f"Run {run} and {others} more" if others > 0 else f"Run {run}")
        if state.total_epochs and state.epoch:
            self._words.setText(f"epoch {state.epoch} of {state.total_epochs}")
        else:
            self._words.setText(state.phase or "starting")
        self._bar.setVisible(True)
        self._bar.setValue(round(state.share * 1000))
        left = state.seconds_left()
        self._left.setText(time_left(left))
        self._left.setVisible(bool(self._left.text()))
        until = time.strftime("%H:%M", time.localtime(time.time() + left)) if left else ""
        self.setToolTip(f"Open Train. Until {until}." if until else "Open Train")
        self.setAccessibleName(f"{self._title.text()} {self._words.text()}")
        self.show()

    def tell_end(self, run: int, status: str) -> None:
        """Say how a run ended."""
        if status == "failed":
            self._run, self._failed = run, True
            theme.mark(self, failed=True)
            self._icon.set("alert-circle-outline", "danger")
            self._title.setText(f"Run {run} stopped")
            self._words.setText("Show")
            theme.mark(self._words, role="link")
            self._bar.hide()
            self._left.hide()
            self.show()
            self._studio.toast(
                f"Run {run} stopped. Labels are saved.",
                level="danger",
                link="Show",
                do=lambda: self._studio.go_to("train", run_id=run),
            )
            return
        self.clear()
        if status.startswith("finished"):
            self._studio.toast(
                f"Run {run} is finished.",
                level="success",
                link="Show its errors",
                do=lambda: self._studio.go_to("analyze", run_id=run),
            )

    def _open(self) -> None:
        run, failed = self._run, self._failed
        if failed:
            self.clear()
        self._studio.go_to("train", run_id=run)


class DevicePill(QFrame):
    """The device in use and its memory."""

    def __init__(self) -> None:
        super().__init__()
        theme.mark(self, pill=True)
        self.setFixedHeight(32)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        row.setSpacing(8)
        self._icon = IconLabel("expansion-card", "muted")
        self._words = label("")
        row.addWidget(self._icon)
        row.addWidget(self._words)
        self.hide()

    def show_device(self, device: Device) -> None:
        """Say what runs are computed on."""
        self._icon.set("chip" if device.kind == "cpu" else "expansion-card")
        # The name of a processor says less than the fact that there is no GPU.
        name = "Processor" if device.kind == "cpu" else device.name
        used, whole = device.used / 2**30, device.memory / 2**30
        self._words.setText(f"{name} · {used:.1f} of {whole:.0f} GB")
        self.setToolTip(f"{device.name}: {used:.1f} of {whole:.1f} GB of memory in use")
        self.show()


class Header(QFrame):
    """The header of the window."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        theme.mark(self, panel="header")
        self.setFixedHeight(theme.size("header"))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self._project_button())
        self._line = line(upright=True)
        self._line.setFixedHeight(20)
        row.addWidget(self._line)
        self.undo = self._step_button("edit.undo")
        row.addWidget(self.undo)
        self.redo = tool(studio.actions["edit.redo"], side=32)
        row.addWidget(self.redo)
        self.history = tool(studio.actions["edit.history"], side=32)
        row.addWidget(self.history)
        row.addStretch(1)
        self.search = self._search_field()
        row.addWidget(self.search, 4)
        row.addStretch(1)
        self.job = JobPill(studio)
        row.addWidget(self.job)
        self.export = ExportPill(studio)
        row.addWidget(self.export)
        self.suggest = SuggestPill()
        row.addWidget(self.suggest)
        self.device = DevicePill()
        row.addWidget(self.device)
        studio.project_opened.connect(lambda _project: self.refresh())
        studio.project_closed.connect(self._closed)
        studio.project_changed.connect(lambda _changes: self.refresh())
        self.refresh()

    def _project_button(self) -> QWidget:
        self.project = QToolButton()
        theme.mark(self.project, project=True)
        self.project.setIcon(icon("chevron-down"))
        self.project.setIconSize(QSize(16, 16))
        self.project.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        # The arrow stands after the name.
        self.project.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.project.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.project.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._menu = QMenu(self.project)
        self._menu.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.project.setMenu(self._menu)
        return self.project

    def _fill_menu(self) -> None:
        menu, actions, memory = self._menu, self._studio.actions, self._studio.memory
        menu.clear()
        menu.addAction(actions["project.new"])
        menu.addAction(actions["project.open"])
        current = self._studio.project.path if self._studio.project else None
        others = [path for path in memory.recent() if path != current][:8]
        menu.addSeparator()
        heading = menu.addAction("Recent projects" if others else "No other project yet")
        heading.setEnabled(False)
        if others:
            for path in others:
                action = menu.addAction(icon("folder-outline"), face(memory.name_of(path)))
                action.setToolTip(tip(str(path)))
                action.triggered.connect(
                    lambda _checked=False, p=path: self._studio.go_to("open", path=p)
                )
        menu.addSeparator()
        menu.addAction(actions["project.close"])

    def _step_button(self, id: str) -> QToolButton:
        button = QToolButton()
        theme.mark(button, header=True)
        action = self._studio.actions[id]
        button.setIcon(action.icon())
        button.clicked.connect(lambda _checked=False: action.trigger())
        action.changed.connect(lambda: self._follow_step(button, id))
        self._follow_step(button, id)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(23, 18))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _follow_step(self, button: QToolButton, id: str) -> None:
        action = self._studio.actions[id]
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())
        button.setAccessibleName(action.iconText())

    def _search_field(self) -> QLineEdit:
        field = QLineEdit()
        theme.mark(field, search=True)
        field.setPlaceholderText("Search images, classes, actions")
        field.setMaximumWidth(SEARCH_WIDTH)
        field.setMinimumWidth(120)
        field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        field.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition).setText("Find")
        field.setAccessibleName("Search")
        cap = label("", "key")
        action = self._studio.actions["app.search"]

        def show_key() -> None:
            field.setToolTip(action.toolTip())
            cap.setText(self._studio.actions.key_words("app.search").replace("+", " "))
            cap.setVisible(bool(cap.text()) and not field.text())

        action.changed.connect(show_key)
        cap.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        cap.setFixedHeight(20)
        field.setTextMargins(0, 0, 52, 0)
        inside = QHBoxLayout(field)
        inside.setContentsMargins(0, 0, 6, 0)
        inside.addStretch(1)
        inside.addWidget(cap, 0, Qt.AlignmentFlag.AlignVCenter)
        field.textChanged.connect(show_key)
        show_key()
        return field

    def refresh(self) -> None:
        """Name of the project, and the steps that can be undone and redone."""
        project = self._studio.project
        name = project.name if project else "CVStudio"
        shown = self.project.fontMetrics().elidedText(
            name, Qt.TextElideMode.ElideRight, PROJECT_WIDTH
        )
        self.project.setText(face(shown))
        said = "Project: open, start and close projects"
        self.project.setToolTip(said if shown == name else tip(f"{name}. {said}"))
        undo, redo = self._studio.actions["edit.undo"], self._studio.actions["edit.redo"]
        step = project.undo_label if project else None
        undo.setText(face(f"Undo {step}") if step else "Undo")
        self.undo.setText(undo.text())
        again = project.redo_label if project else None
        redo.setText(face(f"Redo {again}") if again else "Redo")
        has = project is not None
        for widget in (self._line, self.undo, self.redo, self.history, self.search):
            widget.setVisible(has)

    def _closed(self) -> None:
        self.job.clear()
        self.export.hide()
        self.refresh()
