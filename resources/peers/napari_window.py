"""Times napari from inside: runs in napari's own interpreter, started by `cvstudio bench --peers`,
and prints one line of JSON.

    python napari_window.py paint SIDE RADIUS COUNT     dabs on a Labels layer, with the redraw
    python napari_window.py pan POLYGONS.npy COUNT      panning over a Shapes layer, all in view
    python napari_window.py hold SIDE COUNT             memory of one Labels layer with COUNT labels

Figures are in milliseconds: `wall` on the clock, `thread` on the processor in the window's thread.
Where there is no OpenGL nothing is redrawn: `redrawn` is false then, and the figures flatter.
"""

# ruff: noqa: ANN001, ANN201, ANN202 -- the peers have types of their own

import importlib.metadata
import json
import os
import sys
import time

import numpy as np
from own_memory import memory

SIZE = (1600, 900)


def main():
    """Do the task that was asked for."""
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(*SIZE)
    task, *rest = sys.argv[1:]
    found = {"paint": paint, "pan": pan, "hold": hold}[task](viewer, *rest)
    found["redrawn"] = redrawn(viewer, QApplication)
    found["version"] = importlib.metadata.version("napari")
    sys.__stdout__.write(json.dumps(found) + "\n")
    sys.__stdout__.flush()
    os._exit(0)


def paint(viewer, side, radius, count):
    """Dabs along a line, with the whole image in view and at 100 %."""
    side, radius, count = int(side), int(radius), int(count)
    layer = viewer.add_labels(np.zeros((side, side), np.uint8))
    layer.brush_size = 2 * radius
    layer.selected_label = 1
    settle()
    found = {}
    for words, zoom in (("all", None), ("full", 1.0)):
        if zoom:
            viewer.camera.zoom = zoom
            settle()
        y = side / 2
        reach = side / 2 - 2 * radius if not zoom else SIZE[0] / 4
        xs = np.linspace(side / 2 - reach, side / 2 + reach, count)

        def dab(index, xs=xs, y=y):
            layer.paint((int(y + index), int(xs[index])), 1)

        found[words] = timed(dab, count)
    return found


def pan(viewer, polygons, count):
    """Steps of the camera, with every polygon in view."""
    rings = np.load(polygons)
    start = time.perf_counter()
    viewer.add_shapes(
        [ring[:, ::-1] for ring in rings], shape_type="polygon", edge_width=2, face_color="#8888"
    )
    settle()
    adding = time.perf_counter() - start
    y, x = viewer.camera.center[-2:]

    def step(index):
        viewer.camera.center = (y + (3 if index % 2 else -3), x + (7 if index % 8 < 4 else -7))

    return {"all": timed(step, int(count)), "adding": adding}


def hold(viewer, side, count):
    """Megabytes that one layer takes; labels of one layer cannot lie over each other."""
    side, count = int(side), int(count)
    viewer.add_image(np.full((side, side, 3), 90, np.uint8))
    settle()
    before = memory()
    layer = viewer.add_labels(np.zeros((side, side), np.uint16))
    across = int(np.ceil(np.sqrt(count)))
    pitch = side / across
    layer.brush_size = pitch * 0.96
    for place in range(count):
        centre = (int((place // across + 0.5) * pitch), int((place % across + 0.5) * pitch))
        layer.paint(centre, place + 1, refresh=False)
    layer.refresh()
    settle()
    return {"mb": memory() - before}


def timed(step, count):
    """Milliseconds of each step with everything that it makes the window draw."""
    from qtpy.QtWidgets import QApplication

    found = {"wall": [], "thread": []}
    for index in range(count):
        wall, thread = time.perf_counter(), time.thread_time()
        step(index)
        QApplication.processEvents()
        found["wall"].append((time.perf_counter() - wall) * 1000)
        found["thread"].append((time.thread_time() - thread) * 1000)
    return found


def settle():
    """Let everything happen that is on its way."""
    from qtpy.QtWidgets import QApplication

    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.005)


def redrawn(viewer, application):
    """Whether a change really reaches the canvas: its events of drawing are counted."""
    drawn = []
    viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(lambda event: drawn.append(1))
    viewer.camera.zoom *= 1.01
    settle()
    return bool(drawn)


if __name__ == "__main__":
    main()
