"""Pipelines read and written as albumentations does it; the live process handles the files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from cvstudio.augment.presets import Pipeline, dump_steps, load_steps
from cvstudio.core.networks import default_config
from cvstudio.core.wire import Message
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.augment.pipeline import PipelineModel
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label

_FILTER = "Pipelines of albumentations (*.json *.yaml *.yml)"
_PLACE = "augment.pipeline_folder"


class PipelineFiles(QObject):
    """Asks for a file, has it read or written, and tells all that is not the same."""

    def __init__(self, studio: Studio, pipeline: PipelineModel, parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._pipeline = studio, pipeline
        self.notes: NotesDialog | None = None

    def read(self) -> None:
        """Let the person choose a file and take its steps."""
        name, _ = QFileDialog.getOpenFileName(
            self._studio.window, "Read a pipeline", self._folder(), _FILTER
        )
        if name:
            self.read_from(Path(name))

    def read_from(self, path: Path) -> None:
        """Take the steps of a file; one undo step."""
        self._keep(path)
        self._studio.live.request(
            "read_pipeline", {"path": str(path), "size": self._size()}, owner=self,
            done=lambda message: self._take(path, message),
            failed=lambda text, hint: self._sorry(text, hint),
        )  # fmt: skip

    def write(self) -> None:
        """Let the person choose a file and write the steps to it."""
        name, _ = QFileDialog.getSaveFileName(
            self._studio.window, "Write the pipeline",
            str(Path(self._folder()) / f"{self._pipeline.name}.json"), _FILTER,
        )  # fmt: skip
        if name:
            self.write_to(Path(name) if Path(name).suffix else Path(f"{name}.json"))

    def write_to(self, path: Path) -> None:
        """Write the steps to a file, JSON or YAML by its suffix."""
        self._keep(path)
        steps = dump_steps(self._pipeline.steps)

        def done(message: Message) -> None:
            notes = message.header["notes"]
            self._studio.toast(f"The pipeline was written to {path.name}.", level="success")
            self._tell(f"Written to {path.name}",
                       "albumentations says some things in another way:", notes)  # fmt: skip

        self._studio.live.request(
            "write_pipeline", {"path": str(path), "size": self._size(), "steps": steps},
            owner=self, done=done, failed=lambda text, hint: self._sorry(text, hint),
        )  # fmt: skip

    def _take(self, path: Path, message: Message) -> None:
        steps = load_steps(message.header["steps"])
        notes = message.header["notes"]
        if steps:
            words = f"Read {counted(len(steps), 'step')} from {path.name}"
            self._pipeline.choose(Pipeline(path.stem, "", steps), label=words)
            self._studio.toast(f"{counted(len(steps), 'step')} read from {path.name}.",
                               level="success")  # fmt: skip
        head = "Not all is as in the file:" if steps else "Nothing could be read:"
        self._tell(f"Read from {path.name}", head, notes)

    def _tell(self, title: str, head: str, notes: list[str]) -> None:
        if not notes:
            return
        self.notes = NotesDialog(self._studio, title, head, notes)
        self.notes.open()

    def _sorry(self, text: str, hint: str) -> None:
        self._studio.toast(f"{text} {hint}".strip(), level="danger")

    def _size(self) -> int:
        assert self._studio.project is not None
        return default_config(self._studio.project.task).image_size

    def _folder(self) -> str:
        return str(self._studio.memory.get(_PLACE, ""))

    def _keep(self, path: Path) -> None:
        self._studio.memory.set(_PLACE, str(path.parent))


class NotesDialog(StudioDialog):
    """Sentences under each other, to be read and closed."""

    def __init__(self, studio: Studio, title: str, head: str, notes: list[str]) -> None:
        super().__init__(studio.window, title, width=560)
        self.content.addWidget(label(head, wrap=True))
        for note in notes:
            words = label(f"•  {note}", wrap=True)
            theme.mark(words, role="muted")
            self.content.addWidget(words)
        self.add_button("Close", self.accept, next=True)
