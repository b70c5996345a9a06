"""Writes CVAT for images 1.1 and CVAT for video 1.1: annotations.xml beside images/."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cvstudio.core import masks
from cvstudio.core.annotation import Review, Split
from cvstudio.core.attributes import Attribute, AttributeKind, Value, values_in
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.video_names import is_video_name
from cvstudio.formats.base import ExportAnnotation, ExportDataset, ExportImage, Writing
from cvstudio.formats.coco_carried import fingerprint
from cvstudio.formats.cvat import EMPTY_KEY
from cvstudio.formats.cvat_frames import number_of
from cvstudio.formats.cvat_labels import CROWD, WrittenLabel, text_of, write_labels
from cvstudio.formats.cvat_shapes import FRAME_KEY, KEY, orders_of, runs_of
from cvstudio.formats.cvat_tracks import Place, tracks_of
from cvstudio.formats.cvat_xml import Pen
from cvstudio.formats.images import place

_SUBSETS = {Split.TRAIN: "Train", Split.VAL: "Validation", Split.TEST: "Test"}
_NOT_WRITTEN = frozenset(("occluded", "group_id"))
"""Values that have a place of their own in CVAT."""
_CROWD = Attribute(CROWD, AttributeKind.CHECKBOX, default=False)


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write annotations.xml for images, and images/ with a folder for each split. Raises
    FormatError."""
    _Writer(dest, dataset, writing).write_images()


