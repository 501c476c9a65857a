"""The studies by name: those of winnow, and those that installed packages register as entry points."""

from __future__ import annotations

from importlib.metadata import entry_points

ENTRY_POINT_GROUP = "winnow.studies"
STUDIES = {
    "gaussian": "winnow.science.studies.gaussian.study:STUDY",
    "rounds": "winnow.science.studies.rounds.study:STUDY",
    "eigenvalues": "winnow.science.studies.eigenvalues.study:STUDY",
    "forecast": "winnow.science.studies.forecasts.study:STUDY",
}


def study_paths() -> dict[str, str]:
    """Return the dotted path of every study by name; a name of winnow's own cannot be replaced."""
    return {entry.name: entry.value for entry in entry_points(group=ENTRY_POINT_GROUP)} | STUDIES
