"""Pixels come out of every kind of file as they went in, upright, and in RGB."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.imaging import decode
from cvstudio.imaging.decode import probe, read_image, read_labels, read_rgb

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
GREY = RGB[:, :, 0]
DEEP = RGB.astype(np.uint16) * 257 + 3


def exif(orientation: int) -> bytes:
    found = Image.Exif()
    found[0x0112] = orientation
    return found.tobytes()


def turned(array: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """What Pillow shows for an orientation: an independent opinion."""
    image = Image.fromarray(array)
    methods = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return np.asarray(image.transpose(methods[orientation]) if orientation > 1 else image)


SAVERS: dict[str, Callable[[Path, NDArray[np.uint8]], object]] = {
    "png": lambda p, a: Image.fromarray(a).save(p, "PNG"),
    "bmp": lambda p, a: Image.fromarray(a).save(p, "BMP"),
    "webp": lambda p, a: Image.fromarray(a).save(p, "WEBP", lossless=True),
    "tiff plain": lambda p, a: tifffile.imwrite(p, a, photometric="rgb"),
    "tiff lzw": lambda p, a: Image.fromarray(a).save(p, "TIFF", compression="tiff_lzw"),
    "tiff deflate": lambda p, a: tifffile.imwrite(p, a, photometric="rgb", compression="zlib"),
    "gif-like qoi": lambda p, a: Image.fromarray(a).save(p, "QOI"),
}


@pytest.mark.parametrize("kind", SAVERS)
def test_lossless_files_give_their_pixels_whatever_their_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "grüße 図 image.jpg"  # the name lies, and holds letters of all sorts
    SAVERS[kind](path, RGB)
    assert np.array_equal(read_image(path), RGB)
    assert (probe(path)[0].width, probe(path)[0].height) == (9, 6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "TIFF lzw", "TIFF 16-bit lzw"])
def test_all_eight_orientations_come_out_upright(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    path = tmp_path / "image"
    if kind == "TIFF 16-bit lzw":
        _write_deep_lzw(path, orientation)
        got = (read_image(path) // 257).astype(np.uint8)
    else:
        _write_turned(path, kind, orientation)
        got = read_image(path)
    expected = turned(RGB, orientation)
    assert np.array_equal(got, expected)
    info = probe(path)[0]
    assert (info.height, info.width) == expected.shape[:2]
    assert info.orientation == orientation


def _write_turned(path: Path, kind: str, orientation: int) -> None:
    image = Image.fromarray(RGB)
    if kind == "PNG":
        image.save(path, "PNG", exif=exif(orientation))
    elif kind == "WEBP":
        image.save(path, "WEBP", lossless=True, exif=exif(orientation))
    else:
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[274] = orientation
        image.save(path, "TIFF", tiffinfo=tags, compression="tiff_lzw" if "lzw" in kind else None)


def _write_deep_lzw(path: Path, orientation: int) -> None:
    """16-bit LZW by OpenCV, with an orientation tag put in the place of its software's."""
    _, data = cv2.imencode(
        ".tif", DEEP[:, :, ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5, cv2.IMWRITE_TIFF_PREDICTOR, 2]
    )
    raw = bytearray(data.tobytes())
    with tifffile.TiffFile(io.BytesIO(bytes(raw))) as file:
        tags = file.pages[0].tags
        spare = tags.get(274) or tags[284]  # else planar configuration, whose default is the same
        order = file.byteorder
        at = spare.offset
    struct.pack_into(order + "HHIH", raw, at, 274, 3, 1, orientation)
    path.write_bytes(bytes(raw))


def test_a_jpeg_is_turned_like_pillow_turns_it(tmp_path: Path) -> None:
    smooth = cv2.resize(RGB, (64, 48), interpolation=cv2.INTER_CUBIC)
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}.jpg"
        Image.fromarray(smooth).save(path, quality=95, exif=exif(orientation))
        stored = np.asarray(Image.open(path))
        difference = read_image(path).astype(int) - turned(stored, orientation)
        assert np.abs(difference).max() <= 3  # two builds of libjpeg round apart
        assert probe(path)[0].orientation == orientation


@pytest.mark.shared_data
def test_the_landscape_looks_the_same_in_all_nine_files(shared_data: Path) -> None:
    pictures = [
        cv2.resize(read_rgb(shared_data / f"odd_exif/Landscape_{n}.jpg"), (60, 40))
        for n in range(9)
    ]
    for picture in pictures[1:]:
        assert np.abs(picture.astype(int) - pictures[0]).mean() < 6


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path) -> None:
    for name, array in (("a.png", DEEP), ("b.tif", DEEP), ("c.tif", DEEP[:, :, 1])):
        path = tmp_path / name
        if name.endswith("png"):
            path.write_bytes(cv2.imencode(".png", array[:, :, ::-1])[1].tobytes())
        else:
            tifffile.imwrite(path, array)
        got = read_image(path)
        assert got.dtype == np.uint16
        assert np.array_equal(got, array)
        assert probe(path)[0].bit_depth == 16


