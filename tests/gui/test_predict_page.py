"""The Predict page as a person uses it: images and a camera, answers looked at and taken along."""

from __future__ import annotations

import csv
import re
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import shiboken6
from dialog_hands import when_open
from onnx_hands import finding_file
from person import Person
from PySide6.QtCore import QMimeData, QObject, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QLabel, QPushButton

from cvstudio.core.annotation import State
from cvstudio.core.answers import Answered, Skipped, append
from cvstudio.core.config import PredictConfig
from cvstudio.core.errors import ImageError
from cvstudio.core.jobdir import JobDir
from cvstudio.gui.drop_area import DropArea
from cvstudio.gui.predict import camera as watching
from cvstudio.gui.predict.page import PredictPage
from cvstudio.gui.predict.saving import COCO, ways
from cvstudio.project import launch, predicting, queries
from cvstudio.project.run_store import make_job


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Finds an RBC with 0.9 and one with 0.4 wherever it looks."""
    return finding_file(
        tmp_path / "cells.onnx", ("RBC",), [(16, 16, 10, 10, 0.9), (44, 40, 12, 8, 0.4)]
    )


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Four images that are in no project, and a file that is none."""
    paths = []
    for number in range(4):
        path = tmp_path / "new" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((64, 64, 3), 50 * number + 7, np.uint8))
        paths.append(path)
    broken = tmp_path / "new" / "broken.png"
    broken.write_bytes(b"nothing")
    return [*paths, broken]


def page_of(person: Person) -> PredictPage:
    person.studio.jobs.command = launch.worker_command
    page = person.page("predict")
    assert isinstance(page, PredictPage)
    person.idle()
    return page


