"""Variants: shapes stay on their pixels, seeds repeat, sizes stay and the caller's data too."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from cvstudio.augment.build import Outcome, background, build
from cvstudio.augment.catalogue import TRANSFORMS, make_step
from cvstudio.augment.fields import Choice, Colour, Points, Range
from cvstudio.augment.view import item_seed, training_view
from cvstudio.core.annotation import Shape, area_of, box_of
from cvstudio.core.errors import ConfigError
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask, mask_of, rasterise
from cvstudio.core.pipeline import Step
from cvstudio.core.recipe import Fit

GEOMETRIC = [t.name for t in TRANSFORMS if t.geometric and t.points is not Points.TILES]
SIZES = [(96, 96), (80, 121)]


def noise_image(height: int, width: int, *, grey: bool = False) -> np.ndarray:
    rng = np.random.default_rng(height * width)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    return np.repeat(image[..., :1], 3, axis=2) if grey else image


def ring_polygon(x: float = 50, y: float = 40) -> Polygon:
    outer = np.array([(-14.0, -12.0), (16, -10), (12, 14), (-12, 11)])
    hole = np.array([(-4.0, -4.0), (5, -3), (4, 5), (-3, 4)])
    far = np.array([(20.0, -14.0), (27, -14), (27, -6)])
    return Polygon((Part(outer, (hole,)), Part(far))).moved(x, y)


def drawing(height: int, width: int, polygon: Polygon) -> np.ndarray:
    inside = rasterise(polygon, x=0, y=0, width=width, height=height)
    return np.repeat(inside[..., None] * np.uint8(255), 3, axis=2)


def shapes_for(count: int) -> list[Shape]:
    mask = mask_of(ring_polygon(46, 38))
    all_shapes: list[Shape] = [Box(20.5, 18.25, 30, 24), ring_polygon(), mask, Box(10, 50, 40, 9)]
    return all_shapes[: 2 * count]


@pytest.mark.parametrize("record", TRANSFORMS, ids=lambda t: t.name)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("grey", [False, True])
def test_every_transform_runs_on_every_kind_of_image(
    record: object, size: tuple[int, int], grey: bool
) -> None:
    name = record.name  # type: ignore[attr-defined]
    augmenter = build([make_step(name, chance=1.0)])
    image = noise_image(*size, grey=grey)
    before = image.copy()
    for count in (0, 1, 2):
        shapes = shapes_for(count)
        first = augmenter.apply(image, shapes, seed=5)
        again = augmenter.apply(image, shapes, seed=5)
        assert first.rgb.dtype == np.uint8
        assert first.rgb.flags.c_contiguous
        assert sorted(first.rgb.shape[:2]) == sorted(size)
        if name not in ("quarter_turns", "transpose", "eight_positions"):
            assert first.rgb.shape == image.shape
        assert np.array_equal(first.rgb, again.rgb)
        assert first.shapes == again.shapes
        assert len(first.shapes) == len(shapes) == len(first.outcomes) == len(first.shares)
        assert first.caption
    assert np.array_equal(image, before)


@pytest.mark.parametrize("record", TRANSFORMS, ids=lambda t: t.name)
def test_every_setting_may_stand_at_either_end_of_its_slider(record: object) -> None:
    image = noise_image(72, 90)
    for field in record.parameters:  # type: ignore[attr-defined]
        if isinstance(field, Choice):
            ends: list[object] = [option for option, _ in field.options]
        elif isinstance(field, Colour):
            ends = ["#000000"]
        elif isinstance(field, Range):
            ends = [[field.low, field.low], [field.high, field.high], [field.low, field.high]]
        else:
            ends = [getattr(field, "low", False), getattr(field, "high", True)]
        for end in ends:
            step = make_step(record.name, chance=1.0, **{field.name: end})  # type: ignore[attr-defined]
            variant = build([step]).apply(image, shapes_for(1), seed=1)
            assert sorted(variant.rgb.shape) == sorted(image.shape), (field.name, end)


@pytest.mark.parametrize("name", GEOMETRIC)
@pytest.mark.parametrize("size", SIZES)
def test_a_polygon_stays_on_its_pixels(name: str, size: tuple[int, int]) -> None:
    height, width = size
    polygon = ring_polygon(48, 40)
    image = drawing(height, width, polygon)
    step = make_step(name, chance=1.0)
    if "border" in step.parameters:
        step = make_step(name, chance=1.0, border="black")
    augmenter = build([step])
    shifts: dict[str, list[np.ndarray]] = {"polygon": [], "mask": []}
    for seed in range(8):
        variant = augmenter.apply(image, [polygon, mask_of(polygon)], seed=seed)
        seen = variant.rgb[..., 0] > 127
        carried, mask = variant.shapes
        assert isinstance(carried, Polygon)
        assert isinstance(mask, Mask)
        h, w = seen.shape
        for name_of, drawn in (
            ("polygon", rasterise(carried, x=0, y=0, width=w, height=h) > 0),
            ("mask", mask.full(h, w) > 0),
        ):
            iou = (seen & drawn).sum() / (seen | drawn).sum()
            shift = np.argwhere(seen).mean(axis=0) - np.argwhere(drawn).mean(axis=0)
            assert iou > 0.88, (name_of, seed, iou)
            shifts[name_of].append(shift)
        if variant.outcomes[0] is Outcome.WHOLE:
            assert len(carried.parts) == 2
            assert len(carried.parts[0].holes) == 1
    # A whole pixel's rounding is allowed in one variant, but no drift over all of them.
    for found in shifts.values():
        assert np.abs(np.mean(found, axis=0)).max() < 0.2


def test_flipping_a_box_twice_gives_the_same_box() -> None:
    box = Box(3.25, 4.5, 10.125, 7.75)
    image = noise_image(40, 60)
    once = build([make_step("flip_horizontal", chance=1.0)]).apply(image, [box], seed=0)
    assert once.shapes[0] == Box(60 - 3.25 - 10.125, 4.5, 10.125, 7.75)
    twice = build([make_step("flip_horizontal", chance=1.0)]).apply(once.rgb, once.shapes, seed=0)
    assert twice.shapes[0] == box
    assert np.array_equal(twice.rgb, image)


def test_what_has_left_the_image_does_not_come_back() -> None:
    away = make_step("affine", chance=1.0, rotation=[0, 0], scale=[3, 3], shift=0, keep=1)
    back = make_step("affine", chance=1.0, rotation=[0, 0], scale=[0.3, 0.3], shift=0, keep=1)
    variant = build([away, back]).apply(noise_image(90, 90), [Box(0, 0, 8, 8)], seed=0)
    assert variant.shapes == (None,)
    assert variant.outcomes == (Outcome.LOST,)


def test_objects_of_which_too_little_is_left_are_dropped() -> None:
    image = noise_image(100, 100)
    box = Box(40, 0, 20, 40)
    for keep, expected in ((30, Outcome.CUT), (80, Outcome.LOST)):
        step = make_step("stretch", chance=1.0, width=[1, 1], height=[2, 2], keep=keep)
        variant = build([step]).apply(image, [box], seed=0)
        # Twice as high about the middle, the box reaches from -50 to 30: 30 of 80 rows are left.
        assert variant.shares[0] == pytest.approx(30 / 80, abs=0.02)
        assert variant.outcomes == (expected,)
        assert (variant.shapes[0] is None) == (expected is Outcome.LOST)


def test_an_object_under_a_hidden_patch_is_dropped() -> None:
    step = make_step("hide_patches", chance=1.0, patches=[1, 1], size=[60, 60], keep=90)
    boxes = [Box(x, y, 6, 6) for x in range(0, 96, 12) for y in range(0, 96, 12)]
    variant = build([step]).apply(np.full((100, 100, 3), 200, np.uint8), boxes, seed=3)
    for box, shape in zip(boxes, variant.shapes, strict=True):
        piece = variant.rgb[int(box.y) : int(box.bottom), int(box.x) : int(box.right), 0]
        assert (shape is None) == ((piece == 114).mean() > 0.1)


def test_overlapping_masks_stay_whole() -> None:
    one = Mask.from_patch(np.ones((20, 20), np.uint8), 10, 10)
    two = Mask.from_patch(np.ones((20, 20), np.uint8), 20, 20)
    variant = build([make_step("flip_horizontal", chance=1.0)]).apply(
        noise_image(64, 64), [one, two], seed=0
    )
    assert [area_of(shape) for shape in variant.shapes] == [400, 400]
    assert box_of(variant.shapes[0]) == Box(34, 10, 20, 20)


def test_a_step_switched_off_does_not_change_what_the_others_draw() -> None:
    image = noise_image(60, 80)
    turn = make_step("affine", chance=1.0)
    light = make_step("brightness_contrast", chance=1.0)
    alone = build([turn]).apply(image, [Box(10, 10, 20, 20)], seed=9)
    off = light.model_copy(update={"enabled": False})
    assert np.array_equal(build([off, turn]).apply(image, (), seed=9).rgb, alone.rgb)
    both = build([light, turn]).apply(image, [Box(10, 10, 20, 20)], seed=9)
    assert both.shapes == alone.shapes


def test_steps_run_in_the_order_of_the_list() -> None:
    image = noise_image(60, 80)
    grey = make_step("grey", chance=1.0)
    cast = make_step("rgb_shift", chance=1.0, red=[60, 60], green=[0, 0], blue=[0, 0])
    coloured = build([grey, cast]).apply(image, (), seed=0).rgb
    plain = build([cast, grey]).apply(image, (), seed=0).rgb
    assert not np.array_equal(coloured[..., 0], coloured[..., 2])
    assert np.array_equal(plain[..., 0], plain[..., 2])


def test_colours_are_red_green_blue() -> None:
    image = np.zeros((16, 16, 3), np.uint8) + np.array([10, 20, 30], np.uint8)
    cast = make_step("rgb_shift", chance=1.0, red=[50, 50], green=[0, 0], blue=[0, 0])
    assert build([cast]).apply(image, (), seed=0).rgb[0, 0].tolist() == [60, 20, 30]


def test_the_chance_is_kept() -> None:
    augmenter = build([make_step("invert", chance=0.25)])
    image = np.zeros((8, 8, 3), np.uint8)
    hits = sum(
        int(augmenter.apply(image, (), seed=item_seed(0, epoch, 1)).rgb[0, 0, 0] == 255)
        for epoch in range(800)
    )
    assert 150 < hits < 250


@pytest.mark.parametrize(
    "name", [*GEOMETRIC, *(t.name for t in TRANSFORMS if t.hides)], ids=lambda name: name
)
def test_a_trial_says_what_the_variants_show(name: str) -> None:
    image = noise_image(90, 120)
    shapes = shapes_for(2)
    augmenter = build([make_step("flip_vertical"), make_step(name, chance=0.9), make_step("blur")])
    for seed in range(6):
        assert augmenter.trial((120, 90), shapes, seed=seed) == list(
            augmenter.apply(image, shapes, seed=seed).outcomes
        )


def test_an_augmenter_reaches_another_process_unchanged() -> None:
    augmenter = build([make_step("affine", chance=1.0), make_step("hide_patches", chance=1.0)])
    copy = pickle.loads(pickle.dumps(augmenter))
    image = noise_image(50, 60)
    assert np.array_equal(augmenter.apply(image, (), seed=4).rgb, copy.apply(image, (), seed=4).rgb)


def test_the_label_map_follows_the_image_and_keeps_its_labels() -> None:
    height, width = 80, 100
    polygon = ring_polygon(48, 40)
    image = drawing(height, width, polygon)
    labels = (image[..., 0] > 0).astype(np.uint8) * 7
    augmenter = build(
        [make_step("affine", chance=1.0, border="black"), make_step("flip_vertical", chance=1.0)]
    )
    rgb, moved = augmenter.apply_arrays(image, labels, seed=3)
    assert np.array_equal(rgb, augmenter.apply(image, (), seed=3).rgb)
    assert set(np.unique(moved)) == {0, 7}
    assert moved.dtype == np.uint8
    assert ((rgb[..., 0] > 127) == (moved == 7)).mean() > 0.985
    _, marked = augmenter.apply_arrays(image, labels, seed=3, outside=255)
    assert 255 in marked
    assert np.array_equal(marked == 7, moved == 7)


def test_borders_are_filled_with_the_background() -> None:
    image = np.full((60, 60, 3), (210, 190, 170), np.uint8)
    image[20:40, 20:40] = 0
    assert background(image) == (210, 190, 170)
    step = make_step("affine", chance=1.0, rotation=[45, 45], scale=[0.7, 0.7], shift=0)
    assert build([step]).apply(image, (), seed=0).rgb[0, 0].tolist() == [210, 190, 170]


def test_captions_are_words() -> None:
    turn = make_step("affine", chance=1.0, rotation=[-21, -21], scale=[1.07, 1.07], shift=0)
    dark = make_step("brightness_contrast", chance=1.0, brightness=[-17, -17], contrast=[0, 0])
    image = noise_image(40, 40)
    assert build([turn, dark]).apply(image, (), seed=0).caption == (
        "rotate \N{MINUS SIGN}21°, scale 1.07, darker 17 %"
    )
    flips = [make_step("flip_horizontal", chance=1.0), make_step("flip_vertical", chance=1.0)]
    assert build(flips).apply(image, (), seed=0).caption == "both flips"
    assert build([]).apply(image, (), seed=0).caption == "unchanged"


def test_a_positive_angle_turns_to_the_left() -> None:
    turn = make_step("affine", chance=1.0, rotation=[30, 30], scale=[1, 1], shift=0)
    variant = build([turn]).apply(noise_image(100, 100), [Box(80, 48, 4, 4)], seed=0)
    assert variant.shapes[0] is not None
    assert box_of(variant.shapes[0]).bottom < 45


@pytest.mark.parametrize(
    ("step", "word"),
    [
        (Step(transform="morphological"), "no transform called"),
        (Step(transform="affine", parameters={"spin": 3}), "no setting called spin"),
        (Step(transform="affine", parameters={"rotation": [20, -20]}), "starts above its end"),
        (Step(transform="affine", parameters={"shift": 900}), "between 0 and 50 %"),
        (Step(transform="affine", parameters={"border": "wood"}), "not one of"),
    ],
)
def test_a_pipeline_that_cannot_run_is_refused_in_words(step: Step, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        build([step])


@pytest.mark.parametrize("fit", list(Fit))
def test_the_view_for_training_carries_shapes_along(fit: Fit) -> None:
    polygon = ring_polygon(60, 50)
    image = drawing(120, 200, polygon)
    rgb, (moved, mask, box) = training_view(
        image, [polygon, mask_of(polygon), polygon.box], size=96, fit=fit, seed=2
    )
    height, width = rgb.shape[:2]
    assert {Fit.PAD: (58, 96), Fit.STRETCH: (96, 96), Fit.CROP: (96, 96)}[fit] == (height, width)
    seen = rgb[..., 0] > 127
    if fit is Fit.CROP and not seen.any():
        assert moved is None
        return
    assert isinstance(moved, Polygon)
    assert isinstance(mask, Mask)
    drawn = rasterise(moved, x=0, y=0, width=width, height=height) > 0
    for found in (drawn, mask.full(height, width) > 0):
        assert (seen & found).sum() / (seen | found).sum() > 0.9
    assert box is not None
    assert box_of(box).area == pytest.approx(moved.box.area, rel=0.02)
