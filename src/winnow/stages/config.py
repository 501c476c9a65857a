"""How a stage declares its options: once, as the fields of a `StageConfig`.

Command-line options, recipe keys, the check of Python keywords and the reference pages are all made from these
fields. An error names an option the way the user wrote it: as a keyword, a command-line option or a recipe key.
This module does not know any stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from winnow.errors import UsageError, WinnowError, format_value, suggest_name

FLAG = re.compile(r"--(?:no-)?([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "below"),
}


class Door(StrEnum):
    """Where the user gave an option, which decides how errors name it."""

    PYTHON = "python"
    COMMAND = "command"
    RECIPE = "recipe"


@dataclass(frozen=True)
class OptionInfo:
    """What the command line needs to know about a field besides its type, default and description."""

    flag: str | None = None
    panel: str | None = None
    metavar: str | None = None
    command_type: Any = None


def option(
    description: str,
    *,
    flag: str | None = None,
    panel: str | None = None,
    metavar: str | None = None,
    command_type: Any = None,
    **constraints: Any,
) -> Any:
    """Describe a field of a stage config, as metadata of `Annotated`.

    Args:
        description: One sentence on what the option does; shown in `--help` and in the reference.
        flag: The command-line option, where it is not the name of the field with dashes.
        panel: The heading under which `--help` lists the option.
        metavar: What `--help` shows for the value, such as N or COLUMN.
        command_type: The type on the command line, where it differs from the type of the field.
        **constraints: What pydantic checks, such as `ge=1`.
    """
    field = Field(description=description, **constraints)
    field.metadata.append(OptionInfo(flag, panel, metavar, command_type))
    return field


def _split_names(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


def _split_numbers(value: Any) -> Any:
    if not isinstance(value, str):
        return tuple(value) if isinstance(value, list) else value
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise ValueError("numbers with commas between, for example 1,5") from None


def _split_integers(value: Any) -> Any:
    if not isinstance(value, str):
        return tuple(value) if isinstance(value, list | range) else value
    if not all(part.strip().isdecimal() for part in value.split(",")):
        raise ValueError("whole numbers with commas between, for example 1,2,4")
    return tuple(int(part) for part in value.split(","))


Names = Annotated[tuple[str, ...], BeforeValidator(_split_names)]
"""Several names: a sequence, or one text with commas between."""
Numbers = Annotated[tuple[float, ...], BeforeValidator(_split_numbers)]
Integers = Annotated[tuple[int, ...], BeforeValidator(_split_integers)]

LowerIsBetter = Annotated[bool, option("A low score is a good score.")]
"""The option `lower_is_better` of every stage that reads scores."""
Seed = Annotated[int, option("The seed of everything that is drawn at random.", metavar="N", ge=0)]
"""The option `seed` of every stage that draws at random."""


class StageConfig(BaseModel):
    """Base of all configs: unknown names are refused, values are not converted silently, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)

    @classmethod
    def read(cls, values: Mapping[str, Any], door: Door = Door.PYTHON) -> Self:
        """Check the values of options by name; None means the default.

        Raises:
            UsageError: For the first value that breaks its rule; options are named as for this door.
        """
        with options_named_for(door, cls):
            try:
                return cls.model_validate({name: value for name, value in values.items() if value is not None})
            except ValidationError as error:
                raise config_error(cls, error) from None

    @classmethod
    def pick(cls, values: Mapping[str, Any], door: Door = Door.PYTHON) -> Self:
        """Check those of the values that are options of this config, and ignore the others."""
        return cls.read({name: values[name] for name in cls.model_fields if name in values}, door)

    def identity(self, *excluded: str) -> dict[str, Any]:
        """The options on which a result depends, as its receipt stores them."""
        return self.model_dump(mode="json", exclude=set(excluded))


def option_info(field: FieldInfo) -> OptionInfo:
    """What was declared with `option` about a field."""
    return next((item for item in field.metadata if isinstance(item, OptionInfo)), OptionInfo())


def option_flag(name: str, field: FieldInfo) -> str:
    """The command-line option of a field, for example `--best-of`."""
    return option_info(field).flag or "--" + name.replace("_", "-")


def config_error(config: type[BaseModel], error: ValidationError) -> UsageError:
    """The first thing wrong with the values of a config, naming the command-line option."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in config.model_fields:
        return UsageError(name, "is not an option here", suggest_name(name, config.model_fields))
    flag = option_flag(name, config.model_fields[name]).partition("/")[0]
    if first["type"] == "missing":
        return UsageError(flag, "is missing", "Give it")
    return UsageError(flag, *describe_problem(first))


def describe_problem(problem: Any) -> tuple[str, str]:
    """What is wrong with a value and what to do, from one error of pydantic."""
    value, kind = format_value(problem["input"]), problem["type"]
    if kind in LIMITS:
        key, words = LIMITS[kind]
        return f"{value} must be {words} {problem['ctx'][key]:g}", "Correct the value"
    if kind == "literal_error":
        expected = problem["ctx"]["expected"]
        return f"{value} is not one of {expected.replace(' or ', ', ')}", "Use one of them"
    if kind == "value_error":
        return f"{value} must be {problem['ctx']['error']}", "Correct the value"
    return f"{value}: {problem['msg'][0].lower()}{problem['msg'][1:]}", "Correct the value"


@contextmanager
def options_named_for(door: Door, *configs: type[BaseModel], prefix: str = "") -> Iterator[None]:
    """Rename the options in errors that are raised inside, from `--best-of` to what the user wrote.

    Args:
        door: Python keywords (`best_of`), recipe keys (`select.best_of`, with the prefix) or the command line.
        configs: The configs whose options have command-line names of their own.
        prefix: The text before a recipe key, for example `recipe.yaml: select.`.
    """
    try:
        yield
    except WinnowError as error:
        if door is Door.COMMAND:
            raise
        names = {
            flag.partition("/")[0]: name
            for config in configs
            for name, field in config.model_fields.items()
            if (flag := option_info(field).flag)
        }

        def rename(text: str) -> str:
            # A command that the user is advised to run keeps its options.
            own, mark, advised = text.partition("winnow ")
            return FLAG.sub(lambda found: names.get(found[0], found[1].replace("-", "_")), own) + mark + advised

        where = rename(error.where)
        is_option = error.where.startswith("--") or (bool(prefix) and where.isidentifier())
        renamed = type(error)(
            f"{prefix}{where}" if is_option else where, rename(error.problem), rename(error.next_step)
        )
        raise renamed.with_traceback(error.__traceback__) from error.__cause__
