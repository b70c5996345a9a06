"""What the screen shows of deep images, tiles and thumbnails."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.imaging.display import Display, apply, auto_window, to_rgb8
from cvstudio.imaging.thumbnails import ThumbnailStore, key_of, make
from cvstudio.imaging.tiles import TILE, Pyramid, halved


def test_an_ordinary_image_is_shown_untouched() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    assert np.array_equal(to_rgb8(rgb), rgb)
    assert np.array_equal(to_rgb8(rgb[:, :, 0]), np.repeat(rgb[:, :, :1], 3, axis=2))


def test_window_maps_its_ends_to_black_and_white() -> None:
    deep = np.array([[0, 1000, 1500, 2000, 65535]], np.uint16)
    assert to_rgb8(deep, (1000, 2000))[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    values = np.array([[-5.0, np.nan, 0.5, np.inf]], np.float32)
    assert to_rgb8(values, (0, 1))[0, :, 0].tolist() == [0, 0, 128, 255]


def test_auto_window_ignores_a_few_hot_pixels() -> None:
    deep = np.random.default_rng(2).normal(1000, 50, (400, 400)).astype(np.uint16)
    deep[0, 0] = 65535
    low, high = auto_window(deep)
    assert 800 < low < 900
    assert 1100 < high < 1250
    assert auto_window(np.full((3, 3), 7, np.uint16)) == (7.0, 8.0)
    assert auto_window(np.full((3, 3), np.nan, np.float32)) == (0.0, 1.0)


def test_brightness_contrast_gamma_and_inverted_greys_do_what_they_say() -> None:
    grey = np.array([[0, 64, 128, 192, 255]], np.uint8)
    assert to_rgb8(grey, brightness=100)[0, :, 0].min() == 255
    assert set(to_rgb8(grey, contrast=-100)[0, :, 0].tolist()) == {128}
    assert to_rgb8(grey, contrast=60)[0, 1, 0] < 64 < 192 < to_rgb8(grey, contrast=60)[0, 3, 0]
    assert to_rgb8(grey, gamma=2)[0, 1, 0] > 64
    assert apply(grey, Display(lut="inverted"))[0, :, 0].tolist() == [255, 191, 127, 63, 0]


def test_one_channel_is_shown_in_grey() -> None:
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[:, :, 1] = 90
    assert (apply(rgb, Display(channel=1)) == 90).all()
    assert (apply(rgb, Display(channel=0)) == 0).all()


def test_tiles_of_every_level_lie_where_the_image_is() -> None:
    height, width = 1301, 1100
    rows, columns = np.mgrid[:height, :width]
    array = np.dstack([columns / 5, rows / 6, np.full_like(rows, 50)]).astype(np.uint8)
    pyramid = Pyramid(array)
    assert pyramid.levels == 3
    for level in range(pyramid.levels):
        whole = np.vstack(
            [
                np.hstack([pyramid.tile(level, c, r) for c in range(pyramid.columns(level))])
                for r in range(pyramid.rows(level))
            ]
        )
        scale = 2**level
        assert whole.shape[:2] == (-(-height // scale), -(-width // scale))
        picked = array[scale // 2 :: scale, scale // 2 :: scale]
        same = whole[: picked.shape[0], : picked.shape[1]]
        assert np.abs(same.astype(int) - picked).max() <= 1
    assert np.array_equal(pyramid.tile(0, 0, 0), array[:TILE, :TILE])
    assert pyramid.nbytes <= array.nbytes * 4 / 3 + 10_000
    with pytest.raises(IndexError):
        pyramid.tile(0, 3, 0)


def test_halving_an_odd_size_keeps_the_last_row_and_column() -> None:
    array = np.arange(15, dtype=np.uint16).reshape(3, 5) * 100
    half = halved(array)
    assert half.shape == (2, 3)
    assert half[0, 0] == 300
    assert half[0, 2] == (400 + 900) // 2
    assert half[1, 0] == (1000 + 1100) // 2
    assert half[1, 2] == 1400


def test_one_window_serves_all_tiles_of_a_deep_image() -> None:
    deep = np.zeros((600, 1100), np.uint16)
    deep[:, 512:] = 4000
    pyramid = Pyramid(deep)
    assert pyramid.tile(0, 0, 0).max() == 0
    assert pyramid.tile(0, 1, 0).min() == 255


def test_a_pyramid_of_a_file_is_decoded_when_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "late.png"
    pyramid = Pyramid(path)
    with pytest.raises(ImageError, match="missing"):
        pyramid.load()
    Image.new("RGB", (30, 20), (1, 2, 3)).save(path)
    assert pyramid.tile(0, 0, 0)[5, 5].tolist() == [1, 2, 3]


def test_thumbnails_are_small_upright_and_never_enlarged(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    big = np.zeros((1200, 1600, 3), np.uint8)
    big[:, :800] = (250, 0, 0)
    Image.fromarray(big).save(tmp_path / "big.jpg", exif=exif)
    Image.new("RGB", (20, 10)).save(tmp_path / "small.png")
    found = cv2.imdecode(np.frombuffer(make(tmp_path / "big.jpg"), np.uint8), cv2.IMREAD_COLOR)
    assert found.shape == (256, 192, 3)
    assert found[20, 96, 2] > 200  # turned a quarter clockwise, the red half is above
    assert found[230, 96, 2] < 50
    tiny = cv2.imdecode(np.frombuffer(make(tmp_path / "small.png"), np.uint8), cv2.IMREAD_COLOR)
    assert tiny.shape == (10, 20, 3)


def test_the_store_hands_out_only_thumbnails_of_the_file_as_it_is(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path / "thumbnails.db")
    store.put((i, f"key{i}", b"jpeg%d" % i) for i in range(1200))
    assert len(store.get(range(1200))) == 1200
    assert store.get({3: "key3", 4: "changed"}) == {3: b"jpeg3"}
    store.forget([3])
    assert store.get([3, 5]) == {5: b"jpeg5"}
    store.close()
    again = ThumbnailStore(tmp_path / "thumbnails.db")
    assert again.get([7]) == {7: b"jpeg7"}
    again.close()
    file = tmp_path / "a.txt"
    file.write_bytes(b"1")
    assert key_of(file) != key_of(file, page=1)
    assert key_of(tmp_path / "none") == ""


def test_a_damaged_or_deleted_store_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "thumbnails.db"
    path.write_bytes(b"this is no database, whatever it says" * 100)
    store = ThumbnailStore(path)
    assert store.get([1]) == {}
    store.put([(1, "k", b"x")])
    assert store.get([1]) == {1: b"x"}
    path.unlink()
    assert store.get([1]) == {}
    store.put([(1, "k", b"y")])
    assert store.get([1]) == {1: b"y"}
    store.close()
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE thumbnail")
    other.close()
    broken = ThumbnailStore(path)
    broken.put([(2, "k", b"z")])
    assert broken.get([2]) == {2: b"z"}
    broken.close()
