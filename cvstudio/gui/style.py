"""The parts of controls that a style sheet cannot draw: ticks, dots, arrows, handles, focus, rows.

Fusion does the rest. Nothing here is called by pages: theme.py puts this style on the application,
and every QCheckBox, QRadioButton, QComboBox, QSpinBox, QSlider, QListView, QTreeView and QTableView
looks right by itself.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QProxyStyle,
    QSlider,
    QStyle,
    QStyleOption,
    QStyleOptionComboBox,
    QStyleOptionComplex,
    QStyleOptionSlider,
    QStyleOptionSpinBox,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from cvstudio.gui import theme
from cvstudio.gui.wheel import WheelGuard

_ON = QStyle.StateFlag
_BOX = 16
_SPIN_BUTTONS = 20
_COMBO_ARROW = 28
_CELL, _NARROW_CELL = 5, 2
"""Pixels beside the words of a cell, less one: as the heading above has them, or fewer."""
_CELL_MARGIN = QStyle.PixelMetric.PM_FocusFrameHMargin


class StudioStyle(QProxyStyle):
    """Fusion with the marks of resources/look."""

    def __init__(self) -> None:
        super().__init__("Fusion")
        self._wheel = WheelGuard(self)
        self._primitives = {
            QStyle.PrimitiveElement.PE_IndicatorCheckBox: _check_box,
            QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck: _check_box,
            QStyle.PrimitiveElement.PE_IndicatorRadioButton: _radio_button,
            QStyle.PrimitiveElement.PE_IndicatorBranch: _branch,
            QStyle.PrimitiveElement.PE_FrameFocusRect: _focus_rect,
            QStyle.PrimitiveElement.PE_PanelItemViewItem: _row,
            QStyle.PrimitiveElement.PE_PanelItemViewRow: _nothing,
            QStyle.PrimitiveElement.PE_IndicatorMenuCheckMark: _menu_check,
        }
        self._complex = {
            QStyle.ComplexControl.CC_ComboBox: _combo_box,
            QStyle.ComplexControl.CC_SpinBox: _spin_box,
            QStyle.ComplexControl.CC_Slider: _slider,
        }
        self._metrics = {
            QStyle.PixelMetric.PM_IndicatorWidth: _BOX,
            QStyle.PixelMetric.PM_IndicatorHeight: _BOX,
            QStyle.PixelMetric.PM_ExclusiveIndicatorWidth: _BOX,
            QStyle.PixelMetric.PM_ExclusiveIndicatorHeight: _BOX,
            QStyle.PixelMetric.PM_CheckBoxLabelSpacing: 8,
            QStyle.PixelMetric.PM_RadioButtonLabelSpacing: 8,
            QStyle.PixelMetric.PM_SliderThickness: 20,
            QStyle.PixelMetric.PM_SliderControlThickness: 14,
            QStyle.PixelMetric.PM_SliderLength: 14,
            QStyle.PixelMetric.PM_TreeViewIndentation: 20,
            QStyle.PixelMetric.PM_ButtonShiftHorizontal: 0,
            QStyle.PixelMetric.PM_ButtonShiftVertical: 0,
            QStyle.PixelMetric.PM_SmallIconSize: 16,
            QStyle.PixelMetric.PM_ToolBarIconSize: 20,
        }
        self._hints = {
            QStyle.StyleHint.SH_Slider_AbsoluteSetButtons: Qt.MouseButton.LeftButton.value,
            QStyle.StyleHint.SH_ToolTip_WakeUpDelay: 500,
            QStyle.StyleHint.SH_ItemView_ShowDecorationSelected: 1,
            QStyle.StyleHint.SH_ComboBox_Popup: 0,
            QStyle.StyleHint.SH_EtchDisabledText: 0,
            QStyle.StyleHint.SH_DitherDisabledText: 0,
        }

    def polish(self, what: Any) -> Any:
        """Every widget comes by here before it is first shown; Qt hands over palettes, too."""
        if isinstance(what, QWidget):
            self._wheel.watch(what)
        return super().polish(what)

    def drawPrimitive(
        self, element: QStyle.PrimitiveElement, option: QStyleOption, painter: QPainter,
        widget: Any = None,
    ) -> None:  # fmt: skip
        draw = self._primitives.get(element)
        if draw is None:
            super().drawPrimitive(element, option, painter, widget)
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw(painter, option, widget)
        painter.restore()

    def drawComplexControl(
        self, control: QStyle.ComplexControl, option: QStyleOptionComplex, painter: QPainter,
        widget: Any = None,
    ) -> None:  # fmt: skip
        draw = self._complex.get(control)
        if draw is None:
            super().drawComplexControl(control, option, painter, widget)
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw(self, painter, option, widget)
        painter.restore()

    def drawControl(
        self, element: QStyle.ControlElement, option: QStyleOption, painter: QPainter,
        widget: Any = None,
    ) -> None:  # fmt: skip
        if element == QStyle.ControlElement.CE_ComboBoxLabel and isinstance(
            option, QStyleOptionComboBox
        ):
            _combo_label(self, painter, option, widget)
            return
        super().drawControl(element, option, painter, widget)

    def pixelMetric(
        self, metric: QStyle.PixelMetric, option: QStyleOption | None = None,
        widget: Any = None,
    ) -> int:  # fmt: skip
        if metric is _CELL_MARGIN and isinstance(widget, QTableView):
            return _NARROW_CELL if widget.property("narrow") else _CELL
        value = self._metrics.get(metric)
        return super().pixelMetric(metric, option, widget) if value is None else value

    def styleHint(
        self, hint: QStyle.StyleHint, option: QStyleOption | None = None,
        widget: Any = None, data: Any = None,
    ) -> int:  # fmt: skip
        value = self._hints.get(hint)
        return super().styleHint(hint, option, widget, data) if value is None else value

    def sizeFromContents(
        self, kind: QStyle.ContentsType, option: QStyleOption, size: Any,
        widget: Any = None,
    ) -> Any:  # fmt: skip
        result = super().sizeFromContents(kind, option, size, widget)
        if kind == QStyle.ContentsType.CT_ComboBox:
            result.setHeight(theme.size("field"))
            result.setWidth(result.width() + 12)
        elif kind == QStyle.ContentsType.CT_SpinBox:
            result.setHeight(theme.size("field"))
        elif kind in (QStyle.ContentsType.CT_CheckBox, QStyle.ContentsType.CT_RadioButton):
            result.setHeight(max(result.height(), 20))
        elif kind == QStyle.ContentsType.CT_ItemViewItem:
            result.setHeight(max(result.height(), _row_height(widget)))
        return result

    def subControlRect(
        self, control: QStyle.ComplexControl, option: QStyleOptionComplex,
        part: QStyle.SubControl, widget: Any = None,
    ) -> QRect:  # fmt: skip
        area = option.rect
        if control == QStyle.ComplexControl.CC_ComboBox:
            if part == QStyle.SubControl.SC_ComboBoxEditField:
                return area.adjusted(8, 2, -_COMBO_ARROW, -2)  # the focus frame is 2 px
            if part == QStyle.SubControl.SC_ComboBoxArrow:
                return QRect(area.right() - _COMBO_ARROW + 1, area.y(), _COMBO_ARROW, area.height())
        if control == QStyle.ComplexControl.CC_SpinBox:
            return _spin_part(self, option, part, widget)
        return super().subControlRect(control, option, part, widget)


def _spin_part(
    style: QProxyStyle, option: QStyleOptionComplex, part: QStyle.SubControl, widget: Any
) -> QRect:
    area = option.rect
    left = area.right() - _SPIN_BUTTONS + 1
    half = area.height() // 2
    match part:
        case QStyle.SubControl.SC_SpinBoxUp:
            return QRect(left, area.y() + 1, _SPIN_BUTTONS - 1, half - 1)
        case QStyle.SubControl.SC_SpinBoxDown:
            return QRect(left, area.y() + half, _SPIN_BUTTONS - 1, area.height() - half - 1)
        case QStyle.SubControl.SC_SpinBoxEditField:
            return area.adjusted(6, 2, -_SPIN_BUTTONS - 1, -2)
        case QStyle.SubControl.SC_SpinBoxFrame:
            return area
    return QProxyStyle.subControlRect(style, QStyle.ComplexControl.CC_SpinBox, option, part, widget)


def _row_height(view: QWidget | None) -> int:
    """Lists have tall rows unless the person asked for compact ones; trees and menus do not."""
    if type(view).__name__ in ("QTreeView", "QTreeWidget", "QTableView", "QTableWidget"):
        return theme.size("row_compact")
    if view is not None and view.metaObject().className() == "QComboBoxListView":
        return theme.size("row_compact")
    return theme.row_height()


def _has(option: QStyleOption, flag: QStyle.StateFlag) -> bool:
    return bool(option.state & flag)


def _shape(painter: QPainter, rect: QRectF, radius: float, *, fill: str, line: str, width: float = 1) -> None:  # noqa: E501  # fmt: skip
    inset = width / 2
    painter.setBrush(theme.colour(fill) if fill else Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.colour(line), width) if line else Qt.PenStyle.NoPen)
    painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), radius, radius)


def _mark_colours(option: QStyleOption, on: bool) -> tuple[str, str, float]:
    """Fill, line and line width of a check box or radio button."""
    enabled = _has(option, _ON.State_Enabled)
    focused = _has(option, _ON.State_HasFocus) and _has(option, _ON.State_KeyboardFocusChange)
    if not enabled:
        return ("disabled" if on else "", "border", 1)
    if on:
        return ("text", "focus" if focused else "text", 2 if focused else 1)
    fill = "hover" if _has(option, _ON.State_MouseOver) else "field"
    return (fill, "focus" if focused else "borderControl", 2 if focused else 1)


def _square(option: QStyleOption) -> QRectF:
    area = option.rect
    return QRectF(area.x(), area.y() + (area.height() - _BOX) // 2, _BOX, _BOX)


def _check_box(painter: QPainter, option: QStyleOption, widget: Any) -> None:
    partly = _has(option, _ON.State_NoChange)
    on = _has(option, _ON.State_On) or partly
    fill, line, width = _mark_colours(option, on)
    box = _square(option)
    _shape(painter, box, 3, fill=fill, line=line, width=width)
    if not on:
        return
    pen = QPen(theme.colour("window"), 2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if partly:
        painter.drawLine(box.topLeft() + QPointF(4.5, 8), box.topLeft() + QPointF(11.5, 8))
        return
    tick = QPainterPath(box.topLeft() + QPointF(4, 8.2))
    tick.lineTo(box.topLeft() + QPointF(6.9, 11))
    tick.lineTo(box.topLeft() + QPointF(12, 5.2))
    painter.drawPath(tick)


def _radio_button(painter: QPainter, option: QStyleOption, widget: Any) -> None:
    on = _has(option, _ON.State_On)
    fill, line, width = _mark_colours(option, on)
    box = _square(option)
    _shape(painter, box, _BOX / 2, fill=fill, line=line, width=width)
    if on:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("window"))
        painter.drawEllipse(box.center(), 3, 3)


def _chevron(painter: QPainter, centre: QPointF, direction: str, role: str, half: float) -> None:
    pen = QPen(theme.colour(role), 1.5)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    x, y, d = centre.x(), centre.y(), half / 2
    points = {
        "down": ((x - half, y - d), (x, y + d), (x + half, y - d)),
        "up": ((x - half, y + d), (x, y - d), (x + half, y + d)),
        "right": ((x - d, y - half), (x + d, y), (x - d, y + half)),
    }[direction]
    path = QPainterPath(QPointF(*points[0]))
    path.lineTo(QPointF(*points[1]))
    path.lineTo(QPointF(*points[2]))
    painter.drawPath(path)


def _branch(painter: QPainter, option: QStyleOption, widget: Any) -> None:
    if _has(option, _ON.State_Children):
        direction = "down" if _has(option, _ON.State_Open) else "right"
        role = "selectionText" if _has(option, _ON.State_Selected) else "muted"
        _chevron(painter, QRectF(option.rect).center(), direction, role, 4)


def _focus_rect(painter: QPainter, option: QStyleOption, widget: Any) -> None:
    # Buttons and sliders show the focus on themselves; rows only after a key was used.
    if isinstance(widget, QAbstractButton | QSlider):
        return
    if not _has(option, _ON.State_KeyboardFocusChange):
        return
    _shape(painter, QRectF(option.rect), 3, fill="", line="focus", width=2)


def _row(painter: QPainter, option: QStyleOption, widget: Any) -> None:
    """The ground of a row in a list, tree or table: hover, selection, and a model's own brush."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    if isinstance(option, QStyleOptionViewItem) and option.backgroundBrush.style() != (
        Qt.BrushStyle.NoBrush
    ):
        painter.fillRect(option.rect, option.backgroundBrush)
    if _has(option, _ON.State_Selected):
        active = widget is None or widget.isActiveWindow()
        painter.fillRect(option.rect, theme.colour("selection" if active else "pressed"))
    elif _has(option, _ON.State_MouseOver) and _has(option, _ON.State_Enabled):
        painter.fillRect(option.rect, theme.colour("hover"))


