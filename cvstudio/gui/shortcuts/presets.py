"""Keys for people who come from another program: what differs from the table of actions."""

from __future__ import annotations

from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cvstudio": {},
    "labelme": {
        "project.new": ("Ctrl+Shift+N",),
        "label.select": ("Ctrl+J", "V"),
        "label.box": ("Ctrl+R", "R"),
        "label.polygon": ("Ctrl+N", "P"),
        "label.hide": ("T", "Ctrl+H", "H"),
        "label.restore": ("Ctrl+Alt+H",),
        "label.copy_next": ("Ctrl+P", "Ctrl+B"),
        "label.zoom_in": ("Ctrl++", "Ctrl+=", "+", "="),
        "label.zoom_out": ("Ctrl+-", "-"),
    },
    "cvat": {
        "label.next": ("F", "PgDown"),
        "label.previous": ("D", "PgUp"),
        "label.next_open": ("Shift+F", "Right"),
        "label.previous_open": ("Shift+D", "Left"),
        "label.hide": ("T",),
        "label.hide_selected": ("H",),
        "label.again": ("N",),
        "label.slice": ("Alt+J",),
        "label.subtract": ("Shift+J",),
        "label.front": ("+", "="),
        "label.back": ("-",),
        "label.zoom_in": ("Ctrl++", "Ctrl+="),
        "label.zoom_out": ("Ctrl+-",),
    },
    "xanylabeling": {
        "project.new": ("Ctrl+Shift+N",),
        "label.select": ("Ctrl+J", "V"),
        "label.smart": ("F",),
        "label.attributes": ("Shift+Q",),
        "label.brush": ("Ctrl+N", "Shift+B", "B"),
        "label.wand": ("Shift+W", "W"),
        "label.next_open": ("Ctrl+Shift+D", "Shift+D"),
        "label.previous_open": ("Ctrl+Shift+A", "Shift+A"),
        "label.hide": ("Ctrl+H", "H"),
        "label.restore": ("Ctrl+Alt+H",),
        "label.hide_selected": ("S", "Shift+H"),
        "label.join": ("Ctrl+Shift+M", "J"),
        "label.approve": ("Ctrl+Alt+K", "Ctrl+Return"),
        "label.copy_next": ("Ctrl+P", "Ctrl+B"),
        "label.actual": ("Ctrl+=", "Ctrl+0"),
    },
    "qupath": {
        "app.search": ("Ctrl+L", "Ctrl+K"),
        "data.suggest": ("Ctrl+Alt+L",),
        "label.suggest": ("Ctrl+Alt+L",),
        "train.suggest": ("Ctrl+Alt+L",),
        "analyze.suggest": ("Ctrl+Alt+L",),
        "label.select": ("M",),
        "label.polygon": ("P", "V"),
        "label.hide": ("A", "H"),
        "label.grid": ("G", "Shift+G", "F7"),
        "label.duplicate": ("Shift+D", "Ctrl+D"),
        "label.restore": ("Shift+E", "Ctrl+H"),
        "label.next": ("PgDown", "Right", "D"),
        "label.previous": ("PgUp", "Left"),
        "label.next_open": ("Ctrl+PgDown",),
        "label.previous_open": ("Ctrl+PgUp",),
        "label.next_disagreed": ("Alt+E",),
        "label.grabcut": ("Alt+G",),
        "label.simplify": ("Alt+M",),
    },
}
"""By preset and action: all of its keys, the first one is shown. D goes to the next image in
labelme and X-AnyLabeling and to the one before in CVAT. In QuPath A hides and shows annotations, M
takes the tool that moves, and Ctrl+L lists the commands."""
