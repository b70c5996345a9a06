"""All figures of an analysed run with their ranges, at a score and an overlap."""

from __future__ import annotations

from collections.abc import Mapping

from cvstudio.core.annotation import LabelClass
from cvstudio.core.forms import Answers
from cvstudio.core.metrics.resampling import Draws, with_whole
from cvstudio.core.metrics.sheets import (
    ScoreFree,
    Sheet,
    image_sheet,
    object_sheet,
    pixel_sheet,
    score_free,
    several_sheet,
)
from cvstudio.core.metrics.sure_answers import SURE_ENOUGH
from cvstudio.core.words import quoted
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.pixel_analysis import PixelAnalysis
from cvstudio.project.several_analysis import SeveralAnalysis
from cvstudio.project.verdict import Analysis

_SIZED = (Answers.BOXES, Answers.OUTLINES)


def about_never_found(sheet: Sheet, classes: Mapping[int, LabelClass]) -> str:
    """Why what is missed gains nothing by TIDE's count where classes are never found; "" if none
    is."""
    lost = [quoted(classes[each].name) for each in sheet.never_found]
    if not lost:
        return ""
    one, names = len(lost) == 1, ", ".join(lost)
    return (
        f"{names} {'is' if one else 'are'} never found: TIDE leaves what is missed away"
        f" instead of finding it, which gains {'this class' if one else 'these classes'} nothing."
        f" Found as labelled, {'it' if one else 'they'} would add up to"
        f" +{sheet.gain_of_never_found:.3f}."
    )


def free_of(analysed: Analysis, draws: Draws) -> ScoreFree | None:
    """What depends on no score, which takes seconds on a large split; None where all is quick."""
    if not isinstance(analysed, ObjectAnalysis):
        return None
    ids = [c.id for c in analysed.classes]
    sized = analysed.form.answers in _SIZED
    return score_free(analysed.matches, with_whole(draws), sizes=sized, class_ids=ids)


def sheet_of(
    analysed: Analysis,
    draws: Draws,
    *,
    score: float,
    iou: float,
    own: bool = False,
    free: ScoreFree | None = None,
) -> Sheet:
    """The sheet of a run; `draws` are over the images of the analysis, and `free` what free_of said
    of the same draws. With `own` classes count from their own scores."""
    scores = analysed.own_scores if own else {}
    match analysed:
        case ImageAnalysis():
            ids = [image.image_id for image in analysed.judged.images]
            return image_sheet(
                analysed.judged.images, analysed.judged.class_ids, _over(analysed, ids, draws)
            )
        case SeveralAnalysis():
            drawn = _over(analysed, analysed.matches.image_ids, draws)
            return several_sheet(analysed.matches, drawn, score=score, own=scores)
        case PixelAnalysis():
            matches = analysed.edge_matches
            drawn = _over(analysed, matches.image_ids, draws)
            return pixel_sheet(matches, drawn, analysed.sure_answers)
        case ObjectAnalysis():
            drawn, free = with_whole(draws), free or free_of(analysed, draws)
            return object_sheet(
                analysed.matches, drawn, score=score, iou=iou, own=scores, free=free,
                sure_enough=analysed.chosen.read_as(SURE_ENOUGH),
            )  # fmt: skip
    raise TypeError(type(analysed))


def _over(analysed: Analysis, image_ids: tuple[int, ...] | list[int], draws: Draws) -> Draws:
    """The draws of some of the images: those that were judged."""
    places = {image_id: place for place, image_id in enumerate(analysed.images)}
    return with_whole(draws[:, [places[image_id] for image_id in image_ids]])
