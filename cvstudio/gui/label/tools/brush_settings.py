"""What brush and eraser share: the options bar, the keys and the strokes all look here."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST, LARGEST = 1, 1000


@dataclass
class BrushSettings:
    """The brush as it is now; the options bar and the keys change it."""

    size: int = 36
    """Diameter in pixels of the image."""
    fill_holes: bool = True
    opacity: float = 0.25
    square: bool = False
    """Paints with a square, to fill corners, instead of a disk."""
    by_pressure: bool = True
    """A pen that is pressed less paints with a smaller brush."""
    pressure: float = 1.0
    """Of the pen now, 0 to 1; the mouse always presses fully."""

    @property
    def reach(self) -> float:
        """The side or diameter of the next dab."""
        share = self.pressure if self.by_pressure else 1.0
        return max(self.size * share, float(SMALLEST))

    def grow(self, steps: float) -> None:
        """Larger or smaller by a tenth for each step, by one pixel at least."""
        wanted = self.size * 1.12**steps
        least = self.size + (1 if steps > 0 else -1)
        size = max(wanted, least) if steps > 0 else min(wanted, least)
        self.size = int(min(max(round(size), SMALLEST), LARGEST))
