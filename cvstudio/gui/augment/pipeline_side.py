"""The left panel: the preset, the steps of the pipeline, and the settings of the one at hand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QComboBox, QFrame, QInputDialog, QMenu, QToolButton

from cvstudio.augment import automatic, editing
from cvstudio.augment.catalogue import transform
from cvstudio.augment.editing import Place
from cvstudio.augment.item_form import fields_of, values_of
from cvstudio.augment.summary import step_title
from cvstudio.core.annotation import Task
from cvstudio.core.errors import CVStudioError
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item, Step
from cvstudio.core.words import counted
from cvstudio.gui.augment.catalogue_popup import CataloguePopup
from cvstudio.gui.augment.pipeline import PipelineModel
from cvstudio.gui.augment.steps_list import StepsList
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.layouts import bar_row
from cvstudio.gui.widgets.param_form import ParamForm
from cvstudio.gui.widgets.section import SectionHeader, label, line, tool
from cvstudio.gui.workspace import SidePanel

_GROUP_HELP = {
    GroupKind.ONE_OF: "Exactly one of its steps acts; a step with twice the weight twice as often.",
    GroupKind.SOME_OF: "So many of its steps are drawn evenly; each then acts with its own chance.",
}


class PipelineSide(SidePanel):
    """Shows a PipelineModel and hands every edit to it."""

    def __init__(self, studio: Studio, pipeline: PipelineModel, task: Task) -> None:
        super().__init__("left", 320)
        self._studio = studio
        self._pipeline = pipeline
        self.catalogue = CataloguePopup(self, task=task)
        self._total: float | None = None
        self._shown_presets: tuple[object, ...] = ()
        self._make_top()
        self.steps = StepsList()
        self.add(self.steps)
        self.add(line())
        self.step_head = SectionHeader("", link_text="Reset", do=pipeline.reset_step)
        self.add(self.step_head)
        self.form = ParamForm()
        self.add_padded(self.form, top=4, bottom=16)
        self.body.addStretch(1)
        self._connect()
        self.refresh()

    def _make_top(self) -> None:
        frame = QFrame()
        row = bar_row(frame)
        self.preset = QComboBox()
        self.preset.setAccessibleName("Preset")
        self.preset.activated.connect(self._choose_preset)
        row.addWidget(label("Preset", "muted"))
        row.addWidget(self.preset, 1)
        row.addWidget(
            tool(icon_name="content-save-outline", do=self._save,
                 tip="Save: keep this pipeline under a name on this computer")
        )  # fmt: skip
        self.more = tool(icon_name="dots-vertical", tip="More: read and write pipelines")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        for name in ("augment.import", "augment.export"):
            menu.addAction(self._studio.actions[name])
        self.more.setMenu(menu)
        row.addWidget(self.more)
        self.add(frame)
        self.head = SectionHeader("Pipeline")
        self._add_button = tool(self._studio.actions["augment.add"])
        self.head.add(self._add_button)
        self.add(self.head)

    def _connect(self) -> None:
        pipeline = self._pipeline
        self.catalogue.chosen.connect(pipeline.add)
        self.steps.chosen.connect(pipeline.select)
        self.steps.toggled.connect(pipeline.set_enabled)
        self.steps.removed.connect(pipeline.remove)
        self.steps.moved.connect(pipeline.move)
        self.steps.shifted.connect(pipeline.shift)
        self.steps.menu_wanted.connect(self._open_menu)
        self.form.changing.connect(pipeline.draft)
        self.form.changed.connect(pipeline.set_value)
        pipeline.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show the preset and what is at hand. The steps follow in show_steps, with warnings."""
        self._show_head()
        self._show_presets()
        item = self._pipeline.item
        self.step_head.setVisible(item is not None)
        self.form.setVisible(item is not None)
        if item is None:
            return
        self.step_head.title.setText(step_title(item))
        self.step_head.title.setToolTip(_help(item))
        assert self.step_head.link is not None
        self.step_head.link.setVisible(not isinstance(item, Group))
        self.form.show_fields(fields_of(item, weighed=self._pipeline.weighed), values_of(item))

    def show_steps(self, warned: frozenset[Place]) -> None:
        """Show the steps, with a mark on those that are worth a look."""
        pipeline = self._pipeline
        self.steps.show_steps(pipeline.steps, selected=pipeline.selected, warned=warned)

    def show_times(self, times: Mapping[Place, float], total: float | None) -> None:
        """Show what each step costs on the image at hand, and all of them on average, in ms."""
        self._total = total
        self.steps.show_times(times)
        self._show_head()

    def _show_head(self) -> None:
        words = f"{counted(self._pipeline.active, 'step')} on"
        if self._total is not None:
            words += f", {self._total:.0f}\N{NO-BREAK SPACE}ms"
        self.head.figure.setText(words)
        self.head.figure.setToolTip(
            "What the pipeline costs on average for one image of this size, on this computer"
            if self._total is not None else ""
        )  # fmt: skip

    def _open_menu(self, where: QPoint) -> None:
        """What can be done to the selected item."""
        pipeline, actions = self._pipeline, self._studio.actions
        place, item = pipeline.selected, pipeline.item
        if item is None:
            return
        menu = QMenu(self)
        words = "Switch off" if item.enabled else "Switch on"
        menu.addAction(words, lambda: pipeline.set_enabled(place, not item.enabled))
        for down, title in ((False, "Move up"), (True, "Move down")):
            act = menu.addAction(title, partial(pipeline.shift, place, down))
            act.setEnabled(editing.neighbour(pipeline.steps, place, down) is not None)
        menu.addSeparator()
        if isinstance(item, Step) and len(place) == 1:
            menu.addAction(actions["augment.group"])
        else:
            menu.addAction(actions["augment.ungroup"])
        menu.addSeparator()
        menu.addAction("Remove", lambda: pipeline.remove(place))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(where)

    def _show_presets(self) -> None:
        model = self._pipeline
        choices = model.choices
        differs = model.differs_from(choices)
        shown = (*choices, model.name, differs)
        if shown == self._shown_presets:
            return
        self._shown_presets = shown
        self.preset.clear()
        for choice in choices:
            self.preset.addItem(choice.name, choice)
            self.preset.setItemData(
                self.preset.count() - 1, choice.description, Qt.ItemDataRole.ToolTipRole
            )
        row = self.preset.findText(model.name)
        if differs:
            state = "changed" if row >= 0 else "not saved"  # of a file: no preset has that name
            self.preset.insertItem(0, f"{model.name} ({state})", None)
            row = 0
        self.preset.setCurrentIndex(row)

    def _choose_preset(self, index: int) -> None:
        choice, model = self.preset.itemData(index), self._pipeline
        if choice is not None and (choice.name != model.name or model.differs):
            model.choose(choice)

    def _save(self) -> None:
        name, given = QInputDialog.getText(
            self, "Save the pipeline", "Name", text=f"My {self._pipeline.name.lower()}"
        )
        if not given:
            return
        try:
            self._pipeline.save(name)
        except (CVStudioError, OSError) as error:
            self._studio.fail(error, doing="The pipeline was not saved")

    def open_catalogue(self) -> None:
        """Offer the transforms beside the button that adds one."""
        corner = self._add_button.mapToGlobal(QPoint(self._add_button.width() + 8, 0))
        self.catalogue.open_at(corner)


def _help(item: Item) -> str:
    """A sentence on what is selected."""
    if isinstance(item, Group):
        return _GROUP_HELP[item.group]
    if isinstance(item, Automatic):
        return automatic.DESCRIPTION
    record = transform(item.transform)
    return f"{record.description} {record.warning}".strip()
