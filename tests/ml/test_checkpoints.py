from __future__ import annotations

import os
import pickle
import sys
import tracemalloc
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from short_files import files_no_longer_than
from training_samples import CLASSES, config_for

from cvstudio.core.annotation import Task
from cvstudio.core.errors import RunError, UntrustedFile, WeightsMissing
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config, network
from cvstudio.core.recipe import Fit, Start
from cvstudio.ml.checkpoint import Checkpoint, load_plain, read_checkpoint, write_checkpoint
from cvstudio.ml.environment import prepare
from cvstudio.ml.failures import failed_event
from cvstudio.ml.load import load_network
from cvstudio.ml.networks.build import build, start_from
from cvstudio.ml.preprocess import Preprocessing
from cvstudio.ml.weights import weights_path


class Attack:
    """An object whose loading leaves a trace on the disk."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.trace}'",)


@pytest.mark.parametrize("form", ["archive", "pickle"])
def test_a_file_that_would_run_a_program_is_refused_and_runs_nothing(
    tmp_path: Path, form: str
) -> None:
    path, trace = tmp_path / "gift.pt", tmp_path / "trace"
    if form == "archive":
        torch.save({"weights": Attack(trace)}, path)
    else:
        path.write_bytes(pickle.dumps(Attack(trace)))
    with pytest.raises(UntrustedFile, match=r"gift\.pt is refused"):
        load_plain(path)
    assert not trace.exists()


def test_a_downloaded_run_cannot_run_code_when_it_is_opened(tmp_path: Path) -> None:
    job, trace = JobDir(tmp_path / "run"), tmp_path / "trace"
    job.checkpoints.mkdir(parents=True)
    torch.save({"mark": "cvstudio checkpoint", "format": 1, "meta": Attack(trace)}, job.best)
    with pytest.raises(UntrustedFile):
        load_network(job.path)
    assert not trace.exists()


def test_an_ultralytics_file_with_a_foreign_object_is_refused(tmp_path: Path) -> None:
    prepare()
    path, trace = tmp_path / "yolo11n.pt", tmp_path / "trace"
    info = network("yolo11n")
    module = build(info, classes=2, image_size=64)
    module.extra = Attack(trace)
    torch.save({"model": module}, path)
    with pytest.raises(UntrustedFile, match="refused"):
        start_from(info, build(info, classes=2, image_size=64), path)
    assert not trace.exists()


def test_weights_of_an_ultralytics_file_are_taken_without_trusting_it(tmp_path: Path) -> None:
    prepare()
    path, info = tmp_path / "release.pt", network("yolo11n")
    given = build(info, classes=5, image_size=64)
    torch.save({"model": given.half(), "train_args": {"epochs": 3}, "epoch": -1}, path)
    module = build(info, classes=2, image_size=64)
    taken = start_from(info, module, path)
    assert 0.9 < taken.share < 1  # all but the layers that know the number of classes
    name = "model.0.conv.weight"
    assert torch.equal(module.state_dict()[name], given.float().state_dict()[name])


def test_weights_that_fit_nowhere_are_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"some.layer": torch.zeros(3)}, path)
    info = network("resnet18")
    with pytest.raises(RunError, match="do not fit ResNet-18"):
        start_from(info, build(info, classes=2, image_size=64), path)


def test_encoder_weights_under_their_own_names_reach_the_segmentation_network(
    tmp_path: Path,
) -> None:
    info = network("unet-mobilenet_v2")
    given = build(info, classes=9, image_size=64)
    encoder = {
        name.removeprefix("encoder."): value.contiguous()
        for name, value in given.state_dict().items()
        if name.startswith("encoder.")
    }
    save_file(encoder, tmp_path / "encoder.safetensors")
    module = build(info, classes=2, image_size=64)
    taken = start_from(info, module, tmp_path / "encoder.safetensors")
    assert all(name.startswith("encoder.") for name in taken.names)
    name = "encoder.features.0.0.weight"
    assert torch.equal(module.state_dict()[name], given.state_dict()[name])


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_a_damaged_file_is_named_and_not_taken_for_an_attack(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "broken.pt"
    torch.save({"weights": torch.zeros(1000)}, path)
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"no weights here", "cut": content[:1500]}[damage])
    with pytest.raises(RunError, match=r"broken\.pt is damaged"):
        load_plain(path)


def test_a_download_that_was_cut_off_anywhere_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "broken.pt"
    for new in (True, False):
        torch.save({"a": torch.zeros(1000)}, path, _use_new_zipfile_serialization=new)
        content = path.read_bytes()
        for share in range(1, 30):
            path.write_bytes(content[: len(content) * share // 30])
            with pytest.raises((RunError, UntrustedFile), match=r"broken\.pt is"):
                load_plain(path)


def test_a_checkpoint_comes_back_as_it_was_written(tmp_path: Path) -> None:
    mine = Checkpoint(
        config=config_for(Task.SEGMENT),
        classes=CLASSES,
        preprocessing=Preprocessing(64, Fit.PAD, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        weights={"layer": torch.arange(6.0).view(2, 3)},
        epoch=4,
        metric="mIoU",
        best=0.5,
        snapshot="abc",
        training={"optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "lr": 0.1}},
    )
    write_checkpoint(tmp_path / "last.pt", mine)
    back = read_checkpoint(tmp_path / "last.pt")
    assert torch.equal(back.weights.pop("layer"), mine.weights.pop("layer"))
    assert back == mine
    assert not list(tmp_path.glob("*.part"))


def test_a_checkpoint_whose_weights_changed_on_the_disk_is_damaged_and_is_not_exported(
    tmp_path: Path,
) -> None:
    path = tmp_path / "best.pt"
    write_checkpoint(path, Checkpoint(
        config=config_for(Task.SEGMENT), classes=CLASSES,
        preprocessing=Preprocessing(64, Fit.PAD, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        weights={"layer": torch.full((4000,), 0.25)}, epoch=1,
    ))  # fmt: skip
    content = bytearray(path.read_bytes())
    place = content.index(torch.full((8,), 0.25).numpy().tobytes())
    content[place + 3] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"best\.pt is damaged"):
        read_checkpoint(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the system")
@pytest.mark.parametrize("room", [1_000, 2_000_000, 6_000_000])
def test_a_disk_that_fills_up_anywhere_in_a_checkpoint_is_called_full_and_keeps_the_old_one(
    tmp_path: Path, room: int
) -> None:
    path = tmp_path / "last.pt"
    write_checkpoint(path, _large(epoch=1))
    assert path.stat().st_size > 6_000_000
    with files_no_longer_than(room), pytest.raises(OSError, match="too large"):
        write_checkpoint(path, _large(epoch=2))
    assert read_checkpoint(path).epoch == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_is_written_without_a_copy_of_it_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    plain = torch.save

    def save(content: object, where: object) -> None:
        plain(content, where)
        held.append(tracemalloc.get_traced_memory()[1])

    monkeypatch.setattr(torch, "save", save)
    tracemalloc.start()
    write_checkpoint(tmp_path / "last.pt", _large(epoch=1))
    tracemalloc.stop()
    assert held[0] < 1_000_000, "of a file of six"


def _large(*, epoch: int) -> Checkpoint:
    return Checkpoint(
        config=config_for(Task.CLASSIFY), classes=CLASSES,
        preprocessing=Preprocessing(64, Fit.PAD, (0, 0, 0), (1, 1, 1)),
        weights={str(nth): torch.zeros(600_000) for nth in range(3)}, epoch=epoch,
    )  # fmt: skip


def test_a_checkpoint_with_settings_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    config = config_for(Task.CLASSIFY)
    checkpoint = Checkpoint(
        config=config, classes=CLASSES,
        preprocessing=Preprocessing(64, Fit.PAD, (0, 0, 0), (1, 1, 1)),
        weights={"a": torch.zeros(1)}, epoch=1, metric="", best=None, snapshot="",
    )  # fmt: skip
    write_checkpoint(path, checkpoint)
    content = load_plain(path)
    content["meta"] = content["meta"].replace('"epochs":', '"of_tomorrow": 1, "epochs":')
    torch.save(content, path)
    with pytest.raises(RunError, match=r"best\.pt was trained with settings that this CVStudio"):
        read_checkpoint(path)


def test_damaged_weights_to_start_from_are_a_failure_with_its_own_ways_out(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pt"
    junk.write_bytes(b"PK\x03\x04" + b"junk" * 100)
    with pytest.raises(RunError) as told:
        load_plain(junk)
    assert failed_event(told.value, detail="").cause == "weights"
    own = junk.rename(tmp_path / "last.pt")
    with pytest.raises(RunError) as told:
        load_plain(own)
    assert failed_event(told.value, detail="").cause == "other"  # no other file stands for it
    config = default_config(Task.CLASSIFY).model_copy(
        update={"start": Start.FILE, "weights_file": own}
    )
    with pytest.raises(WeightsMissing, match="cut off"):
        weights_path(config, network(config.network))
