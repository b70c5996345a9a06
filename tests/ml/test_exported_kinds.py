"""Every kind of exported file: proven by itself, sealed, of no computer, refused when it loses."""

from __future__ import annotations

import errno
import json
import runpy
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
import torchvision
from judge_samples import CLASSES, network_of, snapshot_of
from test_exporting import Made, make_run

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError, FormatError, RunError
from cvstudio.core.export_kinds import KINDS, FileKind, Precision
from cvstudio.core.forms import Answers, Form
from cvstudio.core.sureness import Correction
from cvstudio.core.thresholds import Thresholds, keep_correction
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.decode import OVERLAP, SCORE_FLOOR, suppress
from cvstudio.ml.exporting import engines, tensorrt, timing
from cvstudio.ml.exporting.certificate import Standing, check_file
from cvstudio.ml.exporting.engines import EngineRefusal, MadeOnnx, open_exported
from cvstudio.ml.exporting.graph import float_nodes, to_onnx
from cvstudio.ml.exporting.precisions import halve
from cvstudio.ml.exporting.record import record_of, with_record
from cvstudio.ml.exporting.suppression import check_possible, with_suppression
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.onnx_file import KEY, FileRecord
from cvstudio.ml.predict import OnnxNetwork

OTHERS = tuple(kind for kind in FileKind if kind is not FileKind.ONNX)


def small() -> LoadedNetwork:
    """The smallest network that tells classes, with norms that know what images are: without,
    nothing but 0 would come out of it, and any file would answer like it."""
    network = network_of(Task.CLASSIFY, "mobilenet_v3_small", size=64)
    for part in network.module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
            part.train()
    with torch.no_grad():
        network.raw(torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    network.module.eval()
    return network


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    usual: Callable[..., Any] = timing.repeat
    monkeypatch.setattr(timing, "repeat", lambda run, **_words: usual(run, seconds=0.0, most=5))


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> LoadedNetwork:
    """A small network that tells the classes apart: its last layer is fitted to what the others,
    with random weights, make of 120 images (ridge regression)."""
    network = small()
    images = snapshot_of(tmp_path_factory.mktemp("more"), Task.CLASSIFY, count=120, seed=4).images
    last = network.module.classifier[-1]  # type: ignore[index,union-attr]
    seen: list[torch.Tensor] = []
    watching = last.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    with torch.no_grad():
        network.raw(torch.cat([network.prepare(read_rgb(image.path))[0] for image in images]))
        watching.remove()
        known = torch.cat([seen[0], torch.ones(len(images), 1)], dim=1).double()
        right = torch.tensor([[i.annotations[0].class_id == c.id for c in CLASSES] for i in images])
        inner = known @ known.T
        held = inner + 1e-3 * inner.diagonal().mean() * torch.eye(len(images))
        fitted = known.T @ torch.linalg.solve(held, 10 * right.double())
        last.weight.copy_(fitted[:-1].T)
        last.bias.copy_(fitted[-1])
    return network


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, taught: LoadedNetwork
) -> tuple[Made, Path, dict[str, Any]]:
    """Every kind of file of one small network, with enough val images to tell what they lose."""
    folder = tmp_path_factory.mktemp("kinds")
    made = make_run(folder, Task.CLASSIFY, taught, taught=True, val_images=30)
    output = folder / "out" / "net.onnx"
    told = made.export(output, files=OTHERS, allowed_drop=0.2, time_batches=(1, 2))
    return made, output, told


Exported = tuple[Made, Path, dict[str, Any]]


def test_every_kind_is_made_and_each_has_its_own_certificate(exported: Exported) -> None:
    _, output, told = exported
    assert [row["kind"] for row in told["files"]] == list(FileKind)
    assert not told["left_out"]
    for row in told["files"]:
        info = KINDS[FileKind(row["kind"])]
        path = output.with_name(row["file"])
        assert path == output.with_name(f"net{info.ending}{info.suffix}")
        beside = json.loads(path.with_suffix(".verification.json").read_text())
        assert beside["file"] == path.name
        assert beside["sha256"] == row["sha256"]
        if row["kind"] == FileKind.TENSORRT:
            assert row["verified"] is None
            assert "measured" not in beside  # what the ONNX file was found to do is not its own
            continue
        assert row["verified"] is True
        assert check_file(path).standing is Standing.PROVEN
        names = [check["check"] for check in row["checks"]]
        assert "Largest relative error, batch 1" in names
        assert "Largest relative error, batch 3" in names
        assert row["drop"] == pytest.approx(told["reference"] - row["measured"])
        assert row["speed_up"] > 0
    assert told["files"][1]["size"] < 0.6 * told["files"][0]["size"]
    assert told["files"][2]["size"] < 0.4 * told["files"][0]["size"]


