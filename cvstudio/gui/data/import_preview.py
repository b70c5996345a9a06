"""A picture of the source in the import wizard: what of it becomes which class."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.skeleton import Skeleton
from cvstudio.core.words import counted
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.image_view import ImageView
from cvstudio.gui.widgets.overlay import OverlayItem, edges_of
from cvstudio.gui.widgets.section import SectionHeader
from cvstudio.project.import_plan import PlannedImage
from cvstudio.project.importing import ImportPlan

_SIDE = 800
_FILL = 0.45
"""Stronger than elsewhere: here one looks at the colours, not at the image."""


class ImportPreview(QWidget):
    """One image of a plan with its shapes in the colours of the classes; another one on demand."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._latest = LatestWins(studio.tasks, owner=self)
        self._images: list[PlannedImage] = []
        self._colours: Mapping[str, str] = {}
        self._skeletons: dict[str, Skeleton | None] = {}
        self._place = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.head = SectionHeader("", link_text="Another image", do=self.show_next, padded=False)
        column.addWidget(self.head)
        self.view = ImageView()
        self.view.setFixedHeight(212)
        column.addWidget(self.view)

    def show_plan(self, plan: ImportPlan, colours: Mapping[str, str]) -> None:
        """Show the image with the most classes; nothing where the source has no shapes."""
        self._images = [i for i in plan.images if any(a.shape for a in i.parsed.annotations)]
        self._images.sort(key=lambda i: -len({a.class_name for a in i.parsed.annotations}))
        self._colours, self._place = colours, 0
        self._skeletons = {c.name: c.skeleton for c in plan.classes}
        self.setVisible(bool(self._images))
        assert self.head.link is not None
        self.head.link.setVisible(len(self._images) > 1)
        self._show()

    def release(self) -> None:
        """The wizard closes: take no picture any more."""
        self._latest.drop()

    def show_next(self) -> None:
        """Show the next image, after the last one the first."""
        self._place = (self._place + 1) % max(len(self._images), 1)
        self._show()

    def _show(self) -> None:
        if not self._images:
            return
        planned = self._images[self._place]
        path, page = planned.parsed.path, planned.parsed.page
        self.head.title.setText(path.name)
        self.view.set_items([])
        info = planned.info
        self.view.read(
            self._latest, path, page, size=(info.width, info.height), side=_SIDE,
            came=lambda: self._came(planned),
        )  # fmt: skip

    def _came(self, planned: PlannedImage) -> None:
        self.view.set_items(self._items(planned))
        many = counted(len(planned.parsed.annotations), "annotation")
        self.head.figure.setText(many)

    def _items(self, planned: PlannedImage) -> list[OverlayItem]:
        return [
            OverlayItem(
                shape,
                self._colours[a.class_name],
                fill=_FILL,
                edges=edges_of(shape, self._skeletons.get(a.class_name)),
            )
            for a in planned.parsed.annotations
            if (shape := a.shape) is not None
        ]
