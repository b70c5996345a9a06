"""What is known of a network before it is built: a row of the table or of a library's catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cvstudio.core.annotation import Task
from cvstudio.core.forms import Answers

Family = Literal["torchvision", "timm", "smp", "ultralytics", "torchvision-detection"]
Triple = tuple[float, float, float]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)
HUB = "https://huggingface.co/"


_MADE_FOR_COLOURS = ("csatv2",)
"""timm's networks that begin with a transform of three colours, which has no weights."""


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """A file of pretrained weights: its name on this computer, and where it can be had.

    `sha256` is the file's checksum or the first digits of it; empty where none is published.
    """

    filename: str
    url: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """An architecture that CVStudio can train for one task.

    `architecture` is the library's own name, `encoder` the backbone of an smp network. `parameters`
    is in millions, `encoder_parameters` those of the encoder alone, which is what is pretrained of
    an smp network. `mean` and `std` (RGB, images scaled to 0 .. 1) belong to its weights.
    `fixed_size` networks cannot judge images of another size than they trained on; the side of
    their images is a multiple of `step` from `least` to `most`. `activations` are millions of
    values that a network keeps of an image of `image_size` while it learns, 0 where unknown;
    `accuracy` the share of ImageNet's validation images that its weights answer right, in percent;
    `answers` is what a network for detect or instance reports of each object.
    """

    name: str
    title: str
    task: Task
    family: Family
    architecture: str
    parameters: float
    image_size: int
    weights: WeightsInfo | None
    encoder: str = ""
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    fixed_size: bool = False
    encoder_parameters: float = 0.0
    step: int = 32
    least: int = 32
    most: int = 4096
    activations: float = 0.0
    accuracy: float | None = None
    answers: Answers = Answers.BOXES

    @property
    def weights_megabytes(self) -> int:
        """About how large the file of pretrained weights is, in MB."""
        if self.family == "smp":
            return round(4 * self.encoder_parameters)
        # ultralytics keeps two bytes a weight, the others four.
        return round((2.05 if self.family == "ultralytics" else 4.0) * self.parameters)

    @property
    def colours_only(self) -> bool:
        """Whether its first layer is made for red, green and blue, and takes no other channels."""
        return self.architecture.startswith(_MADE_FOR_COLOURS)

    @property
    def listed(self) -> bool:
        """Whether it answers with its best objects, best first, and not anchor by anchor."""
        return self.family == "torchvision-detection" or self.architecture.startswith("rtdetr")

    def takes(self, size: int) -> bool:
        """Whether it can be trained on square images of that side."""
        return self.least <= size <= self.most and size % self.step == 0

    def nearest(self, size: int) -> int:
        """The side that it can be trained on which is nearest to the wanted one."""
        least, most = -(-self.least // self.step), self.most // self.step
        return min(max(round(size / self.step), least), most) * self.step