def _nothing(painter: QPainter, option: QStyleOption, widget: Any) -> None:
    """Fusion would paint a second, lighter ground under selected rows of a tree."""


def _menu_check(painter: QPainter, option: QStyleOption, widget: Any) -> None:
    """The tick of a menu entry; it has no state but the entry's own."""
    option.state |= _ON.State_Enabled
    if getattr(option, "checked", False):
        option.state |= _ON.State_On
    _check_box(painter, option, widget)


def _field(painter: QPainter, option: QStyleOption, widget: Any) -> None:
    """The box of a combo or spin box."""
    enabled = _has(option, _ON.State_Enabled)
    focused = enabled and _has(option, _ON.State_HasFocus)
    if widget is not None and not focused and enabled:
        editor = widget.focusProxy() or widget
        focused = editor.hasFocus()
    wrong = widget is not None and bool(widget.property("invalid"))
    line = "danger" if wrong else "focus" if focused else "borderControl" if enabled else "border"
    fill = "field" if enabled else "window"
    _shape(painter, QRectF(option.rect), 4, fill=fill, line=line, width=2 if focused else 1)


def _combo_box(
    style: QProxyStyle, painter: QPainter, option: QStyleOptionComplex, widget: Any
) -> None:
    _field(painter, option, widget)
    arrow = style.subControlRect(
        QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxArrow, widget
    )
    role = "muted" if _has(option, _ON.State_Enabled) else "disabled"
    _chevron(painter, QRectF(arrow).center(), "down", role, 4)


