"""Icons by name from qtawesome's Material Design Icons 6, drawn in the colours of the theme.

How a page uses it
    from cvstudio.gui.widgets.icons import icon
    button.setIcon(icon("plus"))                 # muted at rest, text when hovered or checked
    button.setIcon(icon("alert-outline", "warning"))
    painter: icon("check-circle").paint(painter, rect)
Names are those of https://pictogrammers.com/library/mdi without prefix. An icon asks for its colour
each time it is painted, so a change of theme needs nothing. Only the one font file is loaded:
importing qtawesome itself would load a dozen.
"""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontDatabase, QIcon, QIconEngine, QPainter, QPixmap, QRawFont

from cvstudio.gui import theme

REVIEW_ICONS = {
    "unlabelled": "circle-outline",
    "labelled": "circle-half-full",
    "reviewed": "check-circle",
    "reviewed and empty": "cancel",
}
"""The icon of each review state: shape first, never colour alone."""

LEVEL_ICONS = {
    "success": "check-circle-outline",
    "info": "information-outline",
    "warning": "alert-outline",
    "danger": "alert-circle-outline",
}

_PIXMAPS: dict[tuple[str, str, int, float], QPixmap] = {}
_PIXMAPS_KEPT = 600


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec("qtawesome")
    if spec is None or spec.origin is None:
        raise RuntimeError("qtawesome is not installed")
    return Path(spec.origin).parent / "fonts"


@cache
def _charmap() -> dict[str, str]:
    path = next(_folder().glob("materialdesignicons6-webfont-charmap-*.json"))
    codes = json.loads(path.read_text(encoding="utf-8"))
    return {name: chr(int(code, 16)) for name, code in codes.items()}


@cache
def _family() -> str:
    path = next(p for p in _folder().glob("materialdesignicons6-webfont-*.ttf"))
    number = QFontDatabase.addApplicationFont(str(path))
    families = QFontDatabase.applicationFontFamilies(number)
    return families[0]


def glyph(name: str) -> tuple[str, str]:
    """Font family and character of an icon. Raises KeyError for a name that does not exist."""
    return _family(), _charmap()[name]


class _Engine(QIconEngine):
    """Paints one character; colour by the icon's mode and state at the time of painting."""

    def __init__(self, name: str, role: str, checked_role: str) -> None:
        super().__init__()
        self._name, self._role, self._checked_role = name, role, checked_role

    def clone(self) -> QIconEngine:
        return _keep(_Engine(self._name, self._role, self._checked_role))

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatio()
        side = min(rect.width(), rect.height())
        pixmap = draw(self._name, self._resolve(mode, state), side, ratio)
        corner = rect.center() - QPoint((side - 1) // 2, (side - 1) // 2)
        painter.drawPixmap(corner, pixmap)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float
    ) -> QPixmap:
        # Qt asks for device pixels here.
        side = round(min(size.width(), size.height()) / scale)
        plain = draw(self._name, self._resolve(mode, state), side, scale)
        if size.width() <= size.height():
            return plain
        # A wider size than high keeps the words of a button at a distance.
        wide = QPixmap(size)
        wide.setDevicePixelRatio(scale)
        wide.fill(Qt.GlobalColor.transparent)
        painter = QPainter(wide)
        painter.drawPixmap(0, 0, plain)
        painter.end()
        return wide

    def _resolve(self, mode: QIcon.Mode, state: QIcon.State) -> str:
        if mode == QIcon.Mode.Disabled:
            return "disabled"
        if state == QIcon.State.On:
            return self._checked_role
        if mode == QIcon.Mode.Active and self._role == "muted":
            return "text"
        if mode == QIcon.Mode.Selected:
            return "selectionText"
        return self._role


_ENGINES: list[_Engine] = []


def _keep(engine: _Engine) -> _Engine:
    """Qt owns an engine in C++, but its Python half must outlive it: icons are few and cached."""
    _ENGINES.append(engine)
    return engine


def draw(name: str, role: str, side: int, ratio: float = 1.0) -> QPixmap:
    """An icon of side px as a pixmap for a screen of that device-pixel ratio, cached.

    `role` is a colour's name in tokens.json, or "#RRGGBB".
    """
    wanted = role if role.startswith("#") else theme.colour(role).name()
    key = (name, wanted, side, ratio)
    found = _PIXMAPS.get(key)
    if found is None:
        if len(_PIXMAPS) >= _PIXMAPS_KEPT:
            _PIXMAPS.clear()
        found = _PIXMAPS[key] = _render(name, wanted, side, ratio)
    return found


def _render(name: str, wanted: str, side: int, ratio: float) -> QPixmap:
    family, character = glyph(name)
    pixmap = QPixmap(max(round(side * ratio), 1), max(round(side * ratio), 1))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    face = QFont(family)
    face.setPixelSize(side)
    face.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    face.setStyleStrategy(QFont.StyleStrategy.NoFontMerging)
    painter.setFont(face)
    painter.setPen(wanted)
    # The em square of this font is the icon's square: place the baseline, do not centre the ink.
    raw = QRawFont.fromFont(face)
    offset = (side - (raw.ascent() + raw.descent())) / 2
    painter.drawText(QPointF(0, offset + raw.ascent()), character)
    painter.end()
    return pixmap


@cache
def icon(name: str, role: str = "muted", checked: str = "selectionText") -> QIcon:
    """An icon of any size in the colour of a role; `checked` is its role on a checked button.

    Raises KeyError for a name that the font does not have.
    """
    glyph(name)
    return QIcon(_keep(_Engine(name, role, checked)))


def paint_icon(
    painter: QPainter, name: str, rect: QRect | QRectF, role: str = "muted", side: int = 16
) -> None:
    """Paint an icon of side px in the middle of a rectangle."""
    area = rect.toRect() if isinstance(rect, QRectF) else rect
    pixmap = draw(name, role, side, painter.device().devicePixelRatio())
    x = area.x() + (area.width() - side) // 2
    y = area.y() + (area.height() - side) // 2
    painter.drawPixmap(x, y, pixmap)
