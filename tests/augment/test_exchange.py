"""Pipelines go out as albumentations reads them, come back the same, and nothing is run or lost
without a word."""

from __future__ import annotations

import json
from pathlib import Path

import albumentations as A
import numpy as np
import pytest
import yaml

from cvstudio.augment import exchange
from cvstudio.augment.catalogue import TRANSFORMS, make_step, values
from cvstudio.augment.fields import Choice, Range, Transform
from cvstudio.augment.presets import PRESETS
from cvstudio.core.errors import ConfigError
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item, Step

IMAGE = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)


def back(items: tuple[Item, ...], size: int = 640) -> exchange.Read:
    told, _notes = exchange.written(items, size=size)
    return exchange.read_text(json.dumps(told), size=size)


def other_values(record: Transform) -> Step:
    """A step of which every setting differs from the catalogue's own."""
    parameters: dict[str, object] = {}
    for field in record.parameters:
        if isinstance(field, Range):
            steps = round((field.high - field.low) / field.step)
            low, high = (field.low + field.step * round(steps * s) for s in (0.25, 0.75))
            parameters[field.name] = [round(low, 6), round(high, 6)]
        elif isinstance(field, Choice):
            parameters[field.name] = field.options[-1][0]
        elif field.name == "keep":
            parameters[field.name] = 45
        elif isinstance(field.default, bool):
            parameters[field.name] = not field.default
        elif isinstance(field.default, int | float):
            span = round((field.high - field.low) * 0.6 / field.step)  # type: ignore[union-attr]
            value = field.low + field.step * span  # type: ignore[union-attr]
            parameters[field.name] = type(field.default)(round(value, 6))
    return make_step(record.name, chance=0.35, **parameters)


@pytest.mark.parametrize("record", TRANSFORMS, ids=lambda t: t.name)
@pytest.mark.parametrize("own", [True, False], ids=["own", "other"])
def test_a_step_comes_back_with_the_same_arguments(record: Transform, own: bool) -> None:
    step = make_step(record.name, chance=0.35) if own else other_values(record)
    if "border" in step.parameters and own:
        step = make_step(record.name, chance=0.35, border="black")
    found = back((step,))
    assert found.notes == []
    (again,) = found.items
    assert isinstance(again, Step)
    assert again.transform == record.name
    assert again.chance == 0.35
    arguments = record.arguments
    assert _near(arguments(values(again)), arguments(values(step)))
    if record.sized:
        assert record.sized(values(again), 640, 640) == record.sized(values(step), 640, 640)
    assert values(again).get("keep") == values(step).get("keep")


