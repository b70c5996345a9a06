"""Bringing the image files of an export to their place: whole files, or single pages."""

from __future__ import annotations

import shutil
from pathlib import Path

import tifffile

from cvstudio.core.errors import FormatError, ImageError
from cvstudio.formats.base import ExportImage, Writing
from cvstudio.imaging.decode import read_image


def place(image: ExportImage, folder: Path, writing: Writing) -> str:
    """Put an image into a folder and return the name by which a label file finds it there.

    The bytes of the file are copied as they are; a page of a multi-page file becomes a TIFF of its
    own. Without copying, the name is the image's own absolute path. Raises FormatError.
    """
    if not writing.copy_images and image.pages == 1:
        return image.path.as_posix()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if image.pages == 1:
            shutil.copyfile(image.path, folder / image.name)
            return image.name
        name = f"{Path(image.name).stem}.tif"
        pixels = read_image(image.path, image.page)
        photometric = "rgb" if pixels.ndim == 3 else "minisblack"
        tifffile.imwrite(folder / name, pixels, photometric=photometric)
        return name
    except ImageError as error:
        raise FormatError(error.message, path=image.path) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{image.name} could not be copied: {reason}.", path=folder) from None
