"""The look as data: resources/look/tokens.json becomes palette, style sheet, fonts and colours.

How a page uses it
    from cvstudio.gui import theme
    painter.setPen(theme.colour("muted"))           # a QColor of the theme that is on now
    height = theme.size("row")                       # 32
    theme.keeper().changed.connect(self.update)      # only for widgets that keep colours or pixmaps

Widgets are never styled one by one. Set a dynamic property before the widget is shown and
resources/look/window.qss does the rest:
    theme.mark(label, role="muted")     labels: page, figure, title, run_title, section, muted,
                                        caption, small, link, success, warning, danger, mono, key
    theme.mark(button, next=True)       the one accent button; also flat, danger, small
    theme.mark(frame, card=True)        a card; selected=True for a chosen one
    theme.mark(frame, panel="left")     surface ground; also "right", "bar", "footer"
    theme.mark(frame, level="warning")  tinted message ground; also success, danger, info
`mark` may be called again at any time; it restyles the widget when a value changed.
"""

from __future__ import annotations

import json
from functools import cache
from string import Template
from typing import Any

# First on purpose: it makes what is imported after Qt quick and safe.
from cvstudio.gui import shiboken  # noqa: F401

# isort: split
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QWidget

from cvstudio.core.resources import resources

DARK, LIGHT, SYSTEM = "dark", "light", "system"


@cache
def tokens() -> dict[str, Any]:
    """The content of resources/look/tokens.json."""
    path = resources() / "look" / "tokens.json"
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def _colours(scheme: str) -> dict[str, QColor]:
    return {name: QColor(value) for name, value in tokens()["palette"][scheme].items()}


class _Now:
    """The scheme that is on; one per process, as there is one QApplication."""

    scheme = DARK
    compact = False
    keeper: ThemeKeeper | None = None


def colour(role: str, alpha: float = 1.0) -> QColor:
    """A colour of the theme that is on, by its name in tokens.json; `alpha` from 0 to 1."""
    found = QColor(_colours(_Now.scheme)[role])
    if alpha < 1.0:
        found.setAlphaF(alpha)
    return found


def mix(low: str, high: str, share: float) -> QColor:
    """The colour at `share` (0 to 1) of the way between two roles."""
    a, b = colour(low), colour(high)
    return QColor.fromRgbF(
        a.redF() + (b.redF() - a.redF()) * share,
        a.greenF() + (b.greenF() - a.greenF()) * share,
        a.blueF() + (b.blueF() - a.blueF()) * share,
    )


def dark() -> bool:
    """Whether the dark theme is on."""
    return _Now.scheme == DARK


def size(name: str) -> int:
    """A size of tokens.json in px: its "size" table, then "spacing", "radius" and "icon"."""
    for table in ("size", "spacing", "radius", "icon"):
        if name in tokens()[table]:
            return int(tokens()[table][name])
    raise KeyError(name)


def row_height() -> int:
    """The height of a row in a list: 32, or 28 when the person asked for compact rows."""
    return size("row_compact" if _Now.compact else "row")


@cache
def tag_text(ground: str) -> QColor:
    """Black or white, whichever is read better on a "#RRGGBB" ground."""
    known = {c["hex"].upper(): c["tag_text"] for c in tokens()["label_classes"]["colours"]}
    if ground.upper() in known:
        return QColor(known[ground.upper()])
    luminance = _luminance(QColor(ground))
    return QColor(
        "#000000" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "#FFFFFF"
    )


def _luminance(value: QColor) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    r, g, b = linear(value.redF()), linear(value.greenF()), linear(value.blueF())
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: QColor, b: QColor) -> float:
    """The WCAG 2.2 contrast ratio of two opaque colours, 1 to 21."""
    light, shade = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (shade + 0.05)


def font(role: str = "body") -> QFont:
    """The window's font in a size of tokens.json's "type" table, with figures of one width."""
    kind = tokens()["type"][role]
    result = QFont(QApplication.font())
    result.setPixelSize(round(kind["px"] * _ratio()))
    result.setWeight(QFont.Weight(kind["weight"]))
    return result


