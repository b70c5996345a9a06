"""Runs on a real Ray cluster of two nodes on this computer: sent, followed, lost, cancelled."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from training_samples import run_directory

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.places_to_run import Cluster, send_to
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.project import launch
from cvstudio.project.cluster.client import Client
from cvstudio.project.run_status import RunStatus, observe, resumable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STORE = 100_000_000
PATIENCE = 300.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class TwoNodes:
    """A head node and another one, each a set of processes with one CPU to give."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster as RayCluster

        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.ray = RayCluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 1, "object_store_memory": STORE, "include_dashboard": True,
                "dashboard_host": "127.0.0.1", "dashboard_port": port,
                "temp_dir": str(folder / "head"),
            },
        )  # fmt: skip
        # A folder of its own, as on another computer: in a common one each node unpacks what was
        # sent over what the other one is just reading.
        self.other: Any = self.ray.add_node(
            num_cpus=1, object_store_memory=STORE, temp_dir=str(folder / "other")
        )

    def lose_the_other(self) -> None:
        """For good: the test that does it is the last one."""
        self.ray.remove_node(self.other, allow_graceful=False)


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[TwoNodes]:
    before = dict(os.environ)
    # Ray starts what is sent with the `python` of its own computer.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before['PATH']}"
    os.environ |= {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # a socket's path may not be long
    cluster = TwoNodes(folder)
    try:
        yield cluster
    finally:
        cluster.ray.shutdown()
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


def until(condition: Callable[[], Any], job: JobDir, *, seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        said = [str(event)[:300] for event in job.read_events()][-12:]
        assert time.monotonic() < end, "\n".join([*said, job.log.read_text()[-3000:]])
        time.sleep(0.2)


LAUNCHED: list[JobDir] = []


@pytest.fixture(autouse=True)
def _no_follower_is_left_behind() -> Iterator[None]:
    yield
    while LAUNCHED:
        launch.end(LAUNCHED.pop())


def sent(folder: Path, cluster: TwoNodes, **settings: Any) -> JobDir:
    job = run_directory(folder, Task.CLASSIFY, batch=2, patience=0, **settings)
    send_to(job.path, Cluster(address=cluster.address, workers=2))
    LAUNCHED.append(job)
    launch.launch(job)
    return job


def ended(job: JobDir) -> events.Ended:
    until(lambda: not launch.alive(job), job)
    last = list(job.read_events())[-1]
    assert isinstance(last, events.Ended), last
    return last


def test_a_run_is_trained_by_two_workers_of_a_cluster_and_comes_home(
    tmp_path: Path, two_nodes: TwoNodes
) -> None:
    job = sent(tmp_path, two_nodes, epochs=3, test=2)
    assert observe(job, stored=RunStatus.RUNNING) is RunStatus.RUNNING
    assert ended(job).outcome is Outcome.FINISHED
    assert observe(job, stored=RunStatus.RUNNING) is RunStatus.FINISHED
    state = job.state()
    assert [e.epoch for e in state.epochs] == [1, 2, 3]
    assert state.device == "2 workers of the cluster, processor"
    steps = [e for e in job.read_events() if isinstance(e, events.StepEnded)]
    assert steps[-1].steps == 2, "8 images, 2 workers, 2 images each"
    assert read_checkpoint(job.last).epoch == 3
    assert read_checkpoint(job.best).epoch == state.best_epoch
    assert list(job.read_events())[-2:][0].event == "saved"
    assert job.report.is_file()
    assert job.predictions("test").is_file()
    assert (job.path / "cluster.log").is_file()
    assert not list(job.path.rglob("*.part"))
    assert not list(job.path.glob("cvstudio-*")), "the bundle was left behind"


def test_a_cancelled_run_ends_here_and_on_the_cluster(tmp_path: Path, two_nodes: TwoNodes) -> None:
    job = sent(tmp_path, two_nodes, epochs=2000)
    until(lambda: job.state().epochs, job)
    begun = time.monotonic()
    launch.end(job)
    assert time.monotonic() - begun < 15
    assert observe(job, stored=RunStatus.RUNNING) is RunStatus.CANCELLED
    name = (job.path / "sent.json").read_text().split('"')[3]
    found = Client(two_nodes.address).sent(name)
    assert found is not None
    assert not found.active


def test_a_follower_that_was_ended_finds_its_run_again_and_misses_nothing(
    tmp_path: Path, two_nodes: TwoNodes
) -> None:
    job = sent(tmp_path, two_nodes, epochs=60)
    until(lambda: job.state().epochs, job)
    process = launch.find(job)
    assert process is not None
    found = process.process()
    assert found is not None
    found.kill()
    until(lambda: not launch.alive(job), job)
    assert observe(job, stored=RunStatus.RUNNING) is RunStatus.FAILED
    failed = job.state().failed
    assert failed is not None
    assert failed.text.endswith("The run itself goes on there: resume it to follow it again.")
    assert resumable(job, RunStatus.FAILED)
    launch.launch(job)
    assert ended(job).outcome is Outcome.FINISHED
    assert [e.epoch for e in job.state().epochs] == list(range(1, 61))


def test_what_a_worker_fails_at_is_told_in_words(tmp_path: Path, two_nodes: TwoNodes) -> None:
    job = run_directory(tmp_path, Task.CLASSIFY, batch=2)
    (tmp_path / "scene-003.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    send_to(job.path, Cluster(address=two_nodes.address, workers=1))
    LAUNCHED.append(job)
    launch.launch(job)
    until(lambda: not launch.alive(job), job)
    last = list(job.read_events())[-1]
    assert isinstance(last, events.Failed)
    assert last.cause == "image"


def test_a_lost_node_costs_no_more_than_the_epochs_since_the_last_checkpoint_and_pause_reaches_it(
    tmp_path: Path, two_nodes: TwoNodes
) -> None:
    job = sent(tmp_path, two_nodes, epochs=2000)
    until(lambda: len(job.state().epochs) >= 3 and job.last.is_file(), job)
    two_nodes.lose_the_other()
    starts = lambda: [e for e in job.read_events() if isinstance(e, events.Started)]  # noqa: E731
    until(lambda: len(starts()) == 2, job)
    assert starts()[1].first_epoch > 1
    assert starts()[1].device == "1 worker of the cluster, processor"
    notes = [note.text for note in job.state().notes]
    assert "A worker of the cluster was lost: 1 worker went on from its last checkpoint." in notes
    until(lambda: job.state().epochs[-1].epoch > starts()[1].first_epoch, job)
    job.ask(Request.PAUSE)
    assert ended(job).outcome is Outcome.PAUSED
    epoch = read_checkpoint(job.last).epoch
    assert [e.epoch for e in job.state().epochs][:epoch] == list(range(1, epoch + 1))
    assert job.asked() is None
