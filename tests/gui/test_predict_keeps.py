"""What was predicted before stays on the Predict page: beside new pictures, and behind a camera."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from person import Person
from test_predict_page import (
    FakeCamera,
    images,
    network,
    predicted,
)

from cvstudio.core.errors import ImageError
from cvstudio.gui.predict.saving import PICTURES

__all__ = ["images", "network"]  # fixtures


def test_pictures_from_another_score_are_saved_beside_the_first_ones(
    studio_window: Person, network: Path, images: list[Path], tmp_path: Path
) -> None:
    page = predicted(studio_window, network, images)
    seen = tmp_path / "seen"
    told: list[str] = []
    studio_window.studio.toasted.connect(lambda toast: told.append(toast.text))
    for score in (0.3, 0.5):
        page.looking.score.field.setValue(score)
        content = page._content()
        assert content is not None
        page.saving.write(PICTURES, content, seen)
    first, second = (cv2.imread(str(f / "0.png")) for f in (seen, tmp_path / "seen-2"))
    assert (first != second).any()
    scores = [json.loads((f / "settings.json").read_text(encoding="utf-8"))["score"]
              for f in (seen, tmp_path / "seen-2")]  # fmt: skip
    assert scores == [0.3, 0.5]
    assert told[0] == "Saved 4 pictures in seen."
    assert told[1].startswith("Saved 4 pictures in seen-2. What lies in seen stays")


def test_a_camera_that_fails_leaves_the_results_of_before(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    page = predicted(studio_window, network, images)
    page.looking.score.field.setValue(0.5)
    page.results.go(1)

    def none(number: int) -> FakeCamera:
        raise ImageError("There is no camera on this computer.", hint="Plug one in.")

    page.camera.opener = none
    studio_window.click(page.camera_choice.button)
    studio_window.until(lambda: not page.camera.running)
    assert page.message.text == "There is no camera on this computer. Plug one in."
    assert page.message.isVisible()
    assert len(page.results.results.lines) == 5
    assert page.looking.name_label.text() == "1.png"
    studio_window.until(lambda: page.looking.found.text().startswith("1 RBC"))
    assert page.save.isEnabled()
    page.camera.opener = lambda _number: FakeCamera()
    studio_window.click(studio_window.button("Start the camera again", page))
    studio_window.until(lambda: page.looking.found.text().startswith("2 RBC"))
    assert "There is no camera" not in page.message.text


def test_the_list_is_away_while_a_camera_runs_and_back_after_it(
    studio_window: Person, network: Path, images: list[Path]
) -> None:
    page = predicted(studio_window, network, images)
    page.looking.score.field.setValue(0.5)
    page.camera.opener = lambda _number: FakeCamera()
    studio_window.click(page.camera_choice.button)
    studio_window.until(lambda: page.looking.found.text().startswith("2 RBC"))
    assert not page.results.isVisible()
    for id in ("predict.next", "predict.save"):
        action = studio_window.studio.actions[id]
        assert not action.isEnabled()
        assert "Stop the camera first" in action.toolTip()
    page.looking.score.field.setValue(0.95)
    studio_window.click(page.camera_choice.button)
    assert page.results.isVisible()
    assert page.looking.name_label.text() == "0.png"
    studio_window.until(lambda: page.looking.found.text().startswith("1 RBC"))
    assert page.looking.score.value == pytest.approx(0.5)