def drop(person: Person, area: DropArea, paths: list[Path]) -> None:
    """Let files fall on a widget."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(20, 20), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    area.dropEvent(event)
    person.settle()


def predicted(person: Person, network: Path, images: list[Path]) -> PredictPage:
    """Drop a network and images, press Predict, and wait until all is answered."""
    page = page_of(person)
    drop(person, page.sources.area, [network, *images])
    person.click(page.next_step.button)
    person.until(lambda: not page.job.running and page.results.results.lines)
    person.idle()
    return page


def test_without_a_network_the_page_says_where_one_comes_from(studio_window: Person) -> None:
    page = page_of(studio_window)
    assert page.stack.currentIndex() == 0
    assert "Finish a run" in page.empty.words.text()
    assert page.empty.button.text() == "Choose a network file"
    assert not page.next_step.button.isEnabled()
    assert "Choose a network first" in studio_window.studio.actions["predict.start"].toolTip()


def test_dropped_images_are_answered_and_unreadable_ones_are_told(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    page = predicted(studio_window, network, images)
    results = page.results.results
    assert [answer.path for answer in results.answers] == images[:4]
    assert [each.path for each in results.skipped] == images[4:]
    assert page.figure.text() == "4 images, 1 skipped"
    assert "broken.png" in page.message.text
    assert page.message.isVisible()
    assert page.choice.where.text() == f"in {network.parent}"


def test_the_score_slider_takes_answers_away_at_once_and_keys_walk_on(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    page = predicted(studio_window, network, images)
    assert page.looking.found.text().startswith("2 RBC")
    page.looking.score.slider.setFocus()
    studio_window.key("End", page.looking.score.slider)
    assert page.looking.found.text().startswith("nothing")
    assert page.results.results.words(page.results.results.lines[0]) == "nothing"
    page.looking.score.field.setValue(0.5)
    assert page.looking.found.text().startswith("1 RBC")
    assert page.looking.name_label.text() == "0.png"
    page.results.setFocus()
    studio_window.key("D", page.results)
    assert page.looking.name_label.text() == "1.png"
    studio_window.key("A", page.results)
    assert page.looking.name_label.text() == "0.png"


def test_answers_are_saved_as_a_table_from_the_score_that_is_shown(
    studio_window: Person, network: Path, images: list[Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    page = predicted(studio_window, network, images)
    content = page._content()
    assert content is not None
    assert [way.text for way in ways(content)] == [
        "Table (CSV)", "COCO JSON", "Pictures with answers",
    ]  # fmt: skip
    page.looking.score.field.setValue(0.5)
    content = page._content()
    assert content is not None
    out = tmp_path / "answers.csv"
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", staticmethod(lambda *_a, **_k: (str(out), ""))
    )
    menu = page.saving.menu(content)
    menu.actions()[0].trigger()
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4
    assert {row["score"] for row in rows} == {"0.9"}
    page.saving.write(COCO, content, tmp_path / "missing" / "a.json")
    assert (tmp_path / "missing" / "a.json").is_file()


def _yes(words: str) -> object:
    def press(dialog: QDialog) -> None:
        (button,) = [b for b in dialog.findChildren(QPushButton) if b.text() == words]
        button.click()

    return press


def test_answers_come_into_the_project_as_suggestions_once_it_was_asked(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    page = predicted(studio_window, network, images)
    project = studio_window.project
    with project.read() as s:
        before = len(queries.image_ids(s))
    received: list[object] = []
    page.saving.sent.connect(received.append)
    studio_window.answer(_yes("Bring in"))
    studio_window.click(page.send)
    studio_window.until(lambda: received)
    with project.read() as s:
        ids = queries.image_ids(s)
        assert len(ids) == before + 4
        new = [image for image in queries.images(s, ids) if "/new/" in image.uri]
        found = queries.annotations_of(s, [image.id for image in new])
    states = [a.state for each in found.values() for a in each]
    assert states == [State.SUGGESTED] * 8
    studio_window.trigger("edit.undo")
    with project.read() as s:
        assert not any(queries.annotations_of(s, [image.id for image in new]).values())


def test_what_was_answered_before_a_crash_is_there_when_the_page_opens(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    config = PredictConfig(file=network, sources=tuple(images))
    job = make_job(studio_window.project.runs_directory / "jobs", config)
    _answer_one(job, network, images)
    with (job.path / "answers.jsonl").open("ab") as stream:
        stream.write(b'{"file": "half a li')
    page = page_of(studio_window)
    assert [line.path for line in page.results.results.lines] == [images[0], images[4]]
    assert page.looking.found.text().startswith("2 RBC")
    assert page.save.isEnabled()


def _answer_one(job: JobDir, network: Path, images: list[Path]) -> None:
    from cvstudio.core.answers import write_teller
    from cvstudio.ml.predicting.asking import ask, open_file, targets_of

    asked = open_file(network)
    write_teller(job.path, asked.teller)
    append(job.path, ask(asked, targets_of(images[:1])))
    append(job.path, [Skipped(images[4], "broken.png is damaged.")])


def test_a_network_that_is_none_says_so(studio_window: Person, images: list[Path]) -> None:
    page = page_of(studio_window)
    wrong = images[0].with_name("wrong.onnx")
    wrong.write_bytes(b"no network")
    drop(studio_window, page.sources.area, [wrong, *images])
    said: list[str] = []

    def read(dialog: QDialog) -> None:
        said.extend(each.text() for each in dialog.findChildren(QLabel))
        dialog.reject()

    when_open(QDialog, read)
    studio_window.click(page.next_step.button)
    studio_window.until(lambda: not page.job.running and said)
    assert any("wrong.onnx is not a usable ONNX file" in text for text in said)


def test_the_way_through_the_results_is_told_by_the_keys_in_force(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    page = predicted(studio_window, network, images)
    assert page.status_right == "A and D go through the results"
    studio_window.studio.actions["predict.next"].setShortcut("N")
    page.results.go(1)
    assert page.status_right == "A and N go through the results"


class FakeCamera:
    """Gives one grey picture after another until it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.given = 0

    def read(self) -> np.ndarray:
        self.closed.wait(0.005)
        self.given += 1
        return np.full((64, 64, 3), self.given % 200, np.uint8)

    def close(self) -> None:
        self.closed.set()


def test_a_camera_is_answered_while_it_runs_and_let_go_with_the_page(
    studio_window: Person, network: Path
) -> None:
    page = page_of(studio_window)
    drop(studio_window, page.sources.area, [network])
    camera = FakeCamera()
    page.camera.opener = lambda _number: camera
    shown: list[object] = []
    page.camera.shown.connect(lambda picture, answer: shown.append(answer))
    studio_window.click(page.camera_choice.button)
    assert page.camera_choice.button.text() == "Stop camera"
    studio_window.until(lambda: len(shown) >= 3)
    assert page.looking.found.text().startswith("2 RBC")
    assert page.looking.view.isVisible()
    studio_window.page("data")
    assert not page.camera.running
    assert camera.closed.is_set()


def test_a_camera_that_is_not_there_is_said_in_words(studio_window: Person, network: Path) -> None:
    page = page_of(studio_window)
    drop(studio_window, page.sources.area, [network])

    def none(number: int) -> FakeCamera:
        raise ImageError("There is no camera on this computer.", hint="Plug one in.")

    page.camera.opener = none
    studio_window.click(page.camera_choice.button)
    studio_window.until(lambda: not page.camera.running)
    assert page.empty.isVisible(), "words and a way on, where pictures would be"
    assert page.empty.words.text() == "There is no camera on this computer. Plug one in."
    assert page.camera_choice.button.text() == "Start camera"
    page.camera.opener = lambda _number: FakeCamera()
    studio_window.click(studio_window.button("Start the camera again", page))
    studio_window.until(lambda: page.looking.found.text().startswith("2 RBC"))
    assert page.looking.view.isVisible()


