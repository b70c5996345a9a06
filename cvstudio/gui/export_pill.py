"""The header's pill while a network is exported: how far it is, and the way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QProgressBar

from cvstudio.gui import theme
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.clickable import Clickable
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label

if TYPE_CHECKING:
    from cvstudio.core.run_state import RunState
    from cvstudio.gui.small_job import SmallJob


class ExportPill(Clickable):
    """Hidden unless an export is at work; a click opens its page."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(pill=True)
        self._studio = studio
        self.setFixedHeight(32)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        row.setSpacing(8)
        row.addWidget(IconLabel("package-variant-closed", "link"))
        self.words = label("", "section")
        row.addWidget(self.words)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(72)
        theme.mark(self.bar, job=True)
        row.addWidget(self.bar)
        self.pressed.connect(lambda: studio.go_to("export"))
        self.hide()

    def watch(self) -> None:
        """Follow the exports of the studio; called once, when the window is up."""
        self._studio.jobs.job_started.connect(self._follow)

    def _follow(self, run: int, job: SmallJob) -> None:
        from cvstudio.core.config import ExportConfig, read_config

        if not isinstance(read_config(job.job.config), ExportConfig):
            return
        self.words.setText(f"Exporting run {run}")
        self.setAccessibleName(self.words.text())
        self._show(job.state)
        job.progress.connect(self._show)
        job.over.connect(self.hide)
        self.show()

    def _show(self, state: RunState) -> None:
        # Without a known end the bar runs to and fro.
        self.bar.setRange(0, state.total)
        self.bar.setValue(state.done)
        self.setToolTip(f"Open Export. {state.phase}" if state.phase else "Open Export")