def test_32_bits_keep_within_a_thousandth_in_every_engine(exported: Exported) -> None:
    for row in exported[2]["files"]:
        if row["precision"] != "float32" or row["verified"] is None:
            continue
        found = [c for c in row["checks"] if c["check"].startswith("Largest relative error")]
        assert len(found) >= 4
        assert all(c["allowed"] == 1e-3 and c["value"] <= 1e-3 for c in found)
    script = next(r for r in exported[2]["files"] if r["kind"] == FileKind.TORCHSCRIPT)
    assert any("fresh process" in check["check"] for check in script["checks"])


def test_a_script_is_proven_by_a_process_that_has_nothing_of_cvstudio(tmp_path: Path) -> None:
    class Kept(torch.nn.Module):
        def forward(self, boxes: torch.Tensor) -> tuple[torch.Tensor]:
            return (torchvision.ops.nms(boxes, boxes[:, 0], 0.5).float(),)

    boxes = np.array([[1, 0, 5, 4], [2, 0, 6, 4], [9, 9, 12, 12]], np.float32)
    traced = torch.jit.trace(Kept(), torch.from_numpy(boxes))  # type: ignore[no-untyped-call]
    torch.jit.save(traced, tmp_path / "kept.pt")  # type: ignore[no-untyped-call]
    np.save(tmp_path / "boxes.npy", boxes)
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from cvstudio.ml.exporting.alone import answers_of_script\n"
        "found = answers_of_script(Path('kept.pt'), [np.load('boxes.npy')])\n"
        "print(found[0][0].tolist())\n"
        "print(sorted(name for name in sys.modules if name.startswith('cvstudio.')))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert told[0] == "[2.0, 1.0]"
    parts = ["cvstudio.ml", "cvstudio.ml.exporting", "cvstudio.ml.exporting.alone"]
    assert told[1] == str(parts)


def test_no_file_of_any_kind_names_a_folder_of_this_computer(exported: Exported) -> None:
    _, output, _ = exported
    seen = 0
    for path in output.parent.iterdir():
        contents = [path.read_bytes()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                contents += [archive.read(name) for name in archive.namelist()]
        for data in contents:
            seen += 1
            for private in (output.parent.parent, "somewhere private", Path.home(), sys.prefix):
                assert str(private).encode() not in data, path.name
            assert b"site-packages" not in data, path.name
    assert seen > 20


def test_times_tell_of_each_file_by_images_at_once_and_threads(exported: Exported) -> None:
    timings = exported[2]["timings"]
    made = [KINDS[kind].title for kind in FileKind if kind is not FileKind.TENSORRT]
    assert {row["what"] for row in timings} == {"PyTorch", *made}
    assert {row["batch"] for row in timings} == {1, 2}
    for row in timings:
        times = [row[name] for name in ("fastest", "median", "p90", "p95", "p99")]
        assert times == sorted(times)
        assert row["images_per_second"] == pytest.approx(1000 * row["batch"] / row["median"])


@pytest.mark.parametrize("kind", [FileKind.ONNX, FileKind.OPENVINO, FileKind.TORCHSCRIPT])
def test_a_file_that_was_changed_since_is_told_from_the_proven_one(
    exported: Exported, tmp_path: Path, kind: FileKind
) -> None:
    source = exported[1].with_name(f"net{KINDS[kind].ending}{KINDS[kind].suffix}")
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())
    if kind is FileKind.ONNX:
        model = onnx.load(path)
        weights = model.graph.initializer[0]
        weights.raw_data = bytes([weights.raw_data[0] ^ 1]) + weights.raw_data[1:]
        onnx.save(model, path)
    elif kind is FileKind.OPENVINO:
        weights = source.with_suffix(".bin").read_bytes()
        path.with_suffix(".bin").write_bytes(weights)
        assert check_file(path).standing is Standing.PROVEN
        path.with_suffix(".bin").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    else:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("archive/more", "something")
    found = check_file(path)
    assert found.standing is Standing.CHANGED
    assert "computes was changed" in found.words


