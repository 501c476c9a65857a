"""A recipe: one YAML file that says what a run does. Read safely, checked whole, and kept with the run.

An unknown key is refused naming the nearest; paths are relative to the file; nothing in a recipe is executed but the
verifiers it names. What a recipe leaves out has a default, and the resolved copy shows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from winnow.data.errors import UsageError, nearest, shown
from winnow.data.places.place import refuse_keys


class Part(BaseModel):
    """A part of a recipe: its keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnNames(Part):
    """Which column plays which part; what is not named is guessed."""

    id: str | None = None
    prompt: str | None = None
    prompt_text: str | None = None
    text: str | None = None
    messages: str | None = None
    reference: str | None = None
    score: str | None = None
    label: str | None = None


class Data(Part):
    """What goes in."""

    candidates: Annotated[str, Field(description="the table of candidates: a file, a pattern or a store")]
    columns: ColumnNames = ColumnNames()
    lists: Annotated[str | None, Field(description="columns that hold a list of candidates per row: a,b")] = None
    bad_rows: Annotated[str, Field(description="refuse, or quarantine:N")] = "refuse"
    shards: Annotated[
        int | None, Field(ge=1, le=512, description="how many shards; judged from the files if absent")
    ] = None


class Use(BaseModel):
    """A verifier by name or as module:function; every other key is one of its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str


class Measure(Part):
    """The card."""

    labels: Annotated[str | None, Field(description="labels in another file")] = None
    label: Annotated[str | None, Field(description="the label columns: a,b")] = None
    verdict: str | None = None
    right_if: str | None = None
    labels_drawn: Literal["random", "by-verdict", "by-label"] = "random"
    labels_by: str | None = None
    classes: Literal[2] | None = None
    by: str | None = None


class Select(Part):
    """The rules of the selection, in their order."""

    verdict: Annotated[str | None, Field(description="the verdicts that decide: a,b; all if absent")] = None
    score: Annotated[str | None, Field(description="the score to go by, where there are several")] = None
    passed: bool | None = None
    threshold: float | None = None
    best_of: Annotated[int, Field(ge=1)] | Literal["all"] | None = None
    keep: Annotated[int, Field(ge=1)] = 1
    top_share: Annotated[float | None, Field(ge=0, le=1)] = None
    distinct: bool = False
    max_rows: Annotated[int | None, Field(ge=0)] = None
    exclude: Annotated[str | None, Field(description="a table of evaluation prompts")] = None
    by: Literal["text", "ngram13"] = "text"
    lower_is_better: bool = False
    control: Annotated[bool, Field(description="also draw as many rows at random")] = False


class Engine(Part):
    """Where it runs; no part of what comes out."""

    workers: Annotated[
        int | None, Field(ge=0, le=256, description="processes; 0 is none but the one that runs, absent one per core")
    ] = None
    batch: Annotated[int, Field(ge=1, le=1 << 20, description="candidates a verifier sees at once")] = 4096


class Recipe(Part):
    """What a run does."""

    seed: int = 0
    data: Data
    verify: Annotated[tuple[Use, ...], Field(min_length=1)] | None = None
    measure: Measure | None = None
    select: Select | None = None
    engine: Engine = Engine()
    out: Annotated[str, Field(min_length=1, description="the folder of the run")]

    def resolved(self) -> str:
        """The whole recipe with its defaults, as YAML."""
        text: str = yaml.safe_dump(self.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True)
        return text


def read_recipe(path: Path, changes: tuple[str, ...] = ()) -> Recipe:
    """The recipe in a file, with `a.b=c` changes from the command line applied before it is checked."""
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise UsageError(str(path), f"cannot be read ({error.strerror or error})", "Check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UsageError(
            _where(path, error), f"is not YAML ({shown(_said(error))})", "Check the indentation"
        ) from error
    if not isinstance(content, dict):
        raise UsageError(str(path), "holds no recipe", "A recipe has the keys data, verify, measure, select and out")
    for change in changes:
        _change(content, change)
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as error:
        raise _refusal(path, error) from error
    refuse_keys(recipe.resolved(), str(path))
    return recipe


def schema_of_recipes() -> dict[str, Any]:
    """The JSON Schema of recipes, for editors."""
    return Recipe.model_json_schema()


def _change(content: dict[Any, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    *path, last = key.strip().split(".")
    if not equals or not last or not all(path):
        raise UsageError("--set", f"{shown(change)} is not of the form a.b=value", "For example --set select.keep=2")
    inner: Any = content
    for name in path:
        inner = _step(inner, name, change)
    parsed = _value(value)
    if isinstance(inner, list):
        inner[_place(inner, last, change)] = parsed
    else:
        inner[last] = parsed


def _value(text: str) -> Any:
    """A value as a recipe would read it; what looks like a mapping only by a colon, as 'A:', is text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError("--set", f"{shown(text)} is not YAML", "Quote it") from error
    plain = value is None or isinstance(value, str | int | float | bool)
    return value if plain or text.lstrip().startswith(("[", "{")) else text


def _step(inner: Any, name: str, change: str) -> Any:
    if isinstance(inner, list):
        return inner[_place(inner, name, change)]
    found = inner.setdefault(name, {})
    if not isinstance(found, dict | list):
        raise UsageError(f"--set {change}", f"{shown(name)} holds a value, not keys", "Name the key itself")
    return found


def _place(inner: list[Any], name: str, change: str) -> int:
    if name.isdecimal() and int(name) < len(inner):
        return int(name)
    uses = [one.get("use", "").rpartition(":")[2] if isinstance(one, dict) else "" for one in inner]
    if uses.count(name) == 1:
        return uses.index(name)
    raise UsageError(f"--set {change}", f"{shown(name)} is no entry of the list", nearest(name, uses))


def _refusal(path: Path, error: ValidationError) -> UsageError:
    """The first thing wrong with a recipe, in words."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known(first["loc"][:-1])
        return UsageError(f"{path}: {where}", "is no key of a recipe", nearest(str(first["loc"][-1]), known))
    if first["type"] == "missing":
        return UsageError(f"{path}: {where}", "is missing", f"Add it: {where}: ...")
    problem = f"is {shown(first['input'])}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return UsageError(f"{path}: {where}", problem, "Change it; winnow run --schema says what each key takes")


def _known(place: tuple[int | str, ...]) -> list[str]:
    kind: Any = Recipe
    for part in place:
        if isinstance(part, str) and part in kind.model_fields:
            kinds = [
                one
                for one in (Data, ColumnNames, Measure, Select, Engine)
                if one.__name__ in str(kind.model_fields[part].annotation)
            ]
            kind = kinds[0] if kinds else kind
    return list(kind.model_fields)


def _where(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return str(path) if mark is None else f"{path}:{mark.line + 1}"


def _said(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error)
