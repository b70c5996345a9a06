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

    def grow(self, steps: float) -> None:
        """Larger or smaller by a tenth for each step, by one pixel at least."""
        wanted = self.size * 1.12**steps
        least = self.size + (1 if steps > 0 else -1)
        size = max(wanted, least) if steps > 0 else min(wanted, least)
        self.size = int(min(max(round(size), SMALLEST), LARGEST))
