"""Sending a run to a cluster from the form of the next run."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from test_train import Window, end_jobs

from cvstudio.core.annotation import Task
from cvstudio.core.places_to_run import Cluster, cluster_of
from cvstudio.gui.train.where import ClusterDialog
from cvstudio.project.sample import create_sample


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[Window]:
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    opened = Window(qtbot, tmp_path / "cells")
    yield opened
    end_jobs(opened.project)
    opened.close()


@pytest.fixture
def dashboard() -> Iterator[Any]:
    """An address that says which Ray runs there."""

    class Handler(BaseHTTPRequestHandler):
        version = "2.60.0"

        def do_GET(self) -> None:  # http.server's name
            body = json.dumps({"ray_version": self.version}).encode()
            self.send_response(200 if self.path == "/api/version" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.address = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    server.handler = Handler  # type: ignore[attr-defined]
    yield server
    server.shutdown()
    server.server_close()


def with_dialog(window: Window, do: Any) -> None:
    """Choose the last entry of "Where" and act in the dialog that it opens."""
    where = window.page.new_run.where
    told: list[BaseException] = []

    def act() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, ClusterDialog)
        try:
            do(dialog)
        except (AssertionError, RuntimeError) as error:  # the test must hear of it, and not Qt
            told.append(error)
        finally:
            if dialog.cluster is None:
                dialog.reject()

    QTimer.singleShot(0, act)
    where.setFocus()
    where.setCurrentIndex(where.count() - 1)
    where.activated.emit(where.count() - 1)
    if told:
        raise told[0]


def typed(dialog: ClusterDialog, address: str, *, workers: int = 1) -> None:
    dialog.address.clear()
    QTest.keyClicks(dialog.address, address)
    dialog.workers.setValue(workers)
    QTest.keyClick(dialog.address, Qt.Key.Key_Return)


def test_a_run_goes_to_the_cluster_that_was_chosen_and_the_next_one_may_stay_here(
    window: Window, dashboard: Any
) -> None:
    def choose(dialog: ClusterDialog) -> None:
        typed(dialog, dashboard.address, workers=3)
        window.until(lambda: dialog.cluster is not None)

    form = window.page.new_run
    assert form.where.currentText() == "This computer"
    assert any("memory" in line for line in window.page.checks.texts)
    with_dialog(window, choose)
    assert form.where.currentText().endswith(" × 3")
    assert form.batch_note.text() == "of each worker"
    assert not any("memory" in line for line in window.page.checks.texts)
    first = window.start(seed=0, epochs=2)
    wanted = Cluster(address=dashboard.address, workers=3)
    assert cluster_of(window.job(first).path) == wanted
    form.where.setCurrentIndex(0)
    form.where.activated.emit(0)
    second = window.start(seed=0, epochs=2)
    assert cluster_of(window.job(second).path) is None
    assert ClusterDialog(window.page, window.studio).address.text() == dashboard.address


def test_an_address_that_does_not_answer_is_said_and_nothing_is_chosen(window: Window) -> None:
    def choose(dialog: ClusterDialog) -> None:
        typed(dialog, "not an address")
        assert "is not the address of a cluster" in dialog.problem.text
        typed(dialog, "http://127.0.0.1:9")
        window.until(lambda: "does not answer" in dialog.problem.text)
        assert dialog.isVisible()

    with_dialog(window, choose)
    assert window.page.new_run.cluster is None
    assert window.page.new_run.where.currentText() == "This computer"


def test_an_old_ray_on_the_cluster_is_said_with_what_to_do(window: Window, dashboard: Any) -> None:
    dashboard.handler.version = "2.9.3"

    def choose(dialog: ClusterDialog) -> None:
        typed(dialog, dashboard.address)
        window.until(lambda: "runs Ray 2.9.3: 2.60 or newer" in dialog.problem.text)

    with_dialog(window, choose)


def test_without_ray_the_dialog_says_how_to_install_it(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "ray" else find(name, *rest),
    )

    def choose(dialog: ClusterDialog) -> None:
        typed(dialog, "http://127.0.0.1:8265")
        assert "pip install 'cvstudio[cluster]'" in dialog.problem.text

    with_dialog(window, choose)
