"""Labels by several people: the majority counts, agreement is shown, and a card is corrected for label errors.

A row whose labels tie counts as unlabeled. The correction assumes that people err independently of each other, of the
truth and of the verifier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from winnow.stages.labels import mark_right
from winnow.stages.measure.evidence import Evidence, Integers
from winnow.statistics.card_inputs import LabeledRows, MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.card_report import format_estimate, label_wording
from winnow.statistics.labeler_agreement import LabelerAgreement, MultipleLabels, correct_rates, measure_agreement
from winnow.tables.joins import JoinedSource, labeler_column
from winnow.tables.table import Table

ASSUMPTION = "if they err independently of each other, of the truth and of the verifier"


@dataclass(frozen=True)
class LabelerColumns:
    """The people who labeled, the column of each, and what the label of the majority is called."""

    label: str
    names: tuple[str, ...]
    columns: tuple[str, ...]


def find_labelers(table: Table, columns: tuple[str, ...]) -> LabelerColumns | None:
    """The people who labeled: those of these columns, or those of a file of labels with a column `by`."""
    if columns:
        return LabelerColumns("majority", columns, columns)
    names = table.source.labelers if isinstance(table.source, JoinedSource) else ()
    if not names:
        return None
    joined = tuple(str(table.columns.label).split(","))
    return LabelerColumns(joined[0].removesuffix(labeler_column("", names[0])), names, joined)


@dataclass(frozen=True, eq=False)
class MajorityLabels:
    """The agreement behind majority labels, how many rows tie, and by row number how many labels the row has."""

    labelers: LabelerColumns
    agreement: LabelerAgreement
    ties: int
    label_counts: dict[int, int]

    def report(
        self, counts: VerdictCounts, labeled: LabeledRows, row_numbers: Integers, options: MeasureOptions
    ) -> tuple[dict[str, Any], str]:
        """Report agreement, and a card of these labeled rows corrected for label errors, as JSON and as text."""
        numbers = np.array([self.label_counts[int(row)] for row in row_numbers], np.int64)
        corrected = correct_rates(counts, labeled, self.agreement, numbers, options) if len(numbers) else None
        document = {
            "names": list(self.labelers.names),
            **self.agreement.to_dict(),
            "ties": self.ties,
            "assumption": ASSUMPTION,
            "corrected": None if corrected is None else corrected.to_dict(),
        }
        text = self.agreement.summary() + (f" · {self.ties:,} rows tie and count as unlabeled" if self.ties else "")
        if corrected is not None and corrected.phi.value is not None and corrected.psi.value is not None:
            wording = label_wording(options.judge)
            text += (
                f"\n{ASSUMPTION}, labels are wrong on {corrected.error:.1%} of rows; corrected for that, the verifier"
                f" keeps {format_estimate(corrected.phi)} of {wording.right} and"
                f" {format_estimate(corrected.psi)} of {wording.wrong}"
            )
        elif options.labels_drawn is SamplingDesign.BY_LABEL:
            text += "\nlabels drawn by label are not corrected for label errors"
        return document, text


def take_majority(
    evidence: Evidence, labelers: LabelerColumns, right_if: str | None
) -> tuple[Evidence, MajorityLabels]:
    """Replace the labels of several people by that of their majority, without the rows that tie."""
    labels = dict(zip(evidence.labels, evidence.labeled.label, strict=True))
    marks = np.stack([mark_right(labelers.label, labels[column], right_if) for column in labelers.columns])
    is_labeled = np.isfinite(marks)
    labeler, row = np.nonzero(is_labeled)
    prompt = evidence.labeled.prompt[row]
    agreement = measure_agreement(MultipleLabels(row, labeler, marks[labeler, row] > 0.5, prompt))
    count, right = is_labeled.sum(axis=0), np.where(is_labeled, marks, 0.0).sum(axis=0)
    decided = 2 * right != count
    majority = (2 * right > count).astype(np.float64)
    labeled = evidence.labeled.take(decided)
    label_counts = dict(zip(labeled.row.tolist(), count[decided].tolist(), strict=True))
    result = replace(evidence, labels=(labelers.label,), labeled=replace(labeled, label=majority[None, decided]))
    return result, MajorityLabels(labelers, agreement, int((~decided).sum()), label_counts)
