"""Recipes: YAML files that describe a run. A recipe is checked completely before anything runs.

An unknown key is refused, and the error suggests the nearest known key. Paths are relative to the recipe. Nothing in a
recipe is executed except the verifiers that it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError

from winnow.errors import UsageError, format_value, suggest_name
from winnow.pipeline.run_context import EngineConfig, PipelineStep, RecipeSection
from winnow.pipeline.select_step import SelectStep
from winnow.pipeline.steps import EditStep, ImportStep, MeasureStep, TrainStep, VerifyStep
from winnow.stages import STAGES, all_stages
from winnow.stages.config import Door, describe_problem, options_named_for
from winnow.storage.locations.location import refuse_credentials


class Recipe(RecipeSection):
    """What a run does."""

    seed: int = 0
    data: ImportStep
    edit: EditStep | None = None
    plugins: Annotated[
        dict[str, Any], Field(exclude=True, default_factory=dict, description="Steps that installed packages add.")
    ]
    verify: VerifyStep | None = None
    measure: MeasureStep | None = None
    select: SelectStep | None = None
    train: TrainStep | None = None
    engine: EngineConfig = EngineConfig()
    out: Annotated[str, Field(min_length=1, description="The folder of the run.")]

    def steps(self) -> list[PipelineStep]:
        """Return the steps of the run, in order; those of plug-ins come before verify."""
        sections = [self.data, self.edit, *self.plugins.values(), self.verify, self.measure, self.select, self.train]
        return [section for section in sections if isinstance(section, PipelineStep)]

    def to_yaml(self) -> str:
        """Return the whole recipe with its defaults, as YAML."""
        plugins = {name: step.model_dump(mode="json") for name, step in self.plugins.items()}
        content = {**self.model_dump(mode="json", exclude_none=True), **plugins}
        text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        return text


def read_recipe(path: Path, changes: tuple[str, ...] = ()) -> Recipe:
    """Read the recipe in a file, apply changes of the form `a.b=c`, and check the result."""
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise UsageError(str(path), f"cannot be read ({error.strerror or error})", "Check the path") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = str(path) if mark is None else f"{path}:{mark.line + 1}"
        problem = str(getattr(error, "problem", None) or error)
        raise UsageError(where, f"is not YAML ({format_value(problem)})", "Check the indentation") from error
    if not isinstance(content, dict):
        raise UsageError(str(path), "is not a recipe", f"A recipe has the keys {', '.join(_recipe_keys())}")
    for change in changes:
        _apply_change(content, change)
    recipe = _check_recipe(path, content)
    refuse_credentials(recipe.to_yaml(), str(path))
    return recipe


def _recipe_keys() -> list[str]:
    return [name for name in Recipe.model_fields if name != "plugins"]


def _check_recipe(path: Path, content: dict[Any, Any]) -> Recipe:
    """Check each section with its step, so that an error names its key as the recipe does."""
    plugins = {name: stage for name, stage in all_stages().items() if name in content and name not in STAGES}
    sections = {name: _check_section(path, name, stage.recipe_step(), content[name]) for name, stage in plugins.items()}
    values = {name: value for name, value in content.items() if name not in plugins}
    if "plugins" in values:
        raise UsageError(f"{path}: plugins", "is not a key of a recipe", suggest_name("plugins", _recipe_keys()))
    for name, field in Recipe.model_fields.items():
        if values.get(name) is not None and (kind := next(_section_models(field.annotation), None)) is not None:
            values[name] = _check_section(path, name, kind, values[name])
    try:
        return Recipe.model_validate({**values, "plugins": sections})
    except ValidationError as error:
        raise _validation_error(path, Recipe, error) from None


def _check_section(path: Path, name: str, kind: type[BaseModel], value: Any) -> BaseModel:
    with options_named_for(Door.RECIPE, kind, prefix=f"{path}: {name}."):
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            raise _validation_error(path, kind, error, name) from None


def run_store_names() -> tuple[str, ...]:
    """Return the names of the stores that steps write, in the order in which they are written."""
    kinds = [kind for field in Recipe.model_fields.values() for kind in _section_models(field.annotation)]
    kinds += [stage.recipe_step() for name, stage in all_stages().items() if name not in STAGES and stage.step_path]
    return tuple(name for kind in kinds for name in getattr(kind, "store_names", ()))


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
    """Parse a value as YAML, but keep a text such as 'A:', which YAML would read as a mapping, as text."""
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
    raise UsageError(f"--set {change}", f"{format_value(name)} is not an entry of the list", suggest_name(name, uses))


def _validation_error(path: Path, kind: type[BaseModel], error: ValidationError, section: str = "") -> UsageError:
    """Return an error that names the key of the first problem in a recipe."""
    first = error.errors()[0]
    location = [str(part) for part in (section, *first["loc"]) if part != ""]
    where = f"{path}: {'.'.join(location)}"
    if first["type"] == "extra_forbidden":
        for part in first["loc"][:-1]:
            if part in kind.model_fields:
                kind = next(_section_models(kind.model_fields[str(part)].annotation), kind)
        known = [name for name in kind.model_fields if name != "plugins"]
        return UsageError(where, "is not a key of a recipe", suggest_name(str(first["loc"][-1]), known))
    if first["type"] == "missing":
        return UsageError(where, "is missing", f"Add it: {'.'.join(location)}: ...")
    problem, step = describe_problem(first)
    return UsageError(where, problem, f"{step}; winnow run --schema says what each key takes")


def _section_models(kind: Any) -> Iterator[type[BaseModel]]:
    """Yield the sections that a key of a recipe may hold."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _section_models(inner)
