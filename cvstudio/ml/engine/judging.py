"""An epoch of the own loop judged on val: losses, figures, and the answers for the samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cvstudio.core.annotation import Task
from cvstudio.core.jobdir import Request
from cvstudio.core.metrics.classes import ClassificationReport
from cvstudio.core.metrics.pixels import PixelReport
from cvstudio.core.predictions import Prediction
from cvstudio.ml.answer import goes_in_tiles
from cvstudio.ml.data import SplitImages
from cvstudio.ml.decode import decode, regions_of
from cvstudio.ml.engine.session import Cancelled, Session
from cvstudio.ml.labels import IGNORE
from cvstudio.ml.loading import Loader
from cvstudio.ml.preprocess import placement_for
from cvstudio.ml.tiles import tiles_of


class Judging:
    """Judges a network that is in eval mode.

    `answers` gives the logits (n, outputs[, h, w]) float32 of a batch of (n, h, w, 3) uint8 images.
    """

    def __init__(
        self, session: Session, images: SplitImages, *, device: torch.device,
        answers: Callable[[torch.Tensor], torch.Tensor], criterion: nn.Module,
    ) -> None:  # fmt: skip
        self.session, self.config, self.images = session, session.config, images
        self.device, self.answers, self.criterion = device, answers, criterion
        self.ids = [c.id for c in session.snapshot.classes]

    @torch.no_grad()
    def judge(self, loader: Loader) -> tuple[dict[str, float], dict[str, float], list[Prediction]]:
        """Val losses and figures, at the network's resolution, and the answers for the samples.

        Raises Cancelled when the person asks for it.
        """
        outputs = len(self.ids) + (self.config.task is Task.SEGMENT)
        pooled = torch.zeros(outputs * outputs, dtype=torch.int64, device=self.device)
        wanted = set(self.session.sample_places(self.images.images))
        samples: dict[int, Prediction] = {}
        total, seen = torch.zeros((), device=self.device), 0
        for images, targets, places in loader:
            seen += len(images)
            height, width = images.shape[1:3]
            if goes_in_tiles(self.config.task, self.config.fit, width, height):
                loss, counts, labels = self._judge_tiles(images, targets, outputs)
                total, pooled = total + loss, pooled + counts
                if places[0] in wanted:
                    samples[places[0]] = self._regions(labels, places[0])
            else:
                logits = self.answers(images)
                targets = targets.to(self.device, non_blocking=True)
                total += self.criterion(logits, targets) * len(images)
                pooled += _confusion(logits, targets, outputs)
                for row, place in enumerate(places):
                    if place in wanted:
                        samples[place] = self._prediction(logits[row], place)
            if self.session.requested() is Request.CANCEL:
                raise Cancelled
        confusion = pooled.view(outputs, outputs).cpu().numpy()
        shown = [samples[place] for place in sorted(samples)]
        return {"loss": float(total) / seen}, self._figures(confusion), shown

    def _judge_tiles(
        self, images: torch.Tensor, targets: torch.Tensor, outputs: int
    ) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.uint8]]:
        """Loss, confusion and label map of one large image (1, h, w, 3), in tiles as it is used
        later. The loss is the mean over the tiles, weighed by their labelled pixels."""
        height, width = images.shape[1:3]
        labels = np.zeros((height, width), np.uint8)
        counts = torch.zeros(outputs * outputs, dtype=torch.int64, device=self.device)
        loss, known = torch.zeros((), device=self.device), 0
        for tile in tiles_of(width, height):
            answers = self.answers(images[(slice(None), *tile.seen.slices)])
            inner = tile.kept.within(tile.seen).slices
            logits = answers[(slice(None), slice(None), *inner)]
            wanted = targets[(slice(None), *tile.kept.slices)].to(self.device)
            pixels = int((wanted != IGNORE).sum())
            loss, known = loss + self.criterion(logits, wanted) * pixels, known + pixels
            counts += _confusion(logits, wanted, outputs)
            labels[tile.kept.slices] = logits.argmax(dim=1)[0].cpu().numpy()
        return loss / max(known, 1), counts, labels

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
            class_ids=self.ids, image_id=image.id,
        )  # fmt: skip

    def _figures(self, confusion: NDArray[np.int64]) -> dict[str, float]:
        if self.config.task is Task.SEGMENT:
            pixels = PixelReport((0, *self.ids), confusion)
            return {
                "mIoU": pixels.mean_iou,
                "Dice": pixels.mean_dice,
                "pixel accuracy": pixels.pixel_accuracy,
            }
        classes = ClassificationReport(tuple(self.ids), confusion, ())
        return {
            "accuracy": classes.accuracy,
            "balanced accuracy": classes.balanced_accuracy,
            "macro F1": classes.macro_f1,
        }


def _confusion(logits: torch.Tensor, targets: torch.Tensor, outputs: int) -> torch.Tensor:
    """Counts (outputs * outputs,) of (labelled, predicted) pairs; IGNORE counts nowhere."""
    found, labelled = logits.argmax(dim=1).flatten(), targets.flatten().long()
    known = labelled != IGNORE if logits.ndim == 4 else torch.ones_like(labelled, dtype=torch.bool)
    pairs = labelled[known] * outputs + found[known]
    return torch.bincount(pairs, minlength=outputs * outputs)
