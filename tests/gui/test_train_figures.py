"""One figure for one epoch: the run's line and the head of its chart say the same."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot
from test_train import Window, stored_run

from cvstudio.core.annotation import Task
from cvstudio.project import run_commands
from cvstudio.project.project import Project
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