def test_float_and_signed_tiffs_keep_their_values(tmp_path: Path) -> None:
    values = np.linspace(-2, 5, 54, dtype=np.float32).reshape(6, 9)
    tifffile.imwrite(tmp_path / "float.tif", values)
    tifffile.imwrite(tmp_path / "signed.tif", np.arange(-27, 27, dtype=np.int16).reshape(6, 9))
    assert np.array_equal(read_image(tmp_path / "float.tif"), values)
    assert read_image(tmp_path / "signed.tif")[0, 0] == -27


def test_each_page_of_a_tiff_is_an_image(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    pages = [np.full((4, 5 + n), n * 1000, np.uint16) for n in range(3)]
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            writer.write(page, contiguous=False)
    infos = probe(path)
    assert [(i.page, i.pages, i.width) for i in infos] == [(0, 3, 5), (1, 3, 6), (2, 3, 7)]
    for number, page in enumerate(pages):
        assert np.array_equal(read_image(path, number), page)
    with pytest.raises(ImageError, match="no page 4"):
        read_image(path, 3)


def test_grey_palette_and_transparency(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    assert np.array_equal(read_image(tmp_path / "grey.png"), GREY)
    indexed = Image.fromarray((GREY % 4).astype(np.uint8), "L").convert("P")
    colours = [10, 20, 30, 200, 0, 0, 0, 200, 0, 0, 0, 200]
    indexed.putpalette(colours)
    indexed.save(tmp_path / "palette.png")
    table = np.array(colours, np.uint8).reshape(-1, 3)
    assert np.array_equal(read_image(tmp_path / "palette.png"), table[GREY % 4])
    indices, palette = read_labels(tmp_path / "palette.png")
    assert np.array_equal(indices, GREY % 4)
    assert palette is not None
    assert np.array_equal(palette[:4], table)
    indexed.save(tmp_path / "clear.png", transparency=0)
    clear = read_image(tmp_path / "clear.png")
    assert clear.shape == (6, 9, 4)
    assert np.array_equal(clear[:, :, 3] == 0, GREY % 4 == 0)
    assert (read_rgb(tmp_path / "clear.png")[GREY % 4 == 0] == 255).all()  # over white
    rgba = np.dstack([RGB, GREY])
    for name in ("alpha.png", "alpha.tif"):
        Image.fromarray(rgba).save(tmp_path / name)
        assert np.array_equal(read_image(tmp_path / name), rgba)


def test_cmyk_shows_the_colours_that_were_meant(tmp_path: Path) -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for name in ("cmyk.jpg", "cmyk.tif"):
        red.save(tmp_path / name)
        mean = read_rgb(tmp_path / name).reshape(-1, 3).mean(axis=0)
        assert mean[0] > 200
        assert mean[1:].max() < 60


def test_a_tiff_whose_white_is_zero_is_not_a_negative(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "white.tif", GREY, photometric="miniswhite")
    assert np.array_equal(read_image(tmp_path / "white.tif"), 255 - GREY)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp"])
def test_a_file_that_was_cut_off_is_noticed_by_its_headers(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.fromarray(cv2.resize(RGB, (200, 150))).save(path)
    whole = path.read_bytes()
    for part in (0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(ImageError, match=f"{name} is (cut off|damaged)"):
            probe(path)


def test_files_that_are_no_images_are_named_for_what_they_are(tmp_path: Path) -> None:
    for name, content, words in (
        ("empty.png", b"", "is empty: the file has 0 bytes"),
        ("text.png", b"just some words\n", "is a text file, not an image"),
        ("photo.jpg", b"\0\0\0\x18ftypheic" + bytes(40), "is a HEIC photograph"),
        ("noise.tif", bytes(range(200, 256)) * 4, "is not an image"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageError, match=f"{name} {words}"):
            probe(tmp_path / name)
        with pytest.raises(ImageError, match=name):
            read_image(tmp_path / name)
    with pytest.raises(ImageError, match=r"gone\.png is missing"):
        probe(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="is a folder"):
        probe(tmp_path)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("size", "words"), [((100_000, 100_000), "claims"), ((20_000, 20_000), "cannot hold them")]
)
def test_a_bomb_is_refused_before_it_takes_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], words: str
) -> None:
    def exploded(*_: object) -> None:
        pytest.fail("the bomb was decoded")

    monkeypatch.setattr(decode, "_decode", exploded)
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(*size))
    with pytest.raises(ImageError, match=words):
        read_image(path)


def test_a_tiff_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    tifffile.imwrite(path, GREY)
    raw = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        for code in (256, 257):
            tag = file.pages[0].tags[code]
            form = "<I" if tag.dtype == 4 else "<H"
            struct.pack_into(form, raw, tag.valueoffset, 65_000)
    path.write_bytes(bytes(raw))
    with pytest.raises(ImageError):
        read_image(path)


def test_an_image_larger_than_the_free_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.png"
    Image.new("RGB", (6000, 5000)).save(path)

    class Little:
        available = 100_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    with pytest.raises(ImageError, match=r"needs 0\.2 GB of memory; 0\.1 GB are free"):
        read_image(path)
