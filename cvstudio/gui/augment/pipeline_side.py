"""The left panel: the preset, the steps of the pipeline, and the settings of the one at hand."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QComboBox, QFrame, QInputDialog

from cvstudio.augment.catalogue import transform, values
from cvstudio.augment.fields import Int
from cvstudio.core.annotation import Task
from cvstudio.core.errors import CVStudioError
from cvstudio.core.words import counted
from cvstudio.gui.augment.catalogue_popup import CataloguePopup
from cvstudio.gui.augment.pipeline import CHANCE, PipelineModel
from cvstudio.gui.augment.steps_list import StepsList
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.layouts import bar_row
from cvstudio.gui.widgets.param_form import ParamForm
from cvstudio.gui.widgets.section import SectionHeader, label, line, tool
from cvstudio.gui.workspace import SidePanel

_CHANCE = Int(CHANCE, "Chance", 0, 100, 50, unit="%")


class PipelineSide(SidePanel):
    """Shows a PipelineModel and hands every edit to it."""

    def __init__(self, studio: Studio, pipeline: PipelineModel, task: Task) -> None:
        super().__init__("left", 320)
        self._studio = studio
        self._pipeline = pipeline
        self.catalogue = CataloguePopup(self, task=task)
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
        self.form.changing.connect(pipeline.draft)
        self.form.changed.connect(pipeline.set_value)
        pipeline.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show the preset and the step at hand. The steps follow in show_steps, with warnings."""
        self.head.figure.setText(f"{counted(self._pipeline.active, 'step')} on")
        self._show_presets()
        step = self._pipeline.step
        self.step_head.setVisible(step is not None)
        self.form.setVisible(step is not None)
        if step is not None:
            record = transform(step.transform)
            self.step_head.title.setText(record.title)
            self.step_head.title.setToolTip(f"{record.description} {record.warning}".strip())
            given = {**values(step), CHANCE: round(100 * step.chance)}
            self.form.show_fields((_CHANCE, *record.parameters), given)

    def show_steps(self, warned: frozenset[int]) -> None:
        """Show the steps, with a mark on those that are worth a look."""
        pipeline = self._pipeline
        self.steps.show_steps(pipeline.steps, selected=pipeline.selected, warned=warned)

    def _show_presets(self) -> None:
        model = self._pipeline
        self.preset.clear()
        for choice in model.choices:
            self.preset.addItem(choice.name, choice)
            self.preset.setItemData(
                self.preset.count() - 1, choice.description, Qt.ItemDataRole.ToolTipRole
            )
        row = self.preset.findText(model.name)
        if model.differs:
            self.preset.insertItem(0, f"{model.name} (changed)", None)
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
