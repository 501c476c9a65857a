"""The studies by name: where each lives. None is loaded before it is asked for.

A study of yours is one module with a `Study`, and one line here.
"""

from __future__ import annotations

STUDIES = {
    "gaussian": "winnow.studies.gaussian.study:STUDY",
    "rounds": "winnow.studies.rounds.study:STUDY",
    "eigenvalues": "winnow.studies.eigenvalues.study:STUDY",
    "forecast": "winnow.studies.forecasts.study:STUDY",
}
