"""Saving the answers of an exported file for many images: one after another, with cancel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from cvstudio.core.errors import ImageError
from cvstudio.core.jobdir import write_json
from cvstudio.core.wire import Message
from cvstudio.core.words import counted
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.imaging.decode import SUFFIXES, probe


@dataclass(frozen=True, slots=True)
class Page:
    """One image to try: a file, or one page of it."""

    path: Path
    page: int = 0
    pages: int = 1

    @property
    def title(self) -> str:
        if self.pages == 1:
            return self.path.name
        return f"{self.path.name}, page {self.page + 1} of {self.pages}"


def pages_of(paths: list[Path], control: Control) -> list[Page]:
    """Every page of image files, and of those that lie in folders; for a thread.

    A file that cannot be read counts as one page: what is wrong with it is said in its place.
    """
    found: list[Page] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in inside:
            control.check()
            if file.suffix.lower() in SUFFIXES:
                try:
                    infos = probe(file)
                except ImageError:
                    found.append(Page(file))
                else:
                    found += [Page(file, info.page, len(infos)) for info in infos]
    return found


class Saving(QObject):
    """Asks the live process about one page after another, then writes all answers at once."""

    moved = Signal(int, int)
    """How many pages are done, and of how many."""
    ended = Signal(str)
    """What became of it in words, "" after a cancel."""

    def __init__(self, studio: Studio, parent: QObject) -> None:
        super().__init__(parent)
        self._studio = studio
        self._waiting: list[Page] = []
        self._total = 0
        self._header: dict[str, Any] = {}
        self._output = Path()
        self._content: dict[str, Any] = {}
        self._problems: list[dict[str, Any]] = []

    @property
    def running(self) -> bool:
        return self._total > 0

    def start(self, onnx: Path, pages: list[Page], output: Path, *, score: float | None) -> None:
        """Save what a file answers for these pages, objects from a score upwards (None: as the
        file says)."""
        self._waiting, self._total = list(pages), len(pages)
        self._header = {"onnx": str(onnx), "score": score}
        self._output, self._content, self._problems = output, {}, []
        self._next()

    def cancel(self) -> None:
        """Stop without writing anything."""
        if self.running:
            self._studio.live.drop(self)
            self._over("")

    def _next(self) -> None:
        self.moved.emit(self._total - len(self._waiting), self._total)
        if not self._waiting:
            self._write()
            return
        page = self._waiting.pop(0)
        self._studio.live.request(
            "answers", {**self._header, "path": str(page.path), "page": page.page}, owner=self,
            done=self._answered, failed=lambda text, _hint: self._lost(page, text),
        )  # fmt: skip

    def _answered(self, message: Message) -> None:
        content = message.header["content"]
        if self._content:
            self._content["images"] += content["images"]
        else:
            self._content = content
        self._next()

    def _lost(self, page: Page, text: str) -> None:
        self._problems.append({"file": str(page.path), "page": page.page + 1, "problem": text})
        self._next()

    def _write(self) -> None:
        if not self._content:
            self._over(f"Nothing was saved. {self._problems[0]['problem']}")
            return
        try:
            write_json(self._output, {**self._content, "problems": self._problems})
        except OSError as error:
            self._over("")
            self._studio.fail(error, doing="Save predictions")
            return
        said = f"Saved the answers for {counted(len(self._content['images']), 'image')}."
        if self._problems:
            said += f" {len(self._problems):,} could not be read; the file says which."
        self._over(said)

    def _over(self, text: str) -> None:
        self._waiting, self._total = [], 0
        self.ended.emit(text)
