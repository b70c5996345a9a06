"""What an exported file says of itself, for a person to look at before it is asked."""

from __future__ import annotations

from typing import Any

from cvstudio.ml.predict import OnnxNetwork


def describe(network: OnnxNetwork) -> dict[str, Any]:
    """Plain JSON: "task", "classes" [{"id", "name"}], "size" (side of the input in pixels), "score"
    (the threshold inside the file, or null), "inside" (whether doubles are removed inside the
    file), "several", "network", "maker", "precision" and "warning" ("" for none)."""
    record = network.record
    foreign = record.network.get("family") == "ultralytics" and not record.versions
    return {
        "task": record.task.value,
        "classes": [{"id": c.id, "name": c.name} for c in record.classes],
        "size": record.preprocessing.size,
        "score": record.score,
        "inside": record.lists_objects,
        "several": record.several,
        "network": str(record.network.get("name", "")),
        "maker": "ultralytics" if foreign else "CVStudio",
        "precision": record.precision,
        "warning": record.warning,
    }
