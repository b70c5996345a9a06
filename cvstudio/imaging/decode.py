"""Any image file to numpy: RGB order, EXIF applied, bit depth kept, every failure an ImageError.

Magic bytes decide what a file is, never its name. OpenCV decodes; Pillow and tifffile take the
kinds that OpenCV cannot read or gets wrong (CMYK, palettes with transparency, most TIFFs).
"""

from __future__ import annotations

import io
import os
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.core.video_names import is_video_name
from cvstudio.imaging import header, video
from cvstudio.imaging.display import Window, auto_window, over_brightest, to_rgb8
from cvstudio.imaging.header import ImageInfo
from cvstudio.imaging.tiff import READ_ERRORS, from_pillow, read_tiff, tiff_infos, with_channels
from cvstudio.imaging.tiff_pieces import why_not

__all__ = [
    "SUFFIXES",
    "ImageInfo",
    "is_image_name",
    "probe",
    "read_channels",
    "read_image",
    "read_labels",
    "read_rgb",
    "read_values",
    "turn",
    "value_channels",
]

SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".webp"),
        *(".gif", ".pgm", ".ppm", ".pnm", ".pbm", ".tga", ".jp2", ".avif", ".qoi", ".hdr"),
    )
)
"""The endings (lower case) by which image files are looked for in folders."""

# Formats that Pillow reads itself; nothing that starts another program (EPS) or holds a network.
_PILLOW = ("JPEG", "PNG", "TIFF", "BMP", "DIB", "WEBP", "GIF", "PPM", "TGA", "JPEG2000", "AVIF",
           "QOI", "ICO", "SGI", "PCX")  # fmt: skip
_PILLOW_ERRORS = (*READ_ERRORS, EOFError, SyntaxError, zlib.error, Image.DecompressionBombError)
_ASK_MEMORY_ABOVE = 64_000_000

Image.MAX_IMAGE_PIXELS = header.MAX_PIXELS


def is_image_name(name: str | os.PathLike[str]) -> bool:
    """Whether a file's name ends like an image's. What it really is, its bytes decide."""
    return os.path.splitext(os.fspath(name))[1].lower() in SUFFIXES


def probe(path: Path, *, content: bytes | None = None) -> list[ImageInfo]:
    """What the images of a file are, one per page, by its headers alone.

    Cheap: a few kilobytes are read, no pixel is decoded; `content` is the whole file, for who has
    read it anyway. A file that is missing, empty, cut off, no image, or too large to be true raises
    ImageError with a sentence for the user. A video gives one per frame, and is decoded once when
    that was never done.
    """
    header.refuse_name(path)
    if is_video_name(path):
        index = video.index_of(path)
        return [index.info(frame) for frame in range(len(index))]
    size = len(content) if content else header.file_size(path)
    try:
        with io.BytesIO(content) if content else open(path, "rb") as stream:
            head = stream.read(4096)
            kind = header.sniff(head)
            reader = {
                "JPEG": header.jpeg_info,
                "PNG": header.png_info,
                "BMP": header.bmp_info,
                "WebP": header.webp_info,
            }.get(kind)
            if reader is not None:
                infos = [reader(stream, size, path.name)]
            elif kind == "TIFF":
                infos = tiff_infos(path, size)
            elif head.startswith((b"#?RADIANCE", b"#?RGBE")):
                infos = [_radiance(head, path.name)]
            else:
                infos = [_with_pillow_header(path, head)]
    except OSError as error:
        raise ImageError(f"{path.name} cannot be opened: {error.strerror or error}.") from None
    for info in infos:
        header.check_size(info, size, path.name)
    return infos


def read_image(path: Path, page: int = 0) -> NDArray[Any]:
    """The pixels of an image as displayed, in the file's own depth.

    (h, w) for grey, (h, w, 3) RGB or (h, w, 4) RGBA; uint8, uint16 or float32 (signed and wider
    integers become float32). EXIF orientation is applied. Palettes and CMYK become RGB. A page of
    a video is a frame. Of channels that are measurements of their own (ImageInfo.separate) the
    first three are the picture; read_channels has them all. Raises ImageError.
    """
    if is_video_name(path):
        return video.read_frame(path, page)
    return _read(path, _info_of(path, page), whole=False)


