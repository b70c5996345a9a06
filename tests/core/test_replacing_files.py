"""Files of a job on a full disk: whole or not there, and room for the last word."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from short_files import files_no_longer_than

from cvstudio.core import events
from cvstudio.core.jobdir import JobDir, replace_file


def test_a_disk_that_fills_up_keeps_the_old_file_and_gets_its_room_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    checkpoint = tmp_path / "last.pt"
    replace_file(checkpoint, b"epoch 1")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(checkpoint, b"epoch 2")
    assert checkpoint.read_bytes() == b"epoch 1"
    assert list(tmp_path.iterdir()) == [checkpoint]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the system")
def test_an_event_that_finds_no_room_leaves_no_half_line_that_would_swallow_the_next(
    tmp_path: Path,
) -> None:
    job = JobDir(tmp_path)
    job.emit(events.Phase(text="Starting"))
    before = job.events.stat().st_size
    with files_no_longer_than(before + 20), pytest.raises(OSError, match="too large"):
        job.emit(events.Note(text="This is longer than twenty characters."))
    assert job.events.stat().st_size == before
    job.last_word(events.Failed(cause="disk full", text="The disk is full."))
    assert [event.event for event in job.read_events()] == ["phase", "failed"]
