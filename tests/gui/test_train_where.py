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
from cvstudio.gui.train.also import AlsoDialog
from cvstudio.gui.train.where import ClusterDialog
from cvstudio.project import runs
from cvstudio.project.experiments import book as experiment_book
from cvstudio.project.experiments.plans import FoldsPlan
from cvstudio.project.mirrors import targets
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
    place = where.findData("cluster")
    where.setCurrentIndex(place)
    where.activated.emit(place)
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


def test_several_runs_ask_first_whether_the_cluster_still_answers(
    window: Window, dashboard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(dialog: ClusterDialog) -> None:
        typed(dialog, dashboard.address)
        window.until(lambda: dialog.cluster is not None)

    with_dialog(window, choose)
    told: list[str] = []
    monkeypatch.setattr(window.studio, "fail", lambda error, **_more: told.append(str(error)))
    gone = Cluster(address="http://127.0.0.1:9")
    monkeypatch.setattr(window.page.new_run.where, "cluster", gone)
    window.page.experiments.start(FoldsPlan(config=window.page.new_run.config, k=2))
    window.until(lambda: told)
    assert "does not answer" in told[0]
    assert not runs.all_runs(window.project)
    assert not experiment_book.every(window.project)


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


def also_dialog(window: Window, do: Any) -> None:
    """Choose where else figures go, as the list under "Where" offers it."""
    where = window.page.new_run.where
    told: list[BaseException] = []

    def act() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, AlsoDialog)
        try:
            do(dialog)
        except AssertionError as error:  # the test must hear of it, and not Qt
            told.append(error)
            dialog.reject()

    QTimer.singleShot(0, act)
    place = where.findData("also")
    assert "Also" in where.itemText(place)
    where.setCurrentIndex(place)
    where.activated.emit(place)
    if told:
        raise told[0]


def test_figures_go_to_tensorboard_and_mlflow_too_when_the_list_under_where_is_asked(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Path] = []
    monkeypatch.setattr(targets, "mirror_command", lambda path: begun.append(path) or ["true"])
    where = window.page.new_run.where

    def type_in(dialog: AlsoDialog) -> None:
        QTest.keyClicks(dialog.tensorboard, str(tmp_path / "board"))
        QTest.keyClick(dialog.tensorboard, Qt.Key.Key_Return)

    also_dialog(window, type_in)
    assert where.currentText() == "This computer + TensorBoard"
    assert window.page.new_run.cluster is None
    first = window.start(seed=0, epochs=2)
    window.until(lambda: begun)
    assert targets.read(window.job(first)).tensorboard == str(tmp_path / "board")
    also_dialog(window, lambda dialog: (dialog.tensorboard.clear(), dialog.accept_button.click()))
    assert where.currentText() == "This computer"
    window.studio.settings.set("mirror.mlflow", "http://127.0.0.1:5000")
    assert where.currentText() == "This computer + MLflow", "Settings say the same"


def test_what_is_not_installed_for_it_is_said_with_the_command(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cvstudio.gui.train.also.find_spec", lambda _name: None)

    def look(dialog: AlsoDialog) -> None:
        assert not dialog.problem.isVisible()
        QTest.keyClicks(dialog.mlflow, "runs")
        assert "MLflow is not installed" in dialog.problem.text
        assert targets.INSTALL in dialog.problem.text
        dialog.reject()

    also_dialog(window, look)
    assert window.studio.settings.get("mirror.mlflow") == ""
