"""What tells two stored masks apart, in few bytes: the run-length code of their XOR.

    small = difference(before, after)      # packed masks, see annotation.pack_shape
    apply(after, small) == before          # to the same bytes

A brush stroke changes a few columns of a mask that may cover the whole image. Runs go down the
columns, as in COCO; XOR takes the ends that only one of the two has, so what both share costs
nothing, whatever its detail.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

Ends = NDArray[np.int64]
"""Where runs begin and end, by turns, ascending: column times height plus row of a rectangle."""

_FRAME = struct.Struct("<4i")
_LONGEST = 1 << 20
"""Pixels along a side; more is a damaged file, and would ask for all memory."""


def difference(before: bytes, after: bytes) -> bytes | None:
    """What `apply` needs to make `before` of `after`; None when it would not come to the very same
    bytes, such as for codes that another program wrote in a longer way than needed."""
    try:
        if before[: _FRAME.size] == after[: _FRAME.size]:
            small = _inside(before, after)
        else:
            small = _ACROSS + _across(before, after)
        return small if apply(after, small) == before else None
    except (ValueError, struct.error):
        return None


def apply(after: bytes, small: bytes) -> bytes:
    """The mask that `difference` was told as `before`. Raises ValueError when these are none."""
    try:
        if small[:1] == _ACROSS:
            return _back_across(after, small[1:])
        _, head, tail, *pair = _INSIDE.unpack_from(small)
    except struct.error as error:
        raise ValueError("no mask") from error
    if head < _FRAME.size or head + tail > len(after):
        raise ValueError("a change beyond the mask")
    start = None if head == _FRAME.size else (pair[0], pair[1])
    ends = np.cumsum(counts_of(after[head : len(after) - tail], start))
    found = _xor(ends, np.cumsum(counts_of(small[_INSIDE.size :])))
    middle = string_of(np.diff(found, prepend=np.int64(0)), start)
    return after[:head] + middle + after[len(after) - tail :]


_ACROSS = b"\x00"
_INSIDE = struct.Struct("<BIIqq")
"""1; how many bytes both masks share at their beginning and end; the two run lengths before."""


def _inside(before: bytes, after: bytes) -> bytes:
    """The difference of two masks in one rectangle. Only the bytes between those that they share
    at both ends are looked at, which is what a stroke touched: a tenth of a second less."""
    one, other = np.frombuffer(before, np.uint8), np.frombuffer(after, np.uint8)
    head = shared(before, after)
    while head > _FRAME.size and _goes_on(one[head - 1]):  # not between the digits of a number
        head -= 1
    start = _pair(one[_FRAME.size : head])
    if start is None:
        head = _FRAME.size
    tail = shared(before[head:], after[head:], from_end=True)
    while tail and any(len(of) > head + tail and _goes_on(of[-tail - 1]) for of in (one, other)):
        tail -= 1
    ends = [np.cumsum(counts_of(of[head : len(of) - tail], start)) for of in (before, after)]
    changed = string_of(np.diff(_xor(*ends), prepend=np.int64(0)))
    return _INSIDE.pack(1, head, tail, *(start or (0, 0))) + changed


def _goes_on(letter: np.uint8) -> bool:
    """Whether the number that a letter belongs to has more digits."""
    return bool(int(letter) - 48 & 32)


def shared(before: bytes, after: bytes, *, from_end: bool = False) -> int:
    """How many bytes are the same at the beginning, or at the end."""
    one, other = np.frombuffer(before, np.uint8), np.frombuffer(after, np.uint8)
    if from_end:
        one, other = one[::-1], other[::-1]
    most = min(len(one), len(other))
    for place in range(0, most, _PIECE):
        apart = one[place : min(place + _PIECE, most)] != other[place : min(place + _PIECE, most)]
        if apart.any():
            return place + int(apart.argmax())
    return most


def _pair(code: NDArray[np.uint8]) -> tuple[int, int] | None:
    """The last two run lengths of a code, which the next ones are told from; None for a code of
    less than four, where the next one is told by itself."""
    sums, number, place = [0, 0], 0, 0
    while place < len(code):
        stop = min(place + _PIECE, len(code))
        while _goes_on(code[stop - 1]):
            stop -= 1
            if stop == place:
                raise ValueError("a run length that is too long")
        values = _numbers(code[place:stop])
        if not number:
            values[0] = 0  # the third is told by itself, and so all even ones without the first
        for lane in (0, 1):
            sums[(number + lane) % 2] += int(values[lane::2].sum())
        number, place = number + len(values), stop
    return (sums[number % 2], sums[(number + 1) % 2]) if number > 3 else None


_PIECE = 1 << 16
"""Bytes that are looked at together: what fits the processor's cache is several times faster."""


