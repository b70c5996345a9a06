"""While pages are made, no part of them opens as a little window of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from person import Person
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from cvstudio.gui.studio import Studio
from cvstudio.gui.train.rate_dialog import RateDialog
from cvstudio.gui.train.where import ClusterDialog
from cvstudio.gui.widgets.layouts import show_or_hide


class Opened(QObject):
    """Every window that is shown, by what it is and says."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            text = getattr(watched, "text", str)()
            self.windows.append(f"{type(watched).__name__} {text}".strip())
        return False


@pytest.fixture
def opened(qapp: QApplication) -> Iterator[Opened]:
    watch = Opened()
    qapp.installEventFilter(watch)
    yield watch
    qapp.removeEventFilter(watch)


def test_no_little_windows_flash_while_the_pages_are_made(
    studio_window: Person, opened: Opened
) -> None:
    for name in ("label", "augment", "train", "analyze", "export", "predict", "data"):
        studio_window.page(name)
        studio_window.settle()
    assert opened.windows == []


def test_none_flash_while_a_failed_run_is_shown(studio: Studio, opened: Opened) -> None:
    from cvstudio.gui.train.failure import FailureCard

    FailureCard(studio)
    assert opened.windows == []


@pytest.mark.parametrize("made", [ClusterDialog, RateDialog], ids=lambda kind: kind.__name__)
def test_a_dialog_opens_alone(
    studio_window: Person, opened: Opened, made: type[QWidget], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cvstudio.core.annotation import Task
    from cvstudio.core.networks import default_config

    monkeypatch.setattr(RateDialog, "_start", lambda self: None)
    more = (default_config(Task.DETECT),) if made is RateDialog else ()
    dialog = made(studio_window.window, studio_window.studio, *more)  # type: ignore[call-arg, arg-type]
    dialog.show()
    studio_window.settle()
    dialog.close()
    assert opened.windows == [made.__name__]


def test_a_part_hidden_before_it_has_a_place_is_shown_with_it_when_it_is_wanted_again(
    qapp: QApplication,
) -> None:
    whole, part, away = QWidget(), QLabel("here"), QLabel("away")
    show_or_hide(part, False)
    show_or_hide(part, True)
    show_or_hide(away, True)
    show_or_hide(away, False)
    assert not part.isVisible()
    column = QVBoxLayout(whole)
    column.addWidget(part)
    column.addWidget(away)
    whole.show()
    qapp.processEvents()
    assert part.isVisible()
    assert not away.isVisible()
    whole.close()
