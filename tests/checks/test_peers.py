"""Figures of other programs are measured or said to be missing, never made up."""

import json
import stat

import pytest

from cvstudio.checks import bench, labelme_folder, peers
from cvstudio.checks.figures import Figure, percentile
from cvstudio.core import places


@pytest.fixture
def no_installer(tmp_path, monkeypatch):
    """An installer that makes the environment and then finds no network."""
    folder = tmp_path / "bin"
    folder.mkdir()
    uv = folder / "uv"
    uv.write_text('#!/bin/sh\n[ "$1" = venv ] && exit 0\necho "no route to pypi.org" >&2\nexit 2\n')
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))


def test_a_peer_that_cannot_be_installed_gets_a_reason_and_no_figure(no_installer):
    wanted = peers.Peers(wanted=True)
    answer = wanted.ask(peers.LABELME, "open", "nowhere", 0)
    assert answer.found is None
    assert answer.reason == "could not be installed: no route to pypi.org"
    figure = Figure("labelme: something", None, "ms", limit=1.0, detail=answer.reason)
    assert figure.reached is None
    line = bench._line(figure)
    assert line.endswith("not measured: could not be installed: no route to pypi.org")


def test_a_peer_whose_installation_broke_off_is_installed_afresh(no_installer):
    for _ in range(2):
        assert peers.Peers(wanted=True).ask(peers.NAPARI, "paint").found is None
    (left,) = peers.Peers.folder().iterdir()
    assert not (left / "ready").exists()


def test_peers_lie_among_what_may_be_deleted_at_any_time(private_home):
    assert peers.Peers.folder() == places.cache() / "bench-peers"
    assert private_home in places.cache().parents


def test_a_peer_opens_files_with_as_many_shapes_as_our_own_project(tmp_path):
    boxes = list(labelme_folder.boxes(400, 300, 5))
    shapes = [labelme_folder.box_shape(b) for b in boxes]
    paths = labelme_folder.make(
        tmp_path / "images", images=6, width=400, height=300, shapes=lambda _: shapes
    )
    assert [p.is_file() for p in paths] == [True] * 6
    content = json.loads(paths[5].with_suffix(".json").read_text())
    assert content["imagePath"] == paths[5].name
    assert len(content["shapes"]) == 5
    corner = content["shapes"][0]["points"][0]
    assert corner == pytest.approx([boxes[0].x, boxes[0].y], abs=0.01)


def test_the_95th_percentile_leaves_out_one_slow_step_in_twenty_one():
    assert percentile([1.0] * 20 + [99.0]) == 1.0
    assert percentile([1.0] * 10 + [99.0] * 2) == 99.0
