"""The real window as a process of its own, driven as a person would, for tests that kill it.

Run as `python window_process.py WHAT PROJECT`; it says what it shows as JSON lines on stdout.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "gui"))

from person import Person
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog, QLabel

from cvstudio.core.recipe import Start
from cvstudio.gui import app
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.augment.page import AugmentPage
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.export.page import ExportPage
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.main_window import MainWindow
from cvstudio.gui.start import StartPage
from cvstudio.gui.train.page import TrainPage
from cvstudio.project import queries

FOREVER = 100_000.0
LONG = 10_000
"""Epochs of a training that is to be ended: however long windows take, it is at work then."""
ENOUGH = 30.0


def say(**what: Any) -> None:
    """Tell the test, at once."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def label(person: Person) -> None:
    """Draw box after box, an image after the other, until killed; each is told when it is done."""
    page = person.page("label")
    assert isinstance(page, LabelPage)
    person.until(lambda: page.canvas.tiles.pyramid is not None, ENOUGH)
    number = 0
    while True:
        number += 1
        if number % 5 == 0:
            before = page.document.image
            person.trigger("label.next")
            person.until(lambda old=before: page.document.image is not old, ENOUGH)  # type: ignore[misc]
        assert page.document.image is not None
        person.key("R", page.canvas)
        x, y = number % 20, number // 20 % 20
        person.drag(page.canvas, (x, y), (x + 12, y + 9))
        say(box=[x, y, 12, 9], image=page.document.image.id)


def gallery(person: Person) -> None:
    """Tell what the gallery shows, with the thumbnails that could be made."""
    page = person.page("data")
    assert isinstance(page, DataPage)
    person.idle()
    with person.project.read() as s:
        records = queries.images(s, queries.image_ids(s))
    shown = {}
    for record in records:
        person.until(lambda r=record: person.studio.thumbnails.picture(r) is not None, ENOUGH)  # type: ignore[misc]
        picture = person.studio.thumbnails.picture(record)
        assert picture is not None
        colour = picture.pixelColor(picture.width() // 2, picture.height() // 2)
        shown[record.id] = [colour.red(), colour.green(), colour.blue()]
    say(images=shown)


def augment(person: Person) -> None:
    """Look at variants until killed; the id of the process that made them is told."""
    page = person.page("augment")
    assert isinstance(page, AugmentPage)
    person.until(lambda: len(page.grid.pictures) == 9, 2 * ENOUGH)
    say(live=person.studio.live.pid)
    person.until(lambda: False, FOREVER)


def opened(person: Person) -> None:
    """Only be open, until killed."""
    say(open=True)
    person.until(lambda: False, FOREVER)


def train(person: Person) -> None:
    """Start a run with the page's controls and tell the chart's points, until killed."""
    page = train_page(person)
    page.new_run.apply(
        {
            "start": Start.SCRATCH, "network": "mobilenet_v3_small", "image_size": 32, "batch": 4,
            "epochs": LONG, "patience": 0, "workers": 0, "frozen_epochs": 0,
        }
    )  # fmt: skip
    person.until(page.next_step.button.isEnabled)
    person.click(page.next_step.button)
    watch(person)


def watch(person: Person) -> None:
    """Tell what the Train page shows of the newest run whenever it changes, until killed."""
    tell_changes(person, train_page(person), lambda _told: False)


def mend(person: Person) -> None:
    """Tell what the page says about a dead run, press its button, see two more epochs, finish."""
    page = train_page(person)
    tell_changes(person, page, lambda told: bool(told["failure"]))
    points = len(page.view.loss.line("train")[0])
    person.click(page.view.failure.go)
    tell_changes(person, page, lambda told: len(told["epochs"]) >= points + 2)
    person.click(page.view.card.buttons["finish"])
    tell_changes(person, page, lambda told: "early" in told["words"] and told["epochs"])


def analyze(person: Person) -> None:
    """Look at the errors of the newest run and ask for a heat map; tell what comes instead."""
    page = person.page("analyze")
    assert isinstance(page, AnalyzePage)
    person.until(lambda: page.errors.detail.case is not None, ENOUGH)
    person.until(lambda: bool(page.errors.detail.heat.view._words), 2 * ENOUGH)
    say(heat=page.errors.detail.heat.view._words)


def tour(person: Person) -> None:
    """Look at every page of a project that may be damaged; questions and failures are told."""
    for name in ("data", "label", "augment", "train", "analyze", "export"):
        watcher = QTimer()
        watcher.timeout.connect(dismiss)
        watcher.start(50)
        page = person.page(name)
        person.idle()
        if isinstance(page, TrainPage):
            say(left_out=page.table.words.text())
            for row in list(page.table.model.rows):
                page.show_run(row.run.id)
                person.idle()
                say(train=row.run.id)
        elif isinstance(page, AnalyzePage | ExportPage):
            for place in range(page.run_box.count()):
                page.run_box.setCurrentIndex(place)
                page.run_box.activated.emit(place)
                person.idle()
        watcher.stop()
        say(page=name, shown=type(person.window.front).__name__)
    say(toured=True)


def dismiss() -> None:
    """Tell what a dialog says, and close it."""
    dialog = QApplication.activeModalWidget()
    if isinstance(dialog, QDialog):
        say(dialog=[label.text() for label in dialog.findChildren(QLabel) if label.text()])
        dialog.reject()


def tell_fault(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """An exception that nobody caught: in the program, its dialog would say it is a fault."""
    say(fault="".join(traceback.format_exception(kind, error, trace)))


def train_page(person: Person) -> TrainPage:
    page = person.page("train")
    assert isinstance(page, TrainPage)
    person.until(lambda: bool(page.checks.texts), ENOUGH)
    return page


def tell_changes(person: Person, page: TrainPage, enough: Callable[[dict[str, Any]], Any]) -> None:
    last: dict[str, Any] = {}

    def look() -> bool:
        nonlocal last
        rows = page.table.model.rows
        failure = page.view.failure
        told = {
            "epochs": page.view.loss.line("train")[0],
            "words": rows[0].words if rows else "",
            "live": person.studio.jobs.current is not None,
            "failure": failure.text.text() if failure.isVisible() else "",
            "ways": [way.title for way in failure.ways] if failure.isVisible() else [],
        }
        if told != last:
            last = told
            say(**told)
        return bool(enough(told))

    person.until(look, FOREVER)


WHATS = {
    f.__name__: f for f in (label, gallery, augment, opened, train, watch, mend, analyze, tour)
}  # fmt: skip


def main(what: str, project: Path) -> int:
    sys.excepthook = tell_fault
    application = app.make_application()
    studio = app.make_studio(application)
    window = MainWindow(studio)
    window.resize(1440, 900)
    could = window.open_project(project)
    window.show()
    QApplication.processEvents()
    if could:
        WHATS[what](Person(window, studio))
    else:
        assert isinstance(window._start, StartPage)
        say(refused=window._start.message.text)
    window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
