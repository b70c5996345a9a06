"""The batch of a run whose batch is automatic, as far as no memory has to be measured for it."""

from __future__ import annotations

AUTOMATIC = 0
"""What stands in a config for "as many images as the memory holds"."""

LEAST_STEPS = 8
"""Steps that an epoch has at least, so that a network of few images learns at all."""

MOST = 256
"""More images a step save hardly any time and want another learning rate."""

_ON_PROCESSOR, _OF_LARGE, _LARGE = 16, 8, 512


def most(images: int, *, accumulate: int = 1, processes: int = 1) -> int:
    """The largest power of two with which an epoch of so many images has LEAST_STEPS steps; at
    least 2, since many networks cannot learn from one image alone."""
    fitting = images // (LEAST_STEPS * accumulate * processes)
    return min(max(power_of_two(fitting), 2), MOST)


def on_processor(image_size: int, most_of_epoch: int) -> int:
    """The batch on the processor, where a larger one saves no time: 16 images, 8 from 512 px."""
    return min(_OF_LARGE if image_size >= _LARGE else _ON_PROCESSOR, most_of_epoch)


def power_of_two(number: int) -> int:
    """The largest power of two that is no larger; 1 for less than two."""
    return 1 << max(number.bit_length() - 1, 0)


def words(batch: int) -> str:
    """A batch in a line of settings: "16" or "automatic"."""
    return "automatic" if batch == AUTOMATIC else f"{batch}"
