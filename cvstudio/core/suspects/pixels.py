"""Suspects among labelled pixels: regions that a network which never saw them sees otherwise.

After V. Lad, J. Mueller: Estimating label quality and errors in semantic segmentation data via any
model (2023), which scores pixels by how sure the network is of their label. Answers are kept here
as regions, so a pixel is as sure as it lies deep in one: near an edge networks and people differ by
habit, deep inside they hardly do. Pixels are told as regions, for that is what a person mends.

A region that was answered and of which most is labelled otherwise is judged as a whole, as an
object is: its pixels lie as deep as all others, so that their depth says nothing. What a network
takes for something else again and again, as one kind of cell for its like, is its habit: a region
is held against those alone that are labelled as it is answered, or as it is labelled. Where nothing
is found, that counts half (values.SILENCE): networks overlook more than people invent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.masks import Mask
from cvstudio.core.metrics.pixels import IGNORED
from cvstudio.core.opencv import cv2
from cvstudio.core.suspects.agreement import CAUTION, Agreement
from cvstudio.core.suspects.values import LEAST, NOTHING, SILENCE, UNPROVEN, Doubt, Fault

ClassMap = NDArray[np.uint16]
Maps = Iterable[tuple[int, ClassMap, ClassMap]]

MOSTLY = 0.5
"""Share of an answered region that must be labelled otherwise for the whole to be judged."""
THICK = 2.0
"""Pixels from its edge to its middle that a region has to have: thinner ones are edges."""
SMALL = 24
"""Pixels below which a region is not worth a look."""
MOST = 40
"""Regions that are told of one image, the most doubtful of them."""
DEEP = 256
"""Depth in pixels beyond which all are as deep."""


@dataclass(frozen=True, slots=True)
class Region:
    """A doubt with the pixels that it is about."""

    doubt: Doubt
    mask: Mask
    pixels: int


@dataclass(frozen=True, eq=False)
class _Wholes:
    """The regions that are answered as one class, judged as a whole."""

    agreement: Agreement
    """How often one that is as deep in its middle is mostly labelled so."""
    otherwise: NDArray[np.float64]
    """By value of the map, how many of them are mostly labelled that instead."""

    def share(self, deep: int, given: int) -> float:
        """Of regions as deep that are labelled as they are answered or as `given`, the share that
        is labelled as answered; with the caution of Agreement."""
        so = float(self.agreement.at(np.array([deep], np.float64))[0])
        of_these = (self.otherwise[given] + CAUTION) / (self.otherwise.sum() + CAUTION)
        return so / (so + (1 - so) * float(of_these)) if so else 0.0


@dataclass(frozen=True, eq=False)
class PixelDoubts:
    """Everything that answers say against labelled pixels.

    `maps` gives, as often as it is asked, each image's id with its (height, width) maps of labels
    and answers: value i + 1 is class_ids[i], 0 is background, and IGNORED counts as neither.
    """

    maps: Callable[[], Maps]
    class_ids: tuple[int, ...]

    @cached_property
    def agreements(self) -> list[Agreement]:
        """By value of the map, how often a pixel of such depth is labelled as it is answered."""
        return [Agreement.of_counts(right, count) for right, count in zip(*self._told, strict=True)]

    @cached_property
    def _usual(self) -> NDArray[np.float64]:
        """By value of the map, the share of all pixels answered so that is labelled so."""
        right, count = self._told
        shares: NDArray[np.float64] = right.sum(axis=1) / np.maximum(count.sum(axis=1), 1)
        return shares

    @cached_property
    def _told(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """By value and depth, how many pixels are labelled as they are answered, and how many are
        answered so."""
        size = len(self.class_ids) + 1
        count, right = np.zeros((2, size, DEEP + 1))
        for _, labelled, found in self.maps():
            counts = labelled != IGNORED
            cell = found[counts].astype(np.int64) * (DEEP + 1) + depths(found)[counts]
            count += np.bincount(cell, minlength=count.size).reshape(count.shape)
            same = (labelled == found)[counts]
            right += np.bincount(cell[same], minlength=count.size).reshape(count.shape)
        return right, count

    @cached_property
    def _wholes(self) -> list[_Wholes]:
        """Those of each value of the map; none of the background, which is no region."""
        size = len(self.class_ids) + 1
        told: list[list[tuple[int, int]]] = [[] for _ in range(size)]
        for _, labelled, found in self.maps():
            depth = depths(found)
            for value in np.unique(found[found > 0]).tolist():
                for part, place in _parts(found == value):
                    given = _mostly(labelled[place][part], value)
                    if given is not None:
                        told[value].append((int(depth[place][part].max()), given))
        return [_wholes(value, each, size) for value, each in enumerate(told)]

    def unproven(self) -> list[int]:
        """The classes of which the network knows too little to doubt a label."""
        asked = self._told[1].sum(axis=1) > 0
        return [c for n, c in enumerate(self.class_ids, 1) if not asked[n] or self._usual[n] < 0.5]

    def regions(self) -> list[Region]:
        """All of them, the most doubtful first, and of equal ones the largest."""
        found = [region for each in self.maps() for region in self._of_image(*each)]
        return sorted(found, key=lambda r: (-r.doubt.doubt, -r.pixels))

    def _of_image(self, image_id: int, labelled: ClassMap, found: ClassMap) -> list[Region]:
        depth = depths(found)
        differs = (labelled != found) & (labelled != IGNORED)
        wholes = {
            int(seen): self._doubted_wholes(int(seen), labelled, found, depth)
            for seen in np.unique(found[differs])
        }
        told = [
            self._region(image_id, inside, given, seen, depth, wholes[seen])
            for given, seen in _pairs(labelled, found, differs)
            for inside in _pieces(differs & (labelled == given) & (found == seen))
        ]
        kept = [region for region in told if region.doubt.doubt >= LEAST]
        return sorted(kept, key=lambda r: -r.doubt.doubt)[:MOST]

    def _region(
        self, image_id: int, inside: tuple[Mask, NDArray[np.bool_], tuple[slice, slice]],
        given: int, seen: int, depth: NDArray[np.int64], wholes: NDArray[np.float64],
    ) -> Region:  # fmt: skip
        mask, patch, place = inside
        deep = depth[place][patch].astype(np.float64)
        sure = float(np.quantile(self.agreements[seen].at(deep), 0.25))
        # Where answers often differ, as at edges, that is nobody's fault: it counts how rare it is.
        usual = 1 - float(self._usual[seen])
        rarer = max(1 - (1 - sure) / usual, 0.0) if usual > 0 else 0.0
        believed = usual <= 0.5
        whole = float(np.median(wholes[place][patch]))
        likely = max(rarer * SILENCE if seen == 0 else rarer, whole)
        doubt = Doubt(
            Fault.WRONG_REGION, image_id, None, self._id(given), self._id(seen),
            float(likely if believed else likely * UNPROVEN), believed=believed,
            as_sure=whole if 0 < whole >= rarer else sure,
            whole=0 < whole >= rarer, box=mask.box,
        )  # fmt: skip
        return Region(doubt, mask, int(patch.sum()))

    def _doubted_wholes(
        self, seen: int, labelled: ClassMap, found: ClassMap, depth: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """For each pixel (h, w) that is labelled as most of its answered region, which is otherwise
        than that is answered, how often such regions are labelled as answered; 0 elsewhere."""
        result = np.zeros(found.shape)
        if not seen:
            return result
        for part, place in _parts(found == seen):
            given = _mostly(labelled[place][part], seen)
            if given is not None and given != seen:
                deep = int(depth[place][part].max())
                share = self._wholes[seen].share(deep, given)
                result[place][part & (labelled[place] == given)] = share
        return result

    def _id(self, value: int) -> int:
        return self.class_ids[value - 1] if value else NOTHING


def depths(found: ClassMap) -> NDArray[np.int64]:
    """How far each pixel (h, w) is from one of another value, in whole pixels up to DEEP."""
    deep = np.zeros(found.shape, np.float32)
    for value in np.unique(found):
        own = found == value
        distance = cv2.distanceTransform(own.astype(np.uint8), cv2.DIST_L2, 3)
        deep[own] = distance[own]
    return np.minimum(deep, DEEP).astype(np.int64)


def _mostly(labels: ClassMap, seen: int) -> int | None:
    """What an answered region (pixels,) is labelled as: `seen` where most of it is, else what the
    rest of it is mostly; None where nothing counts."""
    counts = np.bincount(labels[labels != IGNORED], minlength=seen + 1)
    if not counts.any():
        return None
    if counts[seen] > MOSTLY * counts.sum():
        return seen
    counts[seen] = 0
    return int(counts.argmax())


def _wholes(seen: int, told: list[tuple[int, int]], size: int) -> _Wholes:
    """From the depth in its middle and the label of each region that is answered `seen`."""
    deep = np.array([each[0] for each in told], np.float64)
    given = np.array([each[1] for each in told], np.int64)
    otherwise = np.bincount(given[given != seen], minlength=size).astype(np.float64)
    return _Wholes(Agreement.of(deep, given == seen), otherwise)


def _pairs(labelled: ClassMap, found: ClassMap, differs: NDArray[np.bool_]) -> list[list[int]]:
    """Every pair of label and answer that differ."""
    both = np.stack([labelled[differs], found[differs]], axis=1)
    pairs: list[list[int]] = np.unique(both, axis=0).tolist()
    return pairs


def _parts(here: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], tuple[slice, slice]]]:
    """The connected parts of a flag image that are not tiny: patch and where that lies."""
    _, found, table, _ = cv2.connectedComponentsWithStats(here.astype(np.uint8), connectivity=4)
    labels, stats = np.asarray(found), np.asarray(table)
    for part in range(1, len(stats)):
        x, y, w, h, pixels = (int(v) for v in stats[part])
        if pixels >= SMALL:
            place = (slice(y, y + h), slice(x, x + w))
            yield labels[place] == part, place


def _pieces(
    here: NDArray[np.bool_],
) -> Iterator[tuple[Mask, NDArray[np.bool_], tuple[slice, slice]]]:
    """The pieces of a flag image that are more than an edge: mask, patch and where that lies."""
    count, found, table, _ = cv2.connectedComponentsWithStats(here.astype(np.uint8), connectivity=4)
    thick = cv2.distanceTransform(np.pad(here, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    labels, stats = np.asarray(found), np.asarray(table)
    for piece in range(1, count):
        x, y, w, h, pixels = (int(v) for v in stats[piece])
        if pixels < SMALL:
            continue
        place = (slice(y, y + h), slice(x, x + w))
        patch = labels[place] == piece
        if thick[place][patch].max() < THICK:
            continue
        mask = Mask.from_patch(patch.astype(np.uint8), x, y)
        if mask is not None:
            yield mask, patch, place
