"""What can be done to many selected images at once; each is one undo step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QDialog, QWidget

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.words import counted, quoted
from cvstudio.gui.data.attribute_dialog import AttributeDialog
from cvstudio.gui.data.class_dialog import ClassDialog
from cvstudio.gui.one_step import make_step
from cvstudio.gui.reject_dialog import ask_reason
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets import progress_dialog
from cvstudio.gui.widgets.dialogs import ask_text
from cvstudio.project import commands, image_classes, queries, rejecting, relabelling, tagging


class Bulk:
    """Acts on studio.selection."""

    def __init__(self, studio: Studio, page: QWidget) -> None:
        self._studio, self._page = studio, page

    def connect(self) -> None:
        """Connect the actions of the table."""
        handlers: dict[str, Callable[[], Any]] = {
            "data.set_train": lambda: self.set_split(Split.TRAIN),
            "data.set_val": lambda: self.set_split(Split.VAL),
            "data.set_test": lambda: self.set_split(Split.TEST),
            "data.set_none": lambda: self.set_split(None),
            "data.mark_reviewed": lambda: self.set_review(Review.REVIEWED),
            "data.mark_empty": lambda: self.set_review(Review.EMPTY),
            "data.mark_labelled": lambda: self.set_review(Review.LABELLED),
            "data.reject": self.reject,
            "data.tag": self.tag,
            "data.class": self.choose_class,
            "data.attribute": self.set_attribute,
            "data.group": self.keep_together,
            "data.ungroup": self.let_part,
            "data.remove": self.remove,
        }
        for id, handler in handlers.items():
            self._studio.actions.connect(id, handler, self._page)

    @property
    def _ids(self) -> list[int]:
        return list(self._studio.selection)

    def _do(self, step: str, do: Callable[[Any], object]) -> bool:
        """One undo step; on very many images in a thread. Whether it was done."""
        far = len(self._ids) > progress_dialog.MANY_IMAGES
        outcome = make_step(self._studio, self._page, step, do, far=far)
        if outcome.error is not None:
            self._studio.fail(outcome.error)
        return outcome.error is None and not outcome.cancelled

    def set_split(self, split: Split | None) -> None:
        """Put the selected images into a split, or into none."""
        ids = self._ids
        name = str(split) if split else "none"
        self._do(
            f"Set split of {counted(len(ids), 'image')} to {name}",
            lambda s: commands.set_split(s, image_ids=ids, split=split),
        )

    def set_review(self, review: Review) -> None:
        """Say how far the selected images are. "Empty" is refused where annotations are."""
        ids = self._ids
        project = self._studio.project
        assert project is not None
        if review is Review.EMPTY:
            with project.read() as session:
                counts = queries.annotation_counts(session, ids)
            with_some = [i for i in ids if counts[i]]
            if with_some:
                have = ("image has annotations and is", "images have annotations and are")
                self._studio.toast(
                    f"{counted(len(with_some), *have)} not empty.",
                    level="warning",
                    link="Show",
                    do=lambda: self._studio.go_to("data", ids=with_some, words="not empty"),
                )
                ids = [i for i in ids if not counts[i]]
        if ids:
            self._do(
                f"Mark {counted(len(ids), 'image')} as {review}",
                lambda s: commands.set_review(s, image_ids=ids, review=review),
            )

    def reject(self) -> None:
        """Send the labels of the selected images back; asks for the reason."""
        ids = self._ids
        project = self._studio.project
        assert project is not None
        reason = ask_reason(self._page, project, counted(len(ids), "image"))
        if reason:
            self._do(
                f"Reject {counted(len(ids), 'image')}",
                lambda s: rejecting.reject(s, image_ids=ids, reason=reason),
            )

    def set_class(self, class_id: int | None) -> None:
        """Say what the selected images show, in projects that classify. Where images may have
        several classes, those that lack it get this one; when all have it, they lose it."""
        ids = self._ids
        if class_id is not None and self._several():
            self._do(
                f"Change class of {counted(len(ids), 'image')}",
                lambda s: image_classes.toggle(s, image_ids=ids, class_id=class_id),
            )
            return
        self._do(
            f"Set class of {counted(len(ids), 'image')}",
            lambda s: commands.set_image_class(s, image_ids=ids, class_id=class_id),
        )

    def choose_class(self) -> None:
        """Ask which class the selected images, or the objects on them, are to have."""
        ids = self._ids
        project = self._studio.project
        assert project is not None
        dialog = ClassDialog(self._page.window(), project, ids)
        wanted = dialog.exec() == QDialog.DialogCode.Accepted
        source, target = dialog.source, dialog.target
        dialog.deleteLater()
        if not wanted or target is None:
            return
        if project.task == Task.CLASSIFY:
            self.set_class(target.id)
            return
        self._do(
            f"Change class on {counted(len(ids), 'image')} to {quoted(target.name)}",
            lambda s: relabelling.change(s, image_ids=ids, source=source, target=target.id),
        )

    def set_attribute(self) -> None:
        """Ask for a value of an attribute of all objects of a class on the selected images."""
        dialog = AttributeDialog(self._page.window(), self._studio, self._ids)
        if not dialog.possible:
            self._studio.toast(
                "No object on the selected images is asked for an attribute:"
                " Manage classes says what a class asks.",
                link="Manage classes",
                do=lambda: self._studio.actions.trigger("data.classes"),
            )
        elif dialog.exec() == QDialog.DialogCode.Accepted:
            outcome = dialog.carry_out(source=self._page)
            if outcome.error is not None:
                self._studio.fail(outcome.error)
            elif outcome.result is not None:
                done = f"{dialog.step}."
                self._studio.toast(done, level="success", link="Undo", do=self._studio.undo)
        dialog.deleteLater()

    def _several(self) -> bool:
        project = self._studio.project
        assert project is not None
        with project.read() as session:
            return image_classes.several(session)

    def tag(self, name: str = "") -> None:
        """Give the selected images a tag; asks for its name when none is given."""
        ids = self._ids
        if not name:
            name = ask_text(self._page, f"Tag {counted(len(ids), 'image')}", "Tag", "", yes="Tag")
        if name:
            self._do(
                f"Tag {counted(len(ids), 'image')} {name}",
                lambda s: tagging.tag_images(s, image_ids=ids, tag=name),
            )

    def untag(self, name: str) -> None:
        """Take a tag off the selected images; one that no image carries any more is gone."""
        ids = self._ids
        self._do(
            f"Take tag {name} off {counted(len(ids), 'image')}",
            lambda s: tagging.untag_images(s, image_ids=ids, tag=name),
        )

    def tags(self) -> dict[str, bool]:
        """The project's tags, each with whether all selected images carry it."""
        project = self._studio.project
        assert project is not None
        with project.read() as session:
            carried = queries.tags_of(session, self._ids).values()
            counts = Counter(tag for tags in carried for tag in tags)
            return {
                tag.name: bool(self._ids) and counts[tag.name] == len(self._ids)
                for tag in queries.tags(session)
            }

    def keep_together(self, name: str = "") -> None:
        """Let the selected images share a split (one patient, one slide); asks for the group's
        name when none is given."""
        ids = self._ids
        many = counted(len(ids), "image")
        if not name:
            project = self._studio.project
            assert project is not None
            with project.read() as session:
                first = queries.images(session, ids[:1])[0]
            name = ask_text(
                self._page, f"Keep {many} together", "Name of the group",
                first.group or first.name.rpartition(".")[0], yes="Keep together",
                note="Images of one group always share a split: one patient, one slide.",
            )  # fmt: skip
        if name and self._do(
            f"Keep {many} together",
            lambda s: commands.set_group(s, image_ids=ids, group=name),
        ):
            self._studio.toast(f"{many} of the group {name} share a split when images are divided.")

    def let_part(self) -> None:
        """Let each of the selected images stand alone when images are divided."""
        ids = self._ids
        self._do(
            f"Let {counted(len(ids), 'image')} part",
            lambda s: commands.set_group(s, image_ids=ids, group=""),
        )

    def remove(self) -> None:
        """Take the selected images out of the project after a question; files stay."""
        ids = self._ids
        project = self._studio.project
        assert project is not None
        with project.read() as session:
            annotations = sum(queries.annotation_counts(session, ids).values())
        text = "Their files stay where they are."
        if annotations:
            gone = counted(annotations, "annotation goes", "annotations go")
            text = f"{gone} with them. The files stay. Undo brings all back."
        many = counted(len(ids), "image")
        question = f"Remove {many} from the project?"
        if not self._studio.ask(question, text, yes=f"Remove {many}", danger=True):
            return
        if self._do(f"Remove {many}", lambda s: commands.remove_images(s, ids=ids)):
            self._studio.toast(f"{many} removed.", link="Undo", do=self._studio.undo)
