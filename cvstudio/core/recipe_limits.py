"""What a setting of a recipe may be, read from its field: for forms, ranges and searches."""

from __future__ import annotations

import annotated_types
from pydantic.fields import FieldInfo

from cvstudio.core.recipe import TrainConfig


def fields() -> dict[str, FieldInfo]:
    """The settings of a run that a person can change, by name."""
    return {name: field for name, field in TrainConfig.model_fields.items() if field.title}


def limits(field: FieldInfo) -> tuple[float, float]:
    """The lowest and highest value of a number field."""
    low, high = -1e9, 1e9
    for item in field.metadata:
        match item:
            case annotated_types.Ge(ge=value):
                low = float(value)  # type: ignore[arg-type]
            case annotated_types.Gt():
                low = 1e-9
            case annotated_types.Le(le=value):
                high = float(value)  # type: ignore[arg-type]
            case annotated_types.Lt(lt=value):
                high = float(value) - (1 if field.annotation is int else 1e-3)  # type: ignore[arg-type]
    return low, high


def step(field: FieldInfo) -> int:
    """The step of a whole-number field: 32 for image sizes, else 1."""
    found = [i.multiple_of for i in field.metadata if isinstance(i, annotated_types.MultipleOf)]
    return int(found[0]) if found else 1  # type: ignore[call-overload]


def extra(field: FieldInfo, key: str) -> str:
    """What a field says of itself beside title and description: "group" or "unit"."""
    more = field.json_schema_extra
    return str(more.get(key, "")) if isinstance(more, dict) else ""
