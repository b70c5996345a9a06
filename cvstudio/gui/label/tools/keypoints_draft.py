"""The keypoints of one object while they are placed: whose turn it is, and what is known so far."""

from __future__ import annotations

from cvstudio.core.keypoints import Keypoints, Visibility

Known = tuple[float, float, int]
"""x, y and visibility."""


class KeypointsDraft:
    """Points by name, in any order; without names, as many as there are clicks."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.names = names
        self.points: list[Known | None] = [None] * len(names)
        """None where nothing is known yet."""
        self.turn = 0
        """The place of the point that comes next."""
        self._done: list[tuple[int, Known | None, int]] = []
        """What was done, the newest last: a place, what was known of it before, and whose turn it
        was."""

    @property
    def begun(self) -> bool:
        return bool(self._done)

    @property
    def complete(self) -> bool:
        """Whether something is known of every named point."""
        return bool(self.names) and None not in self.points

    @property
    def ripe(self) -> bool:
        """Whether a point has a place."""
        return any(point is not None and point[2] > 0 for point in self.points)

    @property
    def last(self) -> int | None:
        """The point that was placed last and still has a place."""
        placed = (place for place, *_ in reversed(self._done) if self._placed(place))
        return next(placed, None)

    def put(self, x: float, y: float, known: int) -> int:
        """Say what is known of the point whose turn it is, and go on to the next of which nothing
        is; returns its place."""
        place = self.turn
        if place == len(self.points):
            self.points.append(None)
        self._say(place, (x, y, known))
        count = len(self.points)
        after = (n % count for n in range(place + 1, place + count))
        following = place + 1 if not self.names else place
        self.turn = next((n for n in after if self.points[n] is None), following)
        return place

    def move(self, place: int, x: float, y: float) -> None:
        """Put a point that was just placed somewhere else; no step of its own."""
        known = self.points[place]
        assert known is not None
        self.points[place] = (x, y, known[2])

    def toggle(self) -> int | None:
        """Hide or show the point whose turn it is, where it has a place, else the last one; its
        place, None without one."""
        place = self.turn if self._placed(self.turn) else self.last
        if place is None:
            return None
        x, y, known = self.points[place] or (0.0, 0.0, 0)
        hidden = known == Visibility.VISIBLE
        self._say(place, (x, y, Visibility.HIDDEN if hidden else Visibility.VISIBLE))
        return place

    def walk(self, step: int) -> None:
        """Let it be the turn of the next named point, or of the one before, round and round."""
        if self.names:
            self.turn = (self.turn + step) % len(self.names)

    def take_back(self) -> bool:
        """Take the last thing said back; False when nothing was said."""
        if not self._done:
            return False
        place, before, self.turn = self._done.pop()
        self.points[place] = before
        if not self.names and before is None:
            self.points.pop()
        return True

    def shape(self) -> Keypoints:
        """The points so far; those of which nothing is known are absent."""
        return Keypoints.of([point or (0.0, 0.0, 0) for point in self.points])

    def words(self) -> str:
        """ "3 of 17: right_eye"; for free points how many there are."""
        if not self.names:
            return f"Point {self.turn + 1}"
        known = self.points[self.turn]
        states = {None: "", 0: ", not in the picture", 1: ", hidden", 2: ", placed"}
        state = states[None if known is None else int(known[2])]
        return f"{self.turn + 1} of {len(self.names)}: {self.names[self.turn]}{state}"

    def _say(self, place: int, known: Known) -> None:
        self._done.append((place, self.points[place], self.turn))
        self.points[place] = known

    def _placed(self, place: int) -> bool:
        known = self.points[place] if place < len(self.points) else None
        return known is not None and known[2] > 0