def _combo_label(
    style: QProxyStyle, painter: QPainter, option: QStyleOptionComboBox, widget: Any
) -> None:
    area = style.subControlRect(
        QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, widget
    )
    if option.editable:
        return
    painter.save()
    role = "text" if _has(option, _ON.State_Enabled) else "disabled"
    if not option.currentIcon.isNull():
        option.currentIcon.paint(painter, QRect(area.x(), area.center().y() - 7, 16, 16))
        area = area.adjusted(24, 0, 0, 0)
    painter.setPen(theme.colour(role))
    text = option.fontMetrics.elidedText(
        option.currentText, Qt.TextElideMode.ElideRight, area.width()
    )
    painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
    painter.restore()


def _spin_box(
    style: QProxyStyle, painter: QPainter, option: QStyleOptionComplex, widget: Any
) -> None:
    _field(painter, option, widget)
    assert isinstance(option, QStyleOptionSpinBox)
    enabled = _has(option, _ON.State_Enabled)
    left = option.rect.right() - _SPIN_BUTTONS + 0.5
    painter.setPen(QPen(theme.colour("border"), 1))
    painter.drawLine(QPointF(left, option.rect.y() + 3), QPointF(left, option.rect.bottom() - 2))
    for part, direction, step in (
        (QStyle.SubControl.SC_SpinBoxUp, "up", QStyleOptionSpinBoxStep.UP),
        (QStyle.SubControl.SC_SpinBoxDown, "down", QStyleOptionSpinBoxStep.DOWN),
    ):
        area = QRectF(style.subControlRect(QStyle.ComplexControl.CC_SpinBox, option, part, widget))
        possible = enabled and bool(option.stepEnabled.value & step)
        hovered = possible and bool(option.activeSubControls.value & part.value)
        role = "text" if hovered else "muted" if possible else "disabled"
        _chevron(painter, area.center(), direction, role, 3)


