"""Making the map: the job that embeds the images, with its progress in words."""

from __future__ import annotations

from cvstudio.core.config import EmbedConfig
from cvstudio.gui.one_job import OneJob
from cvstudio.project.similarity import embedding


class Making(OneJob):
    """What was embedded before a cancellation is kept for the next time."""

    def embed(self, config: EmbedConfig) -> None:
        """Embed every image of the project."""
        project, command = self.studio.project, self.studio.jobs.command
        if project is not None:
            self.start(
                "Making the map",
                lambda _control: embedding.start(project, config, command=command),
            )
