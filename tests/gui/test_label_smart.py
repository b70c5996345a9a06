"""The smart tool by mouse and keyboard: prompts, previews, what is kept, and what is refused."""

from __future__ import annotations

import pickle
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from label_hands import HEIGHT, SHIFT, WIDTH, label_page
from patience import LIMIT, until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLabel, QLineEdit
from smart_weights import save_mobile_sam

from cvstudio.core.annotation import Task
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.wire import Message
from cvstudio.gui import smart_network
from cvstudio.gui.label import prompting
from cvstudio.gui.label.tools.smart import SmartOptions
from cvstudio.gui.live import LiveProcess
from cvstudio.gui.settings_dialog import SettingsDialog
from cvstudio.ml.sam import Prompts, SmartNetwork

RIGHT = Qt.MouseButton.RightButton


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return save_mobile_sam(tmp_path_factory.mktemp("weights") / "mobile_sam.pt")


@contextmanager
def smart_page(tmp_path, qtbot, file=None, task=Task.INSTANCE):
    with label_page(tmp_path, qtbot, task) as person:
        if file is not None:
            person.studio.settings.set(smart_network.SETTING, str(file))
        person.tool = person.page.toolbox.smart
        person.keys("S")
        assert person.canvas.tool is person.tool
        yield person


def answered(person):
    """Wait for the network's answer."""
    until(lambda: not person.tool.thinking.busy)
    return person.tool.region


def as_image(mask):
    """A region or a mask as pixels of the whole image."""
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    if isinstance(mask, Mask):
        mask.paint(canvas, 1)
    else:
        patch, x, y = mask.full(WIDTH, HEIGHT)
        canvas[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
    return canvas.astype(bool)


def right_click(person, x, y):
    person.press(x, y, button=RIGHT)
    place = person.canvas.to_screen(x, y).toPoint()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, QPoint(5, 5))
    QApplication.sendEvent(person.canvas.viewport(), event)
    person.release(x, y, button=RIGHT)


def words_of(dialog):
    return " ".join(one.text() for one in dialog.findChildren(QLabel))


def test_without_a_network_the_tool_says_so_and_the_classical_tools_remain(tmp_path, qtbot):
    with smart_page(tmp_path, qtbot) as person:
        said = []
        person.canvas.said.connect(said.append)
        note = person.page.bar.note
        assert "needs a file of SAM, SAM 2 or MobileSAM" in note.text()
        options = person.page.bar.options
        assert isinstance(options, SmartOptions)
        assert options.file.text() == "Choose file…"
        person.click(50, 50)
        assert "Choose a network's file first" in said[-1]
        assert not person.tool.busy
        assert person.studio._live is None or not person.studio.live.pid
        menus = []
        person.canvas.menu_wanted.disconnect()
        person.canvas.menu_wanted.connect(menus.append)
        right_click(person, 60, 60)
        assert menus  # the right button is not the tool's
        person.keys("W")
        assert note.text() == ""
        person.click(50, 50)
        until(lambda: person.canvas.tool.region is not None)


def test_clicks_are_previewed_and_enter_keeps_them_in_one_step(tmp_path, qtbot, file):
    with smart_page(tmp_path, qtbot, file) as person:
        menus = []
        person.canvas.menu_wanted.connect(menus.append)
        picture = tmp_path / "project" / "images" / "1.png"
        rgb = cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB)
        network = SmartNetwork(file)
        found = network.embed(rgb)

        def meant(*points, box=None):
            answer = network.answer(found, (HEIGHT, WIDTH), Prompts(tuple(points), box))
            return [mask.tolist() for mask in answer.masks]

        def shown():
            return as_image(answered(person)).tolist()

        person.click(120, 80)
        x, y = person.tool.prompts[0].point
        assert abs(x - 120) < 1
        assert abs(y - 80) < 1
        first = meant((x, y, True))
        assert shown() == first[0]
        assert not person.shapes  # Enter has not been pressed
        right_click(person, 300, 200)
        assert not menus
        second = person.tool.prompts[1]
        assert not second.include
        both = meant((x, y, True), (*second.point, False))
        assert shown() == both[0]
        person.drag((40, 30), (260, 220))
        box = person.tool.prompts[2].box
        assert np.allclose((box.x, box.y, box.right, box.bottom), (40, 30, 260, 220), atol=1)
        assert shown() == meant((x, y, True), (*second.point, False), box=box)[0]
        person.key(Qt.Key.Key_Backspace)
        assert shown() == both[0]
        before = person.project.undo_label
        person.key(Qt.Key.Key_Return)
        until(lambda: bool(person.shapes))
        assert as_image(person.only.shape).tolist() == both[0]
        assert person.only.class_id == person.document.class_id
        assert not person.tool.busy
        assert person.project.undo_label == "Smart tool"
        person.studio.undo()
        assert not person.shapes
        assert person.project.undo_label == before
        # The same picture, another draft: Shift is for what is not the object, Esc drops it all.
        person.click(120, 80)
        person.click(300, 200, SHIFT)
        assert shown() == both[0]
        person.key(Qt.Key.Key_Escape)
        assert person.tool.region is None
        assert not person.tool.prompts
        assert not person.shapes