def _ratio() -> float:
    """How much larger than 13 px the system wants its words; never less than 1."""
    system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    pixels = system.pixelSize()
    if pixels <= 0:
        screen = QGuiApplication.primaryScreen()
        dots = screen.logicalDotsPerInch() if screen else 96.0
        pixels = round(system.pointSizeF() * dots / 72)
    # Desktops ask for 9 to 10 pt, which is 12 to 13 px: only a clearly larger wish counts.
    return max(1.0, pixels / 13) if pixels > 14 else 1.0


def _base_font() -> QFont:
    result = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    result.setPixelSize(round(13 * _ratio()))
    result.setFeature(QFont.Tag("tnum"), 1)
    return result


def mark(widget: QWidget, **properties: Any) -> None:
    """Set dynamic properties that window.qss selects on; restyles the widget when one changed."""
    changed = False
    for name, value in properties.items():
        name = name.rstrip("_")
        if widget.property(name) != value:
            widget.setProperty(name, value)
            changed = True
    # A widget that was never polished meets the style sheet when it is first shown.
    if changed and widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
        widget.style().unpolish(widget)
        widget.style().polish(widget)
        widget.update()


def palette(scheme: str) -> QPalette:
    """The QPalette of a scheme, from the table "qpalette" of tokens.json."""
    result = QPalette()
    colours = _colours(scheme)
    for name, role in tokens()["qpalette"].items():
        group, _, plain = name.rpartition(".")
        which = QPalette.ColorRole[plain]
        if group:
            result.setColor(QPalette.ColorGroup[group], which, colours[role])
        else:
            result.setColor(which, colours[role])
    inactive = QPalette.ColorGroup.Inactive
    result.setColor(inactive, QPalette.ColorRole.Highlight, colours["pressed"])
    result.setColor(inactive, QPalette.ColorRole.HighlightedText, colours["text"])
    return result


def style_sheet(scheme: str) -> str:
    """resources/look/window.qss filled with the colours and sizes of a scheme."""
    values: dict[str, str] = dict(tokens()["palette"][scheme])
    for name, kind in tokens()["type"].items():
        if isinstance(kind, dict):
            values[f"font_{name}"] = f"{round(kind['px'] * _ratio())}px"
    text = (resources() / "look" / "window.qss").read_text(encoding="utf-8")
    return Template(text).substitute(values)


class ThemeKeeper(QObject):
    """Dresses the application and follows the system until the person picks a theme."""

    changed = Signal()
    """The colours are other ones now. Icons and styled widgets need not listen."""

    def __init__(self, application: QApplication, style: QStyle | None = None) -> None:
        super().__init__(application)
        if style is not None:
            application.setStyle(style)
        self._application = application
        self._choice = SYSTEM
        self._compact = False
        self._dressed: tuple[str, bool] | None = None
        application.styleHints().colorSchemeChanged.connect(self._follow)
        _Now.keeper = self

    @property
    def scheme(self) -> str:
        """The scheme that is on: "dark" or "light"."""
        return _Now.scheme

    def choose(self, choice: str, *, compact: bool = False) -> None:
        """Switch to "dark", "light" or "system", at once and for every open window."""
        self._choice, self._compact = choice, compact
        wanted = self._system() if choice == SYSTEM else choice
        if self._dressed == (wanted, compact):
            return
        _Now.scheme, _Now.compact, self._dressed = wanted, compact, (wanted, compact)
        self._dress()
        self.changed.emit()

    def _system(self) -> str:
        scheme = self._application.styleHints().colorScheme()
        return LIGHT if scheme == Qt.ColorScheme.Light else DARK

    def _follow(self) -> None:
        if self._choice == SYSTEM:
            self.choose(SYSTEM, compact=self._compact)

    def _dress(self) -> None:
        application = self._application
        application.setFont(_base_font())
        application.setPalette(palette(_Now.scheme))
        application.setStyleSheet(style_sheet(_Now.scheme))


def keeper() -> ThemeKeeper:
    """The keeper of the running application; made, dark, when nobody did so before."""
    if _Now.keeper is None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        _Now.keeper = ThemeKeeper(application)
        _Now.keeper.choose(DARK)
    return _Now.keeper
