"""Where a run is done: on this computer, or on a cluster that its directory names.

It stands in a file of its own beside the config: the recipe says what is learned, not where.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator

from cvstudio.core.errors import ConfigError
from cvstudio.core.jobdir import replace_file
from cvstudio.core.record import Record

DASHBOARD_PORT = 8265
"""Where a Ray cluster takes in jobs, unless its owner chose another port."""

_FILE = "cluster.json"


class Cluster(Record):
    """A Ray cluster that does a run.

    `workers`: how many processes train together, each on a GPU of its own where there are any.
    `images`: "carried" sends them along; "shared" means that every computer of the cluster finds
    them under the same paths as this one.
    """

    address: str
    workers: int = Field(1, ge=1, le=1024)
    images: Literal["carried", "shared"] = "carried"

    @field_validator("address")
    @classmethod
    def _as_http(cls, address: str) -> str:
        return dashboard_address(address)


def dashboard_address(text: str) -> str:
    """The HTTP address of a cluster's dashboard, by which jobs are sent, from what a person typed.

    "ray://host:10001" is where the cluster's own programs connect; its dashboard is looked for on
    the same computer at the usual port. Raises ConfigError for anything else.
    """
    text = text.strip()
    scheme, found, rest = text.rpartition("://")
    scheme = scheme.lower()
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    known = not found or scheme in ("http", "https", "ray")
    if not host or not known or parts.query or parts.fragment or any(c.isspace() for c in rest):
        raise ConfigError(
            f'"{text}" is not the address of a cluster.',
            hint=f"Write it as http://HOST:{DASHBOARD_PORT}, the address of its Ray dashboard.",
        )
    if scheme == "ray" or (not found and port is None):
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{DASHBOARD_PORT}"
    return f"{scheme or 'http'}://{parts.netloc}{parts.path.rstrip('/')}"


def cluster_of(directory: Path) -> Cluster | None:
    """The cluster that does the run in a directory; None when this computer does.

    Raises ConfigError when the file that names it cannot be read.
    """
    path = directory / _FILE
    try:
        return Cluster.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ConfigError(f"{path} does not name a cluster.") from error


def send_to(directory: Path, cluster: Cluster | None) -> None:
    """Let a run be done by a cluster from its next start on, or by this computer again (None)."""
    path = directory / _FILE
    if cluster is None:
        path.unlink(missing_ok=True)
    else:
        replace_file(path, cluster.model_dump_json(indent=1).encode())