def write_video(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write annotations.xml for the frames of a video, and images/frame_000000 and so on. Raises
    FormatError."""
    _Writer(dest, dataset, writing).write_video()


class _Writer:
    def __init__(self, dest: Path, dataset: ExportDataset, writing: Writing) -> None:
        self.dest, self.dataset, self.writing = dest, dataset, writing
        self.labels = _labels(dataset, writing)
        self.apart = {label.of_class: label.name for label in self.labels if label.of_class}
        self.bones = {
            label.of_class or label.name: label.skeleton for label in self.labels if label.skeleton
        }

    def write_images(self) -> None:
        """One element for each image."""
        with_frames = [image for image in self.dataset.images if _tracked(image)]
        if with_frames:
            count = sum(map(_tracked, with_frames))
            self.writing.lose("object[s] lost the track that [it is|they are] in, which only"
                              " CVAT for video holds", count)  # fmt: skip
        with self._file() as stream:
            pen = self._begin(stream, mode="annotation")
            for number, image in enumerate(self.dataset.images):
                subset = _SUBSETS[image.split] if image.split is not None else ""
                name = place(image, self.dest / "images" / subset, self.writing)
                about = {"id": str(number), "name": name, "width": str(image.width),
                         "height": str(image.height)}  # fmt: skip
                if subset:
                    about["subset"] = subset
                if image.review is Review.EMPTY:
                    about[EMPTY_KEY] = "1"
                pen.open("image", **about)
                orders = orders_of(image.annotations)
                for annotation, order in zip(image.annotations, orders, strict=True):
                    self._write_object(pen, annotation, order)
                self._write_carried(pen, image)
                pen.close()
                self.writing.step("Writing CVAT", number + 1, len(self.dataset.images))
            pen.close()

    def write_video(self) -> None:
        """One element for each track; an object without one is a track of a single frame."""
        frames = self._frames()
        with self._file() as stream:
            pen = self._begin(stream, mode="interpolation", frames=[n for n, _ in frames])
            for number, (frame, image) in enumerate(frames, 1):
                place(replace(image, name=f"frame_{frame:06d}{Path(image.name).suffix}"),
                      self.dest / "images", self.writing, copy=True)  # fmt: skip
                self.writing.step("Writing CVAT", number, len(frames))
                tags = [a for a in image.annotations if a.shape is None]
                self.writing.leave_out(
                    "class[es] of [a whole image|whole images] [was|were] left out: CVAT for"
                    " video has none",
                    *tags,
                )
                lines = len(_carried_shapes(image))
                if lines:
                    self.writing.lose("shape[s] that [is|are] not drawn here [was|were] left"
                                      " out: [it has|they have] no track", lines)  # fmt: skip
            for number, places in enumerate(tracks_of(frames, self.writing)):
                head = {"id": str(number), "label": self._label(places[0].annotation),
                        "source": _source(places[0].annotation)}  # fmt: skip
                group = self._group(places[0].annotation)
                pen.open("track", **head, **({"group_id": group} if group else {}))
                for each in places:
                    self._write_frame(pen, each)
                pen.close()
            pen.close()

    def _frames(self) -> list[tuple[int, ExportImage]]:
        """The images with their numbers: those of one video keep theirs, and so do images that are
        named after frames."""
        images = self.dataset.images
        paths = {image.path for image in images}
        numbers = [number_of(Path(image.name)) for image in images]
        if len(paths) == 1 and is_video_name(images[0].path):
            numbers = [image.page for image in images]
        told = [(n, image) for n, image in zip(numbers, images, strict=True) if n is not None]
        if len({n for n, _ in told}) == len(images):
            return sorted(told, key=lambda pair: pair[0])
        self.writing.lose(
            "image[s] became [a frame|frames] and [is|are] named by [its|their] number", len(images)
        )
        return list(enumerate(images))

    # The file

    def _file(self) -> _File:
        (self.dest / "images").mkdir(parents=True, exist_ok=True)
        return _File(self.dest / "annotations.xml")

    def _begin(self, stream: Any, *, mode: str, frames: list[int] | None = None) -> Pen:
        """Write all that stands before the images or tracks."""
        pen = Pen(stream)
        pen.open("annotations")
        pen.leaf("version", "1.1")
        pen.open("meta")
        pen.open("task")
        pen.leaf("id", "0")  # Datumaro insists on one
        pen.leaf("name", self.dataset.name)
        numbers = range(len(self.dataset.images)) if frames is None else frames
        pen.leaf("size", str(len(self.dataset.images)))
        pen.leaf("mode", mode)
        pen.leaf("start_frame", str(min(numbers, default=0)))
        pen.leaf("stop_frame", str(max(numbers, default=0)))
        if frames is not None and self.dataset.images:
            pen.open("original_size")
            pen.leaf("width", str(self.dataset.images[0].width))
            pen.leaf("height", str(self.dataset.images[0].height))
            pen.close()
        write_labels(pen, self.labels, self.dataset.extras.get(KEY, {}).get("labels", {}))
        pen.close()
        pen.close()
        return pen

    def _label(self, annotation: ExportAnnotation) -> str:
        if isinstance(annotation.shape, Keypoints) and self._is_skeleton(annotation):
            return self.apart.get(annotation.class_name, annotation.class_name)
        return annotation.class_name

    def _is_skeleton(self, annotation: ExportAnnotation) -> bool:
        """Whether keypoints go out as a skeleton: they have all points of their class's one."""
        skeleton = self.bones.get(annotation.class_name)
        shape = annotation.shape
        return (
            skeleton is not None
            and isinstance(shape, Keypoints)
            and len(shape.points) == len(skeleton.names)
        )

    def _group(self, annotation: ExportAnnotation) -> str:
        found = annotation.attributes.get("group_id")
        if isinstance(found, int) and found > 0:
            return str(found)
        if found is not None:
            self.writing.lose(
                "group[s] [is no number|are no numbers] above 0, which CVAT wants: left out"
            )
        return ""

    # Shapes

    def _write_object(self, pen: Pen, annotation: ExportAnnotation, order: int) -> None:
        """One object on an image."""
        head = {"label": self._label(annotation), "source": _source(annotation)}
        tail = {} if annotation.shape is None else {"z_order": str(order)}
        group = self._group(annotation)
        if group:
            tail["group_id"] = group
        self._element(pen, annotation, head, tail, part={})

    def _write_frame(self, pen: Pen, each: Place) -> None:
        """One place of a track."""
        about = {"keyframe": str(int(each.key)), "outside": str(int(each.outside))}
        head = {"frame": str(each.frame), **about}
        lost = dict(self.writing.lost)
        self._element(pen, each.annotation, head, {"z_order": str(each.order)}, part=about)
        if each.outside:  # the object again, to say that it is gone: what it lost is told already
            self.writing.lost = lost

    def _element(
        self,
        pen: Pen,
        annotation: ExportAnnotation,
        head: dict[str, str],
        tail: dict[str, str],
        *,
        part: dict[str, str],
    ) -> None:
        """The element of a shape; `part` is what the points of a skeleton have in a track."""
        shape = annotation.shape
        if isinstance(shape, Keypoints) and self._is_skeleton(annotation):
            pen.open("skeleton", **head, **tail, **_framed(shape))
            self._points_of_skeleton(pen, annotation, shape, part)
        else:
            drawn = self._drawn(annotation)
            if drawn is None:
                return
            tag, numbers = drawn
            if tag != "tag":
                hidden = bool(values_in(annotation.attributes).get("occluded"))
                head = {**head, "occluded": str(int(hidden or _all_hidden(shape)))}
            pen.open(tag, **head, **numbers, **tail)
        for name, value in _values(annotation):
            pen.leaf("attribute", text_of(value), name=name)
        pen.close()

    def _drawn(self, annotation: ExportAnnotation) -> tuple[str, dict[str, str]] | None:
        """The tag of a shape and its numbers; None when nothing of it can be written."""
        shape = annotation.shape
        kept = annotation.attributes.get(KEY)
        kept = kept if isinstance(kept, dict) else {}
        if "ellipse" in kept and kept.get("shape") == fingerprint(shape):
            names = ("cx", "cy", "rx", "ry", "rotation")
            return "ellipse", {n: repr(float(v)) for n, v in zip(names, kept["ellipse"],
                                                                strict=True)}  # fmt: skip
        match shape:
            case None:
                return "tag", {}
            case Box():
                return "box", _sides(shape)
            case RotatedBox():
                upright = Box(shape.cx - shape.w / 2, shape.cy - shape.h / 2, shape.w, shape.h)
                return "box", {**_sides(upright), "rotation": repr(float(shape.angle % 360.0))}
            case Mask():
                return "mask", _runs(shape)
            case Keypoints():
                if not len(shape.placed()):
                    self.writing.leave_out(
                        "set[s] of keypoints [has|have] no point and [was|were] left out",
                        annotation,
                    )
                    return None
                if len(shape.placed()) < len(shape.points):
                    self.writing.lose(
                        "set[s] of keypoints lost which of [its|their] points are absent"
                    )
                return "points", {"points": _pairs(shape.placed()), **_framed(shape)}
        if len(shape.parts) == 1 and not shape.parts[0].holes:
            return "polygon", {"points": _pairs(shape.parts[0].outer)}
        mask = masks.mask_of(shape)
        if mask is None:
            self.writing.leave_out(
                "outline[s] covered no pixel and [was|were] left out", annotation
            )
            return None
        self.writing.lose("outline[s] with holes or in several parts [was|were] written as [a"
                          " mask|masks], exact to the pixel")  # fmt: skip
        return "mask", _runs(mask)

    def _points_of_skeleton(
        self, pen: Pen, annotation: ExportAnnotation, shape: Keypoints, part: dict[str, str]
    ) -> None:
        skeleton = self.bones[annotation.class_name]
        assert skeleton is not None  # _is_skeleton has looked
        kept = annotation.attributes.get(KEY)
        told = kept.get("elements", {}) if isinstance(kept, dict) else {}
        for name, (x, y, known) in zip(skeleton.names, shape.points.tolist(), strict=True):
            absent = known == Visibility.ABSENT
            about = {
                "label": name, **({} if part else {"source": _source(annotation)}), **part,
                "outside": "1" if absent else part.get("outside", "0"),
                "occluded": str(int(known == Visibility.HIDDEN)),
                "points": f"{x!r},{y!r}",
            }  # fmt: skip
            pen.open("points", **about)
            for key, value in told.get(name, {}).items():
                pen.leaf("attribute", str(value), name=str(key))
            pen.close()

    def _write_carried(self, pen: Pen, image: ExportImage) -> None:
        """The shapes of the source that cannot be drawn."""
        for each in _carried_shapes(image):
            own = ("frame", "track_id", "keyframe", "outside")
            attrib = {k: str(v) for k, v in each["attrib"].items() if k not in own}
            pen.open(each["tag"], **attrib)
            for name, value in each.get("attributes", {}).items():
                pen.leaf("attribute", str(value), name=str(name))
            pen.close()


class _File:
    """The file that is written; what the disk says against it becomes a FormatError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Any:
        self._stream = self._path.open("w", encoding="utf-8")
        return self._stream

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._stream.close()
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            text = f"{self._path.name} could not be written: {reason}."
            raise FormatError(text, path=self._path) from None


def _labels(dataset: ExportDataset, writing: Writing) -> list[WrittenLabel]:
    """The labels of all classes. A label of CVAT that holds skeletons takes no other shapes: a
    class with both has two."""
    pointed: set[str] = set()
    other: set[str] = set()
    met = _met(dataset)
    for image in dataset.images:
        for annotation in image.annotations:
            bones = dataset.skeletons.get(annotation.class_name)
            fits = (
                isinstance(annotation.shape, Keypoints)
                and bones is not None
                and len(annotation.shape.points) == len(bones.names)
                and bones.names != (annotation.class_name,)
            )
            (pointed if fits else other).add(annotation.class_name)
    result = []
    for each in dataset.classes:
        asked = (*dataset.attributes.get(each.name, ()), *met.get(each.name, ()))
        bones = dataset.skeletons.get(each.name)
        drawn = bones if bones is not None and bones.names != (each.name,) else None
        alone = drawn if each.name not in other else None
        result.append(WrittenLabel(each.name, each.colour, asked, alone))
        if each.name in pointed and each.name in other:
            writing.lose("class[es] [has|have] a second label for [its|their] keypoints, since"
                         " CVAT's label of a skeleton takes no other shape")  # fmt: skip
            name = f"{each.name} (keypoints)"
            result.append(WrittenLabel(name, each.colour, asked, bones, of_class=each.name))
    return result


def _met(dataset: ExportDataset) -> dict[str, list[Attribute]]:
    """Definitions for values that annotations carry and their class does not ask for: CVAT leaves
    out what its labels do not define."""
    kinds: dict[str, dict[str, bool]] = {}
    for image in dataset.images:
        for annotation in image.annotations:
            found = kinds.setdefault(annotation.class_name, {})
            for name, value in _values(annotation):
                found[name] = found.get(name, True) and isinstance(value, bool)
    result: dict[str, list[Attribute]] = {}
    for class_name, found in kinds.items():
        asked = {each.name for each in dataset.attributes.get(class_name, ())}
        result[class_name] = [
            _CROWD if name == CROWD else
            Attribute(name, AttributeKind.CHECKBOX if ticks else AttributeKind.TEXT)
            for name, ticks in found.items() if name not in asked
        ]  # fmt: skip
    return result


def _values(annotation: ExportAnnotation) -> Iterator[tuple[str, Value]]:
    for name, value in values_in(annotation.attributes).items():
        if name not in _NOT_WRITTEN:
            yield name, value
    if annotation.attributes.get(CROWD):
        yield CROWD, True


def _source(annotation: ExportAnnotation) -> str:
    kept = annotation.attributes.get(KEY)
    return str(kept.get("source", "manual")) if isinstance(kept, dict) else "manual"


def _tracked(image: ExportImage) -> int:
    return sum("track_id" in a.attributes for a in image.annotations)


def _carried_shapes(image: ExportImage) -> list[dict[str, Any]]:
    kept = image.extras.get(KEY)
    found = kept.get("shapes", []) if isinstance(kept, dict) else []
    return [each for each in found if isinstance(each, dict)]


def _sides(box: Box) -> dict[str, str]:
    corners = (box.x, box.y, box.right, box.bottom)
    return {n: repr(float(v)) for n, v in zip(("xtl", "ytl", "xbr", "ybr"), corners, strict=True)}


def _runs(mask: Mask) -> dict[str, str]:
    return {
        "rle": ", ".join(map(str, runs_of(mask.patch()))),
        "left": str(mask.x), "top": str(mask.y), "width": str(mask.w), "height": str(mask.h),
    }  # fmt: skip


def _pairs(points: Any) -> str:
    return ";".join(f"{x!r},{y!r}" for x, y in points.tolist())


def _framed(shape: Keypoints) -> dict[str, str]:
    frame = shape.frame
    if frame is None:
        return {}
    return {FRAME_KEY: ",".join(repr(float(v)) for v in (frame.x, frame.y, frame.w, frame.h))}


def _all_hidden(shape: object) -> bool:
    if not isinstance(shape, Keypoints):
        return False
    known = shape.points[:, 2]
    return bool((known[known > 0] == Visibility.HIDDEN).all())
