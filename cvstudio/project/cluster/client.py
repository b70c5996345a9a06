"""The one address of a cluster: jobs are sent to its dashboard, and what they leave is read there.

All is HTTP with JSON and bytes; nothing that comes from the cluster is unpickled or run here.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from cvstudio.core.errors import RunError
from cvstudio.project.cluster.reach import check_version, require_ray, unreachable

_MODULE = "cvstudio.ml.cluster_start"
_CONNECT_SECONDS, _SILENT_SECONDS = 10.0, 60.0
_PIECE_BYTES = 1 << 18


@dataclass(frozen=True)
class Sent:
    """A job as the cluster sees it. `node` is where its first process runs, "" before it does."""

    active: bool
    node: str
    message: str


class Client:
    """Speaks with one cluster. Raises Unreachable when it does not answer, RunError when it is too
    old or refuses."""

    def __init__(self, address: str) -> None:
        require_ray()
        # Ray would take these instead of the address that the person typed.
        for variable in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
            os.environ.pop(variable, None)
        from ray.job_submission import JobSubmissionClient

        self.address = address
        with self._speaking():
            self._jobs = JobSubmissionClient(address)
        self.clock_behind = self._check_version()

    def submit(self, folder: Path, name: str, *, workers: int) -> None:
        """Send a bundle and start its training under a name of its own."""
        with self._speaking():
            self._jobs.submit_job(
                entrypoint=f"python -m {_MODULE} train {name} {workers}",
                submission_id=name,
                runtime_env={"working_dir": str(folder)},
                metadata={"program": "cvstudio"},
            )

    def sent(self, name: str) -> Sent | None:
        """What became of a job; None when the cluster does not know it."""
        with self._speaking():
            answer = self._get(f"/api/jobs/{name}")
            if answer.status_code == 404:
                return None
            answer.raise_for_status()
            told = answer.json()
        active = told["status"] in ("PENDING", "RUNNING")
        return Sent(active, told.get("driver_node_id") or "", told.get("message") or "")

    def ask(self, name: str, request: str) -> None:
        """Pass a request on to a job at work."""
        with self._speaking():
            bundle = self._jobs.get_job_info(name).runtime_env or {}
            self._jobs.submit_job(
                entrypoint=f"python -m {_MODULE} ask {name} {request}",
                submission_id=f"{name}-{request}-{os.urandom(3).hex()}",
                runtime_env={"working_dir": bundle.get("working_dir")},
            )

    def stop(self, name: str) -> None:
        """End a job and all of its workers."""
        with self._speaking():
            self._jobs.stop_job(name)

    def log(self, name: str) -> str:
        """What the first process of a job has printed."""
        with self._speaking():
            return str(self._jobs.get_job_logs(name))

    def stream(self, node: str, path: str) -> Iterator[bytes]:
        """A file of the cluster's logs from its beginning, and all that is added to it."""
        query = {"node_id": node, "filename": path, "lines": -1, "interval": 0.2}
        with self._speaking():
            answer = self._get("/api/v0/logs/stream", params=query, stream=True)
            with answer:
                answer.raise_for_status()
                yield from answer.iter_content(chunk_size=None)

    def read(self, node: str, path: str) -> bytes:
        """A small file of the cluster's logs; empty when it is not there yet."""
        with self._speaking(), self._file(node, path) as answer:
            if answer.status_code >= 500:  # that is how the dashboard says that there is none
                return b""
            answer.raise_for_status()
            return bytes(answer.content)

    def download(
        self, node: str, path: str, target: Path, *, told: Callable[[], None]
    ) -> tuple[int, str]:
        """Write a file of the cluster's logs here; its bytes and SHA-256. `told` may raise."""
        digest, size = hashlib.sha256(), 0
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._speaking(), self._file(node, path) as answer, target.open("wb") as stream:
            answer.raise_for_status()
            for piece in answer.iter_content(chunk_size=_PIECE_BYTES):
                told()
                stream.write(piece)
                digest.update(piece)
                size += len(piece)
            stream.flush()
            os.fsync(stream.fileno())
        return size, digest.hexdigest()

    def _file(self, node: str, path: str) -> Any:
        query = {"node_id": node, "filename": path, "lines": -1, "timeout": 3600}
        return self._get("/api/v0/logs/file", params=query, stream=True)

    def _get(self, endpoint: str, **options: Any) -> Any:
        import requests

        # Ray's client would read a whole answer before it hands it on; its headers carry the token.
        return requests.get(
            self._jobs.get_address() + endpoint,
            headers=self._jobs._headers,
            verify=self._jobs._verify,
            timeout=(_CONNECT_SECONDS, _SILENT_SECONDS),
            **options,
        )

    def _check_version(self) -> float:
        """The seconds by which its clock is behind ours. Raises RunError when it is too old."""
        with self._speaking():
            answer = self._get("/api/version")
            answer.raise_for_status()
            check_version(self.address, str(answer.json()["ray_version"]))
        date = answer.headers.get("Date")
        behind = time.time() - parsedate_to_datetime(date).timestamp() if date else 0.0
        return behind if abs(behind) > 2 else 0.0

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Turn what Ray and the network say into words."""
        import requests

        try:
            yield
        except (requests.exceptions.RequestException, ConnectionError) as error:
            raise unreachable(self.address) from error
        except (RuntimeError, ValueError) as error:
            if isinstance(error, RunError):
                raise
            raise RunError(f"The cluster at {self.address} refuses: {error}") from error
