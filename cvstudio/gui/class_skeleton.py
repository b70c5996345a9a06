"""Which keypoints the objects of a class have: their names in order, and the edges between them.

A picture for the hand and lines of text for the keyboard show the same skeleton; its template,
where the points lie in the picture, is stored with it. While it is changed the dialog says how many
objects have keypoints; `skeleton` holds the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from cvstudio.core.errors import ProjectError
from cvstudio.core.skeleton import COCO_PERSON, Edges, Skeleton
from cvstudio.core.skeleton_template import free_place, laid_out, with_other_sides
from cvstudio.core.words import quoted
from cvstudio.gui import skeleton_picture
from cvstudio.gui.one_step import ONE_STEP
from cvstudio.gui.skeleton_picture import SkeletonPicture
from cvstudio.gui.widgets.dialogs import StudioDialog, ask
from cvstudio.gui.widgets.section import Segments, label, link
from cvstudio.project import queries, skeleton_changes, skeletons
from cvstudio.project.project import Project
from cvstudio.project.skeleton_changes import Plan

_MODES = (
    "Click places a point, drag moves it (for a moment with Shift: join)",
    "Drag from one point to another, or click one and then the other",
)


class SkeletonDialog(StudioDialog):
    """A picture beside names and edges as lines; `skeleton` after it was accepted."""

    def __init__(self, parent: QWidget | None, project: Project, class_id: int) -> None:
        self._project, self._class_id = project, class_id
        with project.read() as session:
            found = {c.id: c for c in queries.classes(session)}[class_id]
            own = skeletons.own(session).get(class_id)
            shown = skeletons.skeletons(session).get(class_id)
            usual = skeletons.labelled(session, class_id)
        super().__init__(parent, f"Skeleton of {quoted(found.name)}", width=880, height=660)
        self.setObjectName("skeleton")
        words = (
            "The Keypoints tool asks for these points one after another, in this order; dragging a"
        )
        words += " box with it places them all at once, as they lie here."
        if own is None and shown is not None:
            words += " Now they are those of the class above."
        self.content.addWidget(label(words, "muted", wrap=True))
        self._own = laid_out(own) if own is not None else None
        self._usual = usual
        self._places: dict[str, tuple[float, float]] = {}
        """Where points lay that are not written just now: a line may be cut and pasted."""
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addLayout(self._hand(), 5)
        self.names = self._lines("Points, one a line")
        self.edges = self._lines("Edges, one a line: two points and a dash")
        for title, field in (("Points", self.names), ("Edges", self.edges)):
            column = QVBoxLayout()
            column.setSpacing(4)
            column.addWidget(label(title))
            column.addWidget(field, 1)
            row.addLayout(column, 2)
        self.names.setPlaceholderText("nose\nleft eye\nright eye")
        self.edges.setPlaceholderText("nose - left eye\n1 - 3")
        self.content.addLayout(row, 1)
        self.content.addLayout(self._presets())
        self.effects = label("", "caption", wrap=True)
        self.content.addWidget(self.effects)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Change skeleton", self.accept, next=True)
        self.picture.show_skeleton(shown or Skeleton(()), found.colour)
        self._write()
        self.picture.changed.connect(self._on_hand)
        self.names.textChanged.connect(self._on_names)
        self.edges.textChanged.connect(self._on_text)
        self._on_change()
        self._opened = self.skeleton
        self.picture.setFocus()

    def _hand(self) -> QVBoxLayout:
        """The picture, what clicks in it do, and a line that says so."""
        column = QVBoxLayout()
        column.setSpacing(4)
        self.modes = Segments(("Points", "Join"), tips=_MODES)
        self.modes.setAccessibleName("What clicks do")
        self.modes.chosen.connect(self._choose_mode)
        self.picture = SkeletonPicture()
        self.picture.setToolTip(
            "Keys: Page up and down walk, arrows move (Shift: far), F2 names, Del deletes,"
            " Ctrl+Z undoes"
        )
        self.hint = label(skeleton_picture.hint(joining=False), "caption", wrap=True)
        column.addWidget(self.modes)
        column.addWidget(self.picture, 1)
        column.addWidget(self.hint)
        return column

    def _presets(self) -> QHBoxLayout:
        presets = QHBoxLayout()
        self.person = link("Person, 17 points of COCO", lambda: self.picture.take(COCO_PERSON))
        self.sides = link(
            "Add the other sides", self._add_sides,
            tip="for left_eye a right_eye, mirrored, with its edges",
        )  # fmt: skip
        self.labelled = link(
            "Lie as labelled", self._lie_as_labelled,
            tip="the points lie as in the middle of the objects that are labelled",
        )  # fmt: skip
        self.labelled.setVisible(self._usual is not None)
        self.none = link("None", lambda: self.picture.take(Skeleton(())))
        for button in (self.person, self.sides, self.labelled, self.none):
            presets.addWidget(button)
        presets.addStretch(1)
        return presets

    def _lines(self, name: str) -> QPlainTextEdit:
        field = QPlainTextEdit()
        field.setAccessibleName(name)
        field.setToolTip(name)
        field.setTabChangesFocus(True)
        field.setMinimumSize(120, 220)
        return field

    def _choose_mode(self, index: int) -> None:
        self.picture.join_points(index == 1)
        self.hint.setText(skeleton_picture.hint(joining=index == 1))

    def _add_sides(self) -> None:
        self.picture.take(with_other_sides(self.picture.skeleton))

    def _lie_as_labelled(self) -> None:
        now = self.picture.skeleton
        assert self._usual is not None
        known = dict(zip(self._usual.names, self._usual.layout, strict=True))
        layout = tuple(
            known.get(name, place) for name, place in zip(now.names, now.layout, strict=True)
        )
        self.picture.take(replace(now, layout=layout))

    # -- one skeleton, in the picture and in words

    def _write(self) -> None:
        """The words for what the picture shows."""
        shown = self.picture.skeleton
        blocked = [QSignalBlocker(field) for field in (self.names, self.edges)]
        _set_lines(self.names, shown.names)
        _set_lines(self.edges, [f"{shown.names[a]} - {shown.names[b]}" for a, b in shown.edges])
        for each in blocked:
            each.unblock()
        self._remember()

    def _remember(self) -> None:
        shown = self.picture.skeleton
        self._places |= dict(zip(shown.names, shown.layout, strict=True))

    def _on_hand(self) -> None:
        self._write()
        self._on_change()

    def _on_names(self) -> None:
        """A point that is called something else is so in the edges too."""
        old, names = self.picture.skeleton, self._written_names()
        other = [n for n, name in enumerate(names) if name not in old.names]
        clear = all(pair for _, pair in pairs_in(self.edges.toPlainText(), old.names))
        if clear and len(other) == 1 and len(set(names)) == len(names) == len(old.names):
            places = Skeleton(names).moved_from(old)
            now = {old.names[place]: n for n, place in enumerate(places) if place is not None}
            lines = [
                f"{names[now[old.names[a]]]} - {names[now[old.names[b]]]}" for a, b in old.edges
            ]
            with QSignalBlocker(self.edges):
                _set_lines(self.edges, lines)
        self._on_text()

    def _on_text(self) -> None:
        """The picture of what is written, as far as it can be read."""
        old, names = self.picture.skeleton, self._written_names()
        layout: list[tuple[float, float]] = []
        for place, name in zip(Skeleton(names).moved_from(old), names, strict=True):
            lay = self._places.get(name)  # of its own before that of the point called so before
            if lay is None and place is not None:
                lay = old.layout[place]
            layout.append(lay or free_place((*old.layout, *layout)))
        edges = tuple(pair for _, pair in pairs_in(self.edges.toPlainText(), names) if pair)
        self.picture.show_skeleton(Skeleton(names, tuple(dict.fromkeys(edges)), tuple(layout)))
        self._remember()
        self._on_change()

    def _written_names(self) -> tuple[str, ...]:
        lines = (line.strip() for line in self.names.toPlainText().splitlines())
        return tuple(line for line in lines if line)

    @property
    def skeleton(self) -> Skeleton | None:
        """What is written, as it lies in the picture; None for none.

        Raises ProjectError when it is no skeleton.
        """
        names = self._written_names()
        edges = edges_of(self.edges.toPlainText(), names)
        if not names and not edges:
            return None
        made = Skeleton(names, edges, self.picture.skeleton.layout)
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
        self.note(ONE_STEP if possible else "")
        self.fit_height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc does not drop in passing what was drawn."""
        drawn = event.key() == Qt.Key.Key_Escape and self._drawn()
        if drawn and not ask(self, "Leave the skeleton as it was?", yes="Drop the changes"):
            return
        super().keyPressEvent(event)

    def _drawn(self) -> bool:
        """Whether something is other than when the dialog opened."""
        try:
            return self.skeleton != self._opened
        except ProjectError:
            return True

    def accept(self) -> None:
        """Close with the answer; points that would be lost are asked about."""
        try:
            plan = self._planned()
        except ProjectError as error:
            self._tell(error.message, possible=False)
            return
        text = "\n".join([*plan.sentences(), ONE_STEP])
        if plan.lost and not ask(self, "Lose these points?", text, yes="Lose them", danger=True):
            return
        super().accept()


