"""Bringing the image files of an export to their place: whole files, upright ones, single pages."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from cvstudio.core.errors import FormatError, ImageError
from cvstudio.core.opencv import cv2
from cvstudio.core.video_names import is_video_name
from cvstudio.formats.base import ExportImage, Writing
from cvstudio.imaging.decode import read_image


def place(image: ExportImage, folder: Path, writing: Writing, *, copy: bool | None = None) -> str:
    """Put an image into a folder and return the name by which a label file finds it there.

    The bytes of the file are copied as they are, with two exceptions: a page of a multi-page file
    becomes a TIFF of its own, a frame of a video a PNG; and a file that is to be turned by its EXIF
    tag is written upright and lossless, because labels speak of upright pixels and many programs
    ignore the tag. Without copying (`copy`, or as `writing` says), the name is the image's own
    absolute path. Raises FormatError.
    """
    copy = writing.copy_images if copy is None else copy
    alone = image.pages == 1 and not is_video_name(image.path)
    if not copy and alone:
        if image.orientation != 1:
            writing.lose("image[s] [has|have] a rotation tag: a program that ignores it sees"
                         " labels beside [its|their] objects")  # fmt: skip
        return image.path.as_posix()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if alone and image.orientation == 1:
            shutil.copyfile(image.path, folder / image.name)
            return image.name
        pixels = read_image(image.path, image.page)
        if is_video_name(image.path):
            return _write_upright(folder, image.name, pixels)
        if image.pages > 1:
            name = f"{Path(image.name).stem}.tif"
            _write_tiff(folder / name, pixels)
            return name
        writing.lose("image[s] had a rotation tag and [was|were] written upright, without loss,"
                     " as PNG or TIFF; the originals are untouched")  # fmt: skip
        return _write_upright(folder, image.name, pixels)
    except ImageError as error:
        raise FormatError(error.message, path=image.path) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{image.name} could not be copied: {reason}.", path=folder) from None


def _write_upright(folder: Path, name: str, pixels: NDArray[Any]) -> str:
    """Write pixels without a tag: TIFFs and floats as TIFF, all others as PNG."""
    stem, suffix = Path(name).stem, Path(name).suffix.lower()
    if suffix in (".tif", ".tiff") or pixels.dtype == np.float32:
        name = f"{stem}.tif"
        _write_tiff(folder / name, pixels)
        return name
    name = f"{stem}.png"
    turned = pixels
    if pixels.ndim == 3:
        how = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
        turned = cv2.cvtColor(pixels, how)
    _, data = cv2.imencode(".png", turned)
    (folder / name).write_bytes(data.tobytes())
    return name


def _write_tiff(path: Path, pixels: NDArray[Any]) -> None:
    tifffile.imwrite(path, pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack")
