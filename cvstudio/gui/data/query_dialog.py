"""Count, size, score and errors of runs as fields to fill in; the answer is words of a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QWidget

from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label
from cvstudio.project.query_language import KEYS, QueryError, Term, parse, quote


@dataclass(frozen=True)
class NumberTerm:
    """A number that is asked from and to: the key, its words, and the largest value."""

    key: str
    title: str
    unit: str
    most: float
    decimals: int = 0


NUMBERS = (
    NumberTerm("count", "Objects on the image", "", 1e6),
    NumberTerm("size", "Shorter side of an object", "px", 1e6, 1),
    NumberTerm("area", "Area of an object", "px²", 1e9, 1),
    NumberTerm("score", "Score of an object", "0 to 1", 1.0, 3),
)
_CHOSEN = ("run", "error")
OWN = (*(each.key for each in NUMBERS), *_CHOSEN)
"""The keys whose terms the dialog shows and writes."""


class QueryDialog(StudioDialog):
    """`query` is the text it began with, in which its own terms are those of the fields."""

    def __init__(
        self, parent: QWidget | None, text: str, names: Mapping[str, Sequence[str]]
    ) -> None:
        super().__init__(parent, "Filter by count, size, score or error", width=520)
        self._text = text
        self._terms = own_terms(text)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        self.content.addLayout(grid)
        for column, words in ((1, "at least"), (2, "at most")):
            grid.addWidget(label(words, "muted"), 0, column)
        self.fields: dict[tuple[str, str], QLineEdit] = {}
        for row, asked in enumerate(NUMBERS, 1):
            grid.addWidget(label(asked.title), row, 0)
            for column, operator in ((1, ">="), (2, "<=")):
                field = self._field(asked, operator)
                self.fields[asked.key, operator] = field
                grid.addWidget(field, row, column)
            grid.addWidget(label(asked.unit, "muted"), row, 3)
        runs, errors = list(names.get("run", ())), list(KEYS["error"].values)
        self.error = self._choice("Error of a run", ["Not asked", *errors])
        self.run = self._choice("Run", ["Newest judged run", *runs])
        for row, (title, box) in enumerate((("Run error", self.error), ("of run", self.run)), 5):
            grid.addWidget(label(title), row, 0)
            grid.addWidget(box, row, 1, 1, 2)
        self.run.setEnabled(bool(runs))
        self.error.setEnabled(bool(runs))
        self.words = label("", "muted", wrap=True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.content.addWidget(self.words)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Filter", self.accept, next=True)
        for box in (self.error, self.run):
            box.currentIndexChanged.connect(lambda _index: self._show())
        self._show()

    def _field(self, asked: NumberTerm, operator: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(f"{asked.title}, {'at least' if operator == '>=' else 'at most'}")
        check = QDoubleValidator(0.0, asked.most, asked.decimals, field)
        check.setNotation(QDoubleValidator.Notation.StandardNotation)
        check.setLocale(field.locale().c())
        field.setValidator(check)
        field.setPlaceholderText("any")
        field.setText(_said(self._terms, asked.key, operator))
        field.textChanged.connect(lambda _text: self._show())
        return field

    def _choice(self, name: str, options: Sequence[str]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.addItems(list(options))
        key = "error" if name.startswith("Error") else "run"
        had = next((t.values[0] for t in self._terms if t.key == key and t.values), "")
        box.setCurrentIndex(max(box.findText(had), 0))
        return box

    @property
    def query(self) -> str:
        """The words of the query."""
        words = [without_own(self._text)]
        for (key, operator), field in self.fields.items():
            if field.text() and field.hasAcceptableInput():
                words.append(f"{key}{operator}{field.text()}")
        if self.run.currentIndex() > 0:
            words.append(f"run:{quote(self.run.currentText())}")
        if self.error.currentIndex() > 0:
            words.append(f"error:{quote(self.error.currentText())}")
        return " ".join(word for word in words if word)

    def _show(self) -> None:
        wrong = [f for f in self.fields.values() if f.text() and not f.hasAcceptableInput()]
        self.go.setEnabled(not wrong)
        query = self.query
        self.words.setText(f"As a query: {query}" if query else "Every image is shown.")


def own_terms(text: str) -> list[Term]:
    """The terms of a query that the dialog can show; none where it cannot be understood."""
    try:
        return [t for t in parse(text) if t.key in OWN and _can_show(t)]
    except QueryError:
        return []


def without_own(text: str) -> str:
    """A query without the terms that the dialog shows; one that is no query is left out whole."""
    try:
        terms = parse(text)
    except QueryError:
        return ""
    for term in reversed([t for t in terms if t.key in OWN and _can_show(t)]):
        text = text[: term.start] + text[term.end :]
    return " ".join(text.split()) if '"' not in text else text.strip()


def _can_show(term: Term) -> bool:
    if term.negated or len(term.values) != 1:
        return False
    return term.key in _CHOSEN or term.operator in (">=", "<=", ":")


def _said(terms: Sequence[Term], key: str, operator: str) -> str:
    found = (t.values[0] for t in terms if t.key == key and t.operator in (operator, ":"))
    return next(found, "")
