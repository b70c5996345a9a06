"""A video is dropped on the window, and comes in as the frames that the person chose."""

import errno
import os
import threading
import time

from patience import LIMIT, until
from person import Person, make_images
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from video_clips import number_on, write_clip

from cvstudio.formats.files import walk
from cvstudio.gui.data import import_video
from cvstudio.gui.data.import_dialog import ImportDialog
from cvstudio.gui.data.import_video import VideoStep
from cvstudio.gui.tasks import Tasks
from cvstudio.imaging.decode import read_rgb
from cvstudio.project import import_copying, queries
from cvstudio.project.records import ImageFilter


def drop(person: Person, paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
    person.window.dropEvent(
        QDropEvent(
            QPointF(600, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )  # fmt: skip


def frames(person):
    with person.project.read() as s:
        return queries.images(s, queries.image_ids(s, ImageFilter(text="clip")))


def test_a_dropped_video_asks_for_its_step_and_comes_in_as_frames(studio_window, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=120)
    person, seen = studio_window, {}
    person.page("data")

    def drive(dialog):
        assert isinstance(dialog, ImportDialog)
        assert dialog.step == 0
        step = dialog.source.video
        person.until(step.isVisible)
        seen["first"] = step.said.text()
        step.many.setFocus()
        step.many.selectAll()
        person.key("3", step.many)
        person.key("0", step.many)
        seen["then"] = step.said.text()
        step.unit.setCurrentIndex(1)
        seen["seconds"] = step.many.value()
        step.unit.setCurrentIndex(0)
        person.click(dialog.go)
        person.until(lambda: dialog.step == 1)
        seen["plan"] = dialog.check.source.text()
        person.click(dialog.go)
        person.click(dialog.go)
        person.until(lambda: dialog.report is not None)

    person.answer(drive)
    drop(person, [clip])
    person.until(lambda: len(frames(person)) == 4)
    about = "clip.mp4: about 120 frames, 25 a second, 0:04.800, 320 × 240 px; "
    assert seen["first"] == f"{about}12 images"
    assert seen["then"] == f"{about}4 images"
    assert seen["seconds"] == 1.2
    assert "every 30th frame is 4 images" in seen["plan"]
    found = frames(person)
    paths = [person.project.image_path(r) for r in found]
    assert [number_on(read_rgb(p, r.page)) for p, r in zip(paths, found, strict=True)] == [
        0, 30, 60, 90,
    ]  # fmt: skip
    person.trigger("edit.undo")
    assert not frames(person)


def test_a_broken_video_is_said_to_be_one_before_anything_is_done(studio_window, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"\x00\x01" * 3000)
    person, seen = studio_window, {}
    person.page("data")

    def drive(dialog):
        person.until(dialog.source.video.isVisible)
        seen["said"] = dialog.source.video.said.text()
        dialog.reject()

    person.answer(drive)
    drop(person, [clip])
    person.until(lambda: "said" in seen)
    assert "clip.mp4 cannot be read as a video" in seen["said"]


def test_pictures_alone_are_looked_at_at_once_and_ask_for_no_step(studio_window, tmp_path):
    person, seen = studio_window, {}
    person.page("data")

    def drive(dialog):
        person.until(lambda: dialog.step == 1)
        seen["step"] = dialog.source.video.isVisible()
        dialog.reject()

    person.answer(drive)
    drop(person, make_images(tmp_path / "more", 2))
    person.until(lambda: "step" in seen)
    assert seen["step"] is False


def test_a_folder_that_may_not_be_read_has_no_videos_and_stops_nobody(tmp_path, monkeypatch, qtbot):
    folder = tmp_path / "locked"
    folder.mkdir()
    scanned = os.scandir

    def refuse(path="."):
        if str(path) == str(folder):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scanned(path)

    monkeypatch.setattr(os, "scandir", refuse)
    tasks = Tasks()
    step = VideoStep(tasks)
    qtbot.addWidget(step)
    for paths in ([folder], [tmp_path / "gone", tmp_path / ("long" * 200)]):
        answers = []
        told = step.looked.connect(answers.append)
        step.show_sources(paths)
        until(lambda answers=answers: answers)
        step.looked.disconnect(told)
        assert answers == [False]
    tasks.stop()


def test_videos_in_the_folders_of_a_folder_ask_for_their_step_too(studio_window, tmp_path):
    inside = tmp_path / "both" / "monday" / "left"
    inside.mkdir(parents=True)
    write_clip(inside / "clip.mp4", frames=60)
    make_images(tmp_path / "both" / "stills", 2)
    person, seen = studio_window, {}
    person.page("data")

    def drive(dialog):
        step = dialog.source.video
        person.until(step.isVisible)
        seen["step"], seen["said"] = dialog.step, step.said.text()
        step.many.setValue(20)
        person.click(dialog.go)
        person.until(lambda: dialog.step == 1)
        seen["images"] = len(dialog.plan.images)
        dialog.reject()

    person.answer(drive)
    drop(person, [tmp_path / "both"])
    person.until(lambda: "images" in seen)
    assert seen["step"] == 0
    assert seen["said"].startswith("clip.mp4: about 60 frames")
    assert seen["images"] == 5


def test_a_folder_is_not_looked_at_twice_when_one_was_faster_than_the_search(
    studio_window, tmp_path, monkeypatch
):
    pictures = make_images(tmp_path / "more", 2)[0].parent
    person, seen, ready = studio_window, {}, threading.Event()
    person.page("data")
    monkeypatch.setattr(import_video, "walk", lambda path: (ready.wait(LIMIT), walk(path))[1])

    def drive(dialog):
        person.click(dialog.go)
        person.until(lambda: dialog.step == 1)
        answers = []
        dialog.source.video.looked.connect(answers.append)
        ready.set()
        person.until(lambda: answers)
        seen["step"] = dialog.step
        dialog.reject()

    person.answer(drive)
    drop(person, [pictures])
    person.until(lambda: "step" in seen)
    assert seen["step"] == 1


def test_copying_a_large_video_shows_its_megabytes_and_cancel_leaves_nothing(
    studio_window, tmp_path, monkeypatch
):
    clip = write_clip(tmp_path / "clip.avi", frames=40, codec="MJPG")
    with clip.open("ab") as stream:
        stream.write(b"\0" * (4 << 20))
    monkeypatch.setattr(import_copying, "_MANY", 1 << 20)
    monkeypatch.setattr(import_copying, "_PIECE", 1 << 18)
    real, written, stopped = import_copying._write, [], threading.Event()

    def write(stream, piece):
        """The disk takes a megabyte, and holds the next one up until somebody has stopped it."""
        time.sleep(0.1)  # steps that come faster are not told
        real(stream, piece)
        written.append(piece)
        if len(written) > 4:
            stopped.wait(LIMIT)

    monkeypatch.setattr(import_copying, "_write", write)
    person, seen = studio_window, {}
    person.page("data")

    def drive(dialog):
        person.until(dialog.source.video.isVisible)
        person.click(dialog.go)
        person.until(lambda: dialog.step == 1)
        person.click(dialog.go)
        dialog.split.copy_in.click()
        seen["step"] = dialog._rows[3]._text.text()
        person.click(dialog.go)
        person.until(lambda: dialog.bar.maximum() == 4 and dialog.bar.value() == 1)
        seen["doing"] = dialog.doing.text()
        seen["there"] = os.listdir(person.project.images_directory)
        person.click(dialog.cancel)
        stopped.set()
        person.until(lambda: dialog._work is None)
        seen["left"] = os.listdir(person.project.images_directory)
        dialog.reject()

    person.answer(drive)
    drop(person, [clip])
    person.until(lambda: "left" in seen)
    assert seen["step"] == "copied"
    assert seen["doing"] == "Megabytes copied, 1 of 4"
    assert "clip.avi.partial" in seen["there"]
    assert not any(name.startswith("clip.avi") for name in seen["left"])
    assert not frames(person)
