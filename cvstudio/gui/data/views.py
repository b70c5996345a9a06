"""The left panel of Data: views with counts, saved views, folders, and the next step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.annotation import Review
from cvstudio.core.words import folder_names
from cvstudio.gui.data.saved_views import SavedView
from cvstudio.gui.data.tag_list import TagList, key_of
from cvstudio.gui.data.view_list import ViewList, key_of_view
from cvstudio.gui.widgets.icons import REVIEW_ICONS
from cvstudio.gui.widgets.nav_list import NavList, NavRow
from cvstudio.gui.widgets.section import SectionHeader, label, tool
from cvstudio.project.records import ImageFilter, TagRecord

BUILT_IN: tuple[tuple[str, str, str, ImageFilter], ...] = (
    ("all", "All images", "view-grid-outline", ImageFilter()),
    ("unlabelled", "Unlabelled", REVIEW_ICONS["unlabelled"],
     ImageFilter(reviews=(Review.UNLABELLED,))),
    ("labelled", "Labelled, to review", REVIEW_ICONS["labelled"],
     ImageFilter(reviews=(Review.LABELLED,))),
    ("reviewed", "Reviewed", REVIEW_ICONS["reviewed"], ImageFilter(reviews=(Review.REVIEWED,))),
    ("empty", "Reviewed and empty", REVIEW_ICONS["reviewed and empty"],
     ImageFilter(reviews=(Review.EMPTY,))),
)  # fmt: skip


@dataclass
class ViewCounts:
    """What the lists show beside their rows."""

    reviews: Mapping[Review, int] = field(default_factory=dict)
    saved: Sequence[tuple[SavedView, int | None]] = ()
    """With how many images each finds; None while that is not known yet."""

    folders: Mapping[str, int] = field(default_factory=dict)
    tags: Sequence[TagRecord] = ()
    rejected: int = 0


class ViewsPanel(QWidget):
    """`picked(ImageFilter)` when a row is chosen; saved views ask for more, see ViewList."""

    picked = Signal(object)

    def __init__(self, save_action: QAction) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        header = SectionHeader("Views")
        self.add_button = tool(save_action)
        header.add(self.add_button)
        column.addWidget(header)
        self.views = NavList()
        self.views.setAccessibleName("Views")
        column.addWidget(self.views)
        column.addSpacing(8)
        column.addWidget(SectionHeader("Saved views"))
        self.saved = ViewList()
        column.addWidget(self.saved)
        self._hint = label("Filters that you keep appear here.", "caption", wrap=True)
        self._hint.setContentsMargins(16, 0, 16, 0)
        column.addWidget(self._hint)
        column.addSpacing(8)
        self._tags_header = SectionHeader("Tags")
        column.addWidget(self._tags_header)
        self.tags = TagList()
        column.addWidget(self.tags)
        self._tags_gap = QWidget()
        self._tags_gap.setFixedHeight(8)
        column.addWidget(self._tags_gap)
        self._folders_header = SectionHeader("Folders")
        column.addWidget(self._folders_header)
        self.folders = NavList()
        self.folders.setAccessibleName("Folders")
        column.addWidget(self.folders)
        column.addStretch(1)
        self._filters: dict[str, ImageFilter] = {}
        self._picked = ""
        for part in (self.views, self.saved, self.tags, self.folders):
            part.chosen.connect(self._chosen)
        self.show_counts(ViewCounts())

    def show_counts(self, counts: ViewCounts) -> None:
        """Show how many images each row stands for."""
        total = sum(counts.reviews.values())
        rows = []
        self._filters = {}
        for key, text, icon_name, chosen in BUILT_IN:
            number = total if key == "all" else counts.reviews.get(chosen.reviews[0], 0)
            figure = f"{number:,}" if total else ""
            rows.append(NavRow(key, text, icon_name, figure, enabled=bool(total)))
            self._filters[key] = chosen
        if counts.rejected:
            figure, tip = f"{counts.rejected:,}", "Sent back by a reviewer, with a reason"
            rows.append(NavRow("rejected", "Rejected", "alert-circle-outline", figure, tip))
            self._filters["rejected"] = ImageFilter(rejected=True)
        self.views.show_rows(rows)
        self.saved.show_views(counts.saved)
        self._filters |= {key_of_view(view.name): view.filter for view, _count in counts.saved}
        self._hint.setVisible(not counts.saved)
        self.tags.show_tags(counts.tags)
        for tag in counts.tags:
            self._filters[key_of(tag.name)] = ImageFilter(tags=(tag.name,))
        for part in (self._tags_header, self.tags, self._tags_gap):
            part.setVisible(bool(counts.tags))
        folders = []
        names = folder_names(counts.folders)
        for folder, number in counts.folders.items():
            name = names[folder] or "project folder"
            key = f"folder:{folder}"
            folders.append(NavRow(key, name, "folder-outline", f"{number:,}", folder or name))
            self._filters[key] = ImageFilter(folder=folder)
        self.folders.show_rows(folders)
        self._folders_header.setVisible(bool(folders))

    def show_filter(self, current: ImageFilter) -> None:
        """Mark the row whose filter is on; none when the filter is another one."""
        fitting = [key for key, f in self._filters.items() if f == current]
        self.saved.can_renew = current not in (ImageFilter(), self._filters.get(self.saved.key))
        # A tag and a saved view may say the same: the row that was chosen stays the chosen one.
        found = self._picked if self._picked in fitting else next(iter(fitting), "")
        for part in (self.views, self.saved, self.tags, self.folders):
            part.choose(found)

    def _chosen(self, key: str) -> None:
        self._picked = key
        self.picked.emit(self._filters[key])
