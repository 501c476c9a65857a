"""The record of earlier forecasts: outcomes found in the folders a user names, else beside where a forecast is kept.

Looks for `outcomes.jsonl` in a folder and in the folders right inside it, and reads the forecast each line names.
Promises: a forecast that is gone, damaged or not the one an outcome was recorded for is not counted, and that is said.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from winnow.data.errors import UsageError, WinnowError, shown
from winnow.stages.decide.outcomes.stored import OUTCOMES, Line, Stored, read_lines, read_stored
from winnow.stats.forecasts.estimates import Estimate
from winnow.stats.forecasts.students import direction
from winnow.stats.outcomes import Past, Record, apart, measured, ranking
from winnow.stats.outcomes.shares import Ranking


def read_record(regime: str, asked: str | None, beside: Path | None) -> Record | None:
    """The record of a regime; None where no place is known to look in."""
    if asked is None and beside is None:
        return None
    pilots: list[Past] = []
    left_out: list[str] = []
    others = 0
    for folder in _folders(_named(asked) if asked is not None else [Path(beside or ".")]):
        try:
            lines = read_lines(folder / OUTCOMES)
        except WinnowError as error:
            left_out.append(str(error))
            continue
        for name, seal in dict.fromkeys((line.forecast, line.seal) for line in lines):
            try:
                stored = read_stored(folder / name)
            except WinnowError as error:
                left_out.append(str(error))
                continue
            if stored.seal != seal:
                left_out.append(f"{folder / OUTCOMES}: its outcomes are of another forecast than {stored.path}")
            elif stored.regime != regime:
                others += 1
            else:
                pilots.append(_past(stored, {line.file: line for line in lines if line.seal == seal}))
    return Record(regime, tuple(pilots), others, tuple(left_out))


def against_control(stored: Stored, file: str, lines: dict[str, Line]) -> Ranking | None:
    """Whether a file did better than the control as said; None while one of the two is missing."""
    if file not in lines or "control" not in lines or file not in stored.said:
        return None
    got = apart(*(measured(lines[name].score, lines[name].n) for name in (file, "control")))
    return ranking(direction(Estimate(**stored.said[file]["over_control"])), got)


def _past(stored: Stored, lines: dict[str, Line]) -> Past:
    """A runner-up stands for its pilot's order only where the recommended rows have no student."""
    best = lines.get("recommended")
    said = stored.said.get("recommended", {}).get("sampling", {}).get("value")
    first = "recommended" if best is not None else "runner-up"
    place = str(stored.path)
    order = against_control(stored, first, lines)
    return Past(place, said, None if best is None else best.score, None if best is None else best.n, order)


def _named(asked: str) -> list[Path]:
    if glob.has_magic(asked) and not Path(asked).exists():
        found = [Path(one) for one in sorted(glob.glob(asked, recursive=True))]
        if not found:
            raise UsageError("--record", f"{shown(asked)} matches nothing", "Quote the pattern, or name a folder")
        return found
    if not Path(asked).exists():
        raise UsageError("--record", f"{shown(asked)} does not exist", "Name the folder your pilots are in")
    return [Path(asked)]


def _folders(places: list[Path]) -> Iterator[Path]:
    """Folders with outcomes, each once, in an order that does not hang on the disk."""
    seen: set[Path] = set()
    for place in places:
        folder = place if place.is_dir() else place.parent
        for one in (folder, *(sorted(folder.iterdir()) if place.is_dir() else [])):
            if (one / OUTCOMES).is_file() and one.resolve() not in seen:
                seen.add(one.resolve())
                yield one
