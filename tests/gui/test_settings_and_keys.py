"""Settings hold at once and survive; every key is in the table; what the window remembers."""

from __future__ import annotations

from pathlib import Path

import pytest
from person import Person
from PySide6.QtGui import QImage

from cvstudio.core.errors import ConfigError
from cvstudio.core.settings import SETTINGS, Memory, Settings
from cvstudio.gui import theme
from cvstudio.gui.action_table import ACTIONS
from cvstudio.gui.help_dialog import HelpDialog
from cvstudio.gui.settings_dialog import SettingsDialog
from cvstudio.gui.shortcuts.held import HELD
from cvstudio.gui.studio import Studio
from cvstudio.gui.train.page import TrainPage


def test_a_setting_holds_at_once_is_kept_sparse_and_survives(
    studio: Studio, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(path)
    heard: list[tuple[str, object]] = []
    settings.listen(lambda key, value: heard.append((key, value)))
    settings.set("label.fill", 40)
    settings.set("look.compact", False)
    assert heard == [("label.fill", 40)]
    assert "look" not in path.read_text(encoding="utf-8")
    assert Settings(path).get("label.fill") == 40
    settings.set("label.fill", 25)
    assert Settings(path).get("label.fill") == 25
    with pytest.raises(ConfigError, match="at most 100 %"):
        settings.set("label.fill", 101)
    with pytest.raises(ConfigError):
        settings.set("look.theme", "pink")


def test_memory_and_device_hold_at_once(studio_window: Person) -> None:
    studio, thumbnails = studio_window.studio, studio_window.studio.thumbnails
    big = QImage(2560, 2560, QImage.Format.Format_RGB32)  # 25 MB
    thumbnails._take(({}, {-1: big, -2: big.copy()}), thumbnails._generation)
    studio.settings.set("memory.thumbnails", 32)
    assert -1 not in thumbnails._pictures
    assert -2 in thumbnails._pictures
    train = studio_window.page("train")
    assert isinstance(train, TrainPage)
    assert train.new_run.config.device == "auto"
    studio.settings.set("train.device", "cpu")
    assert train.new_run.config.device == "cpu"
    studio.close()
    studio.settings.set("train.device", "auto")


def test_a_damaged_settings_file_costs_settings_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"label.fill": "much", "look.theme": "dark", "gone": 1', encoding="utf-8")
    assert Settings(path).get("label.fill") == 25
    path.write_text('{"label.fill": "much", "look.theme": "dark", "gone": 1}', encoding="utf-8")
    settings = Settings(path)
    assert settings.get("look.theme") == "dark"
    assert settings.problems == ["Fill of masks cannot be 'much'."]


def test_every_setting_has_a_control_that_changes_it(
    dressed: theme.ThemeKeeper, studio: Studio
) -> None:
    dialog = SettingsDialog(None, studio.settings)
    assert set(dialog.editors) == {setting.key for setting in SETTINGS if setting.shown}
    combo = dialog.editors["look.theme"]
    combo.setCurrentIndex(2)  # type: ignore[attr-defined]
    assert studio.settings.get("look.theme") == "light"
    dialog.editors["label.fill"].setValue(70)  # type: ignore[attr-defined]
    assert studio.settings.get("label.fill") == 70
    dialog.deleteLater()


def test_a_gpu_of_this_computer_can_be_made_the_one_for_all_runs(
    dressed: theme.ThemeKeeper, studio: Studio
) -> None:
    offered = {"train.device": [("auto", "GPU if there is one"), ("cuda:1", "RTX 3060, GPU 1")]}
    dialog = SettingsDialog(None, studio.settings, offered)
    combo = dialog.editors["train.device"]
    combo.setCurrentIndex(1)  # type: ignore[attr-defined]
    assert studio.settings.get("train.device") == "cuda:1"
    dialog.deleteLater()
    later = SettingsDialog(None, studio.settings)  # the GPU is not there any more
    assert later.editors["train.device"].currentData() == "cuda:1"  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="Device can be auto, cpu"):
        studio.settings.set("train.device", "gpu")
    later.deleteLater()


def test_the_list_of_keys_has_every_action_and_finds_by_key(dressed: theme.ThemeKeeper) -> None:
    dialog = HelpDialog(None, "label")
    dialog.show()
    assert len(dialog.keys.rows) == len(ACTIONS) + len(HELD)
    dialog.field.setText("ctrl+shift+z")
    assert [words for row, words in dialog.keys.rows if row.isVisible()] == [
        "redo do the step again ctrl+shift+z ctrl+y"
    ]
    dialog.close()
    dialog.deleteLater()


def test_memory_forgets_projects_that_are_gone(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "window.json")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        memory.opened(tmp_path / name)
    memory.opened(tmp_path / "a")
    assert [p.name for p in memory.recent()] == ["a", "b"]
    (tmp_path / "a").rmdir()
    assert [p.name for p in Memory(tmp_path / "window.json").recent()] == ["b"]
