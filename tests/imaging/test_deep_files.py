"""More than eight bits come out of every kind of file that can hold them, transparent or not."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2
from cvstudio.imaging.decode import probe, read_image, read_rgb

DEEP = np.random.default_rng(4).integers(300, 4096, (40, 50, 3)).astype(np.uint16)
GREY = DEEP[:, :, 0]
_GREY, _RGB, _GREY_ALPHA = 0, 2, 4
FULL = 65535


def png(path: Path, array: NDArray[np.uint16], colour: int, clear: tuple[int, ...] = ()) -> Path:
    """A 16-bit PNG, written by hand: no library at hand writes these kinds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    height, width = array.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    transparent = chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear)) if clear else b""
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
        + transparent
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return path


def test_sixteen_bit_grey_with_alpha_keeps_both(tmp_path: Path) -> None:
    path = png(tmp_path / "grey alpha.png", DEEP[:, :, :2], _GREY_ALPHA)
    assert probe(path)[0].bit_depth == 16
    read = read_image(path)
    assert read.dtype == np.uint16
    for channel in range(3):
        assert np.array_equal(read[:, :, channel], GREY)
    assert np.array_equal(read[:, :, 3], DEEP[:, :, 1])


def test_sixteen_bit_colour_with_a_transparent_colour_keeps_its_bits(tmp_path: Path) -> None:
    path = png(tmp_path / "rgb.png", DEEP, _RGB, tuple(int(v) for v in DEEP[3, 4]))
    read = read_image(path)
    assert read.dtype == np.uint16
    assert np.array_equal(read[:, :, :3], DEEP)
    assert read[3, 4, 3] == 0
    assert read[0, 0, 3] == FULL
    assert read_rgb(path, window=(0, FULL))[3, 4].tolist() == [255, 255, 255]


def test_sixteen_bit_grey_with_a_transparent_grey_keeps_its_bits(tmp_path: Path) -> None:
    path = png(tmp_path / "grey.png", GREY[:, :, None], _GREY, (int(GREY[3, 4]),))
    read = read_image(path)
    assert read.dtype == np.uint16
    assert np.array_equal(read[:, :, 0], GREY)
    assert np.array_equal(read[:, :, 3] == 0, GREY[3, 4] == GREY)


@pytest.mark.parametrize(
    ("name", "head", "array"),
    [
        ("a.ppm", b"P6", DEEP),
        ("b.pgm", b"P5", GREY),
        ("c.ppm", b"P3", DEEP),
        ("d.pgm", b"P2", GREY),
    ],
)
def test_deep_pnm_files_keep_their_numbers(
    tmp_path: Path, name: str, head: bytes, array: NDArray[np.uint16]
) -> None:
    text = head in (b"P2", b"P3")
    body = b" ".join(b"%d" % v for v in array.ravel()) if text else array.astype(">u2").tobytes()
    path = tmp_path / name
    path.write_bytes(head + b"\n# made by a 12-bit camera\n50 40\n4095\n" + body)
    assert probe(path)[0].bit_depth == 16
    read = read_image(path)
    assert read.dtype == np.uint16
    assert np.array_equal(read, array)


def test_deep_jpeg_2000_colour_stays_deep(tmp_path: Path) -> None:
    path = tmp_path / "colour.jp2"
    cv2.imwrite(str(path), DEEP[:, :, ::-1], [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    assert probe(path)[0].bit_depth == 16
    read = read_image(path)
    assert read.dtype == np.uint16
    assert abs(read.astype(int) - DEEP).max() < 600  # lossy, yet on the file's own scale