def test_a_changed_threshold_or_certificate_is_found_too(
    exported: Exported, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    model = onnx.load(exported[1])
    record = FileRecord.from_text(
        {p.key: p.value for p in model.metadata_props}[KEY], name="net.onnx"
    )
    assert record.verification is not None
    better = {**record.verification, "measured": 0.99}
    for changed in (replace(record, score=0.9), replace(record, verification=better)):
        path.write_bytes(with_record(model, changed))
        found = check_file(path)
        assert found.standing is Standing.CHANGED
        assert "says of itself" in found.words
    path.write_bytes(with_record(model, replace(record, verification=None)))
    assert check_file(path).standing is Standing.UNPROVEN
    path.write_bytes(b"nothing")
    with pytest.raises(FormatError):
        check_file(path)


def test_how_much_faster_a_file_is_does_not_hang_on_what_else_the_computer_does() -> None:
    def row(what: str, threads: int, worked: float, clock: float) -> dict[str, Any]:
        return {"what": what, "threads": threads, "batch": 1, "processor": worked, "fastest": clock}

    rows = [
        row("plain", 1, 20.0, 300.0), row("plain", 2, 50.0, 900.0),
        row("small", 1, 5.0, 5.0), row("small", 2, 9.0, 6.0), row("card", 0, 0.1, 2.0),
        {**row("plain", 1, 1.0, 1.0), "batch": 4},
    ]  # fmt: skip
    found = timing.speed_ups(rows, of="plain", batch=1)
    assert found == pytest.approx({"plain": 1.0, "small": 4.0, "card": 10.0})


def broken_in_16_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer bits that change every answer: another network in the place of the halved one."""
    other = to_onnx(network_of(Task.CLASSIFY, "mobilenet_v3_small", size=64, seed=5))
    monkeypatch.setattr("cvstudio.ml.exporting.job.halve", lambda _graph, **_how: other)


def test_fewer_bits_that_lose_more_than_is_allowed_are_refused_by_their_name(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = exported[0]
    broken_in_16_bits(monkeypatch)
    told = made.export(tmp_path / "net.onnx", files=(FileKind.ONNX_FLOAT16,))
    assert told["verified"] is True
    row = told["files"][1]
    assert (row["verified"], row["judged_by"]) == (False, "metric")
    assert row["file"] == "net-fp16-UNVERIFIED.onnx"
    assert not (tmp_path / "net-fp16.onnx").exists()
    assert check_file(tmp_path / row["file"]).standing is Standing.FAILED
    told_meanwhile = made.job.events.read_text()
    assert "ONNX, 16-bit is refused. Out of bounds: " in told_meanwhile
    assert "It is marked as unverified." in told_meanwhile
    assert "measured again: " in told_meanwhile
    beside = json.loads((tmp_path / "net-fp16-UNVERIFIED.verification.json").read_text())
    assert beside["verified"] is False
    assert beside["main"] == "net.onnx"


def test_with_few_val_images_a_file_of_fewer_bits_has_to_give_the_answers_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taught: LoadedNetwork
) -> None:
    made = make_run(tmp_path, Task.CLASSIFY, taught, taught=True, train_images=30)
    row = made.export(tmp_path / "net.onnx", files=(FileKind.ONNX_FLOAT16,))["files"][1]
    assert (row["verified"], row["judged_by"]) == (True, "answers")
    assert row["agreement"]["images"] == row["agreement"]["answers"] == 35
    found = check_file(tmp_path / "net-fp16.onnx")
    assert found.standing is Standing.PROVEN
    assert "on 35 images it gives 100 % of 35 answers as 0003-run does" in found.words

    broken_in_16_bits(monkeypatch)
    # Whatever may be lost of the metric: with five images it says nothing.
    more = {"files": (FileKind.ONNX_FLOAT16,), "allowed_drop": 1.0}
    row = made.export(tmp_path / "bad.onnx", **more)["files"][1]
    assert (row["verified"], row["judged_by"]) == (False, "answers")
    assert check_file(tmp_path / "bad-fp16-UNVERIFIED.onnx").standing is Standing.FAILED


def test_a_network_that_says_the_same_of_every_image_proves_no_file_of_fewer_bits(
    tmp_path: Path,
) -> None:
    network = small()
    with torch.no_grad():
        network.module.classifier[-1].bias[0] += 50  # type: ignore[index,union-attr]
    made = make_run(tmp_path, Task.CLASSIFY, network, val_images=30)
    (tmp_path / "net-fp16.onnx").write_bytes(b"an older, proven file")
    told = made.export(tmp_path / "net.onnx", files=(FileKind.ONNX_FLOAT16,))
    assert told["verified"] is True, "32 bits are compared number by number"
    row = told["files"][1]
    assert (row["verified"], row["judged_by"]) == (None, "nothing")
    assert row["unjudged"] == "the network has learned too little for this file to be judged"
    assert row["file"] == "net-fp16-UNVERIFIED.onnx"
    assert (tmp_path / "net-fp16.onnx").read_bytes() == b"an older, proven file"
    assert not any(check["passed"] is False for check in row["checks"])
    found = check_file(tmp_path / row["file"])
    assert found.standing is Standing.UNPROVEN
    assert found.words.startswith("This file is not proven: the network has learned too little")
    assert "100 % of the run's answers on 36 images" in found.words
    assert "ONNX, 16-bit is neither proven nor refused: the" in made.job.events.read_text()


def test_an_engine_that_cannot_take_a_network_is_told_and_the_others_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_run(tmp_path, Task.CLASSIFY, small())

    def refuse(_network: object) -> None:
        raise EngineRefusal("It cannot be traced.", hint="PyTorch says: too deep.")

    monkeypatch.setattr("cvstudio.ml.exporting.job.make_script", refuse)
    told = made.export(tmp_path / "net.onnx", files=(FileKind.TORCHSCRIPT,), verify=False)
    assert [row["kind"] for row in told["files"]] == ["onnx"]
    assert told["left_out"][0]["why"] == "It cannot be traced. PyTorch says: too deep."


class _Split(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        return (images.reshape(2, 3, 64, 64).flatten(1)[:, :2],)


def _unknown_operator() -> onnx.ModelProto:
    value = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 2])
        for name in ("images", "output0")
    ]
    node = onnx.helper.make_node("Guess", ["images"], ["output0"], domain="elsewhere")
    graph = onnx.helper.make_graph([node], "odd", [value[0]], [value[1]])
    known = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("elsewhere", 1)]
    return onnx.helper.make_model(graph, opset_imports=known)


def test_an_operator_that_openvino_does_not_know_is_told_by_its_name() -> None:
    with pytest.raises(EngineRefusal) as caught:
        engines.make_openvino(_unknown_operator())
    assert caught.value.hint.startswith("OpenVINO says: ")
    assert "elsewhere.Guess" in caught.value.hint


def test_why_a_script_cannot_compute_is_told_without_places_in_programs(tmp_path: Path) -> None:
    path = tmp_path / "odd.pt"
    torch.jit.save(torch.jit.trace(_Split(), torch.zeros(2, 3, 64, 64)), path)
    record = FileRecord(
        task=Task.CLASSIFY, classes=CLASSES, input=small().preprocessor.to_json(), outputs=(),
        network={"name": "resnet18"}, run={"name": "0001-classify"},
    )  # fmt: skip
    script = open_exported(path, record=record)
    with pytest.raises(EngineRefusal) as caught:
        script.raw(np.zeros((1, 3, 64, 64), np.float32))
    assert caught.value.hint.startswith("TorchScript says: shape '[2, 3, 64, 64]' is invalid")
    assert ".py" not in caught.value.hint


@pytest.mark.parametrize(
    ("sides", "why"),
    [
        ((2, -1), "cannot answer for 1 image at once"),
        ((2, 3, 64, 64), "cannot compute an input of 1"),
    ],
)
def test_a_file_that_takes_one_number_of_images_alone_is_left_out_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sides: tuple[int, ...], why: str
) -> None:
    made = make_run(tmp_path, Task.CLASSIFY, small())

    class Stubborn(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
            return (images.reshape(sides).flatten(1)[:, :2],)

    monkeypatch.setattr(engines, "PlainNetwork", lambda _network, dynamic: Stubborn())
    told = made.export(tmp_path / "net.onnx", files=(FileKind.TORCHSCRIPT,))
    assert told["verified"] is True
    assert [row["kind"] for row in told["files"]] == ["onnx"]
    assert why in told["left_out"][0]["why"]
    assert not list(tmp_path.glob("*.pt"))


def test_a_missing_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    engines.check_installed((FileKind.ONNX, FileKind.TORCHSCRIPT))
    with pytest.raises(RunError) as caught:
        engines.check_installed((FileKind.ONNX, FileKind.OPENVINO_INT8))
    assert "cvstudio[openvino]" in caught.value.hint


def test_a_disk_that_fills_up_leaves_the_old_openvino_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """OpenVINO on a disk that has room for a part of the weights."""

        def set_rt_info(self, *_told: object) -> None:
            return

        def save_model(self, _model: object, path: Path, **_how: object) -> None:
            path.with_suffix(".bin").write_bytes(b"half")
            raise RuntimeError("Can't write")

    monkeypatch.setattr(engines, "_openvino", Full)
    monkeypatch.setattr(engines, "record_text", lambda _record: "")
    path = tmp_path / "net.xml"
    path.write_bytes(b"old")
    path.with_suffix(".bin").write_bytes(b"old weights")
    with pytest.raises(RunError, match=r"could not write net\.xml"):
        engines.MadeOpenVino(Full(), half=False).write(path, None)  # type: ignore[arg-type]
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {
        "net.xml": b"old", "net.bin": b"old weights",
    }  # fmt: skip


def test_a_full_disk_is_called_so_although_openvino_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def set_rt_info(self, *_told: object) -> None:
            return

        def save_model(self, *_told: object, **_how: object) -> None:
            raise RuntimeError("basic_ios::clear: iostream error")

    monkeypatch.setattr(engines, "_openvino", Full)
    monkeypatch.setattr(engines, "record_text", lambda _record: "")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=4096))
    with pytest.raises(OSError, match="No space left") as caught:
        engines.MadeOpenVino(Full(), half=False).write(tmp_path / "net.xml", None)  # type: ignore[arg-type]
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_openvino_tells_nobody_that_it_is_used() -> None:
    code = (
        "import sys; from cvstudio.ml.exporting.engines import check_installed;"
        "from cvstudio.core.export_kinds import FileKind; check_installed((FileKind.OPENVINO,));"
        "import openvino.tools.ovc as ovc;"
        "print(type(ovc.telemetry).__module__, sys.modules.get('openvino_telemetry'))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "None"]


# -- doubles removed inside


def plain_graph(rows: int) -> onnx.ModelProto:
    """A graph that answers with what goes in: (N, rows, places)."""
    shape = ["batch", rows, "places"]
    value = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name in ("images", "output0")
    ]
    node = onnx.helper.make_node("Identity", ["images"], ["output0"])
    graph = onnx.helper.make_graph([node], "plain", [value[0]], [value[1]])
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9
    )


@pytest.mark.parametrize(("extra", "ties"), [(0, False), (3, False), (0, True)])
def test_doubles_are_removed_inside_a_file_as_the_decoder_does(extra: int, ties: bool) -> None:
    rng = np.random.default_rng(0)
    classes, places = 3, 90
    answers = np.zeros((2, 4 + classes + extra, places), np.float32)
    answers[:, :2] = rng.uniform(20, 60, (2, 2, places))
    answers[:, 2:4] = rng.uniform(15, 40, (2, 2, places))
    answers[:, 4 : 4 + classes] = rng.uniform(0, 1, (2, classes, places)) ** 3
    if ties:  # what differs in its last digits only goes by place
        answers[:, 4 : 4 + classes] = 0.37 + rng.uniform(-1e-7, 1e-7, (2, classes, places))
    answers[:, 4 + classes :] = rng.normal(size=(2, extra, places))
    answers[1, 4 : 4 + classes, 5:] = SCORE_FLOOR / 2  # an image with few objects
    answers[1, 4, 4] = SCORE_FLOOR + 1e-6  # and one that is barely reported
    model = with_suppression(plain_graph(4 + classes + extra), classes)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (listed,) = session.run(None, {"images": answers})
    assert listed.shape[2] == 6 + extra
    for raw, rows in zip(answers, listed, strict=True):
        corners, scores, kinds, anchors = suppress(raw, classes)
        found = rows[rows[:, 4] > 0]
        assert 1 < len(found) < classes * places
        np.testing.assert_allclose(found[:, :4], corners, atol=1e-4)
        assert (found[:, 4] > SCORE_FLOOR).all()
        np.testing.assert_allclose(found[:, 4], scores, atol=1e-5)
        np.testing.assert_array_equal(found[:, 5], kinds)
        np.testing.assert_allclose(found[:, 6:], raw[4 + classes :, anchors].T, atol=1e-6)
        assert not rows[len(found) :].any()
    # Nothing that is left lies over a better one of its class.
    first = listed[0][listed[0][:, 4] > 0]
    for one in range(len(first)):
        for two in range(one):
            if first[one, 5] == first[two, 5]:
                assert overlap(first[one, :4], first[two, :4]) <= OVERLAP + 1e-6


def overlap(a: Any, b: Any) -> float:
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    shared = float(np.prod(sides))
    return shared / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


@pytest.mark.parametrize("task", [Task.DETECT, Task.INSTANCE])
def test_a_file_that_lists_its_objects_answers_like_the_run(tmp_path: Path, task: Task) -> None:
    made = make_run(tmp_path, task)
    output = tmp_path / "net.onnx"
    told = made.export(output, suppress_inside=True)
    assert told["verified"] is True
    listed = next(c for c in told["checks"] if c["check"] == "Objects listed as outside")
    assert listed["value"] > 10
    assert told["outputs"][0]["shape"][2] == (6 if task is Task.DETECT else 38)
    network = OnnxNetwork(output)
    assert network.record.lists_objects
    assert network.record.to_json()["answer"]["suppression"].startswith("done inside")
    rgb = read_rgb(made.snapshot.images[-1].path)
    (ours,), (theirs,) = made.network.predict([rgb], [1]), network.predict([rgb], [1])
    assert len(ours.objects) == len(theirs.objects) > 5
    for a, b in zip(ours.objects, theirs.objects, strict=True):
        assert (a.class_id, a.mask is None) == (b.class_id, b.mask is None)
        assert b.score == pytest.approx(a.score, abs=1e-4)
        assert b.box.x == pytest.approx(a.box.x, abs=0.01)


def test_networks_without_doubles_are_not_asked_to_remove_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="find objects"):
        check_possible(network_of(Task.CLASSIFY, "mobilenet_v3_small", size=64))
    turned = network_of(Task.DETECT, "yolo11n-obb", size=64)
    with pytest.raises(ConfigError, match="rotated"):
        check_possible(replace(turned, own_form=Form(Answers.ROTATED)))


# -- other choices


@pytest.mark.parametrize("opset", [13, 20])
def test_the_version_of_the_operators_is_the_one_that_was_asked_for(
    tmp_path: Path, opset: int
) -> None:
    made = make_run(tmp_path, Task.DETECT)
    told = made.export(tmp_path / "net.onnx", opset=opset)
    assert told["verified"] is True
    assert told["opset"] == opset
    found = {o.domain: o.version for o in onnx.load(tmp_path / "net.onnx").opset_import}
    assert found[""] == opset


def test_places_of_boxes_keep_their_digits_in_16_bits(tmp_path: Path) -> None:
    network = network_of(Task.DETECT, "yolo11n", size=64)
    graph = to_onnx(network)
    half = halve(graph, keep_float=["/model.23/"])
    kinds = {i.name: i.data_type for i in half.graph.initializer}
    assert sum(kind == onnx.TensorProto.FLOAT16 for kind in kinds.values()) > 50
    head = [n for n in half.graph.node if "/model.23/" in n.name and n.op_type == "Conv"]
    assert head
    assert all(kinds[n.input[1]] == onnx.TensorProto.FLOAT for n in head)
    path = tmp_path / "half.onnx"
    record = replace(
        record_of(network, graph, run="1-run", report={}, counts=Thresholds()), precision="float16"
    )
    MadeOnnx(half).write(path, record)
    batch = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)
    with torch.no_grad():
        (ours,) = network.raw(torch.from_numpy(batch))
    assert np.abs(open_exported(path).raw(batch)[0][:, :4] - ours[:, :4].numpy()).max() < 0.2


def test_what_stays_in_32_bits_keeps_its_digits_from_node_to_node() -> None:
    def value(name: str) -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 2])

    def number(name: str, size: float) -> onnx.TensorProto:
        return onnx.numpy_helper.from_array(np.array([size], np.float32), name)

    steps = [("Mul", "/body", "images", "one", "a"), ("Mul", "/head/scale", "a", "far", "b"),
             ("Add", "/head/shift", "b", "little", "output0")]  # fmt: skip
    nodes = [onnx.helper.make_node(op, [x, y], [out], name=name) for op, name, x, y, out in steps]
    numbers = [number("one", 1), number("far", 1000), number("little", 0.3)]
    graph = onnx.helper.make_graph(nodes, "far", [value("images")], [value("output0")], numbers)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9
    )
    half = halve(model, keep_float=["/head/"])
    onnx.checker.check_model(half, full_check=True)
    kinds = {i.name: i.data_type for i in half.graph.initializer}
    assert kinds["one"] == onnx.TensorProto.FLOAT16
    session = ort.InferenceSession(half.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": np.array([[1.5, 1.0]], np.float32)})
    # 16 bits have no number between 1500 and 1501.
    np.testing.assert_allclose(found, [[1500.3, 1000.3]], atol=1e-3)


def test_boxes_of_rt_detr_are_brought_to_pixels_in_32_bits() -> None:
    kept = float_nodes(network_of(Task.DETECT, "rtdetr-l", size=64), Precision.FLOAT16)
    outside = ["/network/Gather_1", "/network/Sigmoid", "/network/Mul", "/network/Concat"]
    assert all(any(part in name for part in kept) for name in outside)
    assert not any(part in "/network/model.9/Concat" for part in kept)


def test_the_temperature_of_a_run_corrects_the_answers_of_its_file(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.CLASSIFY, small())
    rgb = read_rgb(made.snapshot.images[0].path)
    plain, warm = tmp_path / "plain.onnx", tmp_path / "warm.onnx"
    made.export(plain)
    keep_correction(made.run.path, Correction(4.0))
    assert made.export(warm)["verified"] is True
    assert OnnxNetwork(warm).record.temperature == 4.0
    before, after = (OnnxNetwork(file).predict([rgb], [1])[0].scores for file in (plain, warm))
    assert before is not None
    assert after is not None
    first, second = (CLASSES[0].id, CLASSES[1].id)
    logit = np.log(before[first] / before[second])
    assert np.log(after[first] / after[second]) == pytest.approx(logit / 4, abs=1e-4)


# -- the TensorRT script


def test_the_script_for_tensorrt_knows_its_file_and_its_samples(exported: Exported) -> None:
    _, output, _ = exported
    script = output.with_name("net-tensorrt.py")
    compile(script.read_text(), str(script), "exec")
    run = [sys.executable, str(script), "--only-check"]
    told = subprocess.run(run, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "2 samples" in told.stdout
    module = runpy.run_path(str(script), run_name="script")
    samples = module["read_samples"](output.with_name("net-tensorrt.npz"))
    network = OnnxNetwork(output)
    for batch, answers in samples:
        for ours, theirs in zip(answers, network.outputs(batch), strict=True):
            assert module["largest_difference"](ours, theirs) < 1e-5
            assert module["largest_difference"](ours, theirs + np.abs(ours).max()) > 0.9
            assert module["largest_difference"](ours, theirs[:, :1]) == float("inf")
    shapes = module["SETTINGS"]["shapes"]
    assert shapes["min"][1:] == [3, 32, 32]
    assert shapes["opt"] == [1, 3, 64, 64]
    assert shapes["max"] == [8, 3, 128, 128]


def test_the_script_for_tensorrt_refuses_another_file(exported: Exported, tmp_path: Path) -> None:
    _, output, _ = exported
    other = tmp_path / "net.onnx"
    other.write_bytes(b"another network")
    run = [sys.executable, str(output.with_name("net-tensorrt.py")), "--only-check", "--onnx"]
    told = subprocess.run([*run, str(other)], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "not the file that this script was made for" in told.stdout


def test_fixed_sides_stay_fixed_in_the_profile() -> None:
    shapes = tensorrt.profile_shapes(["batch", 4, 640, 640], 640)
    assert shapes == {
        "min": [1, 4, 640, 640], "opt": [1, 4, 640, 640], "max": [8, 4, 640, 640],
    }  # fmt: skip
