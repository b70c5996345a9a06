"""What is sent to a cluster, and what is taken in from one, without a cluster."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import small_job

from cvstudio.cli.main import run as command_line
from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError, RunError, WeightsMissing
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config
from cvstudio.core.places_to_run import Cluster, cluster_of, dashboard_address, send_to
from cvstudio.core.recipe import Start
from cvstudio.core.snapshot import read_snapshot
from cvstudio.ml import cluster_start
from cvstudio.ml.failures import tells_of_loss
from cvstudio.project import launch, runs
from cvstudio.project.cluster import bundle
from cvstudio.project.cluster.bundle import make_bundle
from cvstudio.project.cluster.home import Home, InTransit
from cvstudio.project.experiments import book
from cvstudio.project.experiments.plans import SweepPlan
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.sample import create_sample

AWAY = Cluster(address="http://127.0.0.1:8265", workers=2)


@pytest.fixture
def job(tmp_path: Path) -> JobDir:
    with create_sample(tmp_path / "cells", Task.CLASSIFY, images=12) as project:
        config = default_config(Task.CLASSIFY, network="mobilenet_v3_small", start="scratch",
                                device="cuda:0,1")  # fmt: skip
        return runs.job_of(runs.create_run(project, config, cluster=AWAY))


def test_a_bundle_names_nothing_of_this_computer_and_holds_every_image(
    job: JobDir, tmp_path: Path
) -> None:
    job.checkpoints.mkdir()
    job.last.write_bytes(b"last")
    job.best.write_bytes(b"best")
    target = tmp_path / "bundle"
    target.mkdir()
    make_bundle(job, AWAY, target, told=lambda *_: None)
    before, after = read_snapshot(job.snapshot), read_snapshot(target / "snapshot.jsonl.gz")
    assert after.hash == before.hash
    for there, here in zip(after.images, before.images, strict=True):
        assert not there.path.is_absolute()
        assert (target / there.path).read_bytes() == here.path.read_bytes()
        assert there.annotations == here.annotations
    text = (target / "config.json").read_text()
    assert str(tmp_path) not in text
    assert json.loads(text)["device"] == "auto", "the GPUs of this computer mean nothing there"
    assert (target / "checkpoints" / "last.pt").read_bytes() == b"last"
    assert (target / "checkpoints" / "best.pt").read_bytes() == b"best"
    code = "import cvstudio, cvstudio.ml.worker, cvstudio.core.resources as r;" \
           "print(cvstudio.__file__, r.resources().is_dir())"  # fmt: skip
    said = subprocess.run([sys.executable, "-c", code], cwd=target, capture_output=True, text=True)
    assert said.stdout.split() == [str(target / "cvstudio" / "__init__.py"), "True"], said.stderr


def test_shared_images_stay_where_they_are(job: JobDir, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    make_bundle(job, AWAY.model_copy(update={"images": "shared"}), target, told=lambda *_: None)
    before, after = read_snapshot(job.snapshot), read_snapshot(target / "snapshot.jsonl.gz")
    assert [image.path for image in after.images] == [image.path for image in before.images]
    assert not (target / "images").exists()


def test_what_is_too_large_is_refused_before_anything_is_copied(
    job: JobDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MOST_BYTES", 1000)
    target = tmp_path / "bundle"
    target.mkdir()
    with pytest.raises(RunError, match="can be carried to a cluster") as refused:
        make_bundle(job, AWAY, target, told=lambda *_: None)
    assert "shared images" in refused.value.hint
    assert not list(target.iterdir())


def test_weights_travel_and_missing_ones_are_named(job: JobDir, tmp_path: Path) -> None:
    file = tmp_path / "mine.pt"
    changes = {"start": Start.FILE, "weights_file": file}
    config = runs.changed_config(default_config(Task.CLASSIFY), changes)
    job.config.write_text(config.model_dump_json())
    target = tmp_path / "bundle"
    target.mkdir()
    with pytest.raises(WeightsMissing, match=r"mine\.pt"):
        make_bundle(job, AWAY, target, told=lambda *_: None)
    file.write_bytes(b"weights")
    make_bundle(job, AWAY, target, told=lambda *_: None)
    named = json.loads((target / "config.json").read_text())["weights_file"]
    assert (target / named).read_bytes() == b"weights"


class Cable:
    """A cluster's log service that has these files; `answers` may change what it gives."""

    def __init__(self, **files: bytes) -> None:
        self.files = files
        self.asked: list[str] = []

    def read(self, _node: str, path: str) -> bytes:
        return self.files.get(Path(path).stem, b"")

    def download(
        self, _node: str, path: str, target: Path, *, told: Callable[[], None]
    ) -> tuple[int, str]:
        told()
        self.asked.append(path)
        data = self.files[Path(path).name.replace("-", "_")]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return len(data), hashlib.sha256(data).hexdigest()