def read_channels(path: Path, page: int = 0) -> NDArray[Any]:
    """All that an image measures, as (h, w, ImageInfo.values) in the file's own depth.

    As read_image, but grey is one channel, channels of their own are all there, and transparent
    pixels are laid over the brightest value of the depth. Raises ImageError.
    """
    if is_video_name(path):
        return video.read_frame(path, page)
    info = _info_of(path, page)
    array = _read(path, info, whole=True)
    if array.ndim == 3 and array.shape[2] == 4 and not info.separate:
        array = over_brightest(array)
    array = array[:, :, None] if array.ndim == 2 else array[:, :, : info.values]
    if array.shape[2] != info.values:
        raise ImageError(f"{path.name} is damaged: some of its {info.values} channels are missing.")
    return np.ascontiguousarray(array)


def read_values(path: Path, page: int = 0, window: Window | None = None) -> NDArray[np.float32]:
    """All that an image measures for a network that sees it so: (h, w, ImageInfo.values) float32.

    0 and 1 are the ends of `window`; what lies beyond keeps its distance, nothing is rounded or cut
    off. 8 bits have 0 and 255 as ends, others without a window those of display.auto_window. Values
    that are no number become 0. Raises ImageError.
    """
    array = read_channels(path, page)
    low, high = (0.0, 255.0) if array.dtype == np.uint8 else window or auto_window(array)
    values = np.subtract(array, low, dtype=np.float64) * (1.0 / (high - low))
    if array.dtype.kind == "f":
        values[~np.isfinite(values)] = 0.0
    return np.asarray(values, np.float32)


def value_channels(path: Path, channels: int) -> int:
    """ImageInfo.values of a file whose ImageInfo.channels are known: most need not be opened.

    A file that cannot be opened any more is taken for a picture in colour.
    """
    if channels in (2, 4) and path.suffix.lower() in (".tif", ".tiff"):
        try:
            return probe(path)[0].values
        except ImageError:
            return 3
    return channels if channels > 4 else 1 if channels < 3 else 3


def _info_of(path: Path, page: int) -> ImageInfo:
    info = next((i for i in probe(path) if i.page == page), None)
    if info is None:
        raise ImageError(f"{path.name} has no page {page + 1}.")
    return info


def _read(path: Path, info: ImageInfo, *, whole: bool) -> NDArray[Any]:
    """An image turned upright, its failures in words; `whole` as read_tiff takes it."""
    _require_memory(info, path)
    try:
        array, orientation = _decode(path, info, whole=whole)
    except MemoryError:
        raise ImageError(f"{path.name} needs more memory than this computer has free.") from None
    except cv2.error as error:
        raise ImageError(f"{path.name} is damaged: {str(error.err).rstrip('.')}.") from None
    except _PILLOW_ERRORS as error:
        text = str(error).strip().rstrip(".").split("\n")[0] or type(error).__name__
        raise ImageError(f"{path.name} is damaged: {text}.") from None
    return turn(array, orientation)


def read_rgb(path: Path, page: int = 0, window: Window | None = None) -> NDArray[np.uint8]:
    """The image as (h, w, 3) uint8 RGB for networks and screens.

    Deeper images are mapped through `window` (None: display.auto_window of this image), 8-bit
    images are left as they are; transparent pixels are laid over white. Raises ImageError.
    """
    array = read_image(path, page)
    return to_rgb8(array, None if array.dtype == np.uint8 else window)


