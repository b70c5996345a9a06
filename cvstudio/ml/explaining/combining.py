"""From a feature map and its gradient to a map of evidence: one short function for each method.

Each takes activations (1, C, h, w) and the gradient of a class's logit by them, of the same shape,
and gives (h, w), not negative. None changes what it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

Tensor = torch.Tensor


def grad_cam(activations: Tensor, gradient: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju 2017, eq. 1 and 2): each channel weighs what its gradient is on average
    over the image; the weighted sum, where it is positive."""
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return (weights * activations).sum(dim=1)[0].clamp(min=0)


def grad_cam_plus_plus(activations: Tensor, gradient: Tensor) -> Tensor:
    """Grad-CAM++ (Chattopadhay 2018, eq. 19 and 21): positive gradients, each place weighed so that
    every occurrence of the class counts alike.

    The score is exp(logit), as in the paper, so that its second and third derivatives are powers of
    the gradient; the factor exp(logit) itself is the same everywhere and falls out.
    """
    square, cube = gradient.square(), gradient.pow(3)
    below = 2 * square + activations.sum(dim=(2, 3), keepdim=True) * cube
    shares = torch.where(below != 0, square / torch.where(below != 0, below, 1.0), 0.0)
    weights = (shares * gradient.clamp(min=0)).sum(dim=(2, 3), keepdim=True)
    return (weights * activations).sum(dim=1)[0].clamp(min=0)


def hires_cam(activations: Tensor, gradient: Tensor) -> Tensor:
    """HiResCAM (Draelos 2020, eq. 4): gradient times activation at each place, summed over the
    channels, where it is positive. Equals Grad-CAM where a mean over places and one linear layer
    follow."""
    return (gradient * activations).sum(dim=1)[0].clamp(min=0)


def layer_cam(activations: Tensor, gradient: Tensor) -> Tensor:
    """LayerCAM (Jiang 2021, eq. 5 and 6): activations weighed at each place by what of the gradient
    is positive there."""
    return (gradient.clamp(min=0) * activations).sum(dim=1)[0].clamp(min=0)


def eigen_cam(activations: Tensor, gradient: Tensor) -> Tensor:
    """EigenCAM (Muhammad 2020, eq. 2): the places' activations along their first principal
    direction; the gradient is not looked at.

    A principal direction has no sign of its own. It is taken so that most of the map's weight is
    positive: for activations that are never negative that is all of it (Perron and Frobenius).
    """
    del gradient
    _, channels, height, width = activations.shape
    rows = activations[0].double().reshape(channels, height * width).T
    # The direction is an eigenvector of the small one of the two products.
    small = rows.T @ rows if channels <= height * width else rows @ rows.T
    vector = torch.linalg.eigh(small).eigenvectors[:, -1]
    if channels <= height * width:
        along = rows @ vector
    else:
        along = vector * torch.linalg.vector_norm(rows.T @ vector)
    along = along if along.sum() >= 0 else -along
    found: Tensor = along.reshape(height, width).clamp(min=0).to(activations.dtype)
    return found


Combine = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Cam:
    """How a method of the table reads a map: the function, and whether it needs the gradient."""

    combine: Combine
    gradient: bool = True


CAMS: dict[str, Cam] = {
    "gradcam": Cam(grad_cam),
    "gradcam++": Cam(grad_cam_plus_plus),
    "hirescam": Cam(hires_cam),
    "layercam": Cam(layer_cam),
    "eigencam": Cam(eigen_cam, gradient=False),
}
"""By the keys of core.explaining.METHODS."""
