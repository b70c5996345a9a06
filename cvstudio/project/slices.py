"""Parts of a split on which a run does worse: by class, size, place, looks, tag, by two of these at
once (slice_pairs.py), or in a query.

A part is looked at by one figure that is a share of right units (slicing.py): of images that are
classified their accuracy, of objects and of classes of images the F1, of images that are segmented
their mean IoU. Everything is at the score and overlap that are chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics.averages import SIZES
from cvstudio.core.metrics.figures import mean_of_known
from cvstudio.core.metrics.pixels import iou_per_class
from cvstudio.core.metrics.resampling import DRAWS, Draws, Measured, draw, with_whole
from cvstudio.core.metrics.slicing import (
    FEWEST_IMAGES,
    Bools,
    PartFigure,
    Units,
    apart_figure,
    corrected,
    figure_of,
    is_worse,
    part_figure,
)
from cvstudio.core.words import folder_names
from cvstudio.imaging.measures import ImageMeasures
from cvstudio.project import analysis, commands, queries
from cvstudio.project.finding import check as check_query
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.pixel_analysis import PixelAnalysis
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, folder_of
from cvstudio.project.several_analysis import SeveralAnalysis
from cvstudio.project.slice_pairs import explained, pairs_of
from cvstudio.project.verdict import Analysis, Case, go_on

SETTING = "slices"
"""Under which the queries of a project's own slices are kept."""
_MOST = 0.9
"""A part with more than this share of the images is the whole, and no part."""
_TOP = "the project's folder itself"
_EDGE = 0.02
"""What comes so near the frame, in parts of the image's side, lies at the edge."""
_QUARTERS = {
    "brightness": ("darkest quarter of the images", "brightest quarter of the images"),
    "contrast": ("quarter with the least contrast", "quarter with the most contrast"),
    "sharpness": ("most blurred quarter of the images", "sharpest quarter of the images"),
    "colour": ("palest quarter of the images", "most coloured quarter of the images"),
}


@dataclass(frozen=True, eq=False)
class Slice:
    """A part, its figure, and its units: by what they are told in a case."""

    kind: str
    """What it was made by: class, size, place, brightness, contrast, sharpness, colour, tag, group,
    folder, pair (of two of these), split or query. Another split's images and errors are not among
    those of this one."""
    name: str
    part: PartFigure
    chance: float
    """How likely so low a figure is after as many looks, when nothing is different."""
    worse: bool
    image_ids: tuple[int, ...]
    _keys: frozenset[tuple[int, str, int]] = field(repr=False)

    @property
    def objects(self) -> tuple[int, int] | None:
        """How many labelled and how many predicted objects are its units; None where images or
        classes of images are."""
        kinds = [kind for _image, kind, _number in self._keys]
        if not {"label", "found"} & {*kinds}:
            return None
        return kinds.count("label"), kinds.count("found")

    def cases(self, wrong: Iterable[Case]) -> list[Case]:
        """Those of the cases that belong to it, in their order."""
        return [case for case in wrong if not self._keys.isdisjoint(_keys_of(case))]


@dataclass(frozen=True, eq=False)
class Sliced:
    """All parts that were looked at, worst first, and the figure of the whole. Pairs of properties
    are among them where they are worse and neither property explains it alone."""

    figure: str
    whole: Measured
    slices: tuple[Slice, ...]
    images: int
    looks: int
    """How many parts were looked at, the pairs that are not told included."""

    @property
    def worst(self) -> list[Slice]:
        """The parts that are worse, and not by chance."""
        return [each for each in self.slices if each.worse]