def home_with(job: JobDir, index: dict[str, Any], **files: bytes) -> tuple[Home, Cable]:
    cable = Cable(index=json.dumps(index).encode(), **files)
    return Home(job, cable, "name", "node", lambda: None), cable  # type: ignore[arg-type]


def entry(stored: str, data: bytes) -> dict[str, Any]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "stored": stored}


def test_files_come_home_once_and_only_those_that_a_run_leaves(tmp_path: Path) -> None:
    job = JobDir(tmp_path / "run")
    index = {
        "checkpoints/last.pt": entry("file-000001", b"one"),
        "../../outside.pt": entry("file-000001", b"one"),
        "checkpoints/../../../outside.pt": entry("file-000001", b"one"),
        "config.json": entry("file-000001", b"one"),
    }
    home, cable = home_with(job, index, file_000001=b"one")
    home.bring_all()
    home.bring_all()
    assert cable.asked == ["cvstudio/name/file-000001"]
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["last.pt"]


def test_a_cut_checkpoint_never_takes_the_place_of_a_whole_one(tmp_path: Path) -> None:
    job = JobDir(tmp_path / "run")
    job.checkpoints.mkdir(parents=True)
    job.last.write_bytes(b"whole")
    home, _ = home_with(job, {"checkpoints/last.pt": entry("file-000001", b"longer")},
                        file_000001=b"long")  # fmt: skip
    with pytest.raises(InTransit):
        home.bring_all()
    assert job.last.read_bytes() == b"whole"
    assert not list(job.checkpoints.glob("*.part"))


def test_a_place_outside_the_run_s_folder_on_the_cluster_is_not_read(tmp_path: Path) -> None:
    home, cable = home_with(JobDir(tmp_path), {"report.json": entry("../../secrets", b"")})
    with pytest.raises(RunError, match="where a file of the run should be"):
        home.bring_all()
    assert not cable.asked


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("http://head:8265/", "http://head:8265"),
        ("ray://head:10001", "http://head:8265"),
        ("head", "http://head:8265"),
        ("head:9000", "http://head:9000"),
        (" https://lab.example/ray/ ", "https://lab.example/ray"),
    ],
)
def test_an_address_is_understood_as_the_dashboard_s(typed: str, address: str) -> None:
    assert dashboard_address(typed) == address


@pytest.mark.parametrize("typed", ["", "ftp://head", "a b", "http://", "http://h:port"])
def test_what_is_no_address_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ConfigError, match="is not the address of a cluster"):
        dashboard_address(typed)


def test_the_directory_decides_which_process_does_a_run(job: JobDir) -> None:
    assert cluster_of(job.path) == AWAY
    assert launch.worker_command(job.path)[-2] == "follow-cluster"
    send_to(job.path, None)
    assert launch.worker_command(job.path)[-2] == "worker"


def test_a_cluster_that_does_not_answer_is_a_failure_in_words(job: JobDir) -> None:
    send_to(job.path, Cluster(address="http://127.0.0.1:9"))
    launch.launch(job)
    assert launch.reap(job, seconds=60) == 1
    last = list(job.read_events())[-1]
    assert isinstance(last, events.Failed)
    assert "The cluster at http://127.0.0.1:9 does not answer." in last.text


