"""Everything that can be done to a project: short verbs on a session, without any undo code.

Call them inside `with project.transaction("Menu text") as s:`. What they do to rows goes through
rows.py, which notes how to take it back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import (
    Kind,
    Review,
    Shape,
    Source,
    Split,
    State,
    area_of,
    box_of,
    kind_of,
    pack_shape,
)
from cvstudio.core.errors import ProjectError
from cvstudio.core.palette import next_colour, spread
from cvstudio.core.words import quoted
from cvstudio.project import points_moving, rows
from cvstudio.project.attributes import defaults
from cvstudio.project.queries import id_list, sizes
from cvstudio.project.records import NewImage, folder_of, name_of, sort_key
from cvstudio.project.tables import (
    AnnotationRow,
    ImageRow,
    LabelClassRow,
    SettingRow,
)

ANNOTATION_COLUMNS = (
    "image_id", "class_id", "kind", "x", "y", "w", "h", "area", "payload", "z", "source",
    "run_id", "score", "state", "attributes", "created", "updated",
)  # fmt: skip
IMAGE_COLUMNS = (
    "uri", "name", "folder", "sort_key", "sha256", "size", "width", "height", "page", "pages",
    "bit_depth", "channels", "orientation", "window_low", "window_high", "imported_at", "review",
    "split", "group", "problem",
)  # fmt: skip

HOTKEYS = "1234567890"


# Annotations


def add_annotation(
    s: Session,
    *,
    image_id: int,
    class_id: int,
    shape: Shape,
    source: Source = Source.HUMAN,
    score: float | None = None,
    run_id: int | None = None,
    attributes: Mapping[str, Any] | None = None,
    state: State = State.ACCEPTED,
) -> int:
    """Add one annotation above the others of its image and return its id.

    `shape` None says something about the whole image. The first annotation that counts makes an
    unlabelled image labelled. What a person draws without `attributes` has its class's defaults.
    """
    size = s.execute(select(ImageRow.width, ImageRow.height).where(ImageRow.id == image_id)).first()
    if size is None:
        raise ProjectError(f"There is no image {image_id} in the project.")
    top = s.scalar(select(func.max(AnnotationRow.z)).where(AnnotationRow.image_id == image_id))
    if attributes is None and source is Source.HUMAN:
        attributes = defaults(s, class_id)
    row = annotation_row(
        image_id=image_id,
        class_id=class_id,
        shape=shape,
        width=size[0],
        height=size[1],
        z=0 if top is None else top + 1,
        source=source,
        score=score,
        run_id=run_id,
        attributes=attributes,
        state=state,
    )
    (new,) = rows.add(s, "annotation", ANNOTATION_COLUMNS, [row])
    follow_review(s, [image_id])
    return new


def annotation_row(
    *,
    image_id: int,
    class_id: int,
    shape: Shape,
    width: float,
    height: float,
    z: int = 0,
    source: Source = Source.HUMAN,
    score: float | None = None,
    run_id: int | None = None,
    attributes: Mapping[str, Any] | None = None,
    state: State = State.ACCEPTED,
    at: float | None = None,
) -> tuple[Any, ...]:
    """An annotation as a row of ANNOTATION_COLUMNS, for rows.add."""
    box = box_of(shape, width=width, height=height)
    now = time.time() if at is None else at
    return (
        image_id, class_id, kind_of(shape).value, float(box.x), float(box.y), float(box.w),
        float(box.h), float(area_of(shape)), pack_shape(shape) or None, z, source.value, run_id,
        score, state.value, json.dumps(attributes, ensure_ascii=False) if attributes else None,
        now, now,
    )  # fmt: skip


def set_shape(s: Session, *, id: int, shape: Shape) -> None:
    """Give an annotation another shape; its kind follows.

    This is the hand of a person: an annotation that was imported or came from a network is the
    person's own from now on, without run and score, for neither stands for the new shape.
    """
    size = s.execute(
        select(ImageRow.width, ImageRow.height)
        .join(AnnotationRow, AnnotationRow.image_id == ImageRow.id)
        .where(AnnotationRow.id == id)
    ).first()
    if size is None:
        raise ProjectError("That annotation is no longer there.")
    box = box_of(shape, width=size[0], height=size[1])
    changed = rows.change(
        s, "annotation", [id],
        kind=kind_of(shape).value, x=float(box.x), y=float(box.y), w=float(box.w), h=float(box.h),
        area=float(area_of(shape)), payload=pack_shape(shape) or None,
    )  # fmt: skip
    _by_hand(s, changed)


def set_class(s: Session, *, ids: Iterable[int], class_id: int) -> None:
    """Give annotations another class, and keypoints its order (points_moving.py). As with
    set_shape, those that had another class before are the person's own from now on."""
    ids = list(ids)
    points_moving.take_along(s, ids=ids, class_id=class_id)
    _by_hand(s, rows.change(s, "annotation", ids, class_id=class_id))


