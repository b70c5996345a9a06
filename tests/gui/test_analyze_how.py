"""How a heat map is made, by keyboard and mouse: method, map, opacity, check, means, pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dialog_hands import when_open
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel
from test_analyze import finished_run, judged_page

from cvstudio.core.config import ExplainManyConfig, read_config
from cvstudio.core.jobdir import JobDir
from cvstudio.core.wire import Message
from cvstudio.gui.analyze.detail import Detail
from cvstudio.gui.analyze.explaining import MeansDialog, PicturesDialog
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.analyze.scale import Scale
from cvstudio.gui.studio import Toast
from cvstudio.project import queries

LAYERS = [
    {"key": "1", "words": "last map, 2 × 2"},
    {"key": "2", "words": "before it, 4 × 4"},
]


class Network:
    """Stands in for the live process: keeps what is asked, and answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], dict[str, Any]]] = []

    def request(self, kind: str, header: dict[str, Any], **more: Any) -> int:
        self.asked.append((kind, header, more))
        return len(self.asked)

    def drop(self, _owner: object) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing runs."""

    def last(self, kind: str = "explain") -> dict[str, Any]:
        return next(header for asked, header, _ in reversed(self.asked) if asked == kind)

    def more(self, kind: str = "explain") -> dict[str, Any]:
        return next(more for asked, _, more in reversed(self.asked) if asked == kind)

    def answer(self, *, tokens: bool = False, note: str = "") -> None:
        header = {
            "ok": True, "class_id": 1, "score": 0.5, "box": None, "layers": LAYERS,
            "tokens": tokens, "note": note,
        }  # fmt: skip
        heat = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (48, 1))
        self.more()["done"](Message(header, {"heat": heat}))


@pytest.fixture
def network(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network()
    monkeypatch.setattr(studio_window.studio, "_live", made)
    return made


@pytest.fixture
def page(studio_window: Person, network: Network) -> AnalyzePage:
    finished_run(studio_window.project)
    return judged_page(studio_window)


@pytest.fixture
def detail(page: AnalyzePage, studio_window: Person) -> Detail:
    """The error at hand with the fold opened by its key."""
    found = page.errors.detail
    assert found.how.isHidden()
    studio_window.key("H", page.errors.gallery.crops)
    studio_window.settle()
    assert found.how.isVisible()
    return found


def choose(person: Person, box: QComboBox, words: str) -> None:
    """Choose an entry with the keyboard, as somebody does who came there with Tab."""
    box.setFocus(Qt.FocusReason.TabFocusReason)
    wanted = box.findText(words)
    assert wanted >= 0, f"{words} is not offered: {texts(box)}"
    before = box.currentIndex()
    key = Qt.Key.Key_Down if wanted > before else Qt.Key.Key_Up
    for _ in range(abs(wanted - before)):
        QTest.keyClick(box, key)
    person.settle()
    assert box.currentText() == words


def texts(box: QComboBox) -> list[str]:
    return [box.itemText(row) for row in range(box.count())]


def kept(person: Person) -> dict[str, Any]:
    with person.project.read() as session:
        found = queries.setting(session, "analyze.how", {})
    assert isinstance(found, dict)
    return found


def test_another_method_is_asked_for_by_keyboard_and_named_above_the_picture(
    studio_window: Person, network: Network, detail: Detail
) -> None:
    assert network.last()["method"] == "usual"
    network.answer()
    asked = len(network.asked)
    choose(studio_window, detail.how.method_box, "HiResCAM")
    assert network.last()["method"] == "hirescam"
    assert len(network.asked) > asked
    network.answer()
    assert detail.heat.title.text() == "HiResCAM"
    assert detail.heat.figure.text().startswith("“")
    assert "place by place" in detail.how.said.text()
    choose(studio_window, detail.how.method_box, "EigenCAM")
    network.answer(note="It is about the whole image.")
    assert detail.heat.title.text() == "EigenCAM"
    assert detail.heat.figure.text() == "", "it is about no class"
    assert detail.how.said.text() == "It is about the whole image."


def test_maps_are_offered_in_words_and_the_chosen_one_is_asked(
    studio_window: Person, network: Network, detail: Detail
) -> None:
    assert texts(detail.how.layer_box) == ["the method's own"]
    network.answer()
    box = detail.how.layer_box
    assert texts(box)[1:] == ["last map, 2 × 2", "before it, 4 × 4", "all together"]
    choose(studio_window, box, "before it, 4 × 4")
    assert network.last()["layer"] == "2"
    choose(studio_window, detail.how.method_box, "Occlusion")
    assert not box.isEnabled()
    assert network.last()["layer"] == ""
    assert not detail.how.check.isEnabled()


def test_a_method_that_the_network_has_not_is_not_offered(network: Network, detail: Detail) -> None:
    network.answer(tokens=False)
    assert "Attention rollout" not in texts(detail.how.method_box)
    network.answer(tokens=True)
    assert "Attention rollout" not in texts(detail.how.method_box)  # it is for images, not objects
    assert detail.how.method_box.itemText(0) == "LayerCAM of the object"


def test_opacity_moves_the_picture_at_once_and_asks_nothing(
    studio_window: Person, network: Network, detail: Detail
) -> None:
    network.answer()
    studio_window.settle()
    asked = len(network.asked)

    def cover() -> int:
        heat = detail.heat.view._heat
        assert heat is not None
        return heat.pixelColor(heat.width() - 1, 0).alpha()

    before = cover()
    slider = detail.how.opacity_field.slider
    slider.setFocus(Qt.FocusReason.TabFocusReason)
    case = detail.case
    for _ in range(30):
        QTest.keyClick(slider, Qt.Key.Key_Left)
    assert detail.how.opacity == pytest.approx(0.45)
    assert cover() == pytest.approx(0.45 / 0.75 * before, abs=2)
    assert len(network.asked) == asked
    assert detail.case is case  # the arrow keys belong to the slider while it has the focus


def test_what_was_chosen_is_remembered_in_the_project_and_is_no_undo_step(
    studio_window: Person, network: Network, detail: Detail
) -> None:
    network.answer()
    label = studio_window.project.undo_label
    choose(studio_window, detail.how.method_box, "LayerCAM")
    choose(studio_window, detail.how.layer_box, "last map, 2 × 2")
    detail.how.opacity_field.slider.setFocus()
    QTest.keyClick(detail.how.opacity_field.slider, Qt.Key.Key_Left)
    studio_window.until(lambda: kept(studio_window).get("opacity") == 74)
    assert kept(studio_window) == {"open": True, "method": "layercam", "layer": "1", "opacity": 74}
    assert studio_window.project.undo_label == label
    finished_run(studio_window.project)
    again = Detail(studio_window.studio, studio_window.window)
    page = studio_window.page("analyze")
    assert isinstance(page, AnalyzePage)
    assert page.subject is not None
    again.use(page.subject.run, page.subject.analysis, None)
    assert (again.how.method, again.how.layer, again.how.opacity) == ("layercam", "1", 0.74)
    assert not again.how.isHidden()
    again.deleteLater()


def test_the_check_is_told_in_words_for_the_map_that_was_checked(
    studio_window: Person, network: Network, detail: Detail
) -> None:
    network.answer()
    studio_window.click(detail.how.check)
    assert network.last("explain_check")["method"] == "usual"
    more = network.more("explain_check")
    more["progress"](0.5)
    assert "50 %" in detail.how.said.text()
    more["done"](Message({"words": "The map follows what was learned.", "likeness": 0.1}))
    assert detail.how.said.text() == "The map follows what was learned."
    studio_window.click(detail.how.check)
    late = network.more("explain_check")
    choose(studio_window, detail.how.method_box, "Grad-CAM")
    late["done"](Message({"words": "The map follows what was learned.", "likeness": 0.1}))
    assert "learned" not in detail.how.said.text()


def test_what_a_map_of_an_object_cannot_tell_is_said_before_anything_is_unfolded(
    studio_window: Person, network: Network, page: AnalyzePage
) -> None:
    detail = page.errors.detail
    network.answer()
    studio_window.settle()
    assert detail.how.isHidden()
    assert detail.heat.title.text() == "LayerCAM"
    assert detail.heat.figure.text().startswith("“")
    assert detail.caution.isVisible()
    assert detail.caution.text().startswith("LayerCAM tells where the network saw this object")
    studio_window.key("H", page.errors.gallery.crops)
    studio_window.settle()
    assert detail.caution.isHidden()  # once is enough
    assert detail.caution.text() in detail.how.said.text()
    choose(studio_window, detail.how.method_box, "Grad-CAM")
    assert "not this object alone" in detail.how.said.text()
    choose(studio_window, detail.how.method_box, "Occlusion")
    studio_window.key("H", page.errors.gallery.crops)
    studio_window.settle()
    assert detail.caution.isHidden()  # there is nothing to beware of


def test_what_a_check_came_to_is_told_with_every_later_map_of_the_run(
    studio_window: Person, network: Network, detail: Detail
) -> None:
    network.answer()
    studio_window.click(detail.how.check)
    header = {"words": "Do not trust it (0.94 alike).", "likeness": 0.9412}
    network.more("explain_check")["done"](Message(header))
    assert detail.how.said.text() == "Do not trust it (0.94 alike)."
    found = "Checked here: 0.94 alike when shuffled."
    studio_window.trigger("analyze.next")
    studio_window.settle()
    network.answer()
    assert detail.how.said.text().endswith(found)
    choose(studio_window, detail.how.method_box, "Grad-CAM")
    assert found not in detail.how.said.text()  # that one was not checked
    choose(studio_window, detail.how.method_box, "LayerCAM of the object")
    assert detail.how.said.text().endswith(found)


JOB = """
import json, os, sys
from pathlib import Path
import numpy as np
import psutil
from cvstudio.core import events
from cvstudio.core.config import read_config
from cvstudio.core.jobdir import JobDir
from cvstudio.core.opencv import cv2
job = JobDir(Path(sys.argv[1]))
config = read_config(job.config)
born = psutil.Process().create_time()
job.emit(events.Started(job=config.kind, pid=os.getpid(), process_created=born))
job.emit(events.Phase(text="Drawing"))
job.emit(events.Progress(done=1, total=2))
if config.cases:
    (config.folder / "pictures.csv").write_text("picture")
