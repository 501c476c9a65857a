"""What verify returns: the candidates with their verdicts, and how often each verdict was given."""

from __future__ import annotations

from collections import Counter
from typing import Any

from winnow.stages.results import Rows
from winnow.verifiers.verdicts import Verdict


class Verified(Rows):
    """Candidates with their verdicts."""

    def describe(self) -> str:
        """The verdicts as text for a person."""
        lines = [f"verified {self.summary['rows']:,} candidates of {self.summary['table']}"]
        return "\n".join([*lines, *(describe_verdicts(verifier) for verifier in self.summary["verifiers"])])


def summarize_verdicts(name: str, counts: Counter[str]) -> dict[str, Any]:
    """The verdicts of one verifier: counts, and the keep rate over the decided rows."""
    decided = counts[Verdict.PASS] + counts[Verdict.FAIL]
    return {
        "name": name,
        **{word: counts[word] for word in (*Verdict, "scored")},
        "decided": decided,
        "keep_rate": counts[Verdict.PASS] / decided if decided else None,
    }


def describe_verdicts(summary: dict[str, Any]) -> str:
    """One line on one verifier."""
    parts = [f"{word} {summary[word]:,}" for word in (*Verdict, "scored") if summary[word]]
    rate = "" if summary["keep_rate"] is None else f"; keeps {summary['keep_rate']:.1%} of the decided rows"
    return f"  {summary['name']}: {', '.join(parts) or 'no candidates'}{rate}"