def _by_hand(s: Session, ids: Iterable[int]) -> None:
    """A person has changed what these annotations say."""
    rows.change(s, "annotation", ids, source=Source.HUMAN.value, run_id=None, score=None)


def set_state(s: Session, *, ids: Collection[int], state: State) -> None:
    """Accept, reject or merely suggest annotations; review states follow what counts."""
    images = _images_of(s, ids)
    rows.change(s, "annotation", ids, state=state.value)
    follow_review(s, images)


def set_attributes(s: Session, *, id: int, attributes: Mapping[str, Any]) -> None:
    """Replace what an annotation carries ("iscrowd", fields of other programs)."""
    packed = json.dumps(attributes, ensure_ascii=False) if attributes else None
    rows.change(s, "annotation", [id], attributes=packed)


def delete_annotations(s: Session, *, ids: Collection[int]) -> None:
    """Remove annotations; an image that loses its last one becomes unlabelled unless reviewed."""
    images = _images_of(s, ids)
    rows.remove(s, "annotation", ids)
    follow_review(s, images)


def set_image_class(s: Session, *, image_ids: Collection[int], class_id: int | None) -> None:
    """Say which class whole images are, in place of what was said before; None says nothing.

    What an import or a network had said otherwise is the person's own word from now on.
    """
    old = s.execute(
        select(AnnotationRow.id, AnnotationRow.image_id, AnnotationRow.class_id)
        .where(id_list(AnnotationRow.image_id, image_ids), AnnotationRow.kind == Kind.IMAGE.value)
        .where(AnnotationRow.state == State.ACCEPTED.value)
        .order_by(AnnotationRow.z, AnnotationRow.id)
    ).all()
    kept: dict[int, int] = {}
    surplus = []
    for id, image, _ in old:
        if class_id is None or image in kept:
            surplus.append(id)
        else:
            kept[image] = id
    rows.remove(s, "annotation", surplus)
    if class_id is not None:
        _by_hand(s, rows.change(s, "annotation", kept.values(), class_id=class_id))
        missing = [image for image in image_ids if image not in kept]
        asked = defaults(s, class_id)
        new = [
            annotation_row(
                image_id=id, class_id=class_id, shape=None, width=w, height=h, attributes=asked
            )
            for id, (w, h) in sizes(s, missing).items()
        ]
        rows.add(s, "annotation", ANNOTATION_COLUMNS, new)
        waiting = s.scalars(
            select(AnnotationRow.id)
            .where(
                id_list(AnnotationRow.image_id, image_ids), AnnotationRow.kind == Kind.IMAGE.value
            )
            .where(AnnotationRow.state == State.SUGGESTED.value)
        )
        # The person has decided: what a network suggested for the whole image is settled.
        rows.change(s, "annotation", list(waiting), state=State.REJECTED.value)
    follow_review(s, image_ids)


# Label classes


def add_class(
    s: Session, *, name: str, colour: str | None = None, hotkey: str | None = None,
    beside: Iterable[str] = (),
) -> int:  # fmt: skip
    """Add a label class at the end and return its id.

    Without a colour or hotkey it takes the next free one; a class that is named like a key takes
    that key. `beside`: names of classes that come too, so that each of them finds its own key
    free. Raises ProjectError when the name is empty or taken.
    """
    name = _free_class_name(s, name)
    known = s.execute(select(LabelClassRow.colour, LabelClassRow.hotkey, LabelClassRow.order)).all()
    if colour is None:
        colour = next_colour(row.colour for row in known)
    if hotkey is None:
        used = {row.hotkey for row in known}
        hotkey = _own_hotkey(name, used, beside)
    else:
        _free_hotkey(s, hotkey)
    order = max((row.order for row in known), default=-1) + 1
    columns = ("name", "colour", "hotkey", "order")
    (new,) = rows.add(s, "label_class", columns, [(name, colour, hotkey, order)])
    return new


def rename_class(s: Session, *, id: int, name: str) -> None:
    """Give a class another name. Raises ProjectError when it is empty or taken."""
    rows.change(s, "label_class", [id], name=_free_class_name(s, name, but=id))


