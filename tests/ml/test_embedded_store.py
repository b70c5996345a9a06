"""What was embedded before: a damaged file costs time alone, wherever the damage is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cvstudio.core.predictions import Prediction
from cvstudio.ml.embedded import Embedded, EmbeddedStore

KEYS = {id: f"key {id}" for id in range(200)}


def embedded(id: int) -> Embedded:
    return Embedded(Prediction(id, {1: 0.5}), 0.1, np.full((1, 64), id, np.float16), "layer4")


def test_a_file_that_is_damaged_in_its_middle_is_thrown_away_and_filled_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "embeddings.sqlite"
    store = EmbeddedStore(path)
    with store.opened():
        store.put({id: embedded(id) for id in KEYS}, KEYS)
        assert len(store.get(KEYS)) == len(KEYS)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)  # the first page alone is whole
    path.write_bytes(content)
    with store.opened():
        assert store.get(KEYS) == {}
        store.put({7: embedded(7)}, KEYS)
    with store.opened():
        (kept,) = store.get(KEYS).values()
    assert kept.vectors.tolist() == [[7.0] * 64]
