"""What undo says of a step before it is taken back: how many images, and which."""

from pathlib import Path

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.project import commands
from cvstudio.project.changes import Reach
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


def test_a_step_knows_how_many_images_it_brought_and_which_one_it_is_about(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["Cell"]) as project:
        assert project.undo_reach == Reach()
        with project.transaction("Import") as session:
            new = [NewImage(uri=f"{n}.png", width=10, height=10) for n in range(38)]
            ids = commands.add_images(session, new)
        imported = project.undo_reach
        assert (imported.came, imported.went, imported.image_count) == (38, 0, 38)
        with project.transaction("Add box") as session:
            commands.add_annotation(session, image_id=ids[4], class_id=1, shape=Box(1, 1, 5, 5))
        assert project.undo_reach.images == {ids[4]}
        project.undo()
        assert project.redo_reach.images == {ids[4]}
        assert project.undo_reach == imported
        project.undo()
        project.redo()
        assert project.undo_reach == imported, "what was done again can be asked about again"
