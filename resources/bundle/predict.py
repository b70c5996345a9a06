"""Use the network in this folder on images of your own.

    python predict.py photo.jpg folder/          answers as JSON and CSV in the folder "predictions"
    python predict.py folder/ --overlay --masks  pictures with the answers drawn in, and masks too
    python predict.py film.mp4 --step 25         of a video each 25th frame, with number and time
    python predict.py --selftest                 does it answer here as it did where it was made?

It needs Python 3.9 or newer and three packages: numpy, onnxruntime, opencv-python-headless. All
that is known about the network (its classes, how an image becomes its input, what its outputs mean)
is read from the ONNX file itself, under the metadata key "cvstudio". From another program:

    from predict import Network, read
    network = Network("network.onnx")
    answer = network.answer(read("photo.jpg")[0])
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnxruntime as ort

HERE = Path(__file__).resolve().parent
ENDINGS = {
    ".jpg",
    ".jpeg",
    ".png",
    ".bmp",
    ".webp",
    ".tif",
    ".tiff",
    ".jp2",
    ".ppm",
    ".pgm",
    ".npy",
}
VIDEOS = {
    ".avi",
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".mpg",
    ".mpeg",
    ".wmv",
    ".flv",
    ".ogv",
    ".3gp",
    ".mts",
    ".m2ts",
}
PADDING = 114  # the grey beside an image, where the file does not say another
CANDIDATES = 10_000  # so many places of an image are looked at, best first
SURE = 0.5  # from here on a keypoint counts as there


class Problem(Exception):
    """What a person is to be told: a file that cannot be read, or a network of no use here."""


def say(text: str) -> None:
    """One line for whoever looks at the terminal."""
    sys.stdout.write(text + "\n")


# -- 1. Reading: from a file to the pixels that the network was taught with ------------------------


def read(path: str | Path) -> list[np.ndarray]:
    """The pages of an image file, upright: (h, w) or (h, w, 3 or 4), RGB or RGBA, as stored.

    A .npy file may hold (h, w) or (h, w, channels) of any number of channels.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".npy":
            return [np.load(path, allow_pickle=False)]
        data = np.fromfile(path, np.uint8)  # and not cv2.imread, which cannot open every name
    except (OSError, ValueError) as error:
        raise Problem(f"{path.name} cannot be read: {error}") from error
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            fine, pages = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED)
            pages = list(pages) if fine else []
        else:
            pages = [_decoded(data)]
    except cv2.error as error:
        raise Problem(f"{path.name} is damaged: {error.err}") from error
    if not pages or any(page is None for page in pages):
        raise Problem(f"{path.name} is no image that OpenCV can read.")
    return [_rgb(page) for page in pages]


def frames(path: str | Path, step: int = 1) -> Iterator[tuple[int, float, np.ndarray]]:
    """Of a video each step-th frame, the first among them: its number from 1 on, when it is shown
    in seconds, and its pixels (h, w, 3) RGB."""
    path = Path(path)
    try:
        str(path).encode()  # OpenCV cannot take a name that is no text
        with path.open("rb") as stream:
            head = stream.read(7)
    except (OSError, UnicodeEncodeError) as error:
        raise Problem(f"{path.name!r} cannot be read: {error}") from error
    # OpenCV would follow a playlist to wherever it leads.
    capture = None if head == b"#EXTM3U" else cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    number = 0
    try:
        while capture is not None and capture.grab():
            number += 1
            if (number - 1) % step == 0:
                seconds = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
                fine, picture = capture.retrieve()
                if not fine:
                    raise Problem(f"Frame {number} of {path.name} is damaged.")
                yield number, seconds, _rgb(picture)
    except cv2.error as error:
        raise Problem(f"{path.name} is damaged after frame {number}: {error.err}") from error
    finally:
        if capture is not None:
            capture.release()
    if not number:
        raise Problem(f"{path.name} is no video that OpenCV can read.")


def _decoded(data: np.ndarray) -> Any:
    """One picture as stored, turned as its EXIF data wants it."""
    upright = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR  # turns, but knows no transparency
    if bytes(data[:2]) == b"\xff\xd8":  # JPEG, which has none
        return cv2.imdecode(data, upright)
    stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    clear = stored is not None and stored.ndim == 3 and stored.shape[2] == 4
    if not clear and (b"eXIf" in data.tobytes() or b"EXIF" in data.tobytes()):
        return cv2.imdecode(data, upright)
    return stored


def _rgb(array: np.ndarray) -> np.ndarray:
    """OpenCV's order of colours turned round."""
    if array.ndim == 3 and array.shape[2] in (3, 4):
        order = [2, 1, 0, 3][: array.shape[2]]
        return np.ascontiguousarray(array[..., order])
    return array


def usual_window(array: np.ndarray) -> tuple[float, float]:
    """The range of an image's values but for 0.1 % at each end; of 8 bits 0 to 255."""
    if array.dtype == np.uint8:
        return 0.0, 255.0
    step = max(1, int(np.ceil(np.sqrt(array.size / 1_000_000))))
    sample = array[::step, ::step]
    if sample.ndim == 3 and sample.shape[2] == 4:
        sample = sample[:, :, :3]
    values = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample.ravel()
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, (0.1, 99.9)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def displayed(array: np.ndarray, window: tuple[float, float] | None) -> np.ndarray:
    """An image as (h, w, 3) uint8 RGB: deep values through a window, transparency over white."""
    alpha = None
    low, high = usual_window(array) if window is None or array.dtype == np.uint8 else window
    if array.ndim == 3 and array.shape[2] == 4:
        array, alpha = array[:, :, :3], array[:, :, 3]
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 3 and array.shape[2] != 3:
        raise Problem(f"An image of {array.shape[2]} channels has no usual look.")
    shown = array
    if array.dtype == np.uint16:
        shown = np.take(_steps(low, high), array)
    elif array.dtype != np.uint8:
        places = (array.astype(np.float32) - low) * (65535.0 / (high - low))
        places = np.nan_to_num(np.rint(places), nan=0.0, posinf=65535.0, neginf=0.0)
        shown = np.take(_steps(0.0, 65535.0), places.clip(0, 65535).astype(np.uint16))
    if alpha is not None:
        top = float(np.iinfo(alpha.dtype).max) if alpha.dtype.kind == "u" else 1.0
        cover = (alpha.astype(np.float32) / top).clip(0, 1)[:, :, None]
        shown = np.round(shown * cover + 255.0 * (1.0 - cover)).astype(np.uint8)
    if shown.ndim == 2:
        shown = np.repeat(shown[:, :, None], 3, axis=2)
    return np.ascontiguousarray(shown)


