"""The filter that was on when a project was left: the work goes on with it another day."""

from __future__ import annotations

from cvstudio.core.settings import Memory
from cvstudio.gui.data.filters import from_json, to_json
from cvstudio.gui.data.reading import uncompared
from cvstudio.project import queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter

_NAME = "data.filter"


def of(memory: Memory, project: Project) -> ImageFilter:
    """The filter with which a project was left; all images when it finds none by now.

    One that asks for the errors of a run which has to be compared first is taken as it is.
    """
    found = from_json(memory.get_for(project.path, _NAME, {}))
    if found == ImageFilter():
        return found
    with project.read() as session:
        if uncompared(session, found.query):
            return found
        return found if queries.image_ids(session, found) else ImageFilter()


def keep(memory: Memory, project: Project, filter: ImageFilter) -> None:
    """Remember the filter that is on. Images that were chosen one by one are no filter."""
    plain = to_json(filter) if filter.ids is None else {}
    memory.set_for(project.path, _NAME, plain or None)
