"""Fetching pretrained weights, only when asked to; finding them is core/pretrained.py."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

from cvstudio.core import places
from cvstudio.core.errors import CVStudioError, WeightsMissing
from cvstudio.core.networks import NetworkInfo
from cvstudio.core.pretrained import find, missing
from cvstudio.core.words import size_words

TIMEOUT = 15.0
"""Seconds without a byte after which a server counts as out of reach."""

_BLOCK = 1 << 18


class DownloadStopped(CVStudioError):
    """The person stopped a download; nothing was kept."""


def download(
    info: NetworkInfo,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    timeout: float = TIMEOUT,
) -> Path:
    """Fetch a network's weights into CVStudio's folder; the file appears only when it is whole.

    `progress` is told bytes done and bytes in all (0 while unknown). Raises WeightsMissing when the
    file cannot be had or is not what was published, DownloadStopped when `cancelled` says so.
    """
    if info.weights is None:
        raise missing(info)
    found = find(info)
    if found is not None:
        return found
    target = places.weights() / info.weights.filename
    part = target.with_name(target.name + ".part")
    digest = hashlib.sha256()
    try:
        with (
            urllib.request.urlopen(info.weights.url, timeout=timeout) as answer,
            part.open("wb") as file,
        ):
            total = int(answer.headers.get("Content-Length") or 0)
            _require_room(total, target)
            done = 0
            while block := answer.read(_BLOCK):
                if cancelled():
                    raise DownloadStopped(f"The download of {target.name} was stopped.")
                file.write(block)
                digest.update(block)
                done += len(block)
                progress(done, total)
        if total and done != total:
            raise _unusable(info, f"the connection ended after {done:,} of {total:,} bytes")
        if not digest.hexdigest().startswith(info.weights.sha256):
            raise _unusable(info, "its checksum is not the published one")
        part.replace(target)
    except (URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise _unusable(info, f"{info.weights.url} is out of reach ({reason})") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _require_room(size: int, target: Path) -> None:
    free = shutil.disk_usage(target.parent).free
    if size > free:
        raise CVStudioError(
            f"{target.name} needs {size_words(size)}, and {target.parent} has"
            f" {size_words(free)} free."
        )


def _unusable(info: NetworkInfo, why: str) -> WeightsMissing:
    error = missing(info)
    return WeightsMissing(
        f"The pretrained weights of {info.title} could not be fetched: {why}.",
        filename=error.filename,
        folder=error.folder,
        hint=f"Put {error.filename} into {error.folder}, or start from scratch.",
    )
