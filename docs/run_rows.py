"""The rows of docs/run_table.py: one recipe each, against the plain run of the same images."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Row:
    """One recipe on one set of run_data.SETS.

    `settings` is what stands behind --set, "a=1 b=2". `start` names the row whose network is
    started from, with "run:" as that run, with "file:" as a file of weights. `views` judges the
    plain run again instead of training; `folds` trains that many parts in turn. `find_rate` lets
    `cvstudio find-rate` choose the learning rate.
    """

    of: str
    what: str
    settings: str = ""
    network: str = ""
    epochs: int = 0
    start: str = ""
    augment: str = ""
    views: str = ""
    folds: int = 0
    find_rate: bool = False
    first: bool = False
    """Whether others start from it; it is compared with nothing."""

    @property
    def name(self) -> str:
        """How it is called in the table, on the command line and in files."""
        return f"{self.of}-{self.what.replace(' ', '-')}"

    @property
    def is_plain(self) -> bool:
        """Whether others of its set are compared with it."""
        return self.what.partition(" ")[0] == "plain"


PLAIN, SEEDS = "plain", 3


def _plain(of: str) -> tuple[Row, ...]:
    first = Row(of, PLAIN)
    others = (replace(first, what=f"plain {s}", settings=f"seed={s}") for s in range(1, SEEDS))
    return first, *others


SIGNS = (
    *_plain("signs"),
    Row("signs", "progressive", "first_size=32"),
    Row("signs", "multi-scale", "multi_scale=0.5"),
    Row("signs", "stretch", "fit=stretch"),
    Row("signs", "crop", "fit=crop"),
)

SMALL = (
    *_plain("small"),
    Row("small", "efficientnetv2", network="timm:tf_efficientnetv2_b0"),
    Row("small", "convnext", network="timm:convnext_zepto_rms"),
    Row("small", "vit", network="vit_tiny"),
    Row("small", "swin", network="timm:swin_tiny_patch4_window7_224"),
    Row("small", "maxvit", network="timm:test_maxvit"),
    Row("small", "sgd", "optimizer=sgd learning_rate=0.05"),
    Row("small", "sam", "sharpness=0.05"),
    Row("small", "one-cycle", "schedule=one-cycle"),
    Row("small", "restarts", "schedule=restarts restart_epochs=2"),
    Row("small", "plateau", "schedule=plateau plateau_epochs=1"),
    Row("small", "no warm-up", "warmup_epochs=0"),
    Row("small", "clipping", "gradient_limit=1"),
    Row("small", "accumulation", "batch=8 accumulate=4"),
    Row("small", "average of weights", "average=0.95"),
    Row("small", "no weight decay", "weight_decay=0"),
    Row("small", "label smoothing", "label_smoothing=0.1"),
    Row("small", "focal", "loss=focal"),
    Row("small", "binary", "loss=binary"),
    Row("small", "mixup", "mixup=0.2"),
    Row("small", "cutmix", "cutmix=1"),
    Row("small", "augmented", augment="Standard"),
    Row("small", "three folds", folds=3),
    Row("small", "mirrored views", views="mirrored"),
    Row("small", "found rate", find_rate=True),
    Row("small", "bfloat16", "half=bfloat16"),
    Row("small", "float16", "half=float16"),
    Row("small", "not channels last", "channels_last=false"),
    Row("small", "deterministic", "deterministic=true"),
    Row("small", "colours of the weights", "normalise=weights"),
    Row("small", "automatic batch", "batch=0"),
    Row("small", "compiled", "compile=true"),
    Row("small", "no cache", "cache_images=false"),
    Row("small", "disk cache", "cache_images=false cache_on_disk=true"),
)

RARE = (
    *_plain("rare"),
    Row("rare", "class weights", "class_weights=true"),
    Row("rare", "balanced sampling", "sampling=balanced"),
    Row("rare", "repeat factor", "sampling=repeat rare_below=0.1"),
    Row("rare", "focal", "loss=focal"),
)

_FROM = "run:few-first"
FEW = (
    Row("few", "first", epochs=16, first=True),
    *_plain("few"),
    Row("few", "from a run", start=_FROM),
    Row("few", "backbone frozen", "layers=head", start=_FROM),
    Row("few", "last blocks", "layers=last", start=_FROM),
    Row("few", "two phases", "frozen_epochs=3", start=_FROM),
    Row("few", "gradual", "frozen_epochs=1 thaw_epochs=1", start=_FROM),
    Row("few", "discriminative rates", "backbone_rate=0.3 quarter_rate=0.4", start=_FROM),
    Row("few", "from a file", start="file:few-first"),
    Row("few", "eva02", network="timm:eva02_tiny_patch14_224", settings="image_size=224", epochs=2),
)

KINDS = (
    *_plain("kinds"),
    Row("kinds", "class weights", "class_weights=true"),
    Row("kinds", "mixup", "mixup=0.2"),
)

MEMBRANE = (
    *_plain("membrane"),
    Row("membrane", "unetplusplus", network="smp:unetplusplus/resnet18"),
    Row("membrane", "fpn", network="fpn-resnet18"),
    Row("membrane", "deeplabv3plus", network="deeplabv3plus-resnet18"),
    Row("membrane", "segformer", network="smp:segformer/mit_b0"),
    Row("membrane", "upernet", network="smp:upernet/resnet18"),
    Row("membrane", "cross-entropy", "loss=cross-entropy"),
    Row("membrane", "dice", "loss=dice"),
    Row("membrane", "tversky", "loss=tversky miss_weight=0.7"),
    Row("membrane", "lovasz", "loss=lovasz"),
    Row("membrane", "crops and tiles", "fit=crop", epochs=2),
    Row("membrane", "mosaic", "mosaic=0.5 plain_epochs=5"),
    Row("membrane", "progressive", "first_size=64"),
    Row("membrane", "all views", views="all"),
)

DEEP = (
    Row("deep", PLAIN),
    Row("deep", "all values", "sees=all"),
)

LAYERS = (
    Row("layers", PLAIN),
    Row("layers", "all channels", "sees=all"),
)

SANDSTONE = (
    *_plain("sandstone"),
    Row("sandstone", "class weights", "class_weights=true"),
    Row("sandstone", "lovasz", "loss=lovasz"),
    Row("sandstone", "copy and paste", "copy_paste=0.5 plain_epochs=5"),
)

BLOOD = (
    *_plain("blood"),
    Row("blood", "yolo11", network="yolo11n"),
    Row("blood", "faster r-cnn", network="fasterrcnn-mobilenet", epochs=2),
    Row("blood", "rt-detr", network="rtdetr-l", epochs=2),
    Row("blood", "mosaic", "mosaic=0.5 plain_epochs=5"),
    Row("blood", "mirrored views", views="mirrored"),
)

CELLS = (
    Row("cells", PLAIN),
    Row("cells", "plain 1", "seed=1"),
    Row("cells", "yolo11", network="yolo11n-seg"),
)

TURNED = (Row("turned", PLAIN),)

AXES = (Row("axes", PLAIN),)

PEOPLE = (Row("people", PLAIN),)

TENS = (
    Row("tens", PLAIN),
    Row("tens", "mask r-cnn", network="maskrcnn-resnet50"),
)

ROWS = (
    *(*SIGNS, *SMALL, *RARE, *FEW, *KINDS),
    *(*MEMBRANE, *DEEP, *LAYERS, *SANDSTONE),
    *(*BLOOD, *TURNED, *AXES, *PEOPLE),
    *(*CELLS, *TENS),
)
