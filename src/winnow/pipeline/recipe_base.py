"""The base class of recipe sections, and the section `engine`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RecipeSection(BaseModel):
    """A section of a recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineConfig(RecipeSection):
    """Where the run is processed; results do not depend on it."""

    workers: Annotated[
        int | None,
        Field(ge=0, le=256, description="Worker processes; 0 works in this process, absent means one per core."),
    ] = None
    batch: Annotated[int, Field(ge=1, le=1 << 20, description="How many candidates a verifier is given at once.")] = (
        4096
    )
