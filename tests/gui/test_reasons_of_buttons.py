"""Whoever meets a button that cannot be pressed is told why, with the mouse or with a reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person
from PySide6.QtWidgets import QAbstractButton, QWidget
from test_analyze import finished_run, judged_page
from test_export import export_of, opened
from test_predict_page import page_of

VIEWS = ("errors", "figures", "slices", "suspects", "map", "new")


def silent(page: QWidget) -> list[str]:
    """The visible buttons that cannot be pressed and do not say why."""
    return [
        button.text() or button.accessibleName()
        for button in page.findChildren(QAbstractButton)
        if button.isVisible() and not button.isEnabled()
        if button.metaObject().className() != "QTableCornerButton"  # which never does anything
        if not any(part.accessibleDescription() and part.toolTip() for part in around(button, page))
    ]


def around(widget: QWidget, page: QWidget) -> Iterator[QWidget]:
    """A widget and what it lies in: a drop area says for its buttons why it takes nothing."""
    here: QWidget | None = widget
    while here is not None and here is not page:
        yield here
        here = here.parentWidget()


@pytest.mark.parametrize("passed", [True, False])
def test_no_button_of_export_is_silent(studio_window: Person, passed: bool) -> None:
    export_of(studio_window, passed=passed)
    assert not silent(opened(studio_window))


def test_no_button_of_predict_is_silent(studio_window: Person, tmp_path: Path) -> None:
    page = page_of(studio_window)
    assert not silent(page)
    (tmp_path / "new.onnx").write_bytes(b"network")
    page.choice.take(tmp_path / "new.onnx")
    assert page.camera_choice.button.isEnabled()
    assert not silent(page)


def test_no_button_of_analyze_is_silent(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    finished_run(studio_window.project)
    page = judged_page(studio_window)
    found = {}
    for view in VIEWS:
        page.views.show_view(view)
        studio_window.idle()
        found[view] = silent(page)
    assert not any(found.values()), found
