"""Takes the pictures of docs/images: every page of the real window, dark and light.

    python docs/take_screenshots.py PROJECT [--new FOLDER] [--out docs/images]
        [--pages data,analyze-map] [--image NAME] [--size 1440x900]

The project should have images with labels, a finished run with its map (`cvstudio embed`) and an
exported file. With FOLDER the run looks at the images there, for Predict and for New images; no
label is changed, and settings of the person who runs this are left alone. On Linux without a
display a virtual one is started (Xvfb must be installed).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SIZE = (1440, 900)
SCHEMES = ("dark", "light")
SETTLE_MS = 1200
LONG = 600.0
"""Seconds that a run may take to look at new images."""

PAGES = (
    "data", "label", "augment", "train", "analyze", "analyze-figures", "analyze-slices",
    "analyze-suspects", "analyze-map", "analyze-new", "export", "predict",
)  # fmt: skip
"""Pages in the order of the rail; after a hyphen, a view of the page."""


@contextmanager
def display() -> Iterator[None]:
    """A display for the window: the one that is there, or a virtual one."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM"):
        yield
        return
    if shutil.which("Xvfb") is None:
        sys.exit("There is no display and no Xvfb: apt-get install xvfb")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as stream:
            os.environ["DISPLAY"] = f":{stream.readline().strip()}"
        yield
    finally:
        server.terminate()
        server.wait()


def take(
    project: Path,
    out: Path,
    pages: Sequence[str],
    image: str,
    wait: float,
    *,
    new: Path | None = None,
    size: tuple[int, int] = SIZE,
) -> None:
    """Open the window on a project and save each page in both themes."""
    from PySide6.QtTest import QTest

    from cvstudio.gui import app
    from cvstudio.gui.main_window import MainWindow
    from cvstudio.project import queries
    from cvstudio.project.records import ImageFilter

    studio = app.make_studio(app.make_application())
    window = MainWindow(studio)
    window.resize(*size)
    if not window.open_project(project):
        sys.exit(f"{project} could not be opened.")
    window.show()
    window.activateWindow()
    QTest.qWaitForWindowActive(window, 3000)
    assert studio.project is not None
    with studio.project.read() as session:
        ids = queries.image_ids(session, ImageFilter(text=image)) or queries.image_ids(session)
    if ids:
        studio.select_image(ids[0])
    for name in pages:
        show(window, name, ids[0] if ids and name == "label" else None, new)
        QTest.qWait(round(wait * 1000))
        for scheme in SCHEMES:
            studio.settings.set("look.theme", scheme)
            settle(studio)
            target = out / f"{name}-{scheme}.png"
            if not window.grab().save(str(target)):
                sys.exit(f"{target} could not be written.")
            fewer_colours(target)
            print(target)
    window.close()
    studio.shut_down()


def show(window: Any, name: str, image_id: int | None, new: Path | None) -> None:
    """Bring a page to the front, and let the run look at new images where it can."""
    from PySide6.QtTest import QTest

    page, _, view = name.partition("-")
    if page == "analyze":
        view = view or "errors"  # else it is the one that was shown last
    where = {"image_id": image_id, "view": view}
    window.studio.go_to(page, **{key: value for key, value in where.items() if value})
    QTest.qWait(SETTLE_MS)
    settle(window.studio)
    front = window.page_named(page)
    if new is None or name not in {"predict", "analyze-new"}:
        return
    if page == "predict":
        front.sources.add([new])
        front.start()
    else:
        front = front.views.front
        front.look([new])
    until = time.monotonic() + LONG
    while front.job.running:
        if time.monotonic() > until:
            sys.exit(f"The run did not come to an end with {new}.")
        QTest.qWait(100)


def fewer_colours(path: Path) -> None:
    """Keep the 256 colours that suit a picture: half the bytes, and the same to the eye."""
    from PIL import Image

    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    few = picture.quantize(256, Image.Quantize.MEDIANCUT, kmeans=1)
    kept = picture.quantize(palette=few, dither=Image.Dither.FLOYDSTEINBERG)
    kept.save(path, optimize=True)


def settle(studio: object, *, at_most: float = 60) -> None:
    """Wait until the threads of the window are done and the page stands still."""
    from PySide6.QtTest import QTest

    QTest.qWait(SETTLE_MS)
    until = time.monotonic() + at_most
    while studio.tasks.working and time.monotonic() < until:  # type: ignore[attr-defined]
        QTest.qWait(50)
    QTest.qWait(200)


def main() -> None:
    """Read the arguments and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--new", type=Path, help="folder of images that the run has not seen")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--pages", default=",".join(PAGES))
    parser.add_argument("--image", default="", help="part of the name of the image to show")
    parser.add_argument(
        "--wait", type=float, default=6, help="seconds for each page, for previews and heat maps"
    )
    parser.add_argument("--size", default="1440x900", help="of the window, in pixels")
    chosen = parser.parse_args()
    width, _, height = chosen.size.partition("x")
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, display():
        os.environ["CVSTUDIO_HOME"] = home
        take(
            chosen.project, chosen.out, chosen.pages.split(","), chosen.image, chosen.wait,
            new=chosen.new, size=(int(width), int(height)),
        )  # fmt: skip


if __name__ == "__main__":
    main()