def _across(before: bytes, after: bytes) -> bytes:
    """The difference of two masks in different rectangles, counted in the one around both."""
    one, ends_before = _unpacked(before)
    other, ends_after = _unpacked(after)
    around = _around(one, other)
    changed = _xor(_moved(ends_before, one, around), _moved(ends_after, other, around))
    return before[: _FRAME.size] + string_of(np.diff(changed, prepend=np.int64(0)))


def _back_across(after: bytes, small: bytes) -> bytes:
    other, ends = _unpacked(after)
    one = _frame(small)
    around = _around(one, other)
    changed = np.cumsum(counts_of(small[_FRAME.size :]))
    found = _moved(_xor(_moved(ends, other, around), changed), around, one)
    return small[: _FRAME.size] + string_of(_counts(found, one[2] * one[3]))


def counts_of(code: bytes, start: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """The run lengths in compressed COCO counts; `start`: the two before them, when the code is
    the later part of a longer one. Raises ValueError when they are cut short."""
    values = _numbers(np.frombuffer(code, np.uint8))
    # From the fourth on, each is told as what it has more than the one two before it.
    even = 0 if start else 2
    for lane in (even, 1):
        values[lane::2] = np.cumsum(values[lane::2])
    if start:
        values[::2] += start[0]
        values[1::2] += start[1]
    return values


def _numbers(code: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The numbers that a code holds, as they are told."""
    if not len(code):
        return np.zeros(0, np.int64)
    raw = code - np.uint8(48)
    last = np.flatnonzero(raw & 32 == 0)
    if not len(last) or last[-1] != len(raw) - 1 or raw.max() > 63:
        raise ValueError("run lengths that are cut short")
    first = np.empty_like(last)
    first[0], first[1:] = 0, last[:-1] + 1
    length = last - first + 1
    if length.max() > _DIGITS:
        raise ValueError("a run length that is too long")
    values = (raw[first] & 31).astype(np.int64)
    for digit in range(1, int(length.max())):
        some = np.flatnonzero(length > digit)
        values[some] |= (raw[first[some] + digit] & 31).astype(np.int64) << 5 * digit
    below = np.flatnonzero(raw[last] & 16)
    values[below] |= -1 << 5 * length[below]
    return values


def string_of(counts: NDArray[np.int64], start: tuple[int, int] | None = None) -> bytes:
    """Run lengths as compressed COCO counts, byte for byte as pycocotools writes them; `start` as
    for `counts_of`."""
    values = counts.copy()
    if start:
        values[2:] -= counts[:-2]
        values[:2] -= np.array(start)[: len(values)]
    else:
        values[3:] -= counts[1:-2]
    # A value of n digits of five bits lies between -16 * 32**(n-1) and 16 * 32**(n-1) - 1.
    size = np.where(values < 0, ~values, values)
    length = np.ones(len(values), np.int64)
    for digit in range(1, _DIGITS + 1):
        longer = size >= 16 << 5 * (digit - 1)
        if not longer.any():
            break
        length += longer
    last = np.cumsum(length) - 1
    first = last - length + 1
    out = np.zeros(int(length.sum()), np.uint8)
    for digit in range(int(length.max(initial=0))):
        some = slice(None) if digit == 0 else np.flatnonzero(length > digit)
        out[first[some] + digit] = (values[some] >> 5 * digit & 31) | 32
    out[last] &= 31
    return (out + np.uint8(48)).tobytes()


_DIGITS = 9
"""Of five bits, in the longest run length that is read."""


def _unpacked(mask: bytes) -> tuple[tuple[int, int, int, int], Ends]:
    frame = _frame(mask)
    counts = counts_of(mask[_FRAME.size :])
    area = frame[2] * frame[3]
    if int(counts.sum()) != area or (len(counts) and counts.min() < 0):
        raise ValueError("runs that do not fill their rectangle")
    ends = np.cumsum(counts)
    return frame, _without_pairs(ends[:-1] if len(counts) % 2 else ends)


def _frame(mask: bytes) -> tuple[int, int, int, int]:
    x, y, w, h = _FRAME.unpack_from(mask)
    if not (0 < w <= _LONGEST and 0 < h <= _LONGEST):
        raise ValueError("a mask of no size")
    return x, y, w, h


def _counts(ends: Ends, area: int) -> NDArray[np.int64]:
    """Run lengths, of what is not set first; what is left at the end is told unless it is 0."""
    if len(ends) and (ends[0] < 0 or ends[-1] > area):
        raise ValueError("runs beyond their rectangle")
    whole = ends if len(ends) and ends[-1] == area else np.append(ends, area)
    return np.diff(whole, prepend=np.int64(0))


def _around(
    one: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> tuple[int, int, int, int]:
    """The smallest rectangle around two."""
    x, y = min(one[0], other[0]), min(one[1], other[1])
    right = max(one[0] + one[2], other[0] + other[2])
    bottom = max(one[1] + one[3], other[1] + other[3])
    if max(right - x, bottom - y) > _LONGEST:
        raise ValueError("masks that lie too far apart")
    return x, y, right - x, bottom - y


def _moved(ends: Ends, frame: tuple[int, int, int, int], into: tuple[int, int, int, int]) -> Ends:
    """The same pixels counted in another rectangle, which must hold them all."""
    x, y, _, height = frame
    left, top, width, tall = into
    if (x, y, height) == (left, top, tall):
        return ends
    starts, stops = ends[::2], ends[1::2]
    column, below = starts // height, (stops - 1) // height
    pieces = below - column + 1  # a run that goes on in the next column is cut at its edge
    place = np.repeat(np.arange(len(starts)), pieces)
    number = np.arange(len(place)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    top_row = np.where(number == 0, starts[place] % height, 0)
    end_row = np.where(number == pieces[place] - 1, (stops[place] - 1) % height + 1, height)
    across = column[place] + number + (x - left)
    upper, lower = top_row + (y - top), end_row + (y - top)
    if len(across) and (
        across[0] < 0 or across[-1] >= width or upper.min() < 0 or lower.max() > tall
    ):
        raise ValueError("pixels beyond their rectangle")
    moved = np.empty(2 * len(place), np.int64)
    moved[::2], moved[1::2] = across * tall + upper, across * tall + lower
    return _without_pairs(moved)


def _xor(one: Ends, other: Ends) -> Ends:
    """The ends that only one of the two has; what they share at both sides is left out first."""
    most = min(len(one), len(other))
    apart = np.flatnonzero(one[:most] != other[:most])
    same = int(apart[0]) if len(apart) else most
    most -= same
    back = np.flatnonzero(one[len(one) - most :][::-1] != other[len(other) - most :][::-1])
    tail = int(back[0]) if len(back) else most
    middle = np.concatenate([one[same : len(one) - tail], other[same : len(other) - tail]])
    middle.sort(kind="stable")
    return _without_pairs(middle)


def _without_pairs(ends: Ends) -> Ends:
    """Two ends at one place are none. Of more than two there are at most none in sorted ends."""
    equal = ends[1:] == ends[:-1]
    if not equal.any():
        return ends
    keep = np.ones(len(ends), bool)
    keep[1:] &= ~equal
    keep[:-1] &= ~equal
    return ends[keep]
