"""COCO's average precisions over all classes and of each, for every draw of the images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvstudio.core.metrics.objects import ObjectMatches
from cvstudio.core.metrics.resampling import (
    OVERLAPS,
    Draws,
    Floats,
    average_precision,
    mean_known,
)

SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""COCO's sizes, in square pixels, by name."""


@dataclass(frozen=True, eq=False, slots=True)
class AveragesDrawn:
    """Figures by name, one for each draw; not-a-number where a draw has no such annotation.

    `figures` over all classes: mAP50-95, mAP50, mAP75, AP small, AP medium, AP large. `classes` by
    class id: AP50-95, AP50, AP75, AP small, AP medium, AP large.
    """

    figures: dict[str, Floats]
    classes: dict[int, dict[str, Floats]]
    labelled_on: dict[str, dict[int, frozenset[int]]]
    """By the size that a figure is of ("": all) and class id the places of the images that have
    such an annotation."""

    def images(self, name: str, class_id: int | None = None) -> int:
        """On how many images the objects lie that a figure is of, of one class or of all."""
        by_class = self.labelled_on.get(name.removeprefix("AP "), self.labelled_on[""])
        if class_id is not None:
            return len(by_class[class_id])
        return len(frozenset().union(*by_class.values()))


def averages_drawn(
    matches: ObjectMatches, drawn: Draws, *, sizes: bool = True, class_ids: tuple[int, ...] = ()
) -> AveragesDrawn:
    """The averages for each draw, by COCO's rules: ten overlaps, 101 recalls, crowds left out and,
    of a size, objects of other sizes. Without `sizes` those are left away; `class_ids` are the
    classes that count (none: all)."""
    ids = class_ids or matches.class_ids
    whole = _by_overlap(matches, drawn, ids, None)
    found = {"AP50-95": whole.mean(axis=1), "AP50": whole[:, 0], "AP75": whole[:, 5]}
    if sizes:
        for name, area in SIZES.items():
            found[f"AP {name}"] = _by_overlap(matches, drawn, ids, area).mean(axis=1)
    areas = {"": None, **(SIZES if sizes else {})}
    labelled_on = {
        name: {i: frozenset(np.flatnonzero(matches.labelled_in(i, area)).tolist()) for i in ids}
        for name, area in areas.items()
    }
    return AveragesDrawn(
        {
            name if name.startswith("AP ") else f"m{name}": mean_known(rows.T)
            for name, rows in found.items()
        },
        {
            class_id: {name: rows[place] for name, rows in found.items()}
            for place, class_id in enumerate(ids)
        },
        labelled_on,
    )


def _by_overlap(
    matches: ObjectMatches,
    drawn: Draws,
    class_ids: tuple[int, ...],
    area: tuple[float, float] | None,
) -> Floats:
    """(classes, 10 overlaps, draws)."""
    totals = [
        np.asarray(drawn @ matches.labelled_in(class_id, area), np.float64)
        for class_id in class_ids
    ]
    rows = np.full((len(class_ids), len(OVERLAPS), len(drawn)), np.nan)
    for step, iou in enumerate(OVERLAPS):
        rankings = matches.rankings(float(iou), area)
        for place, (class_id, total) in enumerate(zip(class_ids, totals, strict=True)):
            if total.any():
                rows[place, step] = average_precision(drawn, *rankings[class_id], total)
    return rows
