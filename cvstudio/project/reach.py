"""How much a change would touch, told apart by what counts and what a network only suggested."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cvstudio.core.annotation import State
from cvstudio.core.words import counted


@dataclass(frozen=True, slots=True)
class Reach:
    """How much a change would touch: objects that count and the images on which they are, and what
    a network suggested that nobody has accepted yet, or that somebody rejected."""

    objects: int = 0
    images: int = 0
    suggested: int = 0
    rejected: int = 0

    @property
    def rows(self) -> int:
        """All that would be written."""
        return self.objects + self.suggested + self.rejected

    def __str__(self) -> str:
        """ "3 objects in 2 images and 1 suggestion"."""
        return self._joined(f"{counted(self.objects, 'object')} in {counted(self.images, 'image')}")

    @property
    def things(self) -> str:
        """ "3 objects and 1 suggestion"."""
        return self._joined(counted(self.objects, "object"))

    def do(self, one: str, many: str) -> str:
        """The verb that fits: "loses" for a single one, "lose" for several."""
        return one if self.rows == 1 else many

    def _joined(self, objects: str) -> str:
        parts = [objects] if self.objects or self.rows == 0 else []
        if self.suggested:
            parts.append(counted(self.suggested, "suggestion"))
        if self.rejected:
            parts.append(counted(self.rejected, "rejected suggestion"))
        return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


@dataclass(slots=True)
class Tally:
    """Counts annotations one by one, by their states."""

    _states: Counter[str] = field(default_factory=Counter)
    _images: set[int] = field(default_factory=set)

    def add(self, state: str, image_id: int) -> None:
        """One more annotation of this state, on this image."""
        self._states[state] += 1
        if state == State.ACCEPTED:
            self._images.add(image_id)

    @property
    def reach(self) -> Reach:
        """What has been counted until now."""
        states = self._states
        return Reach(
            states[State.ACCEPTED], len(self._images), states[State.SUGGESTED],
            states[State.REJECTED],
        )  # fmt: skip

    def __bool__(self) -> bool:
        return bool(self._states)
