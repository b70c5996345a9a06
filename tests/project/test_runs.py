"""Runs survive windows, obey the person, and say in words what became of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import psutil
import pytest
import small_job

from cvstudio.core import events
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.config import ExportConfig, JobConfig, read_config
from cvstudio.core.errors import ConfigError, RunError
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import commands, launch, run_commands, runs
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage, RunRecord
from cvstudio.project.remedies import remedies
from cvstudio.project.run_status import (
    TRANSITIONS,
    WORK,
    RunStatus,
    observe,
    require,
    saved_epoch,
)
from cvstudio.project.run_titles import run_title

posix = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "cells", task=Task.DETECT, classes=["cell"]) as made:
        with made.transaction("Add images") as s:
            images = commands.add_images(
                s,
                [
                    NewImage(f"{n}.png", 100, 80, review=Review.REVIEWED, split=split)
                    for n, split in enumerate([Split.TRAIN] * 3 + [Split.VAL])
                ],
            )
            for image_id in images:
                commands.add_annotation(s, image_id=image_id, class_id=1, shape=Box(10, 10, 30, 20))
        yield made
        for run in runs.all_runs(made):
            launch.end(runs.job_of(run), asked_seconds=0, terminate_seconds=0)


def config(**over: object) -> TrainConfig:
    return default_config(Task.DETECT, network="yolo26n", **{"epochs": 4, "seed": 0, **over})


def new_run(project: Project, **over: object) -> RunRecord:
    return runs.create_run(project, config(**over))


def started(project: Project, **over: object) -> RunRecord:
    run = new_run(project, **over)
    assert runs.start(project, run.id, command=small_job.command) is RunStatus.RUNNING
    return run


def wait_until(true: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def wait_for(project: Project, run: RunRecord, wanted: RunStatus) -> RunRecord:
    wait_until(lambda: runs.status(runs.get(project, run.id)) is wanted)
    runs.sync(project)
    found = runs.get(project, run.id)
    assert found.status == wanted
    return found


def epochs_done(run: RunRecord) -> int:
    return len(runs.job_of(run).state().epochs)


def test_a_run_keeps_the_labels_and_settings_it_was_started_with(project: Project) -> None:
    run = new_run(project, batch=4)
    with project.transaction("Draw") as s:
        commands.add_annotation(s, image_id=1, class_id=1, shape=Box(1, 1, 5, 5))
    job = runs.job_of(run)
    saved = read_config(job.config)
    assert isinstance(saved, TrainConfig)
    assert saved.batch == 4
    snapshot = read_snapshot(job.snapshot)
    assert [len(image.annotations) for image in snapshot.images] == [1, 1, 1, 1]
    assert (run.image_count, run.annotation_count, run.snapshot_hash) == (4, 4, snapshot.hash)
    assert runs.changed_since(project, run) == [1]


@pytest.mark.parametrize("network", ["smp:segformer/mit_b0", "timm:convnext_atto"])
def test_a_network_of_a_catalogue_gets_a_run_whose_folder_can_be_there(
    tmp_path: Path, network: str
) -> None:
    task = Task.SEGMENT if network.startswith("smp:") else Task.CLASSIFY
    with Project.create(tmp_path / "many", task=task, classes=["a"]) as project:
        run = runs.create_run(project, default_config(task, network=network))
        assert run.network == network
        assert run.directory.parent == project.runs_directory
        assert not set(run.directory.name) & set(":/\\")
        assert runs.job_of(run).config.exists()


def test_a_run_that_is_let_alone_finishes_with_its_best_figure(project: Project) -> None:
    run = wait_for(project, started(project), RunStatus.FINISHED)
    assert run.best == pytest.approx((1 - 0.9**4) / 2)
    assert (run.metric, run.best_epoch) == ("mAP50-95", 4)
    assert run.ended is not None


def test_a_judged_run_has_the_same_figure_in_its_row_its_title_and_its_report(
    project: Project,
) -> None:
    run = wait_for(project, started(project), RunStatus.FINISHED)
    report = runs.job_of(run).report
    report.write_text('{"val": {"metrics": {"mAP50-95": 0.517}}}')
    assert runs.sync(project) == []  # its state did not change: nobody is told that it ended
    run = runs.get(project, run.id)
    assert run.best == 0.517
    assert run_title(run).endswith("mAP50-95 0.517")
    report.write_text('{"val": {"metrics": {"mAP50-95": null}}}')
    runs.sync(project)
    assert runs.get(project, run.id).best == 0.517


def test_a_paused_run_goes_on_where_it_stopped(project: Project) -> None:
    run = started(project, seed=small_job.PATIENT, epochs=30)
    wait_until(lambda: epochs_done(run) >= 2)
    runs.pause(project, run.id)
    wait_for(project, run, RunStatus.PAUSED)
    before = epochs_done(run)
    assert before < 30
    assert runs.resume(project, run.id, command=small_job.command) is RunStatus.RUNNING
    wait_for(project, run, RunStatus.FINISHED)
    assert [e.epoch for e in runs.job_of(run).state().epochs] == list(range(1, 31))


def test_finishing_early_keeps_the_network(project: Project) -> None:
    run = started(project, epochs=small_job.LONG)
    wait_until(lambda: epochs_done(run) >= 1)
    runs.finish(project, run.id)
    done = wait_for(project, run, RunStatus.FINISHED_EARLY)
    assert RunStatus(done.status).has_network
    assert done.best is not None


def test_cancelling_a_polite_job_ends_it_as_cancelled(project: Project) -> None:
    run = started(project, epochs=small_job.LONG)
    wait_until(lambda: epochs_done(run) >= 1)
    runs.cancel(project, run.id)
    assert runs.get(project, run.id).status == RunStatus.CANCELLED


@posix
def test_cancelling_a_stubborn_job_takes_its_whole_tree_down_within_15_seconds(
    project: Project,
) -> None:
    run = started(project, seed=small_job.STUBBORN)
    child_file = runs.job_of(run).path / "child.pid"
    wait_until(lambda: child_file.exists() and child_file.read_text())
    child = psutil.Process(int(child_file.read_text()))
    began = time.monotonic()
    runs.cancel(project, run.id)
    assert time.monotonic() - began < 15
    assert not launch.alive(runs.job_of(run))
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert runs.get(project, run.id).status == RunStatus.CANCELLED


@posix
def test_a_killed_job_says_so_in_words_and_can_be_resumed(project: Project) -> None:
    run = started(project, epochs=small_job.LONG)
    wait_until(lambda: epochs_done(run) >= 2)
    process = launch.find(runs.job_of(run))
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    failed = wait_for(project, run, RunStatus.FAILED)
    assert "ended by the system (signal 9)" in failed.message
    assert f"up to epoch {saved_epoch(runs.job_of(run))}" in failed.message
    runs.resume(project, run.id, command=small_job.command)
    assert runs.get(project, run.id).status == RunStatus.RUNNING
    assert runs.get(project, run.id).message == ""


@posix
def test_a_line_that_the_kill_cut_hides_neither_its_words_nor_the_resumed_run(
    project: Project,
) -> None:
    run = started(project, seed=small_job.STRUCK)
    job = runs.job_of(run)
    wait_until(lambda: not launch.alive(job))
    with job.events.open("ab") as stream:
        stream.write(b'{"event": "epo')
    wait_for(project, run, RunStatus.FAILED)
    failed = job.state().failed
    assert failed is not None
    assert "signal 9" in failed.text
    with job.events.open("ab") as stream:
        stream.write(b'{"event": "epo')
    runs.resume(project, run.id, changes={"seed": 0}, command=small_job.command)
    wait_for(project, run, RunStatus.FINISHED)
    assert [e.epoch for e in job.state().epochs] == [1, 2, 3, 4]


def test_a_job_that_cannot_begin_shows_what_its_log_says(project: Project) -> None:
    run = wait_for(project, started(project, seed=small_job.BROKEN), RunStatus.FAILED)
    assert "code 3" in run.message
    failed = runs.job_of(run).state().failed
    assert failed is not None
    assert "no such library" in failed.detail
    with pytest.raises(RunError, match="no checkpoint"):
        runs.resume(project, run.id, command=small_job.command)


@posix
def test_a_run_outlives_the_program_that_started_it_and_is_found_again(
    project: Project, tmp_path: Path
) -> None:
    run = new_run(project, seed=small_job.PATIENT, epochs=60)
    starter = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "import os, signal, small_job\n"
        "from pathlib import Path\n"
        "from cvstudio.core.jobdir import JobDir\n"
        "from cvstudio.project import launch\n"
        "launch.launch(JobDir(Path(sys.argv[2])), command=small_job.command)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    here = str(Path(small_job.__file__).parent)
    gone = subprocess.run([sys.executable, "-c", starter, here, str(run.directory)], check=False)
    assert gone.returncode == -signal.SIGKILL
    runs.sync(project)
    # The row still says "queued": the starter died before it could write there.
    assert runs.get(project, run.id).status == RunStatus.RUNNING
    wait_until(lambda: epochs_done(run) >= 2)
    runs.finish(project, run.id)
    done = wait_for(project, run, RunStatus.FINISHED_EARLY)
    assert len(runs.job_of(done).state().epochs) == 3


def test_a_pid_that_another_program_has_now_is_not_taken_for_the_job(project: Project) -> None:
    run = wait_for(project, started(project), RunStatus.FINISHED)
    job = runs.job_of(run)
    found = launch.find(job)
    assert found is not None
    mine = launch.JobProcess(os.getpid(), found.created - 1000, found.launched_at)
    assert mine.process() is None
    assert not launch.alive(job)


def test_a_second_run_waits_and_starts_when_the_first_is_over(project: Project) -> None:
    first = started(project, seed=small_job.PATIENT, epochs=20)
    second = new_run(project)
    assert runs.start(project, second.id, command=small_job.command) is RunStatus.QUEUED
    assert runs.advance(project, command=small_job.command) is None
    runs.finish(project, first.id)
    wait_for(project, first, RunStatus.FINISHED_EARLY)
    begun = runs.advance(project, command=small_job.command)
    assert begun is not None
    assert begun.id == second.id
    wait_for(project, second, RunStatus.FINISHED)


def test_the_queue_waits_for_a_decision_about_a_failed_run(project: Project) -> None:
    first = started(project, seed=small_job.HUNGRY, batch=16, epochs=6)
    second = new_run(project)
    wait_for(project, first, RunStatus.FAILED)
    assert runs.advance(project, command=small_job.command) is None
    held = runs.held_by(project)
    assert held is not None
    assert held.id == first.id
    runs.decide(project, first.id)
    begun = runs.advance(project, command=small_job.command)
    assert begun is not None
    assert begun.id == second.id


def test_the_queue_goes_on_by_itself_when_nobody_decides(project: Project) -> None:
    first = started(project, seed=small_job.HUNGRY, batch=16, epochs=6)
    second, third = new_run(project), new_run(project)
    wait_for(project, first, RunStatus.FAILED)
    assert runs.why_waits(project, second).endswith(f"run {first.id}, 5 minutes at most.")
    ago(project, first.id, 301)
    assert runs.held_by(project) is None
    begun = runs.advance(project, command=small_job.command)
    assert begun is not None
    assert begun.id == second.id
    assert runs.why_waits(project, third) == f"It starts when run {second.id} is over."
    wait_for(project, second, RunStatus.FINISHED)


def test_the_queue_does_not_run_into_the_same_full_disk_again_and_again(project: Project) -> None:
    first = wait_for(project, started(project), RunStatus.FINISHED)
    runs.job_of(first).emit(events.Failed(cause="disk full", text="The disk is full.", detail=""))
    with project.transaction("Fail", undoable=False) as session:
        run_commands.update_run(session, id=first.id, status=RunStatus.FAILED.value)
    ago(project, first.id, 100_000)
    held = runs.held_by(project)
    assert held is not None
    assert held.id == first.id


def test_a_new_run_does_not_overtake_those_that_wait(project: Project) -> None:
    first = new_run(project)
    second = new_run(project)
    assert runs.start(project, second.id, command=small_job.command) is RunStatus.QUEUED
    assert runs.start(project, first.id, command=small_job.command) is RunStatus.RUNNING
    wait_for(project, first, RunStatus.FINISHED)
    assert runs.start(project, second.id, command=small_job.command) is RunStatus.RUNNING
    wait_for(project, second, RunStatus.FINISHED)


def ago(project: Project, run_id: int, seconds: float) -> None:
    """Let a run have ended so long ago."""
    with project.transaction("Age", undoable=False) as session:
        run_commands.update_run(session, id=run_id, ended=time.time() - seconds)


def test_after_the_memory_ran_out_the_offered_way_continues_with_half_the_batch(
    project: Project,
) -> None:
    run = wait_for(
        project, started(project, seed=small_job.HUNGRY, batch=16, epochs=6), RunStatus.FAILED
    )
    job = runs.job_of(run)
    failed = job.state().failed
    assert failed is not None
    way = remedies(runs.config_of(run), failed, saved_epoch=saved_epoch(job))[0]
    assert (way.button, way.resume) == ("Continue with batch 8", True)
    assert way.title == "Continue from epoch 2 with batch 8"
    runs.resume(project, run.id, changes=way.changes, command=small_job.command)
    wait_for(project, run, RunStatus.FINISHED)
    assert runs.config_of(run).batch == 8
    assert len(job.state().epochs) == 6


def test_a_queued_run_can_be_cancelled_and_never_starts(project: Project) -> None:
    run = new_run(project)
    runs.cancel(project, run.id)
    assert runs.advance(project, command=small_job.command) is None
    assert runs.get(project, run.id).status == RunStatus.CANCELLED


@pytest.mark.parametrize("status", list(RunStatus))
@pytest.mark.parametrize("to", list(RunStatus))
def test_only_the_listed_steps_are_possible(status: RunStatus, to: RunStatus) -> None:
    allowed = {
        "queued": {"running", "cancelled", "failed"},
        "running": {"paused", "finished", "finished early", "cancelled", "failed"},
        "paused": {"queued", "running", "cancelled"},
        "failed": {"queued", "running"},
    }.get(status.value, set())
    assert (to in TRANSITIONS[status]) is (to.value in allowed)
    if to.value in allowed:
        require(status, to, run_id=1)
    else:
        with pytest.raises(RunError, match=f"Run 1 is {status}"):
            require(status, to, run_id=1)


def test_asking_a_run_that_does_not_run_says_why_not(project: Project) -> None:
    run = new_run(project)
    with pytest.raises(RunError, match="is queued: only a running run"):
        runs.pause(project, run.id)
    with pytest.raises(RunError, match="no run 99"):
        runs.get(project, 99)
    runs.cancel(project, run.id)
    wait_for(project, started(project), RunStatus.FINISHED)


def test_smaller_jobs_get_directories_of_their_own(project: Project) -> None:
    run = wait_for(project, started(project), RunStatus.FINISHED)
    a = runs.start_job(project, run.id, config(), command=small_job.command)
    b = runs.start_job(project, run.id, config(), command=small_job.command)
    assert a.path != b.path
    for job in (a, b):
        wait_until(lambda job=job: not launch.alive(job))  # type: ignore[misc]
        assert JobDir(job.path).state().ended is not None


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_export_is_not_called_a_training(project: Project, tmp_path: Path) -> None:
    run = wait_for(project, started(project), RunStatus.FINISHED)
    export = ExportConfig(run_directory=run.directory, output=tmp_path / "net.onnx")
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    job = runs.start_job(project, run.id, export, command=lambda _directory: sleep)
    process = launch.find(job)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: observe(job, stored=RunStatus.RUNNING) is RunStatus.FAILED)
    failed = job.state().failed
    assert failed is not None
    assert failed.text.startswith("The export process was ended by the system (signal 9)")
    assert "labels and images are untouched" in failed.text


def test_runs_that_are_over_are_not_asked_for_their_process_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = wait_for(project, started(project), RunStatus.FINISHED)
    asked: list[JobDir] = []
    found = launch.find
    monkeypatch.setattr(launch, "find", lambda job: asked.append(job) or found(job))
    assert runs.sync(project) == []
    assert runs.running(project) == []
    assert runs.status(over) is RunStatus.FINISHED
    assert not asked  # hundreds of files, every two seconds


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_run_does_not_fill_the_disk_with_frames_of_videos(project: Project) -> None:
    run = runs.create_run(project, config())
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    job = JobDir(run.directory)
    process = launch.launch(job, command=lambda _directory: sleep)
    job.frames.mkdir()
    (job.frames / "0.png").write_bytes(b"x")
    assert observe(job, stored=RunStatus.RUNNING) is RunStatus.RUNNING
    assert job.frames.exists()
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: observe(job, stored=RunStatus.RUNNING) is RunStatus.FAILED)
    assert not job.frames.exists()


def test_a_run_from_a_run_can_be_done_again_and_remembers_its_parent(project: Project) -> None:
    first = runs.create_run(project, default_config(project.task, start=Start.SCRATCH))
    config = default_config(project.task, start=Start.RUN)
    with pytest.raises(ConfigError, match="Which run is to be started from"):
        runs.create_run(project, config)
    with pytest.raises(ConfigError, match="Run 1 has no network"):
        runs.create_run(project, config, parent_id=first.id)
    best = runs.job_of(first).best
    best.parent.mkdir(parents=True, exist_ok=True)
    best.write_bytes(b"weights")
    second = runs.create_run(project, config, parent_id=first.id)
    assert runs.config_of(second).weights_file == best
    again = runs.create_run(project, runs.config_of(second))
    assert runs.config_of(again).weights_file == best
    assert second.parent_id == again.parent_id == first.id


def run_in(project: Project, status: RunStatus) -> RunRecord:
    """A run in a state, as it comes there: by its job, its process and what is asked of it."""
    seeds = {RunStatus.FAILED: small_job.STRUCK}
    if status is RunStatus.QUEUED:
        return new_run(project)
    long = status not in (RunStatus.FINISHED, RunStatus.FAILED)
    run = started(project, epochs=small_job.LONG if long else 3, seed=seeds.get(status, 0))
    wait_until(lambda: epochs_done(run) >= 1)
    ask = {
        RunStatus.PAUSED: runs.pause, RunStatus.FINISHED_EARLY: runs.finish,
        RunStatus.CANCELLED: runs.cancel,
    }.get(status)  # fmt: skip
    if ask is not None:
        ask(project, run.id)
    return run if status is RunStatus.RUNNING else wait_for(project, run, status)


def start_it(project: Project, run_id: int) -> None:
    runs.start(project, run_id, command=small_job.command)


def resume_it(project: Project, run_id: int) -> None:
    runs.resume(project, run_id, command=small_job.command)


VERBS = {
    "start": (start_it, {RunStatus.QUEUED, RunStatus.PAUSED, RunStatus.FAILED}),
    "resume": (resume_it, {RunStatus.PAUSED, RunStatus.FAILED}),
    "pause": (runs.pause, {RunStatus.RUNNING}),
    "finish": (runs.finish, {RunStatus.RUNNING}),
    "cancel": (runs.cancel, {RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED}),
}
BECOMES = {
    "start": {RunStatus.RUNNING},
    "resume": {RunStatus.RUNNING},
    "pause": {RunStatus.PAUSED},
    "finish": {RunStatus.FINISHED_EARLY},
    "cancel": {RunStatus.CANCELLED},
}


@posix
@pytest.mark.parametrize("status", list(RunStatus))
def test_in_each_state_a_run_does_what_it_may_and_refuses_the_rest_in_words(
    project: Project, status: RunStatus
) -> None:
    run = run_in(project, status)
    for verb, (do, allowed) in VERBS.items():
        if status in allowed:
            continue
        with pytest.raises(RunError, match=f"Run {run.id}"):
            do(project, run.id)
        assert runs.status(runs.get(project, run.id)) is status, f"{verb} changed nothing"
    launch.end(runs.job_of(run), asked_seconds=0, terminate_seconds=0)


@posix
@pytest.mark.parametrize(
    ("verb", "status"),
    [(verb, status) for verb, (_, allowed) in VERBS.items() for status in sorted(allowed)],
)
def test_what_is_asked_of_a_run_in_a_state_that_allows_it_comes_about(
    project: Project, verb: str, status: RunStatus
) -> None:
    run = run_in(project, status)
    before = [e.epoch for e in runs.job_of(run).state().epochs]
    VERBS[verb][0](project, run.id)
    (wanted,) = BECOMES[verb]
    wait_until(lambda: runs.status(runs.get(project, run.id)) is wanted)
    runs.sync(project)
    assert runs.get(project, run.id).status == wanted
    assert wanted in TRANSITIONS[status] or RunStatus.QUEUED in TRANSITIONS[status]
    if before and wanted is RunStatus.RUNNING:
        wait_until(lambda: epochs_done(run) > len(before) or not launch.alive(runs.job_of(run)))
        told = [e.epoch for e in runs.job_of(run).state().epochs]
        assert told == list(range(1, len(told) + 1)), "at most the epoch at work is done again"


def test_every_kind_of_job_has_a_word_for_when_it_is_found_dead() -> None:
    union = get_args(JobConfig)[0]
    kinds = {config.model_fields["kind"].default for config in get_args(union)}
    assert kinds == WORK.keys()