def _set_lines(field: QPlainTextEdit, lines: tuple[str, ...] | list[str]) -> None:
    """Write lines where they are other ones, so that the caret stays where nothing changes."""
    text = "\n".join(lines)
    if text != field.toPlainText():
        field.setPlainText(text)


def edges_of(text: str, names: tuple[str, ...]) -> Edges:
    """Edges from lines such as "nose - left eye" or "1 - 3". Raises ProjectError for others.

    A name may hold dashes itself; numbers count from 1.
    """
    found: dict[tuple[int, int], None] = {}
    for line, pair in pairs_in(text, names):
        if pair is None:
            raise ProjectError(f"{quoted(line)} does not join two of the points.")
        found[pair] = None
    return tuple(found)


def pairs_in(text: str, names: tuple[str, ...]) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """Each line that says something, with the two points that it joins, or None."""
    places = {str(n): n - 1 for n in range(1, len(names) + 1)}
    places |= {name: place for place, name in enumerate(names)}
    for line in re.split(r"[\n,;]", text):
        if not line.strip():
            continue
        cuts = (match.start() for match in re.finditer("[-–]", line))
        pairs = ((line[:cut].strip(), line[cut + 1 :].strip()) for cut in cuts)
        known = next((pair for pair in pairs if pair[0] in places and pair[1] in places), None)
        yield line.strip(), None if known is None else (places[known[0]], places[known[1]])
