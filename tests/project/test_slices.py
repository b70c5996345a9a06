"""The part of a split on which a run is worse is found and named; chance alone is not blamed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_analysis import CELL, DEBRIS, image, run_with

from cvstudio.core.annotation import Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.metrics.resampling import draw, with_whole
from cvstudio.core.metrics.slicing import Units, corrected, figure_of, is_worse, part_figure
from cvstudio.core.predictions import Found, Prediction
from cvstudio.gui.analyze.slices_view.slice_table import sentence
from cvstudio.imaging.measures import ImageMeasures
from cvstudio.project import analysis, queries
from cvstudio.project.sample import create_sample
from cvstudio.project.slice_pairs import MOST, pairs_of
from cvstudio.project.slices import Facts, Slice, Sliced, facts_of, look
from cvstudio.project.verdict import ALL, Analysis

COUNT = 120


def detected(folder: Path, missed: set[int], *, loose: frozenset[int] = frozenset()) -> Analysis:
    """A cell in the middle of each image and a small one at its left edge; some are not found."""
    images, answers = [], []
    for number in range(1, COUNT + 1):
        middle, edge = Box(40, 30, 36, 36), Box(0, 5, 10, 10)
        images.append(image(number, (1000 + number, CELL, middle), (2000 + number, CELL, edge)))
        found = [] if number in missed else [Found(CELL, 0.9, middle)]
        if number not in loose:
            found.append(Found(CELL, 0.8, edge))
        answers.append(Prediction(number, objects=tuple(found)))
    return analysis.load(run_with(folder, Task.DETECT, images, answers), "val")


def looked(analysed: Analysis, facts: Facts) -> Sliced:
    return look(analysed, facts, score=0.5, iou=0.5)


def named(sliced: Sliced, name: str) -> Slice:
    return next(each for each in sliced.slices if each.name == name)


def test_a_tag_on_which_half_is_missed_is_found_and_opens_its_errors(tmp_path: Path) -> None:
    night = set(range(1, 25))
    analysed = detected(tmp_path, set(range(1, 17)))
    sliced = looked(
        analysed, Facts(tags={n: ["night"] if n in night else ["day"] for n in range(1, COUNT + 1)})
    )
    (pair, worst, *others) = sliced.worst
    assert (worst.kind, worst.name) == ("tag", "night")
    assert [each.kind for each in others] == ["size"]  # it is those in the middle that are missed
    assert set(pair.name.split(" · ")) == {"night", others[0].name}
    # 48 labels and 32 predictions of which 32 are right, on either side.
    assert worst.part.figure.value == pytest.approx(64 / 80)
    assert sliced.whole.value == pytest.approx(2 * 224 / (240 + 224))
    assert worst.part.figure.high < sliced.whole.value
    cases = worst.cases(analysed.judge(score=0.5, iou=0.5).cases(ALL))
    assert {case.image_id for case in cases} == set(range(1, 17))
    assert set(worst.image_ids) == night


def test_a_part_says_how_many_objects_are_labelled_in_it_and_how_many_predicted(
    tmp_path: Path,
) -> None:
    sliced = looked(detected(tmp_path, set(range(1, 17))), Facts())
    edge = named(sliced, "at the edge of the image")
    assert edge.objects == (COUNT, COUNT)
    middle = named(sliced, "medium objects (32 × 32 to 96 × 96 px)")
    assert middle.objects == (COUNT, COUNT - 16)
    assert f"{COUNT} labelled and {COUNT - 16} predicted)" in sentence(middle, sliced)


def test_objects_at_the_edge_and_small_ones_are_parts_of_their_own(tmp_path: Path) -> None:
    analysed = detected(tmp_path, {1, 2}, loose=frozenset(range(10, 80)))
    sliced = looked(analysed, Facts())
    worst = {each.name for each in sliced.worst}
    assert "at the edge of the image" in worst
    assert "small objects (below 32 × 32 px)" in worst
    assert "medium objects (32 × 32 to 96 × 96 px)" not in worst
    edge = named(sliced, "at the edge of the image")
    # 120 labels and 50 predictions, of which 50 are right.
    assert edge.part.figure.value == pytest.approx(100 / 170)
    cases = edge.cases(analysed.judge(score=0.5, iou=0.5).cases(ALL))
    assert {case.annotation_id for case in cases} == {2000 + n for n in range(10, 80)}


def test_dark_images_are_found_to_be_worse_by_their_looks(tmp_path: Path) -> None:
    dark = set(range(1, 31))
    analysed = detected(tmp_path, set(range(1, 25)))
    looks = {
        n: ImageMeasures(
            30 + n / 10 if n in dark else 120 + n / 10, 40, 0.5 + (n * 37 % 97) / 97, 0.3, 0, 100
        )
        for n in range(1, COUNT + 1)
    }
    sliced = looked(analysed, Facts(looks=looks))
    worst = next(each for each in sliced.worst if each.kind != "pair")
    assert worst.name == "darkest quarter of the images"
    assert set(worst.image_ids) == dark
    assert not any(each.kind == "sharpness" for each in sliced.worst)


def test_a_part_of_few_images_is_shown_and_never_blamed(tmp_path: Path) -> None:
    analysed = detected(tmp_path, {1, 2, 3, 4, 5})
    sliced = looked(analysed, Facts(groups=dict.fromkeys(range(1, 6), "patient 7")))
    patient = named(sliced, "patient 7")
    assert patient.part.figure.value == pytest.approx(10 / 15)
    assert (patient.worse, patient.chance) == (False, 1.0)


def test_another_split_is_held_against_this_one(tmp_path: Path) -> None:
    analysed = detected(tmp_path / "val", {1, 2})
    other = replace(detected(tmp_path / "test", set(range(1, 61))), split=Split.TEST)
    sliced = look(analysed, Facts(), score=0.5, iou=0.5, others=[other])
    test = named(sliced, "test")
    assert (test.kind, test.worse, test.part.images) == ("split", True, COUNT)
    assert test.part.figure.value == pytest.approx(2 * 180 / (240 + 180))
    assert test.part.above_rest.value == pytest.approx(test.part.figure.value - sliced.whole.value)
    assert test.image_ids == ()
    assert test.cases(analysed.judge(score=0.5, iou=0.5).cases(ALL)) == []


def test_a_query_of_ones_own_is_a_part_even_where_it_finds_nothing(tmp_path: Path) -> None:
    analysed = detected(tmp_path, set())
    facts = Facts(queries={"name~slide": frozenset({3, 4, 999}), "tag:none": frozenset()})
    sliced = looked(analysed, facts)
    assert named(sliced, "name~slide").image_ids == (3, 4)
    assert named(sliced, "tag:none").image_ids == ()
    assert np.isnan(named(sliced, "tag:none").part.figure.value)


def test_classes_are_parts_of_classified_images(tmp_path: Path) -> None:
    images = [image(n, (100 + n, CELL if n % 4 else DEBRIS, None)) for n in range(1, COUNT + 1)]
    answers = [
        Prediction(
            n, scores={CELL: 0.9, DEBRIS: 0.1} if n % 4 or n % 8 else {CELL: 0.2, DEBRIS: 0.8}
        )
        for n in range(1, COUNT + 1)
    ]
    analysed = analysis.load(run_with(tmp_path, Task.CLASSIFY, images, answers), "val")
    sliced = looked(analysed, Facts())
    (worst,) = sliced.worst
    assert (worst.kind, worst.name, worst.part.figure.value) == ("class", "debris", 0.5)
    cases = worst.cases(analysed.judge(score=0.5, iou=0.5).cases("wrong class"))
    assert {case.image_id for case in cases} == set(range(4, COUNT + 1, 8))


def test_many_looks_at_chance_alone_blame_a_part_in_one_split_of_twenty() -> None:
    """100 splits of 150 images that are right 8 of 10 times whatever the part; 30 parts each."""
    random = np.random.default_rng(0)
    drawn = with_whole(draw(150, draws=200))
    blamed = 0
    for _split in range(100):
        units = Units(np.arange(150), (random.random(150) < 0.8).astype(np.float64), 150)
        whole = figure_of(units, drawn).value
        parts = [part_figure(units, drawn, random.random(150) < 0.2) for _part in range(30)]
        chances = corrected([part.chance for part in parts])
        found = [is_worse(part, whole, chance) for part, chance in zip(parts, chances, strict=True)]
        blamed += any(found)
    assert blamed <= 10


def test_a_part_that_is_really_worse_is_found_among_thirty_looks() -> None:
    random = np.random.default_rng(1)
    drawn = with_whole(draw(200, draws=200))
    found = 0
    for _split in range(20):
        bad = np.arange(200) < 40
        right = np.where(bad, random.random(200) < 0.4, random.random(200) < 0.9)
        units = Units(np.arange(200), right.astype(np.float64), 200)
        whole = figure_of(units, drawn).value
        parts = [bad] + [random.random(200) < 0.2 for _part in range(29)]
        figures = [part_figure(units, drawn, part) for part in parts]
        found += is_worse(figures[0], whole, corrected([f.chance for f in figures])[0])
    assert found >= 19


def test_chances_are_corrected_as_holm_does() -> None:
    assert corrected([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert corrected([0.5, 0.6]) == [1.0, 1.0]
    assert corrected([]) == []


def crossed(folder: Path, missed: set[int]) -> tuple[Analysis, Facts]:
    """A quarter of the images each: by night or day, in folder a or b; some cells are missed."""
    tags = {n: ["night" if n % 2 else "day"] for n in range(1, COUNT + 1)}
    folders = {n: "a" if n <= COUNT // 2 else "b" for n in range(1, COUNT + 1)}
    return detected(folder, missed), Facts(tags=tags, folders=folders)


def test_a_pair_of_properties_is_told_where_neither_alone_explains_it(tmp_path: Path) -> None:
    both = {n for n in range(1, COUNT // 2 + 1) if n % 2}
    analysed, facts = crossed(tmp_path, both)
    sliced = looked(analysed, facts)
    pair = next(each for each in sliced.worst if set(each.name.split(" · ")) == {"night", "a"})
    assert pair.kind == "pair"
    assert set(pair.image_ids) == both
    # 60 labels and 30 predictions, of which 30 are right.
    assert pair.part.figure.value == pytest.approx(60 / 90)
    cases = pair.cases(analysed.judge(score=0.5, iou=0.5).cases(ALL))
    assert {case.image_id for case in cases} == both
    assert sliced.looks > len(sliced.slices), "the pairs that are not told were looked at too"


def test_a_pair_that_one_of_its_properties_explains_as_well_is_not_told(tmp_path: Path) -> None:
    night = {n for n in range(1, COUNT + 1) if n % 2 and n % 3}
    analysed, facts = crossed(tmp_path, night)
    sliced = looked(analysed, facts)
    assert "night" in {each.name for each in sliced.worst}
    told = {frozenset(each.name.split(" · ")) for each in sliced.worst if each.kind == "pair"}
    assert not {frozenset({"night", "a"}), frozenset({"night", "b"})} & told


def test_pairs_of_few_images_are_no_looks_and_many_are_bounded() -> None:
    units = Units(np.arange(4000), np.ones(4000), 4000)
    random = np.random.default_rng(0)
    few = {("tag", "rare"): np.arange(4000) < 15, ("folder", "b"): np.arange(4000) >= 6}
    assert pairs_of(few, units) == [], "9 images have both, and 6 are rare without b"
    parts = {
        (kind, f"{kind} {n}"): random.random(4000) < 0.3 for kind in ("tag", "folder", "group")
        for n in range(10)
    }  # fmt: skip
    found = pairs_of(parts, units)
    assert len(found) == MOST
    assert all(pair.first[0] != pair.second[0] for pair in found)
    sizes = [int(pair.part.sum()) for pair in found]
    assert sizes == sorted(sizes, reverse=True)


def test_pairs_of_properties_that_say_nothing_are_told_in_one_split_of_twenty(
    tmp_path: Path,
) -> None:
    """20 splits of 120 images that are right 7 of 10 times, whatever the tag and the folder."""
    random = np.random.default_rng(0)
    told = 0
    for split in range(20):
        images = [image(n, (100 + n, CELL, None)) for n in range(1, COUNT + 1)]
        answers = [
            Prediction(n, scores={CELL: share, DEBRIS: 1 - share})
            for n, share in enumerate(np.where(random.random(COUNT) < 0.7, 0.9, 0.2), start=1)
        ]
        run = run_with(tmp_path / str(split), Task.CLASSIFY, images, answers)
        facts = Facts(
            tags={n: [f"t{random.integers(3)}"] for n in range(1, COUNT + 1)},
            folders={n: f"f{random.integers(3)}" for n in range(1, COUNT + 1)},
        )
        sliced = looked(analysis.load(run, "val"), facts)
        assert sliced.looks >= 6 + 5, "the pairs were looked at"
        told += any(each.kind == "pair" for each in sliced.worst)
    assert told <= 2


def test_a_part_of_few_images_that_is_all_right_is_not_called_certain() -> None:
    units = Units(np.arange(60), np.ones(60), 60)
    part = part_figure(units, with_whole(draw(60)), np.arange(60) < 18)
    assert part.figure.value == 1
    assert part.figure.interval == pytest.approx((0.8241, 1.0), abs=1e-3)


def test_a_folder_that_is_a_class_is_no_second_part(tmp_path: Path) -> None:
    images = [image(n, (n, CELL if n % 2 else DEBRIS, None)) for n in range(1, 41)]
    answers = [Prediction(n, scores={CELL: 0.9, DEBRIS: 0.1}) for n in range(1, 41)]
    analysed = analysis.load(run_with(tmp_path, Task.CLASSIFY, images, answers), "val")
    own = {n: "cells" if n % 2 else "debris" for n in range(1, 41)}
    assert {each.kind for each in looked(analysed, Facts(folders=own)).slices} == {"class"}
    other = {n: "monday" if n < 11 else "friday" for n in range(1, 41)}
    assert named(looked(analysed, Facts(folders=other)), "monday").kind == "folder"


def test_folders_are_called_as_on_the_data_page(tmp_path: Path) -> None:
    with (
        create_sample(tmp_path / "sample", Task.DETECT, images=12) as project,
        project.read() as s,
    ):
        ids = queries.image_ids(s)
        facts = facts_of(s, ids, {})
    assert set(facts.folders) == set(ids)
    assert set(facts.folders.values()) == {"images"}
