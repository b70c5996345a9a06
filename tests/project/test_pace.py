"""The pace of labelling: idle time, breaks, bulk steps and undone work do not distort it."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from cvstudio.core.annotation import Review, Task
from cvstudio.core.geometry import Box
from cvstudio.project import commands, pace, steps
from cvstudio.project.pace import IDLE, SITTING, Act
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

START = 1_800_000_000.0


def working(images: range, *, start: float = START, every: float = 30.0) -> list[Act]:
    """One act on each image, evenly."""
    return [Act(start + every * number, image) for number, image in enumerate(images)]


def test_an_image_every_thirty_seconds_is_a_hundred_and_twenty_an_hour() -> None:
    found = pace.pace(working(range(1, 11)))
    assert found.images == 10
    assert found.seconds == pytest.approx(300)
    assert found.per_hour == pytest.approx(120)
    assert found.rest(60) == pytest.approx(1800)
    assert found.rest(0) == 0


def test_several_steps_on_an_image_make_it_no_more_than_one() -> None:
    acts = [Act(START + 10 * n, 1 + n // 5) for n in range(50)]
    found = pace.pace(acts)
    assert found.images == 10
    assert found.per_hour == pytest.approx(3600 / 50)


def test_a_rest_in_the_middle_is_left_out() -> None:
    later = START + 30 * 9 + IDLE + 900
    found = pace.pace(working(range(1, 11)) + working(range(11, 21), start=later))
    assert found.images == 20
    assert found.per_hour == pytest.approx(120)


def test_thinking_for_less_than_the_idle_limit_is_work() -> None:
    found = pace.pace(working(range(1, 7), every=IDLE))
    assert found.per_hour == pytest.approx(12)


def test_yesterday_is_another_sitting() -> None:
    yesterday = working(range(1, 200), start=START - 86_400, every=1)
    found = pace.pace(yesterday + working(range(300, 310)))
    assert found.images == 10
    assert found.per_hour == pytest.approx(120)
    assert pace.pace([Act(START - SITTING - 1, 1), Act(START, 2)]).images == 1


def test_too_little_work_gives_no_figure() -> None:
    assert pace.pace([]) == pace.Pace()
    assert pace.pace([Act(START, 1)]).per_hour is None
    assert pace.pace(working(range(1, 3), every=60)).per_hour is None
    quick = pace.pace(working(range(1, 6), every=1))
    assert quick.per_hour is None
    assert quick.rest(10) is None


def test_the_order_of_the_acts_does_not_matter() -> None:
    acts = working(range(1, 11))
    assert pace.pace(acts[::-1]) == pace.pace(acts)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    clock = count(START, 20)
    ours = SimpleNamespace(time=lambda: float(next(clock)))
    monkeypatch.setattr("cvstudio.project.steps.time", ours)
    made = Project.create(tmp_path / "p", task=Task.DETECT, classes=["A"])
    with made.transaction("Import") as s:
        commands.add_images(s, [NewImage(uri=f"{n}.png", width=9, height=9) for n in range(8)])
    return made


def test_only_what_was_done_on_one_image_at_a_time_and_stands_counts(project: Project) -> None:
    for image in (1, 2, 3):
        with project.transaction("Add box") as s:
            commands.add_annotation(s, image_id=image, class_id=1, shape=Box(1, 1, 3, 3))
    with project.transaction("Mark as reviewed") as s:
        commands.set_review(s, image_ids=[4], review=Review.EMPTY)
    with project.transaction("Mark as reviewed") as s:
        commands.set_review(s, image_ids=[5, 6, 7], review=Review.EMPTY)
    with project.read() as s:
        found = pace.acts(s)
    assert {act.image for act in found} == {None, 1, 2, 3, 4}
    project.undo()
    project.undo()
    with project.read() as s:
        after = pace.acts(s)
        assert len(steps.listed(s)) == 6
    assert {act.image for act in after} == {None, 1, 2, 3}
    assert len(after) == len(found) + 2
    project.close()


def test_an_import_and_a_new_class_are_no_labelling(project: Project) -> None:
    with project.transaction("Add class") as s:
        commands.add_class(s, name="B")
    with project.read() as s:
        assert pace.acts(s) == []
    project.close()
