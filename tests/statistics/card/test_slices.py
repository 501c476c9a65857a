"""Slices: warnings about what the pooled card hides, and the correction for several slices."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated.verifier_labels import cells
from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import DEFAULT_OPTIONS, LabeledRows, MeasureOptions, VerdictCounts
from winnow.statistics.slices import CardSlices, estimate_slices, holm_correction

Parts = dict[str, tuple[VerdictCounts, LabeledRows]]
GOOD, BAD, IDLE = cells(80, 20, 20, 80), cells(20, 80, 80, 20), cells(50, 50, 50, 50)
EVEN = VerdictCounts(5_000, 5_000)


def together(parts: Parts) -> tuple[VerdictCounts, LabeledRows]:
    """All parts as one table."""
    tables, rows = zip(*parts.values(), strict=True)
    kept, right = (np.concatenate([getattr(one, name) for one in rows]) for name in ("kept", "right"))
    counts = VerdictCounts(sum(table.kept for table in tables), sum(table.dropped for table in tables))
    return counts, LabeledRows(kept, right, np.arange(len(kept)))


def sliced(parts: Parts, options: MeasureOptions = DEFAULT_OPTIONS) -> CardSlices:
    """Slices beside their pooled card."""
    return estimate_slices(parts, estimate_card(*together(parts), options), options)


def codes(found: CardSlices) -> list[str]:
    """The warnings."""
    return [warning.code for warning in found.warnings]


def test_under_30_labels_there_are_counts_and_no_decision() -> None:
    result = sliced({"small": (EVEN, cells(14, 1, 1, 13)), "large": (EVEN, cells(14, 1, 1, 14))})
    small, large = result.slices
    assert small.decision is None and large.decision == "helps"
    assert {"phi", "precision", "uplift"}.isdisjoint(small.to_dict()) and small.to_dict()["kept"] == 5_000
    assert "phi" in large.to_dict()
    json.dumps([one.to_dict() for one in result.slices], allow_nan=False)


def test_opposite_slices_are_named_when_the_pooled_card_hides_them() -> None:
    result = sliced({"letters": (EVEN, GOOD), "sums": (EVEN, BAD), "jokes": (EVEN, IDLE)})
    assert [one.decision for one in result.slices] == ["helps", "harms", "undecided"]
    assert codes(result) == ["slices-opposite"]
    assert "'letters'" in result.warnings[0].words and "'sums'" in result.warnings[0].words


def test_a_pooled_sign_that_no_slice_has_gives_a_warning() -> None:
    # Simpson: the verifier keeps most of the easy slice, and in both slices keeps the wrong rows.
    parts = {
        "easy": (VerdictCounts(9_000, 1_000), cells(160, 40, 38, 2)),
        "hard": (VerdictCounts(1_000, 9_000), cells(2, 38, 40, 160)),
    }
    pooled = estimate_card(*together(parts))
    assert pooled.uplift.value is not None and pooled.uplift.value > 0
    assert "pooled-opposite" in codes(sliced(parts))


def test_selection_between_slices_gives_a_warning() -> None:
    parts = {
        "easy": (VerdictCounts(9_000, 1_000), cells(165, 35, 16, 4)),
        "hard": (VerdictCounts(1_000, 9_000), cells(5, 15, 44, 156)),
    }
    assert codes(sliced(parts)) == ["between-slices"]
    assert codes(sliced({"one": (EVEN, GOOD), "two": (EVEN, GOOD)})) == []


def test_the_pooled_card_holds_the_slices_and_their_warnings() -> None:
    parts = {"letters": (EVEN, GOOD), "sums": (EVEN, BAD)}
    result = sliced(parts)
    pooled = result.attach_to(estimate_card(*together(parts)))
    assert [one["name"] for one in pooled.to_dict()["slices"]] == ["letters", "sums"]
    assert result.warnings[0].words in pooled.summary()


def test_slices_of_a_worthless_verifier_are_decided_in_at_most_5_percent() -> None:
    rng = np.random.default_rng(11)
    projects, misled = 80, 0
    for seed in range(projects):
        parts = {}
        for name in range(5):
            kept, dropped = rng.binomial(30, 0.5, 2)
            parts[str(name)] = (EVEN, cells(kept, 30 - kept, dropped, 30 - dropped))
        result = sliced(parts, MeasureOptions(seed=seed))
        misled += any(one.decision != "undecided" for one in result.slices)
    assert misled / projects < 0.05 + 4 * np.sqrt(0.05 * 0.95 / projects)


def test_with_two_classes_a_slice_with_a_precision_below_one_half_harms() -> None:
    poor = cells(20, 80, 2, 98)
    result = sliced({"a": (EVEN, poor), "b": (EVEN, IDLE)}, MeasureOptions(classes=2))
    assert result.slices[0].decision == "harms"


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    result = holm_correction(p_values)
    assert all(p <= corrected <= 1 for p, corrected in zip(p_values, result, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert list(np.array(result)[order]) == sorted(result)


def test_holm_gives_the_textbook_values() -> None:
    assert holm_correction([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
