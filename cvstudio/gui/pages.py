"""The seven pages in the order of the rail; each is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cvstudio.gui.studio import Studio
from cvstudio.gui.workspace import Workspace


def _data(studio: Studio) -> Workspace:
    from cvstudio.gui.data.page import DataPage

    return DataPage(studio)


def _label(studio: Studio) -> Workspace:
    from cvstudio.gui.label.page import LabelPage

    return LabelPage(studio)


def _augment(studio: Studio) -> Workspace:
    from cvstudio.gui.augment.page import AugmentPage

    return AugmentPage(studio)


def _train(studio: Studio) -> Workspace:
    from cvstudio.gui.train.page import TrainPage

    return TrainPage(studio)


def _analyze(studio: Studio) -> Workspace:
    from cvstudio.gui.analyze.page import AnalyzePage

    return AnalyzePage(studio)


def _export(studio: Studio) -> Workspace:
    from cvstudio.gui.export.page import ExportPage

    return ExportPage(studio)


def _predict(studio: Studio) -> Workspace:
    from cvstudio.gui.predict.page import PredictPage

    return PredictPage(studio)


@dataclass(frozen=True)
class PageInfo:
    """A page of the rail; its words, icon and key are those of the action go.NAME."""

    name: str
    make: Callable[[Studio], Workspace]


PAGES = (
    PageInfo("data", _data),
    PageInfo("label", _label),
    PageInfo("augment", _augment),
    PageInfo("train", _train),
    PageInfo("analyze", _analyze),
    PageInfo("export", _export),
    PageInfo("predict", _predict),
)
