"""What a watcher sees is what the job wrote, also after crashes, pauses and reopening."""

from __future__ import annotations

from pathlib import Path

import pytest

from cvstudio.core import events
from cvstudio.core.jobdir import EventTail, JobDir, Request, replace_file
from cvstudio.core.run_state import RunState


def started(at: float = 0.0, first: int = 1) -> events.Started:
    return events.Started(
        at=at, job="train", pid=1, process_created=1.0, total_epochs=4, first_epoch=first
    )


def epoch(number: int, at: float, best: bool = False) -> events.EpochEnded:
    return events.EpochEnded(
        at=at, epoch=number, train={"loss": 1 / number}, val={"loss": 2 / number},
        metrics={"mAP50": number / 10}, learning_rate=0.1, seconds=10, best=best,
    )  # fmt: skip


def test_a_replayed_run_shows_what_the_live_one_showed(tmp_path: Path) -> None:
    job, live = JobDir(tmp_path), RunState()
    for event in (started(), epoch(1, 10), epoch(2, 20, best=True)):
        job.emit(event)
        live.apply(event)
    assert job.state() == live
    assert live.series("mAP50") == ([1, 2], [0.1, 0.2])
    assert live.best_epoch == 2
    assert live.share == 0.5
    assert live.seconds_left() == 20


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    tail = EventTail(path)
    assert list(tail.new()) == []
    line = events.to_line(started()) + "\n"
    path.write_text(line + line[:20])
    assert len(list(tail.new())) == 1
    path.write_text(line + line)
    assert len(list(tail.new())) == 1
    assert list(tail.new()) == []


def test_a_line_cut_by_a_crash_hides_no_later_event(tmp_path: Path) -> None:
    job = JobDir(tmp_path)
    job.events.write_text('{"event": "epo\n')
    job.emit(started())
    assert [type(e) for e in job.read_events()] == [events.Started]


def test_a_resumed_run_shows_every_epoch_once_and_its_pause_does_not_count(tmp_path: Path) -> None:
    state = RunState()
    for event in (
        started(0),
        epoch(1, 10),
        epoch(2, 20),
        events.Ended(at=25, outcome=events.Outcome.PAUSED),
        started(1000, first=2),
        epoch(2, 1010),
    ):
        state.apply(event)
    assert [e.epoch for e in state.epochs] == [1, 2]
    assert state.seconds_worked(now=1010) == 35
    assert state.running


def test_a_figure_that_is_not_a_number_does_not_break_the_file(tmp_path: Path) -> None:
    job = JobDir(tmp_path)
    job.emit(events.Progress(done=1, total=2))
    assert len(list(job.read_events())) == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_a_number_is_written_and_read(tmp_path: Path, bad: float) -> None:
    job = JobDir(tmp_path)
    job.emit(
        events.StepEnded(
            epoch=1, step=1, steps=1, losses={"loss": bad}, learning_rate=0.1, images_per_second=1
        )
    )
    assert [type(e) for e in job.read_events()] == [events.StepEnded]


def test_cancel_is_stronger_than_pause(tmp_path: Path) -> None:
    job = JobDir(tmp_path)
    assert job.asked() is None
    job.ask(Request.PAUSE)
    job.ask(Request.CANCEL)
    assert job.asked() is Request.CANCEL
    job.clear_requests()
    assert job.asked() is None


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    replace_file(path, b"old")
    (tmp_path / "a.json.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
