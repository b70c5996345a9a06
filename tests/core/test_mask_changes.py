"""What tells two masks apart leads from one to the other, to the same bytes, and is small."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvstudio.core import mask_changes, masks
from cvstudio.core.annotation import pack_shape
from cvstudio.core.masks import Mask


@st.composite
def patches(draw):
    """A patch of any size and density, with full and empty columns among them."""
    height, width = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return (chance.random((height, width)) < draw(st.sampled_from([0.05, 0.5, 0.95, 1]))).astype(
        np.uint8
    )


PLACE = st.integers(-20, 20)


@settings(max_examples=300, deadline=None)
@given(patches(), PLACE, PLACE, patches(), PLACE, PLACE)
def test_any_mask_comes_back_from_any_other(one, x, y, other, left, top):
    before, after = Mask.from_patch(one, x, y), Mask.from_patch(other, left, top)
    if before is None or after is None:
        return
    small = mask_changes.difference(pack_shape(before), pack_shape(after))
    assert small is not None
    assert mask_changes.apply(pack_shape(after), small) == pack_shape(before)


@settings(max_examples=200, deadline=None)
@given(patches(), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=6), PLACE)
def test_a_mask_comes_back_after_pixels_in_the_same_rectangle_changed(one, pixels, x):
    one[0, 0] = one[-1, -1] = 1  # keeps the rectangle
    other = one.copy()
    for column, row in pixels:
        if 0 < row < len(one) - 1:
            other[row, column % one.shape[1]] ^= 1
    before, after = pack_shape(Mask.from_patch(one, x, 0)), pack_shape(Mask.from_patch(other, x, 0))
    small = mask_changes.difference(before, after)
    assert small is not None
    assert mask_changes.apply(after, small) == before


@settings(max_examples=200, deadline=None)
@given(patches())
def test_run_lengths_are_written_as_pycocotools_writes_them(patch):
    code = masks.encode(patch)
    assert mask_changes.string_of(mask_changes.counts_of(code)) == code
    assert mask_changes.counts_of(code).sum() == patch.size


def test_long_runs_keep_their_length():
    code = masks.encode(np.pad(np.ones((1, 1), np.uint8), ((2999, 1), (4000, 900))))
    assert list(mask_changes.counts_of(code)) == [4000 * 3001 + 2999, 1, 1 + 900 * 3001]
    assert mask_changes.string_of(mask_changes.counts_of(code)) == code


def test_a_stroke_on_a_detailed_mask_is_told_in_a_hundredth_of_it():
    chance = np.random.default_rng(0)
    before = (chance.random((1000, 1000)) < 0.3).astype(np.uint8)
    after = before.copy()
    after[400:440, 300:420] = 1
    one, other = pack_shape(Mask.from_patch(before)), pack_shape(Mask.from_patch(after))
    small = mask_changes.difference(one, other)
    assert small is not None
    assert len(small) < len(one) / 100
    assert mask_changes.apply(other, small) == one


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_bytes_that_are_no_mask_or_no_change_are_refused_or_make_bytes_but_never_break(one, other):
    found = mask_changes.difference(one, other)
    if found is not None:
        assert mask_changes.apply(other, found) == one
    with suppress(ValueError):
        assert isinstance(mask_changes.apply(one, other), bytes)


@pytest.mark.parametrize("code", [b"\x7f", b"P", b"ooooooooooooooooo0", b"\x10"])
def test_run_lengths_that_are_cut_short_or_out_of_their_letters_are_refused(code):
    with pytest.raises(ValueError, match="run length"):
        mask_changes.counts_of(code)
