"""The checks before a run say what would stop it, what is worth a look, and what helps."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from own_time import own_seconds

from cvstudio.augment.catalogue import make_step
from cvstudio.core import nvidia, pretrained
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import applies, default_config, network
from cvstudio.core.recipe import Half, Layers, Optimizer, Sampling, Sees, Start, TrainConfig
from cvstudio.project import commands, device, estimate, preflight, rows, training_facts
from cvstudio.project.device import Device
from cvstudio.project.preflight import Check, Level
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.training_facts import Facts

GPU = Device("cuda", "RTX 4070", 12 * 2**30, 2**30, 0.1)
PROCESSOR = Device("cpu", "EPYC", 24 * 2**30, 2**30)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["cell", "dirt"]) as made:
        yield made


def fill(project: Project, count: int, split: Split | None, **more: Any) -> list[int]:
    with project.transaction("Add") as s:
        done = {"review": Review.REVIEWED, **more}
        start = commands.add_images(
            s,
            [
                NewImage(f"{split}-{n}.png", 1000, 800, split=split, sha256=f"{split}{n}", **done)
                for n in range(count)
            ],
        )
        return list(start)


def box(project: Project, image_id: int, class_id: int = 1, side: float = 100) -> None:
    with project.transaction("Draw") as s:
        shape = Box(10, 10, side, side)
        commands.add_annotation(s, image_id=image_id, class_id=class_id, shape=shape)


def facts(project: Project) -> Facts:
    with project.read() as session:
        return training_facts.gather(session, project)


def lines(project: Project, found: Device = PROCESSOR, **over: Any) -> list[Check]:
    config = default_config(project.task, **{"start": Start.SCRATCH, **over})
    return preflight.checks(facts(project), config, found)


def saying(found: list[Check], words: str) -> Check:
    matches = [check for check in found if words in check.text]
    assert matches, f"{words!r} in none of {[check.text for check in found]}"
    return matches[0]


def test_an_empty_project_cannot_start(project: Project) -> None:
    assert saying(lines(project), "No image is labelled yet").level is Level.BLOCKING


def test_images_without_a_split_are_told_once_and_divided_by_one_link(project: Project) -> None:
    for image_id in fill(project, 3, None):
        box(project, image_id)
    (check,) = [c for c in lines(project) if any(a.kind == "split" for a in c.actions)]
    assert check.level is Level.BLOCKING
    assert check.text == "No labelled image is in train, and 3 are in no split"
    for split in (Split.TRAIN, Split.VAL):
        fill(project, 1, split)
    (check,) = [c for c in lines(project) if any(a.kind == "split" for a in c.actions)]
    assert check.level is Level.ADVICE


def test_without_val_images_a_run_cannot_start_and_dividing_is_offered(project: Project) -> None:
    for image_id in fill(project, 3, Split.TRAIN):
        box(project, image_id)
    check = saying(lines(project), "No labelled image is in val")
    assert check.level is Level.BLOCKING
    assert check.actions[0].kind == "split"


def test_few_labels_are_advice_and_never_a_lock(project: Project) -> None:
    for image_id in [*fill(project, 3, Split.TRAIN), *fill(project, 2, Split.VAL)]:
        box(project, image_id)
    found = lines(project)
    assert saying(found, "5 of the 20 images").level is Level.ADVICE
    assert not preflight.blocking(found)
    assert saying(found, "3 train, 2 val, no test images").level is Level.OK


def test_settings_without_effect_are_told_by_cause_and_taken_back_with_one_click(
    project: Project,
) -> None:
    for image_id in [*fill(project, 3, Split.TRAIN), *fill(project, 2, Split.VAL)]:
        box(project, image_id)
    chosen = {"start": Start.PRETRAINED, "layers": Layers.HEAD, "frozen_epochs": 3,
              "thaw_epochs": 2, "half": Half.FLOAT16}  # fmt: skip
    found = lines(project, **chosen)
    told = saying(found, "no effect: “Layers that learn” is New alone")
    assert told.level is Level.ADVICE
    assert told.text.startswith("“New layers alone” and “Thaw a quarter every” have")
    assert told.actions[0].changes == {"frozen_epochs": 0, "thaw_epochs": 0}
    half = saying(found, "float16 needs a GPU")
    back = {**told.actions[0].changes, **half.actions[0].changes}
    assert not [c for c in lines(project, **{**chosen, **back}) if "no effect" in c.text]


def test_rare_classes_get_the_remedy_that_the_network_has(project: Project) -> None:
    rare, *rest = fill(project, 25, Split.TRAIN)
    for image_id in [*rest, *fill(project, 5, Split.VAL)]:
        box(project, image_id)
    box(project, rare, class_id=2)
    (yolo,) = saying(lines(project), "24 “cell” for each “dirt”").actions
    (rt_detr,) = saying(lines(project, network="rtdetr-l"), "24 “cell” for each “dirt”").actions
    assert yolo.changes == {"class_weights": True}
    assert rt_detr.changes == {"sampling": Sampling.REPEAT}


def test_faults_of_the_labels_are_counted_and_lead_to_their_images(project: Project) -> None:
    train, val = fill(project, 25, Split.TRAIN), fill(project, 5, Split.VAL)
    for image_id in [*train, *val]:
        box(project, image_id)
    box(project, train[3], side=0)
    box(project, train[3], side=0)
    box(project, train[4], class_id=2, side=5)
    unlabelled = fill(project, 2, None, review=Review.UNLABELLED)
    found = lines(project, image_size=640)
    flat = saying(found, "2 boxes without area, left out")
    assert flat.actions[0].image_ids == (train[3],)
    left = saying(found, "2 images are unlabelled, left out")
    assert left.actions[0].image_ids == tuple(unlabelled)
    tiny = saying(found, "1 box is under 8 px wide")
    assert tiny.actions[0].title == "Use 960"
    assert tiny.actions[0].changes == {"image_size": 960}
    assert tiny.actions[1].image_ids == (train[4],)
    assert saying(found, "“dirt”: not in val, no figure").level is Level.ADVICE
    assert saying(found, "25 “cell” for each “dirt”").actions[0].changes == {"class_weights": True}


def test_one_file_in_two_splits_is_found(project: Project) -> None:
    with project.transaction("Add") as s:
        same = [
            NewImage(f"{split}.png", 9, 9, sha256="same", split=split, review=Review.REVIEWED)
            for split in (Split.TRAIN, Split.VAL)
        ]
        ids = list(commands.add_images(s, same))
    check = saying(lines(project), "2 images in two splits at once")
    assert check.actions[0].image_ids == tuple(ids)


def test_a_task_that_learns_outlines_says_that_boxes_are_left_out(tmp_path: Path) -> None:
    with Project.create(tmp_path / "i", task=Task.INSTANCE, classes=["cell"]) as project:
        images = [*fill(project, 2, Split.TRAIN), *fill(project, 1, Split.VAL)]
        box(project, images[0])
        with project.transaction("Draw") as s:
            shape = Polygon.simple([(0, 0), (50, 0), (50, 50)])
            commands.add_annotation(s, image_id=images[1], class_id=1, shape=shape)
        found = lines(project)
        assert saying(found, "1 image with boxes, left out whole").level is Level.ADVICE
        assert saying(found, "1 train, 1 val, no test images").level is Level.OK
        assert not preflight.blocking(found)


def test_weights_that_are_missing_block_and_those_that_are_here_do_not(
    project: Project, private_home: Path
) -> None:
    over = {"network": "yolo11n", "start": Start.PRETRAINED}
    check = saying(lines(project, **over), "Pretrained weights (yolo11n.pt, about 5 MB) are not")
    assert "few images of your own are enough" in check.ways
    assert check.level is Level.BLOCKING
    assert str(private_home / "weights") in check.detail
    assert [action.title for action in check.actions] == ["Download", "Train without them"]
    (private_home / "weights").mkdir(exist_ok=True)
    here = private_home / "weights" / "yolo11n.pt"
    with ZipFile(here, "w") as whole:
        whole.writestr("archive/data.pkl", b"")
    assert saying(lines(project, **over), "Pretrained weights: yolo11n.pt").level is Level.OK
    here.write_bytes(here.read_bytes()[:-10])
    cut = saying(lines(project, **over), "yolo11n.pt is cut off: its end is missing")
    assert cut.level is Level.BLOCKING
    assert str(here) in cut.detail


def test_a_file_that_is_none_of_weights_stops_a_run_before_its_start(
    project: Project, tmp_path: Path
) -> None:
    junk = tmp_path / "junk.pt"
    junk.write_bytes(b"junk" * 9)
    over = {"network": "yolo11n", "start": Start.FILE, "weights_file": junk}
    check = saying(lines(project, **over), "junk.pt is not a file of weights")
    assert check.level is Level.BLOCKING
    assert check.actions[0].changes == {"start": Start.SCRATCH}


def test_a_batch_that_is_too_large_for_the_gpu_is_said_with_a_smaller_one(
    project: Project,
) -> None:
    small = {"network": "yolo26n", "image_size": 640, "batch": 8}
    assert saying(lines(project, GPU, **small), "12 GB GPU memory").level is Level.OK
    large = {"network": "yolo26x", "image_size": 1280, "batch": 64}
    check = saying(lines(project, GPU, **large), "Batch 64 needs about")
    assert check.actions[0].changes == {"batch": 32}


def test_an_automatic_batch_is_no_reason_to_worry_about_memory(project: Project) -> None:
    large = {"network": "yolo26x", "image_size": 1280, "batch": 0}
    check = saying(lines(project, GPU, **large), "as many images as 12 GB GPU memory hold")
    assert check.level is Level.OK
    eight, automatic = (
        saying(lines(project, **{**large, "batch": batch}), "free memory").text for batch in (8, 0)
    )
    assert eight.split(" of ")[0] == automatic.split(" of ")[0], "what the processor would take"


def test_a_gpu_that_is_asked_for_and_not_there_blocks(project: Project) -> None:
    check = saying(lines(project, PROCESSOR, device="cuda:0"), "no NVIDIA GPU")
    assert check.level is Level.BLOCKING
    assert check.actions[0].changes == {"device": "auto"}


def test_the_disk_is_looked_at(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    full = type("Usage", (), {"free": 1_000_000})()
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    assert saying(lines(project), "1.0 MB are free").level is Level.BLOCKING


def test_checks_of_twenty_thousand_images_do_not_make_the_person_wait(project: Project) -> None:
    ids = fill(project, 20_000, Split.TRAIN)
    with project.transaction("Draw") as s:
        mark = {"class_id": 1, "shape": Box(1, 1, 9, 9), "width": 1000, "height": 800}
        values = [commands.annotation_row(image_id=i, **mark) for i in ids]
        rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, values)
    known = facts(project)
    config = default_config(Task.DETECT)
    assert own_seconds(lambda: preflight.checks(known, config, PROCESSOR)) < 0.1


@pytest.mark.parametrize(
    ("line", "name", "memory", "busy"),
    [
        ("NVIDIA GeForce RTX 4070, 12282, 5222, 94", "RTX 4070", 12282, 0.94),
        ("NVIDIA H200, 143771, 0, 0", "H200", 143771, 0.0),
        ("Tesla T4, 15360, 10, [N/A]", "Tesla T4", 15360, None),
    ],
)
def test_gpus_are_named_as_people_name_them(
    line: str, name: str, memory: int, busy: float | None
) -> None:
    card = nvidia.parse(line)
    assert card is not None
    assert (card.name, card.memory, card.busy) == (name, memory * 2**20, busy)


def test_a_broken_driver_is_no_gpu() -> None:
    assert nvidia.parse("NVIDIA-SMI has failed because it couldn't communicate") is None
    assert nvidia.parse("GPU, [Unknown Error], [Unknown Error], 0") is None


def test_an_earlier_run_corrects_the_estimate() -> None:
    config = default_config(Task.DETECT, network="yolo26n", epochs=10)
    measured = estimate.Measured(config, on_processor=True, images_per_second=10)
    guess = estimate.seconds(config, train=90, val=30, device=PROCESSOR, history=[measured])
    assert guess == pytest.approx(10 * (90 + 10) / 10)


def test_a_tiny_run_hardly_corrects_the_estimate_of_a_large_one() -> None:
    tiny = default_config(Task.DETECT, network="yolo26n", image_size=96, epochs=2)
    large = default_config(Task.DETECT, network="yolo26m", image_size=640, epochs=10)
    slow = estimate.Measured(tiny, on_processor=True, images_per_second=3)  # mostly reading
    first = estimate.seconds(large, train=90, val=30, device=PROCESSOR)
    after = estimate.seconds(large, train=90, val=30, device=PROCESSOR, history=[slow])
    assert first < after < 1.2 * first
    again = estimate.seconds(tiny, train=90, val=30, device=PROCESSOR, history=[slow])
    assert again == pytest.approx(2 * 100 / 3), "the same settings take the same time"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(20, "under a minute"), (130, "about 2 min"), (2100, "about 35 min"), (8000, "about 2 h")],
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert estimate.roughly(seconds) == words


def test_weights_in_the_caches_of_the_libraries_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    resnet, atto = network("resnet18"), network("convnext_atto")
    assert pretrained.find(resnet) is None
    assert pretrained.find(atto) is None
    file = tmp_path / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"w")
    assert pretrained.find(resnet) == file
    file = tmp_path / "hub/models--timm--convnext_atto.d2_in1k/snapshots/1/model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"w")
    assert pretrained.find(atto) == file


def test_a_config_from_a_file_of_weights_needs_that_file(project: Project) -> None:
    found = lines(project, start=Start.FILE, weights_file=Path("/nowhere/w.pt"))
    assert saying(found, "There is no weights file /nowhere/w.pt").level is Level.BLOCKING
    assert isinstance(default_config(Task.DETECT), TrainConfig)


def test_a_start_from_a_run_without_a_run_asks_which(project: Project) -> None:
    check = saying(lines(project, start=Start.RUN), "Which run is to be started from?")
    assert check.level is Level.BLOCKING


def test_a_start_from_a_run_of_another_network_is_advised_against(
    project: Project, tmp_path: Path
) -> None:
    run = JobDir(tmp_path / "run")
    run.best.parent.mkdir(parents=True)
    run.best.write_bytes(b"w")
    run.config.write_text(default_config(Task.DETECT, network="yolo11n").model_dump_json())
    over = {"start": Start.RUN, "weights_file": run.best}
    check = saying(lines(project, network="yolo26s", **over), "is a YOLO11 nano")
    assert (check.level, check.actions[0].changes) == (Level.ADVICE, {"network": "yolo11n"})
    same = lines(project, network="yolo11n", **over)
    assert not any("run to start from" in c.text for c in same)


def test_crops_are_refused_before_the_start_where_a_network_cannot_use_them(
    project: Project,
) -> None:
    second = {"network": "fasterrcnn-mobilenet"}
    check = saying(
        lines(project, fit="crop", **second), "Faster R-CNN, MobileNetV3 cannot be trained on crops"
    )
    assert check.level is Level.BLOCKING
    assert [action.changes for action in check.actions] == [{"fit": "pad"}, {"fit": "stretch"}]
    assert not any("crops" in c.text for c in lines(project, fit="stretch"))


def test_a_batch_of_one_image_is_advised_against_where_norms_need_more(tmp_path: Path) -> None:
    with Project.create(tmp_path / "s", task=Task.SEGMENT, classes=["cell"]) as project:
        check = saying(lines(project, batch=1), "Batch 1 learns badly")
        assert (check.level, check.actions[0].changes) == (Level.ADVICE, {"batch": 2})
        assert not any("Batch 1" in c.text for c in lines(project, batch=2))


def test_settings_that_contradict_each_other_stop_a_run_before_its_start(tmp_path: Path) -> None:
    with Project.create(tmp_path / "leaves", task=Task.CLASSIFY, classes=["leaf"]) as project:
        wrong = default_config(Task.CLASSIFY).model_copy(update={"several_classes": True})
        texts = [c.text for c in preflight.blocking(preflight.checks(facts(project), wrong, None))]
    assert any("Several classes an image are learned by the loss" in text for text in texts)


def test_classes_with_few_examples_are_named_with_their_counts(project: Project) -> None:
    train, val = fill(project, 2, Split.TRAIN), fill(project, 1, Split.VAL)
    for image_id in [*train, *val]:
        box(project, image_id)
    box(project, train[0], class_id=2)
    check = saying(lines(project), "Fewer than 300 objects: “dirt” 1, “cell” 2")
    assert check.level is Level.ADVICE
    with project.transaction("Draw") as s:
        mark = {"shape": Box(1, 1, 9, 9), "width": 1000, "height": 800}
        values = [
            commands.annotation_row(image_id=train[0], class_id=c, **mark)
            for c in (1, 2)
            for _ in range(300)
        ]
        rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, values)
    enough = saying(lines(project), "Every class in train has 300 objects or more")
    assert enough.level is Level.OK


TWO = Device("cuda", "RTX 4070", 12 * 2**30, 0, place="cuda:0",
             others=(Device("cuda", "RTX 3060", 8 * 2**30, 0, place="cuda:1"),))  # fmt: skip
MAC = Device("mps", "Apple processor", 16 * 2**30, 0, place="mps")


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        (PROCESSOR, "mps", "no GPU of Apple's"),
        (MAC, "cuda:1", "no NVIDIA GPU"),
        (TWO, "cuda:2", "There is no cuda:2: this computer has 2 GPUs."),
        (TWO, "mps", "no GPU of Apple's"),
    ],
)
def test_a_device_that_is_not_there_stops_a_run_before_its_start(
    project: Project, found: Device, wanted: str, words: str
) -> None:
    assert saying(lines(project, found, device=wanted), words).level is Level.BLOCKING


def test_a_device_that_is_there_can_be_chosen_and_is_the_one_that_is_judged(
    project: Project,
) -> None:
    assert [place for place, _ in device.choices(TWO)] == ["auto", "cpu", "cuda:0", "cuda:1"]
    assert device.choices(TWO)[-1] == ("cuda:1", "RTX 3060, GPU 1")
    assert device.choices(MAC)[-1] == ("mps", "Apple GPU")
    assert len(device.choices(PROCESSOR)) == len(device.choices(None)) == 2
    assert saying(lines(project, TWO, device="cuda:1"), "of 8 GB GPU memory").level is Level.OK
    assert device.for_config("cpu", TWO).kind == device.for_config("cpu", MAC).kind == "cpu"


@pytest.mark.parametrize(
    ("version", "system", "used"),
    [
        ("2.9.0+cu128", "win32", True),
        ("2.9.0", "win32", False),
        ("2.9.0", "linux", True),
        ("2.9.0+cpu", "linux", False),
    ],
)
def test_a_card_that_the_installed_torch_cannot_use_is_said_with_the_command_that_helps(
    project: Project, monkeypatch: pytest.MonkeyPatch, version: str, system: str, used: bool
) -> None:
    monkeypatch.setattr(nvidia, "cards", lambda: [nvidia.Card("RTX 4070", 12 * 2**30, 0, None)])
    monkeypatch.setattr(metadata, "version", lambda _name: version)
    monkeypatch.setattr(sys, "platform", system)
    found = device.detect()
    assert (found.kind == "cuda") is used
    told = [check for check in lines(project, found) if "RTX 4070 is not used" in check.text]
    assert bool(told) is not used
    if told:
        assert told[0].level is Level.ADVICE
        assert nvidia.COMMAND in told[0].detail


def test_a_transform_that_the_task_cannot_use_blocks_and_is_named(project: Project) -> None:
    step = make_step("shuffle_tiles")
    (check,) = [c for c in lines(project, augmentation=(step,)) if "shuffle tiles" in c.text]
    assert check.level is Level.BLOCKING
    assert "Augment" in check.detail
    off = step.model_copy(update={"enabled": False})
    assert not [c for c in lines(project, augmentation=(off,)) if "shuffle tiles" in c.text]


def test_images_that_look_like_those_of_train_are_told_and_can_be_moved_there(
    project: Project,
) -> None:
    train, val = fill(project, 4, Split.TRAIN), fill(project, 3, Split.VAL)
    for image_id in [*train, *val]:
        box(project, image_id)
    known = facts(project)
    config = default_config(Task.DETECT, start=Start.SCRATCH)

    def told(near: tuple[tuple[int, int], ...] | None, **more: Any) -> list[Check]:
        return preflight.checks(replace(known, near=near, **more), config, PROCESSOR)

    assert not any("like one in train" in c.text or "looks like" in c.text for c in told(None))
    assert saying(told(()), "No val or test image looks like one in train").level is Level.OK
    near = ((train[0], val[1]), (train[2], val[1]), (train[3], val[2]))
    check = saying(told(near), "2 val or test images look like one in train")
    assert check.level is Level.ADVICE
    assert [(a.title, a.kind, a.image_ids) for a in check.actions] == [
        ("Show", "images", (train[0], val[1], train[2], train[3], val[2])),
        ("Move to train", "train", (val[1], val[2])),
    ]
    same = told(((train[0], val[1]),), in_two_splits=(train[0], val[1]))
    assert saying(same, "No val or test image looks like one in train"), "the same file is said so"


def test_images_nobody_looked_at_are_told_apart_from_those_that_are_empty(
    project: Project,
) -> None:
    train, val = fill(project, 8, Split.TRAIN), fill(project, 2, Split.VAL)
    empty = train[6:]
    for image_id in [*train[:6], *val]:
        box(project, image_id)
    with project.transaction("Look") as s:
        commands.set_review(s, image_ids=empty, review=Review.EMPTY)
    waiting = fill(project, 3, None, review=Review.UNLABELLED)
    found = lines(project)
    told = saying(found, "2 images were reviewed and are empty")
    assert (told.level, told.actions[0].image_ids) == (Level.OK, tuple(empty))
    told = saying(found, "3 images are unlabelled, left out")
    assert (told.level, told.actions[0].image_ids) == (Level.ADVICE, tuple(waiting))
    assert saying(found, "8 train, 2 val").level is Level.OK, "empty ones train, unlabelled do not"
    fill(project, 20, Split.TEST, review=Review.EMPTY)
    many = saying(lines(project), "22 images were reviewed and are empty, 73 % of all")
    assert many.level is Level.ADVICE


def test_classes_that_are_balanced_are_said_to_be(project: Project) -> None:
    train, val = fill(project, 4, Split.TRAIN), fill(project, 2, Split.VAL)
    for image_id in [*train, *val]:
        box(project, image_id)
    for image_id in [train[0], train[1], val[0]]:
        box(project, image_id, class_id=2)
    check = saying(lines(project), "Classes are balanced: 2.0 to 1 at most")
    assert check.level is Level.OK
    assert check.detail == "In train: “cell” 4, “dirt” 2."


def test_the_time_of_a_run_on_crops_counts_the_crops_that_it_learns_from(
    tmp_path: Path,
) -> None:
    with Project.create(tmp_path / "large", task=Task.SEGMENT, classes=["a"]) as project:
        images = [
            NewImage(f"{n}.png", 512, 512, split=split, review=Review.REVIEWED)
            for n, split in enumerate([Split.TRAIN] * 24 + [Split.VAL] * 6)
        ]
        with project.transaction("Add") as s:
            commands.add_images(s, [*images, NewImage("wide.png", 6400, 6400, split=Split.TRAIN,
                                                      review=Review.REVIEWED)])  # fmt: skip
        known = facts(project)
    whole, crop, aware = (
        default_config(Task.SEGMENT, network="unet-resnet18", image_size=64, **over)
        for over in ({}, {"fit": "crop"}, {"fit": "crop", "sharpness": 0.05})
    )
    assert known.items(whole) == (25, 6)
    # What TrainingItems makes of them: 64 of each square of 512 px, and no more of the large one.
    assert known.items(crop) == (25 * 64, 6 * 64)

    def seconds(config: TrainConfig) -> float:
        train, val = known.items(config)
        return estimate.seconds(config, train=train, val=val, device=PROCESSOR)

    assert seconds(crop) == pytest.approx(64 * seconds(whole))
    share = (2 * 25 + 6 / 3) / (25 + 6 / 3)  # two passes to learn, and one to judge as before
    assert seconds(aware) == pytest.approx(share * seconds(crop))


def rate_advice(known: Facts, **settings: object) -> list[Check]:
    config = default_config(known.task).model_copy(update=settings)
    lines = preflight.checks(known, config, None)
    return [check for check in lines if "learning rate of" in check.text]


def test_sgd_at_the_rate_of_adamw_is_offered_ten_times_as_much_with_one_click(
    project: Project,
) -> None:
    known = facts(project)
    assert rate_advice(known) == []
    (told,) = rate_advice(known, optimizer=Optimizer.SGD)
    assert "SGD wants about ten times" in told.text
    (use,) = told.actions
    assert (use.title, use.changes) == ("Use 0.01", {"learning_rate": 0.01})
    assert rate_advice(known, optimizer=Optimizer.SGD, **use.changes) == []
    (back,) = rate_advice(known, **use.changes)
    assert "AdamW wants about a tenth" in back.text
    assert rate_advice(known, **back.actions[0].changes) == []


def test_a_network_that_is_made_for_colours_cannot_see_all_channels(tmp_path: Path) -> None:
    with Project.create(tmp_path / "c", task=Task.CLASSIFY, classes=["a", "b"]) as project:
        fill(project, 3, Split.TRAIN, channels=5, bit_depth=16)
        known = facts(project)
        config = default_config(project.task, network="timm:csatv2", start=Start.SCRATCH)
        config = config.model_copy(update={"sees": Sees.ALL})
        found = preflight.checks(known, config, PROCESSOR)
        line = saying(found, "sees images as they are displayed only")
        assert line.level is Level.BLOCKING
        (way,) = line.actions
        assert way.changes == {"sees": Sees.DISPLAYED}
    assert not applies("sees", network("timm:csatv2"))
    for name in ("timm:convnextv2_atto", "vit_b_16", "unet-resnet18", "yolo26n-pose", "rtdetr-l"):
        assert applies("sees", network(name))
