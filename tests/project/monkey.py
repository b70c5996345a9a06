"""Somebody who does anything that can be done to a project, at random."""

from __future__ import annotations

import random

import numpy as np
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Review, Shape, Source, Split, State
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask
from cvstudio.project import (
    commands,
    comments,
    copying,
    queries,
    rows,
    shaping,
    tagging,
)
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


def some_shape(chance: random.Random) -> Shape:
    x, y = chance.uniform(0, 150), chance.uniform(0, 70)
    square = np.array([(0, 0), (40, 0), (40, 25), (0, 25)], np.float64)
    mask = Mask.from_patch(np.ones((5, 7), np.uint8), int(x), int(y))
    corner = np.array([x, y])
    holed = Polygon((Part(square + corner, (square / 4 + corner + 3,)),))
    return chance.choice([Box(x, y, 20, 15), holed, mask, None])


class Monkey:
    """Does something to a project at random; each method is one command with valid arguments."""

    def __init__(self, s: Session, chance: random.Random) -> None:
        self.s, self.chance = s, chance
        self.images = queries.image_ids(s)
        self.classes = [c.id for c in queries.classes(s)]
        found = queries.annotations_of(s, self.images).values()
        self.annotations = [a.id for each in found for a in each]
        self.number = chance.randrange(10**9)

    def few(self, ids: list[int]) -> list[int]:
        return self.chance.sample(ids, min(len(ids), self.chance.randint(1, 4)))

    def one(self, ids: list[int]) -> int:
        return self.chance.choice(ids)

    def add_annotation(self) -> None:
        commands.add_annotation(
            self.s,
            image_id=self.one(self.images),
            class_id=self.one(self.classes),
            shape=some_shape(self.chance),
            source=self.chance.choice(list(Source)),
            state=self.chance.choice(list(State)),
            score=self.chance.choice([None, 0.5]),
            attributes=self.chance.choice([None, {"iscrowd": 1, "né": "🔬"}]),
        )

    def set_shape(self) -> None:
        commands.set_shape(self.s, id=self.one(self.annotations), shape=some_shape(self.chance))

    def set_class(self) -> None:
        ids = self.few(self.annotations)
        commands.set_class(self.s, ids=ids, class_id=self.one(self.classes))

    def set_state(self) -> None:
        state = self.chance.choice(list(State))
        commands.set_state(self.s, ids=self.few(self.annotations), state=state)

    def set_attributes(self) -> None:
        commands.set_attributes(self.s, id=self.one(self.annotations), attributes={"n": 1})

    def delete_annotations(self) -> None:
        commands.delete_annotations(self.s, ids=self.few(self.annotations))

    def set_locked(self) -> None:
        locked = self.chance.random() < 0.7
        shaping.set_locked(self.s, ids=self.few(self.annotations), locked=locked)

    def comment(self) -> None:
        place = self.chance.choice([None, (3.5, 4.0)])
        image_id = self.one(self.images)
        comments.add_comment(self.s, image_id=image_id, text="why? 🔬", place=place)

    def change_comments(self) -> None:
        of = comments.comments_of(self.s, self.images).values()
        ids = self.few([c.id for each in of for c in each])
        comments.resolve_comments(self.s, ids=ids)
        for id in ids[1:2]:
            comments.edit_comment(self.s, id=id, text=f"words {self.number}")
            comments.move_comment(self.s, id=id, place=(1.0, self.number))
        comments.delete_comments(self.s, ids=ids[2:])

    def stack(self) -> None:
        found = queries.annotation(self.s, self.one(self.annotations))
        assert found is not None
        to = self.chance.choice(["front", "back"])
        shaping.stack(self.s, image_id=found.image_id, ids=[found.id], to=to)

    def copy_annotations(self) -> None:
        ids = self.few(self.annotations)
        copying.copy_annotations(self.s, ids=ids, image_ids=self.few(self.images))

    def set_image_class(self) -> None:
        class_id = self.chance.choice([None, *self.classes])
        commands.set_image_class(self.s, image_ids=self.few(self.images), class_id=class_id)

    def add_class(self) -> None:
        commands.add_class(self.s, name=f"class {self.number}")

    def rename_class(self) -> None:
        commands.rename_class(self.s, id=self.one(self.classes), name=f"renamed {self.number}")

    def recolour_class(self) -> None:
        commands.recolour_class(self.s, id=self.one(self.classes), colour=f"#{self.number:06X}"[:7])

    def set_hotkey(self) -> None:
        key = self.chance.choice("1234567890")
        commands.set_hotkey(self.s, id=self.one(self.classes), hotkey=key)

    def reorder_classes(self) -> None:
        commands.reorder_classes(self.s, ids=self.few(self.classes))

    def delete_class(self) -> None:
        if len(self.classes) > 2:
            commands.delete_class(self.s, id=self.one(self.classes))

    def merge_classes(self) -> None:
        if len(self.classes) > 2:
            source, target = self.chance.sample(self.classes, 2)
            commands.merge_classes(self.s, source=source, target=target)

    def set_review(self) -> None:
        review = self.chance.choice(list(Review))
        commands.set_review(self.s, image_ids=self.few(self.images), review=review)

    def set_split(self) -> None:
        split = self.chance.choice([None, *Split])
        commands.set_split(self.s, image_ids=self.few(self.images), split=split)

    def set_splits(self) -> None:
        splits = {id: self.chance.choice(list(Split)) for id in self.few(self.images)}
        commands.set_splits(self.s, splits)

    def set_group(self) -> None:
        commands.set_group(self.s, image_ids=self.few(self.images), group="patient 7")

    def add_images(self) -> None:
        new = [NewImage(f"new/{self.number} {n}.png", width=9, height=9) for n in range(3)]
        commands.add_images(self.s, new)

    def remove_images(self) -> None:
        if len(self.images) > 4:
            commands.remove_images(self.s, ids=self.few(self.images)[:2])

    def relocate_images(self) -> None:
        uris = {id: f"moved/{self.number}/{id}.png" for id in self.few(self.images)}
        commands.relocate_images(self.s, uris)

    def update_images(self) -> None:
        values = [(id, "f" * 64, 12) for id in self.few(self.images)]
        commands.update_images(self.s, ("sha256", "size"), values)

    def tag_images(self) -> None:
        tag = self.chance.choice(["blurred", "rare"])
        tagging.tag_images(self.s, image_ids=self.few(self.images), tag=tag)

    def untag_images(self) -> None:
        tagging.untag_images(self.s, image_ids=self.few(self.images), tag="rare")

    def rename_and_delete_tag(self) -> None:
        for tag in queries.tags(self.s)[:1]:
            tagging.rename_tag(self.s, id=tag.id, name=f"tag {self.number}")
            tagging.delete_tag(self.s, id=tag.id)

    def set_setting(self) -> None:
        value = self.chance.choice([None, {"steps": [self.number]}])
        commands.set_setting(self.s, "augmentation", value)

    def rename_project(self) -> None:
        commands.rename_project(self.s, name=f"project {self.number}")

    def import_many(self) -> None:
        new = [NewImage(f"bulk/{self.number}/{n}.png", width=50, height=50) for n in range(40)]
        ids = commands.add_images(self.s, new)
        class_id = self.one(self.classes)
        added = rows.add(
            self.s,
            "annotation",
            commands.ANNOTATION_COLUMNS,
            [
                commands.annotation_row(
                    image_id=id, class_id=class_id, shape=Box(1, 2, 3, 4), width=50, height=50
                )
                for id in ids
            ],
        )
        commands.delete_annotations(self.s, ids=[added[3], added[17]])


ACTS = [name for name in vars(Monkey) if not name.startswith("_") and name not in ("few", "one")]


NEED_ANNOTATIONS = {
    "set_shape", "set_class", "set_state", "set_attributes", "delete_annotations", "stack",
    "copy_annotations", "set_locked",
}  # fmt: skip


def act(project: Project, name: str, chance: random.Random) -> None:
    with project.transaction(name) as s:
        monkey = Monkey(s, chance)
        if name in NEED_ANNOTATIONS and not monkey.annotations:
            return
        getattr(monkey, name)()