def turn(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An array as stored, turned to how EXIF's orientation 1 to 8 wants it shown."""
    match orientation:
        case 2:
            turned = array[:, ::-1]
        case 3:
            turned = array[::-1, ::-1]
        case 4:
            turned = array[::-1]
        case 5:
            turned = array.swapaxes(0, 1)
        case 6:
            turned = array.swapaxes(0, 1)[:, ::-1]
        case 7:
            turned = array[::-1, ::-1].swapaxes(0, 1)
        case 8:
            turned = array.swapaxes(0, 1)[::-1]
        case _:
            turned = array
    return np.ascontiguousarray(turned)


def _decode(path: Path, info: ImageInfo, *, whole: bool) -> tuple[NDArray[Any], int]:
    """The pixels as a library gives them and the orientation that is still to be applied."""
    if info.format == "TIFF":
        return read_tiff(path, info.page, whole=whole)
    awkward = (
        # Pillow gets transparent palettes and greys right, but knows no deep colour.
        (info.format == "PNG" and info.alpha and info.channels != 4 and info.bit_depth <= 8)
        or (info.format == "JPEG" and info.channels == 4)
        or (info.format == "BMP")
    )
    deep = info.format in ("PPM", "JPEG2000") and info.bit_depth > 8
    if deep and (text := _deep_text(path, info)) is not None:
        return text, info.orientation
    if (info.format in ("JPEG", "PNG", "WebP", "HDR") and not awkward) or deep:
        array = _with_opencv(path)
        if array is not None:
            return _with_clear_grey(path, array) if info.alpha else array, info.orientation
    try:
        return _with_pillow(path, info)
    except _PILLOW_ERRORS:
        # OpenCV knows a few kinds of BMP that Pillow does not.
        array = _with_opencv(path) if info.format == "BMP" else None
        if array is None:
            raise
        return array, info.orientation


def _with_opencv(path: Path) -> NDArray[Any] | None:
    data = np.fromfile(path, np.uint8)  # not imread: it cannot open every name on Windows
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    array = cv2.imdecode(data, flags)
    if array is None:
        return None
    if array.ndim == 3 and array.shape[2] == 4:
        array = cv2.cvtColor(array, cv2.COLOR_BGRA2RGBA)
    elif array.ndim == 3 and array.shape[2] == 3:
        array = cv2.cvtColor(array, cv2.COLOR_BGR2RGB)
    return with_channels(np.asarray(array))


def _with_clear_grey(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """A deep grey PNG with the one grey that it calls transparent, which OpenCV does not look at,
    as RGBA; other arrays as they are."""
    if array.ndim != 2:
        return array
    with Image.open(path, formats=_PILLOW) as image:
        clear = image.info.get("transparency")
    alpha = np.where(array == clear, 0, np.iinfo(array.dtype).max).astype(array.dtype)
    return np.stack([array, array, array, alpha], axis=2)


def _deep_text(path: Path, info: ImageInfo) -> NDArray[Any] | None:
    """A PNM file of more than 8 bits that is written as text; libraries make 8 bits of it."""
    data = path.read_bytes()
    if data[:2] not in (b"P2", b"P3"):
        return None
    words = re.sub(rb"#[^\r\n]*", b"", data[2:]).split()[3:]
    shape = (info.height, info.width, info.channels)
    values = np.array(words, np.uint16)[: np.prod(shape)].reshape(shape)
    return values[:, :, 0] if info.channels == 1 else values


def _with_pillow(path: Path, info: ImageInfo) -> tuple[NDArray[Any], int]:
    with Image.open(io.BytesIO(path.read_bytes()), formats=_PILLOW) as image:
        image.load()
        if info.format in ("JPEG", "PNG", "BMP", "WebP"):
            return from_pillow(image), info.orientation
        return from_pillow(ImageOps.exif_transpose(image)), 1


def _with_pillow_header(path: Path, head: bytes) -> ImageInfo:
    """A file of one of the rarer kinds, by Pillow's word."""
    try:
        with Image.open(path, formats=_PILLOW) as image:
            width, height = image.size
            mode, kind = image.mode, image.format or ""
            orientation = int(image.getexif().get(0x0112, 1) or 1)
            alpha = "transparency" in image.info or mode in ("LA", "PA", "RGBA")
    except MemoryError:
        raise ImageError(f"{path.name} claims more than this computer's memory holds.") from None
    except _PILLOW_ERRORS:
        raise ImageError(f"{path.name} {header.describe_stranger(head)}.") from None
    channels = {"1": 1, "L": 1, "I;16": 1, "I;16B": 1, "I": 1, "F": 1, "LA": 2}.get(mode, 3)
    depth = 16 if mode.startswith("I;16") else 32 if mode in ("I", "F") else 8
    stated = _stated_depth(kind, head)
    if stated:
        depth = stated
    info = ImageInfo(
        kind, width, height, 4 if alpha and channels == 3 else channels, depth,
        palette=mode == "P", alpha=alpha,
    )  # fmt: skip
    return info.turned(orientation if 1 <= orientation <= 8 else 1)


def _stated_depth(kind: str, head: bytes) -> int:
    """How many bits a PNM or JPEG 2000 header promises: Pillow's mode hides it. 0: not said."""
    if kind == "PPM" and head[:2] in (b"P2", b"P3", b"P5", b"P6"):
        words = re.sub(rb"#[^\r\n]*", b"", head[2:]).split(maxsplit=3)
        if len(words) > 2 and words[2].isdigit():
            return 16 if int(words[2]) > 255 else 8
    if kind == "JPEG2000":
        # The codestream's SIZ marker: length, profile, eight sizes of 4 bytes, components, depth.
        place = head.find(b"\xff\x4f\xff\x51")
        if place >= 0 and place + 42 < len(head):
            return 16 if (head[place + 42] & 0x7F) + 1 > 8 else 8
    return 0


def _radiance(head: bytes, name: str) -> ImageInfo:
    """A Radiance HDR picture; its size stands on the line after the first empty one."""
    for line in head.split(b"\n"):
        words = line.split()
        if len(words) == 4 and words[0] in (b"-Y", b"+Y") and words[2] in (b"+X", b"-X"):
            if words[1].isdigit() and words[3].isdigit():
                return ImageInfo("HDR", int(words[3]), int(words[1]), 3, 32)
            break
    raise ImageError(f"{name} is damaged: its header names no size.")


def _advice(path: Path, info: ImageInfo) -> str:
    """What would let a TIFF be read in pieces."""
    if info.format != "TIFF":
        return ""
    with tifffile.TiffFile(path) as file:
        page = file.pages[info.page]
        why = why_not(page if isinstance(page, tifffile.TiffPage) else page.aspage())
    return f" It can only be read whole, for {why}; save it as a TIFF in tiles." if why else ""


def _require_memory(info: ImageInfo, path: Path) -> None:
    """Refuse a picture that cannot fit before its memory is taken. Raises ImageError."""
    channels = max(info.channels, 3 if info.palette else 1)
    needed = info.width * info.height * channels * max(info.bit_depth, 8) // 8
    if needed < _ASK_MEMORY_ABOVE:
        return
    free = psutil.virtual_memory().available
    if 2 * needed > free:
        raise ImageError(
            f"{path.name} is {info.width:,} × {info.height:,} pixels and needs "
            f"{2 * needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free."
            f"{_advice(path, info)}"
        )


def read_labels(path: Path) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    """A mask's own numbers: of a palette image the indices (h, w) and the palette (n, 3) RGB, of
    others what read_image gives, and None. Raises ImageError."""
    info = probe(path)[0]
    if not info.palette:
        return read_image(path), None
    try:
        with Image.open(io.BytesIO(path.read_bytes()), formats=_PILLOW) as image:
            image.load()
            if image.mode != "P":
                return read_image(path), None
            palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
            indices = np.asarray(image)
    except _PILLOW_ERRORS as error:
        raise ImageError(f"{path.name} is damaged: {error}.") from None
    orientation = 1 if info.format == "TIFF" else info.orientation
    return turn(indices, orientation), palette
