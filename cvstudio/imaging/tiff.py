"""TIFF: every page an image, decoded by whichever of three libraries gets its kind right.

tifffile reads all that is stored plainly or with deflate; Pillow all 8-bit kinds with LZW, JPEG
and fax compression; OpenCV 16-bit and float colour with LZW. None of the three reads everything.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.imaging.header import ImageInfo, check_size

READ_ERRORS = (
    tifffile.TiffFileError,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
    struct.error,
)
"""What the libraries raise on damaged files."""

_MINISWHITE, _MINISBLACK, _RGB, _PALETTE = 0, 1, 2, 3
_ORIENTATION, _COLORMAP, _EXTRA = 274, 320, 338
_MAX_PAGES = 100_000
_ALPHA = (1, 2)
"""The kinds of a further channel that say how transparent a pixel is."""
_PLAIN = (1, 8, 32946, 32773, 34925, 50000)
"""The compressions that tifffile reads by itself."""
MOST_CHANNELS = 512


def tiff_infos(path: Path, size: int) -> list[ImageInfo]:
    """What each page of a TIFF is, without decoding. Raises ImageError in words."""
    try:
        with tifffile.TiffFile(path) as file:
            count = len(file.pages)
            if count > _MAX_PAGES:
                raise ImageError(f"{path.name} claims {count:,} pages.")
            infos = [
                _info(_page(file, index, path.name), index, count, size, path.name)
                for index in range(count)
                if index == 0 or not _is_preview(_page(file, index, path.name))
            ]
    except MemoryError:
        raise ImageError(f"{path.name} claims more than this computer's memory holds.") from None
    except READ_ERRORS as error:
        raise ImageError(f"{path.name} is damaged: {_words(error)}.") from None
    if not infos:
        raise ImageError(f"{path.name} is damaged: it holds no picture.")
    return infos


def read_tiff(path: Path, page: int, *, whole: bool = False) -> tuple[NDArray[Any], int]:
    """The pixels of a page, RGB order, and the orientation that is still to be applied.

    Of channels that are measurements of their own the first three are the picture, of two the
    first; `whole` gives them all.
    """
    with tifffile.TiffFile(path) as file:
        if not 0 <= page < len(file.pages):
            raise ImageError(f"{path.name} has no page {page + 1}.")
        found = _page(file, page, path.name)
        orientation = _tag(found, _ORIENTATION, 1)
        orientation = orientation if 1 <= orientation <= 8 else 1
        simple = int(found.photometric) in (_MINISWHITE, _MINISBLACK, _RGB, _PALETTE)
        if simple and int(found.compression) in _PLAIN:
            return _plain(found, path.name, whole=whole), orientation
        deep = found.bitspersample > 8 and found.samplesperpixel > 1
        tag = found.tags.get(_ORIENTATION)
        at = tag.valueoffset if tag is not None else None
        order = file.byteorder
    if deep:
        return _with_opencv(path, page, at, order), orientation
    return _with_pillow(path, page), 1  # Pillow has turned the image already


def _page(file: tifffile.TiffFile, index: int, name: str) -> tifffile.TiffPage:
    page = file.pages[index]
    if isinstance(page, tifffile.TiffFrame):
        page = page.aspage()
    if not isinstance(page, tifffile.TiffPage):
        raise ImageError(f"{name} is damaged: page {index + 1} cannot be read.")
    return page


def _is_preview(page: tifffile.TiffPage) -> bool:
    """Whether a page is a smaller copy of another one (a thumbnail or a pyramid's level)."""
    return bool(page.subfiletype & 1)


def _info(page: tifffile.TiffPage, index: int, count: int, size: int, name: str) -> ImageInfo:
    if page.dtype is None or page.imagedepth > 1 or len(page.shape) not in (2, 3):
        raise ImageError(f"{name} holds pixels of a kind that CVStudio cannot read.")
    bits = page.bitspersample
    channels = int(page.samplesperpixel)
    if not 1 <= channels <= MOST_CHANNELS:
        raise ImageError(
            f"{name} has {channels} channels in each pixel; CVStudio reads up to {MOST_CHANNELS}."
        )
    if channels > 4 and int(page.compression) not in _PLAIN:
        raise ImageError(
            f"{name} has {channels} channels in a compression that CVStudio cannot read; save it"
            " without compression, or with deflate."
        )
    end = max(
        (
            start + length
            for start, length in zip(page.dataoffsets, page.databytecounts, strict=False)
        ),
        default=0,
    )
    if end > size:
        raise ImageError(f"{name} is cut off: {size:,} of at least {end:,} bytes are there.")
    if not page.dataoffsets:
        raise ImageError(f"{name} is damaged: page {index + 1} holds no pixels.")
    palette = int(page.photometric) == _PALETTE
    info = ImageInfo(
        "TIFF",
        int(page.imagewidth),
        int(page.imagelength),
        3 if palette else channels,
        int(bits if isinstance(bits, int) else bits[0]),
        page=index,
        pages=count,
        palette=palette,
        alpha=channels in (2, 4) and bool(page.extrasamples) and not is_separate(page),
        separate=is_separate(page),
    )
    check_size(info, size, name)
    orientation = _tag(page, _ORIENTATION, 1)
    return info.turned(orientation if 1 <= orientation <= 8 else 1)


def is_separate(page: tifffile.TiffPage) -> bool:
    """Whether a page's channels are measurements of their own, as of several stains or bands.

    Two are where the second is not called transparency; four where the first is grey; five and more
    always are.
    """
    channels = int(page.samplesperpixel)
    grey = int(page.photometric) in (_MINISWHITE, _MINISBLACK)
    plain = int(page.compression) in _PLAIN
    if channels == 2:
        extra = [int(kind) for kind in page.extrasamples]
        return grey and plain and not any(kind in _ALPHA for kind in extra)
    return channels > 4 or (channels == 4 and grey and plain)


def shown_of(page: tifffile.TiffPage, array: NDArray[Any]) -> NDArray[Any]:
    """What is a picture of a page's pixels (h, w[, channels]): of channels that are measurements of
    their own the first three, of two the first."""
    if array.ndim != 3 or not is_separate(page):
        return array
    return array[:, :, 0] if array.shape[2] == 2 else array[:, :, :3]


def _tag(page: tifffile.TiffPage, code: int, default: int) -> int:
    tag = page.tags.get(code)
    return int(tag.value) if tag is not None and isinstance(tag.value, int) else default


def _plain(page: tifffile.TiffPage, name: str, *, whole: bool) -> NDArray[Any]:
    """Pixels as tifffile reads them, brought to (h, w) or (h, w, 3|4); `whole`: as read_tiff."""
    array = np.asarray(page.asarray())
    if array.ndim == 3 and page.planarconfig == 2:
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3):
        raise ImageError(f"{name} holds pixels of a kind that CVStudio cannot read.")
    photometric = int(page.photometric)
    if photometric == _PALETTE and array.ndim == 2:
        table = np.asarray(page.tags[_COLORMAP].value, np.uint16).reshape(3, -1)
        colours = (table >> 8 if table.max() > 255 else table).astype(np.uint8)
        return colours[:, np.minimum(array, table.shape[1] - 1)].transpose(1, 2, 0)
    bits = page.bitspersample
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype == np.uint8 and isinstance(bits, int) and bits < 8:
        array = array * np.uint8(255 // (2**bits - 1))
    if photometric == _MINISWHITE:
        array = inverted(array, bits if isinstance(bits, int) else bits[0])
    if whole and is_separate(page):
        return native_type(array)
    return with_channels(np.ascontiguousarray(shown_of(page, array)))


def inverted(array: NDArray[Any], bits: int) -> NDArray[Any]:
    """White-is-zero pixels with zero as black."""
    if array.dtype == np.uint8:
        return np.uint8(255) - array
    if array.dtype == np.uint16:
        return np.uint16(2 ** min(bits, 16) - 1) - array
    return array


def with_channels(array: NDArray[Any]) -> NDArray[Any]:
    """Grey with alpha becomes RGBA; and as native_type."""
    if array.ndim == 3 and array.shape[2] == 2:
        array = np.concatenate([np.repeat(array[:, :, :1], 3, axis=2), array[:, :, 1:]], axis=2)
    return native_type(array)


def native_type(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers as uint8, uint16 or float32. Raises ImageError for complex ones."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if native.dtype in (np.uint8, np.uint16, np.float32):
        return native
    if native.dtype.kind not in "iuf":
        raise ImageError("The image holds complex numbers, which cannot be shown.")
    return native.astype(np.float32)


def _with_opencv(path: Path, page: int, orientation_at: int | None, order: str) -> NDArray[Any]:
    data = np.fromfile(path, np.uint8)
    if orientation_at is not None:
        # OpenCV turns TIFFs whatever it is told; in this copy of the file nothing is to be turned.
        one = struct.pack(order + "H", 1)
        data[orientation_at : orientation_at + 2] = np.frombuffer(one, np.uint8)
    found, arrays = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED, range=(page, page + 1))
    if not found or not arrays:
        raise ImageError(f"{path.name} is damaged: its pixels cannot be decoded.")
    array = np.asarray(arrays[0])
    if array.ndim == 3:
        code = cv2.COLOR_BGRA2RGBA if array.shape[2] == 4 else cv2.COLOR_BGR2RGB
        array = np.asarray(cv2.cvtColor(array, code))
    return with_channels(array)


def _with_pillow(path: Path, page: int) -> NDArray[Any]:
    with Image.open(path, formats=("TIFF",)) as image:
        image.seek(page)
        image.load()
        return from_pillow(image)


def from_pillow(image: Image.Image) -> NDArray[Any]:
    """A loaded Pillow image as an array: grey, RGB or RGBA, 16 bits and float kept."""
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("I", "F"):
        return np.asarray(image).astype(np.float32)
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if "transparency" in image.info or image.mode in ("PA", "LA", "RGBA", "La", "RGBa"):
        return np.asarray(image.convert("RGBA"))
    if image.mode == "L":
        return np.asarray(image)
    return np.asarray(image.convert("RGB"))


def _words(error: BaseException) -> str:
    text = str(error).strip().rstrip(".").split("\n")[0]
    return text if text else type(error).__name__
