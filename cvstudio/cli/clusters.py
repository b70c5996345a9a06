"""The options that send a run to a cluster."""

from __future__ import annotations

import click

from cvstudio.cli.output import WholeNumber
from cvstudio.core.errors import ConfigError
from cvstudio.core.places_to_run import Cluster, dashboard_address
from cvstudio.project.cluster.reach import look_at, require_ray

on_option = click.option(
    "--on",
    metavar="ADDRESS",
    help="Train on the Ray cluster with that dashboard, as http://HOST:8265 or ray://HOST.",
)
cluster_workers_option = click.option(
    "--cluster-workers",
    type=WholeNumber(min=1),
    help="How many workers of the cluster train together; one if not given.",
)
cluster_images_option = click.option(
    "--cluster-images",
    type=click.Choice(["carried", "shared"]),
    help="carried (default): the images are sent along, at most 500 MB of them; shared: the"
    " cluster's computers find them under the same paths as this one.",
)


def chosen_cluster(on: str | None, workers: int | None, images: str | None) -> Cluster | None:
    """The cluster that the options name, which answers; None for this computer. Usage that makes no
    sense is told. Raises RunError when Ray is not installed, or no cluster answers there.
    """
    if on is None:
        for option, value in (("--cluster-workers", workers), ("--cluster-images", images)):
            if value is not None:
                raise click.UsageError(f"{option} is for --on ADDRESS.")
        return None
    try:
        address = dashboard_address(on)
    except ConfigError as error:
        raise click.BadParameter(f"{error.message} {error.hint}", param_hint="--on") from error
    require_ray()
    look_at(address)  # before there is a run that would fail, and hold up the queue
    return Cluster.model_validate(
        {"address": address, "workers": workers or 1, "images": images or "carried"}
    )


def as_options(cluster: Cluster | None) -> str:
    """The options that name a cluster, as they are written; "" for this computer."""
    if cluster is None:
        return ""
    words = [f"--on {cluster.address}"]
    if cluster.workers != 1:
        words.append(f"--cluster-workers {cluster.workers}")
    if cluster.images != "carried":
        words.append(f"--cluster-images {cluster.images}")
    return " ".join(words)
