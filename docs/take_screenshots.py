"""Takes the pictures of docs/images: every page of the real window, dark and light.

    python docs/take_screenshots.py PROJECT [--out docs/images] [--pages data,label] [--image NAME]

The project should have images with labels, and a finished run for Train, Analyze and Export. On
Linux without a display a virtual one is started (Xvfb must be installed). Nothing in the project
is changed, and settings of the person who runs this are left alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = (1440, 900)
SCHEMES = ("dark", "light")
SETTLE_MS = 1200


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


def take(project: Path, out: Path, pages: list[str], image: str, wait: float) -> None:
    """Open the window on a project and save each page in both themes."""
    from PySide6.QtTest import QTest

    from cvstudio.gui import app
    from cvstudio.gui.main_window import MainWindow
    from cvstudio.project import queries
    from cvstudio.project.records import ImageFilter

    studio = app.make_studio(app.make_application())
    window = MainWindow(studio)
    window.resize(*SIZE)
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
        studio.go_to(name, **({"image_id": ids[0]} if ids and name == "label" else {}))
        QTest.qWait(round(wait * 1000))
        for scheme in SCHEMES:
            studio.settings.set("look.theme", scheme)
            settle(studio)
            target = out / f"{name}-{scheme}.png"
            if not window.grab().save(str(target)):
                sys.exit(f"{target} could not be written.")
            print(target)
    window.close()


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
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--pages", default="data,label,augment,train,analyze,export")
    parser.add_argument("--image", default="", help="part of the name of the image to show")
    parser.add_argument(
        "--wait", type=float, default=6, help="seconds for each page, for previews and heat maps"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, display():
        os.environ["CVSTUDIO_HOME"] = home
        take(
            arguments.project,
            arguments.out,
            arguments.pages.split(","),
            arguments.image,
            arguments.wait,
        )


if __name__ == "__main__":
    main()
