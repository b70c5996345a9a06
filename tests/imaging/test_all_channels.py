"""Images with more than colours: every channel and every bit is there for who asks for them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import resized
from cvstudio.imaging.decode import (
    probe,
    read_channels,
    read_image,
    read_rgb,
    read_values,
    value_channels,
)
from cvstudio.imaging.large_tiff import LargeTiff


def measured(channels: int, kind: Any = np.uint16) -> NDArray[Any]:
    """(30, 40, channels) in which no two channels are alike."""
    rows = np.arange(30 * 40).reshape(30, 40)
    return np.stack([rows * (nth + 3) + 1000 * nth for nth in range(channels)], 2).astype(kind)


def written(path: Path, array: NDArray[Any], **how: Any) -> Path:
    usual = {"photometric": "minisblack", "planarconfig": "contig" if array.ndim == 3 else None}
    tifffile.imwrite(path, array, **{**usual, **how})
    return path


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("channels", [2, 4, 5, 9])
def test_every_channel_of_a_file_is_read_and_the_picture_is_made_of_the_first(
    tmp_path: Path, channels: int, compression: str | None, planar: str
) -> None:
    array = measured(channels)
    stored = array if planar == "contig" else np.moveaxis(array, 2, 0)
    path = written(tmp_path / "m.tif", stored, planarconfig=planar, compression=compression)
    (info,) = probe(path)
    assert (info.channels, info.values, info.alpha, info.separate) == (
        channels,
        channels,
        False,
        True,
    )
    assert np.array_equal(read_channels(path), array)
    shown = array[:, :, 0] if channels == 2 else array[:, :, :3]
    assert np.array_equal(read_image(path), shown)
    assert read_rgb(path).shape == (30, 40, 3)
    assert value_channels(path, info.channels) == channels


def test_a_turned_file_is_turned_in_every_channel(tmp_path: Path) -> None:
    path = written(tmp_path / "m.tif", measured(5), extratags=[(274, 3, 1, 6, True)])
    assert np.array_equal(read_channels(path), np.rot90(measured(5), -1))


def test_transparency_is_no_channel_and_shows_the_brightest_value(tmp_path: Path) -> None:
    rgba = np.full((8, 8, 4), 30_000, np.uint16)
    rgba[:, :, 3], rgba[:, 4:, 3] = 65535, 0
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, rgba, photometric="rgb", extrasamples=["unassalpha"])
    assert probe(path)[0].values == 3
    assert value_channels(path, 4) == 3
    array = read_channels(path)
    assert (array[:, :4] == 30_000).all()
    assert (array[:, 4:] == 65535).all()
    grey = tmp_path / "g.png"
    cv2.imwrite(str(grey), np.full((8, 8), 7, np.uint8))
    assert read_channels(grey).shape == (8, 8, 1)
    assert (value_channels(grey, 1), value_channels(tmp_path / "x.png", 4)) == (1, 3)


def test_values_keep_what_lies_between_two_greys_and_beyond_the_window(tmp_path: Path) -> None:
    deep = np.array([[0, 30_000, 30_001, 65_535]], np.uint16)
    path = written(tmp_path / "d.tif", deep)
    values = read_values(path, 0, (20_000.0, 40_000.0))
    assert values.shape == (1, 4, 1)
    assert values.dtype == np.float32
    assert values.ravel().tolist() == pytest.approx([-1.0, 0.5, 0.50005, 2.27675], abs=1e-6)
    rgb = read_rgb(path, 0, (20_000.0, 40_000.0))
    assert rgb[0, 1].tolist() == rgb[0, 2].tolist()

    eight = written(tmp_path / "e.tif", np.array([[0, 51, 255]], np.uint8))
    assert read_values(eight, 0, (7.0, 9.0)).ravel().tolist() == pytest.approx([0, 0.2, 1])

    odd = np.array([[np.nan, np.inf, 3.0, 5.0]], np.float32)
    path = written(tmp_path / "f.tif", odd)
    assert read_values(path, 0, (1.0, 5.0)).ravel().tolist() == [0.0, 0.0, 0.5, 1.0]


def test_a_large_file_of_many_channels_shows_the_first_three(tmp_path: Path) -> None:
    path = written(tmp_path / "l.tif", measured(5), tile=(16, 16))
    with contextlib.closing(LargeTiff(path)) as large:
        part = large.part(0, 5, 3, 25, 20)
    assert np.array_equal(part, measured(5)[3:20, 5:25, :3])


def test_what_cannot_be_read_is_said_with_its_channels(tmp_path: Path) -> None:
    path = written(tmp_path / "many.tif", np.zeros((4, 4, 600), np.uint8))
    with pytest.raises(ImageError, match="600 channels"):
        probe(path)


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 9])
def test_resizing_loses_no_channel(channels: int) -> None:
    array = measured(channels, np.float32)
    smaller = resized(array, 20, 15, cv2.INTER_AREA)
    assert smaller.shape == (15, 20, channels)
    assert np.allclose(smaller, array.reshape(15, 2, 20, 2, channels).mean(axis=(1, 3)))
    assert resized(array[:, :, 0], 20, 15, cv2.INTER_AREA).shape == (15, 20)