def recolour_class(s: Session, *, id: int, colour: str) -> None:
    """Give a class another colour, "#RRGGBB"."""
    rows.change(s, "label_class", [id], colour=colour)


def set_hotkey(s: Session, *, id: int, hotkey: str) -> None:
    """Give a class a hotkey ("" for none; "G, 1" for two presses one after the other), taking it
    from the class that had it, or one that begins alike."""
    _free_hotkey(s, hotkey, but=id)
    rows.change(s, "label_class", [id], hotkey=hotkey)


def reorder_classes(s: Session, *, ids: Sequence[int]) -> None:
    """Put the classes into this order; those that are not named follow in their old order."""
    old = list(s.scalars(select(LabelClassRow.id).order_by(LabelClassRow.order, LabelClassRow.id)))
    named = [id for id in ids if id in old]
    order = named + [id for id in old if id not in set(named)]
    rows.change_each(s, "label_class", ("order",), [(id, n) for n, id in enumerate(order)])


def delete_class(s: Session, *, id: int) -> None:
    """Remove a class and all its annotations."""
    images = list(
        s.scalars(select(AnnotationRow.image_id).where(AnnotationRow.class_id == id).distinct())
    )
    rows.remove(s, "label_class", [id])
    follow_review(s, images)


def merge_classes(s: Session, *, source: int | Iterable[int], target: int) -> None:
    """Give all annotations of the source classes to the target, and remove the sources."""
    sources = {source} if isinstance(source, int) else set(source)
    sources.discard(target)
    ids = s.scalars(select(AnnotationRow.id).where(id_list(AnnotationRow.class_id, sources)))
    rows.change(s, "annotation", list(ids), class_id=target)
    rows.remove(s, "label_class", sources)


def alike_colours(s: Session) -> dict[int, str]:
    """The colours that `spread_colours` would give, by class id."""
    found = s.execute(select(LabelClassRow.id, LabelClassRow.colour).order_by(LabelClassRow.order))
    return spread({row.id: row.colour for row in found})


def spread_colours(s: Session) -> int:
    """Give classes whose colour looks like that of one before them the one that looks least like
    any other; returns how many got another."""
    changed = alike_colours(s)
    return len(rows.change_each(s, "label_class", ("colour",), list(changed.items())))


def _free_class_name(s: Session, name: str, but: int | None = None) -> str:
    name = name.strip()
    if not name:
        raise ProjectError("A class needs a name.")
    other = s.scalar(select(LabelClassRow.id).where(LabelClassRow.name == name))
    if other is not None and other != but:
        raise ProjectError(f"There is a class {quoted(name)} already.")
    return name


def _own_hotkey(name: str, used: Collection[str], beside: Iterable[str]) -> str:
    """The key of a new class: a digit is pressed for the class that bears its name."""
    if name in HOTKEYS and name not in used:
        return name
    wanted = {each.strip() for each in beside}
    return next((key for key in HOTKEYS if key not in used and key not in wanted), "")


def _free_hotkey(s: Session, hotkey: str, but: int | None = None) -> None:
    if hotkey:
        found = s.execute(select(LabelClassRow.id, LabelClassRow.hotkey)).all()
        # A key of two presses cannot begin with the only press of another one.
        holders = [row.id for row in found if row.hotkey and _begins(row.hotkey, hotkey)]
        rows.change(s, "label_class", [id for id in holders if id != but], hotkey="")


def _begins(one: str, other: str) -> bool:
    """Whether one of two keys, such as "G" and "G, 1", begins the other, or is the same."""
    return all(a == b for a, b in zip(one.split(", "), other.split(", "), strict=False))


# Images


def add_images(s: Session, images: Iterable[NewImage]) -> range:
    """Add images and return their ids, in order; uri and page must not be in the project yet."""
    now = time.time()
    return rows.add(s, "image", IMAGE_COLUMNS, [image_row(image, at=now) for image in images])


def image_row(image: NewImage, *, at: float) -> tuple[Any, ...]:
    """An image as a row of IMAGE_COLUMNS, for rows.add."""
    low, high = image.window or (None, None)
    return (
        image.uri, name_of(image.uri), folder_of(image.uri), sort_key(image.uri, image.page),
        image.sha256, image.size, image.width, image.height, image.page, image.pages,
        image.bit_depth, image.channels, image.orientation, low, high, at, image.review.value,
        image.split.value if image.split else None, image.group, image.problem,
    )  # fmt: skip


