"""The studies by name: where each lives. None is loaded before it is asked for.

A study of yours is one module with a `Study`, and one line here.
"""

from __future__ import annotations

STUDIES: dict[str, str] = {
    "eigenvalues": "winnow.studies.eigenvalues.study:STUDY",
    "forecast": "winnow.studies.forecasts.study:STUDY",
}
