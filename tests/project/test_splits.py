"""Splits are repeatable, fair to every class, keep what is decided, and never tear a group."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from cvstudio.core.annotation import Split
from cvstudio.core.errors import ConfigError
from cvstudio.core.geometry import Box
from cvstudio.project import commands, queries, splits
from cvstudio.project.project import Project

TRAIN, VAL, TEST = Split


def some_labels(count: int, seed: int = 0) -> dict[int, set[int]]:
    """Images with any of ten classes; class 0 on every second one, class 9 on every twentieth."""
    chance = random.Random(seed)
    return {i: {c for c in range(10) if chance.random() < 0.5 / (1 + c)} for i in range(1, count)}


def shares(assigned: dict[int, Split], images: set[int]) -> list[float]:
    counts = Counter(assigned[i] for i in images)
    return [counts[split] / len(images) for split in Split]


def test_the_same_seed_gives_the_same_splits_and_another_seed_others() -> None:
    labels = some_labels(500)
    shuffled = dict(sorted(labels.items(), key=lambda pair: -pair[0]))
    assert splits.assign(labels, seed=1) == splits.assign(shuffled, seed=1)
    assert splits.assign(labels, seed=1) != splits.assign(labels, seed=2)


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.1), (0.8, 0.2, 0.0), (0.4, 0.3, 0.3)])
def test_every_class_and_the_whole_have_the_shares_asked_for(
    fractions: tuple[float, float, float],
) -> None:
    labels = some_labels(1_001)
    assigned = splits.assign(labels, fractions=fractions, seed=5)
    assert assigned.keys() == labels.keys()
    assert shares(assigned, set(labels)) == pytest.approx(fractions, abs=0.01)
    for label in range(10):
        images = {i for i, classes in labels.items() if label in classes}
        tolerance = 1.5 / len(images) + 0.01  # an image or two
        assert shares(assigned, images) == pytest.approx(fractions, abs=tolerance), label


def test_a_class_on_two_images_is_both_trained_and_judged() -> None:
    labels = {i: {1} for i in range(1, 101)} | {101: {2}, 102: {2}}
    for seed in range(20):
        assigned = splits.assign(labels, fractions=(0.5, 0.5, 0), seed=seed)
        assert {assigned[101], assigned[102]} == {TRAIN, VAL}


def test_few_images_are_dealt_out_sensibly() -> None:
    for count, expected in [(1, [1, 0, 0]), (3, [2, 1, 0]), (10, [7, 2, 1])]:
        assigned = splits.assign(dict.fromkeys(range(count), ()))
        assert [Counter(assigned.values())[split] for split in Split] == expected


def test_what_is_decided_stays_and_new_images_fill_up_what_is_missing() -> None:
    labels = some_labels(301)
    kept = dict.fromkeys(range(1, 101), TRAIN) | {101: TEST}
    assigned = splits.assign(labels, kept=kept, seed=3)
    assert all(assigned[i] is split for i, split in kept.items())
    assert shares(assigned, set(labels)) == pytest.approx((0.7, 0.2, 0.1), abs=0.01)


def test_decided_images_stay_even_in_a_split_that_gets_no_share() -> None:
    assigned = splits.assign({1: (), 2: ()}, fractions=(1, 0, 0), kept={1: TEST})
    assert assigned == {1: TEST, 2: TRAIN}


def test_images_of_a_group_are_never_torn_apart() -> None:
    chance = random.Random(4)
    labels = some_labels(1_001)
    groups = {i: f"patient {chance.randrange(60)}" for i in labels if i % 10}
    assigned = splits.assign(labels, groups=groups, seed=1)
    of_group: dict[str, set[Split]] = {}
    for image, group in groups.items():
        of_group.setdefault(group, set()).add(assigned[image])
    assert all(len(found) == 1 for found in of_group.values())
    assert shares(assigned, set(labels)) == pytest.approx((0.7, 0.2, 0.1), abs=0.03)
    alone = [assigned[i] for i in labels if i not in groups]
    assert len(set(alone)) > 1


def test_new_images_of_a_group_follow_those_that_are_decided() -> None:
    labels = dict.fromkeys(range(20), ())
    groups = dict.fromkeys(range(5), "slide 1")
    assigned = splits.assign(labels, groups=groups, kept={0: VAL})
    assert {assigned[i] for i in range(5)} == {VAL}


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.2), (1.2, -0.2, 0), (0.5, 0.5)])
def test_shares_that_make_no_sense_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="add up to 1"):
        splits.assign({1: ()}, fractions=fractions)  # type: ignore[arg-type]


def test_a_proposal_for_a_project_follows_its_groups_and_changes_nothing(
    project: Project,
) -> None:
    with project.transaction("Prepare") as s:
        for image in range(1, 13):
            commands.add_annotation(
                s, image_id=image, class_id=1 + image % 2, shape=Box(0, 0, 1, 1)
            )
        commands.set_group(s, image_ids=[1, 2, 3], group="slide 1")
        commands.set_split(s, image_ids=[3], split=TEST)
    with project.read() as s:
        proposed = splits.propose(s, fractions=(0.5, 0.25, 0.25))
        again = splits.propose(s, fractions=(0.5, 0.25, 0.25), keep=False, group_by=None, seed=1)
        one_folder = splits.propose(s, keep=False, group_by="folder")
        some = splits.propose(s, image_ids=[3, 4])
    assert [proposed[i] for i in (1, 2, 3)] == [TEST] * 3
    assert [Counter(proposed.values())[split] for split in Split] == [6, 3, 3]
    assert [Counter(again.values())[split] for split in Split] == [6, 3, 3]
    assert set(one_folder.values()) == {TRAIN}
    assert some.keys() == {3, 4}
    with project.transaction("Split") as s:
        commands.set_splits(s, proposed)
    with project.read() as s:
        assert splits.propose(s, fractions=(0.5, 0.25, 0.25), seed=9) == proposed


def test_copies_of_a_file_are_never_trained_and_judged(project: Project) -> None:
    copies = [[1, 2], [3, 4, 5], [6, 7]]
    with project.transaction("Prepare") as s:
        hashes = [(i, f"{n:064x}") for n, images in enumerate(copies) for i in images]
        commands.update_images(s, ("sha256",), hashes)
        commands.set_group(s, image_ids=[5, 6], group="slide 1")
    with project.read() as s:
        for seed in range(8):
            for group_by in ("group", None):
                proposed = splits.propose(
                    s, fractions=(0.4, 0.3, 0.3), seed=seed, group_by=group_by, stratify=False
                )
                for images in copies:
                    assert len({proposed[image] for image in images}) == 1
        assert proposed.keys() == set(queries.image_ids(s))
        joined = splits.propose(s, fractions=(0.4, 0.3, 0.3), stratify=False)
        assert len({joined[image] for image in (3, 4, 5, 6, 7)}) == 1
    with project.transaction("Decide") as s:
        commands.set_split(s, image_ids=[1], split=TEST)
    with project.read() as s:
        assert splits.propose(s, image_ids=[2], keep=False) == {2: TEST}