else:
    data = cv2.imencode(".png", np.full((160, 160, 3), 90, np.uint8))[1]
    (job.path / "average-1.png").write_bytes(data.tobytes())
    rows = [
        {"class": 1, "name": "nucleus", "count": 12, "looked": 40, "file": "average-1.png"},
        {"class": 2, "name": "bubble", "count": 0, "looked": 7, "file": None},
    ]
    content = {"split": "val", "of": "object", "caveat": "As if in one place.", "classes": rows}
    (job.path / "averages.json").write_text(json.dumps(content))
job.emit(events.Ended(outcome=events.Outcome.FINISHED))
"""


@pytest.fixture
def jobs(studio_window: Person, tmp_path: Path) -> Callable[[], ExplainManyConfig]:
    """Jobs that draw nothing; what is given is the config of the last one."""
    script = tmp_path / "job.py"
    script.write_text(JOB)
    asked: list[Path] = []

    def command(path: Path) -> list[str]:
        asked.append(path)
        return [sys.executable, str(script), str(path)]

    studio_window.studio.jobs.command = command

    def last() -> ExplainManyConfig:
        config = read_config(JobDir(asked[-1]).config)
        assert isinstance(config, ExplainManyConfig)
        return config

    return last


def test_the_mean_of_each_class_waits_until_it_is_looked_at_and_says_what_it_is_not(
    studio_window: Person, network: Network, detail: Detail,
    jobs: Callable[[], ExplainManyConfig],
) -> None:  # fmt: skip
    network.answer()
    said: list[str] = []

    def look(dialog: MeansDialog) -> None:
        said.extend(found.text() for found in dialog.findChildren(QLabel))
        assert dialog.findChild(Scale) is not None
        dialog.accept()

    links: list[Toast] = []
    studio_window.studio.toasted.connect(links.append)
    studio_window.click(detail.how.average)
    assert not detail.how.average.isEnabled()
    assert detail.how.stop.isVisible()
    studio_window.until(lambda: any(toast.link == "Show" for toast in links))
    assert not said, "no dialog comes over what is done meanwhile"
    when_open(MeansDialog, look)
    next(toast for toast in links if toast.link == "Show").do()
    assert {"nucleus", "12 found of 40 objects", "As if in one place."} <= set(said)
    # Of a class that is never found there is nothing to see, which is said in its place.
    assert {"0 found of 7 objects", "No heat map: the network finds none of them."} <= set(said)
    said.clear()
    when_open(MeansDialog, look)
    studio_window.click(detail.how.average)
    assert "nucleus" in said, "what is ready is not made again"
    config = jobs()
    assert config.cases == ()
    assert config.split == "val"
    assert detail.how.average.isEnabled()
    assert detail.how.stop.isHidden()


@pytest.mark.parametrize("every", [False, True])
def test_pictures_of_one_error_or_of_all_that_are_listed_go_where_the_person_says(
    studio_window: Person, network: Network, page: AnalyzePage, detail: Detail, tmp_path: Path,
    jobs: Callable[[], ExplainManyConfig], monkeypatch: pytest.MonkeyPatch, every: bool,
) -> None:  # fmt: skip
    network.answer()
    folder = tmp_path / "drawn"
    folder.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(folder))
    toasts: list[str] = []
    studio_window.studio.toasted.connect(lambda toast: toasts.append(toast.text))
    choose(studio_window, detail.how.method_box, "Grad-CAM")

    def answer(dialog: PicturesDialog) -> None:
        choice = dialog.all if every else dialog.one
        QTest.keyClick(choice, Qt.Key.Key_Space)
        assert choice.isChecked()
        dialog.accept()

    when_open(PicturesDialog, answer)
    studio_window.click(detail.how.pictures)
    studio_window.until(lambda: "Saved the heat maps in drawn" in toasts)
    config = jobs()
    assert config.folder == folder
    assert config.method == "gradcam"
    listed = page.errors.gallery.cases()
    assert len(listed) > 1
    assert len(config.cases) == (len(listed) if every else 1)
    first, case = config.cases[0], listed[0] if every else detail.case
    assert case is not None
    assert (first.image_id, first.kind) == (case.image_id, case.kind)
    assert first.class_id == (case.predicted or case.labelled)


def test_nothing_is_made_when_no_folder_was_chosen(
    studio_window: Person, network: Network, detail: Detail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: "")
    when_open(PicturesDialog, lambda dialog: dialog.accept())
    studio_window.click(detail.how.pictures)
    assert not detail.making.running


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1440, 900)])
def test_the_pictures_keep_their_room_while_the_fold_is_open(
    studio_window: Person, network: Network, detail: Detail, width: int, height: int
) -> None:
    studio_window.window.resize(width, height)
    studio_window.settle()
    network.answer()
    studio_window.settle()
    assert detail.heat.view.height() >= 120
    for part in (detail.how.method_box, detail.how.opacity_field, detail.how.pictures):
        place = part.mapTo(detail, part.rect().bottomRight())
        assert detail.rect().contains(place)


def test_the_key_folds_it_away_again(studio_window: Person, page: AnalyzePage) -> None:
    crops = page.errors.gallery.crops
    for shown in (True, False):
        studio_window.key("H", crops)
        studio_window.settle()
        assert page.errors.detail.how.isVisible() is shown
    studio_window.click(page.errors.detail.how_button)
    assert page.errors.detail.how.isVisible()
