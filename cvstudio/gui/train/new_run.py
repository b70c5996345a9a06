"""The left panel of Train: what the next run will be, from preset cards to every single setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.networks import applies, default_config, network
from cvstudio.core.places_to_run import Cluster
from cvstudio.core.recipe import Preset, Start, TrainConfig
from cvstudio.core.recipe_limits import fields
from cvstudio.gui import theme
from cvstudio.gui.train.network_box import NetworkBox
from cvstudio.gui.train.settings_form import SettingsForm
from cvstudio.gui.train.where import WhereBox
from cvstudio.gui.widgets.cards import ChoiceCards
from cvstudio.gui.widgets.section import SectionHeader, label, link
from cvstudio.gui.widgets.what_is import WhatIs
from cvstudio.project.runs import changed_config

_WORDS: dict[Task, dict[Preset, str]] = {
    Task.DETECT: {
        Preset.FAST: "First look, coarse boxes",
        Preset.BALANCED: "Good boxes, small network",
        Preset.ACCURATE: "Best boxes, large network",
    },
    Task.INSTANCE: {
        Preset.FAST: "First look, coarse outlines",
        Preset.BALANCED: "Good outlines, small network",
        Preset.ACCURATE: "Best outlines, large network",
    },
    Task.SEGMENT: {
        Preset.FAST: "First look, coarse regions",
        Preset.BALANCED: "Good regions, small network",
        Preset.ACCURATE: "Best regions, large network",
    },
    Task.CLASSIFY: {
        Preset.FAST: "First look, small images",
        Preset.BALANCED: "Good answers, small network",
        Preset.ACCURATE: "Best answers, large network",
    },
}

OF_THE_PRESET = {"network", "image_size", "batch", "epochs", "patience"}
"""Settings that choosing another preset brings back to the preset's own."""


