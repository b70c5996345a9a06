"""Keys of new classes: a digit is pressed for the class that bears its name."""

from pathlib import Path

from cvstudio.core.annotation import Task
from cvstudio.project import commands, queries
from cvstudio.project.project import Project


def keys_of(project: Project) -> dict[str, str]:
    with project.read() as session:
        return {c.name: c.hotkey for c in queries.classes(session)}


def test_classes_named_after_digits_get_the_key_that_says_their_name(tmp_path: Path) -> None:
    digits = [str(number) for number in range(10)]
    with Project.create(tmp_path / "digits", task=Task.CLASSIFY, classes=digits) as project:
        assert keys_of(project) == {name: name for name in digits}


def test_a_class_that_comes_first_leaves_the_digits_to_those_named_after_them(
    tmp_path: Path,
) -> None:
    names = ["background", "1", "2", "other"]
    with Project.create(tmp_path / "p", task=Task.CLASSIFY, classes=names) as project:
        assert keys_of(project) == {"background": "3", "1": "1", "2": "2", "other": "4"}


def test_a_class_named_after_a_key_in_use_gets_another_one_and_takes_none_away(
    tmp_path: Path,
) -> None:
    with Project.create(tmp_path / "p", task=Task.CLASSIFY, classes=["cell"]) as project:
        with project.transaction("Add class 1") as session:
            commands.add_class(session, name="1")
        assert keys_of(project) == {"cell": "1", "1": "2"}