def _steps(low: float, high: float) -> np.ndarray:
    """The 8-bit value of each of 65,536 values."""
    level = ((np.arange(65536) - low) / max(high - low, 1e-12)).clip(0, 1)
    level = (level - 0.5) * np.tan(np.pi / 4) + 0.5  # just below 1: halves are rounded as there
    return np.asarray(np.round(level * 255), np.uint8)


def measured(array: np.ndarray, window: tuple[float, float] | None) -> np.ndarray:
    """All values as (h, w, channels) float32, 0 and 1 at the ends of the window, none cut off."""
    if array.ndim == 3 and array.shape[2] == 4:
        top = float(np.iinfo(array.dtype).max) if array.dtype.kind == "u" else 1.0
        cover = (array[:, :, 3:].astype(np.float64) / top).clip(0, 1)
        laid = array[:, :, :3] * cover + top * (1.0 - cover)
        array = (np.round(laid) if array.dtype.kind == "u" else laid).astype(array.dtype)
    if array.ndim == 2:
        array = array[:, :, None]
    eight = array.dtype == np.uint8
    low, high = (0.0, 255.0) if eight else window or usual_window(array)
    values = np.subtract(array, low, dtype=np.float64) * (1.0 / (high - low))
    values[~np.isfinite(values)] = 0.0
    return np.asarray(values, np.float32)


# -- 2. Preparing: from the pixels to the network's input ------------------------------------------


class Placement(NamedTuple):
    """Where an image lies in the input: x_input = x_image * scale_x + left, and y likewise."""

    scale_x: float
    scale_y: float
    left: int
    top: int
    width: int
    height: int
    input_width: int
    input_height: int

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of the image's part of the input."""
        return (
            max(round(self.width * self.scale_x), 1),
            max(round(self.height * self.scale_y), 1),
        )


