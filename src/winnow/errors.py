"""What can go wrong, as a tree of exceptions that speak to a person.

Every error names where it happened (an argument, or a file and line), the value found, the rule it breaks
and the next step. The command line prints `str(error)` and ends with `error.exit_code`; it never shows a
traceback for one of these.

    WinnowError
    ├── LimitReached      1   finished, but over a limit the user stated
    ├── UsageError        2   an argument is wrong
    ├── BadTable          2   a file or a row is wrong
    ├── EnvironmentFault  3   the machine said no: disk, permission, a library that is not installed
    └── BrokenPromise     4   something winnow wrote is no longer what its receipt says

It does not decide what is an error: that is said where the rule stands.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_VALUE_LENGTH = 60


class WinnowError(Exception):
    """Base of all errors winnow raises on purpose."""

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
    """The work is finished, but a limit stated by the user was passed."""

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
    """A value from data, short, on one line and without control characters, for use inside an error."""
    text = value if isinstance(value, str) else repr(value)
    shortened = text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 3] + "..."
    return f"'{escape_unprintable(shortened)}'" if isinstance(value, str) else escape_unprintable(shortened)


def escape_unprintable(text: str) -> str:
    """Text on one line in which what would steer a terminal stands escaped: names and values may come from data."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def suggest_name(name: str, known_names: Iterable[str]) -> str:
    """A sentence naming the closest known name, or all of them when none is close."""
    names = sorted(known_names)
    matches = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean '{matches[0]}'" if matches else f"Known: {', '.join(names) or 'none'}"
