"""One figure for one epoch: the run's line and the head of its chart say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem
from pytestqt.qtbot import QtBot
from test_train import Window, stored_run

from cvstudio.core.annotation import Task
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import Preset, TrainConfig
from cvstudio.gui import theme
from cvstudio.gui.train import words
from cvstudio.gui.train.compare_chart import draw_lines
from cvstudio.gui.train.run_list import Row, RunTable
from cvstudio.gui.widgets.chart import Chart
from cvstudio.project import run_commands
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.sample import create_sample


def test_the_best_figure_of_a_finished_run_is_the_same_in_its_line_and_over_its_chart(
    qtbot: QtBot, tmp_path: Path
) -> None:
    create_sample(tmp_path / "cells", Task.DETECT, images=24).close()
    with Project.open(tmp_path / "cells") as project:
        stored_run(project)
        # The best network is judged once more at the end, and that may differ from its epoch.
        with project.transaction("Judge", undoable=False) as s:
            run_commands.update_run(s, id=1, best=0.3061)
    window = Window(qtbot, tmp_path / "cells")
    view = window.page.view
    window.until(lambda: view.loss.names)
    said = [[part.text() for part in parts] for parts in view.card._fact_labels]
    assert ["best mAP50-95", "0.306", "at epoch 3"] in said
    assert view.figure.figures.text() == "best 0.600, 0.306"
    window.close()


def test_a_run_has_one_colour_in_whatever_order_it_is_compared(
    dressed: theme.ThemeKeeper, qtbot: QtBot
) -> None:
    points = ([1.0, 2.0], [0.1, 0.2])
    drawn = []
    for order in ((3, 2), (2, 3)):
        chart = Chart("", x="epoch", y="")
        qtbot.addWidget(chart)
        draw_lines(chart, dict.fromkeys(order, points), share=True)
        drawn.append({name: chart._pen(name).color().name() for name in chart.names})
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0].values())) == 2


def said(config: TrainConfig, **changes: object) -> str:
    return words.settings_line(config.model_copy(update=changes)).split(" · ")[1]


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("images", [None, 10, 205, 3000])
def test_a_preset_is_named_for_what_is_its_own_and_called_changed_for_what_is_not(
    task: Task, preset: Preset, images: int | None
) -> None:
    config = default_config(task, preset, image_count=images)
    name = preset.value.capitalize()
    assert said(config) == name
    assert said(config, seed=7, device="cpu", workers=0) == name
    assert said(config, image_size=config.image_size + 32) == f"{name}, changed"
    assert said(config, epochs=2) == f"{name}, changed"
    assert said(config, learning_rate=0.5) == f"{name}, changed"
    assert said(config, batch=config.batch * 2 + 1) == f"{name}, changed"


def test_the_state_of_a_run_does_not_touch_the_edge_of_the_list(
    dressed: theme.ThemeKeeper, qtbot: QtBot
) -> None:
    table = RunTable(QAction("Delete run"))
    qtbot.addWidget(table)
    plain = QStyledItemDelegate(table.view)
    run = RunRecord(  # type: ignore[call-arg]
        **{**dict.fromkeys(RunRecord.__slots__), "id": 1, "network": "yolo11n"}
    )
    table.set_rows([Row(run, RunStatus.CANCELLED, "Cancelled", None)], "mAP50-95")
    last = table.model.index(0, 3)
    option = QStyleOptionViewItem()
    table.view.initViewItemOption(option)
    wanted = plain.sizeHint(option, last).width()
    assert table.view.horizontalHeader().sectionSize(3) >= wanted + 6
