"""Every claim of the papers and its status here, from the studies and from the claims that no study tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from winnow.science.studies.framework.study import Claim, Study
from winnow.science.studies.unsupported_claims import UNSUPPORTED_CLAIMS


@dataclass(frozen=True)
class ClaimsIndex:
    """All claims: those of the studies by study, then the others."""

    studies: tuple[Study, ...]
    others: tuple[Claim, ...] = UNSUPPORTED_CLAIMS

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
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
        """Return the list as text for a person."""
        lines = []
        for study in self.studies:
            scales = study.scales.items()
            hours = ", ".join(f"{name} {scale.hours:.3g} ({scale.hardware})" for name, scale in scales)
            lines += [f"winnow reproduce {study.name}: {study.about}", *_claim_lines(study.claims)]
            lines += [f"  hours per seed: {hours}", ""]
        return [*lines, "claims that no study here tests:", *_claim_lines(self.others)]


def _claim_lines(claims: Sequence[Claim]) -> list[str]:
    return [
        f"  {claim.stands}{': ' if claim.condition else ''}{claim.condition} | {claim.words} [{claim.paper}]"
        for claim in claims
    ]
