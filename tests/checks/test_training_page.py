"""docs/training.md says of every setting what the program says of it."""

import re
from pathlib import Path

import click
import pytest

from cvstudio.checks import settings_page
from cvstudio.cli.main import ENTRIES
from cvstudio.core.annotation import Task
from cvstudio.core.networks import applies, default_config, network
from cvstudio.core.recipe_limits import fields
from cvstudio.project.runs import changed_config

PATH = Path(__file__).parents[2] / "docs" / "training.md"
PAGE = PATH.read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    cvstudio (.+?)(?:  +#.*)?$", PAGE, re.MULTILINE)


def test_the_tables_of_the_page_are_those_of_the_recipe() -> None:
    assert settings_page.written(PAGE) == PAGE, (
        f"write it anew: python -m cvstudio.checks.settings_page {PATH.name}"
    )


def test_every_setting_stands_in_the_page_once_with_its_sentence() -> None:
    made = settings_page.between(PAGE)
    assert len(fields()) > 40
    for name, field in fields().items():
        (row,) = [line for line in made.splitlines() if f"| `{name}` |" in line]
        assert str(field.description) in row


def test_what_a_page_without_a_place_for_them_gets_is_an_error() -> None:
    with pytest.raises(ValueError, match="no part between"):
        settings_page.written("# A page\n")


def test_what_the_page_proposes_can_be_set_for_a_network_that_has_it() -> None:
    proposed = re.findall(r"`([a-z_]+=[^`]+)`", PAGE.partition(settings_page.BEGIN)[0])
    assert len(proposed) > 20
    for each in " ".join(proposed).split():
        name, _, value = each.partition("=")
        tasks = [task for task in Task if applies(name, network(default_config(task).network))]
        assert tasks, name
        changed = changed_config(default_config(tasks[0]), {name: value})
        found = getattr(changed, name)
        assert found == (value == "true" if isinstance(found, bool) else type(found)(value)), each


def test_every_command_of_the_page_is_one_with_those_options() -> None:
    assert len(COMMANDS) >= 7
    for command in COMMANDS:
        name, *words = command.split()
        (entry,) = [entry for entry in ENTRIES if entry.name == name]
        assert entry.load is not None
        known = {
            option for found in vars(entry.load()).values() if isinstance(found, click.Command)
            and found.name == name for parameter in found.params for option in parameter.opts
        }  # fmt: skip
        assert {word for word in words if word.startswith("--")} <= known, command
