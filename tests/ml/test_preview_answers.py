"""What the preview answers besides variants: ladders, costs, losses; and what gives way to what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvstudio.ml.environment import prepare

prepare()

from cvstudio.augment.catalogue import make_step  # noqa: E402
from cvstudio.augment.presets import dump_steps  # noqa: E402
from cvstudio.core.opencv import cv2  # noqa: E402
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item  # noqa: E402
from cvstudio.ml.preview import GaveWay, Previews  # noqa: E402


@pytest.fixture
def image(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "a.png"
    rgb = np.random.default_rng(0).integers(60, 200, (96, 128, 3), np.uint8)
    path.write_bytes(cv2.imencode(".png", rgb)[1].tobytes())
    boxes = [[2, 2, 20, 20], [50, 40, 30, 20], [100, 70, 26, 24]]
    return {
        "id": 3, "path": str(path), "width": 128, "height": 96,
        "annotations": [{"class": 1, "box": box} for box in boxes],
    }  # fmt: skip


def header(image: dict[str, Any], *items: Item, **more: Any) -> dict[str, Any]:
    return {
        "task": "detect", "fit": "pad", "size": 128, "steps": dump_steps(items), "seed": 0,
        "thumbnail": 64, "image": image, "classes": [1], "epochs": [1, 2, 3], **more,
    }  # fmt: skip


def test_a_ladder_gets_stronger_from_left_to_right(image: dict[str, Any]) -> None:
    answer = Previews().ladder(header(image, make_step("gauss_noise", chance=0.1)))
    (row,) = answer.header["rows"]
    untouched = Previews().augment(header(image)).arrays["variant 0"].astype(float)
    changes = [
        np.abs(answer.arrays[f"rung 0 {column}"].astype(float) - untouched).mean()
        for column in range(5)
    ]
    assert changes == sorted(changes)
    assert changes[0] < changes[-1] / 4
    assert row["title"] == "Strength"
    assert row["rungs"][0]["parameters"] == {"strength": [0, 2]}
    assert row["rungs"][-1]["words"] == "0.0 to 40.0\N{NO-BREAK SPACE}%"
    assert row["now"] == 1


def test_the_ladder_of_a_segment_project_brings_its_label_maps(image: dict[str, Any]) -> None:
    square = {"polygon": [[[[20, 20], [60, 20], [60, 60], [20, 60]]]]}
    shown = {**image, "annotations": [{"class": 1, **square}]}
    asked = header(shown, make_step("affine", border="black"), task="segment")
    answer = Previews().ladder(asked)
    assert len(answer.header["rows"]) == 4
    labels = answer.arrays["labels 1 4"]
    assert labels.shape == answer.arrays["rung 1 4"].shape[:2]
    assert (labels == 1).any()


def test_costs_are_told_by_place_and_kept(image: dict[str, Any]) -> None:
    previews = Previews()
    group = Group(
        group=GroupKind.ONE_OF, chance=0.5,
        steps=(make_step("invert", chance=0.5), make_step("elastic", chance=0.5)),
    )  # fmt: skip
    asked = header(image, make_step("blur", enabled=False), group, Automatic(chance=0.25))
    answer = previews.times(asked, give_way=lambda: False)
    times = {tuple(place): took for place, took in answer.header["times"]}
    assert set(times) == {(1,), (1, 0), (1, 1), (2,)}
    assert times[(1, 1)] > times[(1, 0)]
    assert times[(1,)] == pytest.approx((times[(1, 0)] + times[(1, 1)]) / 2, abs=0.01)
    total = 0.5 * times[(1,)] + 0.25 * times[(2,)]
    assert answer.header["total"] == pytest.approx(total, abs=0.01)
    again = previews.times(asked, give_way=lambda: True)  # nothing is left to measure
    assert again.header == answer.header


def test_measuring_gives_way_and_goes_on_later(image: dict[str, Any]) -> None:
    previews = Previews()
    asked = header(image, *(make_step(name) for name in ("blur", "gamma", "invert", "sharpen")))
    asks = iter([False, False, True])
    answer = previews.times(asked, give_way=lambda: next(asks))
    assert [place for place, _ in answer.header["times"]] == [[0], [1]]
    assert answer.header["total"] is None
    rest = previews.times(asked, give_way=lambda: False)
    assert [place for place, _ in rest.header["times"]] == [[0], [1], [2], [3]]
    assert rest.header["times"][:2] == answer.header["times"]


def test_losses_are_counted_by_the_step_that_loses(image: dict[str, Any]) -> None:
    group = Group(group=GroupKind.ONE_OF, chance=1.0, steps=(
        make_step("invert", chance=0.5), make_step("crop", chance=0.5, area=[5, 8])))  # fmt: skip
    asked = header(image, make_step("affine", shift=2, rotation=[0, 0]), group)
    answer = Previews().trial({**asked, "images": [image], "count": 60})
    told = answer.header
    lost_by = {tuple(place): count for place, count in told["lost_by"]}
    assert sum(lost_by.values()) == told["outcomes"]["lost"] > 40
    assert set(lost_by) == {(1, 1)}
    assert 15 < told["images"] < 45
    assert told["count"] == 60
    assert sum(told["outcomes"].values()) == 180


def test_slow_variants_and_trials_give_way_to_newer_wishes(
    image: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    previews = Previews()
    asked = header(image, make_step("blur"))
    quick = previews.augment(asked, give_way=lambda: True)  # what is quick is finished
    assert len(quick.header["variants"]) == 3
    monkeypatch.setattr("cvstudio.ml.preview._PATIENCE", 0.0)
    with pytest.raises(GaveWay):
        previews.augment(asked, give_way=lambda: True)
    with pytest.raises(GaveWay):
        previews.trial({**asked, "images": [image], "count": 5}, give_way=lambda: True)


@pytest.mark.parametrize("name", ["crop_to_object", "crop_whole_objects", "hide_parts"])
@pytest.mark.parametrize("task", ["detect", "segment"])
def test_steps_that_look_at_objects_find_them(image: dict[str, Any], name: str, task: str) -> None:
    """They are told of boxes and, where training has a label map only, of what lies in it."""
    square = {"polygon": [[[[90, 60], [120, 60], [120, 90], [90, 90]]]]}
    shown = {**image, "annotations": [{"class": 1, **square}] if task == "segment" else
             [{"class": 1, "box": [90, 60, 30, 30]}]}  # fmt: skip
    step = make_step(name, chance=1.0, **({"fill": "black", "keep": 1} if "hide" in name else {}))
    asked = header(shown, step, task=task, thumbnail=0, epochs=list(range(1, 13)))
    answer = Previews().augment(asked)
    for number, told in enumerate(answer.header["variants"]):
        assert told["outcomes"] == [
            "whole" if name == "crop_whole_objects" else told["outcomes"][0]
        ]
        if name == "hide_parts":
            black = (answer.arrays[f"variant {number}"] == 0).all(axis=2)
            assert black.any()
            inside = np.zeros_like(black)
            inside[58:92, 88:122] = True
            assert not black[~inside].any()
        elif task == "segment":
            assert (answer.arrays[f"labels {number}"] == 1).any()
        else:
            assert told["outcomes"] != ["lost"]
