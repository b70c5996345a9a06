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

import optuna
import pytest
from training_samples import CLASSES, config_for, run_directory

from cvstudio.core import events
from cvstudio.core.annotation import Review, Task
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.places_to_run import Cluster, send_to
from cvstudio.core.snapshot import read_snapshot
from cvstudio.ml.checkpoint import read_checkpoint
from cvstudio.project import commands, launch, runs
from cvstudio.project.cluster.client import Client
from cvstudio.project.experiments import book, trials, varying
from cvstudio.project.experiments.plans import Dimension, SearchPlan, SweepPlan
from cvstudio.project.experiments.search import STUDY
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.run_status import RunStatus, observe, resumable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

STORE = 100_000_000
PATIENCE = 600.0


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
                "temp_dir": str(folder / "ray"),
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
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # a socket's path may not be long
    # Where Ray writes the address of its newest cluster: the folder `ray` in here has to exist, and
    # on a computer that never ran Ray only the head's own does.
    os.environ |= {
        "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": str(folder)
    }  # fmt: skip
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


def test_a_run_is_trained_by_two_workers_and_comes_home_though_its_follower_was_ended(
    tmp_path: Path, two_nodes: TwoNodes
) -> None:
    job = sent(tmp_path, two_nodes, epochs=5000, test=2)  # it must not end before its follower
    assert observe(job, stored=RunStatus.RUNNING) is RunStatus.RUNNING
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
    seen = len(job.state().epochs)
    launch.launch(job)
    until(lambda: len(job.state().epochs) > seen, job)
    job.ask(Request.FINISH)
    assert ended(job).outcome is Outcome.FINISHED_EARLY
    assert observe(job, stored=RunStatus.RUNNING) is RunStatus.FINISHED_EARLY
    state = job.state()
    epochs = [e.epoch for e in state.epochs]
    assert epochs == list(range(1, len(epochs) + 1)), "nothing was missed"
    assert state.device == "2 workers of the cluster, processor"
    steps = [e for e in job.read_events() if isinstance(e, events.StepEnded)]
    assert steps[-1].steps == 2, "8 images, 2 workers, 2 images each"
    assert read_checkpoint(job.last).epoch == epochs[-1]
    assert read_checkpoint(job.best).epoch == state.best_epoch
    told = list(job.read_events())
    assert told[-1].event == "ended"
    saved = [e.epoch for e in told if isinstance(e, events.Saved)]
    assert saved[-1] == epochs[-1], "at once, or at the end where it came slower than epochs"
    assert job.report.is_file()
    assert job.predictions("test").is_file()
    assert (job.path / "cluster.log").is_file()
    assert not list(job.path.rglob("*.part"))
    assert not list(job.path.glob("cvstudio-*")), "the bundle was left behind"


@pytest.fixture
def sorted_images(tmp_path: Path) -> Iterator[Project]:
    """Twelve images of two classes, in a project."""
    scenes = run_directory(tmp_path / "scenes", Task.CLASSIFY, train=8, val=4)
    with Project.create(
        tmp_path / "sorted", task=Task.CLASSIFY, classes=[c.name for c in CLASSES]
    ) as made:
        images = read_snapshot(scenes.snapshot).images
        with made.transaction("Fill", undoable=False) as s:
            new = [
                NewImage(made.uri_of(i.path), i.width, i.height, review=Review.LABELLED,
                         split=i.split)
                for i in images
            ]  # fmt: skip
            for image_id, image in zip(commands.add_images(s, new), images, strict=True):
                place = [c.id for c in CLASSES].index(image.annotations[0].class_id)
                commands.set_image_class(s, image_ids=[image_id], class_id=place + 1)
        yield made
        for run in runs.all_runs(made):
            launch.end(runs.job_of(run))


def looked_after(
    project: Project, experiment: int, *, meanwhile: Callable[[], object] = lambda: None,
    seconds: float = PATIENCE,
) -> int:  # fmt: skip
    """Do what a window does until an experiment is over; how many runs were at work at most."""
    end, most, steward = time.monotonic() + seconds, 0, Steward()
    try:
        while book.get(project, experiment).ended is None:
            told = [(r.status, runs.job_of(r).state().failed) for r in runs.all_runs(project)]
            assert time.monotonic() < end, told
            steward.look(project)
            runs.advance(project)
            most = max(most, len(runs.running(project)))
            meanwhile()
            time.sleep(0.2)
    finally:
        steward.close()
    return most


def gone_there(job: JobDir, cluster: Cluster) -> bool:
    """Whether nothing of a run is at work on the cluster any more."""
    name = (job.path / "sent.json").read_text().split('"')[3]
    found = Client(cluster.address).sent(name)
    assert found is not None
    return not found.active


def test_a_sweep_is_spread_over_the_cluster_and_one_of_its_runs_is_cancelled_there(
    sorted_images: Project, two_nodes: TwoNodes
) -> None:
    project, cluster = sorted_images, Cluster(address=two_nodes.address, workers=1)
    recipe = config_for(Task.CLASSIFY, batch=2, patience=0)
    grid = varying.grid(recipe, {"epochs": [1, 2000]})
    swept = book.create(project, SweepPlan(config=recipe, trials=tuple(grid)), cluster=cluster)
    took: list[float] = []

    def cancel_the_long_one() -> None:
        for run in runs.running(project):
            if runs.config_of(run).epochs == 2000 and runs.job_of(run).state().epochs:
                begun = time.monotonic()
                runs.cancel(project, run.id)
                took.append(time.monotonic() - begun)

    most = looked_after(project, swept.id, meanwhile=cancel_the_long_one)
    assert most == 2, "the cluster has a place for each"
    assert took
    assert took[0] < 15
    short, long = sorted(trials.trials(project, swept), key=lambda each: each.values["epochs"])
    assert (short.status, long.status) == (RunStatus.FINISHED, RunStatus.CANCELLED)
    assert short.value is not None
    assert runs.job_of(short.run).best.is_file()
    assert all("of the cluster" in runs.job_of(t.run).state().device for t in (short, long))
    assert gone_there(runs.job_of(long.run), cluster)


def test_a_search_learns_what_its_trials_on_the_cluster_reached_and_why_one_failed(
    sorted_images: Project, two_nodes: TwoNodes
) -> None:
    project, cluster = sorted_images, Cluster(address=two_nodes.address, workers=1)
    recipe = config_for(Task.CLASSIFY, batch=2, epochs=1, patience=0)
    rate = Dimension(name="learning_rate", low=1e-5, high=1e-2, log=True)
    plan = SearchPlan(config=recipe, space=(rate,), trials=2, prune=False)
    searched = book.create(project, plan, cluster=cluster)
    image = next(project.path.parent.rglob("scene-003.png"))

    def spoil_an_image_for_the_second_one() -> None:
        if any(runs.job_of(run).state().epochs for run in runs.all_runs(project)):
            image.write_bytes(b"\x89PNG\r\n\x1a\n")

    looked_after(project, searched.id, meanwhile=spoil_an_image_for_the_second_one)
    good, bad = trials.trials(project, searched)
    assert (good.status, bad.status) == (RunStatus.FINISHED, RunStatus.FAILED)
    assert "of the cluster" in runs.job_of(good.run).state().device
    assert 1e-5 <= bad.values["learning_rate"] <= 1e-2
    study = optuna.load_study(
        study_name="search", storage=f"sqlite:///{searched.directory / STUDY}"
    )
    assert [trial.value for trial in study.trials] == [pytest.approx(good.value), None]
    failed = runs.job_of(bad.run).state().failed
    assert failed is not None
    assert failed.cause == "image"


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
