"""Nothing of Qt is destroyed in a thread that reads, and nothing is left of closed projects."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import LIMIT, until
from person import Person
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

from cvstudio.core.collector import collector_at_rest
from cvstudio.gui.pages import PAGES
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork
from cvstudio.project.project import Project


class _Watched:
    """Tells in which thread it was let go of."""

    def __init__(self, died: list[int]) -> None:
        self._died = died

    def __del__(self) -> None:
        self._died.append(threading.get_ident())


def _circle(died: list[int]) -> None:
    """A menu without a parent that nobody holds but a circle, as charts have two."""
    menu = QMenu()
    menu.held = (_Watched(died), menu)  # type: ignore[attr-defined]


def _make_many(_control: Control) -> int:
    """What a reader does: the interpreter would search for garbage many times meanwhile."""
    kept = [{"made": [number]} for number in range(200_000)]
    return len(kept)


def test_widgets_that_nobody_holds_are_not_destroyed_by_a_thread_that_reads(
    studio: Studio,
) -> None:
    died: list[int] = []
    for _ in range(5):
        _circle(died)
    done: list[int] = []
    studio.tasks.run(_make_many, done=done.append)
    until(lambda: bool(done))
    until(lambda: len(died) == 5)
    assert set(died) == {threading.get_ident()}


def test_what_work_in_a_thread_refers_to_is_let_go_of_on_the_windows_thread(
    studio: Studio,
) -> None:
    died: list[int] = []

    def begin(fails: bool) -> ThreadWork:
        held = _Watched(died)
        owner = QObject()

        def work(control: Control) -> None:
            assert held is not None
            if fails:
                raise ValueError("no")

        return studio.tasks.run(
            work, owner=owner, done=lambda _: owner.objectName(), failed=lambda _: owner.parent()
        )

    begun = [begin(fails=number % 2 == 1) for number in range(60)]
    until(lambda: not any(work.running for work in begun))
    until(lambda: len(died) == 60)
    assert set(died) == {threading.get_ident()}


def test_nothing_is_told_or_begun_after_the_project_was_closed(studio: Studio) -> None:
    told: list[object] = []
    go = threading.Event()
    for _ in range(8):  # four of them wait for a thread
        work = studio.tasks.run(lambda _c: go.wait(LIMIT), done=told.append, failed=told.append)
        work.ended = lambda: told.append("over")
    threading.Timer(0.1, go.set).start()
    studio.tasks.stop()
    assert told == ["over"] * 8
    until(lambda: not studio.tasks.working)
    assert told == ["over"] * 8


@pytest.fixture
def searches() -> Iterator[list[str]]:
    """In which threads garbage was searched for."""
    found: list[str] = []

    def note(phase: str, _info: object) -> None:
        if phase == "start":
            found.append(threading.current_thread().name)

    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)


def test_an_import_is_not_held_up_by_searches_for_garbage(
    studio: Studio, searches: list[str]
) -> None:
    with collector_at_rest():
        kept = [[number] for number in range(5000)]
        studio.collector.look()
    assert not searches
    kept += [[number] for number in range(5000)]
    studio.collector.look()
    assert searches == [threading.current_thread().name]


@pytest.fixture
def whole_searches() -> Iterator[list[int]]:
    """Each search through all objects, while it lasts."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            found.append(1)

    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)


def test_what_a_reader_made_does_not_have_all_objects_searched_or_counted(
    studio: Studio, whole_searches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.collector.search_all()
    whole_searches.clear()
    listed: list[int | None] = []
    every = gc.get_objects

    def listing(generation: int | None = None) -> list[object]:
        listed.append(generation)
        return every(generation)

    monkeypatch.setattr(gc, "get_objects", listing)
    with collector_at_rest():
        answers = [[number] for number in range(400_000)]
    for _ in range(300):
        for _ in range(1000):
            circle: list[object] = []
            circle.append(circle)
        studio.collector.look()
    assert len(answers) == 400_000
    assert not whole_searches
    assert not listed


def test_all_objects_are_searched_when_many_more_have_stayed(
    studio: Studio, whole_searches: list[int]
) -> None:
    studio.collector.search_all()
    whole_searches.clear()
    kept: list[list[int]] = []
    while not whole_searches and len(kept) < 5_000_000:
        kept += [[number] for number in range(2000)]
        studio.collector.look()
    assert whole_searches


def test_what_was_read_and_stays_is_searched_again_only_when_the_project_closes(
    studio: Studio,
) -> None:
    died: list[int] = []
    with collector_at_rest(aside=True):
        kept = [[number] for number in range(50_000)]
        circle: list[object] = [_Watched(died)]
        circle.append(circle)
        del circle
    gc.collect()
    try:
        assert gc.get_freeze_count() > len(kept)
        assert not died
        with collector_at_rest():
            pass  # another one does not bring back what the first set aside
        assert gc.get_freeze_count() > len(kept)
        last = weakref.ref(owner := QObject())
        del kept, owner
        assert last() is None  # what is in no circle is freed at once
    finally:
        studio.collector.search_all()
    assert len(died) == 1
    assert gc.get_freeze_count() == 0


def test_the_pages_of_a_closed_project_are_freed_with_all_they_hold(
    studio_window: Person,
) -> None:
    pages = []
    for page in PAGES:
        pages.append(weakref.ref(studio_window.page(page.name)))
        studio_window.settle()
    studio_window.studio.close()
    until(lambda: not [page for page in pages if page() is not None])


def test_a_window_whose_program_ends_by_an_error_does_not_abort(
    project: Project, tmp_path: Path
) -> None:
    path = project.path
    project.close()
    code = f"""
        import sys
        from pathlib import Path
        from PySide6.QtTest import QTest
        from cvstudio.gui import app
        from cvstudio.gui.main_window import MainWindow
        studio = app.make_studio(app.make_application())
        window = MainWindow(studio)
        window.open_project(Path({str(path)!r}))
        window.show()
        studio.jobs.watch_device()
        studio.live.warm()
        QTest.qWait(300)
        sys.exit(7)
        """
    environment = {
        **os.environ, "QT_QPA_PLATFORM": "offscreen", "CVSTUDIO_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=False, timeout=120, env=environment,
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert "QThread" not in done.stderr
    assert "Traceback" not in done.stderr
