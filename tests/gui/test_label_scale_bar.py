"""The scale bar leaves the names of shapes to be read."""

from __future__ import annotations

from PySide6.QtCore import QRectF

from cvstudio.core.geometry import Box
from cvstudio.gui.label import selection_item
from cvstudio.gui.label.overlay import clear_of


def below_the_bar(person):
    """A box whose upper left corner lies a little below the upper edge of the scale bar."""
    bar = person.page.viewing.layers.rulers.bar_area(person.canvas)
    x, y = person.canvas.to_image(bar.topLeft())
    x1, y1 = person.canvas.to_image(bar.bottomRight())
    return bar, Box(x + 2, (y + y1) / 2, (x1 - x) / 2, 3)


def test_the_name_of_a_shape_at_the_lower_left_stands_above_the_scale_bar(person):
    person.page.studio.actions.trigger("label.rulers")
    person.page.studio.actions.trigger("label.names")
    person.canvas.zoom_to(4)
    bar, box = below_the_bar(person)
    assert not bar.isEmpty()
    person.add(box)
    (tag,) = person.page.viewing.layers.names.tags(person.canvas)
    assert not tag.area.intersects(bar)
    assert bar.top() - tag.area.bottom() < 10
    person.page.studio.actions.trigger("label.rulers")
    (tag,) = person.page.viewing.layers.names.tags(person.canvas)
    assert tag.area.intersects(bar), "without a scale bar it is where the shape is"


def test_the_name_of_the_selected_shape_stands_above_the_scale_bar(person, monkeypatch):
    placed = []

    def spy(area, covered):
        placed.append((clear_of(area, covered), covered))
        return placed[-1][0]

    monkeypatch.setattr(selection_item, "clear_of", spy)
    person.page.studio.actions.trigger("label.rulers")
    person.canvas.zoom_to(4)
    bar, box = below_the_bar(person)
    id = person.add(box)
    person.document.select([id])
    person.page.grab()
    area, covered = placed[-1]
    assert covered == bar
    assert not area.intersects(bar)
    assert QRectF(person.canvas.viewport().rect()).contains(area)
