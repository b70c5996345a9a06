"""What a tool computes in a thread while the pointer goes on, and the view that it looked at."""

from __future__ import annotations

from cvstudio.gui.label.document import Document
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.imaging.regions.view import Place, Sight, View


def thinking(document: Document) -> LatestWins:
    """A tool's questions about the picture: each answer is shown, also while a newer one waits."""
    tasks = document.studio.tasks
    return LatestWins(tasks, owner=document, title="Look at the picture", followed=True)


class LastView:
    """The view that was taken last, for questions that come again about the same place."""

    def __init__(self) -> None:
        self._kept: tuple[Sight, View] | None = None
        self._forgotten = 0

    def take(self, sight: Sight, place: Place) -> View:
        """The displayed pixels of a place. Safe in any thread."""
        kept, begun = self._kept, self._forgotten
        if kept is not None and kept[0] == sight and kept[1].place == place:
            return kept[1]
        view = sight.take(place)
        if begun == self._forgotten:
            self._kept = (sight, view)
        return view

    def forget(self) -> None:
        """Let the pixels go; a thread that is about to keep some does not any more."""
        self._forgotten += 1
        self._kept = None
