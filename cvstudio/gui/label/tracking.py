"""Tracking: an object carried over the images of a sequence, and the way through its keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import Annotation, State
from cvstudio.core.errors import ImageError
from cvstudio.core.words import counted
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.track_dialog import Choices, Method, TrackDialog
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.filmstrip import Filmstrip
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.project import queries, tracks
from cvstudio.project.changes import ChangeSet
from cvstudio.project.following import Trail, follow_object
from cvstudio.project.tracks import Gap, Placed, Track

_SELECT_ONE = "Select one shape to track"
_NO_KEY = "Draw or paste it on a later image too: what lies between can be interpolated then"


@dataclass(frozen=True)
class _Subject:
    """The selected object as it is, and what it could be linked with."""

    annotation: Annotation
    track: Track
    partner: Annotation | None
    gaps: tuple[Gap, ...]


class Tracking(QObject):
    """The actions, the dots on the filmstrip, and the offer to interpolate again."""

    said = Signal(str)
    answered = Signal()
    """A dialog was closed: the canvas takes the keys again."""

    def __init__(self, studio: Studio, document: Document, strip: Filmstrip, page: QWidget) -> None:
        super().__init__(page)
        self._studio, self._document, self._strip, self._page = studio, document, strip, page
        self._followed: int | None = None
        """The track that stays selected while the person goes through the images."""
        self._chosen_here = False
        """Whether a person has selected a shape that counts since the image is open."""
        self._keys: dict[int, bool] = {}
        connect = partial(studio.actions.connect, widget=page)
        connect("label.track", self._ask)
        connect("label.interpolate", self._again)
        connect("label.key_next", partial(self._go_to_key, 1))
        connect("label.key_previous", partial(self._go_to_key, -1))
        document.selection_changed.connect(self._on_selection)
        document.image_changed.connect(self._on_image)

    # -- the verbs

    def _ask(self) -> None:
        """Ask how and how far the selected object is to be carried on, and do it."""
        subject = self._subject()
        image = self._document.image
        if subject is None or image is None:
            self.said.emit(_SELECT_ONE)
            return
        dialog = TrackDialog(self._page, self._choices(subject))
        agreed, method = bool(dialog.exec()), dialog.method
        count, state = dialog.count, State.ACCEPTED if dialog.accept_now else State.SUGGESTED
        dialog.deleteLater()
        if agreed and method is Method.BETWEEN:
            self._interpolate(subject, state)
        elif agreed:
            targets = subject.track.sequence.after(image.id)[:count]
            self._follow(subject.annotation, targets, state)
        self.answered.emit()

    def _again(self) -> None:
        """Interpolate between the key shapes of the selected object, without a question."""
        subject = self._subject()
        if subject is None:
            self.said.emit(_SELECT_ONE)
        elif not subject.gaps:
            self.said.emit(_NO_KEY)
        else:
            self._interpolate(subject, State.SUGGESTED)

    def _interpolate(self, subject: _Subject, state: State) -> None:
        members = [a for a in (subject.annotation, subject.partner) if a is not None]
        keys = {**subject.track.keys}
        if subject.partner is not None:
            keys[subject.partner.image_id] = subject.partner
        shapes = self._shapes_between(replace(subject.track, keys=keys), subject.gaps)
        if shapes is None:
            return
        put: list[int] = []

        def work(s: Any) -> None:
            tracks.link(s, ids=[a.id for a in members])
            put.append(self._place(s, subject.annotation.id, shapes, state))

        if self._document.change(f"Interpolate over {counted(len(shapes), 'image')}", work):
            self._tell(put[0], state)
            self._on_selection()

    def _shapes_between(self, track: Track, gaps: Collection[Gap]) -> dict[int, Placed] | None:
        """What comes into gaps, computed in a thread; None when it was stopped or went wrong."""

        def work(control: Control) -> dict[int, Placed]:
            def told(done: int, total: int) -> None:
                control.check()
                control.progress(done, total, "Interpolating")

            return tracks.shapes_between(track, gaps, told=told)

        outcome = run_with_progress(self._page, self._studio.tasks, "Interpolate", work)
        self.answered.emit()
        if outcome.error is not None:
            self._studio.fail(outcome.error, doing="Nothing was interpolated")
        return None if outcome.cancelled else outcome.result

    @staticmethod
    def _place(s: Any, annotation_id: int, shapes: dict[int, Placed], state: State) -> int:
        again = queries.annotation(s, annotation_id)
        if again is None:
            return 0
        track, maker = tracks.track_of(s, again), tracks.INTERPOLATION
        return tracks.place(s, track=track, shapes=shapes, maker=maker, state=state)

    def _follow(self, annotation: Annotation, targets: tuple[int, ...], state: State) -> None:
        project = self._document.project

        def work(control: Control) -> Trail:
            def told(done: int, total: int) -> None:
                control.check()
                control.progress(done, total, "Following")

            return follow_object(project, annotation, targets, told=told)

        outcome = run_with_progress(self._page, self._studio.tasks, "Follow the object", work)
        if outcome.error is not None:
            if isinstance(outcome.error, ImageError):
                self.said.emit(outcome.error.message)
            else:
                self._studio.fail(outcome.error, doing="The object was not followed")
            return
        if not outcome.cancelled:
            self._take(annotation, outcome.result, state)

    def _take(self, annotation: Annotation, trail: Trail, state: State) -> None:
        """Bring in where the object was found."""
        lost = trail.problem or (f"lost on {trail.lost_on.title}" if trail.lost_on else "")
        if not trail.shapes:
            self.said.emit(f"Nothing was put: {lost}")
            return
        put: list[int] = []

        def work(s: Any) -> None:
            tracks.link(s, ids=[annotation.id])
            again = queries.annotation(s, annotation.id)
            if again is not None:
                track = tracks.track_of(s, again)
                shapes, maker = trail.shapes, tracks.TRACKER
                put.append(tracks.place(s, track=track, shapes=shapes, maker=maker, state=state))

        label = f"Track over {counted(len(trail.shapes), 'image')}"
        if self._document.change(label, work) and put:
            self._tell(put[0], state, lost)
            self._on_selection()

    def _tell(self, put: int, state: State, lost: str = "") -> None:
        what = "shape" if state is State.ACCEPTED else "suggestion"
        self.said.emit(" · ".join(filter(None, (f"{counted(put, what)} put", lost))))

    def _go_to_key(self, step: int) -> None:
        """Go to the image with the next or previous key shape of the selected object."""
        track, image = self._track(), self._document.image
        if track is None or image is None:
            self.said.emit("Select one shape to go through its key shapes")
            return
        found = track.beside(image.id, step)
        if not found:
            where = "after" if step > 0 else "before"
            self.said.emit(f"It has no key shape {where} this image")
            return
        annotation = track.keys[found]
        self._studio.select_image(found)
        self._document.select([annotation.id])

    # -- what is selected

    def _subject(self) -> _Subject | None:
        annotation = self._document.only_selected()
        if annotation is None:
            return None
        with self._document.project.read() as s:
            track = tracks.track_of(s, annotation)
            gaps = tuple(track.gaps())
            partner = None
            if len(track.keys) == 1 and tracks.is_key(annotation):
                partner = tracks.partner(s, annotation)
        if partner is not None:
            ids, places = track.sequence.ids, track.sequence.places
            first, last = sorted(places[a.image_id] for a in (annotation, partner))
            gaps = ((ids[first], ids[last], ids[first + 1 : last]),)
        return _Subject(annotation, track, partner, gaps)

    def _choices(self, subject: _Subject) -> Choices:
        track, image = subject.track, self._document.image
        assert image is not None
        found = self._document.classes.get(subject.annotation.class_id)
        following = track.sequence.after(image.id)
        key = track.beside(image.id, 1)
        return Choices(
            name=found.name if found else "object",
            between=sum(len(gap[2]) for gap in subject.gaps),
            between_words=self._between_words(subject),
            sequence=track.sequence.name,
            following=len(following),
            to_key=following.index(key) if key in following else 0,
            frames=track.sequence.one_file,
        )

    def _between_words(self, subject: _Subject) -> str:
        """Where the gaps are."""
        if not subject.gaps:
            return _NO_KEY
        images = counted(sum(len(gap[2]) for gap in subject.gaps), "image")
        with self._document.project.read() as s:
            ends = queries.images(s, [subject.gaps[0][0], subject.gaps[-1][1]])
        between = f"{images} between {ends[0].title} and {ends[-1].title}"
        if subject.partner is None:
            return between
        found = self._document.classes.get(subject.partner.class_id)
        name = found.name if found else "object"
        return f"{between}, where the nearest {name} is taken for the same"

    def _track(self) -> Track | None:
        """The track of the selected object, or of the one that is followed through the images."""
        annotation, image = self._document.only_selected(), self._document.image
        with self._document.project.read() as s:
            if annotation is not None:
                return tracks.track_of(s, annotation)
            if self._followed is None or image is None:
                return None
            return tracks.find_track(s, image.id, self._followed)

    def _on_image(self) -> None:
        """The object stays selected on the next image, so that its way can be looked through."""
        self._note_keys()
        self._chosen_here = False
        here = self._document.annotations
        same = [a.id for a in here if tracks.track_id(a) == self._followed is not None]
        if same:
            self._document.select(same[:1])
        elif self._followed is not None:
            self._show_dots()

    def _on_selection(self) -> None:
        annotation = self._document.only_selected()
        if annotation is not None:
            # Deciding on a suggestion ends its selection, and is no wish to leave the object.
            self._chosen_here = annotation.state is not State.SUGGESTED
            self._followed = tracks.track_id(annotation)
        elif self._chosen_here:
            self._followed = None  # a person let go of it
        self._show_dots()

    def _show_dots(self) -> None:
        """A dot under each image on which the object is: full for key shapes."""
        track = self._track() if self._followed is not None else None
        if track is None:
            self._strip.show_dots({})
            return
        others = dict.fromkeys(track.others, False)
        self._strip.show_dots({**others, **dict.fromkeys(track.keys, True)})

    # -- following changes

    def take(self, changes: ChangeSet) -> None:
        """Something has changed: after the document has taken it in."""
        image = self._document.image
        if image is None or not changes.touches("annotation"):
            return
        before = self._keys
        self._note_keys()
        self._on_selection()
        edited = changes.ids("annotation") or set()
        if changes.kind != "do" or changes.source is not self._document or len(edited) != 1:
            return
        (id,) = edited
        if id in before and self._keys.get(id):
            self._offer(id)

    def _note_keys(self) -> None:
        tracked = (a for a in self._document.annotations if tracks.track_id(a) is not None)
        self._keys = {a.id: tracks.is_key(a) for a in tracked}

    def _offer(self, annotation_id: int) -> None:
        """A key shape is another one now: what was computed beside it may follow."""
        annotation = self._document.get(annotation_id)
        if annotation is None:
            return
        with self._document.project.read() as s:
            track = tracks.track_of(s, annotation)
        gaps = track.gaps_beside(annotation.image_id)
        count = track.computed_in(gaps)
        if count:
            self._studio.toast(
                f"This is a key shape now. {counted(count, 'image')} beside it can follow.",
                link="Interpolate again",
                do=partial(self._renew, annotation_id),
                about="track",
            )

    def _renew(self, annotation_id: int) -> None:
        """Compute anew what lies between a key shape and its neighbours."""
        if not shiboken6.isValid(self):
            return  # the offer outlives the page of a project
        with self._document.project.read() as s:
            annotation = queries.annotation(s, annotation_id)
            track = tracks.track_of(s, annotation) if annotation is not None else None
        if annotation is None or track is None or track.id is None:
            return
        shapes = self._shapes_between(track, track.gaps_beside(annotation.image_id))
        if not shapes:
            return
        put: list[int] = []

        def work(s: Any) -> None:
            put.append(self._place(s, annotation_id, shapes, State.SUGGESTED))

        if self._document.change("Interpolate again", work):
            self._tell(put[0], State.SUGGESTED)
