"""Pairs of images that show the same, and the move that keeps them from being trained and judged.

Found by their looks alone (imaging/likeness.py: a perceptual hash, then values), which needs no
network; embeddings, where there are some, add pairs that were cut, coloured or drawn over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cvstudio.core import similarity
from cvstudio.core.annotation import Split
from cvstudio.core.embedding import Embeddings
from cvstudio.imaging import likeness
from cvstudio.project import commands, queries
from cvstudio.project.project import Project

MOST = 10_000
"""Pairs that are told at most: the frames of one video are near-duplicates of each other."""

CLOSE = 0.3
"""Share of the distance to their other neighbours within which two images are nearly one."""
_SOMEWHAT = 0.6
"""How alike two images must look for a network's word that they are one."""
_OTHERS = 6
"""The neighbour that is no copy any more, unless there are as many of one image."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images that may show the same: their ids and splits, that of train first if one is.

    `sure` goes from 0 to 1, and `reason` says in words why.
    """

    first: int
    second: int
    splits: tuple[Split | None, Split | None]
    sure: float
    reason: str

    @property
    def leaks(self) -> bool:
        """Whether one is learned from or chosen by, and the other judged on."""
        return None not in self.splits and self.splits[0] is not self.splits[1]


def find(
    project: Project,
    embeddings: Embeddings | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Pair] | None:
    """The pairs among all images, the surest first; None when cancelled.

    `embeddings` are of images. Slow the first time, as thumbnails are made where there are none:
    call it in a thread.
    """
    with project.read() as s:
        records = queries.images(s, queries.image_ids(s))
    splits = {record.id: record.split for record in records}
    files = {record.id: (record.sha256, record.page) for record in records if record.sha256}
    from cvstudio.project.similarity.looks import looks_of  # a start needs no decoder

    looks = looks_of(project, splits, cancelled=cancelled, progress=progress)
    found = _by_looks(looks, files, cancelled)
    try:
        if embeddings is not None and not embeddings.of_objects:
            for key, told in _by_embeddings(embeddings, looks, cancelled).items():
                found.setdefault(key, told)
    except similarity.Stopped:
        return None
    if cancelled():
        return None
    pairs = [_pair(key, splits, *told) for key, told in found.items()]
    return sorted(pairs, key=lambda pair: (-pair.sure, pair.first, pair.second))[:MOST]


def moves(pairs: Iterable[Pair]) -> dict[int, Split]:
    """The images that have to change their split so that no pair leaks, and where they belong.

    Images that are tied by pairs, over several where need be, come together: into train if one of
    them is there, else into val. What is learned from is never taken away.
    """
    leaking = [pair for pair in pairs if pair.leaks]
    splits: dict[int, Split] = {}
    ties: dict[int, set[int]] = {}
    for pair in leaking:
        for image, other, split in (
            (pair.first, pair.second, pair.splits[0]), (pair.second, pair.first, pair.splits[1])
        ):  # fmt: skip
            assert split is not None  # a pair that leaks has two
            splits[image] = split
            ties.setdefault(image, set()).add(other)
    order, seen = list(Split), set[int]()
    wanted: dict[int, Split] = {}
    for image in ties:
        if image in seen:
            continue
        tied = _reached(image, ties)
        seen |= tied
        together = min((splits[each] for each in tied), key=order.index)
        wanted |= {each: together for each in tied if splits[each] is not together}
    return wanted


def as_of_now(pair: Pair, splits: Mapping[int, Split | None]) -> Pair:
    """The same pair with other splits."""
    now = splits.get(pair.first), splits.get(pair.second)
    return replace(pair, splits=now)


def separate(project: Project, pairs: Iterable[Pair], *, source: object = None) -> dict[int, Split]:
    """Move images as `moves` says, in one step; what was moved. Pairs may be old: splits are those
    of now."""
    with project.read() as s:
        asked = list(pairs)
        ids = {image for pair in asked for image in (pair.first, pair.second)}
        now = {record.id: record.split for record in queries.images(s, sorted(ids))}
    wanted = moves(as_of_now(p, now) for p in asked if p.first in now and p.second in now)
    if wanted:
        with project.transaction("Put near-duplicates into one split", source=source) as s:
            commands.set_splits(s, wanted)
    return wanted


def _reached(start: int, ties: Mapping[int, set[int]]) -> set[int]:
    seen, open_ = {start}, [start]
    while open_:
        fresh = ties[open_.pop()] - seen
        seen |= fresh
        open_ += fresh
    return seen


def _by_looks(
    looks: Mapping[int, likeness.Looks], files: Mapping[int, tuple[str, int]],
    cancelled: Callable[[], bool],
) -> dict[tuple[int, int], tuple[float, str]]:  # fmt: skip
    if len(looks) < 2:
        return {}
    ids = list(looks)
    found = {}
    for a, b, value in likeness.pairs_within(np.stack(list(looks.values())), cancelled=cancelled):
        pair = ids[a], ids[b]
        if pair[0] in files and files[pair[0]] == files.get(pair[1]):
            found[pair] = 1.0, "The same file"
        else:
            sure = min(value, 0.9999)
            found[pair] = sure, f"They look the same: {_percent(sure)} alike"
    return found


def _by_embeddings(
    embeddings: Embeddings, looks: Mapping[int, likeness.Looks], cancelled: Callable[[], bool]
) -> dict[tuple[int, int], tuple[float, str]]:
    """Pairs that lie much closer to each other than either does to its other neighbours: where all
    images of a class lie close together, closeness alone says nothing. They have to look somewhat
    alike too: a network that counts cells sees the same in two images with the same cells."""
    rows = similarity.centred(embeddings.vectors, embeddings.vectors)
    near = similarity.nearest(rows, rows, _OTHERS, same=True, stopped=cancelled)
    if near.distances.shape[1] < _OTHERS:
        return {}
    around = np.maximum(near.distances[:, -1], 1e-6)
    usual = np.minimum(around[:, None], around[near.places[:, :-1]])
    shares = near.distances[:, :-1] / usual
    ids: Sequence[int] = embeddings.images.tolist()
    found = {}
    for row, place in zip(*np.nonzero(shares <= CLOSE), strict=True):
        one, other = sorted((ids[row], ids[int(near.places[row, place])]))
        if one not in looks or other not in looks:
            continue
        look = likeness.likeness(looks[one], looks[other])
        if look < _SOMEWHAT:
            continue
        share = float(shares[row, place])
        times = f"{1 / share:.0f} times" if share > 0.01 else "more than 100 times"
        words = f"The network sees nearly the same, {times} closer than what is around them;"
        # Surer than no pair that looks the same by itself.
        sure = likeness.WORTH_A_LOOK * look * (1 - share)
        found[one, other] = sure, f"{words} they look {_percent(look)} alike"
    return found


def _pair(
    key: tuple[int, int], splits: Mapping[int, Split | None], sure: float, reason: str
) -> Pair:
    order = [*Split, None]
    first, second = sorted(key, key=lambda image: order.index(splits[image]))
    return Pair(first, second, (splits[first], splits[second]), sure, reason)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.999 else "over 99.9 %"