@pytest.mark.slow
def test_a_click_has_three_answers_and_a_key_goes_through_them(tmp_path, qtbot, file):
    with smart_page(tmp_path, qtbot, file) as person:
        said = []
        person.canvas.said.connect(said.append)
        person.keys("Shift+S")
        assert "Click an object first" in said[-1]
        person.click(120, 80)
        seen = [as_image(answered(person))]
        assert said[-1] == "Answer 1 of 3"
        for number in (2, 3):
            person.keys("Shift+S")
            assert said[-1] == f"Answer {number} of 3"
            seen.append(as_image(person.tool.region))
        assert len({mask.tobytes() for mask in seen}) == 3
        person.keys("Shift+S")
        assert np.array_equal(as_image(person.tool.region), seen[0])
        person.page.bar.options.other.click()
        person.key(Qt.Key.Key_Return)
        until(lambda: bool(person.shapes))
        assert np.array_equal(as_image(person.only.shape), seen[1])
        # More prompts say what is meant: one answer, and the others when they are asked for.
        person.drag((40, 30), (260, 220))
        one = as_image(answered(person))
        person.keys("Shift+S")
        answered(person)
        assert said[-1] == "Answer 2 of 4"
        for _ in range(3):
            person.keys("Shift+S")
        assert np.array_equal(as_image(person.tool.region), one)


def test_enter_before_the_network_has_looked_is_not_lost(tmp_path, qtbot, file):
    with smart_page(tmp_path, qtbot, file) as person:
        said = []
        person.canvas.said.connect(said.append)
        person.click(120, 80)
        person.key(Qt.Key.Key_Return)
        assert not person.shapes
        assert person.tool.busy
        # Neither another click nor going on loses it, and neither makes the window wait.
        person.click(200, 90)
        assert len(person.tool.prompts) == 1
        assert said[-1].startswith("The network still looks: your object is kept then")
        person.keys("D")
        QApplication.processEvents()
        assert person.document.image.id == person.studio.image_id == 1
        person.keys("W")
        assert person.canvas.tool is person.tool
        until(lambda: any("%" in words for words in said))
        assert any(words == "Thinking…" for words in said)
        until(lambda: bool(person.shapes))
        assert isinstance(person.only.shape, Mask)
        assert not person.tool.busy
        person.keys("D")
        assert person.document.image.id == 2


def test_who_goes_on_at_once_is_not_held_up_and_stores_nothing_by_accident(tmp_path, qtbot, file):
    with smart_page(tmp_path, qtbot, file) as person:
        person.click(120, 80)
        person.keys("D")
        assert person.document.image.id == 2
        assert not person.tool.busy
        until(lambda: person.canvas.tiles.pyramid is not None)
        person.click(200, 100)
        region = answered(person)
        assert region is not None
        assert not person.shapes  # neither the late answer about image 1
        person.key(Qt.Key.Key_Escape)
        person.keys("A")
        assert not person.shapes


@pytest.mark.slow
def test_the_next_images_have_been_looked_at_when_they_come(tmp_path, qtbot, file):
    with smart_page(tmp_path, qtbot, file) as person:
        cache = person.project.embeddings_directory
        until(lambda: len(list(cache.glob("*.npz"))) == 3)
        looked = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
        for _ in range(2):
            person.keys("D")
            until(lambda: person.canvas.tiles.pyramid is not None)
            until(lambda: not person.tool.prompting.looking)
            person.click(120, 80)
            assert answered(person) is not None
            person.key(Qt.Key.Key_Escape)
        assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == looked


@pytest.mark.slow
def test_a_part_is_looked_at_where_the_person_asks_for_that(tmp_path, qtbot, file):
    with smart_page(tmp_path, qtbot, file) as person:
        options = person.page.bar.options
        options.part._group.button(1).click()
        assert person.tool.by_view
        person.canvas.zoom_to(12.0)
        seen = person.canvas.visible()
        x, y = seen.center().x(), seen.center().y()
        person.click(x, y)
        box = answered(person).box
        assert box.x >= seen.x() - 1
        assert box.right <= seen.right() + 1
        pyramid, place = person.tool._part
        assert place.box.w < WIDTH / 2
        assert pyramid is person.canvas.tiles.pyramid
        person.key(Qt.Key.Key_Return)
        until(lambda: bool(person.shapes))
        assert person.only.box.w <= place.box.w
        person.keys("D")  # the same place of another picture is another part
        until(lambda: person.canvas.tiles.pyramid not in (None, pyramid))
        person.tool.look()
        assert person.tool._part[0] is person.canvas.tiles.pyramid


