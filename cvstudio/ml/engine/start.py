"""The weights a run starts from, and the normalisation that belongs to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import nn

from cvstudio.core.jobdir import write_json
from cvstudio.core.recipe import Normalise, Sees, Start
from cvstudio.core.words import counted, percent
from cvstudio.ml.checkpoint import is_checkpoint, read_checkpoint
from cvstudio.ml.data import CONSTANT, SplitImages
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
    session.note(f"Started from {path.name}: {percent(taken.share)} of the layers fit.{words}")


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
    rows = rows_of(session.info, module, classes=len(new), image_size=session.config.image_size,
                   points=session.form.points)  # fmt: skip
    kept = [new[place].name for place in sorted(places)]
    fresh = [one.name for place, one in enumerate(new) if place not in places]
    words = " It knew other classes: what it had learned of " + ", ".join(kept) + " is taken over"
    if not kept:
        words = " It knew none of these classes: the last layer begins anew"
    elif fresh:
        words += ", " + ", ".join(fresh) + (" begin anew" if len(fresh) > 1 else " begins anew")
    return (rows, places), f"{words}."


def normalisation(session: Session, images: SplitImages) -> Preprocessing:
    """Mean and deviation for a new run, as the config asks.

    Those of the weights it starts from, which a checkpoint of CVStudio knows itself, or of the
    training images, as from scratch where nothing else is said. ultralytics' networks always learn
    on values from 0 to 1. A network that sees all values has those of the training images unless
    the checkpoint saw them too.
    """
    config, info = session.config, session.info
    if config.sees is Sees.ALL:
        return _of_values(session, images)
    mean: tuple[float, ...] = info.mean
    std: tuple[float, ...] = info.std
    scratch, asked = config.start is Start.SCRATCH, config.normalise
    of_data = asked is Normalise.DATA or (scratch and asked is Normalise.AUTO)
    if of_data and info.family != "ultralytics":
        mean, std = images.statistics()
        if asked is Normalise.DATA:
            told = ", ".join(f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, std, strict=True))
            session.note(f"Colours are scaled by mean ± deviation of the training images: {told}.")
    elif not scratch and config.weights_file is not None and is_checkpoint(config.weights_file):
        earlier = read_checkpoint(config.weights_file).preprocessing
        if earlier.sees is config.sees:
            mean, std = earlier.mean, earlier.std
    return Preprocessing(config.image_size, config.fit, mean, std)


def _of_values(session: Session, images: SplitImages) -> Preprocessing:
    """The same where a network sees all values: of what lies between the ends of the window."""
    config = session.config
    if config.weights_file is not None and is_checkpoint(config.weights_file):
        earlier = read_checkpoint(config.weights_file).preprocessing
        if earlier.sees is Sees.ALL and earlier.channels == session.channels:
            return replace(earlier, size=config.image_size, fit=config.fit)
    session.phase("Measuring the training images")
    mean, std = images.statistics()
    words = [
        "constant" if s == CONSTANT else f"{m:.4g} ± {s:.3g}"
        for m, s in zip(mean, std, strict=True)
    ]
    shown = ", ".join(words[:6])
    more = f" and {len(mean) - 6} more" if len(mean) > 6 else ""
    session.note(
        f"The network sees {counted(session.channels, 'channel')} of the files, scaled by mean and"
        f" deviation over the training images (in shares of the window): {shown}{more}."
    )
    how = Preprocessing(config.image_size, config.fit, mean, std, Sees.ALL, padding=mean)
    if session.group.chief:
        write_json(session.job.path / "input.json", how.to_json())
    return how
