"""The last page of the import wizard: copy or refer, and which split the images go into."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.words import counted, size_words
from cvstudio.gui.data.shares import add_shares
from cvstudio.gui.widgets.section import label
from cvstudio.project import import_choices
from cvstudio.project.importing import ImportPlan


class SplitStep(QWidget):
    """Copy or refer, and which split the images go into."""

    def __init__(self, copy: bool) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(label("Where the images stay", "title"))
        self.refer = QRadioButton("Use them where they are; the project refers to them")
        self.copy_in = QRadioButton("Copy them into the project")
        where = QFrame(self)
        inner = QVBoxLayout(where)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.refer)
        inner.addWidget(self.copy_in)
        (self.copy_in if copy else self.refer).setChecked(True)
        column.addWidget(where)
        column.addSpacing(12)
        column.addWidget(label("Train, val and test", "title"))
        self.given = QCheckBox("")
        self.given.setChecked(True)
        column.addWidget(self.given)
        self.val = QCheckBox("")
        self.val.setChecked(True)
        column.addWidget(self.val)
        self.divide = QCheckBox("Divide the images that have no split")
        self.divide.setChecked(True)
        column.addWidget(self.divide)
        grid = QGridLayout()
        grid.setContentsMargins(24, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        self.shares = add_shares(grid, self._check)
        self._seed = QSpinBox()
        self._seed.setRange(0, 2**31 - 1)
        self._seed.setAccessibleName("Seed")
        grid.addWidget(label("seed", "muted"), 0, 3)
        grid.addWidget(self._seed, 1, 3)
        grid.setColumnStretch(4, 1)
        column.addLayout(grid)
        self.sum = label("", "danger_caption")
        self.sum.setContentsMargins(24, 0, 0, 0)
        column.addWidget(self.sum)
        words = (
            "Each class is divided in the same shares. The split is stored and stays;"
            " runs never shuffle it."
        )
        note = label(words, "caption", wrap=True)
        note.setContentsMargins(24, 0, 0, 0)
        column.addWidget(note)
        column.addStretch(1)
        self._undivided = self._wanting = 0
        self.divide.toggled.connect(self._check)
        self.given.toggled.connect(self._check)
        self._check()

    def show_plan(self, plan: ImportPlan) -> None:
        """Say what the source gives, and what copying takes."""
        given = import_choices.given_splits(plan)
        words = ", ".join(f"{number:,} {split}" for split, number in given.items())
        self.given.setText(f"Keep the split of the source: {words}")
        self.given.setVisible(bool(given))
        self.copy_in.setText(f"Copy them into the project ({size_words(plan.bytes)})")
        self._undivided = plan.split_counts().get(None, 0)
        self._wanting = import_choices.lacks_val(plan)
        self.val.setText(
            f"Make a val part: about {counted(self._wanting, 'image')} out of train,"
            " because a run is judged on val"
        )
        self._check()

    @property
    def copy(self) -> bool:
        return self.copy_in.isChecked()

    @property
    def keep_given(self) -> bool:
        return self.given.isChecked()

    @property
    def make_val(self) -> bool:
        """Whether some train images are to become val, because the source has none."""
        return self.val.isChecked() and not self.val.isHidden()

    @property
    def seed(self) -> int:
        return self._seed.value()

    @property
    def fractions(self) -> tuple[float, float, float] | None:
        """The shares of train, val and test; None: images without a split stay without."""
        total = sum(spin.value() for spin in self.shares)
        if not self.divide.isChecked() or abs(total - 100) > 1e-6:
            return None
        a, b, _ = (spin.value() / 100 for spin in self.shares)
        return a, b, 1 - a - b

    def summary(self) -> str:
        """For the list of steps."""
        return "copied" if self.copy else "used where they are"

    def _check(self) -> None:
        total = sum(spin.value() for spin in self.shares)
        wrong = abs(total - 100) > 1e-6
        self.sum.setText(f"The shares add up to {total:g} %, not 100 %." if wrong else "")
        self.sum.setVisible(wrong)
        kept = self.given.isChecked() and not self.given.isHidden()
        some = self._undivided > 0 or not kept
        self.val.setVisible(kept and self._wanting > 0)
        self.divide.setEnabled(some)
        self.divide.setToolTip("" if some else "Every image has a split")
        for spin in (*self.shares, self._seed):
            spin.setEnabled(some and self.divide.isChecked())
