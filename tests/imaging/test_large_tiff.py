"""Large TIFFs in pieces: the pixels are those of the whole file, in bounded memory."""

import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image

from cvstudio.core.errors import ImageError
from cvstudio.imaging import large_tiff, thumbnails
from cvstudio.imaging.decode import read_image
from cvstudio.imaging.large_tiff import LargeTiff, open_pyramid
from cvstudio.imaging.tiles import TILE, Pyramid, halved

WIDTH, HEIGHT = 2300, 1700


@pytest.fixture(autouse=True)
def small_counts_as_large(monkeypatch):
    monkeypatch.setattr(large_tiff, "LARGE", 1_000_000)
    monkeypatch.setattr(large_tiff, "_OVERVIEW", 700)


def picture(kind=np.uint8, channels=3):
    """Smooth and different everywhere, with an edge that shows a shift of one pixel."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    top = np.iinfo(kind).max
    parts = [
        (x * (k + 1) * 37 + y * (5 - k) * 11 + (x // 300 + y // 200) % 2 * 999) % top
        for k in range(channels)
    ]
    made = np.stack(parts, axis=2).astype(kind)
    return made[:, :, 0] if channels == 1 else made


def written(path, kind):
    """A file of one kind."""
    rgb, deep = picture(), picture(np.uint16, 1)
    tiled = {"tile": (256, 256), "compression": "zlib"}
    match kind:
        case "plain strips":
            tifffile.imwrite(path, rgb, photometric="rgb", rowsperstrip=64)
        case "plain BigTIFF of 16 bits":
            tifffile.imwrite(path, deep, bigtiff=True)
        case "tiles":
            tifffile.imwrite(path, rgb, photometric="rgb", **tiled)
        case "BigTIFF tiles of 16 bits, big-endian":
            tifffile.imwrite(path, deep, bigtiff=True, byteorder=">", predictor=True, **tiled)
        case "deflated strips":
            tifffile.imwrite(path, rgb, photometric="rgb", compression="zlib", rowsperstrip=50)
        case "white is zero":
            tifffile.imwrite(path, picture(channels=1), photometric="miniswhite", **tiled)
        case "LZW":
            Image.fromarray(rgb).save(path, compression="tiff_lzw")
        case "JPEG":
            Image.fromarray(rgb // 8 * 8).save(path, compression="jpeg", quality=95)
        case "levels in SubIFDs":
            with tifffile.TiffWriter(path) as file:
                file.write(rgb, photometric="rgb", subifds=2, **tiled)
                for level in (halved(rgb), halved(halved(rgb))):
                    file.write(level, photometric="rgb", subfiletype=1, **tiled)
        case "levels behind it":
            with tifffile.TiffWriter(path) as file:
                file.write(deep, **tiled)
                file.write(halved(deep), subfiletype=1, **tiled)


KINDS = [
    "plain strips", "plain BigTIFF of 16 bits", "tiles", "BigTIFF tiles of 16 bits, big-endian",
    "deflated strips", "white is zero", "LZW", "JPEG", "levels in SubIFDs", "levels behind it",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_pixels_in_pieces_are_those_of_the_whole(tmp_path, kind):
    path = tmp_path / "a.tif"
    written(path, kind)
    whole = read_image(path)
    pyramid = open_pyramid(path)
    assert isinstance(pyramid, LargeTiff)
    pyramid.build()
    assert (pyramid.width, pyramid.height) == (WIDTH, HEIGHT)
    for column, row in ((0, 0), (2, 1), (4, 3)):
        wanted = whole[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
        pyramid.fetch(0, column, row)
        assert pyramid.at_hand(0, column, row)
        found = pyramid._raw_tile(0, column, row)
        if kind == "JPEG":
            assert np.abs(found.astype(int) - wanted).max() <= 2
        else:
            assert np.array_equal(found, wanted)
    assert pyramid.pixel(1500, 900) == pytest.approx(np.atleast_1d(whole[900, 1500]), abs=2)
    assert pyramid.pixel(WIDTH, 0) is None
    assert pyramid.fitting[0] < pyramid.fitting[1]
    pyramid.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_level_has_the_size_and_the_mean_of_the_whole_files(tmp_path, kind):
    path = tmp_path / "a.tif"
    written(path, kind)
    wanted = Pyramid(read_image(path))
    pyramid = open_pyramid(path)
    pyramid.build()
    for _ in pyramid.refine():
        pass
    assert not pyramid.unfinished
    assert pyramid.levels == wanted.levels
    top = 65535 if "16" in kind or "behind" in kind else 255
    for level in range(wanted.levels):
        last = pyramid.columns(level) - 1, pyramid.rows(level) - 1
        for column, row in {(0, 0), last}:
            ours = pyramid._raw_tile(level, column, row).astype(float)
            theirs = wanted._raw_tile(level, column, row).astype(float)
            assert ours.shape == theirs.shape
            assert abs(ours.mean() - theirs.mean()) < 0.06 * top
        assert pyramid.tile(level, 0, 0).dtype == np.uint8
    pyramid.close()


def test_only_what_is_looked_at_is_decoded(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    written(path, "levels in SubIFDs")
    pyramid = open_pyramid(path)
    assert isinstance(pyramid, LargeTiff)
    decoded = []
    original = pyramid._full.decoded
    monkeypatch.setattr(
        pyramid._full, "decoded", lambda *at: (decoded.append(at), original(*at))[1]
    )
    pyramid.build()
    assert not decoded, "the file's own smaller levels are used"
    pyramid.fetch(0, 1, 1)
    assert sorted(decoded) == [(2, 2), (2, 3), (3, 2), (3, 3)]
    pyramid.close()


def test_a_look_at_every_part_leaves_memory_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(large_tiff, "_BUDGET", 3_000_000)
    path = tmp_path / "a.tif"
    written(path, "tiles")
    pyramid = open_pyramid(path)
    tracemalloc.start()
    pyramid.build()
    for level in range(pyramid.levels):
        for row in range(pyramid.rows(level)):
            for column in range(pyramid.columns(level)):
                pyramid.fetch(level, column, row)
    assert pyramid.nbytes < 6_000_000
    assert tracemalloc.get_traced_memory()[0] < 8_000_000 < WIDTH * HEIGHT * 3
    tracemalloc.stop()
    pyramid.close()


def test_a_file_of_many_levels_keeps_no_more_than_one_of_a_single_level(tmp_path, monkeypatch):
    monkeypatch.setattr(large_tiff, "_BUDGET", 1_500_000)
    path = tmp_path / "a.tif"
    written(path, "levels in SubIFDs")
    pyramid = open_pyramid(path)
    assert isinstance(pyramid, LargeTiff)
    pyramid.build()
    overview = pyramid.nbytes
    for level in range(pyramid.base):
        for row in range(pyramid.rows(level)):
            for column in range(pyramid.columns(level)):
                pyramid.fetch(level, column, row)
    assert pyramid.nbytes - overview < 1_500_000
    assert pyramid.at_hand(0, 0, 0) is False
    pyramid.close()


@pytest.mark.parametrize("kind", ["plain strips", "tiles"])
def test_a_file_that_is_cut_short_while_it_is_open_is_said_and_ends_nothing(tmp_path, kind):
    """Of a memory map this would be a signal that ends the program, with all drafts in it."""
    path = tmp_path / "a.tif"
    written(path, kind)
    pyramid = open_pyramid(path)
    assert isinstance(pyramid, LargeTiff)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(ImageError, match="damaged: it ends too early"):
        pyramid.part(0, WIDTH - 40, HEIGHT - 40, WIDTH, HEIGHT)
    with pytest.raises(ImageError, match="damaged: it ends too early"):
        pyramid.part(0, 0, HEIGHT - 40, WIDTH, HEIGHT)
    pyramid.close()
    with pytest.raises(ImageError, match="not open any more"):
        pyramid.part(0, WIDTH - 40, HEIGHT - 40, WIDTH, HEIGHT)


@pytest.mark.parametrize("error", [AttributeError("x"), OSError(5, "Input/output error")])
def test_a_large_file_that_fails_when_it_is_opened_is_never_read_whole(
    tmp_path, monkeypatch, error
):
    path = tmp_path / "a.tif"
    written(path, "tiles")
    opened = []

    def fail(file, own):
        opened.append(file)
        raise error

    monkeypatch.setattr(large_tiff, "_reduced", fail)
    with pytest.raises(ImageError, match="cannot be read in pieces"):
        open_pyramid(path)
    assert opened


def test_one_large_strip_is_read_whole_and_why_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr("cvstudio.imaging.tiff_pieces.LARGEST_SEGMENT", 1_000_000)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(), photometric="rgb", compression="zlib", rowsperstrip=HEIGHT)
    pyramid = open_pyramid(path)
    assert not isinstance(pyramid, LargeTiff)
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("M", (), {"available": 1000})())
    monkeypatch.setattr("cvstudio.imaging.decode._ASK_MEMORY_ABOVE", 1000)
    with pytest.raises(ImageError, match="not in tiles or strips"):
        pyramid.load()


def test_a_damaged_tile_is_said_in_words(tmp_path):
    path = tmp_path / "a.tif"
    written(path, "tiles")
    with tifffile.TiffFile(path) as file:
        offset = file.pages[0].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(bytes(data))
    pyramid = open_pyramid(path)
    with pytest.raises(ImageError, match=r"a\.tif is damaged"):
        pyramid.fetch(0, 0, 0)
    pyramid.close()


def test_a_large_file_has_a_thumbnail_without_being_held(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    written(path, "tiles")
    monkeypatch.setattr(
        "cvstudio.imaging.thumbnails.read_rgb",
        lambda *_a, **_k: pytest.fail("the file was decoded whole"),
    )
    assert thumbnails.make(path)[:2] == b"\xff\xd8"