def test_what_the_cluster_s_python_lacks_is_said() -> None:
    assert "is 3.9, and CVStudio needs 3.11" in cluster_start.trouble((3, 9), ["torch"])
    assert "lacks timm, torch" in cluster_start.trouble((3, 12), ["timm", "torch"])
    assert cluster_start.trouble((3, 11), []) == ""


def test_the_end_of_another_worker_is_told_from_a_failure_of_its_own() -> None:
    trace = "Traceback …\nRuntimeError: [gloo/pair.cc] Connection closed by peer [10.0.0.2]:4\n"
    assert tells_of_loss(events.Failed(cause="other", text="", detail=trace))
    assert not tells_of_loss(events.Failed(cause="image", text="", detail=trace))
    assert not tells_of_loss(events.Failed(cause="other", text="", detail="ValueError: no"))


def test_all_runs_of_a_sweep_go_to_its_cluster_beside_each_other(tmp_path: Path) -> None:
    with create_sample(tmp_path / "cells", Task.CLASSIFY, images=12) as project:
        config = default_config(Task.CLASSIFY, start="scratch", epochs=2000)
        plan = SweepPlan(config=config, trials=({"batch": 2}, {"batch": 4}))
        made = book.create(project, plan, cluster=AWAY)
        Steward().look(project)
        found = book.runs_of(project, made)
        assert [cluster_of(run.directory) for run in found] == [AWAY, AWAY]
        while runs.advance(project, command=small_job.command):
            continue
        try:
            assert [run.id for run in runs.running(project)] == [run.id for run in found]
        finally:
            for run in found:
                launch.end(runs.job_of(run), asked_seconds=5)


def test_the_command_line_says_what_is_wrong_with_an_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_sample(tmp_path / "cells", Task.CLASSIFY, images=12).close()
    assert command_line(["train", str(tmp_path / "cells"), "--on", "ftp://head"]) == 2
    assert '"ftp://head" is not the address of a cluster.' in capsys.readouterr().err
    assert command_line(["train", str(tmp_path / "cells"), "--cluster-workers", "2"]) == 2
    assert "--cluster-workers is for --on ADDRESS." in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "folds"])
def test_no_run_is_made_for_a_cluster_that_does_not_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    create_sample(tmp_path / "cells", Task.CLASSIFY, images=12).close()
    wanted = [command, str(tmp_path / "cells"), "--set", "start=scratch"]
    assert command_line([*wanted, "--on", "http://127.0.0.1:9"]) == 1
    assert "The cluster at http://127.0.0.1:9 does not answer." in capsys.readouterr().err
    assert not list((tmp_path / "cells").glob("runs/*"))


@pytest.fixture
def refusing() -> Iterator[str]:
    """The address of a cluster that says which Ray it runs, and takes in no job."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            self.send_response(200 if self.path == "/api/version" else 500)
            self.end_headers()
            known = {"ray_version": "2.60.0", "version": "4", "ray_commit": ""}
            self.wfile.write(json.dumps(known).encode())

        do_PUT = do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_command_line_sends_a_run_and_says_why_it_does_not_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], refusing: str
) -> None:
    project = str(tmp_path / "cells")
    create_sample(tmp_path / "cells", Task.CLASSIFY, images=12).close()
    where = ["--on", refusing, "--cluster-workers", "3"]
    assert command_line(["train", project, "--start", "scratch", *where]) == 1
    told = capsys.readouterr().err
    assert f"The cluster at {refusing} refuses" in told
    # The way forward is the same way, to the same place.
    again = [line for line in told.splitlines() if "cvstudio train PROJECT" in line]
    assert again
    assert all(line.endswith(" ".join(where)) for line in again)
    (directory,) = (tmp_path / "cells" / "runs").iterdir()
    assert cluster_of(directory) == Cluster(address=refusing, workers=3)
