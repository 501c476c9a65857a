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

from winnow.errors import UsageError, format_value, suggest_name
from winnow.pipeline.recipe_base import EngineConfig, RecipeSection
from winnow.pipeline.run_context import PipelineStep
from winnow.pipeline.steps.edit import EditStep
from winnow.pipeline.steps.import_table import ImportStep
from winnow.pipeline.steps.measure import MeasureStep
from winnow.pipeline.steps.select import SelectStep
from winnow.pipeline.steps.train import TrainStep
from winnow.pipeline.steps.verify import VerifyStep
from winnow.storage.locations.location import refuse_credentials


class Recipe(RecipeSection):
    """What a run does: its steps, in the order of their fields."""

    seed: int = 0
    data: ImportStep
    edit: EditStep | None = None
    verify: VerifyStep | None = None
    measure: MeasureStep | None = None
    select: SelectStep | None = None
    train: TrainStep | None = None
    engine: EngineConfig = EngineConfig()
    out: Annotated[str, Field(min_length=1, description="the folder of the run")]

    def steps(self) -> list[PipelineStep]:
        """What is to be done, in order."""
        sections = (getattr(self, name) for name in type(self).model_fields)
        return [section for section in sections if isinstance(section, PipelineStep)]

    def to_yaml(self) -> str:
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
            _error_location(path, error), f"is not YAML ({format_value(_yaml_problem(error))})", "Check the indentation"
        ) from error
    if not isinstance(content, dict):
        raise UsageError(str(path), "holds no recipe", f"A recipe has the keys {', '.join(Recipe.model_fields)}")
    for change in changes:
        _apply_change(content, change)
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as error:
        raise _validation_error(path, error) from error
    refuse_credentials(recipe.to_yaml(), str(path))
    return recipe


def recipe_json_schema() -> dict[str, Any]:
    """The JSON Schema of recipes, for editors."""
    return Recipe.model_json_schema()


def run_store_names() -> tuple[str, ...]:
    """The stores that the steps leave, in the order in which they are made."""
    sections = (section for field in Recipe.model_fields.values() for section in _section_models(field.annotation))
    return tuple(name for section in sections for name in getattr(section, "store_names", ()))


def _apply_change(content: dict[Any, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    *path, last = key.strip().split(".")
    if not equals or not last or not all(path):
        raise UsageError(
            "--set", f"{format_value(change)} is not of the form a.b=value", "For example --set select.keep=2"
        )
    inner: Any = content
    for name in path:
        inner = _enter_key(inner, name, change)
    parsed = _parse_value(value)
    if isinstance(inner, list):
        inner[_list_index(inner, last, change)] = parsed
    else:
        inner[last] = parsed


def _parse_value(text: str) -> Any:
    """A value as a recipe would read it; what looks like a mapping only by a colon, as 'A:', is text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError("--set", f"{format_value(text)} is not YAML", "Quote it") from error
    is_scalar = value is None or isinstance(value, str | int | float | bool)
    return value if is_scalar or text.lstrip().startswith(("[", "{")) else text


def _enter_key(inner: Any, name: str, change: str) -> Any:
    if isinstance(inner, list):
        return inner[_list_index(inner, name, change)]
    found = inner.setdefault(name, {})
    if not isinstance(found, dict | list):
        raise UsageError(f"--set {change}", f"{format_value(name)} holds a value, not keys", "Name the key itself")
    return found


def _list_index(inner: list[Any], name: str, change: str) -> int:
    if name.isdecimal() and int(name) < len(inner):
        return int(name)
    uses = [entry.get("use", "").rpartition(":")[2] if isinstance(entry, dict) else "" for entry in inner]
    if uses.count(name) == 1:
        return uses.index(name)
    raise UsageError(f"--set {change}", f"{format_value(name)} is no entry of the list", suggest_name(name, uses))


def _validation_error(path: Path, error: ValidationError) -> UsageError:
    """The first thing wrong with a recipe, in words."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        return UsageError(f"{path}: {where}", "is no key of a recipe", suggest_name(str(first["loc"][-1]), known))
    if first["type"] == "missing":
        return UsageError(f"{path}: {where}", "is missing", f"Add it: {where}: ...")
    problem = f"is {format_value(first['input'])}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return UsageError(f"{path}: {where}", problem, "Change it; winnow run --schema says what each key takes")


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    kind: type[BaseModel] = Recipe
    for part in location:
        if isinstance(part, str) and part in kind.model_fields:
            kind = next(_section_models(kind.model_fields[part].annotation), kind)
    return list(kind.model_fields)


def _section_models(kind: Any) -> Iterator[type[BaseModel]]:
    """The parts of a recipe that a key may hold."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _section_models(inner)


def _error_location(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return str(path) if mark is None else f"{path}:{mark.line + 1}"


def _yaml_problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error)
