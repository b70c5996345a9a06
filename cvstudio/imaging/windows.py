"""One window for many deep images, so that the same number is the same grey in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.imaging.display import Window

VALUES = 20_000
"""How many values of each image are looked at: enough for a tenth of a per cent."""

Values = NDArray[np.float32]


def values_of(array: NDArray[Any]) -> Values:
    """At most about VALUES finite values spread over an image (h, w) or (h, w, 3|4); alpha is left
    out."""
    colour = array[:, :, :3] if array.ndim == 3 else array
    step = max(1, int(np.sqrt(colour.size / VALUES)))
    sample = colour[::step, ::step].astype(np.float32).ravel()
    return np.asarray(sample[np.isfinite(sample)], np.float32)


def pooled_window(samples: Sequence[Values]) -> Window | None:
    """The range of all but 0.1 % at each end of all samples together; None without any value."""
    known = [sample for sample in samples if sample.size]
    if not known:
        return None
    values = np.concatenate(known)
    low, high = (float(v) for v in np.percentile(values, (0.1, 99.9)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def words_of(window: Window) -> str:
    """A window in words: "812 to 4,020"."""
    digits = 0 if window[1] - window[0] > 20 else 3
    return f"{window[0]:,.{digits}f} to {window[1]:,.{digits}f}"
