"""The weights a run starts from, and the normalisation that belongs to them."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from cvstudio.core.recipe import Start
from cvstudio.ml.checkpoint import is_checkpoint, read_checkpoint
from cvstudio.ml.data import SplitImages
from cvstudio.ml.engine.session import Session
from cvstudio.ml.networks.build import Remap, rows_of, start_from
from cvstudio.ml.networks.remap import matched
from cvstudio.ml.preprocess import Preprocessing
from cvstudio.ml.weights import weights_path


def begin_weights(session: Session, module: nn.Module) -> None:
    """Fill a new network with the weights that the config names; nothing for a start from scratch.

    Raises WeightsMissing, RunError and UntrustedFile.
    """
    path = weights_path(session.config, session.info)
    if path is None:
        return
    remap, words = _other_classes(session, module, path)
    taken = start_from(session.info, module, path, other_classes=remap)
    session.note(f"Started from {path.name}: {taken.share:.0%} of the layers fit.{words}")


def _other_classes(session: Session, module: nn.Module, path: Path) -> tuple[Remap | None, str]:
    """How a checkpoint's classes lie among those of this run, and that in words; nothing for other
    files and for the same classes in the same order."""
    if not is_checkpoint(path):
        return None, ""
    old, new = read_checkpoint(path).classes, session.snapshot.classes
    by_id = session.config.start is Start.RUN
    places = matched(old, new, by_id=by_id)
    if len(old) == len(new) and places == {place: place for place in range(len(new))}:
        return None, ""
    rows = rows_of(session.info, module, classes=len(new), image_size=session.config.image_size)
    kept = [new[place].name for place in sorted(places)]
    fresh = [one.name for place, one in enumerate(new) if place not in places]
    words = " It knew other classes: what it had learned of " + ", ".join(kept) + " is taken over"
    if not kept:
        words = " It knew none of these classes: the last layer begins anew"
    elif fresh:
        words += ", " + ", ".join(fresh) + (" begin anew" if len(fresh) > 1 else " begins anew")
    return (rows, places), f"{words}."


def normalisation(session: Session, images: SplitImages) -> Preprocessing:
    """Mean and deviation for a new run.

    Those of the weights it starts from, which a checkpoint of CVStudio knows itself; from scratch,
    those of the training images.
    """
    config, info = session.config, session.info
    mean, std = info.mean, info.std
    if config.start is Start.SCRATCH and info.family != "ultralytics":
        mean, std = images.statistics()
    elif config.weights_file is not None and is_checkpoint(config.weights_file):
        earlier = read_checkpoint(config.weights_file).preprocessing
        mean, std = earlier.mean, earlier.std
    return Preprocessing(config.image_size, config.fit, mean, std)
