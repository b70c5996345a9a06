"""What a person can set once for every project: a table of records, and one way to change them.

Only values that differ from the table are written, as JSON in places.home(); what the window merely
remembers (sizes, recent projects) lies beside it in a file of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvstudio.core import places
from cvstudio.core.errors import ConfigError

Value = bool | int | float | str


@dataclass(frozen=True)
class Setting:
    """One setting: its words, its default, and what it may be.

    `choices` pairs values with words; `low` and `high` limit numbers. The type of the default is
    the type of the setting.
    """

    key: str
    group: str
    title: str
    description: str
    default: Value
    choices: tuple[tuple[Value, str], ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    also: str = ""
    """A regular expression of further choices: those that only some computers have."""
    empty: str = ""
    """What a field says while nothing is written in it."""
    shown: bool = True
    """False for what has an editor of its own instead of a row in the settings dialog."""

    def check(self, value: Any) -> Value:
        """The value in the setting's own type. Raises ConfigError with what it may be."""
        if self.choices:
            allowed = [choice for choice, _ in self.choices]
            known = isinstance(value, str) and self.also and re.fullmatch(self.also, value)
            if value not in allowed and not known:
                words = ", ".join(str(choice) for choice in allowed)
                raise ConfigError(f"{self.title} can be {words}, not {value!r}.")
            return value  # type: ignore[no-any-return]
        kind = type(self.default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise ConfigError(f"{self.title} cannot be {value!r}.")
        if isinstance(value, str):
            return value
        if self.low is not None and value < self.low:
            raise ConfigError(f"{self.title}: at least {self.low:g}{self._unit()}.")
        if self.high is not None and value > self.high:
            raise ConfigError(f"{self.title}: at most {self.high:g}{self._unit()}.")
        return value

    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "look.theme", "Look", "Theme",
        "Dark keeps the eyes on the image; light suits a bright room.",
        "system", choices=(("system", "As the system"), ("dark", "Dark"), ("light", "Light")),
    ),
    Setting(
        "look.compact", "Look", "Compact rows",
        "Lists show more rows: 28 px high instead of 32 px.", False,
    ),
    Setting(
        "data.copy_images", "Images", "Copy images into the project",
        "Off: images stay where they are and the project refers to them.", False,
    ),
    Setting(
        "data.overlays", "Images", "Show annotations on thumbnails",
        "Outlines in the colours of the label classes.", True,
    ),
    Setting(
        "label.keys", "Labelling", "Keys",
        "The keys of the Label page, for people who come from another program.",
        "cvstudio",
        choices=(
            ("cvstudio", "CVStudio"), ("labelme", "As in labelme"), ("cvat", "As in CVAT"),
            ("xanylabeling", "As in X-AnyLabeling"), ("qupath", "As in QuPath"),
        ),
    ),
    Setting("keys.own", "Labelling", "Own keys", "Keys that differ from the preset.", "",
            shown=False),
    Setting(
        "label.fill", "Labelling", "Fill of masks",
        "How strongly a mask covers the image.", 25, low=0, high=100, unit="%",
    ),
    Setting(
        "label.next_after_approving", "Labelling", "Go to the next image after approving",
        "Approve and next moves on to the next image that waits for review.", True,
    ),
    Setting(
        "label.keep_zoom", "Labelling", "Keep zoom",
        "The next image opens with the zoom and the place of the one before, if it is as large.",
        False,
    ),
    Setting(
        "label.smart_network", "Labelling", "Smart tool network",
        "A file of SAM, SAM 2 or MobileSAM on this computer, such as mobile_sam.pt.", "",
        empty="No file chosen",
    ),
    Setting(
        "label.print_density", "Labelling", "Lengths from print density",
        "Rulers in mm where a PNG or JPEG only says how large it is to be printed, as scans do.",
        False,
    ),
    Setting(
        "label.progress", "Labelling", "Show progress",
        "Images per hour, what is left and how long it may take, over a corner of the image.",
        False,
    ),
    Setting(
        "train.device", "Training", "Device",
        "Where runs are computed unless the run says otherwise.",
        "auto", choices=(("auto", "GPU if there is one"), ("cpu", "Processor")),
        also=r"mps|cuda:\d+",
    ),
    Setting(
        "train.downloads", "Training", "Allow downloading pretrained weights",
        "Asked for by the button on the Train page only. Nothing is ever sent.", True,
    ),
    Setting(
        "mirror.tensorboard", "Mirrors", "TensorBoard",
        "A folder that TensorBoard looks at: each new run shows its figures there too.", "",
        empty="No folder: not mirrored",
    ),
    Setting(
        "mirror.mlflow", "Mirrors", "MLflow",
        "A folder, or the address of a tracking server such as http://server:5000. Figures,"
        " settings and reports of new runs go there, images do not.", "",
        empty="Not mirrored",
    ),
    Setting(
        "mirror.pictures", "Mirrors", "Pictures in mirrors",
        "The answers on four val images go along each epoch: they show your images.", False,
    ),
    Setting(
        "memory.thumbnails", "Computer", "Memory for thumbnails",
        "Thumbnails that stay ready while the gallery scrolls.", 256, low=32, high=4096, unit="MB",
    ),
    Setting(
        "project.reopen", "Start", "Open the last project at start",
        "Otherwise the window starts with the list of recent projects.", True,
    ),
)  # fmt: skip