@dataclass(frozen=True, eq=False)
class _Table:
    """The units of an analysis with what they can be parted by; class, size and place are of the
    units, everything else of their images."""

    units: Units
    figure: str
    keys: list[tuple[int, str, int]]
    image_ids: tuple[int, ...]
    parts: dict[tuple[str, str], Bools] = field(default_factory=dict)
    """(kind, name) -> which units."""

    def of_images(self, ids: Iterable[int]) -> Bools:
        """The units of some images."""
        wanted = np.isin(np.array(self.image_ids, np.int64), np.array(list(ids), np.int64))
        return wanted[self.units.image]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the project knows of the images by their ids, for parts that are made of it."""

    tags: Mapping[int, Sequence[str]] = field(default_factory=dict)
    groups: Mapping[int, str] = field(default_factory=dict)
    folders: Mapping[int, str] = field(default_factory=dict)
    looks: Mapping[int, ImageMeasures] = field(default_factory=dict)
    queries: Mapping[str, frozenset[int]] = field(default_factory=dict)


def facts_of(
    s: Session,
    image_ids: Sequence[int],
    looks: Mapping[int, ImageMeasures],
    *,
    more: Sequence[str] = (),
) -> Facts:
    """What the project knows of images now, with the images that its own queries find, and `more`.
    Raises QueryError for one of these that cannot be read."""
    for text in more:
        check_query(s, text)
    records = queries.images(s, image_ids)
    names = folder_names(queries.folders(s))  # as the Data page calls them
    return Facts(
        tags=queries.tags_of(s, image_ids),
        groups={r.id: r.group for r in records if r.group},
        folders={r.id: names[folder_of(r.uri)] or _TOP for r in records},
        looks=looks,
        queries={text: found_by(s, text) for text in (*own_queries(s), *more)},
    )


def own_queries(s: Session) -> list[str]:
    """The queries of the project's own slices, in the order in which they were made."""
    return [str(text) for text in queries.setting(s, SETTING, [])]


def found_by(s: Session, text: str) -> frozenset[int]:
    """The images that a query finds now."""
    return frozenset(queries.image_ids(s, ImageFilter(query=text)))


def add_query(project: Project, text: str, *, source: object = None) -> None:
    """Keep a query as a slice of the project. Raises QueryError for what cannot be read."""
    text = " ".join(text.split())
    with project.read() as s:
        check_query(s, text)
        kept = own_queries(s)
    if text and text not in kept:
        with project.transaction("Add slice", source=source) as s:
            commands.set_setting(s, SETTING, [*kept, text])


def remove_query(project: Project, text: str, *, source: object = None) -> None:
    """Forget a slice that was made by a query."""
    with project.read() as s:
        kept = own_queries(s)
    if text in kept:
        with project.transaction("Remove slice", source=source) as s:
            commands.set_setting(s, SETTING, [each for each in kept if each != text])


def on_other_splits(
    run: JobDir, analysed: Analysis, *, check: Callable[[], None] = go_on
) -> list[Analysis]:
    """The run's answers on the other splits that it was judged on."""
    return [
        analysis.load(run, split, check=check)
        for split in analysis.judged_splits(run)
        if split is not analysed.split
    ]


def look(
    analysed: Analysis,
    facts: Facts,
    *,
    score: float,
    iou: float,
    own: bool = False,
    drawn: Draws | None = None,
    others: Sequence[Analysis] = (),
) -> Sliced:
    """Every part that can be made, worst first. `drawn` is over the images of the analysis;
    `others` are those of the same run on other splits, which are held against this one."""
    table = _table(analysed, score, iou, own)
    _part_by_facts(table, facts)
    whole_of = with_whole(draw(len(table.image_ids), draws=DRAWS) if drawn is None else drawn)
    whole = figure_of(table.units, whole_of)
    judged: list[tuple[tuple[str, str], Bools, PartFigure]] = []
    for named, part in table.parts.items():
        some = 0 < part.sum() < _MOST * len(table.units)
        if some or named[0] == "query":
            judged.append((named, part, part_figure(table.units, whole_of, part)))
    pairs = pairs_of({named: part for named, part, _figure in judged}, table.units)
    of_pair = {("pair", pair.name): pair for pair in pairs}
    for named, pair in of_pair.items():
        judged.append((named, pair.part, part_figure(table.units, whole_of, pair.part)))
    nothing = np.zeros(len(table.units), bool)
    for place, other in enumerate(others, start=1):
        beside = _table(other, score, iou, own)
        drawn_beside = with_whole(draw(len(beside.image_ids), draws=len(whole_of) - 1, seed=place))
        apart = apart_figure(table.units, whole_of, beside.units, drawn_beside)
        judged.append((("split", other.split.value), nothing, apart))
    # Parts of too few images are shown, but never called worse: they are no looks.
    looks = [p.chance for _n, _m, p in judged if p.images >= FEWEST_IMAGES]
    chances = iter(corrected(looks))
    slices = []
    for (kind, name), mask, part_of in judged:
        chance = next(chances) if part_of.images >= FEWEST_IMAGES else 1.0
        worse = is_worse(part_of, whole.value, chance)
        if kind == "pair" and not (
            worse and not explained(of_pair[kind, name], table.parts, table.units, whole_of)
        ):
            continue
        places = np.unique(table.units.image[mask])
        slices.append(
            Slice(
                kind, name, part_of, chance, worse,
                tuple(table.image_ids[place] for place in places.tolist()),
                frozenset(table.keys[row] for row in np.flatnonzero(mask).tolist()),
            )
        )  # fmt: skip
    slices.sort(key=lambda each: (not each.worse, _order(each.part.figure.value)))
    return Sliced(table.figure, whole, tuple(slices), len(table.image_ids), len(judged))


