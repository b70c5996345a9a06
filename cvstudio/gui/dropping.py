"""Files that are dragged over the window: what they would do is shown, and they are only read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from cvstudio.core.video_names import SUFFIXES as VIDEOS
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.widgets.section import label

LABEL_FILES = (".json", ".yaml", ".yml", ".xml")
"""Label files that name their images and so can be brought in by themselves."""


def files_of(mime: QMimeData) -> list[Path]:
    """The files and folders of a drag, as far as they lie on this computer."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


def usable(paths: Sequence[Path]) -> list[Path]:
    """Those that can be brought in or opened: folders, images, videos, label files."""
    # Imported when something is dragged: the window starts without the decoders.
    from cvstudio.imaging.decode import SUFFIXES

    known = {*SUFFIXES, *VIDEOS, *LABEL_FILES}
    return [path for path in paths if path.is_dir() or path.suffix.lower() in known]


def refusal(paths: Sequence[Path]) -> str:
    """Why nothing comes of files that are no images."""
    if len(paths) == 1:
        return f"{paths[0].name} is no image, video, label file or folder."
    return f"None of the {len(paths):,} files is an image, video, label file or folder."


def offer(paths: Sequence[Path]) -> str:
    """What letting go would do, and what of it stays out."""
    fit = usable(paths)
    folders = [path for path in fit if path.is_dir()]
    files = len(fit) - len(folders)
    if len(fit) == 1:
        what = f"the folder “{fit[0].name}”" if folders else f"“{fit[0].name}”"
    else:
        parts = (counted(len(folders), "folder"), counted(files, "file"))
        what = " and ".join(p for p, n in zip(parts, (len(folders), files), strict=True) if n)
    left = [path for path in paths if path not in fit]
    if not left:
        return f"Drop to bring in {what}"
    out = f"“{left[0].name}” is" if len(left) == 1 else f"{len(left):,} files are"
    return f"Drop to bring in {what}; {out} no image and stays out"


def copies(event: QDropEvent) -> None:
    """Accept as a copy, whatever was offered: after a move the giver would delete the files."""
    event.setDropAction(Qt.DropAction.CopyAction)
    event.accept()


class Dropping(QFrame):
    """The sign over a window while files are held above it; `taken(paths)` is called with them."""

    def __init__(self, over: QWidget, taken: Callable[[list[Path]], None]) -> None:
        super().__init__(over)
        self._over = over
        theme.mark(self, drop=True, over=True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._taken = taken
        self._held: list[Path] = []
        column = QVBoxLayout(self)
        self.words = label("", "title")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self.words)
        self.hide()

    def enter(self, event: QDragEnterEvent, area: QWidget) -> None:
        """A drag came over the window; the sign covers `area`."""
        self._held = files_of(event.mimeData())
        if not self._held:
            return
        copies(event)
        self.words.setText(offer(self._held) if usable(self._held) else refusal(self._held))
        corner = area.mapTo(self._over, area.rect().topLeft())
        self.setGeometry(area.rect().translated(corner).adjusted(16, 16, -16, -16))
        self.raise_()
        self.show()

    def leave(self) -> None:
        """The drag went away."""
        self.hide()

    def drop(self, event: QDropEvent) -> None:
        """Files were let go. A giver that is gone by now has told their names before."""
        self.hide()
        paths = files_of(event.mimeData()) or self._held
        self._held = []
        copies(event)
        if paths:
            self._taken(paths)