def placement_of(width: int, height: int, size: int, fit: str) -> Placement:
    """ "pad": the longer side fits, the rest is padding; "stretch": both sides fit; "crop": own
    scale, padded to the right and below to a multiple of 32."""
    if fit == "stretch":
        return Placement(size / width, size / height, 0, 0, width, height, size, size)
    if fit == "crop":
        across, down = (-(-side // 32) * 32 for side in (width, height))
        return Placement(1.0, 1.0, 0, 0, width, height, across, down)
    if fit != "pad":
        raise Problem(f"This script does not know how to fit images by “{fit}”.")
    scale = size / max(width, height)
    inner_width, inner_height = max(round(width * scale), 1), max(round(height * scale), 1)
    left, top = (size - inner_width) // 2, (size - inner_height) // 2
    return Placement(
        inner_width / width, inner_height / height, left, top, width, height, size, size
    )


def resized(array: np.ndarray, width: int, height: int, how: int) -> np.ndarray:
    """cv2.resize for any number of channels, of which OpenCV takes four at once."""
    if array.shape[:2] == (height, width):
        return array
    if array.ndim == 2:
        return np.array(cv2.resize(array, (width, height), interpolation=how))
    parts = []
    for at in range(0, array.shape[2], 4):
        part = np.ascontiguousarray(array[:, :, at : at + 4])
        part = np.asarray(cv2.resize(part, (width, height), interpolation=how))
        parts.append(part.reshape(height, width, -1))
    return np.concatenate(parts, axis=2)


# -- 3. Answers ------------------------------------------------------------------------------------


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
Patch = tuple[int, int, np.ndarray]
"""x and y of a patch (h, w) of 0 and 1."""


@dataclass
class Found:
    """One object in pixels of the image; `box` is left, top, right, bottom."""

    class_id: int
    score: float
    box: Box
    mask: Patch | None = None
    rotated: tuple[float, float, float, float, float] | None = None  # centre, sides, degrees
    points: np.ndarray | None = None  # (k, 3): x, y, and from 0 to 1 how sure it is there

    def moved(self, x: int, y: int) -> Found:
        """The same object on an image of which a tile was looked at."""
        left, top, right, bottom = self.box
        mask, turned = self.mask, self.rotated
        return Found(
            self.class_id, self.score, (left + x, top + y, right + x, bottom + y),
            mask and (mask[0] + x, mask[1] + y, mask[2]),
            turned and (turned[0] + x, turned[1] + y, *turned[2:]),
            None if self.points is None else self.points + np.array([x, y, 0.0]),
        )  # fmt: skip


@dataclass
class Answer:
    """What the network says of one image: by task one of the three."""

    width: int
    height: int
    scores: dict[int, float] | None = None  # classify: a probability for each class id
    objects: list[Found] = field(default_factory=list)  # detect, instance: best first
    labels: np.ndarray | None = None  # segment: (h, w), 0 is background, else a class's place + 1


class Tile(NamedTuple):
    """A piece of a large image: the network sees one area, its answer counts in the other."""

    seen: tuple[int, int, int, int]  # left, top, right, bottom
    kept: tuple[int, int, int, int]


def tiles_of(width: int, height: int, side: int, margin: int) -> list[Tile]:
    """Squares of `side`, each seen with a margin as far as the image reaches."""
    tiles = []
    for top in range(0, height, side):
        for left in range(0, width, side):
            kept = (left, top, min(left + side, width), min(top + side, height))
            seen = (
                max(left - margin, 0), max(top - margin, 0),
                min(left + side + margin, width), min(top + side + margin, height),
            )  # fmt: skip
            tiles.append(Tile(seen, kept))
    return tiles


def class_windows(width: int, height: int, size: int, most: int) -> list[tuple[int, int, int, int]]:
    """Windows over whose probabilities the classes of an image are averaged: left, top, right and
    bottom, evenly spread from edge to edge, at most `most` along a side."""

    def starts(side: int) -> list[int]:
        beyond = max(side - size, 0)
        steps = min(-(-2 * beyond // size), most - 1)
        return [round(beyond * step / steps) for step in range(steps + 1)] if steps else [0]

    return [
        (left, top, min(left + size, width), min(top + size, height))
        for top in starts(height)
        for left in starts(width)
    ]


def windows_of(width: int, height: int, size: int) -> list[Tile]:
    """Pieces that are all `size` large, for networks that would see the image shrunk; neighbours
    share at least a quarter, of which half counts for either."""
    columns, rows = _spans(width, size), _spans(height, size)
    return [Tile((x[0], y[0], x[1], y[1]), (x[2], y[2], x[3], y[3])) for y in rows for x in columns]


def _spans(length: int, size: int) -> list[tuple[int, int, int, int]]:
    """Along one side: where each piece begins and ends, and the part of it that counts."""
    if length <= size:
        return [(0, length, 0, length)]
    count = -(-(length - size) // (size - size // 4)) + 1
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    edges = [0]
    edges += [(before + size + after) // 2 for before, after in zip(starts, starts[1:])]  # noqa: B905, RUF007  # Python 3.9
    edges.append(length)
    return [(s, s + size, edges[i], edges[i + 1]) for i, s in enumerate(starts)]


class Network:
    """An exported file, ready to answer."""

    def __init__(self, path: str | Path, threads: int = 0) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        kept = self.session.get_modelmeta().custom_metadata_map
        if "cvstudio" not in kept:
            raise Problem(f"{path} does not say what goes in and comes out.")
        about = json.loads(kept["cvstudio"])
        self.task: str = about["task"]
        self.classes: list[dict[str, Any]] = about["classes"]
        self.ids = [int(each["id"]) for each in self.classes]
        self.names = {int(each["id"]): str(each["name"]) for each in self.classes}
        self.input: dict[str, Any] = about["input"]
        self.rules: dict[str, Any] = about["answer"]
        self.warning = str(about["run"].get("warning", ""))
        told = about.get("verification") or {}
        self.unproven = ""
        """Why a file of fewer bits could be neither proven nor refused; "" for every other."""
        if told.get("verified") is None and told.get("unjudged"):
            self.unproven = f"{told['unjudged']}. {told['because']}"
        self.several = bool(about["network"].get("several_classes", False))
        self.listed = bool(about["network"].get("doubles_removed_inside", False))
        form = about["network"].get("objects", {})
        self.rotated = form.get("answers") == "rotated boxes"
        self.bones: dict[str, Any] | None = form.get("skeleton")
        self.score = float(about["thresholds"]["score"] or 0.25)
        self.own_hold = bool(about["thresholds"].get("per_class_hold", self.several))
        self.temperature = float(about["thresholds"].get("temperature") or 1.0)
        platt = about["thresholds"].get("platt")
        self.platt = (float(platt["slope"]), float(platt["shift"])) if platt else None
        own = about["thresholds"]["per_class"]
        self.own_scores = {int(key): v for key, v in own.items() if v is not None}
        self.size, self.fit = int(self.input["size"]), str(self.input["fit"])
        found = self.input.get("deeper_than_8_bits", {}).get("window")
        self.window = (float(found[0]), float(found[1])) if found else None
        self.mean = np.asarray(self.input["mean"], np.float64)
        self.std = np.asarray(self.input["std"], np.float64)
        self.all_values = self.input.get("sees", "displayed") != "displayed"

    # the way in

    def see(self, array: np.ndarray) -> np.ndarray:
        """An image as stored, as the network is shown it."""
        if not self.all_values:
            return displayed(array, self.window)
        values = measured(array, self.window)
        if values.shape[2] != len(self.mean):
            raise Problem(
                f"The image has {values.shape[2]} channels, and the network takes {len(self.mean)}."
            )
        return values

    def prepare(self, seen: np.ndarray) -> tuple[np.ndarray, Placement]:
        """What see() gave as (1, channels, H, W) float32, and where the image lies there."""
        at = placement_of(seen.shape[1], seen.shape[0], self.size, self.fit)
        width, height = at.inner
        shrinks = width * height < seen.shape[0] * seen.shape[1]
        inner = resized(seen, width, height, cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        canvas = self._blank(at.input_width, at.input_height, seen)
        canvas[at.top : at.top + height, at.left : at.left + width] = inner
        return self._normalised(canvas), at

    def _blank(self, width: int, height: int, like: np.ndarray) -> np.ndarray:
        """Nothing but padding."""
        canvas = np.empty((height, width, like.shape[2]), like.dtype)
        canvas[:] = np.asarray(self.input.get("padding", PADDING), like.dtype)
        return canvas

    def _filled_up(self, part: np.ndarray) -> np.ndarray:
        """A window of an image, padded to the right and below, as prepare() gives whole images."""
        canvas = self._blank(self.size, self.size, part)
        canvas[: part.shape[0], : part.shape[1]] = part
        return self._normalised(canvas)

    def _normalised(self, canvas: np.ndarray) -> np.ndarray:
        if self.all_values:
            values = (canvas - self.mean.astype(np.float32)) / self.std.astype(np.float32)
            planes = values.transpose(2, 0, 1)
        else:  # a table of what each of the 256 values becomes in each channel
            table = (np.arange(256)[:, None] / 255 - self.mean) / self.std
            planes = np.stack([table[:, c].astype(np.float32)[canvas[..., c]] for c in range(3)])
        return np.ascontiguousarray(planes[None], np.float32)

    def raw(self, batch: np.ndarray) -> list[np.ndarray]:
        """The outputs for the first image of a batch."""
        outputs = self.session.run(None, {str(self.input["name"]): batch})
        return [np.asarray(output[0]) for output in outputs]

    # the way out

    def answer(self, array: np.ndarray, tiles: bool = False) -> Answer:
        """The answer for an image as read() gives it.

        `tiles`: look at an image that is larger than the input in pieces of its own scale instead
        of shrinking it, so that small things stay as large as they are.
        """
        seen = self.see(array)
        height, width = seen.shape[:2]
        if self.task == "classify":
            return Answer(width, height, scores=self._scores(seen))
        pieces = self._pieces(width, height, tiles)
        if len(pieces) == 1:
            return self._whole(seen)
        whole = Answer(width, height)
        if self.task == "segment":
            whole.labels = np.zeros((height, width), np.uint16)
        for (left, top, right, bottom), kept in pieces:
            part = self._whole(np.ascontiguousarray(seen[top:bottom, left:right]))
            if whole.labels is not None and part.labels is not None:
                x0, y0, x1, y1 = kept
                inside = part.labels[y0 - top : y1 - top, x0 - left : x1 - left]
                whole.labels[y0:y1, x0:x1] = inside
            for one in (each.moved(left, top) for each in part.objects):
                x, y = (one.box[0] + one.box[2]) / 2, (one.box[1] + one.box[3]) / 2
                if kept[0] <= x < kept[2] and kept[1] <= y < kept[3]:
                    whole.objects.append(one)
        whole.objects = self._best_of(whole.objects)
        return whole

    def _pieces(self, width: int, height: int, wished: bool) -> list[Tile]:
        """The pieces in which an image is looked at; one is the image itself."""
        rule = self.input.get("large_images")
        if rule and width * height > rule["above_pixels"]:
            return tiles_of(width, height, int(rule["side"]), int(rule["margin"]))
        if wished and self.fit != "crop":
            return windows_of(width, height, self.size)
        area = (0, 0, width, height)
        return [Tile(area, area)]

    def _whole(self, seen: np.ndarray) -> Answer:
        """The answer for one piece."""
        batch, at = self.prepare(seen)
        outputs = self.raw(batch)
        if self.task == "segment":
            return Answer(at.width, at.height, labels=_label_map(outputs[0], at))
        if self.listed:
            outputs = _written_out(outputs, len(self.ids))
        found = self._turned(outputs[0], at) if self.rotated else self._upright(outputs, at)
        for one in found:
            one.score = self._corrected(one.score)
        return Answer(at.width, at.height, objects=found)

    def _corrected(self, score: float) -> float:
        """A score as it is to be read: made as often right as it is sure, where that was wanted."""
        if self.platt is None:
            return score
        near = min(max(score, 1e-7), 1 - 1e-7)
        z = self.platt[0] * float(np.log(near / (1 - near))) + self.platt[1]
        return float(1 / (1 + np.exp(-min(max(z, -36.0), 36.0))))

    def _scores(self, seen: np.ndarray) -> dict[int, float]:
        """The probability of each class; of networks that learned from crops the mean over windows
        of the image."""
        rule = self.input.get("windows")
        if rule is None:
            found = self._chances(self.raw(self.prepare(seen)[0])[0])
        else:
            cut = class_windows(seen.shape[1], seen.shape[0], self.size, int(rule["most_a_side"]))
            parts = [seen[top:bottom, left:right] for left, top, right, bottom in cut]
            chances = [self._chances(self.raw(self._filled_up(part))[0]) for part in parts]
            found = np.mean(chances, axis=0)
        return dict(zip(self.ids, [float(value) for value in found]))  # noqa: B905

    def _chances(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities: each class its own where an image may have several, else they share 1."""
        values = logits.astype(np.float64)
        if self.several:
            return np.asarray(np.exp(-np.logaddexp(0.0, -values)))
        values = values / self.temperature
        values = np.exp(values - values.max())
        return np.asarray(values / values.sum())

    def _candidates(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Classes, places and scores of what is worth a look in (classes, places), best first."""
        classes, places = np.nonzero(scores > self.rules["score_floor"])
        # Scores that differ in their last digits only are ties, and ties go by place.
        values = np.round(scores[classes, places].astype(np.float64), 5)
        order = np.argsort(-values, kind="stable")[:CANDIDATES]
        return classes[order], places[order], values[order]

    def _upright(self, outputs: list[np.ndarray], at: Placement) -> list[Found]:
        """The objects of a network that answers with boxes, masks or keypoints."""
        raw, count = outputs[0], len(self.ids)
        classes, places, values = self._candidates(raw[4 : 4 + count])
        x, y, w, h = raw[:4, places].astype(np.float32)
        corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)
        found = []
        for i in self._suppressed(corners.astype(np.float64), classes):
            box = _to_image(corners[i], at)
            if box[2] <= box[0] or box[3] <= box[1]:
                continue
            one = Found(self.ids[int(classes[i])], float(values[i]), box)
            rest = raw[4 + count :, places[i]].astype(np.float32)
            if self.bones is not None:
                one.points = rest.reshape(-1, 3).astype(np.float64)
                one.points[:, 0] = (one.points[:, 0] - at.left) / at.scale_x
                one.points[:, 1] = (one.points[:, 1] - at.top) / at.scale_y
            elif self.task == "instance":
                one.mask = self._mask(rest, outputs[1], int(places[i]), corners[i], box, at)
                if one.mask is None:
                    continue
            found.append(one)
        return found

    def _mask(
        self,
        coefficients: np.ndarray,
        maps: np.ndarray,
        place: int,
        corners: np.ndarray,
        box: Box,
        at: Placement,
    ) -> Patch | None:
        """The pixels of an object: coefficients weigh maps of the whole input; without them each
        object has a grid of chances over its own box."""
        if len(coefficients):
            grid = np.tensordot(coefficients, maps.astype(np.float32), axes=1)
            whole = (0.0, 0.0, float(at.input_width), float(at.input_height))
            return _grid_mask(grid, whole, box, at, 0.0, cv2.BORDER_REPLICATE)
        own = maps[place].astype(np.float32)
        return _grid_mask(own, _four(corners), box, at, 0.5, cv2.BORDER_CONSTANT)

    def _turned(self, raw: np.ndarray, at: Placement) -> list[Found]:
        """The objects of a network that answers with rotated boxes."""
        count = len(self.ids)
        classes, places, values = self._candidates(raw[4 : 4 + count])
        rows = raw[:, places][[0, 1, 2, 3, 4 + count]].T.astype(np.float64)
        found = []
        for i in self._suppressed_turned(rows, classes):
            corners = (_corners(rows[i]) - (at.left, at.top)) / (at.scale_x, at.scale_y)
            turned = _rectangle(corners)
            around = _corners(np.array([*turned[:4], np.radians(turned[4])]))
            (x0, y0), (x1, y1) = around.min(axis=0), around.max(axis=0)
            box = (max(x0, 0.0), max(y0, 0.0), min(x1, at.width), min(y1, at.height))
            if box[2] > box[0] and box[3] > box[1]:
                edges = _four(np.array(box))
                class_id = self.ids[int(classes[i])]
                found.append(Found(class_id, float(values[i]), edges, rotated=turned))
        return found

    def _suppressed(self, corners: np.ndarray, classes: np.ndarray) -> list[int]:
        """Of boxes (n, 4), best first, the places of those that no better one of their class lies
        over."""
        apart = corners + (classes * 1e5)[:, None]  # classes never overlap
        areas = np.prod(np.clip(apart[:, 2:] - apart[:, :2], 0, None), axis=1)
        kept: list[int] = []
        waiting = np.arange(len(apart))
        while len(waiting) and len(kept) < self.rules["most_objects"]:
            first, rest = waiting[0], waiting[1:]
            kept.append(int(first))
            low = np.maximum(apart[first, :2], apart[rest, :2])
            high = np.minimum(apart[first, 2:], apart[rest, 2:])
            shared = np.prod(np.clip(high - low, 0, None), axis=1)
            together = areas[first] + areas[rest] - shared
            waiting = rest[shared <= self.rules["suppression_iou"] * together]
        return kept

    def _suppressed_turned(self, rows: np.ndarray, classes: np.ndarray) -> list[int]:
        """The same for rotated boxes (n, 5) with angles in radians, by the area that two share."""
        most = float(self.rules["suppression_iou"])
        areas, reach = rows[:, 2] * rows[:, 3], np.hypot(rows[:, 2], rows[:, 3]) / 2
        kept: list[int] = []
        waiting = np.arange(len(rows))
        while len(waiting) and len(kept) < self.rules["most_objects"]:
            first, rest = waiting[0], waiting[1:]
            kept.append(int(first))
            # What lies elsewhere, or is much larger or smaller, cannot overlap enough.
            near = np.abs(rows[rest, :2] - rows[first, :2]).max(axis=1) < reach[rest] + reach[first]
            near &= classes[rest] == classes[first]
            near &= np.minimum(areas[rest], areas[first]) > most * np.maximum(
                areas[rest], areas[first]
            )
            over = np.zeros(len(rest), bool)
            for place in np.flatnonzero(near):
                over[place] = _turned_overlap(rows[first], rows[rest[place]]) > most
            waiting = rest[~over]
        return kept

    def _best_of(self, found: list[Found]) -> list[Found]:
        """Of the objects of all pieces those that no better one lies over, best first."""
        found = sorted(found, key=lambda one: -one.score)
        if not found:
            return []
        classes = np.array([one.class_id for one in found])
        if self.rotated:
            turned = [(*one.rotated[:4], np.radians(one.rotated[4])) for one in found
                      if one.rotated]  # fmt: skip
            return [found[i] for i in self._suppressed_turned(np.array(turned), classes)]
        boxes = np.array([one.box for one in found], np.float64)
        return [found[i] for i in self._suppressed(boxes, classes)]

    def floors(self, score: float | None = None, own: bool = False) -> dict[int, float]:
        """By class id the score from which it counts: a given one, or where classes have scores of
        their own that hold (or `own` wants them), those."""
        common = self.score if score is None else score
        own = own or (self.own_hold and score is None)
        return {key: self.own_scores.get(key, common) if own else common for key in self.ids}


def _four(values: np.ndarray) -> Box:
    x0, y0, x1, y1 = (float(v) for v in values)
    return x0, y0, x1, y1


def _to_image(corners: np.ndarray, at: Placement) -> Box:
    """Corners in the input as left, top, right and bottom on the image, cut at its edges."""
    x0, y0, x1, y1 = _four(corners)
    return (
        min(max((x0 - at.left) / at.scale_x, 0.0), at.width),
        min(max((y0 - at.top) / at.scale_y, 0.0), at.height),
        min(max((x1 - at.left) / at.scale_x, 0.0), at.width),
        min(max((y1 - at.top) / at.scale_y, 0.0), at.height),
    )


def _written_out(outputs: list[np.ndarray], count: int) -> list[np.ndarray]:
    """A list of objects (two corners, score, class, coefficients) in the form of all others:
    (4 + classes + coefficients, objects)."""
    listed, *others = outputs
    low, high, scores = listed[:, :2], listed[:, 2:4], listed[:, 4]
    classes = listed[:, 5].astype(np.int64).clip(0, count - 1)
    told = np.where(np.arange(count) == classes[:, None], scores[:, None], 0.0)
    parts = [(low + high) / 2, high - low, told, listed[:, 6:]]
    return [np.concatenate(parts, axis=1).astype(np.float32).T, *others]


def _label_map(logits: np.ndarray, at: Placement) -> np.ndarray:
    """The most likely class of each pixel of the image; scores are enlarged before the best is
    taken, so that edges are smooth."""
    width, height = at.inner
    best = labels = None
    for index, plane in enumerate(logits.astype(np.float32)):
        part = np.ascontiguousarray(plane[at.top : at.top + height, at.left : at.left + width])
        scores = resized(part, at.width, at.height, cv2.INTER_LINEAR)
        if best is None or labels is None:
            best, labels = scores.copy(), np.zeros(scores.shape, np.uint16)
            continue
        better = scores > best
        labels[better] = index
        best[better] = scores[better]
    assert labels is not None  # there is always a background
    return labels


def _grid_mask(
    grid: np.ndarray, edges: Box, box: Box, at: Placement, level: float, border: int
) -> Patch | None:
    """The pixels of a box of the image where a grid, which lies over `edges` in the input, is above
    a level: x, y and a patch of 0 and 1; None when there is none."""
    x0, y0 = int(np.floor(box[0])), int(np.floor(box[1]))
    x1, y1 = int(np.ceil(box[2])), int(np.ceil(box[3]))
    left, top, right, bottom = edges
    across = grid.shape[1] / max(right - left, 1e-6)
    down = grid.shape[0] / max(bottom - top, 1e-6)
    # From the centre of a pixel of the image to the place between the centres of the cells.
    matrix = np.array(
        [
            [at.scale_x * across, 0, ((x0 + 0.5) * at.scale_x + at.left - left) * across - 0.5],
            [0, at.scale_y * down, ((y0 + 0.5) * at.scale_y + at.top - top) * down - 0.5],
        ]
    )
    values = cv2.warpAffine(
        grid, matrix, (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border,
    )  # fmt: skip
    patch = (values > level).astype(np.uint8)
    return (x0, y0, patch) if patch.any() else None


def _corners(row: np.ndarray) -> np.ndarray:
    """The corners (4, 2) of a rotated box, clockwise on the screen; its angle is in radians."""
    x, y, w, h, angle = (float(v) for v in row[:5])
    cos, sin = np.cos(angle), np.sin(angle)
    signs = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    u, v = signs[:, 0] * w, signs[:, 1] * h
    return np.stack([x + cos * u - sin * v, y + sin * u + cos * v], axis=1)


def _rectangle(corners: np.ndarray) -> tuple[float, float, float, float, float]:
    """The rotated box of four corners in turn: centre, sides, and the angle in degrees.

    Where the sides of an image were scaled differently they are no rectangle any more: then it is
    the smallest one around them, told by the angle that is nearest to that of the first side.
    """
    a, b, c, d = corners
    along, down = (b - a + c - d) / 2, (d - a + c - b) / 2
    w, h = float(np.hypot(*along)), float(np.hypot(*down))
    skew = max(abs(float(along @ down)) / max(w, h, 1e-12), float(np.abs(a + c - b - d).max()))
    if skew <= 0.02 * max(min(w, h), 1e-12):
        x, y = (float(v) for v in corners.mean(axis=0))
        return x, y, w, h, float(np.degrees(np.arctan2(along[1], along[0])))
    near = float(np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0])))
    best: tuple[float, ...] = (np.inf,)
    one, other = np.triu_indices(4, 1)
    sides = corners[other] - corners[one]
    for angle in (*(np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) % 90.0), 0.0):
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        u = cos * corners[:, 0] + sin * corners[:, 1]
        v = cos * corners[:, 1] - sin * corners[:, 0]
        w, h = float(np.ptp(u)), float(np.ptp(v))
        if w * h < best[0] * (1 - 1e-9):
            middle_u, middle_v = u.min() + w / 2, v.min() + h / 2
            x, y = cos * middle_u - sin * middle_v, sin * middle_u + cos * middle_v
            best = (w * h, float(x), float(y), w, h, float(angle))
    _, x, y, w, h, angle = best
    quarters = round(((near - angle + 180.0) % 360.0 - 180.0) / 90.0)
    w, h = (h, w) if quarters % 2 else (w, h)
    return x, y, w, h, angle + 90.0 * quarters


def _turned_overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two rotated boxes with angles in radians."""
    middle = np.array([*one[:2], 0, 0, 0])  # near the origin no digits are lost
    first, second = (_corners(row - middle).astype(np.float32) for row in (one, other))
    shared = float(cv2.intersectConvexConvex(first, second)[0])
    together = float(one[2] * one[3] + other[2] * other[3]) - shared
    return shared / together if together > 0 else 0.0


# -- 4. Writing ------------------------------------------------------------------------------------


def run_lengths(mask: np.ndarray) -> dict[str, Any]:
    """A mask (h, w) as COCO's uncompressed run lengths: column by column, zeros first."""
    flat = (mask != 0).T.ravel()
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], turns, [flat.size]])
    counts = [int(n) for n in np.diff(edges)]
    start = [0] if flat.size and flat[0] else []
    return {"size": [int(s) for s in mask.shape], "counts": start + counts}


def from_run_lengths(code: dict[str, Any]) -> np.ndarray:
    """The inverse: (h, w) of 0 and 1."""
    height, width = code["size"]
    values = np.arange(len(code["counts"])) % 2
    return np.repeat(values, code["counts"]).reshape(width, height).T.astype(np.uint8)


def whole_mask(found: Found, width: int, height: int) -> np.ndarray:
    """An object's mask on the whole image: (h, w) of 0 and 1."""
    full = np.zeros((height, width), np.uint8)
    if found.mask is not None:
        x, y, patch = found.mask
        full[y : y + patch.shape[0], x : x + patch.shape[1]] = patch[: height - y, : width - x]
    return full


def told(network: Network, answer: Answer, floors: dict[int, float]) -> dict[str, Any]:
    """An answer as plain JSON with the names of classes; objects from their floor upwards."""
    row: dict[str, Any] = {"width": answer.width, "height": answer.height}
    names = network.names
    if answer.scores is not None:
        best = max(answer.scores, key=lambda key: answer.scores[key])  # type: ignore[index]
        row["class"] = names[best]
        if network.several:
            held = [key for key, value in answer.scores.items() if value >= floors[key]]
            row["classes"] = [names[key] for key in held]
        row["scores"] = {names[key]: round(value, 6) for key, value in answer.scores.items()}
        return row
    if answer.labels is not None:
        there = [place for place in np.unique(answer.labels).tolist() if place]
        row["regions"] = {
            names[network.ids[place - 1]]: run_lengths(answer.labels == place) for place in there
        }
        return row
    kept = [one for one in answer.objects if one.score >= floors[one.class_id]]
    row["objects"] = [_object(network, one, answer) for one in kept]
    return row


def _object(network: Network, one: Found, answer: Answer) -> dict[str, Any]:
    left, top, right, bottom = one.box
    row: dict[str, Any] = {
        "class": network.names[one.class_id],
        "score": round(one.score, 6),
        "box": [round(v, 3) for v in (left, top, right - left, bottom - top)],
    }
    if one.mask is not None:
        row["segmentation"] = run_lengths(whole_mask(one, answer.width, answer.height))
    if one.rotated is not None:
        row["rotated_box"] = [round(v, 3) for v in one.rotated]
    if one.points is not None and network.bones is not None:
        row["keypoints"] = {
            name: [round(float(x), 3), round(float(y), 3), round(float(sure), 4)]
            for name, (x, y, sure) in zip(network.bones["names"], one.points)  # noqa: B905
        }
    return row


COLUMNS = ("file", "page", "frame", "time", "class", "score", "x", "y", "width", "height", "angle",
           "pixels")  # fmt: skip


def table_rows(row: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The lines of the CSV file for one image: a class, an object or a region each."""
    head = tuple(row.get(name, "") for name in COLUMNS[:4])
    empty = ("",) * 6
    if "scores" in row:
        said = row.get("classes", [row["class"]])
        return [(*head, name, row["scores"][name], *empty) for name in said]
    if "regions" in row:
        return [
            (*head, name, "", *empty[:5], sum(code["counts"][1::2]))
            for name, code in row["regions"].items()
        ]
    lines = []
    for one in row["objects"]:
        angle = one["rotated_box"][4] if "rotated_box" in one else ""
        box = (*one["rotated_box"][:4],) if "rotated_box" in one else tuple(one["box"])
        pixels = sum(one["segmentation"]["counts"][1::2]) if "segmentation" in one else ""
        lines.append((*head, one["class"], one["score"], *box, angle, pixels))
    return lines


def drawn(
    network: Network, rgb: np.ndarray, answer: Answer, floors: dict[int, float]
) -> np.ndarray:
    """The image (h, w, 3) with the answer drawn in."""
    picture = rgb.copy()
    colours = {int(c["id"]): _colour(str(c["colour"])) for c in network.classes}
    thick = max(round(max(picture.shape[:2]) / 500), 1)
    if answer.labels is not None:
        for place, key in enumerate(network.ids, 1):
            inside = answer.labels == place
            picture[inside] = (0.5 * picture[inside] + 0.5 * np.array(colours[key])).astype(
                np.uint8
            )
        return picture
    if answer.scores is not None:
        order = sorted(answer.scores.items(), key=lambda item: -item[1])
        said = (
            [pair for pair in order if pair[1] >= floors[pair[0]]] if network.several else order[:1]
        )
        for line, (key, score) in enumerate(said):
            _write(picture, f"{network.names[key]} {score:.2f}", (4, 4 + line * 18 * thick),
                   colours[key], thick)  # fmt: skip
        return picture
    for one in reversed([each for each in answer.objects if each.score >= floors[each.class_id]]):
        colour = colours[one.class_id]
        if one.mask is not None:
            inside = whole_mask(one, answer.width, answer.height) > 0
            picture[inside] = (0.5 * picture[inside] + 0.5 * np.array(colour)).astype(np.uint8)
        if one.rotated is not None:
            turned = np.array([*one.rotated[:4], np.radians(one.rotated[4])])
            cv2.polylines(
                picture, [np.round(_corners(turned)).astype(np.int32)], True, colour, thick
            )
        else:
            left, top, right, bottom = (round(v) for v in one.box)
            cv2.rectangle(picture, (left, top), (right, bottom), colour, thick)
        if one.points is not None and network.bones is not None:
            _draw_points(picture, one.points, network.bones["edges"], colour, thick)
        corner = (round(one.box[0]), max(round(one.box[1]) - 16 * thick, 0))
        _write(picture, f"{network.names[one.class_id]} {one.score:.2f}", corner, colour, thick)
    return picture


def _draw_points(
    picture: np.ndarray, points: np.ndarray, edges: Any, colour: tuple[int, int, int], thick: int
) -> None:
    places = [(round(float(x)), round(float(y))) for x, y, _ in points]
    for a, b in edges:
        if min(points[a, 2], points[b, 2]) >= SURE:
            cv2.line(picture, places[a], places[b], colour, thick)
    for place, (_, _, sure) in zip(places, points):  # noqa: B905
        if sure >= SURE:
            cv2.circle(picture, place, 2 * thick, colour, -1)


def _colour(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _write(
    picture: np.ndarray, text: str, at: tuple[int, int], colour: tuple[int, int, int], thick: int
) -> None:
    """A line of text on a bar of its own colour; OpenCV's letters are those of plain English."""
    plain = text.encode("ascii", "replace").decode()
    scale = 0.45 * thick
    (width, height), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    x, y = at
    cv2.rectangle(picture, (x, y), (x + width + 4, y + height + 6), colour, -1)
    bright = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 140
    ink = (0, 0, 0) if bright else (255, 255, 255)
    cv2.putText(picture, plain, (x + 2, y + height + 2), cv2.FONT_HERSHEY_SIMPLEX, scale, ink,
                thick, cv2.LINE_AA)  # fmt: skip


def mask_picture(answer: Answer, floors: dict[int, float]) -> np.ndarray | None:
    """(h, w) for a PNG: of regions each pixel's class by its place from 1 on, of masks each pixel's
    object by its place in the list, the best on top; None where there are none."""
    if answer.labels is not None:
        small = answer.labels.max(initial=0) < 256
        return answer.labels.astype(np.uint8) if small else answer.labels
    kept = [one for one in answer.objects if one.score >= floors[one.class_id]]
    if not kept or kept[0].mask is None:
        return None
    picture = np.zeros((answer.height, answer.width), np.uint16)
    for number, one in reversed(list(enumerate(kept, 1))):
        picture[whole_mask(one, answer.width, answer.height) > 0] = number
    return picture


def save(path: Path, picture: np.ndarray) -> None:
    """Write a PNG; colours are RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(".png", _rgb(picture))[1]
    path.write_bytes(data.tobytes())


# -- 5. The self-test ------------------------------------------------------------------------------


def selftest(network: Network, file: Path) -> list[str]:
    """What differs from the answers that lie beside the samples; nothing when all is well."""
    expected = json.loads((HERE / "samples" / "expected.json").read_text(encoding="utf-8"))
    problems = []
    if hashlib.sha256(file.read_bytes()).hexdigest() != expected["sha256"]:
        problems.append(f"{file.name} is not the file that this folder was made with.")
    allowed = expected["allowed"]
    for sample in expected["samples"]:
        array = read(HERE / "samples" / sample["file"])[0]
        floors = network.floors()
        found = told(network, network.answer(array), floors)
        by_name = {network.names[key]: score for key, score in floors.items()}
        differs = compare(sample["answer"], found, allowed, by_name)
        problems += [f"{sample['file']}: {text}" for text in differs]
        say(f"{'FAILED' if differs else 'ok'}: {sample['file']}")
    return problems


def compare(
    expected: dict[str, Any],
    found: dict[str, Any],
    allowed: dict[str, float],
    floors: dict[str, float],
) -> list[str]:
    """In words, how an answer differs from the expected one by more than is allowed.

    `allowed`: "score" is the largest difference of a score, "overlap" the smallest of boxes and
    masks (IoU), "pixels" the largest share of pixels with another class, "points" the largest
    distance of a keypoint, as a share of its object's box. `floors`: from which score objects
    begin to count, by the name of their class.
    """
    if (expected["width"], expected["height"]) != (found["width"], found["height"]):
        return [f"{found['width']} x {found['height']} pixels were read"]
    if "scores" in expected:
        off = [abs(found["scores"].get(name, -1.0) - s) for name, s in expected["scores"].items()]
        return [f"a score differs by {max(off):.4f}"] if max(off) > allowed["score"] else []
    if "regions" in expected:
        return _compare_regions(expected, found, allowed)
    # An object whose score lies just above the threshold may well lie just below it elsewhere.
    texts = []
    for one, others, words in (
        (expected, found, "is missing"), (found, expected, "was not expected"),
    ):  # fmt: skip
        waiting = list(others["objects"])
        for item in one["objects"]:
            place = next(
                (i for i, other in enumerate(waiting) if _same(item, other, allowed)), None
            )
            if place is not None:
                waiting.pop(place)
            elif item["score"] >= floors[item["class"]] + allowed["score"]:
                texts.append(f"{item['class']} at {item['box']} with {item['score']:.3f} {words}")
    return texts


def _compare_regions(
    expected: dict[str, Any], found: dict[str, Any], allowed: dict[str, float]
) -> list[str]:
    names = sorted(set(expected["regions"]) | set(found["regions"]))
    size = (expected["height"], expected["width"])
    maps = [np.zeros(size, np.uint16), np.zeros(size, np.uint16)]
    for number, name in enumerate(names, 1):
        for labels, row in zip(maps, (expected, found)):  # noqa: B905
            if name in row["regions"]:
                labels[from_run_lengths(row["regions"][name]) > 0] = number
    share = float(np.mean(maps[0] != maps[1]))
    return [f"{share:.2%} of the pixels differ"] if share > allowed["pixels"] else []


def _same(one: dict[str, Any], other: dict[str, Any], allowed: dict[str, float]) -> bool:
    """Whether two objects are one and the same but for what is allowed."""
    if one["class"] != other["class"] or abs(one["score"] - other["score"]) > allowed["score"]:
        return False
    if _overlap(one["box"], other["box"]) < allowed["overlap"]:
        return False
    if "rotated_box" in one:
        rows = [np.array([*o["rotated_box"][:4], np.radians(o["rotated_box"][4])])
                for o in (one, other)]  # fmt: skip
        if _turned_overlap(rows[0], rows[1]) < allowed["overlap"]:
            return False
    if "segmentation" in one:
        first, second = (from_run_lengths(o["segmentation"]) > 0 for o in (one, other))
        if (first & second).sum() < allowed["overlap"] * (first | second).sum():
            return False
    if "keypoints" in one:
        reach = allowed["points"] * max(*one["box"][2:], 1.0)
        for name, (x, y, _) in one["keypoints"].items():
            if np.hypot(other["keypoints"][name][0] - x, other["keypoints"][name][1] - y) > reach:
                return False
    return True


def _overlap(one: Any, other: Any) -> float:
    """Intersection over union of two boxes x, y, width, height."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0.0) * max(down, 0.0)
    together = one[2] * one[3] + other[2] * other[3] - shared
    return float(shared / together) if together > 0 else 1.0


# -- 6. The command line ---------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """What the first lines of this file promise; the exit code."""
    options = _parser().parse_args(arguments)
    file = options.network or next(iter(sorted(HERE.glob("*.onnx"))), None)
    if file is None:
        say(f"There is no ONNX file in {HERE}; name one with --network.")
        return 2
    try:
        network = Network(file, options.threads)
        if network.warning:
            say(f"Warning: {network.warning}")
        if options.selftest:
            return _tell_selftest(network, file)
        if not options.images:
            say("Name images, videos or folders, or use --selftest; --help tells more.")
            return 2
        return _predict(network, options)
    except Problem as problem:
        say(str(problem))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("images", nargs="*", type=Path, help="image files, videos, and folders of them")
    add("-o", "--output", type=Path, default=Path("predictions"), help="folder for the answers")
    add("--network", type=Path, help="another ONNX file than the one beside this script")
    add("--score", type=float, help="what an answer must be sure of to count, 0 to 1")
    add("--own-scores", action="store_true", help="each class from its own score in the file")
    add("--step", type=_step, default=1, help="of videos, one frame in so many; usually each")
    add("--tiles", action="store_true", help="look at large images in pieces of their own scale")
    add("--overlay", action="store_true", help="write pictures with the answers drawn in")
    add("--masks", action="store_true", help="write masks as PNG, where the network has any")
    add("--threads", type=int, default=0, help="processor threads; 0 is as many as fit")
    add("--selftest", action="store_true", help="compare the samples with what is expected")
    return parser


def _step(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def _tell_selftest(network: Network, file: Path) -> int:
    problems = selftest(network, file)
    for text in problems:
        say(text)
    say("The self-test failed." if problems else "The self-test passed.")
    if network.unproven:
        say(f"It only tells that {file.name} answers here as it did where it was packed.")
        say(f"The file itself is not proven: {network.unproven}")
    return 1 if problems else 0


def _files(given: list[Path]) -> list[Path]:
    """The files, and the images and videos inside the folders."""
    files = []
    for path in given:
        if path.is_dir():
            files += [p for p in sorted(path.iterdir()) if p.suffix.lower() in ENDINGS | VIDEOS]
        else:
            files.append(path)
    return files


def _free(name: str, taken: set[str]) -> str:
    """A name that no picture has yet, with a number where need be; big letters are no difference,
    as on some disks they are none."""
    free, number = name, 1
    while free.casefold() in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free.casefold())
    return free


def _pictures(path: Path, step: int) -> Iterator[tuple[dict[str, Any], str, np.ndarray]]:
    """The pages of an image or the frames of a video: which it is, a name for its pictures, and its
    pixels."""
    if path.suffix.lower() in VIDEOS:
        for number, seconds, frame in frames(path, step):
            yield {"frame": number, "time": round(seconds, 3)}, f"{path.stem}-{number:05d}", frame
        return
    pages = read(path)
    for number, page in enumerate(pages, 1):
        yield {"page": number}, path.stem if len(pages) == 1 else f"{path.stem}-{number}", page


def _predict(network: Network, options: argparse.Namespace) -> int:
    """Answer for all images and write what was asked for; unreadable ones are told and skipped."""
    floors = network.floors(options.score, options.own_scores)
    out: Path = options.output
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    problems: list[dict[str, str]] = []
    taken: set[str] = set()
    with (out / "predictions.csv").open("w", newline="", encoding="utf-8") as stream:
        lines = csv.writer(stream)
        lines.writerow(COLUMNS)
        for path in _files(options.images):
            try:
                for place, name, picture in _pictures(path, options.step):
                    answer = network.answer(picture, options.tiles)
                    rows.append({"file": str(path), **place, **told(network, answer, floors)})
                    lines.writerows(table_rows(rows[-1]))
                    # Files of the same name in two folders must not overwrite each other.
                    file = _free(name, taken) + ".png"
                    _save_pictures(network, picture, answer, floors, file, options)
            except Problem as problem:
                problems.append({"file": str(path), "problem": str(problem)})
                say(f"Skipped: {problem}")
    content = {"task": network.task, "classes": network.classes, "images": rows,
               "problems": problems}  # fmt: skip
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (out / "predictions.json").write_text(text, encoding="utf-8")
    films = any("frame" in row for row in rows)
    noun = "images and frames" if films else "images"
    say(f"{len(rows)} {noun} answered, {len(problems)} skipped; see {out}")
    return 0 if rows else 1


def _save_pictures(
    network: Network, array: np.ndarray, answer: Answer, floors: dict[int, float], name: str,
    options: argparse.Namespace,
) -> None:  # fmt: skip
    """What is wished for beside the table: the answer drawn in, and masks."""
    out: Path = options.output
    if options.overlay and (array.ndim == 2 or array.shape[2] in (1, 3, 4)):
        shown = drawn(network, displayed(array, network.window), answer, floors)
        save(out / "overlay" / name, shown)
    mask = mask_picture(answer, floors) if options.masks else None
    if mask is not None:
        save(out / "masks" / name, mask)


if __name__ == "__main__":
    sys.exit(main())
