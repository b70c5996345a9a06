"""Whether runs can be sent at all, asked without Ray: the window asks it too."""

from __future__ import annotations

import importlib.util
import json
import os
import urllib.error
import urllib.request

from cvstudio.core.errors import RunError

OLDEST_RAY = (2, 60)
"""What a cluster must run at least: the first Ray with which all of this was tried."""

_SECONDS = 5.0


class Unreachable(RunError):
    """The cluster does not answer; it may do so later."""


def require_ray() -> None:
    """Raises RunError, which says how to install what sends jobs, when it is not there."""
    if importlib.util.find_spec("ray") is None:
        raise RunError(
            "Sending runs to a cluster needs Ray, which is not installed here.",
            hint="Install it with: pip install 'cvstudio[cluster]'",
        )


def look_at(address: str) -> str:
    """The version of the Ray that answers at an address; "" where only Ray's own client, which has
    the token, is told.

    Raises Unreachable when nothing answers within seconds, RunError when it is too old or no Ray.
    """
    try:
        with urllib.request.urlopen(f"{address}/api/version", timeout=_SECONDS) as answer:
            version = str(json.load(answer)["ray_version"])
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            if os.environ.get("RAY_AUTH_MODE") == "token":
                return ""
            raise RunError(
                f"The cluster at {address} asks for a token.",
                hint="Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN before CVStudio is started.",
            ) from error
        raise RunError(f"What answers at {address} is no Ray dashboard.") from error
    except OSError as error:
        raise unreachable(address) from error
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"What answers at {address} is no Ray dashboard.") from error
    check_version(address, version)
    return version


def unreachable(address: str) -> Unreachable:
    """The error that says that a cluster does not answer."""
    return Unreachable(
        f"The cluster at {address} does not answer.",
        hint="Is the address that of its Ray dashboard, and can this computer reach it?",
    )


def check_version(address: str, version: str) -> None:
    """Raises RunError when a cluster's Ray is too old."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST_RAY:
        oldest = ".".join(map(str, OLDEST_RAY))
        raise RunError(
            f"The cluster at {address} runs Ray {version}: {oldest} or newer is needed.",
            hint=f"Update it there with: pip install 'ray[default,train]>={oldest}'",
        )
