"""The first thing that runs on a cluster: whether its Python can do the work at all, in words.

It is read by whatever Python the cluster has, so nothing here is newer than Python 3.7, and nothing
of CVStudio is imported before the looking is done.
"""

from __future__ import annotations

import importlib.util
import sys

SIGN = "CVSTUDIO: "
"""What the sentence begins with that says why a job could not begin."""

_OLDEST = (3, 11)
_NEEDED = (
    "albumentations", "cv2", "faster_coco_eval", "numpy", "onnxruntime", "PIL", "psutil",
    "pyarrow", "pydantic", "segmentation_models_pytorch", "tifffile", "timm", "torch",
    "torchvision", "ultralytics", "yaml",
)  # fmt: skip


def trouble(version: tuple[int, ...], missing: list[str]) -> str:
    """Why a job cannot begin there; nothing when it can."""
    if version < _OLDEST:
        return (
            f"The cluster's Python is {version[0]}.{version[1]}, and CVStudio needs"
            f" {_OLDEST[0]}.{_OLDEST[1]} or newer there."
        )
    if missing:
        return (
            f"The cluster's Python lacks {', '.join(missing)}."
            " Install cvstudio[cluster] on every computer of the cluster."
        )
    return ""


def main(arguments: list[str]) -> int:
    """Train, or pass a request on to a training: `train NAME WORKERS`, `ask NAME REQUEST`."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    words = trouble(sys.version_info[:2], missing)
    if words:
        sys.stdout.write(f"{SIGN}{words}\n")
        return 3
    what, name, detail = arguments
    if what == "ask":  # without torch: the person waits for it
        from cvstudio.ml.cluster_post import pass_on

        return pass_on(name, detail)
    from cvstudio.ml.cluster_job import train

    return train(name, workers=int(detail))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
