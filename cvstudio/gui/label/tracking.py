"""Tracking: objects carried over the images of a sequence, and the way through their keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import Annotation, State
from cvstudio.core.errors import ImageError
from cvstudio.core.words import counted
from cvstudio.gui.label import track_subjects
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.track_dialog import Method, TrackDialog
from cvstudio.gui.label.track_subjects import Subject
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.filmstrip import Filmstrip
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.imaging import tracking as following
from cvstudio.project import queries, tracks
from cvstudio.project.changes import ChangeSet
from cvstudio.project.following import Trail, Wanted, follow_objects
from cvstudio.project.tracks import Gap, Placed, Track

_SELECT = "Select a shape to track, or several"
_STOPPED = "Stopped: nothing was put"


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
        """Ask how and how far the selected objects are to be carried on, and do it."""
        subjects = track_subjects.selected(self._document)
        image = self._document.image
        if not subjects or image is None:
            self.said.emit(_SELECT)
            return
        dialog = TrackDialog(self._page, track_subjects.choices_for(self._document, subjects))
        agreed, method = bool(dialog.exec()), dialog.method
        state = State.ACCEPTED if dialog.accept_now else State.SUGGESTED
        wanted = [
            each.wanted(
                image.id, backwards=dialog.backwards, count=dialog.count, to_key=dialog.to_key
            )
            for each in subjects
        ]
        dialog.deleteLater()
        if agreed and method is Method.BETWEEN:
            self._interpolate(subjects, state)
        elif agreed:
            self._follow(subjects, wanted, following.Method(method.value), state)
        self.answered.emit()

    def _again(self) -> None:
        """Interpolate between the key shapes of the selected objects, without a question."""
        subjects = track_subjects.selected(self._document)
        if not subjects:
            self.said.emit(_SELECT)
        elif not any(each.gaps for each in subjects):
            self.said.emit(track_subjects.NO_KEY)
        else:
            self._interpolate(subjects, State.SUGGESTED)

    def _interpolate(self, subjects: list[Subject], state: State) -> None:
        subjects = [each for each in subjects if each.gaps]
        found = self._shapes_between([(each.track, each.gaps) for each in subjects])
        if found is None:
            return
        put = 0

        def work(s: Any) -> None:
            nonlocal put
            for each, shapes in zip(subjects, found, strict=True):
                members = [a for a in (each.annotation, each.partner) if a is not None]
                tracks.link(s, ids=[a.id for a in members])
                put += _place(s, each.annotation.id, shapes, state, tracks.INTERPOLATION)

        images = {image for shapes in found for image in shapes}
        if self._document.change(_words("Interpolate", subjects, images), work):
            self._tell(put, state)
            self._on_selection()

    def _shapes_between(
        self, gaps: Sequence[tuple[Track, Collection[Gap]]]
    ) -> list[dict[int, Placed]] | None:
        """What comes into the gaps of tracks, computed in a thread; None when it was stopped or
        went wrong."""
        total = sum(len(images) for _, each in gaps for _, _, images in each)

        def work(control: Control) -> list[dict[int, Placed]]:
            found: list[dict[int, Placed]] = []

            def told(done: int, _: int) -> None:
                control.check()
                control.progress(done + sum(map(len, found)), total, "Interpolating")

            for track, each in gaps:
                found.append(tracks.shapes_between(track, each, told=told))
            return found

        outcome = run_with_progress(self._page, self._studio.tasks, "Interpolate", work)
        self.answered.emit()
        if outcome.error is not None:
            self._studio.fail(outcome.error, doing="Nothing was interpolated")
        elif outcome.cancelled:
            self.said.emit(_STOPPED)
        return None if outcome.cancelled else outcome.result

    def _follow(
        self,
        subjects: list[Subject],
        wanted: list[Wanted],
        method: following.Method,
        state: State,
    ) -> None:
        project = self._document.project

        def work(control: Control) -> dict[int, Trail]:
            def told(done: int, total: int) -> None:
                control.check()
                control.progress(done, total, "Following")

            return follow_objects(project, wanted, method=method, told=told)

        several = len(subjects) > 1
        title = f"Follow {len(subjects):,} objects" if several else "Follow the object"
        outcome = run_with_progress(self._page, self._studio.tasks, title, work)
        if outcome.cancelled:
            self.said.emit(_STOPPED)
        elif isinstance(outcome.error, ImageError):
            self.said.emit(outcome.error.message)
        elif outcome.error is not None:
            self._studio.fail(outcome.error, doing="Nothing was followed")
        else:
            self._take(subjects, outcome.result, state)

    def _take(self, subjects: list[Subject], trails: dict[int, Trail], state: State) -> None:
        """Bring in where the objects were found, and say which were lost where."""
        named = [
            (track_subjects.name_of(self._document, each), trails[each.annotation.id])
            for each in subjects
        ]
        lost = track_subjects.losses(named)
        found = [each for each in subjects if trails[each.annotation.id].shapes]
        put = 0

        def work(s: Any) -> None:
            nonlocal put
            for each in found:
                tracks.link(s, ids=[each.annotation.id])
                shapes = trails[each.annotation.id].shapes
                put += _place(s, each.annotation.id, shapes, state, tracks.TRACKER)

        images = {image for each in found for image in trails[each.annotation.id].shapes}
        if not found:
            self.said.emit(f"Nothing was put: {lost}")
        elif self._document.change(_words("Track", found, images), work):
            self._tell(put, state, lost)
            self._on_selection()
        if lost:
            self._show_lost(subjects, trails, lost)

    def _show_lost(self, subjects: list[Subject], trails: dict[int, Trail], lost: str) -> None:
        """A toast leads to where the object ends, or selects those of several that were lost."""
        gone = [each.annotation for each in subjects if trails[each.annotation.id].lost]
        where = trails[gone[0].id].lost_on
        if len(subjects) == 1 and where is not None:
            link, do = "Go there", partial(self._open, where.id)
        else:
            link, do = "Select the lost", partial(self._select, gone)
        self._studio.toast(f"{lost}.", level="warning", link=link, do=do, about="track")

    def _open(self, image_id: int) -> None:
        """Go to an image."""
        if shiboken6.isValid(self):  # the offer outlives the page of a project
            self._studio.select_image(image_id)

    def _select(self, annotations: list[Annotation]) -> None:
        """Show annotations of one image, selected."""
        if shiboken6.isValid(self):
            self._studio.select_image(annotations[0].image_id)
            self._document.select([a.id for a in annotations])

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
        found = self._shapes_between([(track, track.gaps_beside(annotation.image_id))])
        if not found:
            return
        put = 0

        def work(s: Any) -> None:
            nonlocal put
            put = _place(s, annotation_id, found[0], State.SUGGESTED, tracks.INTERPOLATION)

        if self._document.change("Interpolate again", work):
            self._tell(put, State.SUGGESTED)


def _place(
    s: Any, annotation_id: int, shapes: Mapping[int, Placed], state: State, maker: str
) -> int:
    """Put computed shapes of an annotation's object on images; how many."""
    again = queries.annotation(s, annotation_id)
    if again is None:
        return 0
    track = tracks.track_of(s, again)
    return tracks.place(s, track=track, shapes=shapes, maker=maker, state=state)


def _words(verb: str, subjects: Collection[Subject], images: Collection[int]) -> str:
    """The name of a step: "Track over 12 images", "Track 3 objects over 12 images"."""
    whom = f" {len(subjects):,} objects" if len(subjects) > 1 else ""
    return f"{verb}{whom} over {counted(len(images), 'image')}"
