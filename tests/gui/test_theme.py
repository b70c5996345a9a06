"""The look: contrast by rule, class colours apart, one style sheet for both themes, live switch."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon, QImage
from PySide6.QtWidgets import QCheckBox, QLabel, QSpinBox

from cvstudio.core.resources import resources
from cvstudio.gui import theme
from cvstudio.gui.action_table import ACTIONS
from cvstudio.gui.widgets.icons import REVIEW_ICONS, draw, glyph, icon

TOKENS = theme.tokens()
PAIRS = [
    (scheme, rule, fore, back)
    for scheme in ("dark", "light")
    for rule in ("text", "non_text")
    for fore, back in TOKENS["contrast"][rule]["pairs"]
]


@pytest.mark.parametrize(("scheme", "rule", "fore", "back"), PAIRS)
def test_words_and_marks_can_be_read_in_both_themes(
    scheme: str, rule: str, fore: str, back: str
) -> None:
    palette = TOKENS["palette"][scheme]
    ratio = theme.contrast(QColor(palette[fore]), QColor(palette[back]))
    assert ratio >= TOKENS["contrast"][rule]["at_least"]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_focus_on_the_next_step_stands_out_from_the_button_and_the_page(scheme: str) -> None:
    rules = (resources() / "look" / "window.qss").read_text(encoding="utf-8")
    found = re.search(r'QPushButton\[next="true"\]:focus +\{ border: 2px solid \$(\w+)', rules)
    assert found is not None
    palette = TOKENS["palette"][scheme]
    for beside in ("accent", "window", "surface", "raised"):
        assert theme.contrast(QColor(palette[found[1]]), QColor(palette[beside])) >= 3, beside


def test_the_contrast_is_that_of_wcag() -> None:
    assert theme.contrast(QColor("#000000"), QColor("#FFFFFF")) == pytest.approx(21)
    assert theme.contrast(QColor("#767676"), QColor("#FFFFFF")) == pytest.approx(4.54, abs=0.01)


def test_words_on_class_tags_can_be_read() -> None:
    for item in TOKENS["label_classes"]["colours"]:
        assert theme.tag_text(item["hex"]).name().upper() == item["tag_text"]
        assert theme.contrast(theme.tag_text(item["hex"]), QColor(item["hex"])) >= 4.5
    assert theme.tag_text("#FFFFF0") == QColor("#000000")
    assert theme.tag_text("#101030") == QColor("#FFFFFF")


def test_no_frame_colour_is_tinted() -> None:
    for scheme in ("dark", "light"):
        for role in ("canvas", "window", "surface", "raised"):
            c = QColor(TOKENS["palette"][scheme][role])
            assert max(c.red(), c.green(), c.blue()) - min(c.red(), c.green(), c.blue()) <= 8, role


def test_the_style_sheet_knows_every_token_that_it_names() -> None:
    for scheme in ("dark", "light"):
        assert "$" not in theme.style_sheet(scheme)


def test_the_style_sheet_leaves_ticks_and_arrows_to_the_style() -> None:
    text = (resources() / "look" / "window.qss").read_text(encoding="utf-8")
    rules = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    for control in ("QCheckBox", "QRadioButton", "QSlider"):
        assert control not in rules
    for selector in re.findall(r"([^{}]+)\{", rules):
        for part in selector.split(","):
            assert part.strip() not in ("QComboBox", "QSpinBox", "QAbstractSpinBox", "*")


def test_no_widget_is_styled_by_itself() -> None:
    import cvstudio.gui

    folder = resources().parent / "cvstudio" / "gui"
    if not folder.is_dir():
        folder = type(resources())(cvstudio.gui.__file__).parent
    guilty = [
        f"{path.name}:{number}"
        for path in folder.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "setStyleSheet(" in line and path.name != "theme.py"
    ]
    assert not guilty


def test_switching_the_theme_changes_colours_and_icons_at_once(
    dressed: theme.ThemeKeeper, qt_warnings: list[str]
) -> None:
    words = QLabel("Go")
    told: list[str] = []
    dressed.changed.connect(lambda: told.append(dressed.scheme))
    plus = icon("plus")
    before = plus.pixmap(QSize(16, 16)).toImage()
    dressed.choose("light")
    after = plus.pixmap(QSize(16, 16)).toImage()
    assert told == ["light"]
    assert words.palette().window().color() == QColor(TOKENS["palette"]["light"]["window"])
    assert before != after
    dressed.choose("dark")
    assert plus.pixmap(QSize(16, 16)).toImage() == before
    assert not qt_warnings


def test_every_icon_of_the_table_exists_and_leaves_ink() -> None:
    for name in {info.icon for info in ACTIONS} | set(REVIEW_ICONS.values()):
        assert glyph(name)[1]
        assert _ink(draw(name, "text", 24).toImage()), name


def test_a_disabled_icon_is_drawn_in_the_disabled_colour(dressed: theme.ThemeKeeper) -> None:
    picture = icon("check-bold", "text").pixmap(QSize(24, 24), QIcon.Mode.Disabled).toImage()
    colours = {
        picture.pixelColor(x, y).name()
        for x in range(24)
        for y in range(24)
        if picture.pixelColor(x, y).alpha() == 255
    }
    assert colours == {theme.colour("disabled").name()}


def _ink(picture: QImage) -> bool:
    return any(
        picture.pixelColor(x, y).alpha() > 128
        for x in range(picture.width())
        for y in range(picture.height())
    )


def test_a_checked_box_is_filled_with_the_text_colour_and_never_the_accent(
    dressed: theme.ThemeKeeper,
) -> None:
    box = QCheckBox()
    box.setChecked(True)
    box.resize(40, 20)
    picture = QImage(40, 20, QImage.Format.Format_RGB32)
    box.render(picture)
    seen = {picture.pixelColor(x, y).name() for x in range(16) for y in range(20)}
    assert theme.colour("text").name() in seen
    assert theme.colour("accent").name() not in seen


def test_figures_do_not_dance(dressed: theme.ThemeKeeper) -> None:
    for widget in (QLabel("1"), QSpinBox()):
        metrics = widget.fontMetrics()
        assert metrics.horizontalAdvance("111") == metrics.horizontalAdvance("888")


def test_a_mark_changes_the_style_of_a_widget_that_is_already_shown(
    dressed: theme.ThemeKeeper,
) -> None:
    words = QLabel("12")
    words.ensurePolished()
    theme.mark(words, role="figure")
    assert words.font().pixelSize() == TOKENS["type"]["figure"]["px"]
    theme.mark(words, role="caption")
    assert words.font().pixelSize() == TOKENS["type"]["caption"]["px"]
