"""A camera that does not work says why, and what can be done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from video_clips import write_clip

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.imaging import camera
from cvstudio.imaging.camera import Camera


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of Linux's /dev."""
    folder = tmp_path / "dev"
    folder.mkdir()
    (folder / "null").touch()
    monkeypatch.setattr(camera, "_DEVICES", folder)
    return folder


def refused(number: int) -> ImageError:
    with pytest.raises(ImageError) as caught:
        Camera(number)
    return caught.value


def test_a_number_without_a_camera_names_those_that_there_are(devices: Path) -> None:
    error = refused(90)
    assert error.message == "There is no camera with the number 90 on this computer."
    assert error.hint == "Plug one in."
    for name in ("video2", "video10", "video-stand"):
        (devices / name).touch()
    assert refused(90).hint == "Choose another number (2, 10), or plug one in."


def test_a_camera_that_does_not_open_is_told_apart_from_none(devices: Path) -> None:
    (devices / "video91").write_bytes(b"no camera")
    error = refused(91)
    assert error.message == "Camera 91 is there and gives no picture."
    assert "Close other programs" in error.hint


def test_a_camera_that_one_may_not_use_says_what_to_ask_for(
    devices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (devices / "video91").touch()
    monkeypatch.setattr(os, "access", lambda *_given: False)
    error = refused(91)
    assert error.message == "You may not use camera 91."
    assert "group" in error.hint


def test_where_cameras_are_no_files_all_that_may_be_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera, "_DEVICES", tmp_path / "nowhere")
    error = refused(90)
    assert "or another program has it" in error.message
    assert "privacy settings" in error.hint


def test_a_camera_that_is_unplugged_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_clip(tmp_path / "film.avi", frames=3, codec="MJPG")
    real = cv2.VideoCapture

    def opened(source: Any, *more: Any) -> Any:
        return real(str(film)) if source == 0 else real(source, *more)

    monkeypatch.setattr(cv2, "VideoCapture", opened)
    with Camera(0) as watched:
        assert [watched.read().shape for _ in range(3)] == [(240, 320, 3)] * 3
        with pytest.raises(ImageError, match=r"Camera 0 gives no picture any more.") as caught:
            watched.read()
    assert "plugged in" in caught.value.hint