def _order(value: float) -> float:
    return 2.0 if np.isnan(value) else value


def _keys_of(case: Case) -> frozenset[tuple[int, str, int]]:
    keys = [(case.image_id, "image", 0)]
    if case.annotation_id is not None:
        keys.append((case.image_id, "label", case.annotation_id))
    if case.prediction is not None:
        keys.append((case.image_id, "found", case.prediction))
    for class_id in {case.labelled, case.predicted} - {0}:
        keys.append((case.image_id, "class", class_id))
    return frozenset(keys)


# -- units


def _table(analysed: Analysis, score: float, iou: float, own: bool) -> _Table:
    match analysed:
        case ImageAnalysis():
            return _of_images(analysed)
        case SeveralAnalysis():
            return _of_several(analysed, score, own)
        case PixelAnalysis():
            return _of_pixels(analysed)
        case ObjectAnalysis():
            return _of_objects(analysed, score, iou, own)
    raise TypeError(type(analysed))


def _of_images(analysed: ImageAnalysis) -> _Table:
    images = analysed.judged.images
    right = np.array([i.labelled == i.predicted for i in images], np.float64)
    table = _Table(
        Units(np.arange(len(images)), right, len(images)), "accuracy",
        [(i.image_id, "image", 0) for i in images], tuple(i.image_id for i in images),
    )  # fmt: skip
    labelled = np.array([i.labelled for i in images], np.int64)
    _part_by_class(table, analysed, labelled)
    return table


def _of_several(analysed: SeveralAnalysis, score: float, own: bool) -> _Table:
    """Each class that an image has, and each that is found on it, is a unit: their share of right
    ones is the F1."""
    matches = analysed.matches
    report = matches.at(score, analysed.own_scores if own else {})
    right = matches.labelled & report.found
    rows = [np.nonzero(matches.labelled), np.nonzero(report.found)]
    image = np.concatenate([row[0] for row in rows])
    place = np.concatenate([row[1] for row in rows])
    ids = np.array(matches.class_ids, np.int64)[place]
    keys = [
        (matches.image_ids[i], "class", c)
        for i, c in zip(image.tolist(), ids.tolist(), strict=True)
    ]
    units = Units(image, right[image, place].astype(np.float64), len(matches.image_ids))
    table = _Table(units, "F1", keys, matches.image_ids)
    _part_by_class(table, analysed, ids)
    return table


def _of_pixels(analysed: PixelAnalysis) -> _Table:
    matches = analysed.matches
    means = np.array([mean_of_known(row) for row in iou_per_class(matches.confusions)])
    known = np.flatnonzero(~np.isnan(means))
    ids = tuple(matches.image_ids[place] for place in known.tolist())
    table = _Table(
        Units(np.arange(len(known)), means[known], len(known)), "mean IoU of an image",
        [(image_id, "image", 0) for image_id in ids], ids,
    )  # fmt: skip
    held = matches.confusions[known].sum(axis=2) > 0
    names = {c.id: c.name for c in analysed.classes}
    for place, class_id in enumerate(matches.class_ids):
        if class_id in names:
            table.parts["class", f"images with {names[class_id]}"] = held[:, place]
    return table


