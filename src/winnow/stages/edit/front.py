"""The front door of editing: `winnow.edit(texts, model=FOLDER)` over texts, paths, lists of dictionaries, frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from winnow.data.errors import UsageError, nearest
from winnow.data.places.place import local
from winnow.data.table import Table
from winnow.models.transformers import How
from winnow.stages.edit.editing import Editing
from winnow.stages.edit.editor import Settings
from winnow.stages.edit.rules import Rules, Sampler
from winnow.stages.edit.stage import EditedRows
from winnow.stages.edit.stage import edit as run_edit
from winnow.stages.front import READING, PathLike, Reading, table
from winnow.text.protected import KINDS

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ToEdit(Reading, total=False):
    """Which tokens are drawn again and how, how the model is read, and how to read the table."""

    threshold: float
    down: float | None
    down_by: Literal["resample", "delete"]
    top_k: int | None
    top_p: float | None
    rejection: bool
    beta: float | None
    like: Literal["paper", "code"]
    protect: str | Sequence[str]
    protect_regex: Sequence[str]
    rounds: int
    seed: int
    read_again: int
    logprobs: str | None
    window: int | None
    overlap: int | None
    device: str | None
    batch: int
    threads: int


def edit(given: object, model: PathLike, *, out: PathLike | None = None, **editing: Unpack[ToEdit]) -> EditedRows:
    """Draw anew the tokens that the model in this folder is certain of; everything else stays as it is.

    `like="code"` goes by the authors' code instead of their paper; a threshold above 1 selects nothing.
    """
    options: dict[str, Any] = dict(editing)
    reading = {name: options.pop(name) for name in list(options) if name in READING}
    asked = editing_of(str(model), options)
    return run_edit(opened(given, reading), asked, written_to(out))


def written_to(out: PathLike | None) -> Path | None:
    """Where the result goes: here, because what is stopped goes on from its finished pieces."""
    return None if out is None else local(out, "--out", "edits are kept piece by piece in a local folder")


def opened(given: object, reading: dict[str, Any]) -> Table:
    """The table; texts alone are a table with one column."""
    texts = isinstance(given, Sequence) and not isinstance(given, str | bytes) and len(given) > 0
    if texts and all(isinstance(one, str) for one in given):  # type: ignore[attr-defined]
        return table([{"text": one} for one in given], **reading)  # type: ignore[attr-defined]
    return table(given, **reading)


def editing_of(model: str, options: dict[str, Any]) -> Editing:
    """What to do, from options by name."""
    known = set(ToEdit.__annotations__)
    for name in options:
        if name not in known:
            raise UsageError(name, "is not an option here", nearest(name, known))
    asked = {name: value for name, value in options.items() if value is not None}
    rules = {"sampler": _sampler(asked), **_only(asked, Rules)}
    protect = asked.get("protect", tuple(KINDS))
    settings = Settings(
        Rules(**rules),
        protect=_kinds(protect),
        patterns=tuple(asked.get("protect_regex", ())),
        **_only(asked, Settings, "protect"),
    )
    how = How(**_only(asked, How))
    for name in ("batch", "threads"):
        if getattr(how, name) < 1:
            raise UsageError(f"--{name}", f"{getattr(how, name)} is below 1", "State at least 1")
    return Editing(model, asked.get("logprobs"), settings, how)


def _sampler(asked: dict[str, Any]) -> Sampler:
    named = [name for name in ("top_k", "top_p", "rejection") if asked.get(name)]
    if len(named) > 1:
        flags = " and ".join("--" + name.replace("_", "-") for name in named)
        raise UsageError(flags, "are different ways to draw", "State one")
    return "top-p" if named == ["top_p"] else "rejection" if named == ["rejection"] else "top-k"


def _kinds(given: str | Sequence[str]) -> tuple[str, ...]:
    names = given.split(",") if isinstance(given, str) else list(given)
    named = tuple(name.strip() for name in names if name.strip())
    return () if named == ("none",) else named


def _only(asked: dict[str, Any], kind: type[Any], *without: str) -> dict[str, Any]:
    return {one.name: asked[one.name] for one in fields(kind) if one.name in asked and one.name not in without}
