"""How large a pixel is in the world, where the file knows it: TIFF, ImageJ, OME, PNG, JPEG."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

import tifffile

from cvstudio.imaging import header
from cvstudio.imaging.tiff import READ_ERRORS

_UNITS = {
    "nm": 1e-9, "nanometer": 1e-9, "nanometre": 1e-9, "å": 1e-10,
    "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "\\u00b5m": 1e-6, "\\u00B5m": 1e-6, "micron": 1e-6,
    "microns": 1e-6, "micrometer": 1e-6, "micrometre": 1e-6,
    "mm": 1e-3, "millimeter": 1e-3, "millimetre": 1e-3, "cm": 1e-2, "centimeter": 1e-2,
    "m": 1.0, "meter": 1.0, "metre": 1.0, "inch": 0.0254, "in": 0.0254,
}  # fmt: skip
"""Metres of a unit as ImageJ and OME write it."""

_SCREENS = (72.0, 96.0, 1.0)
_PRINT = (*_SCREENS, 100.0, 120.0, 150.0, 180.0, 200.0, 220.0, 240.0, 250.0, 254.0, 300.0,
          314.0, 350.0, 360.0, 400.0, 600.0, 720.0, 1200.0)  # fmt: skip
"""Dots per inch that programs write because a field wants a number, or for a printer."""

_INCH = 0.0254
_SAME = 0.6  # dots per inch: some files round, or count per centimetre
_HEADER = 1 << 20  # bytes of a JPEG or PNG in which a size is looked for


@dataclass(frozen=True, slots=True)
class PixelSize:
    """Width and height of one pixel of the image as displayed, in metres."""

    x: float
    y: float
    printed: bool = False
    """Whether it is only how large the file asks to be printed: the scale of a scan perhaps, of a
    photograph never."""

    def turned(self, orientation: int) -> PixelSize:
        """The same with an EXIF orientation applied."""
        return PixelSize(self.y, self.x, self.printed) if orientation >= 5 else self


def pixel_size(path: Path, page: int = 0, orientation: int = 1) -> PixelSize | None:
    """The size of a page's pixels, or None where the file does not say, or says what every file
    of its kind says (72 dots per inch). What PNG and JPEG say, and a TIFF of 300 dots per inch, is
    `printed`. Reads headers only; never raises for a damaged file."""
    try:
        with open(path, "rb") as stream:
            kind = header.sniff(stream.read(32))
            if kind == "PNG":
                found = _png(stream)
            elif kind == "JPEG":
                found = _jpeg(stream)
            else:
                found = _tiff(path, page) if kind == "TIFF" else None
    except (*READ_ERRORS, ElementTree.ParseError):
        return None
    return found.turned(orientation) if found is not None else None


def _made(x: float, y: float) -> PixelSize | None:
    """A size that some microscope or camera can have: from 1 pm to 1 km."""
    return PixelSize(x, y) if 1e-12 <= x <= 1e3 and 1e-12 <= y <= 1e3 else None


def _of_density(x: float, y: float, unit: float, made_up: tuple[float, ...]) -> PixelSize | None:
    """From dots per unit of so many metres; None for numbers that are made up."""
    if x <= 0 or y <= 0 or any(abs(x * _INCH / unit - dots) < _SAME for dots in made_up):
        return None
    return _made(unit / x, unit / y)


def _printed(size: PixelSize | None) -> PixelSize | None:
    return replace(size, printed=True) if size is not None else None


def _tiff(path: Path, page: int) -> PixelSize | None:
    with tifffile.TiffFile(path) as file:
        found = file.pages[page]
        if not isinstance(found, tifffile.TiffPage):
            found = found.aspage()
        if file.is_ome and file.ome_metadata and (size := _ome(file.ome_metadata)) is not None:
            return size
        words = str(found.description or "")
        if (aperio := re.search(r"\bMPP\s*=\s*([0-9.]+)", words)) is not None:
            return _made(float(aperio[1]) * 1e-6, float(aperio[1]) * 1e-6)
        across, down = (_fraction(found, name) for name in ("XResolution", "YResolution"))
        unit = {2: _INCH, 3: 0.01}.get(int(getattr(found, "resolutionunit", 1) or 1))
        if file.is_imagej:
            named = _UNITS.get(str((file.imagej_metadata or {}).get("unit", "")).strip().lower())
            return _of_density(across, down, named, ()) if named else None
        if not unit:
            return None
        for_printer = any(abs(across * _INCH / unit - dots) < _SAME for dots in _PRINT)
        size = _of_density(across, down, unit, _SCREENS)
        return _printed(size) if for_printer else size


def _fraction(page: tifffile.TiffPage, name: str) -> float:
    tag = page.tags.get(name)
    if tag is None:
        return 0.0
    value = tag.value
    if isinstance(value, tuple):
        return value[0] / value[1] if value[1] else 0.0
    return float(value)


def _ome(xml: str) -> PixelSize | None:
    """PhysicalSizeX and Y of the first picture; micrometres unless it says otherwise."""
    for element in ElementTree.fromstring(xml).iter():
        if element.tag.endswith("}Pixels") or element.tag == "Pixels":
            sizes = []
            for axis in "XY":
                value = element.get(f"PhysicalSize{axis}")
                unit = _UNITS.get(element.get(f"PhysicalSize{axis}Unit", "µm").lower())
                if value is None or unit is None:
                    return None
                sizes.append(float(value) * unit)
            return _made(*sizes)
    return None


def _png(stream: BinaryIO) -> PixelSize | None:
    stream.seek(8)
    while len(chunk := stream.read(8)) == 8 and stream.tell() < _HEADER:
        length, kind = struct.unpack(">I4s", chunk)
        if kind in (b"IDAT", b"IEND"):
            return None
        if kind == b"pHYs" and length == 9:
            across, down, unit = struct.unpack(">IIB", stream.read(9))
            return _printed(_of_density(across, down, 1.0, _SCREENS)) if unit == 1 else None
        stream.seek(length + 4, 1)
    return None


def _jpeg(stream: BinaryIO) -> PixelSize | None:
    """JFIF's density: for a printer, filled in by cameras and programs."""
    stream.seek(2)
    while len(marker := stream.read(4)) == 4 and marker[0] == 0xFF and stream.tell() < _HEADER:
        length = struct.unpack(">H", marker[2:])[0]
        if marker[1] == 0xE0:
            body = stream.read(length - 2)
            if body[:5] == b"JFIF\0" and len(body) >= 12:
                unit, across, down = struct.unpack(">BHH", body[7:12])
                metres = {1: _INCH, 2: 0.01}.get(unit)
                return _printed(_of_density(across, down, metres, _SCREENS)) if metres else None
            continue
        if marker[1] in (0xC0, 0xC1, 0xC2, 0xDA):
            return None
        stream.seek(length - 2, 1)
    return None


_NAMES = ((1.0, "m"), (1e-3, "mm"), (1e-6, "µm"), (1e-9, "nm"))


def length_words(metres: float) -> str:
    """A length with the unit that suits it: "50 µm", "1.25 mm", "-2 mm" left of zero."""
    if metres < 0:
        return f"-{length_words(-metres)}"
    for unit, name in _NAMES:
        if metres >= unit * 0.999999:
            return f"{metres / unit:.4g} {name}"
    return f"{metres / 1e-9:.4g} nm"


def round_length(most: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above `most`."""
    power = 10.0 ** (len(f"{int(most)}") - 1) if most >= 1 else 1.0
    while power > most:
        power /= 10
    return next(step * power for step in (5, 2, 1) if step * power <= most * 1.000001)
