"""Curves as SVG, for pages that must stand alone: no script, no font of their own, no colours that
some people cannot tell apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 640, 240
"""Of a chart, in px."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's, which people with colour blindness tell apart."""
_DASHES = ("", "6 3", "2 3")
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 12, 34
_LEGEND = 16
"""Height of one line of the legend, in px."""


Place = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """A named line through points; not-a-number breaks it."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def lines(
    series: Sequence[Series],
    *,
    x_title: str,
    y_range: tuple[float, float] | None = None,
    x_range: tuple[float, float] | None = None,
    mark: float | None = None,
) -> str:
    """Lines over one scale, as SVG of WIDTH x HEIGHT; `mark` is a place on the x axis to point at.

    Without a range the lines fill the height, from 0 where they come near it.
    """
    x_low, x_high = x_range or _span([v for one in series for v in one.x], zero=False)
    y_low, y_high = y_range or _span([v for one in series for v in one.y], zero=True)
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM - _LEGEND

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low)
        up = (y - y_low) / (y_high - y_low)
        return _LEFT + across * (right - _LEFT), bottom - up * (bottom - _TOP)

    parts = [*_axes(x_low, x_high, y_low, y_high, place, x_title)]
    if mark is not None:
        x, _ = place(mark, y_low)
        parts.append(_line(x, _TOP, x, bottom, colour="#555555", dashes="4 3"))
    for number, one in enumerate(series):
        colour, dashes = _COLOURS[number % 6], _DASHES[number // 6 % 3]
        for points in _whole(one):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in points))
            dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"'
                f"{dashed}/>"
            )
    parts += _legend(series)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">'
        f"{''.join(parts)}</svg>"
    )


def _axes(
    x_low: float, x_high: float, y_low: float, y_high: float, place: Place, x_title: str
) -> list[str]:
    parts = []
    for value in _ticks(y_low, y_high, 4):
        x, y = place(x_low, value)
        end, _ = place(x_high, value)
        parts.append(_line(x, y, end, y, colour="#dddddd"))
        parts.append(_text(x - 6, y + 4, _number(value), anchor="end"))
    for value in _ticks(x_low, x_high, 8):
        x, y = place(value, y_low)
        parts.append(_text(x, y + 15, _number(value)))
    left, bottom = place(x_low, y_low)
    right, _ = place(x_high, y_low)
    parts.append(_line(left, bottom, right, bottom, colour="#777777"))
    parts.append(_text((left + right) / 2, bottom + 30, x_title))
    return parts


def _legend(series: Sequence[Series]) -> list[str]:
    parts, x = [], float(_LEFT)
    y = HEIGHT - 6
    for number, one in enumerate(series):
        colour, dashes = _COLOURS[number % 6], _DASHES[number // 6 % 3]
        name = one.name if len(one.name) <= 24 else one.name[:23] + "…"
        if x + 30 + 6.5 * len(name) > WIDTH:
            parts.append(_text(x + 4, y, "…", anchor="start"))
            break
        parts.append(_line(x, y - 4, x + 18, y - 4, colour=colour, dashes=dashes, width=2))
        parts.append(_text(x + 23, y, name, anchor="start"))
        x += 38 + 6.5 * len(name)
    return parts


def _whole(one: Series) -> list[list[tuple[float, float]]]:
    """The pieces of a line between the points that have no value."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(one.x, one.y, strict=True):
        if math.isfinite(y):
            pieces[-1].append((x, y))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _span(values: Sequence[float], *, zero: bool) -> tuple[float, float]:
    known = [v for v in values if math.isfinite(v)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if zero and 0 <= low < (high - low):
        low = 0.0
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round values between two, at most about `wanted`."""
    rough = (high - low) / wanted
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(v) for v in np.arange(first, last + 1) * step]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:.3g}"


def _line(
    x0: float, y0: float, x1: float, y1: float, *, colour: str, dashes: str = "", width: float = 1
) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}"'
        f' stroke-width="{width}"{dashed}/>'
    )


def _text(x: float, y: float, words: str, *, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#444444">'
        f"{escape(words)}</text>"
    )
