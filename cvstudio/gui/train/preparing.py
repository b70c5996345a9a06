"""What comes before a run: the checks, the times, the pipelines to choose from, the weights."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from cvstudio.augment import presets
from cvstudio.augment.presets import Pipeline
from cvstudio.core import pretrained
from cvstudio.core.annotation import Split
from cvstudio.core.errors import ConfigError, CVStudioError
from cvstudio.core.networks import network
from cvstudio.core.pipeline import Item
from cvstudio.core.recipe import Preset, TrainConfig
from cvstudio.gui import next_run
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.train import words
from cvstudio.gui.train.also import KEYS, AlsoDialog
from cvstudio.gui.train.checks_list import ChecksList
from cvstudio.gui.train.new_run import NewRun
from cvstudio.gui.train.run_book import RunBook
from cvstudio.gui.train.trial import TrialBatch
from cvstudio.gui.train.where import ClusterDialog, remembered
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.project import (
    commands,
    device,
    estimate,
    leakage,
    learned,
    preflight,
    training_facts,
    trying,
)
from cvstudio.project import weights as weight_files
from cvstudio.project.check import in_order
from cvstudio.project.form_checks import offered
from cvstudio.project.leakage import Pairs
from cvstudio.project.learned import Earlier, first_weights
from cvstudio.project.mirrors import targets
from cvstudio.project.pipeline import pipeline, set_pipeline
from cvstudio.project.preflight import Action
from cvstudio.project.training_facts import Facts

log = logging.getLogger(__name__)


class Preparing(QObject):
    """Keeps the form of the next run and its checks true. `gathered()`: the facts are known."""

    gathered = Signal()

    def __init__(
        self, studio: Studio, book: RunBook, *, form: NewRun, checks: ChecksList, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.studio, self.project, self.jobs = studio, book.project, studio.jobs
        self.new_run, self.checks, self._book = form, checks, book
        self.facts: Facts | None = None
        self._gathering = LatestWins(studio.tasks, owner=self)
        self._comparing = LatestWins(studio.tasks, owner=self)
        self._compared: tuple[dict[int, Split], Pairs] | None = None
        """Which images were compared with each other, and those that look alike."""
        self._looking_back = LatestWins(studio.tasks, owner=self)
        self._looked_for: tuple[Path, dict[int, Split]] | None = None
        """The weights, and the images, of the request that a thread answers."""
        self._pipelines: list[Pipeline] = []
        self._steps: tuple[Item, ...] = ()
        self._starting = False
        self.trial = TrialBatch(studio, book.project, self)
        self.trial.moved.connect(self.show)
        form.changed.connect(self.show)
        form.augment_chosen.connect(self._choose_pipeline)
        form.where.remember(remembered(studio))
        form.where.asked.connect(self._ask_for_cluster)
        form.where.also_asked.connect(self._ask_where_else)
        studio.settings.listen(self._on_setting)
        self._on_setting(KEYS[0], None)
        checks.acted.connect(self.act)
        self.jobs.device_changed.connect(self._device_changed)

    def begin(self) -> None:
        """Fill the form as it was left. Until the facts are known nothing can be started."""
        self.show()
        self._recall_choices()
        wanted = self.studio.settings.get("train.device")
        if wanted != "auto":
            self.new_run.apply({"device": wanted})
        self.show_pipelines()

    def release(self) -> None:
        """The project closes."""
        self._gathering.drop()
        self._comparing.drop()
        self._looking_back.drop()
        self.trial.moved.disconnect(self.show)
        self.trial.cancel()
        self.jobs.device_changed.disconnect(self._device_changed)
        self.studio.settings.unlisten(self._on_setting)

    def set_device(self, name: object) -> None:
        """The device that the settings name."""
        self.new_run.apply({"device": name})
        self.gather()

    def set_starting(self, on: bool) -> None:
        """A run is being prepared, and another one cannot begin until it is."""
        self._starting = on
        if on:
            self.trial.cancel()  # it would hold the memory that the run needs
            self._allow_start("")
        else:
            self.show()

    def gather(self) -> None:
        """Ask the database for the facts that the checks need, in a thread."""
        project = self.project

        def ask(_control: Any) -> Facts:
            with project.read() as session:
                return training_facts.gather(session, project)

        self._gathering.request(ask, self._gathered)

    def _gathered(self, facts: Facts) -> None:
        self.facts = self.compared(facts)
        if self.facts.near is None:
            self._compare(facts)
        self.new_run.network.offer(offered(facts))
        self.new_run.set_several(facts.allows_several)
        self.new_run.form.set_deep(bool(facts.deep) or any(c != 3 for c in facts.channels))
        self.new_run.set_image_count(facts.images.get(Split.TRAIN, 0))
        self.show()
        self.gathered.emit()

    def compared(self, facts: Facts) -> Facts:
        """Facts with the near-duplicates and what earlier runs learned from, as far as both are
        known of these images."""
        known = self.facts
        if known is not None and dict(known.divided) == dict(facts.divided):
            facts = replace(facts, earlier=known.earlier)
        seen = self._compared
        if seen is not None and seen[0] == dict(facts.divided):
            facts = replace(facts, near=seen[1])
        return facts

    def _compare(self, facts: Facts) -> None:
        """Look for near-duplicates, in a thread: the first time pictures have to be made."""
        project, divided = self.project, dict(facts.divided)

        def look(control: Any) -> Pairs | None:
            return leakage.near_duplicates(project, divided, cancelled=control.cancelled)

        def found(pairs: Pairs | None) -> None:
            if pairs is None:
                return
            self._compared = divided, pairs
            if self.facts is not None and dict(self.facts.divided) == divided:
                self.facts = replace(self.facts, near=pairs)
                self.show()

        def failed(error: BaseException) -> None:
            log.warning("near-duplicates were not looked for", exc_info=error)

        self._comparing.request(look, found, failed=failed)

    def _look_back(self, facts: Facts, config: TrainConfig) -> None:
        """Find out in a thread, unless it is known, what the run that the next one begins with
        learned from: snapshots are read for it."""
        weights = first_weights(config)
        if weights is None or weights in facts.earlier:
            return
        project, divided = self.project, dict(facts.divided)
        if self._looked_for == (weights, divided):
            return
        self._looked_for = weights, divided

        def found(earlier: Earlier | None) -> None:
            self._looked_for = None
            if self.facts is not None and dict(self.facts.divided) == divided:
                known = {**self.facts.earlier, weights: earlier}
                self.facts = replace(self.facts, earlier=known)
            self.show()

        def failed(error: BaseException) -> None:
            log.warning("what %s learned from was not looked up", weights, exc_info=error)

        self._looking_back.request(
            lambda _control: learned.earlier(project, weights, divided), found, failed=failed
        )

    def _device_changed(self, found: device.Device) -> None:
        self.new_run.form.set_devices(device.choices(found))
        if self.new_run.isVisible():
            self.show()

    def show(self) -> None:
        """Show again what follows from the settings: checks, times, whether the batch fits."""
        if self.facts is None:
            self._allow_start("The checks are being made")
            self._allow_rate("The checks are being made")
            return
        found = self.jobs.device or device.processor()
        config = self.new_run.config
        self._look_back(self.facts, config)
        away = self.new_run.cluster is not None
        lines = preflight.checks(self.facts, config, None if away else found)
        stopping = preflight.blocking(lines)
        trial = None
        if not away:
            lines = self.trial.checks(self.facts, self._to_try, able=not stopping) + lines
            trial = self.trial.of(self._to_try)
        self.checks.show_checks(in_order(lines))
        self.studio.actions.allow(
            "train.try_batch", not (stopping or away or self.jobs.live), why="Not as things are now"
        )
        self._allow_start(stopping[0].text if stopping else "")
        self._allow_rate(f"{stopping[0].text}: settle that first" if stopping else "")
        history = self._book.history()
        times = {}
        for preset in Preset:
            chosen = preset.value == self.new_run.presets.key
            recipe = config if chosen else self.new_run.preset_config(preset)
            train, val = self.facts.items(recipe)
            guess = estimate.seconds(
                recipe, train=train, val=val, device=found, history=list(history.values())
            )
            if chosen and trial is not None:
                guess = trying.seconds(trial, self.facts, config)
            times[preset] = estimate.roughly(guess) if train and not away else ""
        self.new_run.set_times(times, words.times_from(list(history)))
        self._remember_choices()
        self._note_batch(config, found)

    def _ask_for_cluster(self) -> None:
        dialog = ClusterDialog(self.new_run.window(), self.studio)
        if dialog.exec() and dialog.cluster is not None:
            self.new_run.where.use(dialog.cluster)

    def _ask_where_else(self) -> None:
        AlsoDialog(self.new_run.window(), self.studio).exec()

    def _on_setting(self, key: str, _value: object) -> None:
        """Say beside the place of the next run where else its figures go."""
        if key in KEYS:
            wanted = targets.chosen(project=self.project.name)
            self.new_run.where.write_also(targets.about(wanted))

    def _allow_start(self, why_not: str) -> None:
        if self._starting:
            why_not = "The run is being prepared"
        self.studio.actions.allow("train.start", not why_not, why=why_not)
        waits = "" if self.facts is not None else why_not
        self.studio.actions.allow("train.several", not waits, why=waits)

    def _allow_rate(self, why_not: str) -> None:
        self.studio.actions.allow("train.find_rate", not why_not, why=why_not)
        self.new_run.allow_rate(why_not)

    def _note_batch(self, config: TrainConfig, found: device.Device) -> None:
        if self.new_run.cluster is not None:
            self.new_run.set_batch_note("of each worker", "muted")
            return
        on_gpu = found.kind == "cuda" and config.device != "cpu"
        room = found.memory if on_gpu else found.memory - found.used
        fits = estimate.memory(config) < room * 0.95
        place = "fits the GPU" if on_gpu else "fits in memory"
        self.new_run.set_batch_note(place if fits else "too large", "muted" if fits else "warning")

    def _remember_choices(self) -> None:
        """Keep the form for the next time this project is open."""
        next_run.remember(self.studio.memory, self.project.path, self.new_run.choices)

    def _recall_choices(self) -> None:
        choices = next_run.remembered(self.studio.memory, self.project.path)
        if choices is None:
            return
        try:
            self.new_run.restore(choices)
        except ConfigError as error:
            log.info("the choices of last time fit no more: %s", error.message)

    def show_pipelines(self) -> None:
        """Offer the pipelines that there are, the project's own one chosen."""
        try:
            current = pipeline(self.project)
        except ConfigError as error:
            self.studio.fail(error)
            return
        offered = [*presets.presets_for(self.project.task), *presets.saved()]
        known = [(p.name, p.steps) for p in offered]
        if (current.name, current.steps) not in known:
            offered.insert(0, current)
            known.insert(0, (current.name, current.steps))
        self._pipelines, self._steps = offered, current.steps
        place = known.index((current.name, current.steps))
        self.new_run.set_pipelines([p.name for p in offered], place)

    def _choose_pipeline(self, place: int) -> None:
        chosen = self._pipelines[place]
        set_pipeline(self.project, name=chosen.name, steps=chosen.steps)

    def act(self, action: Action) -> None:
        """Do what a check offers."""
        match action.kind:
            case "set":
                self.new_run.apply(action.changes)
            case "images":
                text = next((c.text for c in self.checks.shown if action in c.actions), "")
                self.studio.go_to("data", ids=list(action.image_ids), words=text)
            case "train":
                with self.project.transaction("Move to train", source=self) as session:
                    commands.set_split(session, image_ids=list(action.image_ids), split=Split.TRAIN)
            case "split":
                self.studio.go_to("data", divide="train")
            case "weights":
                self._get_weights()
            case "try":
                self.try_batch()
            case "stop trying":
                self.trial.cancel()

    def try_batch(self) -> None:
        """Make a few steps with the settings in the form, to see what they take."""
        self.trial.start(self._to_try)

    @property
    def _to_try(self) -> TrainConfig:
        """The settings in the form with the pipeline that a run of them would have."""
        return self.new_run.config.model_copy(update={"augmentation": self._steps})

    def _get_weights(self) -> None:
        info = network(self.new_run.config.network)
        if not self.studio.settings.get("train.downloads"):
            error = pretrained.missing(info)
            hint = "Downloads are switched off in the settings."
            self.studio.fail(CVStudioError(error.message, hint=hint))
            return

        def get(control: Control) -> Path:
            return weight_files.download(
                info,
                progress=lambda done, total: control.progress(done, total, _megabytes(done, total)),
                cancelled=control.cancelled,
            )

        title = f"Getting the weights of {info.title}"
        outcome = run_with_progress(self.studio.window, self.studio.tasks, title, get)
        if outcome.error is not None:
            self.studio.fail(outcome.error, doing=title)
        elif not outcome.cancelled:
            self.studio.toast(f"{outcome.result.name} is on this computer now.", level="success")
        self.show()


def _megabytes(done: int, total: int) -> str:
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"
