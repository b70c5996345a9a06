"""Networks that leave, from the terminal: what is asked for, and what is said of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from test_judging_commands import Judged, judged  # noqa: F401  # a fixture

from cvstudio.cli import exporting
from cvstudio.cli.main import run as main
from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.export_kinds import FileKind
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import Fit
from cvstudio.ml.exporting.certificate import graph_digest, sealed
from cvstudio.ml.exporting.record import with_record
from cvstudio.ml.onnx_file import FileRecord
from cvstudio.ml.preprocess import Preprocessing
from cvstudio.project import runs


def proven_file(
    path: Path, *, verified: bool | None = True, precision: str = "float32", **more: Any
) -> None:
    """A file that answers with what goes in, with a certificate."""
    value = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 2])
        for name in ("images", "output0")
    ]
    node = onnx.helper.make_node("Identity", ["images"], ["output0"])
    graph = onnx.helper.make_graph([node], "plain", [value[0]], [value[1]])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    record = FileRecord(
        task=Task.CLASSIFY,
        classes=(LabelClass(1, "a", "#F73C62", "1", 0), LabelClass(2, "b", "#688BF6", "2", 1)),
        input=Preprocessing(32, Fit.PAD, (0.0,) * 3, (1.0,) * 3).to_json(),
        outputs=(), network={"name": "resnet18"}, run={"name": "0004-classify"},
        precision=precision,
    )  # fmt: skip
    certificate: dict[str, Any] = {
        "verified": verified, "images": 9, "split": "val", "metric": "balanced accuracy",
        "reference": 0.9, "measured": 0.8925, **more,
    }  # fmt: skip
    path.write_bytes(with_record(model, sealed(record, certificate, graph_digest(model))))


WHY = "the network has learned too little for this file to be judged"
UNJUDGED = {"verified": None, "judged_by": "nothing", "unjudged": WHY, "because": "It guesses."}


def test_check_file_says_by_what_a_file_of_fewer_bits_was_proven_or_why_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_answers, neither = tmp_path / "by-answers.onnx", tmp_path / "neither.onnx"
    found = {"share": 0.98, "anyway": 0.2, "answers": 1200, "images": 90}
    proven_file(by_answers, precision="float16", judged_by="answers", agreement=found)
    proven_file(neither, precision="float16", **UNJUDGED)
    assert main(["check-file", str(by_answers)]) == 0
    told = capsys.readouterr().out
    assert "on 90 images it gives 98 % of 1,200 answers as 0004-classify does." in told
    assert main(["check-file", str(neither)]) == 1
    told = capsys.readouterr().out
    assert told.strip() == f"unproven: neither.onnx: This file is not proven: {WHY}. It guesses."


def test_a_proven_file_is_told_from_one_that_was_changed_or_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, small, bad = (tmp_path / f"{name}.onnx" for name in ("good", "small", "bad"))
    proven_file(good)
    proven_file(small, precision="int8")
    proven_file(bad, verified=False)
    assert main(["check-file", str(good), str(small)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("proven: good.onnx:")
    assert "on 9 val images it answered like 0004-classify" in told[0]
    assert "lost 0.0075 of balanced accuracy" in told[1]
    assert main(["check-file", "--json", str(good), str(bad)]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["standing"] for row in rows] == ["proven", "failed"]
    model = onnx.load(good)
    model.graph.node[0].op_type = "Neg"
    onnx.save(model, good)
    assert main(["check-file", str(good)]) == 1
    assert capsys.readouterr().out.startswith("changed: good.onnx:")


def test_what_is_not_an_exported_file_is_said_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("nothing")
    assert main(["check-file", str(other)]) == 1
    assert "notes.txt is none of" in capsys.readouterr().err
    damaged = tmp_path / "net.onnx"
    damaged.write_bytes(b"\x08\x08" * 40)
    assert main(["check-file", str(damaged)]) == 1
    assert "net.onnx" in capsys.readouterr().err


def test_every_choice_of_an_export_can_be_made(
    judged: Judged, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    asked: list[ExportConfig] = []

    def start(_project: object, _run: int, config: ExportConfig) -> JobDir:
        asked.append(config)
        folder = judged.folder.parent / "job"
        folder.mkdir()
        told = '{"verified": null, "files": [], "left_out": []}'
        (folder / "verification.json").write_text(told)
        return JobDir(folder)

    monkeypatch.setattr(runs, "start_job", start)
    monkeypatch.setattr(exporting, "finish", lambda _job, _title: None)
    monkeypatch.setattr(exporting, "with_network", runs.get)
    options = "--also openvino --also onnx-fp16 --int8 --opset 15 --nms inside --allowed-drop 0.05"
    command = ["export-network", str(judged.folder), "1", "-o", "net.onnx", *options.split()]
    assert main(command) == 0
    (config,) = asked
    assert config.kinds == (
        FileKind.ONNX, FileKind.ONNX_FLOAT16, FileKind.ONNX_INT8, FileKind.OPENVINO,
    )  # fmt: skip
    assert (config.opset, config.suppress_inside, config.allowed_drop) == (15, True, 0.05)
    assert config.verify
    assert main([*command, "--opset", "12"]) == 2


def test_what_is_left_out_or_refused_is_said_with_its_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good = {
        "check": "mAP50, measured again", "precision": "int8", "value": 0.5, "allowed": 0.59,
        "passed": False, "reference": 0.6, "unit": "",
    }  # fmt: skip
    row = {
        "title": "ONNX, 8-bit", "file": "net-int8-UNVERIFIED.onnx", "size": 10, "verified": False,
        "checks": [good], "measured": 0.5, "drop": 0.1,
    }  # fmt: skip
    half = {**row, "title": "ONNX, 16-bit", "file": "net-fp16-UNVERIFIED.onnx", **UNJUDGED}
    half["checks"] = [{**good, "precision": "float16", "allowed": None, "passed": None}]
    left_out = [{"title": "TorchScript", "why": "It cannot be traced. PyTorch says: too deep."}]
    told = {
        "verified": True, "files": [row, half], "left_out": left_out, "metric": "mAP50",
        "timings": [],
    }  # fmt: skip
    exporting._say_export(told, tmp_path / "net.onnx")
    words = capsys.readouterr().out
    assert "TorchScript is left out: It cannot be traced. PyTorch says: too deep." in words
    assert (
        "ONNX, 8-bit is refused. Out of bounds: mAP50, measured again: 0.500 (at least 0.590)."
        in words
    )
    assert "told: mAP50, measured again: 0.500\n" in words
    assert f"ONNX, 16-bit is neither proven nor refused: {WHY}. It guesses." in words
    (line,) = [line for line in words.splitlines() if line.startswith("net-fp16")]
    assert "not proven" in line
