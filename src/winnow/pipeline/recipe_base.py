"""The parts every recipe has, whatever it does: what a part is, and where a run runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RecipeSection(BaseModel):
    """A part of a recipe: its keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineConfig(RecipeSection):
    """Where it runs; no part of what comes out."""

    workers: Annotated[
        int | None, Field(ge=0, le=256, description="processes; 0 is none but the one that runs, absent one per core")
    ] = None
    batch: Annotated[int, Field(ge=1, le=1 << 20, description="candidates a verifier sees at once")] = 4096
