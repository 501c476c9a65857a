"""Edit options by name, as Python keywords or command-line options give them, made into the edit map they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from winnow.errors import UsageError, suggest_name
from winnow.models.huggingface import ReadOptions
from winnow.stages.edit.editor import EditConfig
from winnow.stages.edit.rules import EditRules, Sampler
from winnow.stages.edit.shard_map import EditMap
from winnow.storage.locations.location import Location, require_local
from winnow.text.protected_spans import PROTECTED_KINDS


def local_output(out: str | Path | Location | None) -> Path | None:
    """Where the result goes: here, because what is stopped goes on from its finished pieces."""
    return None if out is None else require_local(out, "--out", "edits are kept piece by piece in a local folder")


def edit_map_from_options(model: str, options: dict[str, Any]) -> EditMap:
    """What to do, from options by name."""
    known = {field.name for kind in (EditRules, EditConfig, ReadOptions) for field in fields(kind)}
    known |= {"top_k", "top_p", "rejection", "protect", "protect_regex", "logprobs"}
    for name in options:
        if name not in known:
            raise UsageError(name, "is not an option here", suggest_name(name, known))
    given_options = {name: value for name, value in options.items() if value is not None}
    rules = {"sampler": _choose_sampler(given_options), **_options_for(given_options, EditRules)}
    protect = given_options.get("protect", tuple(PROTECTED_KINDS))
    settings = EditConfig(
        EditRules(**rules),
        protect=_parse_kinds(protect),
        patterns=tuple(given_options.get("protect_regex", ())),
        **_options_for(given_options, EditConfig, "protect"),
    )
    read_options = ReadOptions(**_options_for(given_options, ReadOptions))
    for name in ("batch", "threads"):
        if getattr(read_options, name) < 1:
            raise UsageError(f"--{name}", f"{getattr(read_options, name)} is below 1", "State at least 1")
    return EditMap(model, given_options.get("logprobs"), settings, read_options)


def _choose_sampler(given_options: dict[str, Any]) -> Sampler:
    methods = [name for name in ("top_k", "top_p", "rejection") if given_options.get(name)]
    if len(methods) > 1:
        flags = " and ".join("--" + name.replace("_", "-") for name in methods)
        raise UsageError(flags, "are different ways to draw", "State one")
    return "top-p" if methods == ["top_p"] else "rejection" if methods == ["rejection"] else "top-k"


def _parse_kinds(kinds: str | Sequence[str]) -> tuple[str, ...]:
    names = kinds.split(",") if isinstance(kinds, str) else list(kinds)
    parsed = tuple(name.strip() for name in names if name.strip())
    return () if parsed == ("none",) else parsed


def _options_for(given_options: dict[str, Any], kind: type[Any], *excluded: str) -> dict[str, Any]:
    return {
        option.name: given_options[option.name]
        for option in fields(kind)
        if option.name in given_options and option.name not in excluded
    }
