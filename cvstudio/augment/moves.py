"""Where points go when albumentations moves pixels, from the parameters that it drew.

Coordinates here count pixel edges (0 .. width); the library's matrices and maps count pixel
centres, which lie half a pixel further. Its own keypoints leave that half pixel out, and boxes
grow at every turn; hence this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.augment.fields import Points as How
from cvstudio.augment.outlines import Move
from cvstudio.core.geometry import Points
from cvstudio.core.opencv import cv2


def size_after(how: How | None, drawn: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width of the image after a transform."""
    height, width = (int(v) for v in drawn["shape"][:2])
    swaps = (
        how is How.TRANSPOSE
        or (how is How.QUARTERS and int(drawn["factor"]) % 2 == 1)
        or (how is How.EIGHT and str(drawn["group_element"]) in ("r90", "r270", "t", "hvt"))
    )
    return (width, height) if swaps else (height, width)


def mover(how: How, drawn: Mapping[str, Any]) -> Move:
    """The function that moves points (n, 2) as the drawn transform moves pixels."""
    height, width = (int(v) for v in drawn["shape"][:2])
    match how:
        case How.FLIP_X:
            return lambda points: points * (-1, 1) + (width, 0)
        case How.FLIP_Y:
            return lambda points: points * (1, -1) + (0, height)
        case How.TRANSPOSE:
            return lambda points: points[:, ::-1]
        case How.QUARTERS:
            return _quarters(int(drawn["factor"]) % 4, width, height)
        case How.EIGHT:
            return _eighth(str(drawn["group_element"]), width, height)
        case How.TILES:
            return lambda points: points  # an object has no single place afterwards
        case How.MESH:
            return _mesh(np.asarray(drawn["generated_mesh"], np.float32))
        case How.MATRIX:
            return _matrix(np.asarray(drawn["matrix"], np.float64))
        case How.PERSPECTIVE:
            scale = np.diag([width / drawn["max_width"], height / drawn["max_height"], 1.0])
            return _matrix(scale @ np.asarray(drawn["matrix"], np.float64))
        case How.CROP:
            x0, y0, x1, y1 = drawn["crop_coords"]
            factor = (width / (x1 - x0), height / (y1 - y0))
            return lambda points: (points - (x0, y0)) * factor
        case How.MAP:
            return _inverse_of(np.asarray(drawn["map_x"]), np.asarray(drawn["map_y"]))


_Singles = NDArray[np.float32]


def _quarters(turns: int, width: int, height: int) -> Move:
    """Turns to the left, as numpy.rot90 counts them."""

    def move(points: Points) -> Points:
        w, h = width, height
        for _ in range(turns):
            points = np.stack([points[:, 1], w - points[:, 0]], axis=1)
            w, h = h, w
        return points

    return move


def _eighth(element: str, width: int, height: int) -> Move:
    """One of the eight positions of a rectangle, by its name in the dihedral group."""
    match element:
        case "h":
            return lambda points: points * (-1, 1) + (width, 0)
        case "v":
            return lambda points: points * (1, -1) + (0, height)
        case "t":
            return lambda points: points[:, ::-1]
        case "hvt":
            return lambda points: ((width, height) - points)[:, ::-1]
        case _:
            return _quarters({"e": 0, "r90": 1, "r180": 2, "r270": 3}[element], width, height)


def _mesh(mesh: _Singles) -> Move:
    """Rectangles (x0, y0, x1, y1) that each go to a quadrilateral: rows of 4 + 8 numbers.

    Points outside every rectangle go with the nearest one.
    """
    x0, y0, x1, y1 = mesh[:, :4].T
    starts = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 4, 2)
    ends = mesh[:, 4:].reshape(-1, 4, 2)
    matrices = [
        np.asarray(cv2.getPerspectiveTransform(start, end), np.float64)
        for start, end in zip(starts, ends, strict=True)
    ]

    def move(points: Points) -> Points:
        x, y = points[:, :1] - 0.5, points[:, 1:] - 0.5
        beyond = np.maximum(np.maximum(x0 - x, x - x1), np.maximum(y0 - y, y - y1))
        nearest = beyond.argmin(axis=1)
        result = np.empty_like(points)
        for index in np.unique(nearest):
            chosen = nearest == index
            result[chosen] = _matrix(matrices[index])(points[chosen])
        return result

    return move


def _matrix(matrix: Points) -> Move:
    def move(points: Points) -> Points:
        full = np.column_stack([points - 0.5, np.ones(len(points))]) @ matrix.T
        result: Points = full[:, :2] / full[:, 2:] + 0.5
        return result

    return move


_CHUNK = 8192  # cv2.remap takes at most 32,767 columns


def _inverse_of(map_x: _Singles, map_y: _Singles) -> Move:
    """A remap says where each new pixel comes from; points need the opposite way."""

    def move(points: Points) -> Points:
        wanted = (points - 0.5).astype(np.float32)
        pieces = np.array_split(wanted, len(wanted) // _CHUNK + 1)
        return np.concatenate([_solved(piece, map_x, map_y) for piece in pieces]) + 0.5

    return move


def _solved(wanted: _Singles, map_x: _Singles, map_y: _Singles) -> Points:
    """The places that a map takes from `wanted`, by fixed-point iteration.

    It converges where the map bends less than one to one, which smooth distortions do. Points for
    which it has not are started again from the nearest of a coarse grid of pixels.
    """
    at, error = _iterated(wanted, wanted.copy(), map_x, map_y)
    astray = np.abs(error).max(axis=1) > 0.5
    if astray.any():
        step = max(1, min(map_x.shape) // 48)
        rows, columns = np.mgrid[0 : map_x.shape[0] : step, 0 : map_x.shape[1] : step]
        sources = np.stack([map_x[rows, columns].ravel(), map_y[rows, columns].ravel()], axis=1)
        places = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)
        lost = wanted[astray]
        nearest = [int(np.argmin(((sources - point) ** 2).sum(axis=1))) for point in lost]
        at[astray], _ = _iterated(lost, places[nearest], map_x, map_y)
    return at.astype(np.float64)


def _iterated(
    wanted: _Singles, at: _Singles, map_x: _Singles, map_y: _Singles
) -> tuple[_Singles, _Singles]:
    limit = np.array([map_x.shape[1] - 1, map_x.shape[0] - 1], np.float32)
    error = np.zeros_like(at)
    for _ in range(40):
        inside = np.clip(at, 0, limit)
        x, y = np.ascontiguousarray(inside[None, :, 0]), np.ascontiguousarray(inside[None, :, 1])
        source = np.stack([cv2.remap(m, x, y, cv2.INTER_LINEAR)[0] for m in (map_x, map_y)], axis=1)
        # Beyond the border the map goes on as it ends there, so that points may leave the image.
        error = wanted - source - (at - inside)
        at = at + 0.8 * error
        if np.abs(error).max() < 0.02:
            break
    return at, error
