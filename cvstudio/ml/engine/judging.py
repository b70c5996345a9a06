"""An epoch of the own loop judged on val: losses, figures, and the answers for the samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.jobdir import Request
from cvstudio.core.metrics.classes import ClassificationReport
from cvstudio.core.metrics.pixels import PixelReport
from cvstudio.core.metrics.several import SeveralMatches
from cvstudio.core.pieces import in_windows
from cvstudio.core.predictions import Prediction
from cvstudio.ml.answer import goes_in_tiles
from cvstudio.ml.data import SplitImages
from cvstudio.ml.decode import decode, probabilities, regions_of
from cvstudio.ml.engine.losses import ClassifyLoss, Losses, SegmentLoss
from cvstudio.ml.engine.session import Cancelled, Session
from cvstudio.ml.labels import IGNORE
from cvstudio.ml.loading import Loader
from cvstudio.ml.preprocess import placement_for
from cvstudio.ml.tiles import tiles_of

_LEAST = 1e-6
"""So far a mean of probabilities stays from 0 and 1, where it has to be turned into logits."""


@dataclass(frozen=True)
class Judgement:
    """What an epoch is worth: losses and figures on val, the main figure of each class that can be
    judged, and the answers for the samples."""

    losses: dict[str, float]
    figures: dict[str, float]
    classes: dict[int, float]
    samples: list[Prediction]


class Judging:
    """Judges a network that is in eval mode.

    `answers` gives the logits (n, outputs[, h, w]) float32 of a batch of (n, h, w, 3) uint8 images.
    """

    def __init__(
        self, session: Session, images: SplitImages, *, device: torch.device,
        answers: Callable[[torch.Tensor], torch.Tensor], criterion: ClassifyLoss | SegmentLoss,
    ) -> None:  # fmt: skip
        self.session, self.config, self.images = session, session.config, images
        self.device, self.answers, self.criterion = device, answers, criterion
        self.ids = [c.id for c in session.snapshot.classes]

    @torch.no_grad()
    def judge(self, loader: Loader) -> Judgement:
        """Judge on val, at the network's resolution.

        Raises Cancelled when the person asks for it.
        """
        outputs = len(self.ids) + (self.config.task is Task.SEGMENT)
        several = self.config.several_classes
        tagged: list[tuple[torch.Tensor, torch.Tensor]] = []
        windows = _Windows(several) if in_windows(self.config.task, self.config.fit) else None
        pooled = torch.zeros(outputs * outputs, dtype=torch.int64, device=self.device)
        wanted = set(self.session.sample_places(self.images.images))
        samples: dict[int, Prediction] = {}
        losses = Losses()

        def count(logits: torch.Tensor, targets: torch.Tensor, places: list[int]) -> None:
            if several:
                tagged.append((logits, targets))
            else:
                pooled.add_(_confusion(logits, targets, outputs))
            for row, place in enumerate(places):
                if place in wanted:
                    samples[place] = self._prediction(logits[row], place)

        for images, targets, places in loader:
            height, width = images.shape[1:3]
            if goes_in_tiles(self.config.task, self.config.fit, width, height):
                own, counts, labels = self._judge_tiles(images, targets, outputs)
                losses.add(own, 1)
                pooled += counts
                if places[0] in wanted:
                    samples[places[0]] = self._regions(labels, places[0])
            else:
                logits = self.answers(images)
                targets = targets.to(self.device, non_blocking=True)
                losses.add(self.criterion.parts(logits, targets), len(images))
                if windows is None:
                    count(logits, targets, places)
                else:
                    windows.add(logits, targets, places)
            if self.session.requested() is Request.CANCEL:
                raise Cancelled
        if windows is not None:
            count(*windows.images())
        confusion = pooled.view(outputs, outputs).cpu().numpy()
        shown = [samples[place] for place in sorted(samples)]
        figures, classes = self._of_tags(tagged) if several else self._figures(confusion)
        return Judgement(losses.means(), figures, classes, shown)

    def _judge_tiles(
        self, images: torch.Tensor, targets: torch.Tensor, outputs: int
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor, NDArray[np.uint8]]:
        """Parts of the loss, confusion and label map of one large image (1, h, w, 3), in tiles as
        it is used later. The loss is the mean over the tiles, weighed by their labelled pixels."""
        height, width = images.shape[1:3]
        labels = np.zeros((height, width), np.uint8)
        counts = torch.zeros(outputs * outputs, dtype=torch.int64, device=self.device)
        losses = Losses()
        for tile in tiles_of(width, height):
            answers = self.answers(images[(slice(None), *tile.seen.slices)])
            inner = tile.kept.within(tile.seen).slices
            logits = answers[(slice(None), slice(None), *inner)]
            wanted = targets[(slice(None), *tile.kept.slices)].to(self.device)
            pixels = int((wanted != IGNORE).sum())
            losses.add(self.criterion.parts(logits, wanted), pixels)
            counts += _confusion(logits, wanted, outputs)
            labels[tile.kept.slices] = logits.argmax(dim=1)[0].cpu().numpy()
        return losses.parts(), counts, labels

    def _regions(self, labels: NDArray[np.uint8], place: int) -> Prediction:
        """The answer for a large image from the label map of its padded input."""
        image = self.images.images[place]
        inside = labels[: image.height, : image.width]
        return Prediction(image.id, regions=regions_of(inside, self.ids))

    def _prediction(self, logits: torch.Tensor, place: int) -> Prediction:
        image = self.images.images[place]
        placement = placement_for(
            image.width, image.height, size=self.config.image_size, fit=self.config.fit
        )
        return decode(
            self.config.task, [logits.cpu().numpy()], placement,
            class_ids=self.ids, image_id=image.id, several=self.config.several_classes,
        )  # fmt: skip

    def _of_tags(
        self, tagged: list[tuple[torch.Tensor, torch.Tensor]]
    ) -> tuple[dict[str, float], dict[int, float]]:
        """The figures where images have several classes, and the AP of each class on val.

        A class counts from an even chance upwards: the score that is best is looked for in the end.
        """
        logits, labelled = (torch.cat(some).cpu().numpy() for some in zip(*tagged, strict=True))
        matches = SeveralMatches(
            tuple(self.ids), tuple(range(len(logits))), labelled > 0,
            probabilities(logits, several=True),
        )  # fmt: skip
        report = matches.at(0.5)
        figures = {
            "mAP": matches.mean_average_precision,
            "macro F1": report.macro_f1,
            "exact match": report.exact_match,
        }
        return figures, _known(matches.average_precisions())

    def _figures(self, confusion: NDArray[np.int64]) -> tuple[dict[str, float], dict[int, float]]:
        """All figures, and of each class on val its IoU or its share of images that are found."""
        if self.config.task is Task.SEGMENT:
            pixels = PixelReport((0, *self.ids), confusion)
            shares = {
                row.class_id: row.iou for row in pixels.per_class() if row.class_id and row.labelled
            }
            figures = {
                "mIoU": pixels.mean_iou,
                "Dice": pixels.mean_dice,
                "pixel accuracy": pixels.pixel_accuracy,
            }
            return figures, _known(shares)
        classes = ClassificationReport(tuple(self.ids), confusion, ())
        figures = {
            "accuracy": classes.accuracy,
            "balanced accuracy": classes.balanced_accuracy,
            "macro F1": classes.macro_f1,
        }
        return figures, _known({row.class_id: row.recall for row in classes.per_class()})


class _Windows:
    """The answers for the windows of images on their way to one for each image: its logits are
    those of the mean of their probabilities, as in ml/answer.py."""

    def __init__(self, several: bool) -> None:
        self._several = several
        self._sums: dict[int, torch.Tensor] = {}
        self._counts: Counter[int] = Counter()
        self._targets: dict[int, torch.Tensor] = {}

    def add(self, logits: torch.Tensor, targets: torch.Tensor, places: list[int]) -> None:
        """Take a batch of windows: logits (n, k), and the target and the place of each one's
        image."""
        found = logits.sigmoid() if self._several else logits.softmax(dim=1)
        for place, own, target in zip(places, found, targets, strict=True):
            self._sums[place] = self._sums[place] + own if place in self._sums else own
            self._targets[place] = target
        self._counts.update(places)

    def images(self) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
        """Logits (images, k), the targets and the places of all images."""
        places = list(self._sums)
        means = torch.stack([self._sums[place] / self._counts[place] for place in places])
        means = means.clamp(_LEAST, 1 - _LEAST)
        logits = means.logit() if self._several else means.log()
        return logits, torch.stack([self._targets[place] for place in places]), places


def _known(figures: dict[int, float]) -> dict[int, float]:
    """Those that are numbers."""
    return {key: value for key, value in figures.items() if value == value}


def _confusion(logits: torch.Tensor, targets: torch.Tensor, outputs: int) -> torch.Tensor:
    """Counts (outputs * outputs,) of (labelled, predicted) pairs; IGNORE counts nowhere."""
    found, labelled = logits.argmax(dim=1).flatten(), targets.flatten().long()
    known = labelled != IGNORE if logits.ndim == 4 else torch.ones_like(labelled, dtype=torch.bool)
    pairs = labelled[known] * outputs + found[known]
    return torch.bincount(pairs, minlength=outputs * outputs)
