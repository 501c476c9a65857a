"""The record of earlier forecasts, read from the outcomes in the folders of pilots.

It looks for `outcomes.jsonl` in a folder and in the folders directly inside it. A forecast that is missing, changed, or
not the one that an outcome was recorded for is not counted, and the report says so.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from winnow.errors import UsageError, WinnowError, format_value
from winnow.stages.forecast.forecast_file import (
    OUTCOMES_NAME,
    OutcomeLine,
    StoredForecast,
    read_forecast,
    read_outcomes,
)
from winnow.statistics.forecasts.share_estimates import ForecastInterval
from winnow.statistics.forecasts.students import expected_direction
from winnow.statistics.intervals import IntervalEstimate
from winnow.statistics.outcomes import (
    PastForecast,
    RankingOutcome,
    TrackRecord,
    compare_with_forecast,
    measure_share,
    subtract_shares,
)


def read_track_record(regime: str, requested: str | None, default_folder: Path | None) -> TrackRecord | None:
    """Read the record of a regime from a folder, file or pattern, else from the default folder."""
    if requested is not None:
        locations = _resolve_locations(requested)
    elif default_folder is not None:
        locations = [default_folder]
    else:
        return None
    pilots: list[PastForecast] = []
    left_out: list[str] = []
    other_regimes = 0
    for folder in _outcome_folders(locations):
        try:
            lines = read_outcomes(folder / OUTCOMES_NAME)
        except WinnowError as error:
            left_out.append(str(error))
            continue
        for name, seal in dict.fromkeys((line.forecast, line.seal) for line in lines):
            try:
                forecast = read_forecast(folder / name)
            except WinnowError as error:
                left_out.append(str(error))
                continue
            if forecast.seal != seal:
                left_out.append(f"{folder / OUTCOMES_NAME}: its outcomes are of another forecast than {forecast.path}")
            elif forecast.regime != regime:
                other_regimes += 1
            else:
                pilots.append(_past_forecast(forecast, {line.file: line for line in lines if line.seal == seal}))
    return TrackRecord(regime, tuple(pilots), other_regimes, tuple(left_out))


def subtract_control(file: str, lines: dict[str, OutcomeLine]) -> IntervalEstimate | None:
    """The score of a file's student minus that of the control; None while one of them has no outcome."""
    if file not in lines or "control" not in lines:
        return None
    return subtract_shares(*(measure_share(lines[name].score, lines[name].n) for name in (file, "control")))


def rank_against_control(forecast: StoredForecast, file: str, lines: dict[str, OutcomeLine]) -> RankingOutcome | None:
    """Whether the student of a file did better than that of the control, as forecast; None while one is missing."""
    difference = subtract_control(file, lines)
    if difference is None or file not in forecast.predictions:
        return None
    expected = expected_direction(ForecastInterval(**forecast.predictions[file]["over_control"]))
    return compare_with_forecast(expected, difference)


def _past_forecast(forecast: StoredForecast, lines: dict[str, OutcomeLine]) -> PastForecast:
    recommended = lines.get("recommended")
    predicted = forecast.predictions.get("recommended", {}).get("sampling", {}).get("value")
    # The runner-up stands for the ranking only where the recommended rows have no student.
    ranking = rank_against_control(forecast, "runner-up" if recommended is None else "recommended", lines)
    score, n = (None, None) if recommended is None else (recommended.score, recommended.n)
    return PastForecast(str(forecast.path), predicted, score, n, ranking)


def _resolve_locations(requested: str) -> list[Path]:
    if Path(requested).exists():
        return [Path(requested)]
    if not glob.has_magic(requested):
        raise UsageError("--record", f"{format_value(requested)} does not exist", "Name the folder of your pilots")
    matches = [Path(match) for match in sorted(glob.glob(requested, recursive=True))]
    if not matches:
        step = "Quote the pattern, or name a folder"
        raise UsageError("--record", f"{format_value(requested)} matches nothing", step)
    return matches


def _outcome_folders(locations: list[Path]) -> Iterator[Path]:
    """The folders with outcomes, each once, in an order that does not depend on the disk."""
    seen: set[Path] = set()
    for location in locations:
        folder = location if location.is_dir() else location.parent
        for candidate in (folder, *(sorted(folder.iterdir()) if location.is_dir() else [])):
            if (candidate / OUTCOMES_NAME).is_file() and candidate.resolve() not in seen:
                seen.add(candidate.resolve())
                yield candidate