class NewRun(QWidget):
    """`config` is what would start now; `changed` is emitted whenever it changes.

    `augment_chosen(index)` tells that another entry of the augmentation list was picked,
    `rate_wanted` that the learning rate is to be found by trying.
    """

    changed = Signal()
    augment_chosen = Signal(int)
    rate_wanted = Signal()

    def __init__(self, task: Task, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.task = task
        self._images: int | None = None
        self._several = False
        self._over: dict[str, Any] = {}
        self._networks: dict[Path, str] = {}
        self.config = self._preset = default_config(task)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header = SectionHeader("New run")
        self.header.row.insertWidget(1, WhatIs("Run"))
        column.addWidget(self.header)
        body = QVBoxLayout()
        padding = theme.size("panel_padding")
        body.setContentsMargins(padding, 0, padding, 8)
        body.setSpacing(8)
        column.addLayout(body)
        self.presets = ChoiceCards(
            [(p.value, p.value.capitalize(), _WORDS[task][p], "") for p in Preset]
        )
        self.presets.choose(Preset.BALANCED.value)
        self.presets.chosen.connect(self._choose_preset)
        body.addWidget(self.presets)
        self.times_note = label("", "caption", wrap=True)
        self.times_note.hide()
        body.addWidget(self.times_note)
        body.addLayout(self._fields())
        self.all_link = link(self._all_words(), self._toggle_form)
        links = QHBoxLayout()
        links.addWidget(self.all_link)
        links.addStretch(1)
        self.rate_link = link("Find a learning rate…", self.rate_wanted.emit)
        links.addWidget(self.rate_link)
        body.addLayout(links)
        self.form = SettingsForm()
        self.form.changed.connect(self._set)
        self.form.back.connect(self._take_back)
        self.form.start_chosen.connect(self._choose_start)
        self.form.hide()
        body.addWidget(self.form)
        self._show()

    # What it knows

    def set_image_count(self, count: int) -> None:
        """How many images train: presets take more epochs of few images."""
        if count != self._images:
            self._images = count
            self._rebuild()

    def set_several(self, several: bool) -> None:
        """Whether images may have several classes: then runs learn each class by itself."""
        if several != self._several:
            self._several = several
            self._rebuild()

    def set_runs(self, runs: Sequence[tuple[str, Path, str]]) -> None:
        """The runs to start from: words, the checkpoint, the name of its network."""
        self._networks = {path: name for _, path, name in runs}
        self.form.set_runs([(words, path) for words, path, _ in runs])

    def set_times(self, times: Mapping[Preset, str], rest_on: str) -> None:
        """What each preset takes, as "about 35 min", and in a sentence how that is known.

        The time on the chosen card is that of the settings as they are.
        """
        for preset, words in times.items():
            self.presets.cards[preset.value].figure.setText(words)
        self.times_note.setText(rest_on)
        self.times_note.setVisible(any(times.values()))

    def set_pipelines(self, names: list[str], current: int) -> None:
        """The names in the augmentation list and the one in use."""
        with QSignalBlocker(self.augment):
            self.augment.clear()
            self.augment.addItems(names)
            self.augment.setCurrentIndex(current)

    def allow_rate(self, why_not: str) -> None:
        """Let a learning rate be looked for, or say why that cannot be now."""
        self.rate_link.setEnabled(not why_not)
        self.rate_link.setToolTip(why_not)

    def set_batch_note(self, text: str, role: str) -> None:
        """Whether the batch fits the memory, beside its field."""
        self.batch_note.setText(text)
        theme.mark(self.batch_note, role=role)

    def preset_config(self, preset: Preset) -> TrainConfig:
        """What a preset would be with the settings that stay."""
        stays = {k: v for k, v in self._over.items() if k not in OF_THE_PRESET}
        return changed_config(
            default_config(
                self.task, preset, image_count=self._images or None, several=self._several
            ),
            stays,
        )

    @property
    def choices(self) -> dict[str, Any]:
        """What the person chose, as JSON: for `restore` another day."""
        chosen = {"network", *fields()} & set(self._over) - {"device"}  # of the computer
        if self.config.start is Start.RUN:
            chosen -= {"start", "weights_file"}  # that run may be gone by then
        told = self.config.model_dump(mode="json", include=chosen)
        return {"preset": self.presets.key, "settings": told}

    def restore(self, choices: Mapping[str, Any]) -> None:
        """Take over choices of another day. Raises ConfigError when they fit no more."""
        preset, told = choices["preset"], choices["settings"]
        base = default_config(self.task, Preset(preset), told.get("network"), several=self._several)
        found = changed_config(base, told)
        with QSignalBlocker(self.presets):
            self.presets.choose(preset)
        self._over |= {name: getattr(found, name) for name in told}
        self._rebuild()

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that does the next run; None when this computer does."""
        return self.where.cluster

    # What the person does

    def apply(self, changes: Mapping[str, Any]) -> None:
        """Change settings, as a check or a failure proposes."""
        for name, value in changes.items():
            self._over[name] = value
        self._rebuild()

    def take(self, config: TrainConfig) -> None:
        """Take over the settings of an earlier run."""
        preset = default_config(
            self.task, config.preset, config.network, image_count=self._images or None,
            several=self._several,
        )  # fmt: skip
        with QSignalBlocker(self.presets):
            self.presets.choose(config.preset.value)
        self._over = {"network": config.network}
        for name in fields():
            value = getattr(config, name)
            if value != getattr(preset, name):
                self._over[name] = value
        self._rebuild()

    def _choose_preset(self, _key: str) -> None:
        self._over = {k: v for k, v in self._over.items() if k not in OF_THE_PRESET}
        self._rebuild()

    def _set(self, name: str, value: Any) -> None:
        before = self._over.get(name)
        self._over[name] = value
        try:
            self._rebuild()
        except ConfigError:
            # A value that is being typed may be out of range: the last good one stays in use.
            if before is None:
                del self._over[name]
            else:
                self._over[name] = before

    def _take_back(self, name: str) -> None:
        """Let a setting be the preset's again; "" means all that the form shows."""
        gone = {name} if name else set(self.form.editors)
        if "start" in gone:
            gone.add("weights_file")
        self._over = {key: value for key, value in self._over.items() if key not in gone}
        self._rebuild()

    def _choose_network(self, _index: int) -> None:
        self._over = {k: v for k, v in self._over.items() if k != "image_size"}
        self._set("network", self.network.currentData())

    def _choose_start(self, start: str, file: Path | None) -> None:
        self._over["start"] = start
        if file is not None:
            self._over["weights_file"] = file
            # Another network could take nothing over from it.
            self._over["network"] = self._networks[file]
        self._rebuild()

    def _toggle_form(self) -> None:
        self.form.setVisible(self.form.isHidden())
        self.all_link.setText("Fewer settings" if self.form.isVisible() else self._all_words())

    def _all_words(self) -> str:
        info = network(self.config.network)
        return f"All {sum(applies(name, info) for name in fields())} settings"

    # Showing

    def _rebuild(self) -> None:
        base = default_config(
            self.task,
            Preset(self.presets.key),
            self._over.get("network"),
            image_count=self._images or None,
            several=self._several,
        )
        left_run = self.config.start is Start.RUN and self._over.get("start") != Start.RUN
        if left_run and self._over.get("weights_file") == self.config.weights_file:
            # The file of a run goes with it, else "pretrained" would mean that run's weights.
            self._over.pop("weights_file", None)
        self._preset = base
        info = network(base.network)
        over = {k: v for k, v in self._over.items() if k != "network" and applies(k, info)}
        self.config = changed_config(base, over)
        self._show()
        self.changed.emit()

    def _show_and_tell(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        with (
            QSignalBlocker(self.network),
            QSignalBlocker(self.image_size),
            QSignalBlocker(self.batch),
        ):
            self.network.show_network(self.config.network)
            self.image_size.setValue(self.config.image_size)
            self.batch.setValue(self.config.batch)
        self.form.show_for(network(self.config.network))
        self.form.fill(self.config, self._preset)
        if self.form.isHidden():
            self.all_link.setText(self._all_words())

    def _fields(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(8)
        grid.setHorizontalSpacing(6)  # with a scroll bar the panel is 324 px wide
        grid.setColumnMinimumWidth(0, 68)
        grid.setColumnStretch(2, 1)
        self.network = NetworkBox(self.task, lambda: (self.config.image_size, self.config.batch))
        self.network.currentIndexChanged.connect(self._choose_network)
        self.image_size = QSpinBox(minimum=32, maximum=4096, singleStep=32, suffix=" px")
        self.image_size.setKeyboardTracking(False)
        self.image_size.valueChanged.connect(
            lambda v: self._set("image_size", max(32, v // 32 * 32))
        )
        self.batch = QSpinBox(minimum=0, maximum=1024)
        self.batch.setSpecialValueText("Automatic")
        self.batch.setKeyboardTracking(False)
        self.batch.valueChanged.connect(lambda v: self._set("batch", v))
        self.batch_note = label("", "muted")
        self.augment = QComboBox()
        self.augment.activated.connect(self.augment_chosen)
        self.augment.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.augment.setMinimumContentsLength(12)
        self.where = WhereBox()
        self.where.chosen.connect(self._show_and_tell)
        rows: list[tuple[str, QWidget, QWidget | None]] = [
            ("Network", self.network, None),
            ("Image size", self.image_size, None),
            ("Batch", self.batch, self.batch_note),
            ("Augment", self.augment, None),
            ("Where", self.where, None),
        ]
        for place, (words, editor, beside) in enumerate(rows):
            name = label(words)
            name.setBuddy(editor)
            editor.setAccessibleName(words)
            grid.addWidget(name, place, 0)
            if words == "Batch":
                what = WhatIs(words)
                grid.addWidget(what, place, 0, Qt.AlignmentFlag.AlignRight)
            if isinstance(editor, QComboBox):
                grid.addWidget(editor, place, 1, 1, 2)
            else:
                editor.setFixedWidth(112)
                grid.addWidget(editor, place, 1)
            if beside is not None:
                grid.addWidget(beside, place, 2)
        return grid
