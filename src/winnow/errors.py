"""The exceptions that winnow raises on purpose.

Every error names where it happened (an argument, or a file and line), the value found, the rule it breaks and the
next step. The command line prints `str(error)` and ends with `error.exit_code`, without a traceback.

    WinnowError
    ├── LimitReached      1   finished, but over a limit the user stated
    ├── UsageError        2   an argument is wrong
    ├── BadTable          2   a file or a row is wrong
    ├── EnvironmentFault  3   the machine refused: disk, permission, a library that is not installed
    └── BrokenPromise     4   something winnow wrote no longer matches its receipt
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_VALUE_LENGTH = 60


class WinnowError(Exception):
    """Base class of all errors that winnow raises on purpose.

    Args:
        where: The argument, file, or file and line that is wrong.
        problem: What is wrong there, without a final period.
        next_step: What the user can do, without a final period.
    """

    exit_code = 2

    def __init__(self, where: str, problem: str, next_step: str = "") -> None:
        self.where = where
        self.problem = problem
        self.next_step = next_step
        super().__init__(where, problem, next_step)

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}."
        return escape_unprintable(f"{text} {self.next_step}." if self.next_step else text)


class LimitReached(WinnowError):
    """The work is finished, but it passed a limit that the user stated."""

    exit_code = 1


class UsageError(WinnowError):
    """An argument, option or setting breaks its rule."""


class BadTable(WinnowError):
    """A file, a column or a row breaks its rule."""


class EnvironmentFault(WinnowError):
    """The machine refused: no space, no permission, a missing library."""

    exit_code = 3


class BrokenPromise(WinnowError):
    """Something winnow wrote does not match its receipt."""

    exit_code = 4


def format_value(value: object) -> str:
    """Format a value for an error message: shortened, on one line, without control characters."""
    text = value if isinstance(value, str) else repr(value)
    shortened = text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 3] + "..."
    return f"'{escape_unprintable(shortened)}'" if isinstance(value, str) else escape_unprintable(shortened)


def escape_unprintable(text: str) -> str:
    """Escape every character that could control a terminal, because names and values may come from data."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def not_utf8_problem(error: UnicodeDecodeError) -> str:
    """Say which byte of a text is not UTF-8."""
    return f"is not UTF-8 (byte {error.start + 1} is 0x{error.object[error.start]:02x})"


def suggest_name(name: str, known_names: Iterable[str]) -> str:
    """Suggest the known name closest to a wrong one, or list all known names when none is close."""
    names = sorted(known_names)
    matches = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean '{matches[0]}'" if matches else f"Known: {', '.join(names) or 'none'}"
