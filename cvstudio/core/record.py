"""The base of everything that is written to a job's files."""

from __future__ import annotations

import os

from pydantic import BaseModel, ConfigDict

# What else is installed has no say in what is read from a job's files. Without this, each start
# goes through all packages of the environment to look for such plugins.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


class Record(BaseModel):
    """Base of everything that is written to a job's files."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")
