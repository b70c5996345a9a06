"""Writes COCO, with what the reader carried along: the source's ids, numbers and unknown keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cvstudio.core import masks
from cvstudio.core.annotation import Review, Shape, Split, area_of
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox
from cvstudio.formats.base import ExportAnnotation, ExportDataset, ExportImage, Writing
from cvstudio.formats.coco import EMPTY_KEY, counts_of
from cvstudio.formats.coco_carried import fingerprint
from cvstudio.formats.coco_keypoints import ALONE_KEY, category_of, joined, written
from cvstudio.formats.coco_rotated import ROTATED_KEY
from cvstudio.formats.images import place


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write annotations/instances_SPLIT.json and images/SPLIT/. Raises FormatError."""
    extras = dataset.extras.get("coco", {})
    categories = _categories(dataset, extras.get("categories", {}))
    annotations_folder = dest / "annotations"
    annotations_folder.mkdir(parents=True, exist_ok=True)
    ids = _Ids(dataset)
    done = 0
    for split in (*Split, None):
        images = [image for image in dataset.images if image.split == split]
        if not images:
            continue
        folder = dest / "images" / split.value if split else dest / "images"
        found: dict[str, Any] = dict(extras.get("files", {}).get(split.value if split else "", {}))
        found.setdefault("info", {"description": dataset.name})
        found["images"], found["annotations"] = [], []
        for image in images:
            name = place(image, folder, writing)
            found["images"].append(
                {
                    **{k: v for k, v in image.extras.items() if k != "id"},
                    **({EMPTY_KEY: True} if image.review == Review.EMPTY else {}),
                    "id": ids.image(image),
                    "file_name": name,
                    "width": image.width,
                    "height": image.height,
                }
            )
            found["annotations"] += [
                _item(a, image, ids, categories, points) for a, points in joined(image.annotations)
            ]
            done += 1
            writing.step("Writing COCO", done, len(dataset.images))
        found["categories"] = list(categories.values())
        file = annotations_folder / (f"instances_{split.value}.json" if split else "instances.json")
        try:
            with file.open("w", encoding="utf-8") as stream:
                json.dump(found, stream, ensure_ascii=False)
        except OSError as error:
            reason = error.strerror or str(error)
            raise FormatError(f"{file.name} could not be written: {reason}.", path=file) from None


def _categories(dataset: ExportDataset, known: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A category for each class; ids from the source are kept where they are free."""
    taken: set[int] = set()
    result: dict[str, dict[str, Any]] = {}
    for label_class in dataset.classes:
        extras = known.get(label_class.name, {})
        wanted = extras.get("id")
        if isinstance(wanted, int) and wanted not in taken:
            taken.add(wanted)
        else:
            wanted = None
        found = {**extras, "id": wanted, "name": label_class.name}
        if label_class.name in dataset.skeletons:
            found |= category_of(dataset.skeletons[label_class.name], extras)
        result[label_class.name] = found
    following = 1
    for category in result.values():
        if category["id"] is None:
            while following in taken:
                following += 1
            taken.add(following)
            category["id"] = following
    return result


class _Ids:
    """Gives out ids: the source's own where they are free, new ones behind all of them."""

    def __init__(self, dataset: ExportDataset) -> None:
        images = [_id(image.extras) for image in dataset.images]
        annotations = [
            _id(a.attributes.get("coco")) for image in dataset.images for a in image.annotations
        ]
        self._next_image = max((i for i in images if i is not None), default=0)
        self._next_annotation = max((i for i in annotations if i is not None), default=0)
        self._images: set[int] = set()
        self._annotations: set[int] = set()

    def image(self, image: ExportImage) -> int:
        wanted = _id(image.extras)
        if wanted is None or wanted in self._images:
            self._next_image += 1
            wanted = self._next_image
        self._images.add(wanted)
        self.current = wanted
        return wanted

    def annotation(self, annotation: ExportAnnotation) -> int:
        wanted = _id(annotation.attributes.get("coco"))
        if wanted is None or wanted in self._annotations:
            self._next_annotation += 1
            wanted = self._next_annotation
        self._annotations.add(wanted)
        return wanted


def _id(carried: Any) -> int | None:
    found = carried.get("id") if isinstance(carried, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _item(
    annotation: ExportAnnotation,
    image: ExportImage,
    ids: _Ids,
    categories: dict[str, dict[str, Any]],
    points: Keypoints | None,
) -> dict[str, Any]:
    """One item; `points` are the keypoints of the same object."""
    carried = annotation.attributes.get("coco", {})
    carried = carried if isinstance(carried, dict) else {}
    shape = annotation.shape
    box = annotation.box
    own: dict[str, Any] = {
        "id": ids.annotation(annotation),
        "image_id": ids.current,
        "category_id": categories[annotation.class_name]["id"],
        "segmentation": _out(shape, image, runs=bool(carried.get("runs"))),
        "area": area_of(shape),
        "bbox": [box.x, box.y, box.w, box.h] if shape is not None else [],
        "iscrowd": int(bool(annotation.attributes.get("iscrowd"))),
    }
    if isinstance(shape, RotatedBox):
        # COCO knows the outline only; with these five numbers the same box comes back.
        own[ROTATED_KEY] = [shape.cx, shape.cy, shape.w, shape.h, shape.angle]
    if isinstance(shape, Keypoints):
        points, own[ALONE_KEY] = shape, "points" if shape.frame is None else "framed"
    if points is not None:
        own |= written(points)
    if "shape" in carried and carried["shape"] == fingerprint(shape):
        own.update({key: carried[key] for key in ("area", "bbox") if key in carried})
    extra = {k: v for k, v in annotation.attributes.items() if k not in ("coco", "iscrowd", *own)}
    return {**_unturned(extra), **own}


def _unturned(extra: dict[str, Any]) -> dict[str, Any]:
    """Attributes without CVAT's angle: it turns the bbox, which is now the box around the shape."""
    attributes = extra.get("attributes")
    if not isinstance(attributes, dict) or "rotation" not in attributes:
        return extra
    return {**extra, "attributes": {k: v for k, v in attributes.items() if k != "rotation"}}


def _out(shape: Shape, image: ExportImage, *, runs: bool) -> Any:
    if isinstance(shape, RotatedBox):
        return [shape.corners().ravel().tolist()]
    if isinstance(shape, Polygon):
        if any(part.holes for part in shape.parts):
            mask = masks.mask_of(shape)  # COCO's polygons know no holes; its masks do
            return masks.to_coco(mask, height=image.height, width=image.width) if mask else []
        return [part.outer.ravel().tolist() for part in shape.parts]
    if isinstance(shape, Mask):
        code = masks.to_coco(shape, height=image.height, width=image.width)
        if runs:
            code["counts"] = counts_of(code["counts"]).tolist()
        return code
    return []
