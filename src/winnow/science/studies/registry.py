"""The studies by name, those of installed packages included, and the list of every claim with its status here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import entry_points
from typing import Any

from winnow.science.studies.framework.study import Claim, Study
from winnow.science.studies.papers import FENG, ZHU

ENTRY_POINT_GROUP = "winnow.studies"
STUDIES = {
    "gaussian": "winnow.science.studies.gaussian.study:STUDY",
    "rounds": "winnow.science.studies.rounds.study:STUDY",
    "eigenvalues": "winnow.science.studies.eigenvalues.study:STUDY",
    "forecast": "winnow.science.studies.forecasts.study:STUDY",
}

UNSUPPORTED_CLAIMS = (
    Claim(
        "news summaries chosen by ROUGE beat the generator and 12.5% of them beat all human ones",
        "not run here",
        FENG,
        "needs Llama-2-7B and XL-Sum",
    ),
    Claim(
        "ToEdit raises the averages of pretraining, continual pretraining and fine-tuning",
        "not run here",
        ZHU,
        "needs OLMo-1B and Llama-3-8B",
    ),
    Claim("the numbers behind the plots of n-gram concentration of synthetic text", "not published here", ZHU),
)
"""Claims of the papers that no study here tests."""


def study_paths() -> dict[str, str]:
    """Return the dotted path of every study by name; a name of winnow's own cannot be replaced."""
    return {entry.name: entry.value for entry in entry_points(group=ENTRY_POINT_GROUP)} | STUDIES


def claims_document(studies: Sequence[Study]) -> dict[str, Any]:
    """Return the JSON document of all claims: those of the studies by study, then the others."""
    documents = {
        study.name: {
            "about": study.about,
            "claims": [asdict(claim) for claim in study.claims],
            "hours": {name: scale.hours for name, scale in study.scales.items()},
            "on": {name: scale.hardware for name, scale in study.scales.items()},
        }
        for study in studies
    }
    return {"studies": documents, "others": [asdict(claim) for claim in UNSUPPORTED_CLAIMS]}


def claim_lines(studies: Sequence[Study]) -> list[str]:
    """Return all claims as text for a person."""
    lines = []
    for study in studies:
        hours = ", ".join(f"{name} {scale.hours:.3g} ({scale.hardware})" for name, scale in study.scales.items())
        lines += [f"winnow reproduce {study.name}: {study.about}", *_format_claims(study.claims)]
        lines += [f"  hours per seed: {hours}", ""]
    return [*lines, "claims that no study here tests:", *_format_claims(UNSUPPORTED_CLAIMS)]


def _format_claims(claims: Sequence[Claim]) -> list[str]:
    return [
        f"  {claim.stands}{': ' if claim.condition else ''}{claim.condition} | {claim.words} [{claim.paper}]"
        for claim in claims
    ]
