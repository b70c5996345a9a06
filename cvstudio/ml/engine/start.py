"""The weights a run starts from, and the normalisation that belongs to them."""

from __future__ import annotations

from torch import nn

from cvstudio.core.recipe import Start
from cvstudio.ml.checkpoint import is_checkpoint, read_checkpoint
from cvstudio.ml.data import SplitImages
from cvstudio.ml.engine.session import Session
from cvstudio.ml.networks.build import start_from
from cvstudio.ml.preprocess import Preprocessing
from cvstudio.ml.weights import weights_path


def begin_weights(session: Session, module: nn.Module) -> None:
    """Fill a new network with the weights that the config names; nothing for a start from scratch.

    Raises WeightsMissing, RunError and UntrustedFile.
    """
    path = weights_path(session.config, session.info)
    if path is None:
        return
    taken = start_from(session.info, module, path)
    session.note(f"Started from {path.name}: {taken.share:.0%} of the layers fit.")


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
