"""A recipe: one YAML file that says what a run does. Read safely, checked whole, and kept with the run.

An unknown key is refused naming the nearest; paths are relative to the file; nothing in a recipe is executed but the
verifiers it names. What a recipe leaves out has a default, and the resolved copy shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError

from winnow.data.errors import UsageError, nearest, shown
from winnow.data.places.place import refuse_keys
from winnow.runs.parts import Engine, Part
from winnow.runs.steps.edited import Edit
from winnow.runs.steps.imported import Data
from winnow.runs.steps.measured import Measure
from winnow.runs.steps.selected import Select
from winnow.runs.steps.trained import Train
from winnow.runs.steps.verified import Verify
from winnow.runs.under_way import Step


class Recipe(Part):
    """What a run does: its steps, in the order of their fields."""

    seed: int = 0
    data: Data
    edit: Edit | None = None
    verify: Verify | None = None
    measure: Measure | None = None
    select: Select | None = None
    train: Train | None = None
    engine: Engine = Engine()
    out: Annotated[str, Field(min_length=1, description="the folder of the run")]

    def steps(self) -> list[Step]:
        """What is to be done, in order."""
        parts = (getattr(self, name) for name in type(self).model_fields)
        return [part for part in parts if isinstance(part, Step)]

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
        raise UsageError(str(path), "holds no recipe", f"A recipe has the keys {', '.join(Recipe.model_fields)}")
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


def stores_of_runs() -> tuple[str, ...]:
    """The stores that the steps leave, in the order in which they are made."""
    parts = (part for field in Recipe.model_fields.values() for part in _models(field.annotation))
    return tuple(name for part in parts for name in getattr(part, "leaves", ()))


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
    kind: type[BaseModel] = Recipe
    for part in place:
        if isinstance(part, str) and part in kind.model_fields:
            kind = next(_models(kind.model_fields[part].annotation), kind)
    return list(kind.model_fields)


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    """The parts of a recipe that a key may hold."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _models(inner)


def _where(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return str(path) if mark is None else f"{path}:{mark.line + 1}"


def _said(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error)
