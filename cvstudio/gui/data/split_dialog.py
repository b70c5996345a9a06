"""Edit split: shares, seed and rules, with a table of what would come of them; one undo step."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHeaderView,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import Split
from cvstudio.core.errors import ConfigError
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.data.shares import add_shares
from cvstudio.gui.data.statistics import SwatchHeader
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.one_step import ONE_STEP, make_step
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets import progress_dialog
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import SectionHeader, label
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project import commands, queries, splits
from cvstudio.project.records import ImageFilter

Proposal = tuple[dict[int, Split], dict[int, Split | None], dict[int, set[int]]]


def without_test(fractions: splits.Fractions) -> splits.Fractions:
    """The same proportion of train and val, with nothing for test."""
    train, val, _ = fractions
    if not train + val:
        return fractions
    share = train / (train + val)
    return share, 1 - share, 0.0


class SplitDialog(StudioDialog):
    """Seeded, stratified by class, sticky and group-aware; nothing changes before the answer."""

    def __init__(self, parent: QWidget, studio: Studio, *, settle: bool = False) -> None:
        """`settle`: propose what gives train and val a labelled image, as a run needs."""
        super().__init__(parent, "Edit split", width=720, height=540)
        self.setObjectName("split")
        self._studio = studio
        assert studio.project is not None
        self._project = studio.project
        self._latest = LatestWins(studio.tasks, owner=self)
        self._proposal: dict[int, Split] = {}
        self._changed: dict[int, Split] = {}
        with self._project.read() as session:
            self._classes = queries.classes(session)
            self._grouped = queries.has_groups(session)
        self._build()
        self._remedies = [self._move_from_train, self._divide_all] if settle else []
        self._ask()

    def _build(self) -> None:
        words = (
            "Train images teach the network, val images judge each epoch, test images judge the"
            " finished network once."
        )
        self.content.addWidget(label(words, "muted", wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        self.shares = add_shares(grid, self._ask)
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setAccessibleName("Seed")
        self.seed.valueChanged.connect(self._ask)
        grid.addWidget(label("seed", "muted"), 0, 3)
        grid.addWidget(self.seed, 1, 3)
        self.together = QComboBox()
        if self._grouped:
            self.together.addItem("images of the same group", "group")
        self.together.addItem("copies of a file only", None)
        self.together.addItem("images of the same folder", "folder")
        self.together.setMinimumWidth(220)
        self.together.setToolTip(
            "Keep together: a group is images of one thing, as of one patient, slide or film."
            " Make one on the Data page: select images, right click, Group"
        )
        self.together.currentIndexChanged.connect(self._ask)
        grid.addWidget(label("keep together", "muted"), 0, 4)
        grid.addWidget(self.together, 1, 4)
        grid.setColumnStretch(5, 1)
        self.content.addLayout(grid)
        row = QVBoxLayout()
        row.setSpacing(4)
        self.stratify = QCheckBox("Each class in the same shares")
        self.stratify.setChecked(True)
        self.stratify.toggled.connect(self._ask)
        self.keep = QCheckBox("Images that have a split keep it")
        self.keep.setChecked(True)
        self.keep.toggled.connect(self._ask)
        self.labelled = QCheckBox("Only labelled images")
        self.labelled.toggled.connect(self._ask)
        self.hold = QCheckBox("Test images stay in test")
        self.hold.setToolTip("What judges the finished network once is never trained on")
        self.hold.toggled.connect(self._ask)
        self.keep.toggled.connect(lambda on: self.hold.setEnabled(not on))
        self.hold.setEnabled(False)
        for box in (self.stratify, self.keep, self.hold, self.labelled):
            row.addWidget(box)
        self.content.addLayout(row)
        heading = SectionHeader("What comes of it", padded=False)
        heading.figure.setText("all figures count images; a class counts those that show it")
        self.content.addWidget(heading)
        self.table = QTableWidget(4, 3 + len(self._classes))
        self.table.setAccessibleName("Images of each split")
        self._dress_table()
        self.content.addWidget(self.table, 1)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Divide", self._divide, next=True)

    def _dress_table(self) -> None:
        table = self.table
        table.setHorizontalHeader(SwatchHeader())
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.verticalHeader().setDefaultSectionSize(theme.size("row_compact"))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for column, text in enumerate(("Split", "Images", "Share")):
            item = QTableWidgetItem(text)
            item.setTextAlignment(
                right if column else Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            )
            table.setHorizontalHeaderItem(column, item)
        for column, found in enumerate(self._classes, 3):
            item = QTableWidgetItem(found.name)
            item.setData(Qt.ItemDataRole.UserRole, found.colour)
            item.setToolTip(tip(f"Images that show {found.name}"))
            item.setTextAlignment(right)
            table.setHorizontalHeaderItem(column, item)
        mode = QHeaderView.ResizeMode
        wide = len(self._classes) > 6
        table.horizontalHeader().setSectionResizeMode(
            mode.ResizeToContents if wide else mode.Stretch
        )

    def _ask(self, _value: object = None) -> None:
        """Propose again with what is chosen now, in a thread; what was proposed before is not what
        is chosen any more."""
        self.go.setEnabled(False)
        train, val, test = (spin.value() / 100 for spin in self.shares)
        fractions = (train, val, test)
        try:
            splits.check_fractions(fractions)
        except ConfigError:
            total = sum(spin.value() for spin in self.shares)
            self._latest.drop()
            self.note(f"The shares add up to {total:g} %, not 100 %.")
            return
        project, seed = self._project, self.seed.value()
        stratify, keep = self.stratify.isChecked(), self.keep.isChecked()
        group_by, labelled = self.together.currentData(), self.labelled.isChecked()
        hold = self.hold.isChecked() and not keep

        def propose(_control: object) -> Proposal:
            with project.read() as session:
                chosen = ImageFilter(without_annotations=False) if labelled else ImageFilter()
                ids = queries.image_ids(session, chosen)
                before = {r.id: r.split for r in queries.images(session, ids)}
                held = {i: s for i, s in before.items() if hold and s is Split.TEST}
                found = splits.propose(
                    session, image_ids=[i for i in ids if i not in held],
                    fractions=without_test(fractions) if held else fractions, seed=seed,
                    stratify=stratify, group_by=group_by, keep=keep,
                ) | held  # fmt: skip
                shown = queries.class_ids_by_image(session, ids)
            return found, before, shown

        self._latest.request(propose, self._show)

    def _show(self, result: Proposal) -> None:
        proposal, before, shown = result
        taught = {split for image_id, split in proposal.items() if shown.get(image_id)}
        if self._remedies and not {Split.TRAIN, Split.VAL} <= taught:
            self._remedies.pop(0)()
            return
        self._remedies.clear()
        self._proposal = proposal
        self._changed = {i: split for i, split in proposal.items() if before.get(i) != split}
        sizes = Counter(proposal.values())
        per_class: Counter[tuple[Split, int]] = Counter()
        for image_id, split in proposal.items():
            per_class.update((split, class_id) for class_id in shown.get(image_id, ()))
        total = len(proposal)
        for line, split in enumerate(Split):
            share = f"{100 * sizes[split] / total:.0f} %" if total else ""
            cells = [str(split), f"{sizes[split]:,}", share]
            cells += [f"{per_class[split, c.id]:,}" for c in self._classes]
            self._fill(line, cells)
        sums = [f"{sum(per_class[split, c.id] for split in Split):,}" for c in self._classes]
        self._fill(3, ["all", f"{total:,}", "", *sums])
        number = len(self._changed)
        self.go.setText(f"Divide {counted(total, 'image')}")
        self.go.setEnabled(number > 0)
        self.note(
            f"{counted(number, 'image changes its', 'images change their')} split. {ONE_STEP}"
            if number
            else "Nothing would change."
        )

    def _move_from_train(self) -> None:
        """Deal out again what is labelled and not in test."""
        self._choose(keep=False, hold=True, labelled=True)

    def _divide_all(self) -> None:
        """Deal out again all that is labelled."""
        self._choose(keep=False, hold=False, labelled=True)

    def _choose(self, *, keep: bool, hold: bool, labelled: bool) -> None:
        for box, on in ((self.keep, keep), (self.hold, hold), (self.labelled, labelled)):
            box.blockSignals(True)
            box.setChecked(on)
            box.blockSignals(False)
        self.hold.setEnabled(not keep)
        self._ask()

    def _fill(self, line: int, cells: list[str]) -> None:
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            if line == 3:
                item.setForeground(theme.colour("muted"))
            self.table.setItem(line, column, item)

    def _divide(self) -> None:
        changed = dict(self._changed)
        step = f"Divide {counted(len(self._proposal), 'image')}"
        far = len(changed) > progress_dialog.MANY_IMAGES
        outcome = make_step(
            self._studio, self, step, lambda s: commands.set_splits(s, changed), far=far
        )
        if outcome.error is not None:
            self._studio.fail(outcome.error)
        if outcome.error is not None or outcome.cancelled:
            return
        self._latest.drop()
        self.accept()
        self._studio.toast(
            f"{counted(len(changed), 'image has', 'images have')} another split now.",
            level="success", link="Undo", do=self._studio.undo,
        )  # fmt: skip

    def reject(self) -> None:
        """Leave the splits as they are."""
        self._latest.drop()
        super().reject()
