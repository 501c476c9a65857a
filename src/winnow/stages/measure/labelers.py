"""Labels by several people: the majority counts, agreement is shown, and what label errors do to a card.

A row whose labels tie has no label and is counted. What errors do is worked out under one assumption, which is said:
that people err independently of each other, of the truth and of the verifier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from winnow.stages.measure.evidence import VerifierEvidence
from winnow.stages.measure.prompt_sums import Floats
from winnow.statistics.card_inputs import Integers, LabeledRows, MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.card_report import format_estimate
from winnow.statistics.card_report import label_wording as names_of
from winnow.statistics.labeler_agreement import LabelerAgreement, MultipleLabels, correct_rates, measure_agreement

ASSUMPTION = "if they err independently of each other, of the truth and of the verifier"


@dataclass(frozen=True)
class LabelerColumns:
    """Who labeled, and the column of each; `label` is what the label is called."""

    label: str
    names: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class MajorityLabels:
    """How people agreed, how many rows tied, and of how many labels each remaining row's label is the majority."""

    labelers: LabelerColumns
    agreement: LabelerAgreement
    ties: int
    label_counts: dict[int, int]

    def report(
        self, counts: VerdictCounts, labeled: LabeledRows, row_numbers: Integers, label_options: MeasureOptions
    ) -> tuple[dict[str, Any], str]:
        """As JSON and in words, with what label errors do to a card of these labeled rows."""
        numbers = np.array([self.label_counts[int(row)] for row in row_numbers], np.int64)
        corrected_rates = (
            correct_rates(counts, labeled, self.agreement, numbers, label_options) if len(numbers) else None
        )
        content = {
            "names": list(self.labelers.names),
            **self.agreement.to_dict(),
            "ties": self.ties,
            "assumption": ASSUMPTION,
            "corrected": None if corrected_rates is None else corrected_rates.to_dict(),
        }
        line = self.agreement.summary() + (f" · {self.ties:,} rows tie and count as unlabeled" if self.ties else "")
        if (
            corrected_rates is not None
            and corrected_rates.phi.value is not None
            and corrected_rates.psi.value is not None
        ):
            wording = names_of(label_options.judge)
            line += (
                f"\n{ASSUMPTION}, labels go wrong on {corrected_rates.error:.1%} of rows, and freed of that the verifier keeps"
                f" {format_estimate(corrected_rates.phi)} of {wording.right} and lets {format_estimate(corrected_rates.psi)} of {wording.wrong} through"
            )
        elif label_options.labels_drawn is SamplingDesign.BY_LABEL:
            line += "\nlabels drawn by label are not freed of label errors"
        return content, line


def take_majority(
    evidence: VerifierEvidence, labelers: LabelerColumns, mark_right: Callable[[str, Floats], Floats]
) -> tuple[VerifierEvidence, MajorityLabels]:
    """The evidence with the majority as its only label, without the rows that tie."""
    marks = np.stack([mark_right(labelers.label, evidence.label[column]) for column in labelers.columns])
    is_labeled = np.isfinite(marks)
    labeler_agreement = measure_agreement(_to_many_labels(marks, evidence.prompt))
    count, right = is_labeled.sum(axis=0), np.where(is_labeled, marks, 0.0).sum(axis=0)
    decided = 2 * right != count
    majority = (2 * right > count).astype(np.float64)
    untied = evidence.take(decided)
    labels = dict(zip(untied.row.tolist(), count[decided].tolist(), strict=True))
    return replace(untied, label={labelers.label: majority[decided]}), MajorityLabels(
        labelers, labeler_agreement, int((~decided).sum()), labels
    )


def _to_many_labels(marks: Floats, prompt: Integers) -> MultipleLabels:
    labeler, row = np.nonzero(np.isfinite(marks))
    return MultipleLabels(row, labeler, marks[labeler, row] > 0.5, prompt[row])
