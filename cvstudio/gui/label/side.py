"""The right panel: classes, annotations or the image's class, display, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.core.annotation import Review, State, Task
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.annotation_tree import AnnotationTree
from cvstudio.gui.label.attributes import AttributePanel
from cvstudio.gui.label.class_list import ClassList
from cvstudio.gui.label.display_panel import DisplayPanel
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.image_class_card import ImageClassCard
from cvstudio.gui.label.side_stack import SideStack
from cvstudio.gui.read_only import Follow
from cvstudio.gui.widgets.section import NextStep, SectionHeader, line, tool
from cvstudio.gui.workspace import SidePanel


class LabelSide(SidePanel):
    """What is known about the open image, and the one accent button of the page."""

    def __init__(self, document: Document, actions: Actions, *, fill: int) -> None:
        super().__init__("right", 300)
        self._document = document
        self.class_list = ClassList(document)
        classifies = document.task == Task.CLASSIFY
        ask = partial(actions.trigger, "label.suggest")
        suggest = actions["label.suggest"]
        self.header = SectionHeader("Annotations", link_text="Suggest…", do=ask)
        if self.header.link is not None:
            Follow(self.header.link, suggest)
        self.tree = AnnotationTree(document)
        self.image_class = ImageClassCard(document)
        self.display = DisplayPanel(document, actions, fill)
        if classifies:
            Follow(self.image_class.offer("Suggest…", ask), suggest)
            self._below = _column(self.class_list, line(), self.image_class)
        else:
            self._below = _column(self.header, self.tree)
        self.stack = SideStack(
            document.studio.memory, str(document.task),
            self._below if classifies else self.class_list, self.class_list, self.display,
            None if classifies else self._below,
        )  # fmt: skip
        self.add(self.stack, 1)
        self.next_step = NextStep(actions["label.approve"])
        self.next_step.add_tool(tool(actions["label.progress"], side=24, icon_side=16))
        self.set_footer(self.next_step)

    def add_attributes(self, panel: AttributePanel) -> None:
        """Put the attributes of what is selected under the list, or under the image's class."""
        column = self._below.layout()
        assert column is not None
        column.addWidget(panel)

    def show_annotations(self) -> None:
        """The image or its annotations are other ones."""
        self.show_classes()
        annotations = self._document.annotations
        counting = sum(a.state == State.ACCEPTED for a in annotations)
        self.header.figure.setText(f"{counting:,}" if annotations else "")
        classifies = self._document.task == Task.CLASSIFY
        words = "Approve without class" if classifies else "Approve as empty"
        # Nothing is said of an image that has suggestions: what it is has not been decided.
        empty = all(a.state == State.REJECTED for a in annotations)
        self.next_step.button.set_text(words if empty else "")

    def show_classes(self) -> None:
        """Classes, or what of them is to be seen, are other ones."""
        self.tree.refresh()
        self.class_list.refresh()
        self.image_class.refresh()

    def show_progress(self, counts: Mapping[Review, int]) -> None:
        """How many images are in each review state."""
        total = sum(counts.values())
        done = counts[Review.REVIEWED] + counts[Review.EMPTY]
        share = done / total if total else None
        self.next_step.set_progress("Reviewed", f"{done:,} of {total:,}", share)


def _column(*parts: QWidget) -> QWidget:
    """Parts one below the other; what can grow takes the room."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for part in parts:
        column.addWidget(part)
    return whole
