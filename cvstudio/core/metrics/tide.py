"""What fixing each kind of error would gain: TIDE's oracles over all predictions of a split.

Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors (ECCV 2020). All
predictions count, whatever their score; a prediction that is not right is one of

    localisation    its best annotation of the same class is overlapped by 0.1 up to 0.5
    classification  else: an annotation of another class is overlapped by at least 0.5
    duplicate       else: an annotation of its class is overlapped by at least 0.5, but taken
    background      else: it overlaps nothing by 0.1
    both            else: what it overlaps is of another class, and too little

and an annotation is missed when none of the first two could be put right to find it. A gain is the
mean AP at overlap 0.5 with that kind put right less the mean AP as it is; gains do not add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.error_kinds import ErrorKind
from cvstudio.core.metrics.objects import ObjectMatches
from cvstudio.core.metrics.overlaps import Floats, Ints, Overlaps
from cvstudio.core.metrics.resampling import Draws, Measured, average_precision, mean_known

FOREGROUND = 0.5
KINDS = (
    ErrorKind.WRONG_CLASS, ErrorKind.LOOSE_BOX, ErrorKind.BOTH, ErrorKind.DUPLICATE,
    ErrorKind.FALSE_ALARM, ErrorKind.MISSED,
)  # fmt: skip
"""TIDE's six in its order: Cls, Loc, Both, Dupe, Bkg, Miss."""
_RIGHT, _LOC, _CLS, _DUPE, _BKG, _BOTH, _IGNORED = range(7)
_KIND_OF = {
    ErrorKind.WRONG_CLASS: _CLS, ErrorKind.LOOSE_BOX: _LOC, ErrorKind.BOTH: _BOTH,
    ErrorKind.DUPLICATE: _DUPE, ErrorKind.FALSE_ALARM: _BKG,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gain:
    """One kind of error: how often it occurs among all predictions, and what AP50 fixing it would
    add (between 0 and 1)."""

    kind: ErrorKind
    count: int
    gain: Measured


@dataclass(frozen=True, eq=False, slots=True)
class _Kinds:
    """The kind of each prediction, the annotation that it would be put right by (or -1), and which
    annotations are missed."""

    kind: Ints
    fixed_by: Ints
    missed: NDArray[np.bool_]


def gains(matches: ObjectMatches, drawn: Draws) -> tuple[Gain, ...]:
    """TIDE's kinds with their gains; `drawn` is (draws, images), its first row the whole split.

    An annotation is put right by the surest of the predictions that could, and only where no right
    prediction has it; the others of its kind are taken away.
    """
    table = matches.overlaps
    kinds = _kinds(matches)
    before = _mean_average(table, kinds, drawn, None)
    found = []
    for kind in KINDS:
        if kind is ErrorKind.MISSED:
            count = int(kinds.missed.sum())
        else:
            count = int((kinds.kind == _KIND_OF[kind]).sum())
        after = _mean_average(table, kinds, drawn, kind) if count else before
        # A gain that is the same in every draw has no range: 0 of a kind that never occurs.
        found.append(Gain(kind, count, Measured.of_average(after - before, 0)))
    return tuple(found)


def _kinds(matches: ObjectMatches) -> _Kinds:
    t, right = matches.overlaps, matches.right(FOREGROUND)
    same = t.found_class[t.pair_found] == t.label_class[t.pair_label]
    best_same, same_label = _best(t, same)
    best_other, other_label = _best(t, ~same)
    kind = np.select(
        [
            right >= 0,
            t.found_in_crowd >= FOREGROUND,
            (best_same > 0) & (best_same < FOREGROUND),
            best_other >= FOREGROUND,
            best_same >= FOREGROUND,
            best_other == 0,
        ],
        [_RIGHT, _IGNORED, _LOC, _CLS, _DUPE, _BKG],
        _BOTH,
    ).astype(np.int64)
    taken = np.zeros(len(t.label_id), bool)
    taken[right[right >= 0]] = True
    target = np.where(kind == _LOC, same_label, np.where(kind == _CLS, other_label, -1))
    fixed_by = np.where((target >= 0) & ~np.append(taken, True)[target], target, -1)
    usable = np.zeros(len(t.label_id), bool)
    usable[fixed_by[fixed_by >= 0]] = True
    # Predictions fall in score: the first one of an annotation is the one that is put right.
    able = np.flatnonzero(fixed_by >= 0)
    first = np.full(len(t.label_id), -1, np.int64)
    first[fixed_by[able[::-1]]] = able[::-1]
    fixed_by[able[first[fixed_by[able]] != able]] = -1
    return _Kinds(kind, fixed_by, ~taken & ~usable)


def _best(t: Overlaps, chosen: NDArray[np.bool_]) -> tuple[Floats, Ints]:
    """The largest overlap of each prediction among some pairs (0: none), and with what."""
    iou, label = np.zeros(len(t.found_score)), np.full(len(t.found_score), -1, np.int64)
    pairs = np.flatnonzero(chosen)[::-1]  # of a prediction the largest comes first: it stays
    iou[t.pair_found[pairs]] = t.pair_iou[pairs]
    label[t.pair_found[pairs]] = t.pair_label[pairs]
    return iou, label


def _mean_average(t: Overlaps, kinds: _Kinds, drawn: Draws, fix: ErrorKind | None) -> Floats:
    """The mean AP at FOREGROUND for each draw with one kind put right."""
    counts = kinds.kind != _IGNORED
    right, classes = kinds.kind == _RIGHT, t.found_class.copy()
    labels = np.ones(len(t.label_id), bool)
    if fix is ErrorKind.MISSED:
        labels = ~kinds.missed
    elif fix is not None:
        concerned = kinds.kind == _KIND_OF[fix]
        mended = concerned & (kinds.fixed_by >= 0)
        counts &= ~concerned | mended
        right |= mended
        classes[mended] = t.label_class[kinds.fixed_by[mended]]
    rows = []
    for place in range(len(t.class_ids)):
        of_class = t.label_class == place
        before = _drawn_labels(t, drawn, of_class)
        if not before.any():
            continue
        chosen = counts & (classes == place)
        average = average_precision(
            drawn, t.found_image[chosen], right[chosen], _drawn_labels(t, drawn, of_class & labels)
        )
        # A class whose every annotation is missed has none left, and gains nothing.
        rows.append(np.where(before > 0, np.nan_to_num(average), np.nan))
    if not rows:
        return np.full(len(drawn), np.nan)
    return mean_known(np.stack(rows, axis=-1))


def _drawn_labels(t: Overlaps, drawn: Draws, chosen: NDArray[np.bool_]) -> Floats:
    per_image = np.bincount(t.label_image[chosen], minlength=len(t.image_ids))
    return np.asarray(drawn @ per_image, np.float64)
