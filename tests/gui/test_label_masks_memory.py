"""Many masks on a large image cost little beyond the image."""

from cvstudio.checks.bench_canvas import opened
from cvstudio.gui import app


def test_300_masks_on_a_large_image_take_less_than_50_mb_of_pictures_and_arrays():
    app.make_application()
    with opened(4096) as bench:
        bench.add_masks(300)
        bench.look_around()
        held = bench.view.pictures._held.values()
        assert len(held) == 300, "every mask was drawn"
        assert sum(picture.bytes() for picture in held) < 50_000_000
