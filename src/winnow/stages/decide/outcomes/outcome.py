"""outcome: what training gave, recorded beside the forecast that was made before it, and laid beside what it said.

Promises: an outcome is recorded only of a forecast that is as winnow wrote it; the same one twice is recorded once; of
several for one file the last counts, and the earlier stay in the file. It reads no model and no clock: what a student
scored is the user's word.
"""

from __future__ import annotations

import math
import numbers
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.data.errors import UsageError, nearest, shown
from winnow.stages.decide.outcomes.record import against_control
from winnow.stages.decide.outcomes.stored import FILES, NAME, Line, Stored, append, latest, read_stored
from winnow.stages.results import Spoken
from winnow.stats.intervals import Figure
from winnow.stats.outcomes import apart, measured


@dataclass(frozen=True)
class Given:
    """What training gave: a share right on n held-out prompts, by the student of which file."""

    score: float
    n: int
    file: str = "recommended"
    baseline: float | None = None
    """What the model scored on the same prompts before training."""
    note: str | None = None

    def __post_init__(self) -> None:
        for option, value in (("--score", self.score), ("--baseline", self.baseline)):
            if value is not None and not (_number(value) and 0 <= value <= 1):
                step = f"Give it as a share: {value / 100:g}" if _number(value) and 1 < value <= 100 else "Give a share"
                raise UsageError(option, f"{shown(value)} is no share right, which lies between 0 and 1", step)
        if not isinstance(self.n, numbers.Integral) or isinstance(self.n, bool) or self.n < 1:
            problem = f"{shown(self.n)} is no number of held-out prompts"
            raise UsageError("--n", problem, "Give how many prompts the student was measured on: --n 500")
        if self.file not in FILES:
            raise UsageError("--file", f"{shown(self.file)} is no file of a pilot", nearest(self.file, FILES))


def _number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True, repr=False)
class Outcome(Spoken):
    """A recorded outcome beside what was forecast."""

    stored: Stored
    given: Given
    new: bool
    """False where the very same outcome was recorded before."""
    lines: dict[str, Line]

    def score(self, file: str) -> Figure | None:
        """What the student of a file got."""
        line = self.lines.get(file)
        return None if line is None else measured(line.score, line.n)

    def compared(self) -> str | None:
        """The file that is set against the control: this one, or of a control the best that has an outcome."""
        files = [self.given.file] if self.given.file != "control" else ["recommended", "runner-up"]
        return next((file for file in files if file in self.lines and "control" in self.lines), None)

    def difference(self) -> Figure | None:
        """How much better than the control's student."""
        file = self.compared()
        one, other = (None, None) if file is None else (self.score(file), self.score("control"))
        return None if one is None or other is None else apart(one, other)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        given, file, difference = self.given, self.compared(), self.difference()
        over = None if given.baseline is None else apart(measured(given.score, given.n), self.before()).plain()
        return {
            "forecast": str(self.stored.path),
            "file": given.file,
            "score": measured(given.score, given.n).plain(),
            "n": int(given.n),
            "regime": self.stored.regime,
            "said": {**self.stored.said[given.file], "raw": self.stored.raw},
            "difference": None if difference is None else {"of": file, "over": "control", **difference.plain()},
            "ranking": None if file is None else against_control(self.stored, file, self.lines),
            "baseline": given.baseline,
            "over_baseline": over,
            "note": given.note,
            "outcomes": str(self.stored.outcomes()),
            "already_done": not self.new,
        }

    def before(self) -> Figure:
        """What was scored before training."""
        return measured(float(self.given.baseline or 0.0), self.given.n)

    def words(self) -> str:
        """What a person reads."""
        return "\n".join(_lines(self))


def record_outcome(forecast: Path, given: Given) -> Outcome:
    """Record what training gave."""
    stored = read_stored(forecast)
    if given.file not in stored.said:
        known = ", ".join(stored.said) or "none, because no rule was recommended"
        problem = f"the forecast says nothing of a file {shown(given.file)}"
        raise UsageError("--file", problem, f"Files it speaks of: {known}")
    baseline = None if given.baseline is None else float(given.baseline)
    line = Line(
        stored.path.name, stored.seal, given.file, float(given.score), int(given.n), baseline, given.note or None
    )
    new = append(stored, line)
    return Outcome(stored, given, new, latest(stored))


def _lines(outcome: Outcome) -> Iterator[str]:
    given, stored = outcome.given, outcome.stored
    got, said, raw = measured(given.score, given.n), stored.said[given.file], stored.raw
    begin = "recorded" if outcome.new else "already recorded"
    yield f"{begin}: {given.file} · {_share(got.plain())} right of {given.n:,} held-out prompts"
    yield f"  said of its rows ({stored.regime}): {_copied(said)}"
    yield f"  said of the raw rows: {_copied(raw)}"
    share = said["sampling"]["value"]
    if share is not None:
        yield f"  the student ended {100 * (given.score - share):+.1f} points from the share right said of its rows"
    if given.baseline is not None:
        yield f"  over the {given.baseline:.1%} before training: {_points(apart(got, outcome.before()))}"
    yield from _against(outcome)


def _copied(said: dict[str, Any]) -> str:
    """What a student that samples copies, and what one copies that decodes greedily."""
    sampling, greedy = (_share(said.get(name, {})) for name in ("sampling", "greedy"))
    return f"{sampling} right; commonest answer of a prompt right: {greedy}"


def _against(outcome: Outcome) -> Iterator[str]:
    file, difference = outcome.compared(), outcome.difference()
    if file is None or difference is None:
        other = "recommended" if outcome.given.file == "control" else "control"
        path = outcome.stored.path
        place = path.parent if path.name == NAME else path
        line = f"winnow outcome {shlex.quote(str(place))} --file {other} --score S --n K"
        yield f"  whether the order held needs the {other}'s student too: {line}"
        return
    said = Figure(**outcome.stored.said[file]["over_control"])
    yield f"  {file} over control: {_points(difference)}; said of their rows: {_points(said)}"
    ranking = against_control(outcome.stored, file, outcome.lines)
    because = {
        "held": "the better rows made the better student",
        "not held": "the student did not follow its rows",
        "undecided": "the forecast or the outcome is not sure of a difference; more held-out prompts tell more",
    }
    yield f"  the forecast's ranking: {ranking} ({because[str(ranking)]})"


def _share(figure: dict[str, Any]) -> str:
    if figure.get("value") is None:
        return "not said"
    if figure.get("low") is None:
        return f"{figure['value']:.1%}"
    return f"{figure['value']:.1%} ({figure['low']:.1%} to {figure['high']:.1%})"


def _points(figure: Figure) -> str:
    if figure.value is None:
        return "not said"
    ends = "" if figure.low is None else f" ({100 * figure.low:+.1f} to {100 * (figure.high or 0.0):+.1f})"
    return f"{100 * figure.value:+.1f} points{ends}"
