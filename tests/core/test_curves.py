"""The Train page names overfitting and underfitting when the curves show them, and only then."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cvstudio.core import events
from cvstudio.core.curves import reading
from cvstudio.core.run_state import RunState


def run(
    train: Sequence[float], val: Sequence[float], *, best: int | None = None, ended: bool = False
) -> RunState:
    """A run with these losses; `best` is the epoch with the best figure on val."""
    state = RunState(total_epochs=len(train))
    for place, (on_train, on_val) in enumerate(zip(train, val, strict=True), start=1):
        state.apply(
            events.EpochEnded(
                epoch=place, train={"loss": on_train}, val={"loss": on_val}, metrics={},
                learning_rate=1e-3, seconds=1, best=place == best,
            )
        )  # fmt: skip
    if ended:
        state.apply(events.Ended(outcome=events.Outcome.FINISHED))
    return state


FALLING = [1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1]
BY_HEART = [1.0, 0.9, 0.8, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0]
SETTLED = [1.0, 0.6, 0.4, 0.35, 0.34, 0.335, 0.334, 0.333, 0.333, 0.333]
FLAT = [1.0, 1.02, 0.99, 1.0, 0.98, 1.0, 1.01, 0.99, 1.0, 1.0]


def test_learning_by_heart_is_named_with_the_epoch_and_the_figures() -> None:
    said = reading(run(FALLING, BY_HEART, best=4))
    assert "by heart since about epoch 4" in said
    assert "from 0.7 to 0.95" in said


@pytest.mark.parametrize(
    ("train", "val", "best"),
    [
        (FALLING, BY_HEART, 10),  # the figure on val still gets better
        (BY_HEART, BY_HEART, 4),  # both rise: another trouble
        (FALLING[:5], BY_HEART[:5], 1),  # too few epochs to say
        (FALLING, SETTLED, 8),
        (SETTLED, SETTLED, 8),
    ],
)
def test_nothing_is_said_of_curves_that_do_not_show_it(
    train: list[float], val: list[float], best: int
) -> None:
    assert "by heart" not in reading(run(train, val, best=best))
    assert reading(run(SETTLED, SETTLED, best=8, ended=True)) == ""


def test_a_network_that_hardly_learns_is_named() -> None:
    assert "hardly learns: after 10 epochs" in reading(run(FLAT, FLAT, best=1))


def test_a_run_that_ended_while_it_was_learning_asks_for_more_epochs() -> None:
    assert "More epochs would help" in reading(run(FALLING, FALLING, best=10, ended=True))
    assert reading(run(FALLING, FALLING, best=10)) == ""  # it is still at work
    assert reading(run(FALLING, SETTLED, best=10, ended=True)) == ""


def test_losses_in_parts_count_as_their_sum() -> None:
    state = RunState(total_epochs=10)
    for place, value in enumerate(FLAT, start=1):
        parts = {"box": value / 2, "cls": value / 2}
        state.apply(
            events.EpochEnded(
                epoch=place, train=parts, val=parts, metrics={}, learning_rate=1, seconds=1
            )
        )
    assert "hardly learns" in reading(state)
