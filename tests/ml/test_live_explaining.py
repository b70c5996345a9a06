"""Heat maps in the live process: by any method and map, checked, and given up for a newer one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from judge_samples import CLASSES, network_of, snapshot_of
from live_child import live_child

from cvstudio.core.annotation import Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.events import Outcome
from cvstudio.core.export_kinds import FileKind
from cvstudio.core.jobdir import JobDir
from cvstudio.core.snapshot import write_snapshot
from cvstudio.ml.checkpoint import Checkpoint, write_checkpoint
from cvstudio.ml.exporting.job import run_export


@pytest.fixture
def question(tmp_path: Path) -> dict[str, Any]:
    network = network_of(Task.CLASSIFY, "resnet18", size=64)
    snapshot = snapshot_of(tmp_path, Task.CLASSIFY, count=1)
    image = snapshot.images[0]
    run = JobDir(tmp_path / "run")
    run.checkpoints.mkdir(parents=True)
    write_snapshot(run.snapshot, snapshot)
    weights = network.module.state_dict()
    write_checkpoint(
        run.best, Checkpoint(network.config, CLASSES, network.preprocessor, weights, epoch=1)
    )
    return {"run": str(run.path), "path": str(image.path), "class_id": 7}


def test_the_window_learns_what_it_can_ask_with_every_map(question: dict[str, Any]) -> None:
    with live_child() as live:
        first = live.ask("explain", **question)
        assert first.header["ok"], first.header
        assert first.header["class_id"] == 7
        assert [one["key"] for one in first.header["layers"]] == ["1", "2", "3", "4", "5"]
        assert not first.header["tokens"]
        assert first.arrays["heat"].shape == (72, 96)

        named = live.ask("explain", **question, method="gradcam", layer="2")
        assert named.header["layer"] == "before it, 4 × 4"
        wrong = live.ask("explain", **question, method="rollout")
        assert not wrong.header["ok"]
        assert "Choose another method" in wrong.header["hint"]

        live.send("explain_check", **question)
        shares = []
        while "progress" in (answer := live.receive()).header:
            shares.append(answer.header["progress"])
        assert answer.header["ok"]
        assert "shuffled" in answer.header["words"]
        assert shares == sorted(shares)
        assert shares[-1] == 1

        live.send("explain", number=7, **question, method="occlusion")
        live.send("explain", number=8, **question, method="eigencam")
        ends: dict[int, dict[str, Any]] = {}
        while len(ends) < 2:
            message = live.receive().header
            if "progress" not in message:
                ends[message["id"]] = message
        assert ends[7]["superseded"]
        assert ends[8]["ok"]
        assert "every class" in ends[8]["note"]


def test_exported_files_of_every_engine_are_explained_alike_and_can_be_given_up(
    question: dict[str, Any], tmp_path: Path
) -> None:
    job = JobDir(Path(question["run"]) / "jobs" / "export-1")
    job.path.mkdir(parents=True)
    config = ExportConfig(
        run_directory=Path(question["run"]), output=tmp_path / "net.onnx", verify=False,
        files=(FileKind.ONNX, FileKind.OPENVINO, FileKind.TORCHSCRIPT),
    )  # fmt: skip
    assert run_export(job, config) is Outcome.FINISHED
    about = {"path": question["path"], "class_id": 7}
    files = sorted(p for p in tmp_path.iterdir() if p.suffix in (".onnx", ".xml", ".pt"))
    assert len(files) == 3
    with live_child() as live:
        heats = []
        for file in files:
            live.send("explain_file", file=str(file), **about)
            shares = []
            while "progress" in (answer := live.receive()).header:
                shares.append(answer.header["progress"])
            assert answer.header["ok"], answer.header
            assert (answer.header["class_id"], answer.header["name"]) == (7, CLASSES[1].name)
            assert shares == sorted(shares)
            assert shares[-1] == 1
            heats.append(answer.arrays["heat"])
        assert heats[0].any()
        for other in heats[1:]:
            assert abs(other - heats[0]).max() < 0.02

        live.send("explain_file", number=7, file=str(files[0]), **about)
        live.send("explain_rest", number=8)
        ends: dict[int, dict[str, Any]] = {}
        while len(ends) < 2:
            message = live.receive().header
            if "progress" not in message:
                ends[message["id"]] = message
        assert ends[7]["superseded"]
        assert ends[8]["ok"]
        gone = live.ask("explain_file", file=str(tmp_path / "gone.onnx"), **about)
        assert not gone.header["ok"]
