"""The Label page on a 16-bit image: the window that is looked through can become the network's."""

import numpy as np
import pytest
import tifffile
from label_hands import opened_page
from patience import until

from cvstudio.core.annotation import Task
from cvstudio.project import importing, queries
from cvstudio.project.project import Project


@pytest.fixture
def page(tmp_path, qapp):
    """Two 16-bit images and one of 8 bits, imported and open on the Label page."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name, top in (("a", 3000), ("b", 5000)):
        values = np.linspace(500, top, 120 * 160).astype(np.uint16).reshape(120, 160)
        tifffile.imwrite(folder / f"{name}.tif", values)
    tifffile.imwrite(folder / "c.tif", np.full((120, 160), 7, np.uint8))
    project = Project.create(tmp_path / "project", task=Task.DETECT, classes=("Cell",))
    importing.run(project, importing.plan(project, folder))
    with opened_page(project) as page:
        yield page


def stored(page):
    with page.project.read() as session:
        return [r.window for r in queries.images(session, queries.image_ids(session))]


def test_the_window_on_screen_becomes_the_networks_and_undo_takes_it_back(page):
    panel = page.display
    first = stored(page)
    assert first[0] == first[1] is not None
    assert first[2] is None
    assert panel.training.isVisible()
    assert panel.training.text() == "Used for training"
    assert not panel.training.isEnabled()

    panel.window_slider.set_values(200, 700)
    panel.window_slider.changed.emit(200, 700)
    assert panel.training.isEnabled()
    wanted = panel.levels
    panel.training.click()
    now = stored(page)
    assert now[0] == now[1] == pytest.approx(wanted)
    assert now[2] is None
    assert panel.training.text() == "Used for training"
    assert page.canvas.tiles.display.window == now[0]

    page.project.undo()
    until(lambda: stored(page) == first)
    assert page.canvas.tiles.display.window == first[0]


def test_an_image_of_8_bits_offers_no_window_for_training(page):
    page.studio.select_image(3)
    until(lambda: page.document.image.id == 3)
    assert not page.display.training.isVisible()