def remove_images(s: Session, *, ids: Iterable[int]) -> None:
    """Take images out of the project, with their annotations and tags. Files are left alone."""
    rows.remove(s, "image", ids)


def update_images(s: Session, columns: Sequence[str], values: Sequence[tuple[Any, ...]]) -> None:
    """Set facts of images row by row: each an id and the values of `columns` of the image table."""
    rows.change_each(s, "image", columns, values)


def relocate_images(s: Session, uris: Mapping[int, str]) -> None:
    """Point images to where their files are now: {id: uri from Project.uri_of}."""
    found = s.execute(select(ImageRow.id, ImageRow.page).where(id_list(ImageRow.id, uris)))
    pages = {row.id: row.page for row in found}
    values = [
        (id, uri, name_of(uri), folder_of(uri), sort_key(uri, pages[id]), "")
        for id, uri in uris.items()
    ]
    rows.change_each(s, "image", ("uri", "name", "folder", "sort_key", "problem"), values)


def set_review(s: Session, *, image_ids: Iterable[int], review: Review) -> None:
    """Say how far a person has come with images; whether there are annotations is a fact.

    Reviewed means "reviewed and empty" where nothing is annotated, and the other way round;
    labelled and unlabelled turn into each other in the same way. Who reviews an image takes back
    that it was rejected.
    """
    ids = list(image_ids)
    labelled = _with_annotations(s, ids)
    if review in (Review.REVIEWED, Review.EMPTY):
        full, bare = Review.REVIEWED, Review.EMPTY
    else:
        full, bare = Review.LABELLED, Review.UNLABELLED
    values = [(id, (full if id in labelled else bare).value) for id in ids]
    rows.change_each(s, "image", ("review",), values)
    if full is Review.REVIEWED:
        rows.change(s, "image", ids, reject_reason="")


def set_split(s: Session, *, image_ids: Iterable[int], split: Split | None) -> None:
    """Put images into a split, or take them out of any."""
    rows.change(s, "image", image_ids, split=split.value if split else None)


def set_splits(s: Session, splits: Mapping[int, Split | None]) -> None:
    """Put each image into its own split, as splits.propose gives them."""
    values = [(id, split.value if split else None) for id, split in splits.items()]
    rows.change_each(s, "image", ("split",), values)


def set_group(s: Session, *, image_ids: Iterable[int], group: str) -> None:
    """Say that images belong together (patient, slide); "" lets each stand alone."""
    rows.change(s, "image", image_ids, group=group)


def _with_annotations(s: Session, image_ids: Iterable[int]) -> set[int]:
    return set(
        s.scalars(
            select(AnnotationRow.image_id)
            .where(id_list(AnnotationRow.image_id, image_ids))
            .where(AnnotationRow.state == State.ACCEPTED.value)
            .distinct()
        )
    )


def _images_of(s: Session, annotation_ids: Iterable[int]) -> list[int]:
    found = select(AnnotationRow.image_id).where(id_list(AnnotationRow.id, annotation_ids))
    return list(s.scalars(found.distinct()))


def follow_review(s: Session, image_ids: Iterable[int]) -> None:
    """Let review states follow the annotations that count; what a person reviewed stays so."""
    ids = list(image_ids)
    labelled = _with_annotations(s, ids)
    states = s.execute(select(ImageRow.id, ImageRow.review).where(id_list(ImageRow.id, ids)))
    values = []
    for id, review in states:
        if id in labelled and review in (Review.UNLABELLED, Review.EMPTY):
            values.append((id, Review.LABELLED.value))
        elif id not in labelled and review == Review.LABELLED:
            values.append((id, Review.UNLABELLED.value))
    rows.change_each(s, "image", ("review",), values)


# The project and its settings


def rename_project(s: Session, *, name: str) -> None:
    """Give the project another name; its folder keeps its own."""
    rows.change(s, "project", [1], name=name)


def set_setting(s: Session, key: str, value: Any) -> None:
    """Store a JSON value under a key; None removes it."""
    id = s.scalar(select(SettingRow.id).where(SettingRow.key == key))
    if value is None:
        rows.remove(s, "setting", [] if id is None else [id])
    elif id is None:
        rows.add(s, "setting", ("key", "value"), [(key, json.dumps(value, ensure_ascii=False))])
    else:
        rows.change(s, "setting", [id], value=json.dumps(value, ensure_ascii=False))
