"""A run that begins with another one is told what that one learned from of today's val and test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cvstudio.core.annotation import Split, Task
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.project import commands, preflight, preflight_facts, queries, runs
from cvstudio.project.learned import Earlier, earlier
from cvstudio.project.preflight import Check, Level
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.sample import create_sample


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with create_sample(tmp_path / "cells", Task.DETECT, images=24) as made:
        yield made


def trained(project: Project, parent: RunRecord | None = None) -> RunRecord:
    """A run on the labels of now, with a checkpoint as one that is done has."""
    config = default_config(project.task, start=Start.SCRATCH)
    if parent is not None:
        config = runs.with_parent(project, config, parent.id)
    run = runs.create_run(project, config)
    job = runs.job_of(run)
    job.checkpoints.mkdir()
    job.best.write_bytes(b"weights")
    return run


def of(project: Project, split: Split) -> list[int]:
    with project.read() as session:
        records = queries.images(session, queries.image_ids(session))
    return [record.id for record in records if record.split is split]


def move(project: Project, images: list[int], split: Split) -> None:
    with project.transaction("Move") as session:
        commands.set_split(session, image_ids=images, split=split)


def recipe(project: Project, run: RunRecord) -> TrainConfig:
    return runs.with_parent(project, default_config(project.task), run.id)


def told(project: Project, config: TrainConfig) -> list[Check]:
    facts = preflight_facts.gather(project, config)
    return [c for c in preflight.checks(facts, config, None) if " learned from" in c.text]


def test_val_images_that_the_earlier_run_learned_from_are_counted_and_can_be_moved(
    project: Project,
) -> None:
    run = trained(project)
    config = recipe(project, run)
    (fine,) = told(project, config)
    assert (fine.level, fine.text) == (Level.OK, "Run 1 learned from no val or test image")
    known, val = of(project, Split.TRAIN)[:3], len(of(project, Split.VAL))
    move(project, known, Split.VAL)
    (check,) = told(project, config)
    assert check.level is Level.ADVICE
    assert check.text == f"Run 1 learned from 3 of {val + 3} val images: figures will flatter"
    assert "better than on images that it has never seen" in check.detail
    ways = {action.title: action for action in check.actions}
    assert set(ways["Show"].image_ids) == set(known)
    assert set(ways["Move to train"].image_ids) == set(known)
    assert ways["Use pretrained"].changes == {"start": Start.PRETRAINED}
    move(project, known, Split.TRAIN)
    assert told(project, config) == [fine]


def test_parts_that_are_known_whole_are_not_offered_to_be_moved_away(project: Project) -> None:
    run = trained(project)
    config = recipe(project, run)
    train, val, test = (of(project, split) for split in Split)
    move(project, [*val, *test], Split.TRAIN)
    move(project, train[:4], Split.VAL)
    move(project, train[4:6], Split.TEST)
    (check,) = told(project, config)
    assert check.text.startswith("Run 1 learned from 4 of 4 val and 2 of 2 test images")
    assert [action.title for action in check.actions] == ["Show", "Use pretrained"]


def test_a_copy_of_what_was_learned_from_counts_too(project: Project) -> None:
    run = trained(project)
    with project.read() as session:
        learned = queries.image(session, of(project, Split.TRAIN)[0])
    assert learned is not None
    twin = of(project, Split.VAL)[0]
    with project.transaction("Copy") as session:
        commands.update_images(session, ("sha256",), [(twin, learned.sha256)])
    (check,) = told(project, recipe(project, run))
    assert check.actions[0].image_ids == (twin,)


def test_runs_before_the_earlier_one_count_and_it_is_said_when_one_of_them_is_gone(
    project: Project,
) -> None:
    oldest = trained(project)
    moved = of(project, Split.TRAIN)[:2]
    move(project, moved, Split.VAL)
    middle = trained(project, parent=oldest)
    config = recipe(project, middle)
    (check,) = told(project, config)
    assert check.text.startswith("Run 2 learned from 2 of ")
    shutil.rmtree(oldest.directory)
    (unknown,) = told(project, config)
    assert unknown.level is Level.ADVICE
    assert unknown.text == "Not all that run 2 learned from is known"
    runs.job_of(middle).snapshot.unlink()
    assert [c.text for c in told(project, config)] == [unknown.text]


def test_a_checkpoint_that_is_chosen_as_a_file_is_known_as_its_runs(project: Project) -> None:
    run = trained(project)
    moved = of(project, Split.TRAIN)[:1]
    move(project, moved, Split.VAL)
    last = runs.job_of(run).last
    last.write_bytes(b"weights")
    config = default_config(project.task, start=Start.FILE)
    config = runs.changed_config(config, {"weights_file": last})
    assert told(project, config)[0].text.startswith("Run 1 learned from 1 of ")
    elsewhere = project.path.parent / "mine.pt"
    elsewhere.write_bytes(b"weights")
    assert told(project, runs.changed_config(config, {"weights_file": elsewhere})) == []
    scratch = runs.changed_config(config, {"start": Start.SCRATCH})
    assert told(project, scratch) == [], "its weights are not used"


def test_nothing_is_said_of_a_run_that_has_not_been_looked_up(project: Project) -> None:
    run = trained(project)
    config = recipe(project, run)
    facts = preflight_facts.gather(project, config)
    weights = runs.job_of(run).best
    assert facts.earlier == {weights: Earlier(run.id, {Split.VAL: (), Split.TEST: ()})}
    assert earlier(project, weights, facts.divided) == facts.earlier[weights]
    unknown = preflight.checks(replace(facts, earlier={}), config, None)
    assert not any("learned from" in check.text for check in unknown)
