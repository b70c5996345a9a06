"""The one way from an image to a network's input and back; numpy and OpenCV only.

Training, evaluation, explanation, export and the ONNX predictor all go through Preprocessing, and
its to_json() travels in every checkpoint and ONNX file. The steps, in order:

1. `fit` brings the image to the network's size (see place()). Shrinking averages
   (cv2.INTER_AREA), enlarging is bilinear (cv2.INTER_LINEAR); padding is grey 114. Networks that
   learn the class of crops are shown windows of their size instead (core.pieces.windows).
2. Values are divided by 255, the mean is subtracted, the result divided by std, per channel.
3. Channels come first: (channels, height, width), float32.

A network that sees all values (Sees.ALL) gets (h, w, channels) float32 with 0 and 1 at the ends of
the images' window (imaging.decode.read_values): nothing is divided, and padding is the mean of the
training images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2, resized
from cvstudio.core.recipe import Fit, Sees

Image = NDArray[Any]
"""Shape (h, w, 3) uint8 RGB; of networks that see all values (h, w, channels) float32."""
PADDING = 114
Fill = int | NDArray[np.float32]
"""What padding is: PADDING, or a value for each channel."""
_STRIDE = 32
"""Whole images are padded to multiples of it: the step of every network's deepest layer."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image lies in the network's input: x' = x * scale_x + left, and y likewise.

    `width` and `height` are those of the image; `input_width` and `input_height` of the input.
    """

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
        """Width and height of the image's part of the input, in whole pixels."""
        return (
            max(round(self.width * self.scale_x), 1),
            max(round(self.height * self.scale_y), 1),
        )

    def box_to_image(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A box given by its corners in the input, as a box of the image, cut at its edges."""
        return Box.from_corners(
            (x0 - self.left) / self.scale_x, (y0 - self.top) / self.scale_y,
            (x1 - self.left) / self.scale_x, (y1 - self.top) / self.scale_y,
        ).clipped(self.width, self.height)  # fmt: skip

    def box_to_input(self, box: Box) -> Box:
        """A box of the image in the input's pixels."""
        return Box(
            box.x * self.scale_x + self.left, box.y * self.scale_y + self.top,
            box.w * self.scale_x, box.h * self.scale_y,
        )  # fmt: skip

    def map_to_image(self, array: NDArray[Any], *, smooth: bool) -> NDArray[Any]:
        """An (input_height, input_width) map as a (height, width) map of the image.

        `smooth` interpolates (for scores and heat); otherwise the nearest value is taken (for
        class numbers and masks of 0 and 1).
        """
        width, height = self.inner
        part = array[self.top : self.top + height, self.left : self.left + width]
        if part.shape[:2] == (self.height, self.width):
            return part
        how = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST_EXACT
        return resized(np.ascontiguousarray(part), self.width, self.height, how)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes a network's input; `size` is the side of the square in pixels.

    `mean` and `std` have a value for each channel. `padding` has one where all values are seen.
    """

    size: int
    fit: Fit
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sees: Sees = Sees.DISPLAYED
    padding: tuple[float, ...] = ()

    @property
    def channels(self) -> int:
        return len(self.mean)

    @property
    def bytes_per_pixel(self) -> int:
        """What a pixel takes before it is normalised."""
        return 3 if self.sees is Sees.DISPLAYED else 4 * self.channels

    @property
    def fill(self) -> Fill:
        """The value of pixels beside the image."""
        return PADDING if self.sees is Sees.DISPLAYED else np.asarray(self.padding, np.float32)

    def place(self, rgb: Image) -> tuple[Image, Placement]:
        """An image at the network's size, still of its own type."""
        return place(rgb, size=self.size, fit=self.fit, fill=self.fill)

    def normalise(self, rgb: Image) -> NDArray[np.float32]:
        """(h, w, channels) as (channels, h, w) float32, by mean and deviation."""
        if self.sees is Sees.ALL:
            mean, std = (np.asarray(row, np.float32) for row in (self.mean, self.std))
            return np.ascontiguousarray(((rgb - mean) / std).transpose(2, 0, 1), np.float32)
        table = self._table()
        planes = [cv2.LUT(rgb[..., channel], table[channel]) for channel in range(3)]
        return np.stack(planes)

    def prepare(self, rgb: Image) -> tuple[NDArray[np.float32], Placement]:
        """An image of any size as (1, channels, H, W) float32, and where it lies there."""
        placed, placement = self.place(rgb)
        return self.normalise(placed)[None], placement

    def prepare_windows(self, rgbs: Sequence[Image]) -> NDArray[np.float32]:
        """Parts of images, of at most `size` x `size`, as (n, channels, size, size) float32; what a
        part lacks is padded as in a crop of training."""
        return np.stack([self.normalise(filled_up(part, self.size, self.fill)) for part in rgbs])

    def _table(self) -> NDArray[np.float32]:
        values = np.arange(256, dtype=np.float64) / 255
        rows = [(values - m) / s for m, s in zip(self.mean, self.std, strict=True)]
        return np.asarray(rows, np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that says all that another program needs to do the same."""
        whole = self.sees is Sees.ALL
        return {
            "colour": "channels in the order of the file" if whole else "RGB",
            "layout": "NCHW",
            "size": self.size,
            "fit": self.fit.value,
            "padding": list(self.padding) if whole else PADDING,
            "interpolation": {"shrink": "area", "enlarge": "bilinear"},
            "scale": 1 if whole else 1 / 255,
            "mean": list(self.mean),
            "std": list(self.std),
            **({"sees": self.sees.value} if whole else {}),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Preprocessing:
        """The inverse of to_json."""
        mean, std = (tuple(float(v) for v in data[name]) for name in ("mean", "std"))
        sees = Sees(data.get("sees", Sees.DISPLAYED))
        padding = tuple(float(v) for v in data["padding"]) if sees is Sees.ALL else ()
        return cls(int(data["size"]), Fit(data["fit"]), mean, std, sees, padding)


def depth_rules(
    window: tuple[float, float] | None, *, sees: Sees = Sees.DISPLAYED
) -> dict[str, Any]:
    """How images with transparency or more than 8 bits become what step 1 begins with, as plain
    JSON; `window` is the one of the images that the network was trained on."""
    if sees is Sees.ALL:
        return {
            "alpha": "laid over the brightest value of the depth",
            "grey": "one channel",
            "eight_bits": "divided by 255",
            "deeper_than_8_bits": {
                "window": list(window) if window else None,
                "rule": "the window's first value becomes 0, its second 1, linear between and"
                " beyond; nothing is rounded or cut off, what is no number becomes 0"
                if window
                else "the same with each image's own window: its 0.1 and 99.9 percentiles",
            },
        }
    return {
        "alpha": "laid over white",
        "grey": "repeated as red, green and blue",
        "deeper_than_8_bits": {
            "window": list(window) if window else None,
            "rule": "the window's first value and all below become 0, its second and all above"
            " become 255, linear between, rounded"
            if window
            else "the same with each image's own window: its 0.1 and 99.9 percentiles",
        },
    }


def place(rgb: Image, *, size: int, fit: Fit, fill: Fill = PADDING) -> tuple[Image, Placement]:
    """Bring an image to the network's input.

    PAD scales the longer side to `size` and centres the image on a square of `fill`; STRETCH scales
    both sides to `size`; CROP keeps the image at its own scale and pads right and below to a
    multiple of 32, so the input has the image's size and not `size`.
    """
    placement = placement_for(rgb.shape[1], rgb.shape[0], size=size, fit=fit)
    inner = resize(rgb, *placement.inner)
    if inner.shape[:2] == (placement.input_height, placement.input_width):
        return inner, placement
    canvas = blank(rgb, placement.input_width, placement.input_height, fill)
    height, width = inner.shape[:2]
    canvas[placement.top : placement.top + height, placement.left : placement.left + width] = inner
    return canvas, placement


def blank(like: NDArray[Any], width: int, height: int, fill: Fill) -> NDArray[Any]:
    """An array of that size, of the type and channels of another one, of `fill` throughout."""
    return np.full((height, width, *like.shape[2:]), fill, like.dtype)


def filled_up(array: NDArray[Any], size: int, fill: Fill) -> NDArray[Any]:
    """A crop (h, w, ...) of at most `size` x `size`, with `fill` at its right and bottom."""
    height, width = array.shape[:2]
    if (height, width) == (size, size):
        return np.ascontiguousarray(array)
    canvas = blank(array, size, size, fill)
    canvas[:height, :width] = array
    return canvas


def placement_for(width: int, height: int, *, size: int, fit: Fit) -> Placement:
    """Where place() puts an image of that size."""
    if fit is Fit.STRETCH:
        return Placement(size / width, size / height, 0, 0, width, height, size, size)
    if fit is Fit.CROP:
        across, down = (-(-side // _STRIDE) * _STRIDE for side in (width, height))
        return Placement(1.0, 1.0, 0, 0, width, height, across, down)
    scale = size / max(width, height)
    inner_width, inner_height = max(round(width * scale), 1), max(round(height * scale), 1)
    left, top = (size - inner_width) // 2, (size - inner_height) // 2
    return Placement(
        inner_width / width, inner_height / height, left, top, width, height, size, size
    )


def resize(array: NDArray[Any], width: int, height: int, *, nearest: bool = False) -> NDArray[Any]:
    """An array of (h, w) or (h, w, c) at another size; averages when shrinking."""
    if array.shape[:2] == (height, width):
        return array
    if nearest:
        how = cv2.INTER_NEAREST_EXACT
    else:
        shrinks = width * height < array.shape[0] * array.shape[1]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return resized(array, width, height, how)


def without_normalisation(how: Preprocessing) -> Preprocessing:
    """The preprocessing of a file that subtracts the mean and divides by the deviation itself."""
    return replace(how, mean=(0.0,) * how.channels, std=(1.0,) * how.channels)
