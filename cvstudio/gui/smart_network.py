"""The smart tool's file of weights: chosen by the person, proved in the live process, kept."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from cvstudio.core import places
from cvstudio.core.wire import Message
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.dialogs import show_failure

SETTING = "label.smart_network"


def current(studio: Studio) -> Path | None:
    """The file that was chosen, whether it is still there or not; None when none was."""
    chosen = str(studio.settings.get(SETTING)).strip()
    return Path(chosen).expanduser() if chosen else None


def device(studio: Studio) -> str:
    """Where the network is computed: as runs are."""
    return str(studio.settings.get("train.device"))


def choose(parent: QWidget, studio: Studio) -> None:
    """Ask for a file and take it."""
    known = current(studio)
    folder = known.parent if known is not None and known.parent.is_dir() else places.weights()
    name, _ = QFileDialog.getOpenFileName(
        parent, "Network for the smart tool", str(folder), "Weights (*.pt *.pth *.safetensors)"
    )
    if name:
        take(parent, studio, Path(name))


def take(parent: QWidget, studio: Studio, path: Path) -> None:
    """Keep a file as the smart tool's network when it is one; else say why not."""

    def accepted(message: Message) -> None:
        studio.settings.set(SETTING, str(path))
        studio.toast(f"The smart tool uses {message.header['title']}.", level="success")

    studio.live.request(
        "smart_network", {"network": str(path), "device": device(studio)}, done=accepted,
        failed=lambda text, hint: show_failure(parent, text, hint), owner=parent,
    )  # fmt: skip
