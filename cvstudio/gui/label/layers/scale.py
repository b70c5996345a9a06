"""The unit in which rulers, grid and scale bar count: lengths of the world, or pixels."""

from __future__ import annotations

from dataclasses import dataclass

from cvstudio.gui.label.document import Document
from cvstudio.gui.label.overlay import View
from cvstudio.imaging.pixel_size import PixelSize, length_words, round_length
from cvstudio.imaging.tiles import Pyramid

PRINTED = "label.print_density"
"""The setting that takes a print density for a scale."""


@dataclass(frozen=True)
class Unit:
    """One axis: `per_pixel` is metres of one pixel of the image, None where nobody knows."""

    per_pixel: float | None

    def step(self, scale: float, least: float) -> tuple[float, str]:
        """A round length of at least `least` screen pixels: in image pixels, and in words."""
        wanted = least / scale  # image pixels
        if self.per_pixel is None:
            pixels = max(_round_up(wanted), 1.0)
            return pixels, f"{pixels:,.0f} px"
        nanometres = _round_up(wanted * self.per_pixel * 1e9)
        return nanometres / 1e9 / self.per_pixel, length_words(nanometres / 1e9)

    def words(self, pixels: float) -> str:
        """A place on a ruler."""
        if self.per_pixel is None:
            return f"{pixels:,.0f}"
        return length_words(pixels * self.per_pixel) if round(pixels, 6) else "0"


def units(view: View) -> tuple[Unit, Unit]:
    """Across and down, of the image that is open."""
    size = known_size(view.document, view.tiles.pyramid)
    return (Unit(None), Unit(None)) if size is None else (Unit(size.x), Unit(size.y))


def known_size(document: Document, pyramid: Pyramid | None) -> PixelSize | None:
    """The size of a pixel in the world; how large a file asks to be printed only on request."""
    size = pyramid.pixel_size if pyramid is not None else None
    if size is not None and size.printed and not document.studio.settings.get(PRINTED):
        return None
    return size


def _round_up(least: float) -> float:
    """The smallest 1, 2 or 5 times a power of ten that is not below `least`."""
    below = round_length(least)
    if below >= least * 0.999999:
        return below
    first = round(below / 10 ** _power(below))
    return below * (2.5 if first == 2 else 2.0)


def _power(value: float) -> int:
    power = 0
    while value >= 10:
        value /= 10
        power += 1
    while value < 1:
        value *= 10
        power -= 1
    return power