def test_a_view_that_was_left_before_the_network_had_seen_it_is_not_taken_for_the_new_one(
    tmp_path, qtbot, monkeypatch
):
    requests, go, known = [], threading.Event(), prompting._known

    def take(live, kind, header, **more):
        requests.append((kind, header, more))
        return len(requests)

    def asked(kind):
        return [(header, more) for each, header, more in requests if each == kind]

    monkeypatch.setattr(LiveProcess, "request", take)
    with smart_page(tmp_path, qtbot, tmp_path / "mobile_sam.pt") as person:
        until(lambda: asked("smart_look"))
        (_, whole), looking = asked("smart_look")[0], person.tool.prompting
        monkeypatch.setattr(prompting, "_known", lambda view: (go.wait(LIMIT), known(view))[1])
        person.page.bar.options.part._group.button(1).click()
        person.canvas.zoom_to(12.0)
        seen = person.canvas.visible()
        person.click(seen.center().x(), seen.center().y())
        seen_whole = Message({"ok": True, "title": "MobileSAM", "seen": False})
        whole["progress"](0.5)
        whole["done"](seen_whole)
        assert looking.looking, "the view is still to be looked at"
        assert looking.share == 0
        assert not asked("smart_prompt")
        go.set()
        until(lambda: len(asked("smart_look")) == 2)
        header, view = asked("smart_look")[1]
        view["done"](seen_whole)
        ((prompt, _),) = asked("smart_prompt")
        assert prompt["key"] == header["key"] != ""


@pytest.mark.slow
def test_what_was_clicked_out_of_sight_is_not_asked_about(tmp_path, qtbot, file):
    with smart_page(tmp_path, qtbot, file) as person:
        person.page.bar.options.part._group.button(1).click()
        person.canvas.zoom_to(12.0)
        seen = person.canvas.visible()
        for share in (0.4, 0.6):
            person.click(seen.x() + share * seen.width(), seen.y() + share * seen.height())
        assert answered(person) is not None
        said = []
        person.canvas.said.connect(said.append)
        person.canvas.pan(900, 0)
        assert not person.canvas.visible().contains(*person.tool.prompts[0].point)
        person.key(Qt.Key.Key_Backspace)
        assert said[-1] == "Zoom out until all of the object is on the screen"
        assert not person.tool.prompting.busy
        person.key(Qt.Key.Key_Return)
        assert not person.shapes
        person.canvas.pan(-900, 0)
        person.click(seen.x() + 0.5 * seen.width(), seen.y() + 0.5 * seen.height())
        assert answered(person) is not None


@pytest.mark.slow
def test_a_file_is_proved_when_it_is_chosen(tmp_path, qtbot, file, monkeypatch):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "it ran",)

    strange = tmp_path / "strange.pt"
    strange.write_bytes(pickle.dumps(Bomb(), protocol=2))
    chosen = [str(strange)]
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", staticmethod(lambda *_args, **_more: (chosen[0], ""))
    )
    told = []

    def read(self):
        told.append(words_of(self))
        return 0

    with smart_page(tmp_path, qtbot) as person:
        monkeypatch.setattr(QDialog, "exec", read)
        options = person.page.bar.options
        options.file.click()
        until(lambda: bool(told))
        assert "strange.pt" in told[0]
        assert smart_network.current(person.studio) is None
        assert not (tmp_path / "it ran").exists()
        toasts = []
        person.studio.toasted.connect(lambda toast: toasts.append(toast.text))
        chosen[0] = str(file)
        options.file.click()
        until(lambda: smart_network.current(person.studio) == file)
        assert toasts == ["The smart tool uses MobileSAM."]
        assert person.page.bar.note.text() == ""
        until(lambda: options.file.text() == "MobileSAM")
        assert str(file) in options.file.toolTip()
        # Another day the file has gone: the tool says where it was, and nothing is stored.
        gone = tmp_path / "gone" / "sam_b.pt"
        person.studio.settings.set(smart_network.SETTING, str(gone))
        until(lambda: "is not where it was" in person.page.bar.note.text())
        person.click(100, 100)
        person.key(Qt.Key.Key_Return)
        until(lambda: not person.tool.thinking.busy)
        assert not person.shapes
        assert str(gone) in person.page.bar.note.text()


def test_the_settings_name_the_network_and_follow_a_choice(studio, qtbot, file):
    asked = []
    more = {smart_network.SETTING: ("Choose file", lambda: asked.append(True))}
    dialog = SettingsDialog(None, studio.settings, None, more)
    qtbot.addWidget(dialog)
    editor = dialog.editors[smart_network.SETTING]
    assert isinstance(editor, QLineEdit)
    assert editor.accessibleName() == "Smart tool network"
    studio.settings.set(smart_network.SETTING, str(file))
    assert editor.text() == str(file)
    editor.setText("")
    editor.editingFinished.emit()
    assert smart_network.current(studio) is None
    dialog.accept()
    studio.settings.set(smart_network.SETTING, str(file))
    assert editor.text() == ""


def test_where_images_are_classified_there_is_nothing_to_click(tmp_path, qtbot):
    with label_page(tmp_path, qtbot, Task.CLASSIFY) as person:
        assert person.page.toolbox.smart is None
