"""Making the map: the job that embeds the images, with its progress in words."""

from __future__ import annotations

from cvstudio.core.config import EmbedConfig
from cvstudio.gui.one_job import OneJob
from cvstudio.project.at_work import jobs_at_work
from cvstudio.project.records import RunRecord
from cvstudio.project.similarity import embedding

_TITLE = "Making the map"


class Making(OneJob):
    """What was embedded before a cancellation is kept for the next time."""

    def find(self, run: RunRecord) -> None:
        """Go on with a map of a run that began before the project was opened, or elsewhere."""
        if self.studio.project is not None and not self.running:
            self.go_on(_TITLE, jobs_at_work(self.studio.project, "embed", run))

    def embed(self, config: EmbedConfig) -> None:
        """Embed every image of the project."""
        project, command = self.studio.project, self.studio.jobs.command
        if project is not None:
            self.start(
                _TITLE,
                lambda _control: embedding.start(project, config, command=command),
            )