def _of_objects(analysed: ObjectAnalysis, score: float, iou: float, own: bool) -> _Table:
    """Each annotation, and each prediction that counts, is a unit: their share of right ones is
    the F1."""
    matches = analysed.matches
    t = matches.overlaps
    judged = matches.at(score=score, iou=iou, own=analysed.own_scores if own else {})
    label_found, counted, right = judged.right_and_wrong()
    image = np.concatenate([t.label_image, t.found_image[counted]])
    ids = tuple(t.image_ids.tolist())
    labelled = zip(t.label_image.tolist(), t.label_id.tolist(), strict=True)
    found = zip(t.found_image[counted].tolist(), t.found_index[counted].tolist(), strict=True)
    keys = [(ids[i], "label", a) for i, a in labelled] + [(ids[i], "found", p) for i, p in found]
    values = np.concatenate([label_found, right]).astype(np.float64)
    table = _Table(Units(image, values, len(ids)), "F1", keys, ids)
    places = np.concatenate([t.label_class, t.found_class[counted]])
    _part_by_class(table, analysed, t.class_ids[places])
    area = np.concatenate([t.label_area, t.found_area[counted]])
    for name, (low, high) in SIZES.items():
        table.parts["size", _SIZES[name]] = (area >= low) & (area < high)
    _part_by_place(table, analysed)
    return table


_SIZES = {
    "small": "small objects (below 32 × 32 px)",
    "medium": "medium objects (32 × 32 to 96 × 96 px)",
    "large": "large objects (from 96 × 96 px)",
}


def _part_by_class(table: _Table, analysed: Analysis, ids: NDArray[np.int64]) -> None:
    for c in analysed.classes:
        table.parts["class", c.name] = ids == c.id


def _part_by_place(table: _Table, analysed: ObjectAnalysis) -> None:
    """Where in its image each object lies: at the edge, or in which ninth its middle is."""
    labels = {(i.id, a.id): a.box for i in analysed.images.values() for a in i.annotations}

    def box_of(key: tuple[int, str, int]) -> Box:
        image_id, what, number = key
        if what == "label":
            return labels[image_id, number]
        return analysed.predictions[image_id].objects[number].box

    rows = []
    for key in table.keys:
        box, image = box_of(key), analysed.images[key[0]]
        rows.append(
            (
                box.x / image.width, box.y / image.height,
                box.right / image.width, box.bottom / image.height,
            )
        )  # fmt: skip
    left, top, right, bottom = np.array(rows, np.float64).reshape(-1, 4).T
    at_edge = (left < _EDGE) | (top < _EDGE) | (right > 1 - _EDGE) | (bottom > 1 - _EDGE)
    table.parts["place", "at the edge of the image"] = at_edge
    x, y = (left + right) / 2, (top + bottom) / 2
    for name, inside in (
        ("left third of the image", x < 1 / 3), ("right third of the image", x > 2 / 3),
        ("upper third of the image", y < 1 / 3), ("lower third of the image", y > 2 / 3),
    ):  # fmt: skip
        table.parts["place", name] = inside


def _part_by_facts(table: _Table, facts: Facts) -> None:
    """Parts that are whole images."""
    inside = set(table.image_ids)
    by_name: dict[tuple[str, str], set[int]] = {}
    for image_id, tags in facts.tags.items():
        for tag in tags:
            by_name.setdefault(("tag", tag), set()).add(image_id)
    for kind, values in (("group", facts.groups), ("folder", facts.folders)):
        for image_id, name in values.items():
            by_name.setdefault((kind, name), set()).add(image_id)
    for text, found in facts.queries.items():
        by_name["query", text] = set(found)
    looked = {image_id: each for image_id, each in facts.looks.items() if image_id in inside}
    if len(looked) >= 4 * FEWEST_IMAGES:
        for measure, (lowest, highest) in _QUARTERS.items():
            values = {image_id: getattr(each, measure) for image_id, each in looked.items()}
            low, high = np.percentile(list(values.values()), (25, 75))
            by_name[measure, lowest] = {i for i, value in values.items() if value <= low}
            by_name[measure, highest] = {i for i, value in values.items() if value >= high}
    of_class = {part.tobytes() for (kind, _name), part in table.parts.items() if kind == "class"}
    for named, ids in by_name.items():
        if ids & inside or named[0] == "query":
            part = table.of_images(ids & inside)
            # Where each class came in a folder of its own, the folder is no other part.
            if named[0] not in ("folder", "group") or part.tobytes() not in of_class:
                table.parts[named] = part
