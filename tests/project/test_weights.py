"""Weights are fetched whole or not at all, with progress and Cancel, and never hang."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cvstudio.core import places, pretrained
from cvstudio.core.errors import WeightsMissing
from cvstudio.core.networks import NetworkInfo, WeightsInfo, network
from cvstudio.project import weights

CONTENT = bytes(range(256)) * 4000


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "w.pt").write_bytes(CONTENT)
    made = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join()
    made.server_close()


def served(url: str, *, sha256: str = "") -> NetworkInfo:
    return replace(network("yolo11n"), weights=WeightsInfo("own.pt", url, sha256))


def left_behind() -> list[str]:
    return [path.name for path in places.weights().iterdir()]


def test_a_download_arrives_whole_with_its_progress(server: str) -> None:
    seen: list[tuple[int, int]] = []
    info = served(f"{server}/w.pt", sha256=hashlib.sha256(CONTENT).hexdigest()[:8])
    path = weights.download(info, progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert pretrained.find(info) == path
    assert left_behind() == ["own.pt"]


def test_a_file_that_is_not_the_published_one_is_not_kept(server: str) -> None:
    with pytest.raises(WeightsMissing, match="checksum"):
        weights.download(served(f"{server}/w.pt", sha256="00000000"))
    assert left_behind() == []


def test_a_stopped_download_leaves_nothing(server: str) -> None:
    with pytest.raises(weights.DownloadStopped):
        weights.download(served(f"{server}/w.pt"), cancelled=lambda: True)
    assert left_behind() == []


@pytest.mark.parametrize("path", ["/missing.pt", ""])
def test_what_is_not_there_is_said_with_the_folder_to_put_it(server: str, path: str) -> None:
    url = f"{server}{path}" if path else "http://127.0.0.1:9/w.pt"
    with pytest.raises(WeightsMissing, match="out of reach") as caught:
        weights.download(served(url))
    assert caught.value.folder == places.weights()
    assert caught.value.filename == "own.pt"
    assert left_behind() == []


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/w.pt"
        with pytest.raises(WeightsMissing, match="out of reach"):
            weights.download(served(url), timeout=0.3)
