"""The logits of some pixels of an image: enough to say how sure a network is that segments.

All of them would be as large as the network's output. The places follow from the size of the image
alone, so that whoever answers for an image keeps the same ones.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_VALUES, _FEWEST, _MOST = 8192, 64, 1024
"""Logits that are kept of an image, and the least and the most pixels."""
_LOWEST = -6e4
"""Below nothing can be told apart in 16 bits, and nothing needs to be."""

Places = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows and columns."""


def places_of(width: int, height: int, outputs: int) -> Places:
    """Which pixels of an image are kept, of a network with that many outputs."""
    count = min(max(_VALUES // outputs, _FEWEST), _MOST)
    flat = np.random.default_rng((width, height)).integers(0, width * height, count)
    return flat // width, flat % width


@dataclass(frozen=True, eq=False, slots=True)
class PixelSample:
    """`logits` (n, outputs) at the places of an image of that size, background first; the largest
    of each pixel is 0."""

    width: int
    height: int
    logits: NDArray[np.float32]

    @classmethod
    def of(cls, width: int, height: int, logits: NDArray[np.float32]) -> PixelSample:
        """From the network's own logits."""
        return cls(width, height, logits - logits.max(axis=1, keepdims=True))

    @property
    def places(self) -> Places:
        """Rows and columns of the pixels."""
        return places_of(self.width, self.height, self.logits.shape[1])

    @property
    def chances(self) -> NDArray[np.float64]:
        """The probability of each output: (n, outputs)."""
        powers = np.exp(self.logits.astype(np.float64))
        found: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return found

    def at(self, temperature: float) -> PixelSample:
        """The same of logits that are divided by a temperature."""
        return PixelSample(self.width, self.height, self.logits / np.float32(temperature))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: the logits in 16 bits, as text."""
        kept = np.clip(self.logits, _LOWEST, 0).astype("<f2")
        return {
            "size": [self.width, self.height], "outputs": int(kept.shape[1]),
            "logits": base64.b64encode(kept.tobytes()).decode("ascii"),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PixelSample:
        """The inverse of to_json. Raises LookupError, ValueError or TypeError."""
        kept = np.frombuffer(base64.b64decode(data["logits"], validate=True), "<f2")
        width, height = (int(side) for side in data["size"])
        found = cls(width, height, kept.reshape(-1, int(data["outputs"])).astype(np.float32))
        if len(found.logits) != len(found.places[0]):
            raise ValueError(data["size"])
        return found
