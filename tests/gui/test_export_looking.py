"""By what an exported file answers, on the Export page: asked, followed, given up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from person import Person
from test_export import opened
from test_export_files import export_of_several

from cvstudio.core.forms import BOXES
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Found, Prediction, to_json
from cvstudio.core.wire import Message
from cvstudio.gui.export.try_it import TryIt

LARGE, SMALL = Box(2, 2, 28, 20), Box(4, 4, 8, 8)


class Files:
    """Stands in for the live process: answers what a file sees, and is asked by what."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.rests = 0
        self.dropped: list[object] = []

    def request(self, kind: str, header: dict[str, Any], **more: Any) -> int:
        if kind == "predict":
            found = tuple(Found(1, score, box) for score, box in ((0.9, LARGE), (0.8, SMALL)))
            classes = [{"id": 1, "name": "nucleus", "colour": "#F73C62"}]
            more["done"](
                Message(
                    {
                        "prediction": to_json(Prediction(0, objects=found)), "score": 0.5,
                        "classes": classes, "form": BOXES.to_json(), "class_scores": {},
                        "answer_ms": 3.0,
                    }
                )
            )  # fmt: skip
        elif kind == "explain_file":
            self.asked.append((header, more))
        elif kind == "explain_rest":
            self.rests += 1
        return 1

    def drop(self, owner: object) -> None:
        self.dropped.append(owner)

    def close(self) -> None:
        """Nothing runs."""

    def answer(self, *, cold: bool = False) -> None:
        header = {"ok": True, "name": "nucleus", "score": 0.9, "box": [2, 2, 28, 20]}
        heat = np.zeros((24, 32), np.float32)
        heat[5, 6] = 0.0 if cold else 1.0
        self.asked[-1][1]["done"](Message(header, {"heat": heat}))


@pytest.fixture
def live(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> Files:
    made = Files()
    monkeypatch.setattr(studio_window.studio, "_live", made)
    return made


@pytest.fixture
def tried(studio_window: Person, live: Files, tmp_path: Path) -> TryIt:
    """The page with three files of one export and a picture that the first has answered for."""
    folder = export_of_several(studio_window).parent
    assert folder.is_dir()
    found = opened(studio_window).try_it
    assert found.looking.isHidden()  # without a picture there is nothing to ask about
    picture = tmp_path / "new.png"
    assert cv2.imwrite(str(picture), np.full((24, 32, 3), 90, np.uint8))
    found.try_images([picture])
    studio_window.until(lambda: not found.looking.isHidden())
    return found


def is_hot(tried: TryIt) -> bool:
    return tried.view._heat is not None


def test_it_is_shown_where_the_file_looks_and_taken_away_again(
    studio_window: Person, live: Files, tried: TryIt
) -> None:
    looking = tried.looking
    studio_window.click(looking.start)
    header, more = live.asked[-1]
    assert (Path(header["file"]).name, header["box"]) == ("cells.onnx", None)
    assert header["path"].endswith("new.png")
    assert not looking.start.isEnabled()
    more["progress"](0.25)
    assert looking.said.text() == "Hiding one place after another: 25 %"
    live.answer()
    assert is_hot(tried)
    assert "less sure of “nucleus” 0.90" in looking.said.text()
    assert looking.start.isEnabled()
    studio_window.click(looking.away)
    assert not is_hot(tried)
    assert looking.said.isHidden()
    assert live.rests == 0  # nothing was at work any more


def test_cancel_ends_the_work_and_not_only_the_waiting(
    studio_window: Person, live: Files, tried: TryIt
) -> None:
    studio_window.click(tried.looking.start)
    studio_window.click(tried.looking.stop)
    assert live.dropped == [tried.looking]
    assert live.rests == 1
    assert not is_hot(tried)
    assert tried.looking.start.isEnabled()
    assert tried.looking.stop.isHidden()


def test_going_to_another_page_ends_the_work_that_others_would_wait_for(
    studio_window: Person, live: Files, tried: TryIt
) -> None:
    studio_window.click(tried.looking.start)
    studio_window.studio.go_to("data")
    studio_window.settle()
    assert live.rests == 1


def test_a_click_asks_about_another_object_once_heat_is_shown(
    studio_window: Person, live: Files, tried: TryIt
) -> None:
    tried.view.pressed.emit(6, 6)
    assert not live.asked
    studio_window.click(tried.looking.start)
    live.answer()
    tried.view.pressed.emit(6, 6)
    assert live.asked[-1][0]["box"] == [4, 4, 8, 8]  # the smaller of the two that lie there
    assert live.asked[-1][0]["class_id"] == 1
    live.answer(cold=True)
    assert "No place alone" in tried.looking.said.text()


def test_files_of_other_engines_can_be_asked_but_no_refused_one(
    studio_window: Person, live: Files, tried: TryIt
) -> None:
    box = tried.looking.file_box
    files = [box.itemData(row).name for row in range(box.count())]
    assert files[0] == "cells.onnx"
    assert [Path(name).suffix for name in files] == [".onnx", ".xml"]
    studio_window.click(tried.looking.start)
    live.answer()
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert live.asked[-1][0]["file"].endswith(".xml")
    live.asked[-1][1]["failed"]("OpenVINO cannot compute that.", "Choose another file.")
    assert tried.looking.said.text() == "OpenVINO cannot compute that. Choose another file."
    assert not is_hot(tried)


class Slow(Files):
    """A live process that keeps what is asked of files until the test lets it answer."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[dict[str, Any]] = []

    def request(self, kind: str, header: dict[str, Any], **more: Any) -> int:
        if kind != "predict":
            return super().request(kind, header, **more)
        self.kept.append(more)
        return 1

    def answer_late(self, number: int) -> None:
        super().request("predict", {}, **self.kept[number])


@pytest.fixture
def slow(studio_window: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Slow:
    """The first picture of two has been asked about, and is not answered yet."""
    made = Slow()
    monkeypatch.setattr(studio_window.studio, "_live", made)
    export_of_several(studio_window)
    page = opened(studio_window)
    for name in ("new.png", "next.png"):
        assert cv2.imwrite(str(tmp_path / name), np.full((24, 32, 3), 90, np.uint8))
    page.try_it.try_images([tmp_path / "new.png", tmp_path / "next.png"])
    studio_window.until(lambda: made.kept)
    return made


def test_what_a_file_answers_late_is_not_shown_for_another_that_is_tried_by_now(
    studio_window: Person, slow: Slow
) -> None:
    tried = opened(studio_window).try_it
    tried.use(tried.looking.file_box.itemData(1))
    slow.answer_late(0)
    assert tried.time.text() == ""
    assert tried.looking.isHidden()
    studio_window.until(lambda: len(slow.kept) == 2)
    slow.answer_late(1)
    assert tried.time.text() == "3 ms"


def test_that_a_picture_cannot_be_answered_is_not_said_over_the_next_one(
    studio_window: Person, slow: Slow
) -> None:
    tried = opened(studio_window).try_it
    tried._go(1)
    slow.kept[0]["failed"]("The memory is full.", "")
    assert tried.view._words == ""
    studio_window.until(lambda: len(slow.kept) == 2)
    slow.kept[1]["failed"]("The memory is full.", "")
    assert tried.view._words == "The memory is full."