Listener = Callable[[str, Value], None]


class Settings:
    """The values of the table on this computer. `settings.get("look.theme")`; `set` is the one way
    to change a value, and everyone who listens learns of it."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or places.home() / "settings.json"
        self._table = {setting.key: setting for setting in SETTINGS}
        self._listeners: list[Listener] = []
        self._values: dict[str, Value] = {}
        self.problems: list[str] = []
        for key, value in _read(self._path).items():
            self._take(key, value)

    def _take(self, key: str, value: Any) -> None:
        setting = self._table.get(key)
        if setting is None:
            return
        try:
            self._values[key] = setting.check(value)
        except ConfigError as error:
            self.problems.append(error.message)

    def get(self, key: str) -> Value:
        """The value that holds now. Raises KeyError for a key that is not in the table."""
        return self._values.get(key, self._table[key].default)

    def set(self, key: str, value: Any) -> None:
        """Check, store, write and tell. Raises ConfigError, and then nothing has changed."""
        setting = self._table[key]
        checked = setting.check(value)
        if checked == self.get(key):
            return
        if checked == setting.default:
            self._values.pop(key, None)
        else:
            self._values[key] = checked
        _write(self._path, self._values)
        for listener in list(self._listeners):
            listener(key, checked)

    def listen(self, listener: Listener) -> None:
        """Call `listener(key, value)` after every change."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Call it no more."""
        self._listeners.remove(listener)


_NAMES = "names"
_MOST_PROJECTS = 50
"""How many projects have values of their own in the window's memory."""


class Memory:
    """What the window remembers between two days: plain JSON values under names, no table."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or places.home() / "window.json"
        self._values = _read(self._path)

    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name, default)

    def set(self, name: str, value: Any) -> None:
        """Remember a value from now on; it is on the disk when this returns."""
        if self._values.get(name) != value:
            self._values[name] = value
            _write(self._path, self._values)

    def get_for(self, project: Path, name: str, default: Any = None) -> Any:
        """What is remembered under a name for one project (its folder)."""
        kept = self._values.get(name, [])
        folder = str(project.resolve())
        return next((value for path, value in kept if path == folder), default)

    def set_for(self, project: Path, name: str, value: Any) -> None:
        """Remember a value for one project; None forgets it. The projects that were worked on
        last are remembered."""
        folder = str(project.resolve())
        others = [pair for pair in self._values.get(name, []) if pair[0] != folder]
        mine = [] if value is None else [[folder, value]]
        self.set(name, [*mine, *others][:_MOST_PROJECTS])

    def recent(self) -> list[Path]:
        """Projects opened on this computer, newest first, as far as they still exist."""
        return [path for text in self.get("recent", []) if (path := Path(text)).exists()]

    def opened(self, path: Path) -> None:
        """Put a project at the top of the recent ones."""
        text = str(path.resolve())
        others = [item for item in self.get("recent", []) if item != text]
        self.set("recent", [text, *others][:12])

    def name_of(self, path: Path) -> str:
        """What a project was called when it was open last; else the name of its folder."""
        return str(self.get_for(path, _NAMES, path.name))

    def call(self, path: Path, name: str) -> None:
        """Remember what a project is called, for lists in which it is not open."""
        self.set_for(path, _NAMES, name)

    def forget(self, path: Path) -> None:
        """Take a project off the list of recent ones."""
        self.set("recent", [item for item in self.get("recent", []) if item != str(path)])


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when the file is missing or was damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(values, indent=1, sort_keys=True), encoding="utf-8")
    part.replace(path)
