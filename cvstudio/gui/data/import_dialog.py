"""The import wizard: source, what will come in and what is wrong with it, classes, split and copy.

Nothing is changed before the last button; then everything comes in as one undo step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.errors import CVStudioError
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.data.import_check import CheckStep
from cvstudio.gui.data.import_classes import ClassesStep
from cvstudio.gui.data.import_source import SourceStep
from cvstudio.gui.data.import_split import SplitStep
from cvstudio.gui.dropping import LABEL_FILES
from cvstudio.gui.one_step import ONE_STEP
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.message import IconLabel, Message
from cvstudio.gui.widgets.section import label
from cvstudio.project import import_choices, importing, queries
from cvstudio.project.importing import ImportPlan, ImportReport

STEPS = ("Source", "Check", "Classes", "Split and copy")


class StepRow(QFrame):
    """One step in the list at the left: a number or a tick, its name, and what was said there."""

    def __init__(self, number: int, title: str) -> None:
        super().__init__()
        theme.mark(self, step=True, now=False)
        self.setFixedHeight(52)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(12)
        self._number = label(str(number), "section")
        self._number.setFixedWidth(16)
        self._tick = IconLabel("check", "muted")
        row.addWidget(self._number)
        row.addWidget(self._tick)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        self._title = label(title, "section")
        self._text = label("", "caption")
        words.addWidget(self._title)
        words.addWidget(self._text)
        words.addStretch(1)
        row.addLayout(words, 1)

    def show_state(self, *, done: bool, now: bool, text: str) -> None:
        """Done steps have a tick, the present one is selected."""
        self._tick.setVisible(done)
        self._number.setVisible(not done)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        theme.mark(self, now=now)
        for part, role in ((self._title, "section"), (self._text, "caption")):
            theme.mark(part, role=f"{role}_on" if now else role)
        theme.mark(self._number, role="section_on" if now else "section")


class ImportDialog(StudioDialog):
    """Four steps. `sources` may be given by a drop or by Choose a folder; then Check comes first.

    Images without labels need no classes: those steps are left out of the way.
    """

    def __init__(self, parent: QWidget, studio: Studio, sources: Sequence[Path] = ()) -> None:
        super().__init__(parent, "Import images", width=880, height=660)
        self.setObjectName("import")
        self._studio = studio
        assert studio.project is not None
        self._project = studio.project
        self.plan: ImportPlan | None = None
        self.report: ImportReport | None = None
        self._work: ThreadWork | None = None
        self._step = 0
        self._build()
        if sources:
            self.source.video.looked.connect(
                self._on_looked, Qt.ConnectionType.SingleShotConnection
            )
            self.source.set_sources(sources)

    def _build(self) -> None:
        self.outer.removeItem(self.content)
        body = QHBoxLayout()
        body.setSpacing(0)
        rail = QFrame()
        theme.mark(rail, panel="left")
        rail.setFixedWidth(208)
        column = QVBoxLayout(rail)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(0)
        self._rows = [StepRow(place + 1, title) for place, title in enumerate(STEPS)]
        for row in self._rows:
            column.addWidget(row)
        column.addStretch(1)
        body.addWidget(rail)
        self.pages = QStackedWidget()
        self.source = SourceStep(self._project.task, self._studio)
        self.source.chosen.connect(self._show_step)
        self.check = CheckStep()
        self.check.save_asked.connect(self._save_list)
        self.classes = ClassesStep(self._studio)
        self.split = SplitStep(bool(self._studio.settings.get("data.copy_images")))
        self.split.copy_in.toggled.connect(self._show_rows)
        for page in (self.source, self.check, self.classes, self.split):
            holder = QWidget()
            inside = QVBoxLayout(holder)
            inside.setContentsMargins(16, 12, 16, 12)
            inside.addWidget(page)
            self.pages.addWidget(holder)
        body.addWidget(self.pages, 1)
        self.outer.insertLayout(0, body, 1)
        self._make_busy()
        self.cancel = self.add_button("Cancel", self.reject)
        self.back = self.add_button("Back", self._go_back)
        self.go: QPushButton = self.add_button("Next", self._go, next=True)
        self._show_step()

    def _make_busy(self) -> None:
        """The place where work shows how far it is; above the footer."""
        self.busy = QFrame()
        theme.mark(self.busy, panel="footer")
        column = QVBoxLayout(self.busy)
        column.setContentsMargins(16, 10, 16, 10)
        column.setSpacing(6)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        theme.mark(self.bar, job=True)
        self.doing = label("", "muted")
        self.trouble = Message("danger", "")
        self.trouble.hide()
        column.addWidget(self.trouble)
        column.addWidget(self.doing)
        column.addWidget(self.bar)
        self.busy.hide()
        self.outer.insertWidget(1, self.busy)

    def _on_looked(self, videos: bool) -> None:
        """What was given is looked at without a question, but of videos a step is to be chosen."""
        if not videos and self._step == 0:
            self._go()

    # -- steps

    @property
    def step(self) -> int:
        """The index of the step that is shown."""
        return self._step

    def _show_step(self) -> None:
        plan = self.plan
        self.pages.setCurrentIndex(self._step)
        self._show_rows()
        self.back.setVisible(self._step > 0)
        last = self._step == len(STEPS) - 1
        ready = bool(plan and plan.images) if self._step else self.source.ready
        self.go.setEnabled(ready and self._work is None)
        words = ("Look at it", "Next: classes", "Next: split and copy", "Import")
        text = words[self._step]
        if self._step == 1 and plan and not plan.classes:
            text = "Next: split and copy"
        if last and plan:
            text = f"Import {counted(len(plan.images), 'image')}"
        self.go.setText(text)
        self.note(self._promise(plan))
        if self.go.isEnabled() and self._step:
            self.go.setFocus()

    def _show_rows(self) -> None:
        """The steps at the left, each with what was said there."""
        plan = self.plan
        texts = (
            plan.title if plan else "",
            self.check.summary() if plan else "",
            self.classes.summary() if plan else "",
            self.split.summary() if plan and self._step == 3 else "",
        )
        for place, row in enumerate(self._rows):
            row.show_state(done=place < self._step, now=place == self._step, text=texts[place])

    def _promise(self, plan: ImportPlan | None) -> str:
        if plan is None or not self._step:
            return "Nothing is changed before the last step."
        fresh = len(plan.images) - plan.known_count
        if not fresh:
            return f"No new image comes in. {ONE_STEP}"
        words = counted(fresh, "image comes", "images come")
        if plan.annotation_count and not plan.known_count:
            words += f" in with {counted(plan.annotation_count, 'annotation')}"
        else:
            words += " in"
        return f"{words}. {ONE_STEP}"

    def _go_back(self) -> None:
        self._step -= 1
        if self._step == 2 and self.plan and not self.plan.classes:
            self._step = 1
        if self._step == 0:
            self.plan = None
        self._show_step()

    def _go(self) -> None:
        if self._work is not None or not self.go.isEnabled():
            return
        match self._step:
            case 0:
                self._read()
            case 1:
                self._step = 2 if self.plan and self.plan.classes else 3
                self._show_step()
            case 2:
                self._step = 3
                self._show_step()
            case 3:
                self._import()

    # -- work

    def _start(self, title: str, function: Any, done: Any, *, whole: bool = False) -> None:
        self.trouble.hide()
        self.busy.show()
        self.bar.setVisible(True)
        self.doing.setVisible(True)
        self.bar.setRange(0, 0)
        self.doing.setText(title)
        self.pages.setEnabled(False)
        self._work = self._studio.tasks.run(
            function, title=title, done=done, failed=self._failed, progress=self._progress,
            owner=self, whole=whole,
        )  # fmt: skip
        self._work.ended = self._ended
        self.back.setEnabled(False)
        self.go.setEnabled(False)

    def _progress(self, done: int, total: int, text: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        count = f", {done:,} of {total:,}" if total else ""
        self.doing.setText(f"{text}{count}")

    def _ended(self) -> None:
        self._work = None
        self.pages.setEnabled(True)
        self.back.setEnabled(True)
        if self.trouble.isHidden():
            self.busy.hide()
        self._show_step()

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, importing.Cancelled):
            return
        if not isinstance(error, CVStudioError):
            self._studio.fail(error, doing="The import stopped")
            return
        self.trouble.set("danger", f"{error.message} {error.hint}".strip())
        self.trouble.show()
        self.bar.hide()
        self.doing.hide()
        self.busy.show()

    def _read(self) -> None:
        project, sources, format_ = self._project, self.source.sources, self.source.format
        step = self.source.video.step

        def read(control: Control) -> ImportPlan:
            def progress(text: str, done: int, total: int) -> None:
                control.progress(done, total, text)

            if len(sources) == 1 and (sources[0].is_dir() or format_ != "auto"):
                return importing.plan(
                    project, sources[0], format=format_, step=step, progress=progress,
                    cancelled=control.cancelled,
                )  # fmt: skip
            if len(sources) == 1 and sources[0].suffix.lower() in LABEL_FILES:
                return importing.plan(
                    project, sources[0], progress=progress, cancelled=control.cancelled
                )
            return importing.plan_images(
                project, sources, step=step, progress=progress, cancelled=control.cancelled
            )

        self._start("Looking at the source", read, self._was_read)

    def _was_read(self, plan: ImportPlan) -> None:
        self.plan = plan
        with self._project.read() as session:
            present = [c.name for c in queries.classes(session)]
        self.check.show_plan(plan, self.source.sources)
        self.classes.show_plan(plan, present)
        self.split.show_plan(plan)
        self._step = 1
        self._show_step()

    def _import(self) -> None:
        plan, project = self.plan, self._project
        assert plan is not None
        names = self.classes.mapping()
        copy, splits, seed = self.split.copy, self.split.fractions, self.split.seed
        keep, make_val = self.split.keep_given, self.split.make_val
        known, bare = self.check.known, self.check.bare

        def run(control: Control) -> ImportReport:
            import_choices.choose_classes(project, plan, names)
            if not keep:
                import_choices.forget_splits(plan)
            elif make_val:
                import_choices.make_val(plan, seed=seed)
            return importing.run(
                project, plan, copy=copy, known=known, bare=bare, splits=splits, seed=seed,
                progress=lambda text, done, total: control.progress(done, total, text),
                cancelled=control.cancelled,
            )  # fmt: skip

        self._start("Importing", run, self._imported, whole=True)

    def _imported(self, report: ImportReport) -> None:
        self.report = report
        self.accept()
        sentences = report.sentences()
        self._studio.toast(
            " ".join(sentences[:2]), level="success", link="Undo", do=self._studio.undo
        )

    def done(self, result: int) -> None:
        """However it ends, no picture comes after it."""
        self.classes.preview.release()
        super().done(result)

    def reject(self) -> None:
        """Stop the work if there is some, else close."""
        if self._work is not None:
            self._work.cancel()
            self.doing.setText("Stopping")
            return
        super().reject()

    def _save_list(self) -> None:
        """Write everything that is wrong to a text file."""
        assert self.plan is not None
        found, _ = QFileDialog.getSaveFileName(
            self, "Save the list of problems", "problems.txt", "Text (*.txt)"
        )
        if found:
            lines = [
                f"{p.kind}\t{p.file or ''}{f':{p.line}' if p.line else ''}\t{p.text}"
                for p in self.plan.problems
            ]
            try:
                Path(found).write_text("\n".join(lines) + "\n", encoding="utf-8")
            except OSError as error:
                self._studio.fail(error, doing="The list was not saved")
