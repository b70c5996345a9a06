"""What a file says about the size of its pixels, and what is not believed."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from cvstudio.imaging.pixel_size import PixelSize, length_words, pixel_size, round_length

GREY = np.zeros((20, 30), np.uint8)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"resolution": (40000, 20000), "resolutionunit": "CENTIMETER"}, (0.25e-6, 0.5e-6)),
        ({"resolution": (2540, 2540), "resolutionunit": "INCH"}, (10e-6, 10e-6)),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ({"resolution": (4, 4), "resolutionunit": "NONE"}, None),
        ({"imagej": True, "resolution": (5, 4), "metadata": {"unit": "um"}}, (0.2e-6, 0.25e-6)),
        ({"imagej": True, "resolution": (72, 72), "metadata": {"unit": "mm"}}, (1e-3 / 72,) * 2),
        ({"imagej": True, "resolution": (5, 4), "metadata": {"unit": "pixel"}}, None),
        (
            {"ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 65.0,
                                       "PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "nm"}},
            (0.1e-6, 65e-9),
        ),
        ({"description": "Aperio Image Library|AppMag = 40|MPP = 0.2525"}, (0.2525e-6,) * 2),
        ({}, None),
    ],
)  # fmt: skip
def test_a_tiff_is_asked_for_resolution_imagej_ome_and_aperio(tmp_path, options, wanted):
    path = tmp_path / ("a.ome.tif" if options.get("ome") else "a.tif")
    tifffile.imwrite(path, GREY, **options)
    found = pixel_size(path)
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        assert (found.x, found.y) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "dpi", "wanted", "printed"),
    [
        ("a.png", 2540.0, 10e-6, True),
        ("a.png", 72.0, None, False),
        ("a.png", 300.0, 0.0254 / 300, True),
        ("a.jpg", 2540.0, 10e-6, True),
        ("a.jpg", 72.0, None, False),
        ("a.jpg", 300.0, 0.0254 / 300, True),
        ("a.tif", 300.0, 0.0254 / 300, True),
        ("a.tif", 2540.0, 10e-6, False),
    ],
)
def test_what_only_says_how_large_it_is_to_be_printed_is_marked_so(
    tmp_path, name, dpi, wanted, printed
):
    Image.fromarray(GREY).save(tmp_path / name, dpi=(dpi, dpi))
    found = pixel_size(tmp_path / name)
    assert (found is None) == (wanted is None)
    if found is not None:
        assert found.x == pytest.approx(wanted, rel=0.001)
        assert found.printed is printed
        assert found.turned(6).printed is printed


def test_a_turned_image_has_its_pixels_turned_and_damage_is_no_size(tmp_path):
    assert PixelSize(1.0, 2.0).turned(6) == PixelSize(2.0, 1.0)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, resolution=(40000, 20000), resolutionunit="CENTIMETER")
    path.write_bytes(path.read_bytes()[:60])
    assert pixel_size(path) is None


def test_lengths_have_the_unit_that_suits_them():
    words = [length_words(metres) for metres in (2e-9, 0.5e-6, 50e-6, 1.25e-3, 0.02, 3.0)]
    assert words == ["2 nm", "500 nm", "50 µm", "1.25 mm", "20 mm", "3 m"]
    words = [length_words(-metres) for metres in (2e-3, 0.5e-6, 3.0)]
    assert words == ["-2 mm", "-500 nm", "-3 m"], "left of and above zero on a ruler"
    assert [round_length(x) for x in (0.7, 1, 1.9, 49, 50, 990)] == [0.5, 1, 1, 20, 50, 500]
