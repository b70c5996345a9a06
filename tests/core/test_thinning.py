"""The curves of a long run: memory stays bounded, and no peak is lost."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cvstudio.core import events
from cvstudio.core.run_state import RunState
from cvstudio.core.thinning import MOST_STEPS, telling

GB = 2**30


def step(place: int, *, memory: int = GB, loss: float = 1.0, epoch: int = 1) -> events.StepEnded:
    return events.StepEnded(
        at=float(place), epoch=epoch, step=place, steps=100_000, losses={"loss": loss},
        learning_rate=1e-3, images_per_second=100.0 + place, memory=memory, waiting=0.25,
    )  # fmt: skip


def test_a_run_of_days_keeps_few_steps_and_every_peak() -> None:
    state = RunState()
    count = 50_000
    for place in range(count):
        memory = 9 * GB if place == 17_321 else GB // 2 if place == 4_444 else GB
        loss = 40.0 if place == 30_003 else 0.01 if place == 41_111 else 1.0 + place % 7 / 10
        state.apply(step(place, memory=memory, loss=loss))
        assert len(state.step_history) <= MOST_STEPS
    kept = state.step_history
    assert kept[0].step == 0
    assert [s.step for s in kept[-100:]] == list(range(count - 100, count))
    assert [s.step for s in kept] == sorted({s.step for s in kept})
    memories, losses = [s.memory for s in kept], [s.losses["loss"] for s in kept]
    assert max(memories) == 9 * GB
    assert min(memories) == GB // 2
    assert max(losses) == 40.0
    assert min(losses) == 0.01
    assert state.speed == 100.0 + count - 20.5


def test_the_time_that_is_left_follows_from_thinned_steps_as_from_all() -> None:
    state = RunState(total_epochs=10)
    for place in range(10_000):
        state.apply(step(place))
    left = state.seconds_left()
    assert left is not None
    assert left == 100_000 * 10 * (1 - state.share)


def test_a_run_that_goes_on_forgets_the_steps_that_it_makes_again() -> None:
    state = RunState()
    for place in range(3 * MOST_STEPS):
        state.apply(step(place, epoch=1 + place // MOST_STEPS))
    state.apply(
        events.Started(at=0, job="train", pid=1, process_created=1, total_epochs=4, first_epoch=3)
    )
    assert {s.epoch for s in state.step_history} == {1, 2}


def test_a_loss_that_was_no_number_is_still_seen_in_the_thinned_curve() -> None:
    ys = np.ones(10_000)
    ys[777] = math.nan
    kept = telling([ys], 200)
    assert len(kept) <= 200
    assert 777 in kept


def test_a_short_curve_is_kept_whole() -> None:
    assert telling([np.arange(50.0)], 50).tolist() == list(range(50))


@pytest.mark.parametrize(("count", "most"), [(1000, 40), (1001, 41), (2007, 2000), (9, 6)])
def test_each_stretch_of_a_thinned_curve_keeps_its_lowest_and_its_highest(
    count: int, most: int
) -> None:
    ys = np.random.default_rng(count).normal(size=count)
    kept = set(telling([ys], most).tolist())
    expected = {0, count - 1}
    for stretch in np.array_split(np.arange(1, count - 1), (most - 2) // 2):
        expected |= {int(stretch[ys[stretch].argmin()]), int(stretch[ys[stretch].argmax()])}
    assert kept == expected
