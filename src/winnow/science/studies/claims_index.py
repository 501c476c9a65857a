"""Every claim of the papers, and how it stands here: read from the studies, and from what no study runs.

The words stand in the studies; a test holds each against the results committed under results/studies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from winnow.science.studies.framework.runner import load_study
from winnow.science.studies.framework.study import Claim, Study
from winnow.science.studies.registry import STUDIES
from winnow.science.studies.unsupported_claims import UNSUPPORTED_CLAIMS


@dataclass(frozen=True)
class ClaimsIndex:
    """All claims, by study; those that no study runs stand under ''."""

    studies: tuple[Study, ...]
    others: tuple[Claim, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        studies = {
            study.name: {
                "about": study.about,
                "claims": [asdict(claim) for claim in study.claims],
                "hours": {name: scale.hours for name, scale in study.scales.items()},
                "on": {name: scale.hardware for name, scale in study.scales.items()},
            }
            for study in self.studies
        }
        return {"studies": studies, "others": [asdict(claim) for claim in self.others]}

    def summary_lines(self) -> list[str]:
        """The list as a person reads it."""
        lines = []
        for study in self.studies:
            lines += [f"winnow reproduce {study.name}: {study.about}", *_claim_lines(study.claims)]
            lines += [f"  hours a seed: {_hours(study)}", ""]
        return [*lines, "claims that no study here runs:", *_claim_lines(self.others)]


def build_claims_index() -> ClaimsIndex:
    """Every study with its claims, in the order of their names here."""
    return ClaimsIndex(tuple(load_study(home) for home in STUDIES.values()), UNSUPPORTED_CLAIMS)


def _claim_lines(claims: Sequence[Claim]) -> list[str]:
    return [
        f"  {claim.stands + (': ' + claim.condition if claim.condition else '')} | {claim.words} [{claim.paper}]"
        for claim in claims
    ]


def _hours(study: Study) -> str:
    return ", ".join(f"{name} {scale.hours:.3g} ({scale.hardware})" for name, scale in study.scales.items())