def test_a_camera_that_is_unplugged_says_so_where_its_pictures_were(
    studio_window: Person, network: Path
) -> None:
    page = page_of(studio_window)
    drop(studio_window, page.sources.area, [network])
    gone = threading.Event()

    class Loose(FakeCamera):
        def read(self) -> np.ndarray:
            if gone.is_set():
                raise ImageError("Camera 0 gives no picture any more.", hint="Plug it in.")
            return super().read()

    page.camera.opener = lambda _number: Loose()
    studio_window.click(page.camera_choice.button)
    studio_window.until(lambda: page.looking.found.text().startswith("2 RBC"))
    gone.set()
    studio_window.until(lambda: not page.camera.running)
    assert page.empty.isVisible()
    assert page.empty.words.text() == "Camera 0 gives no picture any more. Plug it in."


def test_a_camera_that_opens_and_stays_silent_is_not_waited_for_without_a_word(
    studio_window: Person, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(studio_window)
    drop(studio_window, page.sources.area, [network])
    page.camera._silence.setInterval(30)
    woken = threading.Event()

    class Silent(FakeCamera):
        def read(self) -> np.ndarray:
            woken.wait()
            return super().read()

    page.camera.opener = lambda _number: Silent()
    studio_window.click(page.camera_choice.button)
    try:
        studio_window.until(lambda: "gives no picture" in page.looking.view._words)
    finally:
        woken.set()
    studio_window.until(lambda: page.looking.found.text().startswith("2 RBC"))


def test_a_camera_that_hangs_is_let_go_without_ending_the_program(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qt ends the program when a thread is deleted that is still at work."""
    monkeypatch.setattr(watching, "_PATIENCE", 10)
    asked, answers = threading.Event(), threading.Event()

    class Hanging(FakeCamera):
        def read(self) -> np.ndarray:
            asked.set()
            answers.wait()
            return super().read()

    watched = Hanging()
    parent = QObject()
    watch = watching.CameraWatch(studio_window.studio.live, parent, opener=lambda _number: watched)
    watch.start(0, {})
    try:
        studio_window.until(asked.is_set)
        watch.stop()
        assert not watch.running
        assert not watched.closed.is_set(), "it hangs in its driver"
        shiboken6.delete(parent)
    finally:
        answers.set()
    studio_window.until(watched.closed.is_set)
    studio_window.until(lambda: all(each.isFinished() for each in watching._slow))


def test_a_cancelled_look_keeps_what_was_answered(
    studio_window: Person, network: Path, tmp_path: Path
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    picture = np.zeros((64, 64, 3), np.uint8)
    for number in range(3000):
        cv2.imwrite(str(many / f"{number:04}.png"), picture)
    page = page_of(studio_window)
    drop(studio_window, page.sources.area, [network, many])
    studio_window.click(page.next_step.button)
    studio_window.until(lambda: page.results.results.answers)
    studio_window.click(studio_window.button("Cancel", page))
    kept = page.results.results.answers
    assert kept
    assert isinstance(kept[0], Answered)
    assert page.save.isEnabled()
    latest = predicting.latest(studio_window.project)
    assert latest is not None
    studio_window.until(lambda: not launch.alive(latest))


def test_a_skipped_file_says_its_reason_without_its_name_again(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    page = predicted(studio_window, network, images)
    results = page.results.results
    (skipped,) = results.skipped
    assert skipped.reason.startswith("broken.png ")
    said = results.words(skipped)
    assert "broken.png" not in said
    assert said[0].isupper()
    assert skipped.reason.endswith(said[1:])


def test_the_time_of_an_answer_stands_apart_from_it(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    page = predicted(studio_window, network, images)
    assert re.fullmatch(r"\d RBC · [\d,]+ ms", page.looking.found.text())


def test_a_score_is_offered_once_it_is_known_that_one_decides(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    page = page_of(studio_window)
    drop(studio_window, page.sources.area, [network, *images])
    studio_window.click(page.next_step.button)
    assert page.busy.isVisible()
    assert not page.looking.score_row.isVisible()
    studio_window.until(lambda: not page.job.running and page.results.results.lines)
    studio_window.idle()
    assert page.looking.score_row.isVisible(), "it finds objects"
    page._clear(predicting.config_of(predicting.latest(page.project)))
    assert not page.looking.score_row.isVisible(), "another network may answer otherwise"
