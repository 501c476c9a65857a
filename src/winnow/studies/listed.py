"""Every claim of the papers, and how it stands here: read from the studies, and from what no study runs.

The words stand in the studies; a test holds each against the results committed under results/studies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from winnow.studies.frame.run import found_at
from winnow.studies.frame.study import Claim, Study
from winnow.studies.named import STUDIES
from winnow.studies.unrun import UNRUN


@dataclass(frozen=True)
class Listed:
    """All claims, by study; those that no study runs stand under ''."""

    studies: tuple[Study, ...]
    others: tuple[Claim, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        found = {
            study.name: {
                "about": study.about,
                "claims": [asdict(claim) for claim in study.claims],
                "hours": {name: scale.hours for name, scale in study.scales.items()},
                "on": {name: scale.on for name, scale in study.scales.items()},
            }
            for study in self.studies
        }
        return {"studies": found, "others": [asdict(claim) for claim in self.others]}

    def words(self) -> list[str]:
        """The list as a person reads it."""
        lines = []
        for study in self.studies:
            lines += [f"winnow reproduce {study.name}: {study.about}", *_claims(study.claims)]
            lines += [f"  hours a seed: {_hours(study)}", ""]
        return [*lines, "claims that no study here runs:", *_claims(self.others)]


def listed() -> Listed:
    """Every study with its claims, in the order of their names here."""
    return Listed(tuple(found_at(home) for home in STUDIES.values()), UNRUN)


def _claims(claims: Sequence[Claim]) -> list[str]:
    return [
        f"  {claim.stands + (': ' + claim.condition if claim.condition else '')} | {claim.words} [{claim.paper}]"
        for claim in claims
    ]


def _hours(study: Study) -> str:
    return ", ".join(f"{name} {scale.hours:.3g} ({scale.on})" for name, scale in study.scales.items())
