"""Which keypoints the objects of a class have: their names in order, and the edges between them.

While it is changed the dialog says how many objects have keypoints; `skeleton` holds the answer.
"""

from __future__ import annotations

import re

from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from cvstudio.core.errors import ProjectError
from cvstudio.core.skeleton import COCO_PERSON, Edges, Skeleton
from cvstudio.core.words import quoted
from cvstudio.gui.widgets.dialogs import StudioDialog, ask
from cvstudio.gui.widgets.section import label, link
from cvstudio.project import queries, skeleton_changes, skeletons
from cvstudio.project.project import Project
from cvstudio.project.skeleton_changes import Plan

_UNDO = "One step, undone with Ctrl+Z."


class SkeletonDialog(StudioDialog):
    """Names and edges as lines of text; `skeleton` after it was accepted, None for none."""

    def __init__(self, parent: QWidget | None, project: Project, class_id: int) -> None:
        self._project, self._class_id = project, class_id
        with project.read() as session:
            names = {c.id: c.name for c in queries.classes(session)}
            own = skeletons.own(session).get(class_id)
            shown = skeletons.skeletons(session).get(class_id)
        super().__init__(parent, f"Skeleton of {quoted(names[class_id])}", width=560)
        self.setObjectName("skeleton")
        words = "The Keypoints tool asks for these points one after another, in this order."
        if own is None and shown is not None:
            words += " Now they are those of the class above."
        self.content.addWidget(label(words, "muted", wrap=True))
        self._own = own
        self.names = self._lines("Points, one a line")
        self.edges = self._lines("Edges, one a line: two points and a dash")
        row = QHBoxLayout()
        row.setSpacing(16)
        for title, field in (("Points", self.names), ("Edges", self.edges)):
            column = QVBoxLayout()
            column.setSpacing(4)
            column.addWidget(label(title))
            column.addWidget(field, 1)
            row.addLayout(column, 1)
        self.names.setPlaceholderText("nose\nleft eye\nright eye")
        self.edges.setPlaceholderText("nose - left eye\n1 - 3")
        self.content.addLayout(row, 1)
        presets = QHBoxLayout()
        self.person = link("Person, 17 points of COCO", lambda: self.show_skeleton(COCO_PERSON))
        self.none = link("None", lambda: self.show_skeleton(None))
        for button in (self.person, self.none):
            presets.addWidget(button)
        presets.addStretch(1)
        self.content.addLayout(presets)
        self.effects = label("", "caption", wrap=True)
        self.content.addWidget(self.effects)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Change skeleton", self.accept, next=True)
        self.show_skeleton(shown)
        self.names.textChanged.connect(self._on_change)
        self.edges.textChanged.connect(self._on_change)
        self._on_change()

    def _lines(self, name: str) -> QPlainTextEdit:
        field = QPlainTextEdit()
        field.setAccessibleName(name)
        field.setToolTip(name)
        field.setTabChangesFocus(True)
        field.setMinimumHeight(220)
        return field

    def show_skeleton(self, skeleton: Skeleton | None) -> None:
        """Write a skeleton into the fields."""
        names = skeleton.names if skeleton is not None else ()
        edges = skeleton.edges if skeleton is not None else ()
        self.names.setPlainText("\n".join(names))
        self.edges.setPlainText("\n".join(f"{names[a]} - {names[b]}" for a, b in edges))

    @property
    def skeleton(self) -> Skeleton | None:
        """What is written. Raises ProjectError when it is no skeleton."""
        lines = (line.strip() for line in self.names.toPlainText().splitlines())
        names = tuple(line for line in lines if line)
        edges = edges_of(self.edges.toPlainText(), names)
        if not names and not edges:
            return None
        made = Skeleton(names, edges)
        if problem := made.problem():
            raise ProjectError(problem)
        return made

    def _planned(self) -> Plan:
        wanted = self.skeleton
        with self._project.read() as session:
            return skeleton_changes.plan(session, class_id=self._class_id, skeleton=wanted)

    def _on_change(self) -> None:
        try:
            plan = self._planned()
        except ProjectError as error:
            self._tell(error.message, possible=False)
            return
        self._tell("\n".join(plan.sentences()), possible=plan.skeleton != self._own)

    def _tell(self, words: str, *, possible: bool) -> None:
        self.effects.setText(words)
        self.go.setEnabled(possible)
        self.note(_UNDO if possible else "")
        self.fit_height()

    def accept(self) -> None:
        """Close with the answer; points that would be lost are asked about."""
        try:
            plan = self._planned()
        except ProjectError as error:
            self._tell(error.message, possible=False)
            return
        text = "\n".join([*plan.sentences(), _UNDO])
        if plan.lost and not ask(self, "Lose these points?", text, yes="Lose them", danger=True):
            return
        super().accept()


def edges_of(text: str, names: tuple[str, ...]) -> Edges:
    """Edges from lines such as "nose - left eye" or "1 - 3". Raises ProjectError for others.

    A name may hold dashes itself; numbers count from 1.
    """
    places = {str(n): n - 1 for n in range(1, len(names) + 1)}
    places |= {name: place for place, name in enumerate(names)}
    found: dict[tuple[int, int], None] = {}
    for line in re.split(r"[\n,;]", text):
        if not line.strip():
            continue
        cuts = (match.start() for match in re.finditer("[-–]", line))
        pairs = ((line[:cut].strip(), line[cut + 1 :].strip()) for cut in cuts)
        known = next((pair for pair in pairs if pair[0] in places and pair[1] in places), None)
        if known is None:
            raise ProjectError(f"{quoted(line.strip())} does not join two of the points.")
        found[places[known[0]], places[known[1]]] = None
    return tuple(found)
