"""The class manager: all classes as a tree, and everything that can be done to them.

Each change says before how many objects it touches, and is one undo step at once; Ctrl+Z works too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.attributes import Attribute, with_inherited
from cvstudio.core.errors import ProjectError
from cvstudio.core.words import counted, quoted
from cvstudio.gui.class_attributes import AttributesDialog
from cvstudio.gui.class_colours import fill_colours, spread_question
from cvstudio.gui.class_skeleton import SkeletonDialog
from cvstudio.gui.class_tree_view import ClassTree
from cvstudio.gui.one_step import ONE_STEP, make_step
from cvstudio.gui.own_steps import OwnSteps
from cvstudio.gui.shortcuts.class_keys import ask_key, fill_menu
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.dialogs import StudioDialog, ask, ask_text
from cvstudio.gui.widgets.section import Segments, label, push
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.gui.widgets.verbatim import face
from cvstudio.project import (
    attributes,
    class_tree,
    commands,
    image_classes,
    points_moving,
    queries,
    skeleton_changes,
)
from cvstudio.project.reach import Reach

_IN_MENU = 16
_MERGE = "“Merge into” joins the two."
_MANY = 10_000
"""Objects above which a change is made in a thread."""


class ClassManager(StudioDialog):
    """Rename, colour, key, order, kinds, attributes, skeleton, merge, split, delete."""

    def __init__(self, parent: QWidget | None, studio: Studio) -> None:
        super().__init__(parent, "Classes", width=640, height=520)
        self.setObjectName("classes")
        assert studio.project is not None
        self._studio, self._project = studio, studio.project
        self._classes: dict[int, LabelClass] = {}
        self._reach: dict[int, Reach] = {}
        self._parents: dict[int, int | None] = {}
        self._asked: dict[int, tuple[Attribute, ...]] = {}
        self._own_asked: dict[int, tuple[Attribute, ...]] = {}
        self._steps = OwnSteps(studio, studio.project, self)
        self.content.addWidget(label(
            "Drag a class to change the order, or onto another one to make it a kind of it (keys:"
            " Alt with the arrows). Kinds are found with their class and asked for its attributes;"
            " a network learns each class by itself.",
            "muted", wrap=True,
        ))  # fmt: skip
        self.several = Segments(("One class", "Several classes"))
        self.several.setAccessibleName("Each image has")
        if self._project.task is Task.CLASSIFY:
            self.content.addLayout(self._several_row())
        row = QHBoxLayout()
        row.setSpacing(16)
        self.tree = ClassTree()
        self.tree.itemSelectionChanged.connect(self._show_reach)
        self.tree.arranged.connect(self._arrange)
        self.tree.over.connect(self._show_move)
        self.tree.setDragEnabled(self._project.writable)
        self.tree.customContextMenuRequested.connect(self._open_context)
        self.tree.itemDoubleClicked.connect(lambda _item, _column: self.rename())
        row.addWidget(self.tree, 1)
        row.addLayout(self._buttons())
        self.content.addLayout(row, 1)
        self.add_button("Close", self.accept, next=True)
        QShortcut(QKeySequence("F2"), self, self.rename)
        QShortcut(QKeySequence("Del"), self.tree, self.delete)
        self.refresh()

    def _several_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(label("Each image has"))
        row.addWidget(self.several)
        row.addStretch(1)
        self.several.chosen.connect(lambda index: self.allow_several(index == 1))
        self.several.setEnabled(self._project.writable)
        return row

    def _buttons(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        self.one: list[QPushButton] = []
        self.some: list[QPushButton] = []
        rows: tuple[tuple[str, Callable[[], Any], bool | None], ...] = (
            ("Add", self.add, None),
            ("Rename", self.rename, True),
            ("Colour", self.colour_menu, True),
            ("Tell colours apart", self.spread_colours, None),
            ("Key", self.key_menu, True),
            ("Attributes", self.attributes, True),
            ("Skeleton", self.skeleton, True),
            ("Merge into", self.merge_menu, False),
            ("Split by attribute", self.split_menu, True),
            ("Delete", self.delete, False),
        )
        for text, do, single in rows:
            button = push(text)
            shows = do in (self.colour_menu, self.key_menu, self.merge_menu, self.split_menu)
            button.clicked.connect(partial(self._open, do, button) if shows else partial(_do, do))
            button.setAutoDefault(False)
            column.addWidget(button)
            if single is not None:  # it is about the selected class, or about several
                (self.one if single else self.some).append(button)
            button.setEnabled(self._project.writable)
        column.addStretch(1)
        return column

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._steps.takes(event):
            self.refresh()
            return
        super().keyPressEvent(event)

    # -- what is shown

    def refresh(self) -> None:
        """Read the classes again."""
        with self._project.read() as session:
            self._classes = {c.id: c for c in queries.classes(session)}
            self._parents = class_tree.parents(session)
            self._reach = class_tree.reach_by_class(session)
            self._own_asked = attributes.own(session)
            self._asked = with_inherited(self._own_asked, self._parents)
            self.several.choose(int(image_classes.several(session)))
        self.tree.show_classes(list(self._classes.values()), self._parents, self._reach)
        self._show_reach()

    def _show_reach(self) -> None:
        chosen = self.tree.chosen()
        write = self._project.writable
        for button in self.one:
            button.setEnabled(write and len(chosen) == 1)
        for button in self.some:
            button.setEnabled(write and bool(chosen))
        if not chosen:
            self.note("Select a class to see how many objects it has.")
            return
        names = " and ".join(self._classes[id].name for id in chosen)
        if len(chosen) > 2:
            names = counted(len(chosen), "class", "classes")
        asked = [each.name for each in self._asked[chosen[0]]] if len(chosen) == 1 else []
        also = f" Asked for {', '.join(asked)}." if asked else ""
        self.note(f"{names}: {self.reach()}.{also}")

    def _show_move(self, parent: int | bool | None) -> None:
        """What a drop here would do, while the drag goes on."""
        chosen = self.tree.chosen()
        if parent is False or not chosen:
            self._show_reach()
        elif parent in chosen:
            self.note("A class cannot be a kind of itself.")
        else:
            tree = [(id, parent if id in chosen else above) for id, above in self._parents.items()]
            self.note(self._effect(tree) or "Only the order changes. " + ONE_STEP)

    def _effect(self, tree: Sequence[tuple[int, int | None]]) -> str:
        """What another tree changes, in a sentence for the first class that moves; "" for none."""
        for id, parent in tree:
            if parent != self._parents.get(id):
                break
        else:
            return ""
        name = quoted(self._classes[id].name)
        after = {each.name for each in with_inherited(self._own_asked, dict(tree))[id]}
        before = {each.name for each in self._asked[id]}
        words = f"{name} stands by itself"
        if parent is not None:
            above = quoted(self._classes[parent].name)
            words = f"{name} becomes a kind of {above}: its {self._reach[id]} are found with it"
        for verb, names in (("asked for", after - before), ("no more asked for", before - after)):
            words += f", and {verb} {', '.join(sorted(names))}" if names else ""
        return f"{words}. {ONE_STEP}"

    def reach(self) -> Reach:
        """What a change of the selected classes would touch."""
        with self._project.read() as session:
            return class_tree.reach_of(session, self.tree.chosen())

    def _change(self, step: str, do: Callable[[Any], Any], *, objects: int = 0) -> None:
        """One undo step; where it touches very many objects, in a thread with progress."""
        before = self._project.present_step
        outcome = make_step(self._studio, self, step, do, far=objects > _MANY)
        self._tell(step, outcome.error)
        self._note_step(before)

    def _tell(self, step: str, error: BaseException | None) -> None:
        if isinstance(error, ProjectError):
            self._studio.toast(error.message, level="warning")
        elif error is not None:
            self._studio.fail(error, doing=step)

    def _note_step(self, before: int) -> None:
        """Whatever step has come since is one of this dialog; show the classes as they are."""
        self._steps.note(before)
        self.refresh()

    # -- the changes

    def add(self) -> None:
        """Add a class at the end."""
        name = ask_text(
            self, "Add a class", "Name", "", yes="Add", note=ONE_STEP, refuse=self._used
        )
        if name:
            self._change(f"Add class {quoted(name)}", lambda s: commands.add_class(s, name=name))
            new = self._named(name)
            if new is not None:
                self.tree.select_class(new.id)
                self.tree.setFocus()

    def rename(self) -> None:
        """Give the selected class another name."""
        chosen = self.tree.chosen()
        if len(chosen) != 1 or not self._project.writable:
            return
        found = self._classes[chosen[0]]
        note = f"{self.reach()} will have the new name. {ONE_STEP}"
        title = f"Rename {quoted(found.name)}"

        def refuse(name: str) -> str:
            why = self._used(name, but=found.id)
            return f"{why} {_MERGE}" if why else ""

        name = ask_text(self, title, "Name", found.name, yes="Rename", note=note, refuse=refuse)
        if name and name != found.name:
            self._change(
                f"Rename class {quoted(found.name)}",
                lambda s: commands.rename_class(s, id=found.id, name=name),
            )

    def _named(self, name: str) -> LabelClass | None:
        return next((c for c in self._classes.values() if c.name == name.strip()), None)

    def _used(self, name: str, *, but: int = 0) -> str:
        """Why a name cannot be given to a class, other than `but`; "" when it can."""
        found = self._named(name)
        if found is None or found.id == but:
            return ""
        return f"There is a class {quoted(found.name)} already."

    def colour_menu(self) -> QMenu:
        """The colours of classes, and any other."""
        menu = self._menu(f"{self.reach()} will be drawn in it")
        id = self.tree.chosen()[0]
        fill_colours(
            menu, self._classes[id], self._classes.values(),
            give=partial(self._recolour, id), over=self,
        )  # fmt: skip
        return menu

    def spread_colours(self) -> None:
        """Give other colours to classes that look like one above them, after saying how many."""
        with self._project.read() as session:
            alike = commands.alike_colours(session)
        if not alike:
            self.note("Every class has a colour that is told from all others.")
            return
        title, text = spread_question(alike, self._classes)
        if ask(self, title, f"{text} {ONE_STEP}", yes="Recolour"):
            self._change("Tell colours apart", commands.spread_colours)

    def _recolour(self, id: int, colour: str) -> None:
        step = f"Recolour class {quoted(self._classes[id].name)}"
        self._change(step, lambda s: commands.recolour_class(s, id=id, colour=colour))

    def key_menu(self) -> QMenu:
        """The keys, each with the class that would lose it."""
        menu = self._menu("No object changes")
        id = self.tree.chosen()[0]
        fill_menu(
            menu, self._classes[id], self._classes.values(),
            give=partial(self._set_key, id), ask=partial(self._ask_key, id),
        )  # fmt: skip
        return menu

    def _ask_key(self, id: int) -> None:
        key = ask_key(self, self._studio.actions, self._classes[id], self._classes.values())
        if key is not None:
            self._set_key(id, key)

    def _set_key(self, id: int, key: str) -> None:
        step = f"Set the key of {quoted(self._classes[id].name)}"
        self._change(step, lambda s: commands.set_hotkey(s, id=id, hotkey=key))

    def merge_menu(self) -> QMenu:
        """The classes that could take the objects of the selected ones."""
        chosen = self.tree.chosen()
        menu = self._menu(f"{self.reach()} will change class")
        others = [found for found in self._classes.values() if chosen != [found.id]]
        # A menu with every class of a large project would cover the screen.
        parts = [others[start : start + _IN_MENU] for start in range(0, len(others), _IN_MENU)]
        for part in parts:
            title = f"{part[0].name} to {part[-1].name}"
            place = menu if len(parts) == 1 else menu.addMenu(face(title))
            for found in part:
                action = place.addAction(swatch_icon(found.colour), face(found.name))
                action.triggered.connect(partial(self.merge, found.id))
        return menu

    def merge(self, target: int, _checked: bool = False) -> None:
        """Give the objects of the selected classes to another one, after asking."""
        sources = [id for id in self.tree.chosen() if id != target]
        with self._project.read() as session:
            reach = class_tree.reach_of(session, sources)
            more = [each.name for each in class_tree.gained(session, target, sources)]
            points = points_moving.merging_sentences(
                session, sources=sources, target=target, name=self._classes[target].name
            )
            losing = bool(points_moving.merging(session, sources=sources, target=target).losing)
        names = ", ".join(quoted(self._classes[id].name) for id in sources)
        into = quoted(self._classes[target].name)
        gone = counted(len(sources), "class goes", "classes go")
        asked = f" {into} then asks for {', '.join(more)} as well." if more else ""
        text = f"{reach} become {into}, and {gone}.{asked}"
        text = "\n".join([text, *points, ONE_STEP]) if points else f"{text} {ONE_STEP}"
        if ask(self, f"Merge {names} into {into}?", text, yes="Merge", danger=losing):
            self._change(
                f"Merge {names} into {into}",
                lambda s: class_tree.merge(s, sources=sources, target=target),
                objects=reach.rows,
            )

    def split_menu(self) -> QMenu:
        """The attributes that the objects of the selected class have, each with its values."""
        id = self.tree.chosen()[0]
        with self._project.read() as session:
            found = class_tree.attribute_values(session, id)
        menu = self._menu("Its objects have no attributes" if not found else "Split by")
        for attribute, values in found.items():
            objects = sum(reach.objects for reach in values.values())
            words = f"{attribute}: {counted(len(values), 'value')}, {counted(objects, 'object')}"
            menu.addAction(face(words), partial(self.split, id, attribute))
        return menu

    def split(self, id: int, attribute: str) -> None:
        """Make a class of each value of an attribute, after showing which."""
        with self._project.read() as session:
            values = class_tree.attribute_values(session, id)[attribute]
        name = self._classes[id].name
        lines = [
            f"{class_tree.split_name(name, attribute, value)}: {reach}"
            for value, reach in values.items()
        ]
        text = "\n".join([*lines, f"They become kinds of {quoted(name)}. {ONE_STEP}"])
        if ask(self, f"Split {quoted(name)} by {attribute}?", text, yes="Split"):
            self._change(
                f"Split {quoted(name)} by {attribute}",
                lambda s: class_tree.split_by_attribute(s, id=id, attribute=attribute),
                objects=sum(reach.rows for reach in values.values()),
            )

    def delete(self) -> None:
        """Delete the selected classes and their objects, after asking."""
        chosen = self.tree.chosen()
        if not chosen or not self._project.writable:
            return
        names = ", ".join(quoted(self._classes[id].name) for id in chosen)
        reach = self.reach()
        text = f"{reach} are deleted with it. {ONE_STEP}"
        if ask(self, f"Delete {names}?", text, yes="Delete", danger=True):
            self._change(
                f"Delete class {names}",
                lambda s: class_tree.delete(s, ids=chosen),
                objects=reach.rows,
            )

    def _arrange(self, tree: Sequence[tuple[int, int | None]]) -> None:
        told = self._effect(tree)
        self._change("Arrange the classes", lambda s: class_tree.arrange(s, tree))
        if told:
            self.note(told)

    def allow_several(self, allowed: bool) -> None:
        """Let images have several classes, or one; who loses a class is counted before."""
        with self._project.read() as session:
            losing = [] if allowed else image_classes.with_several(session)
        many = counted(len(losing), "image loses", "images lose")
        text = f"{many} classes: the one that was given first stays. {ONE_STEP}"
        if not losing or ask(self, "One class for each image?", text, yes="Keep one", danger=True):
            words = "Allow several classes" if allowed else "Allow one class"
            self._change(
                f"{words} for each image", lambda s: image_classes.allow_several(s, allowed)
            )
        self.refresh()

    def attributes(self) -> None:
        """What objects of the selected class are asked for."""
        id = self.tree.chosen()[0]
        dialog = AttributesDialog(self, self._studio, id)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            before = self._project.present_step
            step = f"Change the attributes of {quoted(self._classes[id].name)}"
            self._tell(step, dialog.carry_out(step, source=self).error)
            self._note_step(before)
        dialog.deleteLater()

    def skeleton(self) -> None:
        """Which keypoints objects of the selected class have."""
        id = self.tree.chosen()[0]
        dialog = SkeletonDialog(self, self._project, id)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            wanted = dialog.skeleton
            self._change(
                f"Change the skeleton of {quoted(self._classes[id].name)}",
                lambda s: skeleton_changes.define(s, class_id=id, skeleton=wanted),
            )
        dialog.deleteLater()

    # -- menus

    def _menu(self, heading: str) -> QMenu:
        menu = QMenu(self)
        menu.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        menu.addAction(face(heading)).setEnabled(False)
        menu.addSeparator()
        return menu

    def _open(
        self, made: Callable[[], QMenu], button: QPushButton, _checked: bool = False
    ) -> None:  # fmt: skip
        menu = made()
        menu.exec(button.mapToGlobal(QPoint(0, button.height() + 2)))
        menu.deleteLater()

    def _open_context(self, place: QPoint) -> None:
        if len(self.tree.chosen()) != 1 or not self._project.writable:
            return
        menu = self._menu(str(self.reach()))
        menu.addAction("Rename", self.rename)
        menu.addAction("Attributes…", self.attributes)
        menu.addAction("Skeleton…", self.skeleton)
        for title, made in (("Colour", self.colour_menu), ("Key", self.key_menu),
                            ("Merge into", self.merge_menu),
                            ("Split by attribute", self.split_menu)):  # fmt: skip
            inner = made()
            inner.setTitle(title)
            menu.addMenu(inner)
        menu.addAction("Delete", self.delete)
        menu.exec(self.tree.viewport().mapToGlobal(place))
        menu.deleteLater()


def _do(do: Callable[[], Any], _checked: bool = False) -> None:
    do()


def manage_classes(studio: Studio, *, class_id: int | None = None) -> None:
    """Open the class manager, with a class selected."""
    dialog = ClassManager(studio.window, studio)
    if class_id is not None:
        dialog.tree.select_class(class_id)
    dialog.exec()
    dialog.deleteLater()
