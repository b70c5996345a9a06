"""From weak to strong: every rung can be taken over, and each is stronger than the one before."""

from __future__ import annotations

import pytest

from cvstudio.augment import ladder
from cvstudio.augment.catalogue import TRANSFORMS, field_of, make_step, problems, transform
from cvstudio.augment.fields import Range, Transform


@pytest.mark.parametrize("record", TRANSFORMS, ids=lambda t: t.name)
def test_every_rung_is_a_sound_setting_and_stronger_than_the_one_before(record: Transform) -> None:
    for row in ladder.rows(make_step(record.name)):
        assert 0 <= row.now < len(row.rungs)
        before = dict.fromkeys(row.rungs[0].parameters, -1.0)
        for rung in row.rungs:
            assert problems(rung.step) == []
            assert rung.step.chance == 1
            assert problems(make_step(record.name, **rung.parameters)) == []
            for name, value in rung.parameters.items():
                field = field_of(record, name)
                assert isinstance(field, ladder.Scaling)
                strength = ladder.share_of(field, value)
                assert strength >= before[name]
                before[name] = strength
        assert all(strength == pytest.approx(1) for strength in before.values())


def test_a_range_is_shown_at_one_end_and_taken_over_whole() -> None:
    (row,) = ladder.rows(make_step("turn_whole"))
    assert row.rungs[1].parameters == {"rotation": [-27, 27]}
    assert row.rungs[1].step.parameters["rotation"] == [27, 27]
    (other,) = ladder.rows(make_step("turn_whole"), other_way=True)
    assert other.rungs[1].step.parameters["rotation"] == [-27, -27]
    (jpeg,) = ladder.rows(make_step("jpeg"))
    assert jpeg.rungs[-1].step.parameters["quality"] == [5, 5]  # less quality is stronger
    assert jpeg.rungs[-1].words == "5 to 100"


def test_the_rung_nearest_to_the_setting_is_marked() -> None:
    for strength, now in ((2, 0), (12, 1), (40, 2), (100, 4)):
        (row,) = ladder.rows(make_step("sharpen", strength=[0, strength]))
        assert row.now == now


def test_one_setting_is_raised_while_the_others_rest() -> None:
    rows = {row.title: row for row in ladder.rows(make_step("affine"))}
    turned = rows["Rotation"].rungs[2].step.parameters
    assert turned["scale"] == [1, 1]
    assert turned["shift"] == 0
    assert turned["border"] == "background"
    every = rows["All together"].rungs[2].parameters
    assert set(every) == {"rotation", "scale", "shift"}
    assert isinstance(field_of(transform("affine"), "scale"), Range)
    assert ladder.rows(make_step("flip_horizontal")) == []
