"""A hand on the Train page: what docs/training_film.py does and sees there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from take_screenshots import SCHEMES
from work_hour import FAULTS, Hand

LONG = 900.0
"""Seconds that a training may take to come to where a scene waits for it."""


class Trainer(Hand):
    """A hand on the Train page; each moment is taken in both themes."""

    def __init__(self, window: Any, out: Path, *, side: int, epochs: int) -> None:
        super().__init__(window, out)
        self.side, self.epochs, self.scene = side, epochs, ""

    @property
    def page(self) -> Any:
        return self.window.page_named("train")

    @property
    def canvas(self) -> Any:
        """What gets keys when nothing has the focus, and the mouse where an image is open."""
        label = self.window.page_named("label")
        return label.canvas if label.isVisible() else self.window

    def shot(self, when: str) -> None:
        """Save what the screen shows, dark and light."""
        self.number += 1
        self.title = f"{self.scene}-{when}" if when else self.scene
        application = self.widgets.QApplication
        if application.activeModalWidget() is None and application.activePopupWidget() is None:
            self.activate()  # else its next step looks like that of a window behind
        for scheme in reversed(SCHEMES):
            self.studio.settings.set("look.theme", scheme)
            super().shot(scheme)

    def play(self, name: str, do: Callable[[Trainer], None]) -> bool:
        """Do a scene; says whether it went as it is written."""
        from cvstudio.core.errors import CVStudioError

        self.scene = name
        try:
            do(self)
        except (*FAULTS, CVStudioError) as error:
            print(f"FAILED {name}: {type(error).__name__}: {error}")
            self.shot("failed")
            return False
        print(f"{self.number:03} {name}")
        return True

    # -- mouse

    def click_on(self, widget: Any, *, keys: str = "NoModifier", at: Any = None) -> None:
        """Bring a widget into sight with the wheel, and click it."""
        self.reach(widget)
        qt = self.core.Qt
        place = widget.rect().center() if at is None else at
        self.test.mouseClick(widget, qt.MouseButton.LeftButton, qt.KeyboardModifier[keys], place)
        self.settle()

    def reach(self, widget: Any) -> None:
        """Turn the wheel over the panel of a widget until the whole of it is seen."""
        area = widget.parentWidget()
        while area is not None and not isinstance(area, self.widgets.QScrollArea):
            area = area.parentWidget()
        if area is None:
            return
        view = area.viewport()
        for _ in range(60):
            top = widget.mapTo(view, self.core.QPoint(0, 0)).y()
            if top < 0:
                step = 1
            elif top + widget.height() > view.height() and top > 0:
                step = -1
            else:
                return
            self.turn(view, step)

    def turn(self, widget: Any, steps: int) -> None:
        """Turn the wheel over the left edge of a widget, where no field takes it."""
        qt, place = self.core.Qt, self.core.QPointF(4, widget.height() / 2)
        event = self.gui.QWheelEvent(
            place, widget.mapToGlobal(place), self.core.QPoint(), self.core.QPoint(0, 120 * steps),
            qt.MouseButton.NoButton, qt.KeyboardModifier.NoModifier,
            qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        self.widgets.QApplication.sendEvent(widget, event)
        self.test.qWait(30)

    def fill(self, field: Any, text: str) -> None:
        """Write something else into a field, and leave it."""
        self.click_on(field)
        field.setFocus()
        self.key("Ctrl+A")
        self.type(text)
        self.key("Tab")
        self.settle()

    def clear_search(self) -> None:
        """Show all settings again."""
        self.click_on(self.form.form.search)
        self.key("Ctrl+A")
        self.key("Backspace")
        self.settle()

    def link(self, words: str, page: Any = None) -> Any:
        """The link or button with these words that is seen on a page, else on Train."""
        buttons = (page or self.page).findChildren(self.widgets.QAbstractButton)
        for button in buttons:
            if button.isVisible() and button.text().replace("&", "") == words:
                return button
        raise LookupError(f"nothing says {words}")

    # -- what the page shows

    @property
    def form(self) -> Any:
        return self.page.new_run

    @property
    def card(self) -> Any:
        return self.page.view.card

    def state(self, run_id: int) -> Any:
        from cvstudio.project import runs

        return runs.state(self.studio.project, run_id)

    def status(self, run_id: int) -> str:
        """The words of a run in the list."""
        rows = {row.run.id: row.words for row in self.page.table.model.rows}
        return str(rows.get(run_id, ""))

    def find_setting(self, words: str, name: str) -> Any:
        """Look for a setting in the form by words; its editor."""
        if self.form.form.isHidden():
            self.click_on(self.form.all_link)
        self.fill(self.form.form.search, words)
        return self.form.form.editors[name]

    def select_runs(self, *numbers: int) -> None:
        """Click these runs in the list, all but the first with Ctrl."""
        view, rows = self.page.table.view, [row.run.id for row in self.page.table.model.rows]
        for nth, number in enumerate(numbers):
            index = self.page.table.model.index(rows.index(number), 1)
            keys = "ControlModifier" if nth else "NoModifier"
            self.click_on(view.viewport(), keys=keys, at=view.visualRect(index).center())

    # -- what runs come to

    def await_run(self, run_id: int, true: Callable[[], object]) -> None:
        """Wait for what a run must come to. Raises LookupError with its words if it failed."""

        def come() -> bool:
            failed = self.state(run_id).failed
            if failed is not None:
                raise LookupError(f"run {run_id} failed: {failed.text}")
            return bool(true())

        self.until(come, LONG)

    def await_epochs(self, run_id: int, count: int) -> None:
        """Wait until a run has so many epochs behind it."""
        self.await_run(run_id, lambda: len(self.state(run_id).epochs) >= count)

    def await_end(self, run_id: int) -> None:
        """Wait until a run is finished, by itself or early."""
        self.await_run(run_id, lambda: self.status(run_id).startswith("Finished"))

    # -- the pages beside it

    @property
    def analysis(self) -> Any:
        return self.window.page_named("analyze")

    @property
    def errors(self) -> Any:
        """The errors of the Analyze page, of which one is looked at."""
        return self.analysis.errors.gallery

    def open_likely(self) -> None:
        """Click the tab of likely label errors."""
        tabs = self.errors.tabs
        last = tabs.count() - 1
        assert "label errors" in tabs.tabText(last).casefold(), tabs.tabText(last)
        self.click_on(tabs, at=tabs.tabRect(last).center())

    def hotkey(self, class_id: int) -> str:
        """The key of a class."""
        from cvstudio.project import queries

        with self.studio.project.read() as session:
            return next(c.hotkey for c in queries.classes(session) if c.id == class_id)
