"""Writes labelme's JSON files, each beside its image, also as X-AnyLabeling writes them."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.core import masks
from cvstudio.core.annotation import Review
from cvstudio.core.attributes import INNER
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox
from cvstudio.formats.base import ExportAnnotation, ExportDataset, ExportImage, Writing
from cvstudio.formats.coco_carried import fingerprint
from cvstudio.formats.images import place
from cvstudio.formats.labelme import KEY, KNOWN
from cvstudio.formats.labelme_groups import GROUP, MARK, POINTS

LABELME_VERSION = "6.3.1"
"""The labelme whose loader the tests of this writer were held against."""
DIALECT_VERSION = "3.0.0"


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write a JSON file beside each image, in a folder for each split. Raises FormatError."""
    _Writer(dataset, writing, dialect=False).write(dest)


def write_dialect(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """The same as X-AnyLabeling has it. Raises FormatError."""
    if not writing.copy_images:
        writing.lose("image[s] [lies|lie] elsewhere, and X-AnyLabeling looks for [it|them]"
                     " beside its files",
                     len(dataset.images))  # fmt: skip
    _Writer(dataset, writing, dialect=True).write(dest)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One shape of a file: its type, its points and what else this type has."""

    kind: str
    points: Points
    more: dict[str, Any]


class _Writer:
    def __init__(self, dataset: ExportDataset, writing: Writing, *, dialect: bool) -> None:
        self.dataset, self.writing, self.dialect = dataset, writing, dialect
        self.title = "X-AnyLabeling" if dialect else "labelme"

    def write(self, dest: Path) -> None:
        edges = sum(bool(skeleton.edges) for skeleton in self.dataset.skeletons.values())
        if edges:
            self.writing.lose(
                f"skeleton[s] lost [its|their] edges: {self.title} has points only", edges
            )
        for done, image in enumerate(self.dataset.images, 1):
            folder = dest / image.split.value if image.split is not None else dest
            folder.mkdir(parents=True, exist_ok=True)
            name = place(image, folder, self.writing)
            if image.annotations or image.review is not Review.UNLABELLED:
                self._write_file(folder / f"{Path(image.name).stem}.json", image, name)
            self.writing.step("Writing labelme files", done, len(self.dataset.images))

    def _write_file(self, file: Path, image: ExportImage, name: str) -> None:
        kept = image.extras.get(KEY)
        kept = kept if isinstance(kept, dict) else {}
        flags = dict.fromkeys(kept.get("flags", ()), False)
        flags |= {a.class_name: True for a in image.annotations if a.shape is None}
        content: dict[str, Any] = {
            "version": DIALECT_VERSION if self.dialect else LABELME_VERSION,
            "flags": flags,
        }
        if self.dialect:
            content["checked"] = image.review in (Review.REVIEWED, Review.EMPTY)
        content["shapes"] = [*self._shapes(image), *kept.get("shapes", ())]
        content |= {"imagePath": name, "imageData": None}
        content |= {"imageHeight": image.height, "imageWidth": image.width}
        other: dict[str, Any] = kept.get("other", {})
        if image.tags:
            content["tags"] = list(image.tags)
        if self.dialect and not content["checked"] and "checked" in other:
            content["checked"] = other["checked"]
        content |= {k: v for k, v in other.items() if k not in content and k != "checked"}
        try:
            text = json.dumps(content, ensure_ascii=False, indent=2)
            file.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            reason = error.strerror or str(error)
            raise FormatError(f"{file.name} could not be written: {reason}.", path=file) from None

    def _shapes(self, image: ExportImage) -> list[dict[str, Any]]:
        groups = _Groups(image)
        for count in groups.shared():
            self.writing.lose("object[s] [shares|share] class and group with another, which"
                              " counts as parts of one there", count)  # fmt: skip
        result = []
        for annotation in image.annotations:
            if annotation.shape is None:
                if annotation.attributes.keys() - {KEY, "coco", "cvat"}:
                    self.writing.lose("class[es] of [a whole image|whole images] lost [its|their]"
                                      f" attributes: {self.title} has a flag for them")  # fmt: skip
            elif isinstance(annotation.shape, Keypoints):
                result += self._keypoints(annotation, annotation.shape, groups)
            else:
                result += self._outlined(annotation, image, groups)
        return result

    def _outlined(
        self, annotation: ExportAnnotation, image: ExportImage, groups: _Groups
    ) -> list[dict[str, Any]]:
        pieces = self._pieces(annotation)
        if not pieces:
            self.writing.leave_out(
                "outline[s] covered no pixel and [was|were] left out", annotation
            )
        group = annotation.attributes.get(GROUP)
        if len(pieces) > 1 and group is None:
            group = groups.free()
        return [self._item(annotation.class_name, piece, annotation, group) for piece in pieces]

    def _pieces(self, annotation: ExportAnnotation) -> list[_Piece]:
        """The shapes that an annotation becomes; several for an outline in parts."""
        shape = annotation.shape
        kept = annotation.attributes.get(KEY)
        kept = kept if isinstance(kept, dict) else {}
        same = "shape" in kept and kept["shape"] == fingerprint(shape)
        if same and "circle" in kept:
            return [_Piece("circle", np.array(kept["circle"]), {})]
        match shape:
            case Box():
                return [_Piece("rectangle", self._rectangle(shape), {})]
            case RotatedBox():
                if not self.dialect:
                    return [_Piece("oriented_rectangle", shape.corners(), {})]
                turn = math.radians(shape.angle % 360.0)
                return [_Piece("rotation", shape.corners(), {"direction": turn})]
            case Polygon():
                kind = kept["shape_type"] if same and "shape_type" in kept else "polygon"
                return self._polygon(shape, str(kind))
            case Mask():
                if self.dialect:
                    return self._polygon(masks.outline_of(shape), "polygon")
                return [_mask(shape)]
        return []

    def _rectangle(self, box: Box) -> Points:
        """Two corners, or X-AnyLabeling's four."""
        if not self.dialect:
            return np.array([(box.x, box.y), (box.right, box.bottom)])
        return RotatedBox.of_box(box).corners()

    def _polygon(self, polygon: Polygon, kind: str) -> list[_Piece]:
        if any(part.holes for part in polygon.parts):
            if not self.dialect:
                self.writing.lose(
                    "outline[s] with holes [was|were] written as [a mask|masks], exact to the pixel"
                )
                mask = masks.mask_of(polygon)
                return [_mask(mask)] if mask is not None else []
            self.writing.lose("object[s] lost [its|their] holes, which X-AnyLabeling does not know")
        return [_Piece(kind, part.outer, {}) for part in polygon.parts]

    def _keypoints(
        self, annotation: ExportAnnotation, shape: Keypoints, groups: _Groups
    ) -> list[dict[str, Any]]:
        """A point for each place, in one group with the shape that says whose they are."""
        name = annotation.class_name
        skeleton = self.dataset.skeletons.get(name)
        names = skeleton.names if skeleton is not None else ()
        names = (*names, *(str(i + 1) for i in range(len(names), len(shape.points))))
        placed = [(names[i], p) for i, p in enumerate(shape.points.tolist()) if p[2] > 0]
        if len(shape.points) == 1 and shape.frame is None and (not skeleton or names == (name,)):
            return [self._point(name, point, annotation, None) for _, point in placed]
        group = annotation.attributes.get(GROUP)
        kept = annotation.attributes.get(KEY)
        told = kept.get(POINTS, {}) if isinstance(kept, dict) else {}
        result = []
        if group is None or not groups.holds(name, group):
            group = groups.free() if group is None or groups.taken(group) else group
            piece = _Piece("rectangle", self._rectangle(_visible(shape.box)), {})
            mark = {MARK: POINTS if shape.frame is None else "framed"}
            result.append({**self._item(name, piece, annotation, group), **mark})
        for label, point in placed:
            result.append({**self._point(label, point, None, group), **_out(told.get(label, {}))})
        return result

    def _point(
        self, label: str, point: list[float], annotation: ExportAnnotation | None, group: Any
    ) -> dict[str, Any]:
        x, y, known = point
        item = self._item(label, _Piece("point", np.array([(x, y)]), {}), annotation, group)
        if known == Visibility.HIDDEN:
            item["difficult"] = True
        return item

    def _item(
        self, label: str, piece: _Piece, annotation: ExportAnnotation | None, group: Any
    ) -> dict[str, Any]:
        carried = _out(annotation.attributes) if annotation is not None else {}
        if group is None and annotation is not None:
            group = annotation.attributes.get(GROUP)
        if not self.dialect and group is not None and not isinstance(group, int):
            self.writing.lose("group[s] [is a word|are words], and labelme has numbers: left out")
            group = None
        return {
            "label": label,
            "points": piece.points.tolist(),
            "group_id": group,
            "description": carried.pop("description", ""),
            "shape_type": piece.kind,
            "flags": carried.pop("flags", {}),
            **({} if self.dialect else {"mask": None}),
            **({"difficult": False, "attributes": {}} if self.dialect else {}),
            **carried,
            **piece.more,
        }


class _Groups:
    """The groups of one image: which are taken, and free numbers for new ones."""

    def __init__(self, image: ExportImage) -> None:
        found = [(a.class_name, a.attributes.get(GROUP), a.shape) for a in image.annotations]
        self._all = {group for _, group, _ in found if group is not None}
        self._last = max((g for g in self._all if isinstance(g, int)), default=0)
        self._holders = Counter(
            (name, group) for name, group, shape in found
            if group is not None and shape is not None and not isinstance(shape, Keypoints)
        )  # fmt: skip
        self._outlines = Counter(
            (name, group) for name, group, shape in found
            if group is not None and isinstance(shape, Polygon | Mask)
        )  # fmt: skip

    def free(self) -> int:
        """A number that no group has."""
        self._last += 1
        self._all.add(self._last)
        return self._last

    def taken(self, group: Any) -> bool:
        """Whether another shape than keypoints is in a group."""
        return any(other == group for _, other in self._holders)

    def holds(self, name: str, group: Any) -> bool:
        """Whether points of a group will be read as keypoints of its one shape of a class."""
        members = sum(count for (_, other), count in self._holders.items() if other == group)
        return members == 1 and self._holders[name, group] == 1

    def shared(self) -> list[int]:
        """How many outlines share class and group, for each where they do."""
        return [count for count in self._outlines.values() if count > 1]


def _out(attributes: dict[str, Any]) -> dict[str, Any]:
    """The keys of a shape for what its annotation carries: ticks as flags, other values as
    attributes, everything else under its own name."""
    result = {
        k: v for k, v in attributes.items()
        if k not in (KEY, INNER, GROUP, "difficult") and (k not in KNOWN or k == "description")
    }  # fmt: skip
    inner = attributes.get(INNER)
    values = inner if isinstance(inner, dict) else {}
    flags = {k: v for k, v in values.items() if isinstance(v, bool)}
    others = {k: v for k, v in values.items() if not isinstance(v, bool)}
    if flags:
        result["flags"] = flags
    if others:
        result["attributes"] = others
    if attributes.get("difficult"):
        result["difficult"] = True
    return result


def _visible(box: Box) -> Box:
    """A box with an area: one around a single point has none, and would not be read again."""
    wide, high = max(box.w, 2.0), max(box.h, 2.0)
    return Box(box.x - (wide - box.w) / 2, box.y - (high - box.h) / 2, wide, high)


def _mask(mask: Mask) -> _Piece:
    """A mask as a PNG; its corners are the first and the last pixel."""
    _, data = cv2.imencode(".png", mask.patch() * 255)
    corners = [(mask.x, mask.y), (mask.x + mask.w - 1, mask.y + mask.h - 1)]
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return _Piece("mask", np.array(corners, np.float64), {"mask": text})
