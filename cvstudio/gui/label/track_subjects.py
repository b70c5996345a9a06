"""The selected objects as tracking sees them: their tracks, how far they reach, what was lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cvstudio.core.annotation import Annotation
from cvstudio.core.geometry import Box
from cvstudio.core.words import counted
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.track_dialog import Choices, Reach
from cvstudio.project import queries, tracks
from cvstudio.project.following import Trail, Wanted
from cvstudio.project.tracks import Gap, Track

NO_KEY = "Draw or paste it on a later image too: what lies between can be interpolated then"
_NO_KEYS = "None has a second key shape: draw or paste them on a later image too"
_NAMED = 3  # losses that are told one by one


@dataclass(frozen=True)
class Subject:
    """A selected object as it is, and what it could be linked with. `track` holds the partner."""

    annotation: Annotation
    track: Track
    partner: Annotation | None
    gaps: tuple[Gap, ...]

    @property
    def images_between(self) -> int:
        return sum(len(gap[2]) for gap in self.gaps)

    def ahead(self, image_id: int, *, backwards: bool) -> tuple[int, ...]:
        """The images in one direction, the nearest first."""
        sequence = self.track.sequence
        return sequence.before(image_id) if backwards else sequence.after(image_id)

    def to_key(self, image_id: int, *, backwards: bool) -> int:
        """How many images lie before the next key shape in one direction; 0 without one."""
        key = self.track.beside(image_id, -1 if backwards else 1)
        return self.ahead(image_id, backwards=backwards).index(key) if key else 0

    def wanted(self, image_id: int, *, backwards: bool, count: int, to_key: bool) -> Wanted:
        """On which images it is looked for: on `count`, or as far as its own next key shape."""
        far = self.to_key(image_id, backwards=backwards) if to_key else count
        return Wanted(self.annotation, self.ahead(image_id, backwards=backwards)[:far])


def selected(document: Document) -> list[Subject]:
    """The selected annotations that have a shape, the undermost first."""
    found = [a for a in document.selected() if a.shape is not None]
    with document.project.read() as s:
        their = tracks.tracks_of(s, found)
        alone = [
            a for a, t in zip(found, their, strict=True) if len(t.keys) == 1 and tracks.is_key(a)
        ]
        partners = tracks.partners(s, alone)
    subjects = []
    for annotation, track in zip(found, their, strict=True):
        partner = partners.get(annotation.id)
        if partner is not None:
            track = replace(track, keys={**track.keys, partner.image_id: partner})
        subjects.append(Subject(annotation, track, partner, tuple(track.gaps())))
    return subjects


def choices_for(document: Document, subjects: Sequence[Subject]) -> Choices:
    """What the dialog offers for these objects of the open image."""
    image = document.image
    assert image is not None
    several = len(subjects) > 1
    sequence = subjects[0].track.sequence
    reaches = []
    for backwards in (False, True):
        keys = [each.to_key(image.id, backwards=backwards) for each in subjects]
        images = len(subjects[0].ahead(image.id, backwards=backwards))
        reaches.append(Reach(images, max(keys) if all(keys) else 0))
    return Choices(
        name=f"{len(subjects):,} objects" if several else name_of(document, subjects[0]),
        between=sum(each.images_between for each in subjects),
        between_words=_between_words(document, subjects),
        sequence=sequence.name,
        forwards=reaches[0],
        backwards=reaches[1],
        frames=sequence.one_file,
        boxes=all(isinstance(each.annotation.shape, Box) for each in subjects),
        objects=len(subjects),
    )


def name_of(document: Document, subject: Subject) -> str:
    """The name of an object's class."""
    found = document.classes.get(subject.annotation.class_id)
    return found.name if found else "object"


def _between_words(document: Document, subjects: Sequence[Subject]) -> str:
    """Where the gaps are."""
    open_ones = [each for each in subjects if each.gaps]
    if not open_ones:
        return _NO_KEYS if len(subjects) > 1 else NO_KEY
    guessed = sum(each.partner is not None for each in open_ones)
    if len(subjects) > 1:
        images = {image for each in open_ones for gap in each.gaps for image in gap[2]}
        words = (
            f"{len(open_ones):,} of {len(subjects):,} objects, on {counted(len(images), 'image')}"
        )
        taken = f"; {guessed:,} paired with the nearest shape of the same class"
        return words + taken if guessed else words
    gaps = open_ones[0].gaps
    images_between = counted(open_ones[0].images_between, "image")
    with document.project.read() as s:
        ends = queries.images(s, [gaps[0][0], gaps[-1][1]])
    between = f"{images_between} between {ends[0].title} and {ends[-1].title}"
    if not guessed:
        return between
    return f"{between}, where the nearest {name_of(document, subjects[0])} is taken for the same"


def losses(found: Iterable[tuple[str, Trail]]) -> str:
    """Which objects were lost where, in words: those of one class at one place together."""
    together: dict[tuple[str, str], int] = {}
    for name, trail in found:
        if trail.lost:
            key = (name, trail.lost.rstrip("."))
            together[key] = together.get(key, 0) + 1
    told = []
    for (name, lost), count in together.items():
        who = name if count == 1 else f"{count:,} × {name}"
        # A sentence of its own says what is wrong with the object or the file.
        told.append(f"{who} {lost}" if lost[:1].islower() else f"{who}: {lost}")
    rest = sum(list(together.values())[_NAMED:])
    if rest:
        told[_NAMED:] = [f"{rest:,} more lost"]
    return "; ".join(told)
