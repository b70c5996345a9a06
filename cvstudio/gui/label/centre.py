"""The middle of the page: the canvas, or words in its place when there is nothing to draw on."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QStackedWidget

from cvstudio.core.words import counted
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.empty_state import EmptyState


class Centre(QStackedWidget):
    """One canvas, and one sheet of words with the way forward."""

    def __init__(self, studio: Studio, canvas: Canvas) -> None:
        super().__init__()
        self._studio, self._canvas = studio, canvas
        self.empty = EmptyState("vector-square-edit", "")
        self.addWidget(canvas)
        self.addWidget(self.empty)

    def show_canvas(self) -> None:
        """An image is open."""
        self.setCurrentWidget(self._canvas)

    def show_no_images(self) -> None:
        """There is no image to open."""
        self._say(
            "Bring in your first images. They stay on this computer and where they are.",
            icon="image-multiple-outline", button="Go to Data",
            do=lambda: self._studio.go_to("data"),
        )  # fmt: skip

    def show_done(self, count: int, *, show_all: Callable[[], object] | None = None) -> None:
        """All of so many images are reviewed; `show_all` leaves the filter they passed."""
        if show_all is not None:
            self._say(
                f"The {counted(count, 'image')} of the filter are reviewed.",
                icon="check-circle-outline", button="Show every image", do=show_all,
            )  # fmt: skip
            return
        self._say(
            f"All {count:,} images are reviewed." if count > 1 else "The image is reviewed.",
            icon="check-circle-outline", button="Go to Train",
            do=lambda: self._studio.go_to("train"),
        )  # fmt: skip

    def show_unreadable(
        self, name: str, why: str, go_on: Callable[[], object], *, missing: bool = False
    ) -> None:
        """The open image cannot be read; `go_on` leads to the next one.

        `missing`: its file is not where it was, and may have moved.
        """
        if not missing:
            self._say(why, title=name, icon="image-broken-variant", button="Next image", do=go_on)
            return
        self._say(
            why, title=name, icon="image-broken-variant", button="Find the folder…",
            do=lambda: self._studio.go_to("data", moved=True),
        )  # fmt: skip
        self.empty.offer_also("Next image", go_on)

    def _say(
        self, text: str, *, icon: str, button: str, do: Callable[[], object], title: str = ""
    ) -> None:
        self.empty.offer_also("")
        self.empty.set(text, title=title, icon_name=icon, button=button, do=do)
        self.setCurrentWidget(self.empty)
