"""The record of earlier forecasts: outcomes found in the folders a user names, else beside where a forecast is kept.

Looks for `outcomes.jsonl` in a folder and in the folders right inside it, and reads the forecast each line names.
Promises: a forecast that is gone, damaged or not the one an outcome was recorded for is not counted, and that is said.
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
from winnow.statistics.outcomes import PastForecast, TrackRecord, compare_with_forecast, measure_share, subtract_shares
from winnow.statistics.outcomes.student_shares import RankingOutcome


def read_track_record(regime: str, requested: str | None, default_folder: Path | None) -> TrackRecord | None:
    """The record of a regime; None where no place is known to look in."""
    if requested is None and default_folder is None:
        return None
    pilots: list[PastForecast] = []
    left_out: list[str] = []
    other_regimes = 0
    for folder in _outcome_folders(
        _resolve_locations(requested) if requested is not None else [Path(default_folder or ".")]
    ):
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
                pilots.append(_past_pilot(forecast, {line.file: line for line in lines if line.seal == seal}))
    return TrackRecord(regime, tuple(pilots), other_regimes, tuple(left_out))


def rank_against_control(forecast: StoredForecast, file: str, lines: dict[str, OutcomeLine]) -> RankingOutcome | None:
    """Whether a file did better than the control as said; None while one of the two is missing."""
    if file not in lines or "control" not in lines or file not in forecast.predictions:
        return None
    difference = subtract_shares(*(measure_share(lines[name].score, lines[name].n) for name in (file, "control")))
    return compare_with_forecast(
        expected_direction(ForecastInterval(**forecast.predictions[file]["over_control"])), difference
    )


def _past_pilot(forecast: StoredForecast, lines: dict[str, OutcomeLine]) -> PastForecast:
    """A runner-up stands for its pilot's order only where the recommended rows have no student."""
    recommended = lines.get("recommended")
    predicted = forecast.predictions.get("recommended", {}).get("sampling", {}).get("value")
    compared_file = "recommended" if recommended is not None else "runner-up"
    path = str(forecast.path)
    control_ranking = rank_against_control(forecast, compared_file, lines)
    return PastForecast(
        path,
        predicted,
        None if recommended is None else recommended.score,
        None if recommended is None else recommended.n,
        control_ranking,
    )


def _resolve_locations(requested: str) -> list[Path]:
    if glob.has_magic(requested) and not Path(requested).exists():
        matches = [Path(one) for one in sorted(glob.glob(requested, recursive=True))]
        if not matches:
            raise UsageError(
                "--record", f"{format_value(requested)} matches nothing", "Quote the pattern, or name a folder"
            )
        return matches
    if not Path(requested).exists():
        raise UsageError("--record", f"{format_value(requested)} does not exist", "Name the folder your pilots are in")
    return [Path(requested)]


def _outcome_folders(locations: list[Path]) -> Iterator[Path]:
    """Folders with outcomes, each once, in an order that does not hang on the disk."""
    seen: set[Path] = set()
    for location in locations:
        folder = location if location.is_dir() else location.parent
        for candidate in (folder, *(sorted(folder.iterdir()) if location.is_dir() else [])):
            if (candidate / OUTCOMES_NAME).is_file() and candidate.resolve() not in seen:
                seen.add(candidate.resolve())
                yield candidate
