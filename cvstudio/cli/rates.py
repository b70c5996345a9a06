"""The command that finds a learning rate."""

from __future__ import annotations

import math
from pathlib import Path

import click

from cvstudio.cli.judging import finish
from cvstudio.cli.output import answer, as_json, opened, project_argument
from cvstudio.cli.settings import WithSettings
from cvstudio.cli.training import (
    chosen_config,
    parsed_settings,
    preset_option,
    start_options,
    started,
)
from cvstudio.core.networks import default_config
from cvstudio.core.rate_curve import fall
from cvstudio.core.recipe import Preset
from cvstudio.project import rate_finding


@click.command("find-rate", cls=WithSettings)
@project_argument
@preset_option
@click.option(
    "--network", help="A network of the project's task; else the preset's, or that of --from-run."
)
@start_options
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting, as batch=8."
)
@as_json
def find_rate_command(
    project: Path, preset: str, network: str | None, start: str | None, weights_file: Path | None,
    from_run: int | None, settings: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Try many learning rates, a step each, and say which suits: where the loss falls."""
    changes = parsed_settings(settings) | started(start, weights_file, from_run)
    with opened(project) as open_project:
        config = chosen_config(open_project, Preset(preset), network, changes, from_run=from_run)
        job = rate_finding.start(open_project, config)
    finish(job, "Trying learning rates")
    tried = job.state().rates
    rates, losses = [t.rate for t in tried], [t.loss for t in tried]
    found = fall(rates, losses)
    usual = default_config(config.task, config.preset, config.network).learning_rate
    content = {
        "suggested": found.rate if found else None,
        "fastest": found.fastest if found else None,
        "lowest": found.lowest if found else None,
        "tried": [
            {"rate": r, "loss": loss if math.isfinite(loss) else None}
            for r, loss in zip(rates, losses, strict=True)
        ],
    }

    def words() -> None:
        if found is None:
            click.echo(
                "The loss falls at none of these rates: raise the batch, or look at the labels."
            )
        else:
            click.echo(f"{found.told(usual)} --set learning_rate={found.rate:g}")

    answer(content, as_json=as_json, words=words)
