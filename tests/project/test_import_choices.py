"""What a person decides about an import before it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cvstudio.core.annotation import Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.core.words import look_alikes
from cvstudio.formats.base import ParsedAnnotation, ParsedClass
from cvstudio.project import import_choices, importing, queries
from cvstudio.project.project import Project


def test_names_that_differ_by_case_or_underscores_are_taken_for_the_same() -> None:
    found = look_alikes(["platelets", "White cell", "white_cell", "dirt"], ["Platelets", "RBC"])
    assert found == {"platelets": "Platelets", "white_cell": "White cell"}


def test_names_that_are_there_already_stay_as_they_are() -> None:
    assert look_alikes(["RBC", "rbc"], ["RBC"]) == {"rbc": "RBC"}


def test_renamed_and_left_out_classes_never_reach_the_project(tmp_path: Path) -> None:
    picture = tmp_path / "pictures" / "a.png"
    picture.parent.mkdir()
    cv2.imwrite(str(picture), np.full((20, 30, 3), 90, np.uint8))
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["cell"]) as project:
        plan = importing.plan_images(project, [picture])
        image = plan.images[0].parsed
        image.split = Split.VAL
        image.annotations = [
            ParsedAnnotation(name, Box(1, 1, 5, 5)) for name in ("Cell", "dirt", "new")
        ]
        plan.classes = [ParsedClass("Cell"), ParsedClass("dirt"), ParsedClass("new", "#123456")]
        assert import_choices.given_splits(plan) == {Split.VAL: 1}
        counted = import_choices.choose_classes(project, plan, {"Cell": "cell", "dirt": None})
        import_choices.forget_splits(plan)
        assert counted == (1, 1)
        assert plan.new_classes == ["new"]
        importing.run(project, plan)
        with project.read() as s:
            classes = {c.id: c for c in queries.classes(s)}
            image_id = queries.image_ids(s)[0]
            names = [classes[a.class_id].name for a in queries.annotations(s, image_id)]
            assert queries.image(s, image_id).split is None
        assert names == ["cell", "new"]
        assert {c.name: c.colour for c in classes.values()}["new"] == "#123456"
