"""The studies by name: where each lives. None is loaded before it is asked for.

A study of yours is one module with a `Study`, and one line here.
"""

from __future__ import annotations

STUDIES = {
    "gaussian": "winnow.science.studies.gaussian.study:STUDY",
    "rounds": "winnow.science.studies.rounds.study:STUDY",
    "eigenvalues": "winnow.science.studies.eigenvalues.study:STUDY",
    "forecast": "winnow.science.studies.forecasts.study:STUDY",
}
