"""Runs in TensorBoard and MLflow: real files and a real store, read back with their own readers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_job

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.settings import Settings
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import launch, runs
from cvstudio.project.mirrors import targets as kept
from cvstudio.project.mirrors.following import Follower
from cvstudio.project.mirrors.targets import Targets
from cvstudio.project.mirrors.tensorboard_files import folder_of
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.sample import create_sample


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with create_sample(tmp_path / "cells", Task.DETECT, images=20) as made:
        yield made
        for run in runs.all_runs(made):
            launch.end(runs.job_of(run), asked_seconds=0, terminate_seconds=0)


def new_run(project: Project, **over: object) -> RunRecord:
    config = default_config(
        Task.DETECT, network="yolo26n", **{"epochs": 3, "seed": 0, "start": "scratch", **over}
    )
    return runs.create_run(project, config)


def follow(job: JobDir, targets: Targets) -> Follower:
    follower = Follower(job, targets)
    follower.follow(look_seconds=0.05)
    return follower


def say_epochs(job: JobDir, first: int, last: int, *, figure: float = 0.1) -> None:
    job.emit(
        events.Started(
            job="train", pid=1, process_created=1, device="processor", total_epochs=last,
            first_epoch=first,
        )
    )  # fmt: skip
    for epoch in range(first, last + 1):
        job.emit(
            events.EpochEnded(
                epoch=epoch, train={"box": 2 / epoch}, val={"box": 3 / epoch},
                metrics={"mAP50-95": figure * epoch}, learning_rate=0.01, seconds=1, best=True,
                classes={1: 0.5},
            )
        )  # fmt: skip


def finish(job: JobDir, outcome: events.Outcome = events.Outcome.FINISHED) -> None:
    job.emit(events.Ended(outcome=outcome, metric="mAP50-95", best=0.3, best_epoch=3))
    write_json(job.report, {"val": {"metrics": {"mAP50-95": 0.31, "mAP50": None}}})


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard itself reads from a folder: by tag, the value at each step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    seen = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    seen.Reload()
    return {tag: {e.step: e.value for e in seen.Scalars(tag)} for tag in seen.Tags()["scalars"]}


def texts(folder: Path, tag: str) -> str:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    seen = EventAccumulator(str(folder))
    seen.Reload()
    return "\n".join(e.tensor_proto.string_val[0].decode() for e in seen.Tensors(tag))


def pictures(folder: Path) -> list[str]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    seen = EventAccumulator(str(folder))
    seen.Reload()
    return list(seen.Tags()["images"])


def mlflow_client(folder: Path) -> Any:
    import os

    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=folder.as_uri())


def mlflow_run(folder: Path) -> Any:
    client = mlflow_client(folder)
    experiments = [e for e in client.search_experiments() if e.name != "Default"]
    (found,) = client.search_runs([e.experiment_id for e in experiments])
    return found


def test_tensorboard_reads_the_figures_the_settings_and_the_report_of_a_run(
    project: Project, tmp_path: Path
) -> None:
    run = new_run(project)
    job = runs.job_of(run)
    say_epochs(job, 1, 3)
    finish(job)
    assert not follow(job, Targets(tensorboard=str(tmp_path / "board"), project="cells")).failed
    folder = tmp_path / "board" / "cells" / job.path.name
    told = scalars(folder)
    assert told["train/box"] == pytest.approx({1: 2.0, 2: 1.0, 3: 2 / 3})
    assert told["metrics/mAP50-95"] == pytest.approx({1: 0.1, 2: 0.2, 3: 0.3})
    assert told["report/val/mAP50-95"] == pytest.approx({0: 0.31})
    names = {c.name for c in read_snapshot(job.snapshot).classes if c.id == 1}
    assert {tag.removeprefix("classes/") for tag in told if tag.startswith("classes/")} == names
    assert "| epochs | 3 |" in texts(folder, "settings")
    assert "0.31" in texts(folder, "report")
    assert not pictures(folder), "images leave the project only where a person asked for it"


def test_mlflow_keeps_figures_settings_report_and_how_the_run_ended(
    project: Project, tmp_path: Path
) -> None:
    run = new_run(project)
    job = runs.job_of(run)
    say_epochs(job, 1, 3)
    finish(job, events.Outcome.CANCELLED)
    assert not follow(job, Targets(mlflow=str(tmp_path / "mlruns"), project="cells")).failed
    found = mlflow_run(tmp_path / "mlruns")
    client = mlflow_client(tmp_path / "mlruns")
    history = client.get_metric_history(found.info.run_id, "metrics/mAP50-95")
    assert {m.step: m.value for m in history} == pytest.approx({1: 0.1, 2: 0.2, 3: 0.3})
    assert found.data.metrics["report/val/mAP50-95"] == pytest.approx(0.31)
    assert found.data.params["network"] == "yolo26n"
    assert found.data.params["epochs"] == "3"
    assert found.info.status == "KILLED"
    assert found.info.run_name == job.path.name
    assert {f.path for f in client.list_artifacts(found.info.run_id)} == {
        "config.json", "report.json",
    }  # fmt: skip


def test_a_run_that_goes_on_is_there_once_with_the_epochs_that_count(
    project: Project, tmp_path: Path
) -> None:
    job = runs.job_of(new_run(project))
    where = Targets(str(tmp_path / "board"), str(tmp_path / "mlruns"), project="cells")
    say_epochs(job, 1, 3)
    job.emit(events.Ended(outcome=events.Outcome.PAUSED, metric="mAP50-95"))
    first = follow(job, where)
    assert mlflow_run(tmp_path / "mlruns").info.status == "SCHEDULED"
    time.sleep(0.01)
    say_epochs(job, 3, 4, figure=0.2)
    finish(job)
    assert kept.read(job) == first.targets
    assert not follow(job, kept.read(job)).failed
    folder = tmp_path / "board" / "cells" / job.path.name
    assert len(list(folder.iterdir())) == 1
    assert scalars(folder)["metrics/mAP50-95"] == pytest.approx({1: 0.1, 2: 0.2, 3: 0.6, 4: 0.8})
    found = mlflow_run(tmp_path / "mlruns")
    assert found.info.status == "FINISHED"
    history = mlflow_client(tmp_path / "mlruns").get_metric_history(
        found.info.run_id, "metrics/mAP50-95"
    )
    assert [m.step for m in history] == [1, 2, 3, 3, 4]


def test_a_mirror_that_fails_says_so_once_and_harms_neither_the_run_nor_the_other_mirror(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "mlruns").write_text("a file where a folder should be")
    settings = Settings()
    settings.set("mirror.tensorboard", str(tmp_path / "board"))
    settings.set("mirror.mlflow", str(tmp_path / "mlruns"))
    run = new_run(project)
    job = runs.job_of(run)
    assert runs.start(project, run.id, command=small_job.command) is RunStatus.RUNNING
    folder = folder_of(job, kept.read(job))
    deadline = time.monotonic() + 200  # a process of its own loads MLflow and TensorBoard

    def told() -> bool:
        """The one mirror has failed, the other has all epochs, and the run is over."""
        runs.sync(project)
        figures = scalars(folder) if folder.is_dir() else {}
        return (
            any("The mirror to" in note.text for note in job.state().notes)
            and set(figures.get("metrics/mAP50", ())) == {1, 2, 3}
            and RunStatus(runs.get(project, run.id).status).over
        )

    while not told():
        assert time.monotonic() < deadline, (job.path / "mirror.log").read_text()
        time.sleep(0.2)
    assert runs.get(project, run.id).status == RunStatus.FINISHED
    warnings = [note.text for note in job.state().notes if note.level == "warning"]
    assert len(warnings) == 1
    assert warnings[0].startswith("The mirror to MLflow stopped:")
    assert warnings[0].endswith("The run itself goes on.")


def test_nothing_follows_a_run_where_no_mirror_is_wanted(project: Project) -> None:
    run = new_run(project)
    runs.start(project, run.id, command=small_job.command)
    job = runs.job_of(run)
    assert not (job.path / "mirrors.json").exists()
    assert not (job.path / "mirror.log").exists()


def test_pictures_go_along_when_they_were_asked_for(project: Project, tmp_path: Path) -> None:
    job = runs.job_of(new_run(project))
    image = read_snapshot(job.snapshot).of(Split.VAL)[0]
    file = job.predictions("epoch-0001")
    found = Found(image.annotations[0].class_id, 0.9, image.annotations[0].box)
    write_predictions(file, [Prediction(image.id, objects=(found,))])
    say_epochs(job, 1, 1)
    job.emit(events.Samples(epoch=1, file=file.relative_to(job.path).as_posix()))
    finish(job)
    where = Targets(
        str(tmp_path / "board"), str(tmp_path / "mlruns"), pictures=True, project="cells"
    )
    assert not follow(job, where).failed
    assert pictures(tmp_path / "board" / "cells" / job.path.name) == [
        f"val images/{image.path.stem}"
    ]
    client = mlflow_client(tmp_path / "mlruns")
    run_id = mlflow_run(tmp_path / "mlruns").info.run_id
    (folder,) = [f.path for f in client.list_artifacts(run_id, "val images")]
    assert [f.path for f in client.list_artifacts(run_id, folder)] == [
        f"{folder}/{image.path.stem}.png"
    ]


@pytest.mark.parametrize(
    ("given", "variable", "setting", "expected"),
    [
        (None, None, "of the settings", "of the settings"),
        (None, "of the environment", "of the settings", "of the environment"),
        (None, "", "of the settings", ""),
        ("given", "of the environment", "of the settings", "given"),
    ],
)
def test_a_place_given_for_a_run_stands_over_the_environment_and_that_over_the_settings(
    monkeypatch: pytest.MonkeyPatch, given: str | None, variable: str | None, setting: str,
    expected: str,
) -> None:  # fmt: skip
    Settings().set("mirror.mlflow", setting)
    if variable is not None:
        monkeypatch.setenv(kept.MLFLOW_VARIABLE, variable)
    assert kept.chosen(project="cells", mlflow=given).mlflow == expected
