"""A place where a file cannot be written is told before the file is made."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from cvstudio.core.errors import RunError
from cvstudio.core.room import require_place


def test_a_folder_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    require_place(tmp_path / "new" / "a.onnx", about=1)
    assert (tmp_path / "new").is_dir()


def test_a_disk_without_room_is_told_with_what_is_needed_and_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = type("Usage", (), {"free": 8_000_000})()
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: little)
    with pytest.raises(RunError, match=r"about 43\.0 MB are needed, and 8\.0 MB are free") as told:
        require_place(tmp_path / "a.onnx", about=43_000_000)
    assert str(tmp_path) in told.value.message


def test_what_is_no_folder_or_no_file_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="is a file and not a folder"):
        require_place(tmp_path / "file" / "a.onnx", about=1)
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(RunError, match="is a folder and not a file"):
        require_place(tmp_path / "a.onnx", about=1)


def test_a_folder_that_may_not_be_written_to_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(RunError, match="cannot be written to"):
        require_place(tmp_path / "a.onnx", about=1)