def _near(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_near(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_near, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == pytest.approx(other, abs=1e-5)
    return one == other


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.name)
def test_the_library_itself_runs_what_was_written(preset: object, tmp_path: Path) -> None:
    for suffix in (".json", ".yaml"):
        path = tmp_path / f"pipeline{suffix}"
        exchange.write_file(preset.steps, path, size=640)  # type: ignore[attr-defined]
        pipeline = A.load(path, data_format=suffix[1:])
        boxes = np.array([[100, 100, 300, 260]], np.float32)
        more = {"bboxes": boxes, "class_labels": [1]} if "bboxes" in pipeline.processors else {}
        assert pipeline(image=IMAGE, **more)["image"].shape == IMAGE.shape
        found = exchange.read_file(path, size=640)
        assert len(found.items) == len(preset.steps)  # type: ignore[attr-defined]


def test_groups_come_back_and_automatic_changes_become_one() -> None:
    one = Group(group=GroupKind.ONE_OF, chance=0.7, steps=(
        make_step("blur", chance=0.2), make_step("gamma", chance=0.6)))  # fmt: skip
    some = Group(group=GroupKind.SOME_OF, chance=1.0, count=2, steps=(
        make_step("invert"), make_step("jpeg"), make_step("sharpen")))  # fmt: skip
    assert back((one, some)).items == (one, some)
    (group,) = back((Automatic(strength=0.5),)).items
    assert isinstance(group, Group)
    assert group.group is GroupKind.SOME_OF
    assert group.count == 2
    assert len(group.steps) == 18


@pytest.mark.filterwarnings("ignore:ShiftScaleRotate is a special case")
def test_a_file_of_the_library_is_read_and_what_has_no_place_is_named(tmp_path: Path) -> None:
    pipeline = A.Compose(
        [
            A.RandomResizedCrop(size=(224, 224), scale=(0.3, 0.9), p=0.8),
            A.Rotate(limit=30, p=0.4),
            A.ShiftScaleRotate(shift_limit=0.1, scale_limit=0.2, rotate_limit=15, p=0.5),
            A.OneOf([A.GaussNoise(std_range=(0.02, 0.1)), A.MotionBlur(blur_limit=(3, 9))], p=0.3),
            A.Sequential([A.HorizontalFlip(p=0.5), A.Normalize()], p=0.5),
            A.SomeOf([A.VerticalFlip(), A.OneOf([A.Blur(), A.CLAHE()])], n=1, p=0.6),
            A.CoarseDropout(num_holes_range=(2, 9), hole_height_range=(0.05, 0.2), p=0.5),
            A.NoOp(),
        ],
        bbox_params=A.BboxParams("coco", min_visibility=0.4, label_fields=["l"]),
    )
    for form in ("json", "yaml"):
        path = tmp_path / f"mine.{form}"
        A.save(pipeline, path, data_format=form)
        found = exchange.read_file(path, size=640)
        crop, rotate, affine, one, flip, some, holes = found.items
        assert isinstance(crop, Step)
        assert (crop.transform, crop.chance) == ("crop", 0.8)
        assert crop.parameters["area"] == [30, 90]
        assert crop.parameters["keep"] == 40
        assert isinstance(rotate, Step)
        assert rotate.parameters["rotation"] == [-30, 30]
        assert rotate.parameters["scale"] == [1, 1]
        assert isinstance(affine, Step)
        assert affine.parameters["scale"] == [0.8, 1.2]
        assert affine.parameters["shift"] == 10
        assert isinstance(one, Group)
        assert one.steps[0].parameters["strength"] == [2, 10]
        assert isinstance(flip, Step)
        assert flip.chance == 0.25
        assert isinstance(some, Group)
        assert [step.transform for step in some.steps] == ["flip_vertical"]
        assert isinstance(holes, Step)
        assert holes.parameters["patches"] == [2, 9]
        notes = "\n".join(found.notes)
        for words in (
            "Rotate is read as", "Normalize was left out. The network's own preprocessing",
            "Sequential acts in 50 % of cases", "a group inside a group was left out",
            "NoOp was left out", "hole_width_range (0.1, 0.2) cannot be kept",
        ):  # fmt: skip
            assert words in notes, notes


def test_settings_beyond_a_slider_are_brought_to_its_end_and_told() -> None:
    told = {"transform": {"__class_fullname__": "albumentations.GaussianBlur", "p": 1,
                          "blur_limit": 0, "sigma_limit": [0.5, 30]}}  # fmt: skip
    found = exchange.read_text(json.dumps(told), size=640)
    (step,) = found.items
    assert isinstance(step, Step)
    assert step.parameters["radius"] == [0.5, 8]
    assert found.notes == ["GaussianBlur: sigma_limit (0.5, 30) cannot be kept."]


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2]", "{", "a: b: c", '{"transform": 3}', "!!python/object/apply:os.system ['true']",
     '{"transform": {"p": 1}}'],
)  # fmt: skip
def test_what_is_no_pipeline_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigError):
        exchange.read_text(text, size=640)


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    """Neither code, nor a class that the catalogue does not name, nor a path is followed."""
    trap = tmp_path / "trap"
    told = {
        "__class_fullname__": "Compose", "p": 1.0,
        "transforms": [
            {"__class_fullname__": "Lambda", "p": 1.0, "image": f"open({str(trap)!r}, 'w')"},
            {"__class_fullname__": "os.system", "command": f"touch {trap}"},
            {"__class_fullname__": "TextImage", "font_path": str(trap), "p": 1.0},
            {"__class_fullname__": "GaussianBlur", "read_fn": "x", "p": 1.0, "blur_limit": 0},
            {"__class_fullname__": "RandomGamma", "gamma_limit": "many", "p": 1.0},
        ],
    }  # fmt: skip
    found = exchange.read_text(yaml.safe_dump({"transform": told}), size=640)
    assert [step.transform for step in found.items if isinstance(step, Step)] == ["blur"]
    assert len(found.notes) == 5
    assert "read_fn is not known" in found.notes[3]
    assert "Runs code" in found.notes[0]
    assert "system was left out" in found.notes[1]
    assert not trap.exists()
    many = {**told, "transforms": told["transforms"] * 60}
    with pytest.raises(ConfigError, match="more than 200"):
        exchange.read_text(json.dumps(many), size=640)


def test_what_the_library_cannot_say_is_told_when_writing() -> None:
    items = (
        make_step("affine"), make_step("crop_to_object", keep=60), make_step("hide_parts"),
        make_step("blur", enabled=False), Automatic(),
    )  # fmt: skip
    told, notes = exchange.written(items, size=320)
    assert len(told["transform"]["transforms"]) == 4
    assert told["transform"]["transforms"][1]["height"] == 192
    assert told["transform"]["bbox_params"]["min_visibility"] == 0.3
    text = " ".join(notes)
    for words in ("border is black", "bbox_labels", "Steps that are off", "Automatic changes",
                  "kept from 30 %"):  # fmt: skip
        assert words in text


def test_an_affine_transform_that_is_two_of_the_catalogue_is_read_as_two() -> None:
    told = A.to_dict(A.Affine(rotate=(-20, 20), shear=(-5, 5), p=0.5))
    found = exchange.read_text(json.dumps(told), size=640)
    turn, shear = found.items
    assert isinstance(turn, Step)
    assert isinstance(shear, Step)
    assert {turn.transform, shear.transform} == {"affine", "shear"}
    both = {**turn.parameters, **shear.parameters}
    assert both["rotation"] == [-20, 20]
    assert both["horizontal"] == [-5, 5]
    assert both["shift"] == 0
    assert found.notes == ["Affine is read as two steps, each with its own chance."]


def test_defaults_of_the_library_count_where_a_file_is_short() -> None:
    told = {"__class_fullname__": "RandomScale", "p": 0.2}
    (step,) = exchange.read_text(json.dumps(told), size=640).items
    assert isinstance(step, Step)
    assert step.parameters["scale"] == [0.9, 1.1]
    shifted = A.to_dict(A.Affine(translate_px=(-64, 64)))
    (step,) = exchange.read_text(json.dumps(shifted), size=640).items
    assert isinstance(step, Step)
    assert step.parameters["shift"] == 10
