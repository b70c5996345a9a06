"""The window's process: what it may load, what it needs, what it cannot bear."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PySide6.QtWidgets import (
    QLineEdit,
)

from cvstudio.gui import theme
from cvstudio.project.project import Project

HEAVY = (
    "torch", "torchvision", "ultralytics", "timm", "segmentation_models_pytorch", "albumentations",
    "onnx", "onnxruntime", "onnxslim", "faster_coco_eval",
)  # fmt: skip

LATE = (
    "pyqtgraph", "alembic", "qtawesome", "scipy", "tifffile", "PIL.Image", "pydantic", "psutil",
    "cvstudio.core.jobdir", "cvstudio.core.metrics", "cvstudio.gui.data.statistics",
    "cvstudio.gui.jobs", "cvstudio.gui.near_pairs", "cvstudio.gui.suggest_dialog",
    "cvstudio.imaging.video", "cvstudio.project.run_errors", "cvstudio.project.runs",
    "cvstudio.project.suggestions",
)  # fmt: skip
"""What waits until the window is up with its images, or until it is asked for."""


def _in_fresh_process(code: str, tmp_path: Path) -> str:
    environment = {
        **os.environ, "QT_QPA_PLATFORM": "offscreen", "CVSTUDIO_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=120, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_window_never_loads_a_training_library(project: Project, tmp_path: Path) -> None:
    path = project.path
    project.close()
    said = _in_fresh_process(
        f"""
        import sys
        from pathlib import Path
        from PySide6.QtTest import QTest
        from cvstudio.gui import app
        from cvstudio.gui.main_window import MainWindow
        from cvstudio.gui.pages import PAGES
        application = app.make_application()
        studio = app.make_studio(application)
        window = MainWindow(studio)
        assert window.open_project(Path({str(path)!r}))
        window.show()
        for page in PAGES:
            window.show_page(page.name)
            QTest.qWait(100)
        window.close()
        print(sorted(set(sys.modules) & set({HEAVY!r})))
        """,
        tmp_path,
    )
    assert said.strip().endswith("[]")


def test_the_window_starts_without_what_it_does_not_need_yet(
    project: Project, tmp_path: Path
) -> None:
    path = project.path
    project.close()
    said = _in_fresh_process(
        f"""
        import sys
        from pathlib import Path
        from cvstudio.gui import app
        from cvstudio.gui.main_window import MainWindow
        studio = app.make_studio(app.make_application())
        window = MainWindow(studio)
        window.open_project(Path({str(path)!r}))
        window.show()
        print(sorted(set(sys.modules) & set({LATE!r})))
        window.close()
        """,
        tmp_path,
    )
    assert said.strip() == "[]"


def test_the_first_visit_of_a_page_waits_for_no_module(project: Project, tmp_path: Path) -> None:
    path = project.path
    project.close()
    said = _in_fresh_process(
        f"""
        import sys, threading
        from pathlib import Path
        from PySide6.QtTest import QTest

        found = []
        class Watch:
            def find_spec(self, name, path=None, target=None):
                found.append((name, threading.current_thread() is threading.main_thread()))

        from cvstudio.gui import app
        from cvstudio.gui.analyze.views import VIEWS
        from cvstudio.gui.main_window import MainWindow
        from cvstudio.gui.pages import PAGES
        studio = app.make_studio(app.make_application())
        window = MainWindow(studio)
        window.open_project(Path({str(path)!r}))
        sys.meta_path.insert(0, Watch())
        window.show()
        last = "cvstudio.gui.analyze.drift_view.view"
        while last not in sys.modules or studio.tasks.working:
            QTest.qWait(50)
        assert (last, False) in found, "it was not imported in a thread"
        found.clear()
        for page in PAGES:
            window.show_page(page.name)
        for view in VIEWS:
            window.page_named("analyze").views.show_view(view.name)
        print([name for name, own in found if own and name.startswith("cvstudio.gui")])
        window.close()
        """,
        tmp_path,
    )
    assert said.strip() == "[]"


def test_the_window_starts_without_a_search_for_garbage(tmp_path: Path) -> None:
    """Each looks at all that was imported so far, and there is nothing to be found."""
    said = _in_fresh_process(
        """
        import gc
        whole = []
        gc.callbacks.append(lambda when, info: whole.append(info["generation"]))
        from cvstudio.__main__ import window_program
        assert not gc.get_freeze_count()
        whole.clear()
        program = window_program()
        made = len(whole)
        assert gc.get_freeze_count() > 50_000 and gc.isenabled()
        print(made, program.__name__)
        """,
        tmp_path,
    )
    assert said.strip() == "0 cvstudio.gui.app"


def test_void_calls_do_not_eat_references_to_none(dressed: theme.ThemeKeeper) -> None:
    """One PySide6 release lost one reference to None at every void call and then aborted."""
    field = QLineEdit()
    for _ in range(100):
        field.update()
    # From Python 3.12 on None is immortal, and its count says nothing.
    if sys.version_info >= (3, 12):
        pytest.skip("None is immortal in this Python")
    before = sys.getrefcount(None)
    for _ in range(2000):
        field.update()
        field.repaint()
        field.setText("")
    assert abs(sys.getrefcount(None) - before) < 500


def test_without_a_display_the_command_says_so_and_exits(tmp_path: Path) -> None:
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    environment["CVSTUDIO_HOME"] = str(tmp_path)
    if sys.platform != "linux":
        pytest.skip("only Linux runs without a display")
    done = subprocess.run(
        [sys.executable, "-m", "cvstudio"],
        capture_output=True, text=True, env=environment, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "There is no display" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_qt_finds_no_window_the_command_names_the_packages(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the packages are those of Linux")
    environment = {
        **os.environ, "QT_QPA_PLATFORM": "nowhere", "CVSTUDIO_HOME": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "cvstudio"],
        capture_output=True, text=True, env=environment, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "cannot open a window" in done.stderr
    assert "apt-get install libxcb-cursor0" in done.stderr


def test_libraries_can_be_loaded_after_qt() -> None:
    """Shiboken's look into each import must not break packages that are still being imported."""
    script = (
        "import cvstudio.gui.theme, sys\n"
        "from shibokensupport import feature\n"
        "feature.inspect.getsource = lambda module: sys.exit(3)\n"
        "import pydantic, sqlalchemy.orm, cvstudio.core.events\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