class QStyleOptionSpinBoxStep:
    """Bits of QAbstractSpinBox.StepEnabledFlag."""

    UP = 1
    DOWN = 2


def _slider(
    style: QProxyStyle, painter: QPainter, option: QStyleOptionComplex, widget: Any
) -> None:
    assert isinstance(option, QStyleOptionSlider)
    level = option.orientation == Qt.Orientation.Horizontal
    handle = QRectF(
        style.subControlRect(
            QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, widget
        )
    )
    area = QRectF(option.rect)
    enabled = _has(option, _ON.State_Enabled)
    centre = handle.center()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour("border"))
    if level:
        centre.setY(area.center().y())
        groove = QRectF(area.x(), centre.y() - 2, area.width(), 4)
        filled = QRectF(groove)
        if option.upsideDown:
            filled.setLeft(centre.x())
        else:
            filled.setRight(centre.x())
    else:
        centre.setX(area.center().x())
        groove = QRectF(centre.x() - 2, area.y(), 4, area.height())
        filled = QRectF(groove)
        if option.upsideDown:
            filled.setTop(centre.y())
        else:
            filled.setBottom(centre.y())
    painter.drawRoundedRect(groove, 2, 2)
    painter.setBrush(theme.colour("muted" if enabled else "disabled"))
    painter.drawRoundedRect(filled, 2, 2)
    focused = enabled and _has(option, _ON.State_HasFocus)
    painter.setBrush(theme.colour("text" if enabled else "disabled"))
    painter.drawEllipse(centre, 7, 7)
    if focused:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("focus"), 2))
        painter.drawEllipse(centre, 7, 7)
