"""Asking why labels are rejected, with the reasons that were given before."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QDialog, QWidget

from cvstudio.gui.one_step import ONE_STEP
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label
from cvstudio.project import rejecting
from cvstudio.project.project import Project

_USUAL = ("objects are missing", "wrong class", "outlines are loose")


def ask_reason(parent: QWidget | None, project: Project, what: str) -> str:
    """Why; "" when the person does not want to reject."""
    with project.read() as session:
        before = rejecting.reasons(session)
    dialog = StudioDialog(parent, f"Reject {what}", width=440)
    dialog.setObjectName("reject")
    dialog.content.addWidget(label("Reason"))
    field = QComboBox()
    field.setEditable(True)
    field.setAccessibleName("Reason")
    field.addItems(list(dict.fromkeys((*before, *_USUAL))))
    field.setCurrentText("")
    dialog.content.addWidget(field)
    dialog.note(f"To be reviewed again. {ONE_STEP}")
    dialog.add_button("Cancel", dialog.reject)
    go = dialog.add_button("Reject", dialog.accept, next=True)
    go.setEnabled(False)
    field.editTextChanged.connect(lambda text: go.setEnabled(bool(text.strip())))
    field.setFocus()
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    answer = field.currentText().strip()
    dialog.deleteLater()
    return answer if accepted else ""
