"""Taking answers along: as a table, COCO JSON, masks, pictures or a video, or into the project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.answers import Answered, Teller
from cvstudio.core.errors import RunError
from cvstudio.core.video_names import is_video_name
from cvstudio.core.words import counted
from cvstudio.formats import answers as writing
from cvstudio.formats.answer_folders import Made
from cvstudio.formats.answers import Count
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.project import receiving
from cvstudio.project.receiving import Received


@dataclass(frozen=True)
class Content:
    """What there is to be saved: whose answers, from which score they count."""

    teller: Teller
    answers: tuple[Answered, ...]
    count: Count
    network: Path
    step: int = 1
    pieces: bool = False
    views: str = "one"

    def made(self, kind: str) -> Made:
        """What its pictures or masks are made with."""
        score, own = self.count.score, self.count.own
        return Made(kind, self.network, score, own, self.pieces, self.views, self.step)


@dataclass(frozen=True)
class Way:
    """One way to save: its words, what a file is called ("": a folder), what is counted, and for
    folders of which kind the pictures are."""

    text: str
    name: str
    filter: str
    noun: str
    write: Callable[..., int]
    kind: str = ""


TABLE = Way("Table (CSV)", "answers.csv", "CSV (*.csv)", "line", writing.write_csv)
COCO = Way("COCO JSON", "answers.json", "JSON (*.json)", "annotation", writing.write_coco)
MASKS = Way("Masks (PNG)", "", "", "mask picture", writing.write_masks, "masks")
PICTURES = Way(
    "Pictures with answers", "", "", "picture", writing.write_pictures, "pictures"
)  # fmt: skip
VIDEO = Way("Video with answers", "answers.mp4", "Video (*.mp4)", "frame", writing.write_video)
_TOLD = (MASKS, PICTURES, VIDEO)


def ways(content: Content) -> list[Way]:
    """The ways that make sense for these answers."""
    found = [TABLE]
    if content.teller.task is not Task.CLASSIFY:
        found.append(COCO)
    if writing.has_masks(content.teller):
        found.append(MASKS)
    found.append(PICTURES)
    paths = {each.path for each in content.answers}
    if len(paths) == 1 and is_video_name(next(iter(paths))):
        found.append(VIDEO)
    return found


class Saving(QObject):
    """Asks where to, writes in a thread, and says what became of it."""

    sent = Signal(object)
    """The Received of answers that came into the project."""

    def __init__(self, studio: Studio, page: QWidget) -> None:
        super().__init__(page)
        self._studio, self._page = studio, page

    def menu(self, content: Content) -> QMenu:
        """The ways to save as a menu."""
        menu = QMenu(self._page)
        for way in ways(content):
            menu.addAction(way.text, partial(self.ask, way, content))
        return menu

    def open_menu(self, button: QWidget, content: Content) -> None:
        """Let the person choose a way."""
        menu = self.menu(content)
        menu.exec(button.mapToGlobal(QPoint(0, button.height() + 2)))
        menu.deleteLater()

    def ask(self, way: Way, content: Content) -> None:
        """Ask where to, and write."""
        if way.name:
            chosen, _ = QFileDialog.getSaveFileName(self._page, way.text, way.name, way.filter)
        else:
            chosen = QFileDialog.getExistingDirectory(self._page, way.text)
        if chosen:
            self.write(way, content, Path(chosen))

    def write(self, way: Way, content: Content, path: Path) -> None:
        """Write in a thread behind a dialog that can cancel; pictures that were made otherwise
        before stay, and the new ones go into a folder beside them."""

        def work(control: Control) -> tuple[int, Path]:
            told = {"told": partial(_step, control)} if way in _TOLD else {}
            made = content.made(way.kind) if way.kind else None
            place = path if made is None else writing.place_for(path, content.answers, made)
            many = way.write(place, content.teller, content.answers, content.count, **told)
            return many, place

        outcome = run_with_progress(self._page, self._studio.tasks, f"Save: {way.text}", work)
        if outcome.error is not None:
            self._studio.fail(outcome.error, doing="Save answers")
        elif not outcome.cancelled:
            many, place = outcome.result
            said = f"Saved {counted(many, way.noun)} in {place.name}."
            if place != path:
                said += f" What lies in {path.name} stays: it was made otherwise."
            self._studio.toast(said, level="success")

    # -- into the project

    def send(self, content: Content) -> None:
        """Bring the answers into the project as suggestions; images come with them, when the
        person wants that."""
        project = self._studio.project
        if project is None:
            return
        try:
            receiving.refuse(project, content.teller, content.network)
        except RunError as error:
            self._studio.fail(error, doing="Send to the project")
            return
        outcome = run_with_progress(
            self._page, self._studio.tasks, "Comparing with the images of the project",
            lambda control: receiving.plan(
                project, content.answers, step=content.step,
                progress=lambda words, done, total: control.progress(done, total, words),
                cancelled=control.cancelled,
            ),
        )  # fmt: skip
        if outcome.error is not None:
            self._studio.fail(outcome.error, doing="Send to the project")
            return
        if outcome.cancelled:
            return
        found = outcome.result
        new = len(found.images) - found.known_count
        if new and not self._studio.ask(
            f"Bring in {counted(new, 'image')}?",
            "They are not in the project yet. They stay where they lie, and come in without a"
            " split; what the network answered becomes suggestions that you keep or reject.",
            yes="Bring in",
        ):
            return
        done = run_with_progress(
            self._page, self._studio.tasks, "Sending to the project",
            lambda control: receiving.send(
                project, found, content.teller, content.answers, network=content.network,
                score=content.count.score, own=content.count.own, source=self,
                progress=lambda words, n, total: control.progress(n, total, words),
                cancelled=control.cancelled,
            ),
            whole=True,
        )  # fmt: skip
        if done.error is not None:
            self._studio.fail(done.error, doing="Send to the project")
        elif not done.cancelled:
            self._told(done.result)

    def _told(self, received: Received) -> None:
        words = " ".join(received.taken.sentences)
        if received.added:
            words = f"{counted(received.added, 'image')} came in. {words}"
        images = received.taken.images or received.image_ids
        show = partial(self._studio.go_to, "label", image_id=images[0]) if images else None
        self._studio.toast(
            words, level="success" if received.taken.suggestions else "info",
            link="Show" if images else "", do=show,
        )  # fmt: skip
        self.sent.emit(received)


def _step(control: Control, done: int, total: int) -> None:
    control.check()
    control.progress(done, total)
