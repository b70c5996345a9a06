"""What an image's annotations were after each step that touched them, and the way back to one.

    found = moments(s, image_id)                 # newest first, the present among them
    found += earlier(s, image_id, found[-1])     # until the last one's step is None
    restore(s, image_id=image_id, moment=found[3])    # one new step; no other is lost

The steps are walked from the present, backwards over those that are done and forwards over those
that wait for redo; the project itself is not touched by looking.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Annotation
from cvstudio.project import commands, queries, rows, steps
from cvstudio.project.rows import Change, Drop, Put, Row, Set
from cvstudio.project.steps import Step
from cvstudio.project.tables import AnnotationRow, LabelClassRow

COLUMNS = tuple(column.name for column in AnnotationRow.__table__.columns)
_CLASS = COLUMNS.index("class_id")
_SHOWN = tuple(COLUMNS.index(column.key) for column in queries.ANNOTATION)
_Z = COLUMNS.index("z")
_PAYLOAD = COLUMNS.index("payload")

MOST_BYTES = 64 << 20
"""Bytes of changed shapes that `moments` brings together at most."""

Progress = Callable[[int, int], None]

_State = dict[int, Row]
"""The rows of an image's annotations by id."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An image's annotations as one step left them.

    `step` None: how they were before the oldest step that is known. `present`: so they are now.
    """

    step: Step | None
    rows: tuple[Row, ...]
    present: bool = False

    def annotations(self) -> list[Annotation]:
        """The annotations in drawing order; their classes may be gone by now."""
        ordered = sorted(self.rows, key=lambda row: (row[_Z], row[0]))
        return [queries.as_annotation([row[n] for n in _SHOWN]) for row in ordered]


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a moment: annotations that came back, changed and went, and those that could
    not come back because their class is gone."""

    back: int = 0
    changed: int = 0
    gone: int = 0
    left_out: int = 0


def moments(
    s: Session, image_id: int, *, limit: int = 200, progress: Progress | None = None
) -> list[Moment]:
    """What the image's annotations were after each step that changed them, newest first.

    At most `limit` of them back from the present, fewer where masks are long; all that wait for
    redo come before these. When the last one has a step, `earlier` goes on from it. Steps on very
    many images take up to a second each: `progress(done, total)` is called before each step that
    is looked at, and may raise to stop.
    """
    now = _now(s, image_id)
    touching = steps.of_image(s, image_id)
    future: list[Moment] = []
    state = now
    look = progress or (lambda _done, _total: None)
    waiting = [step for step in touching if not step.done]
    for number, step in enumerate(reversed(waiting)):
        look(number, len(touching))
        after = _beyond(s, state, step, image_id)
        if after != state:
            future.append(Moment(step, tuple(after.values())))
            state = after
    done = [step for step in touching if step.done]
    begun = len(waiting)
    back = _back(
        s, image_id, now, done, limit, lambda number: look(begun + number, len(touching))
    )  # fmt: skip
    return [*reversed(future), *back]


def earlier(
    s: Session, image_id: int, moment: Moment, *, limit: int = 200,
    progress: Progress | None = None,
) -> list[Moment]:  # fmt: skip
    """What the image's annotations were before a moment that is done, newest first; as `moments`
    tells them. Nothing comes before the one that has no step."""
    if moment.step is None:
        return []
    older = steps.of_image(s, image_id, until=moment.step.id)
    look = progress or (lambda _done, _total: None)
    state = {row[0]: row for row in moment.rows}
    # The moment itself comes first once more.
    return list(
        _back(s, image_id, state, older, limit + 1, lambda number: look(number, len(older)))
    )[1:]


def _back(
    s: Session, image_id: int, now: _State, done: Sequence[Step], limit: int,
    look: Callable[[int], None],
) -> Iterator[Moment]:  # fmt: skip
    """The present and what was before it."""
    state, present, given, room = now, True, 0, MOST_BYTES
    for number, step in enumerate(done):
        look(number)
        before = _beyond(s, state, step, image_id)
        if before == state:
            continue
        yield Moment(step, tuple(state.values()), present)
        given += 1
        room -= sum(
            len(row[_PAYLOAD] or b"") for id, row in before.items() if state.get(id) is not row
        )
        if given >= limit or (room < 0 and given > 1):
            return
        state, present = before, False
    yield Moment(None, tuple(state.values()), present)


def _beyond(s: Session, state: _State, step: Step, image_id: int) -> _State:
    """The rows at the other side of a step."""
    held = {id: row[_PAYLOAD] for id, row in state.items()}
    changes = steps.changes_of(s, step.id, lambda _ids: held)
    return _after(state, changes, image_id)


def restore(s: Session, *, image_id: int, moment: Moment) -> Restored:
    """Give an image the annotations of a moment again; all that came since is one undo away.

    An annotation whose class is gone keeps the class that it has now; when it is not there now, it
    is left out.
    """
    now = _now(s, image_id)
    classes = set(s.scalars(select(LabelClassRow.id)))
    wanted: _State = {}
    for row in moment.rows:
        if row[_CLASS] not in classes:
            if row[0] not in now:
                continue
            row = (*row[:_CLASS], now[row[0]][_CLASS], *row[_CLASS + 1 :])
        wanted[row[0]] = row
    surplus = [id for id in now if id not in wanted]
    missing = [row for id, row in wanted.items() if id not in now]
    rows.remove(s, "annotation", surplus)
    if missing:
        rows.put_back(s, "annotation", COLUMNS, missing)
    different = [row for id, row in wanted.items() if id in now and now[id] != row]
    changed = rows.change_each(s, "annotation", COLUMNS[1:], different)
    commands.follow_review(s, [image_id])
    left_out = len(moment.rows) - len(wanted)
    return Restored(len(missing), len(changed), len(surplus), left_out)


def _now(s: Session, image_id: int) -> _State:
    columns = [getattr(AnnotationRow, name) for name in COLUMNS]
    found = s.execute(select(*columns).where(AnnotationRow.image_id == image_id))
    return {row[0]: tuple(row) for row in found}


def _after(state: _State, changes: Sequence[Change], image_id: int) -> _State:
    """The rows after changes were applied to them, the last change first, as rows.replay does."""
    result = dict(state)
    for change in reversed(changes):
        if change.table != "annotation":
            continue
        match change:
            case Put():
                place = change.columns.index("image_id")
                for row in change.rows:
                    if row[place] == image_id:
                        result[row[0]] = row
            case Drop():
                for id in [id for id in result if _within(id, change)]:
                    del result[id]
            case Set():
                places = [COLUMNS.index(name) for name in change.columns]
                for row in change.rows:
                    if row[0] in result:
                        cells = list(result[row[0]])
                        for place, value in zip(places, row[1:], strict=True):
                            cells[place] = value
                        result[row[0]] = tuple(cells)
    return result


def _within(id: int, drop: Drop) -> bool:
    """The ranges lie in ascending order, see rows.ranges_of."""
    place = bisect_right(drop.ids, id, key=lambda ids: ids[0]) - 1
    return place >= 0 and id <= drop.ids[place][1]
