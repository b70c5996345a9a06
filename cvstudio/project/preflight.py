"""Checks before a run starts, in words: what would stop it, what is worth a look, what is fine.

`checks` is pure, so it can answer every turn of a spin box; training_facts.py asks the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlparse

import psutil

from cvstudio.augment.editing import acts, flat
from cvstudio.augment.unable import cannot_run, runnable
from cvstudio.core import nvidia, pretrained, recipe_rules, weight_files
from cvstudio.core.annotation import Split, Task
from cvstudio.core.batch_rule import AUTOMATIC
from cvstudio.core.config import read_config
from cvstudio.core.errors import ConfigError, RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import applies, fits, network
from cvstudio.core.pipeline import Step
from cvstudio.core.recipe import Fit, Loss, Sampling, Sees, Start, TrainConfig
from cvstudio.core.words import counted, percent, quoted, size_words
from cvstudio.imaging.windows import words_of
from cvstudio.project import device as devices
from cvstudio.project import estimate
from cvstudio.project.check import Action as Action
from cvstudio.project.check import Check as Check
from cvstudio.project.check import Level as Level
from cvstudio.project.check import in_order
from cvstudio.project.device import Device
from cvstudio.project.form_checks import form_checks, in_form
from cvstudio.project.learned_checks import learned_checks
from cvstudio.project.rate_checks import rate_checks
from cvstudio.project.training_facts import TINY, Facts
from cvstudio.project.vain_checks import half_check, vain_checks

FIRST_RUN = 20
"""Labelled images below which a run will hardly show anything."""

SCRATCH_IMAGES = 10_000
"""Below this many training images, starting from scratch is worth a warning."""

MOSTLY_EMPTY = 0.5
"""Share of images without any object above which a network may learn to find nothing."""

NOT_COMPARED = (
    "That can take minutes the first time, and what has been seen is kept. The checks of the window"
    " look at all of them, and so does: cvstudio train PROJECT --check."
)
"""Where images are looked at that a run did not wait for."""

ENOUGH = {Task.CLASSIFY: 500, Task.DETECT: 300, Task.INSTANCE: 300}
"""Examples of a class in train from which results are usually good: images, or objects."""


def checks(facts: Facts, config: TrainConfig, found: Device | None) -> list[Check]:
    """All checks, blocking ones first, then advice, then what is fine.

    `found` is what this computer has; None when another one does the run.
    """
    facts = in_form(facts, config)
    return in_order([
        *form_checks(facts, config),
        *_split_checks(facts),
        *_several_checks(facts, config),
        *_channel_checks(facts, config),
        *_label_checks(facts, config),
        *_network_checks(config),
        *vain_checks(config),
        *rate_checks(config),
        *_size_checks(facts, config),
        *_weights_checks(facts, config),
        *learned_checks(facts, config),
        *(_device_checks(config, found) if found is not None else ()),
        *_augmentation_checks(config),
        _disk_check(facts, config),
    ])  # fmt: skip


def _augmentation_checks(config: TrainConfig) -> list[Check]:
    """Steps of the pipeline that the engine of the task cannot run."""
    found = [
        cannot_run(item, task=config.task)
        for place, item in flat(config.augmentation)
        if isinstance(item, Step) and acts(config.augmentation, place)
    ]
    detail = "Take the step out on Augment, or choose another pipeline."
    return [Check(Level.BLOCKING, why.rstrip("."), detail=detail) for why in found if why]


def blocking(lines: list[Check]) -> list[Check]:
    """The checks that a run cannot start with."""
    return [check for check in lines if check.level is Level.BLOCKING]


def require(facts: Facts, config: TrainConfig, found: Device | None) -> list[Check]:
    """All checks. Raises RunError in words when something blocks the start of a run."""
    lines = checks(facts, config, found)
    stopping = blocking(lines)
    if stopping:
        raise RunError(refusal("The run cannot start.", stopping))
    return lines


def refusal(what: str, stopping: list[Check]) -> str:
    """Why something cannot start, as sentences."""
    return " ".join([what, *(_sentence(check) for check in stopping)])


def _sentence(check: Check) -> str:
    """A check without its buttons; where those say what to do, the detail says all that it says."""
    parts = (check.detail,) if check.ways else (check.text, check.detail)
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _split_checks(facts: Facts) -> list[Check]:
    train, val, test = (facts.images.get(split, 0) for split in Split)
    divide = (Action("Divide", "split"),)
    lines = []
    if facts.without_split and train and val:
        many = counted(len(facts.without_split), "labelled image")
        lines.append(Check(Level.ADVICE, f"{many} without a split, left out", divide))
    if not train + val + test and not facts.without_split:
        lines.append(Check(Level.BLOCKING, "No image is labelled yet"))
    elif not train or not val:
        which = "train" if not train else "val"
        text = f"No labelled image is in {which}"
        if facts.without_split:  # one line, and one link, for what is one thing to do
            text += ", and " + counted(len(facts.without_split), "is", "are") + " in no split"
        lines.append(
            Check(Level.BLOCKING, text, divide,
                  "A run learns from train and is judged on val in every epoch.")
        )  # fmt: skip
    else:
        held = f"{test:,}" if test else "no"
        lines.append(Check(Level.OK, f"{train:,} train, {val:,} val, {held} test images"))
        if train + val < FIRST_RUN:
            text = f"{train + val} of the {FIRST_RUN} images that a first run needs are labelled"
            lines.append(Check(Level.ADVICE, text))
    if facts.in_two_splits:
        many = counted(len(facts.in_two_splits), "image")
        show = Action("Show", "images", image_ids=facts.in_two_splits)
        lines.append(
            Check(Level.ADVICE, f"{many} in two splits at once", (show,),
                  "The same file in train and val makes the figures better than they are.")
        )  # fmt: skip
    elif train and val:
        lines.append(Check(Level.OK, "No image is in two splits"))
    return [*lines, *_near_checks(facts)]


def _near_checks(facts: Facts) -> list[Check]:
    """Images that are judged on and look like images that are learned from."""
    lines = []
    if facts.not_compared:
        many = counted(facts.not_compared, "image has", "images have")
        text = f"{many} not been looked at for near-duplicates yet"
        lines = [Check(Level.ADVICE, text, (), NOT_COMPARED)]
    if facts.near is None or not facts.divided:
        return lines
    known = set(facts.in_two_splits)
    pairs = [pair for pair in facts.near if not known.issuperset(pair)]
    if not pairs:
        fine = Check(Level.OK, "No val or test image looks like one in train")
        return lines or [fine]
    judged = tuple(dict.fromkeys(image for _, image in pairs))
    both = tuple(dict.fromkeys(image for pair in pairs for image in pair))
    noun = ("val or test image looks", "val or test images look")
    text = f"{counted(len(judged), *noun)} like one in train"
    actions = (Action("Show", "images", image_ids=both),
               Action("Move to train", "train", image_ids=judged))  # fmt: skip
    why = "Near-duplicates make the figures on val better than they are for images not yet seen."
    return [Check(Level.ADVICE, text, actions, why), *lines]


def _several_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    """Whether the run is for as many classes an image as the images have."""
    if not facts.several_classes or config.several_classes:
        return []
    many = counted(len(facts.several_classes), "image has", "images have")
    learn = Action("Learn several", "set", {"loss": Loss.BINARY, "several_classes": True})
    show = Action("Show", "images", image_ids=facts.several_classes)
    why = "This run learns one class for each image, and none of them is dropped unseen."
    return [
        Check(Level.BLOCKING, f"{many} several classes: this run learns one", (learn, show), why)
    ]


def _channel_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    """Whether a run that sees all channels gets as many of every image, and what it leaves out."""
    if config.sees is Sees.DISPLAYED or not facts.channels:
        return []
    displayed = Action("See what is displayed", "set", {"sees": Sees.DISPLAYED})
    info = network(config.network)
    if info.colours_only:
        why = "Its first layer is made for red, green and blue. Every other network takes all."
        text = f"{info.title} sees images as they are displayed only"
        return [Check(Level.BLOCKING, text, (displayed,), why)]
    if len(facts.channels) > 1:
        told = ", ".join(f"{len(ids):,} of {count}" for count, ids in facts.channels.items())
        few = min(facts.channels.values(), key=len)
        ways = (displayed, Action("Show", "images", image_ids=few))
        why = "A network that sees all channels needs the same number from every image."
        return [Check(Level.BLOCKING, f"Images with different channels: {told}", ways, why)]
    (count,) = facts.channels
    why = "They are scaled by mean and deviation of the training images, channel by channel."
    text = f"The network sees {counted(count, 'channel')} with all their values"
    _, left_out = runnable(config.augmentation, channels=count, eight_bit=False)
    told_out = [Check(Level.ADVICE, f"{words.rstrip('.')}: left out") for words in left_out]
    return [Check(Level.OK, text, (), why), *told_out]


def _label_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    lines = []
    if facts.unlabelled:
        many = counted(len(facts.unlabelled), "image is", "images are")
        show = Action("Show", "images", image_ids=facts.unlabelled)
        why = (
            "Nobody has looked at them. Mark those without an object as empty, and they teach too."
        )
        lines.append(Check(Level.ADVICE, f"{many} unlabelled, left out", (show,), why))
    if facts.empty and facts.task is not Task.CLASSIFY:
        show = Action("Show", "images", image_ids=facts.empty)
        many = counted(len(facts.empty), "image was", "images were")
        why = "Reviewed and empty: they teach what is not an object."
        share = len(facts.empty) / max(len(facts.divided), 1)
        text = f"{many} reviewed and {'is' if len(facts.empty) == 1 else 'are'} empty"
        if share > MOSTLY_EMPTY:
            text += f", {percent(share)} of all"
            why += " So many of them can teach a network to find nothing."
        level = Level.ADVICE if share > MOSTLY_EMPTY else Level.OK
        lines.append(Check(level, text, (show,), why))
    if facts.unreadable:
        show = Action("Show", "images", image_ids=facts.unreadable)
        many = counted(len(facts.unreadable), "image")
        lines.append(Check(Level.ADVICE, f"{many} cannot be read, left out", (show,)))
    elif facts.images:
        lines.append(Check(Level.OK, "Every image can be read"))
    if facts.no_area:
        show = Action("Show", "images", image_ids=tuple(dict.fromkeys(facts.no_area)))
        many = counted(len(facts.no_area), "box", "boxes")
        lines.append(Check(Level.ADVICE, f"{many} without area, left out", (show,)))
    if facts.boxes_left_out:
        show = Action("Show", "images", image_ids=facts.boxes_left_out)
        why = "This task learns outlines: masks and polygons."
        if facts.task is Task.INSTANCE:
            text = f"{counted(len(facts.boxes_left_out), 'image')} with boxes, left out whole"
            why += (
                " An object with a box alone would be taught as background, so its whole image"
                " waits until the object is outlined or the box deleted."
            )
        else:
            many = counted(len(facts.boxes_left_out), "image has", "images have")
            text = f"{many} boxes, which teach nothing"
        lines.append(Check(Level.ADVICE, text, (show,), why))
    return [*lines, *_depth_checks(facts), *_class_checks(facts, config)]


def _depth_checks(facts: Facts) -> list[Check]:
    """How images of more than 8 bits reach the network."""
    lines = []
    depths = Counter(depth for depth, _ in facts.deep)
    for (depth, window), ids in facts.deep.items():
        many = counted(len(ids), f"image of {depth} bits is", f"images of {depth} bits are")
        show = (Action("Show", "images", image_ids=ids),)
        if window is None:
            text = f"{many} mapped by their own brightness"
            why = "Choose a window on the Label page (Display) and use it for training: then the"
            lines.append(
                Check(Level.ADVICE, text, show, f"{why} same number is the same grey everywhere.")
            )
            continue
        text = f"{many} shown to the network through the window {words_of(window)}"
        if depths[depth] > 1:
            why = "Images of one depth have several windows: the same number is not the same grey."
            lines.append(Check(Level.ADVICE, text, show, why))
        else:
            why = "The network takes 8 bits. The Label page (Display) can change the window."
            lines.append(Check(Level.OK, text, (), why))
    return lines


def _class_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    if not facts.classes:
        return [Check(Level.BLOCKING, "The project has no label class yet")]
    if not facts.images.get(Split.TRAIN) or not facts.images.get(Split.VAL):
        return []
    train, val = facts.counts[Split.TRAIN], facts.counts[Split.VAL]
    if not sum(train.values()):
        return [Check(Level.BLOCKING, f"No annotation in train that {facts.task} can learn from")]
    lines = []
    absent = [quoted(name) for key, name in facts.classes.items() if not train.get(key)]
    if absent:
        lines.append(
            Check(Level.ADVICE, f"{_names(absent)}: not in train", (),
                  "A class without examples cannot be learned.")
        )  # fmt: skip
    unjudged = [
        quoted(name) for key, name in facts.classes.items() if train.get(key) and not val.get(key)
    ]
    if unjudged:
        lines.append(
            Check(Level.ADVICE, f"{_names(unjudged)}: not in val, no figure", (),
                  "The report cannot say how well a class is found that val does not have.")
        )  # fmt: skip
    present = {key: n for key, n in train.items() if n}
    lines += _enough_checks(facts, present)
    most, least = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
    if present[most] >= 20 * present[least] and facts.task is not Task.SEGMENT:
        common, rare = quoted(facts.classes[most]), quoted(facts.classes[least])
        text = f"{present[most] // present[least]} {common} for each {rare}"
        lines.append(Check(Level.ADVICE, text, *_balancing(config)))
    elif len(present) > 1:
        counts = [f"{quoted(facts.classes[key])} {n:,}" for key, n in sorted(present.items())]
        ratio = present[most] / present[least]
        text = f"Classes are balanced: {ratio:.1f} to 1 at most"
        lines.append(Check(Level.OK, text, (), f"In train: {', '.join(counts)}."))
    return lines


def _balancing(config: TrainConfig) -> tuple[tuple[Action, ...], str]:
    """What helps rare classes with a network, and how."""
    if applies("class_weights", network(config.network)):
        balance = Action("Balance", "set", {"class_weights": True})
        return (balance,), "Balancing makes errors on rare classes count more."
    more = Action("Show rare ones more", "set", {"sampling": Sampling.REPEAT})
    return (more,), "Images with rare classes are shown more often in each epoch."


def _enough_checks(facts: Facts, present: Mapping[int, int]) -> list[Check]:
    """Whether the classes in train have as many examples as good results usually take."""
    enough = ENOUGH.get(facts.task)
    if enough is None:
        return []
    what = "image" if facts.task is Task.CLASSIFY else "object"
    few = sorted((n, facts.classes[key]) for key, n in present.items() if n < enough)
    if not few:
        return [Check(Level.OK, f"Every class in train has {enough} {what}s or more")]
    counts = [f"{quoted(name)} {n:,}" for n, name in few]
    why = f"Good results usually take about {enough} {what}s of each class; fewer can do to begin."
    return [Check(Level.ADVICE, f"Fewer than {enough} {what}s: {_names(counts)}", (), why)]


_FITS = {Fit.PAD: "padding", Fit.STRETCH: "stretching"}


def _network_checks(config: TrainConfig) -> list[Check]:
    """Settings that do not go together with the network."""
    info = network(config.network)
    lines = []
    if config.fit not in fits(info):
        ways = tuple(
            Action(f"Fit by {words}", "set", {"fit": fit})
            for fit, words in _FITS.items() if fit in fits(info) and fit is not Fit.CROP
        )  # fmt: skip
        crop = config.fit is Fit.CROP
        text = f"{info.title} cannot be trained on {'crops' if crop else 'stretched images'}"
        why = "It has to see whole images." if crop else "Stretching makes its boxes slanted."
        lines.append(Check(Level.BLOCKING, text, ways, why))
    if config.loss not in recipe_rules.losses(info):
        standard = Action("Use the standard loss", "set", {"loss": Loss.STANDARD})
        text = f"{info.title} cannot learn by the loss “{config.loss}”"
        lines.append(Check(Level.BLOCKING, text, (standard,), "It is for other networks."))
    if not lines:
        try:
            recipe_rules.check(config)
        except ConfigError as error:
            lines.append(Check(Level.BLOCKING, error.message.rstrip("."), detail=error.hint))
    if config.batch == 1 and info.family != "ultralytics":
        why = "Many networks average over the images of a step, and some cannot do with one."
        two = Action("Use 2", "set", {"batch": 2})
        lines.append(Check(Level.ADVICE, "Batch 1 learns badly", (two,), why))
    return lines


def _size_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    if facts.task not in (Task.DETECT, Task.INSTANCE) or config.fit is Fit.CROP:
        return []
    tiny = facts.tiny(config.image_size)
    if not len(tiny):
        return []
    noun = ("box is", "boxes are") if facts.task is Task.DETECT else ("object is", "objects are")
    text = f"{counted(len(tiny), *noun)} under {TINY:g} px wide"
    larger = config.image_size * 3 // 2 // 32 * 32
    actions = [Action("Show", "images", image_ids=tuple(dict.fromkeys(tiny.tolist())))]
    if larger <= 1920:
        actions.insert(0, Action(f"Use {larger}", "set", {"image_size": larger}))
    return [Check(Level.ADVICE, text, tuple(actions), f"At {config.image_size} px.")]


_SCRATCH = Action("Train without them", "set", {"start": Start.SCRATCH})


def _weights_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    info = network(config.network)
    train = facts.images.get(Split.TRAIN, 0)
    if config.start is Start.SCRATCH:
        if train >= SCRATCH_IMAGES or info.weights is None:
            return []
        text = f"From scratch with {counted(train, 'image')}"
        why = "Pretrained weights need far fewer images."
        use = Action("Use pretrained", "set", {"start": Start.PRETRAINED})
        return [Check(Level.ADVICE, text, (use,), why)]
    if config.start is Start.PRETRAINED and config.weights_file is None:
        found = pretrained.find(info)
        wrong = weight_files.trouble(found) if found is not None else ""
        if wrong:
            why = f"Delete {found}: then the checks offer to get it again."
            return [Check(Level.BLOCKING, wrong.rstrip("."), (_SCRATCH,), why)]
        if found is not None:
            return [Check(Level.OK, f"Pretrained weights: {found.name}", (), str(found))]
        error = pretrained.missing(info)
        if info.weights is None:
            return [Check(Level.BLOCKING, error.message, (_SCRATCH,), error.hint)]
        ways = (Action("Download", "weights"), _SCRATCH)
        file = f"{info.weights.filename}, about {info.weights_megabytes} MB"
        text = f"Pretrained weights ({file}) are not on this computer"
        host = urlparse(info.weights.url).hostname
        why = (
            "With them, few images of your own are enough."
            f" Download fetches them once from {host}."
            " Train without them begins from nothing and needs many more images."
        )
        return [Check(Level.BLOCKING, text, ways, f"{error.message} {error.hint}", why)]
    if config.weights_file is None:
        what = "run" if config.start is Start.RUN else "file of weights"
        return [Check(Level.BLOCKING, f"Which {what} is to be started from?")]
    if not config.weights_file.is_file():
        return [Check(Level.BLOCKING, f"There is no weights file {config.weights_file}")]
    if config.start is Start.RUN:
        return _run_checks(config, config.weights_file)
    wrong = weight_files.trouble(config.weights_file)
    why = f"{config.weights_file} cannot be started from: choose a .pt, .pth or .safetensors."
    return [Check(Level.BLOCKING, wrong.rstrip("."), (_SCRATCH,), why)] if wrong else []


def _run_checks(config: TrainConfig, best: Path) -> list[Check]:
    """Whether the run to start from has the same network."""
    try:
        earlier = read_config(JobDir(best.parent.parent).config)
    except ConfigError:
        return []  # the weights are there and that is enough; the run says itself what is damaged
    if not isinstance(earlier, TrainConfig) or earlier.network == config.network:
        return []
    text = f"The run to start from is a {network(earlier.network).title}"
    use = Action("Use it", "set", {"network": earlier.network})
    why = f"{network(config.network).title} can only take over layers that are alike, if any."
    return [Check(Level.ADVICE, text, (use,), why)]


def _device_checks(config: TrainConfig, found: Device) -> list[Check]:
    try:
        device = devices.for_config(config.device, found)
    except ConfigError as error:
        use = Action("Use what there is", "set", {"device": "auto"})
        return [Check(Level.BLOCKING, error.message, (use,))]
    need = estimate.memory(config)
    if device.kind == "cuda" and config.batch == AUTOMATIC:
        held = f"{device.memory / 2**30:.0f} GB GPU memory"
        return [Check(Level.OK, f"Batch: as many images as {held} hold, measured at the start")]
    if device.kind == "cuda":
        words = f"{need / 2**30:.1f} of {device.memory / 2**30:.0f} GB GPU memory"
        if need > device.memory * 0.95 and config.batch > 1:
            half = Action(f"Use {config.batch // 2}", "set", {"batch": config.batch // 2})
            return [Check(Level.ADVICE, f"Batch {config.batch} needs about {words}", (half,))]
        return [Check(Level.OK, f"Needs about {words}")]
    vain = half_check(config) if device.kind == "cpu" else []
    free = psutil.virtual_memory().available
    words = f"{need / 2**30:.1f} of {free / 2**30:.1f} GB free memory"
    level = Level.OK if need < free else Level.ADVICE
    lines = [Check(level, f"Needs about {words}"), *vain]
    if found.unused and config.device == "auto":
        why = nvidia.unused(found.unused, has_cuda=False)
        lines.append(Check(Level.ADVICE, f"{found.unused} is not used: torch has no CUDA", (), why))
    elif device.kind == "cpu":
        why = f"{device.name}, {devices.cores()} cores. A GPU is many times faster."
        lines.append(Check(Level.OK, "No GPU: the processor trains", (), why))
    return lines


def _disk_check(facts: Facts, config: TrainConfig) -> Check:
    need = estimate.disk(config)
    text = f"Needs {size_words(need)} of disk, {size_words(facts.free_disk)} are free"
    return Check(Level.OK if need < facts.free_disk else Level.BLOCKING, text)


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
