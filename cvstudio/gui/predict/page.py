"""The Predict page: a network looks at images, videos or a camera, and its answers go anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import (
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.answers import AnswerTail, Teller, read_teller
from cvstudio.core.config import PredictConfig
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.predictions import Prediction
from cvstudio.core.run_state import RunState
from cvstudio.core.words import counted
from cvstudio.gui import keys
from cvstudio.gui.one_job import OneJob
from cvstudio.gui.predict.asking import CameraChoice, NetworkChoice, Sources
from cvstudio.gui.predict.busy import Busy
from cvstudio.gui.predict.camera import CameraWatch, Rgb
from cvstudio.gui.predict.looking import Looking
from cvstudio.gui.predict.results import ResultsList, told
from cvstudio.gui.predict.saving import Content, Saving
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.possible import allow, follow
from cvstudio.gui.widgets.section import NextStep, SectionHeader, label, push
from cvstudio.gui.workspace import Workspace
from cvstudio.project import launch, predicting

_NO_NETWORK = "Choose a network first"
_AT_WORK = "The network is at work"


class PredictPage(Workspace):
    """Networks at work beyond the project's own images."""

    name, title, icon = "predict", "Predict", "image-search-outline"
    centre_needs = 560

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.job = OneJob(studio, self)
        self.job.moved.connect(self._work_moved)
        self.job.told.connect(self._told)
        self.job.done.connect(self._done)
        self._tail: AnswerTail | None = None
        self._asked: PredictConfig | None = None
        """What the results were asked for with."""
        self._looked = False
        self.camera = CameraWatch(studio.live, self)
        self.camera.shown.connect(self._camera_shown)
        self.camera.told.connect(self._camera_told)
        self.camera.silent.connect(self._camera_silent)
        self.camera.failed.connect(self._camera_failed)
        self._trouble = ""
        self.saving = Saving(studio, self)
        self._build()
        actions = studio.actions
        actions.connect("predict.start", self.start, self)
        actions.connect("predict.files", lambda: self.sources.area.choose(), self)
        actions.connect("predict.network", self.choice.choose, self)
        actions.connect("predict.camera", self.toggle_camera, self)
        actions.connect("predict.save", self._open_save, self)
        actions.connect("predict.send", self._send, self)
        actions.connect("predict.next", lambda: self.results.go(1), self)
        actions.connect("predict.previous", lambda: self.results.go(-1), self)
        studio.jobs.runs_changed.connect(self._refresh_networks)
        self._show_state()

    # -- parts

    def _build(self) -> None:
        left = self.panel("left", 328)
        left.add(SectionHeader("Network"))
        self.choice = NetworkChoice()
        self.choice.changed.connect(self._show_state)
        left.add_padded(self.choice, bottom=8)
        left.add(SectionHeader("Look at"))
        self.sources = Sources()
        self.sources.changed.connect(self._show_state)
        self.sources.networks_dropped.connect(lambda files: self.choice.take(files[0]))
        left.add_padded(self.sources, bottom=8)
        left.add(SectionHeader("Or a camera"))
        self.camera_choice = CameraChoice()
        self.camera_choice.pressed.connect(self.toggle_camera)
        left.add_padded(self.camera_choice)
        left.body.addStretch(1)
        left.make_scrollable()
        self.next_step = NextStep(self.studio.actions["predict.start"])
        left.set_footer(self.next_step)

        right = self.panel("right", 304)
        self.heading = SectionHeader("Results")
        self.figure = label("", "muted")
        self.heading.add(self.figure)
        right.add(self.heading)
        self.results = ResultsList(self.studio.tasks)
        self.results.chosen.connect(lambda _row: self._show_current())
        right.add(self.results, 1)
        buttons = QWidget()
        column = QVBoxLayout(buttons)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.save = push("Save as…", self._open_save, icon_name="content-save-outline")
        self.send = push("Send to the project", self._send, icon_name="import")
        for button in (self.save, self.send):
            column.addWidget(button)
        right.set_footer(buttons)  # with it the panel stays in narrow windows too
        right.heading = "Results"
        self.assemble(left=left, centre=self._make_centre(), right=right)

    def _make_centre(self) -> QWidget:
        self.empty = EmptyState("image-search-outline", "", next_=False)
        self.message = Message("warning", "")
        self.looking = Looking(self.studio.tasks)
        self.looking.stepped.connect(lambda by: self.results.go(by))
        self.looking.recounted.connect(self._recount)
        column = QWidget()
        inside = QVBoxLayout(column)
        inside.setContentsMargins(16, 12, 16, 12)
        inside.setSpacing(8)
        self.busy = Busy(self.job.cancel)
        inside.addWidget(self.busy)
        inside.addWidget(self.message)
        inside.addWidget(self.looking, 1)
        self.message.hide()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(column)
        return self.stack

    # -- hooks

    def arrive(self, **what: Any) -> None:
        """`network`: a file or the directory of a run to ask; `paths`: what to look at."""
        if what.get("network"):
            self.choice.refresh(self.project, wanted=Path(what["network"]))
        if what.get("paths"):
            self.sources.add([Path(path) for path in what["paths"]])

    def shown(self) -> None:
        self._refresh_networks()
        if not self._looked:
            self._looked = True
            self._find_last()

    def hidden(self) -> None:
        self._stop_camera()

    def release(self) -> None:
        self.camera.stop()
        self.looking.release()
        self.results.release()
        self.job.stop()

    def _refresh_networks(self) -> None:
        if self.studio.project is not None:
            self.choice.refresh(self.project)

    # -- asking

    def start(self) -> None:
        """Ask the network about all sources."""
        asked = self.choice.chosen
        if asked is None or not self.sources.paths or self.job.running:
            return
        self._stop_camera()
        config = PredictConfig(
            file=asked.path if asked.is_file else None,
            run_directory=None if asked.is_file else asked.path,
            sources=tuple(path.absolute() for path in self.sources.paths),
            step=self.sources.step.value(),
            tiles=self.sources.tiles.isChecked(),
        )
        project, command = self.project, self.studio.jobs.command

        def begin(_control: Control) -> JobDir:
            return predicting.start(project, config, command=command)

        self._clear(config)
        self.job.start("Predicting", begin)
        self._show_state()

    def _clear(self, config: PredictConfig) -> None:
        """Make room for what a network answers."""
        self._trouble = ""
        self.results.results.clear()
        self.looking.clear()
        self.looking.forget_teller()
        self._tail = None
        self._asked = config
        self.message.hide()
        self.busy.begin()

    def _told(self, state: RunState) -> None:
        if self._tail is None and self.job.directory is not None:
            self._tail = AnswerTail(self.job.directory.path)
        self.busy.show_state(state)
        self._take_new()

    def _work_moved(self, text: str) -> None:
        if not text:  # over, in whatever way: what was answered stays
            self._take_new()
            self._show_state()

    def _take_new(self) -> None:
        """Take in the answers that were written since."""
        if self._tail is None or self._job_path is None:
            return
        if self.results.results.teller is None:
            try:
                self._take_teller(read_teller(self._job_path))
            except RunError:
                return  # it is still reading the network
        new = list(self._tail.new())
        first = not self.results.results.answers
        self.results.results.add(new)
        if first and self.results.results.answers:
            place = self.results.results.lines.index(self.results.results.answers[0])
            self.results.setCurrentIndex(self.results.results.index(place))
        if new:
            self._show_state()

    @property
    def _job_path(self) -> Path | None:
        return self._tail.folder if self._tail is not None else None

    def _take_teller(self, teller: Teller) -> None:
        """Somebody answers: its score is the one to begin with."""
        self.results.results.teller = teller
        self.looking.take_teller(teller)
        self._warn(teller.warning)

    def _warn(self, text: str) -> None:
        """Say over what is looked at what a person should know of it."""
        if text:
            self.message.set("warning", text)
            self.message.set_link("")
            self.message.show()

    def _done(self, _job: JobDir) -> None:
        skipped = self.results.results.skipped
        if skipped:
            few = f"{counted(len(skipped), 'file was', 'files were')} skipped: {skipped[0].reason}"
            self._warn(few if len(skipped) == 1 else f"{few} See the list.")
        if not self.isVisible():
            count = counted(len(self.results.results.answers), "image")
            self.studio.toast(
                f"The network has looked at {count}.", level="success", link="Show",
                do=lambda: self.studio.go_to("predict"),
            )  # fmt: skip
        self._show_state()

    def _find_last(self) -> None:
        """Show what was answered before the window was closed, or before it died."""
        job = predicting.latest(self.project)
        config = predicting.config_of(job) if job is not None else None
        if job is None or config is None or self.job.running:
            return
        self._clear(config)
        self._tail = AnswerTail(job.path)
        if launch.alive(job):
            self.job.go_on("Predicting", [job])
        self._take_new()
        self._show_state()

    # -- what is looked at

    def _recount(self) -> None:
        if not self.camera.running:
            self.results.results.set_count(self.looking.count)

    def _show_current(self) -> None:
        if self.camera.running:
            return
        line = self.results.current()
        title = self.results.results.title(line) if line is not None else ""
        self.looking.show_line(line, title)
        self._show_state()

    # -- the camera

    def toggle_camera(self) -> None:
        """Start the camera, or let go of it."""
        if self.camera.running:
            self._stop_camera()
            return
        asked = self.choice.chosen
        if asked is None or self.job.running:
            return
        self._trouble = ""
        self.message.hide()
        which = "onnx" if asked.is_file else "run"
        header = {which: str(asked.path), "device": "auto"}
        self.camera.start(self.camera_choice.number.value(), header)
        number = self.camera_choice.number.value()
        self.looking.clear(f"Camera {number}", "Waiting for the camera")
        self.looking.forget_teller()
        self._show_state()

    def _camera_told(self, teller: Teller) -> None:
        self.looking.take_teller(teller)
        self._warn(teller.warning)

    def _camera_shown(self, picture: Rgb, answer: Prediction) -> None:
        self.looking.show_camera(picture, answer, self.camera.rate)

    def _camera_silent(self) -> None:
        self.looking.clear(
            self.looking.name_label.text(),
            "The camera gives no picture. See that it is plugged in and no other program uses it.",
        )

    def _camera_failed(self, text: str) -> None:
        if self._look_back():
            self._warn(text)
            self.message.set_link("Start the camera again", self.toggle_camera)
        else:
            self._trouble = text
        self._show_state()

    def _stop_camera(self) -> None:
        if self.camera.running:
            self.camera.stop()
            self._look_back()
            self._show_state()

    def _look_back(self) -> bool:
        """Look again at what was answered before the camera; whether there is any."""
        results = self.results.results
        self.looking.clear()
        self.message.hide()
        if results.teller is not None:
            self.looking.take_teller(results.teller, results.count)
            self._warn(results.teller.warning)
        self._show_current()
        return bool(results.lines)

    # -- taking answers along

    def _content(self) -> Content | None:
        teller, answers = self.results.results.teller, self.results.results.answers
        asked = self._asked
        network = (asked.file or asked.run_directory) if asked is not None else None
        if teller is None or not answers or asked is None or network is None:
            return None
        return Content(
            teller, tuple(answers), self.results.results.count, network, asked.step, asked.tiles,
            asked.views,
        )  # fmt: skip

    def _open_save(self) -> None:
        content = self._content()
        if content is not None:
            self.saving.open_menu(self.save, content)

    def _send(self) -> None:
        content = self._content()
        if content is not None and not self.job.running:
            self.saving.send(content)

    # -- what can be done now

    def _show_state(self) -> None:
        actions, asked = self.studio.actions, self.choice.chosen
        results, busy = self.results.results, self.job.running
        why = (
            _NO_NETWORK if asked is None else
            "Choose images first" if not self.sources.paths else _AT_WORK
        )  # fmt: skip
        actions.allow("predict.start", asked is not None and bool(self.sources.paths) and not busy,
                      why=why)  # fmt: skip
        watching = self.camera.running
        why = "" if watching else _NO_NETWORK if asked is None else _AT_WORK if busy else ""
        actions.allow("predict.camera", not why, why=why)
        follow(self.camera_choice.button, actions["predict.camera"])
        self.camera_choice.show_running(self.camera.running)
        has = bool(results.answers)
        stop = "Stop the camera first" if watching else ""
        why = stop or (_AT_WORK if busy else "" if has else "Nothing is answered yet")
        for id, button in (("predict.save", self.save), ("predict.send", self.send)):
            actions.allow(id, not why, why=why)
            follow(button, actions[id])
        for id in ("predict.next", "predict.previous"):
            more = len(results.lines) > 1
            actions.allow(id, more and not watching, why=stop or "There are no further results")
        row, last = self.results.currentIndex().row(), len(results.lines) - 1
        for part, can, why, id in (
            (self.looking.before, row > 0, "This is the first one", "predict.previous"),
            (self.looking.after, 0 <= row < last, "This is the last one", "predict.next"),
        ):
            allow(part, "" if can else why, does=actions[id].toolTip())
            part.setVisible(len(results.lines) > 1 and not watching)
        self.busy.setVisible(busy)
        self.figure.setText(told(results))
        self.use_side("right", (bool(results.lines) or busy) and not watching)
        working = not self._trouble and (
            bool(results.lines) or busy or self.camera.running or self.message.isVisibleTo(self)
        )
        self.stack.setCurrentIndex(1 if working else 0)
        self._show_empty()
        ways = (actions[f"predict.{way}"].shortcut() for way in ("previous", "next"))
        through = " and ".join(filter(None, map(keys.words, ways)))
        walks = through and len(results.lines) > 1 and not watching
        hint = f"{through} go through the results" if walks else ""
        self.set_status("" if watching else told(results), right=hint)

    def _show_empty(self) -> None:
        if self._trouble:
            self.empty.set(
                self._trouble, icon_name="video-outline", button="Start the camera again",
                do=self.toggle_camera,
            )  # fmt: skip
            return
        if self.choice.chosen is None:
            self.empty.set(
                "A network looks at images here that are in no project. Finish a run, export one,"
                " or choose an ONNX file of CVStudio or ultralytics.",
                button="Choose a network file", do=self.choice.choose, icon_name=self.icon,
            )  # fmt: skip
        else:
            self.empty.set(
                "Drop images, a folder or a video on the left, or start a camera. The answers can"
                " be saved, or sent into the project as suggestions.",
                button="Choose images", do=self.sources.area.choose, icon_name=self.icon,
            )  # fmt: skip
