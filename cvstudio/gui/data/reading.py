"""What the Data page reads of the project, around a filter and for it; and the runs that have to be
compared with their labels before that, in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from cvstudio.core.annotation import LabelClass
from cvstudio.core.errors import RunError
from cvstudio.gui.data import meant, saved_views
from cvstudio.gui.data.meant import Offer
from cvstudio.gui.data.saved_views import SavedView
from cvstudio.gui.data.views import ViewCounts
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.project import finding, queries, rejecting
from cvstudio.project.project import Project
from cvstudio.project.queries import Sort
from cvstudio.project.records import ImageFilter

if TYPE_CHECKING:
    from cvstudio.project.run_errors import Evaluation


@dataclass(frozen=True)
class Surroundings:
    """What stands around the gallery whatever the filter is: it is read when the project has
    changed, not at each key of a search.

    `needs`: the evaluations to compare before every saved view is counted.
    """

    classes: dict[int, LabelClass]
    images_by_class: dict[int, int]
    names: dict[str, list[str]]
    counts: ViewCounts
    needs: tuple[Evaluation, ...]


@dataclass(frozen=True)
class FoundImages:
    """What passes a filter.

    `ids`: the images; None while runs have to be compared before that is known. `needs`: those
    evaluations. `trouble`: why the filter finds nothing although it is understood.
    """

    ids: list[int] | None
    offers: tuple[Offer, ...] = ()
    needs: tuple[Evaluation, ...] = ()
    trouble: str = ""


def surroundings(project: Project) -> Surroundings:
    """Read the classes and names of a project, and the counts of the views."""
    with project.read() as session:
        classes = {c.id: c for c in queries.classes(session)}
        shown = queries.image_counts_by_class(session)
        views, needs = _counted(session, saved_views.stored(session))
        return Surroundings(
            classes=classes,
            images_by_class={id: shown.get(id, 0) for id in classes},
            names=finding.vocabulary(session),
            counts=ViewCounts(
                queries.review_counts(session), views, queries.folders(session),
                queries.tags(session), rejecting.rejected_count(session),
            ),
            needs=needs,
        )  # fmt: skip


def found(project: Project, filter: ImageFilter, order: Sort) -> FoundImages:
    """Read what passes a filter, and what may have been meant where nothing does."""
    with project.read() as session:
        if needs := uncompared(session, filter.query):
            return FoundImages(None, needs=needs)
        try:
            ids = queries.image_ids(session, filter, order)
        except RunError as error:
            return FoundImages([], meant.offers(session, filter), trouble=error.message)
        return FoundImages(ids, () if ids else meant.offers(session, filter))


def _counted(
    session: Any, views: Sequence[SavedView]
) -> tuple[list[tuple[SavedView, int | None]], tuple[Evaluation, ...]]:
    """How many images each view finds, and what to compare before that is known of the others."""
    found: list[tuple[SavedView, int | None]] = []
    later: dict[Evaluation, None] = {}
    for view in views:
        needs = uncompared(session, view.filter.query)
        later |= dict.fromkeys(needs)
        try:
            count = None if needs else queries.image_count(session, view.filter)
        except RunError:
            count = None  # it is told when the view is chosen
        found.append((view, count))
    return found, tuple(later)


def uncompared(session: Any, query: str) -> tuple[Evaluation, ...]:
    """What has to be compared before a query can be answered; few queries need what compares."""
    if not finding.asks_for_errors(query):
        return ()
    from cvstudio.project import run_errors

    return run_errors.uncompared(session, query)


def words_of(needs: Sequence[Evaluation]) -> str:
    """What is waited for: "Comparing run 2 with its labels"."""
    ids = [str(id) for id in dict.fromkeys(e.run_id for e in needs)]
    if len(ids) > 3:
        return f"Comparing {len(ids)} runs with their labels"
    several = len(ids) > 1
    named = f"runs {', '.join(ids[:-1])} and {ids[-1]}" if several else f"run {ids[0]}"
    return f"Comparing {named} with {'their' if several else 'its'} labels"


class Comparing:
    """Compares runs with their labels in a thread, once each, and tells `ready` afterwards.

    What is needed newest counts: work for what nobody asks any more is stopped. Nothing is handed
    on but that it is done, so that an answer that comes late can show nothing old.
    """

    def __init__(self, studio: Studio, owner: QObject, ready: Callable[[], None]) -> None:
        self._latest = LatestWins(studio.tasks, owner=owner, title="Compare a run with its labels")
        self._needs: tuple[Evaluation, ...] = ()
        self._ready = ready

    def need(self, needs: tuple[Evaluation, ...]) -> None:
        """Compare these and nothing else; those that are at work already go on."""
        if needs == self._needs:
            return
        self._needs = needs
        if needs:
            from cvstudio.project import run_errors

            self._latest.request(
                lambda control: run_errors.compare(needs, control.check), self._done
            )
        else:
            self._latest.drop()

    def _done(self, _answer: object) -> None:
        self._needs = ()
        self._ready()
