"""The composition root: makes the application, the studio and the window, and runs them.

`run(project)` is what `cvstudio [PROJECT]` calls. Errors that nobody caught end in the log and in a
dialog with plain words; the window stays.
"""

from __future__ import annotations

import atexit
import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

# First on purpose: it makes what is imported after Qt quick and safe.
from cvstudio.gui import shiboken  # noqa: F401

# isort: split
from PySide6.QtCore import QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from cvstudio.core import places
from cvstudio.core.settings import Settings, Value
from cvstudio.gui import theme
from cvstudio.gui.main_window import MainWindow
from cvstudio.gui.studio import Studio
from cvstudio.gui.style import StudioStyle

log = logging.getLogger(__name__)

_WARM_AFTER_MS = 4000


def run(project: Path | None, argv: Sequence[str] = ("cvstudio",)) -> int:
    """Open the window, with a project if one is given, and return the exit code."""
    if not _has_display():
        sys.stderr.write(
            "There is no display for the window. `cvstudio --help` shows what works without one.\n"
        )
        return 1
    _start_log()
    application = make_application(argv)
    studio = make_studio(application)
    window = MainWindow(studio)
    _catch_everything(studio)
    # Previews load their libraries while the person looks around.
    studio.project_opened.connect(
        lambda _project: QTimer.singleShot(_WARM_AFTER_MS, studio, lambda: studio.live.warm())
    )
    path = project or _last_project(studio)
    if path is not None:
        window.open_project(path)
    window.show()
    try:
        return application.exec()
    finally:
        studio.shut_down()


def make_application(argv: Sequence[str] = ("cvstudio",)) -> QApplication:
    """The QApplication of this process, named and dressed; the one that exists if there is one."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QGuiApplication.setDesktopFileName("cvstudio")
    application = QApplication(list(argv))
    application.setApplicationName("CVStudio")
    application.setApplicationDisplayName("CVStudio")
    return application


def make_studio(application: QApplication) -> Studio:
    """The window's context, with the look that the settings ask for and follow from now on."""
    settings = Settings()
    keeper = theme.ThemeKeeper(application, StudioStyle())

    def apply(key: str = "", value: Value = "") -> None:
        if not key or key.startswith("look."):
            keeper.choose(
                str(settings.get("look.theme")), compact=bool(settings.get("look.compact"))
            )

    settings.listen(apply)
    apply()
    for problem in settings.problems:
        log.warning("a setting was left out: %s", problem)
    studio = Studio(settings)
    # However the interpreter ends: Qt aborts when a thread is still at work at its end.
    atexit.register(studio.shut_down)
    return studio


def _last_project(studio: Studio) -> Path | None:
    recent = studio.memory.recent()
    return recent[0] if recent and studio.settings.get("project.reopen") else None


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _start_log() -> None:
    """The window's log: a file that is kept small, and beside it the trace of a hard crash."""
    handler = RotatingFileHandler(
        places.logs() / "window.log", maxBytes=2**20, backupCount=2, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    crashes = (places.logs() / "crash.log").open("a", encoding="utf-8")
    faulthandler.enable(crashes)
    qInstallMessageHandler(_log_qt)


_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


_NO_WINDOW = """\
CVStudio cannot open a window here. On Debian and Ubuntu these packages are needed for it:
    sudo apt-get install libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 \\
        libxcb-shape0
"""


def _log_qt(kind: QtMsgType, context: object, message: str | None) -> None:
    logging.getLogger("qt").log(_QT_LEVELS.get(kind, logging.WARNING), "%s", message)
    if kind is QtMsgType.QtFatalMsg:  # Qt ends the program after this
        windowless = sys.platform == "linux" and "platform plugin" in (message or "")
        sys.stderr.write(_NO_WINDOW if windowless else f"{message}\n")


def _catch_everything(studio: Studio) -> None:
    """No silent death: what nobody caught is logged and told, once per moment."""
    telling = False

    def tell(error: BaseException) -> None:
        nonlocal telling
        log.error("uncaught", exc_info=error)
        if telling:
            return
        telling = True

        def show() -> None:
            nonlocal telling
            try:
                studio.fail(error)
            finally:
                telling = False

        QTimer.singleShot(0, show)

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        tell(error.with_traceback(trace))

    def thread_hook(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            error = arguments.exc_value
            studio.tasks.post(lambda: tell(error))

    sys.excepthook = hook
    threading.excepthook = thread_hook
