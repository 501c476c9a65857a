"""Several verifiers on the same labeled rows, side by side: what differs, and which is surely better.

Verifiers that saw the same rows err together, so a difference is known better than its two parts: every share is drawn
jointly, tied by what each labeled prompt did to it under each verifier. Abstentions are read in two ways. *As used*, an
abstention (or error) is a row not kept, so all verifiers are held against the same rows; this is the main reading.
*Both decided* looks only at rows where neither abstained, and takes the keep rates from the labels; it is given where
abstentions differ, and where the two readings disagree on the winner there is none.
Promises: verifiers that say the same differ by exactly nothing; swapping two verifiers turns signs and nothing else.
It does not speak of verifiers whose labeled rows are different.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.errors import UsageError
from winnow.statistics.card_inputs import (
    Booleans,
    Floats,
    Integers,
    LabeledRows,
    MeasureOptions,
    SamplingDesign,
    VerdictCounts,
)
from winnow.statistics.card_report import format_points
from winnow.statistics.card_report import label_wording as names_of
from winnow.statistics.intervals import (
    IntervalEstimate,
    ShareEstimate,
    ShareRows,
    draw_joint,
    encode_prompts,
    estimate_keep_rate,
    estimate_shares,
    interval_from_draws,
    two_sided_p_value,
)
from winnow.statistics.rate_formulas import compute_rates
from winnow.statistics.slices import holm_correction

KEPT, DROPPED, UNDECIDED = 1, 0, -1
MEASURES = {"precision": 1, "uplift": 1, "phi": 1, "psi": -1, "cost_per_right": -1}
AS_USED, BOTH_DECIDED = "as used", "both decided"


@dataclass(frozen=True, eq=False)
class ComparedVerifier:
    """One verifier: counts over the table, and for each labeled row 1 kept, 0 dropped, -1 abstain or error.

    `cost` is that of one call, paid for every row of the table. `prompt_kept` counts, for each labeled row, the kept
    rows of its prompt in the whole table.
    """

    name: str
    counts: VerdictCounts
    verdict: npt.NDArray[np.int8]
    cost: float | None = None
    prompt_kept: Floats | None = None


@dataclass(frozen=True, eq=False)
class SharedLabels:
    """The labeled rows all verifiers saw; `prompt_rows` counts, for each, the rows of its prompt in the whole table."""

    right: Floats
    prompt: Integers
    weight: Floats | None = None
    prompt_rows: Floats | None = None


@dataclass(frozen=True)
class VerifierDifference:
    """First minus second; `better` names the one that is surely better after Holm over the pairs."""

    figure: IntervalEstimate
    p_corrected: float | None = None
    better: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.figure.to_dict(), "p_corrected": self.p_corrected, "better": self.better}


@dataclass(frozen=True)
class VerifierPair:
    """Two verifiers, every measure's difference in one reading, and who is better altogether, if anyone surely is."""

    first: str
    second: str
    reading: str
    differences: dict[str, VerifierDifference]
    better: str | None
    message: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        differences = {name: difference.to_dict() for name, difference in self.differences.items()}
        header = {"first": self.first, "second": self.second, "reading": self.reading}
        return {**header, "differences": differences, "better": self.better, "words": self.message}


@dataclass(frozen=True)
class VerifierComparison:
    """Each verifier as used, and all pairs."""

    verifiers: dict[str, dict[str, IntervalEstimate]]
    pairs: tuple[VerifierPair, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        verifiers = {
            name: {m: figure.to_dict() for m, figure in found.items()} for name, found in self.verifiers.items()
        }
        return {"verifiers": verifiers, "pairs": [pair.to_dict() for pair in self.pairs]}

    def summary(self) -> str:
        """One line per pair, as used first."""
        return "\n".join(pair.message for pair in self.pairs)


@dataclass(frozen=True, eq=False)
class _VerifierMeasures:
    """Estimates and joint draws of one verifier, by measure."""

    value: dict[str, float]
    draws: dict[str, Floats]


def compare_verifiers(
    compared: Sequence[ComparedVerifier], labels: SharedLabels, options: MeasureOptions | None = None
) -> VerifierComparison:
    """All verifiers against each other."""
    options = options or MeasureOptions()
    _check_comparable(compared, labels, options)
    all_rows = np.ones(len(labels.right), dtype=np.bool_)
    as_used = _estimate_measures(compared, labels, all_rows, options)
    verifier_names = [one.name for one in compared]
    figures = [{m: interval_from_draws(n.value[m], n.draws[m], options.level) for m in n.value} for n in as_used]
    index_pairs = list(combinations(range(len(compared)), 2))
    pairs = _compare_pairs(
        [(verifier_names[i], verifier_names[j], as_used[i], as_used[j]) for i, j in index_pairs], AS_USED, options
    )
    with_different_abstentions = [
        (i, j) for i, j in index_pairs if _has_different_abstentions(compared[i], compared[j])
    ]
    decided_by_both: list[tuple[str, str, _VerifierMeasures, _VerifierMeasures]] = []
    for i, j in with_different_abstentions:
        rows = (compared[i].verdict != UNDECIDED) & (compared[j].verdict != UNDECIDED)
        one, other = _estimate_measures([replace(compared[k], cost=None) for k in (i, j)], labels, rows, options)
        decided_by_both.append((verifier_names[i], verifier_names[j], one, other))
    both_decided = _compare_pairs(decided_by_both, BOTH_DECIDED, options)
    better_when_decided = {(pair.first, pair.second): pair.better for pair in both_decided}
    pairs = [
        pair
        if better_when_decided.get((pair.first, pair.second), pair.better) == pair.better
        else replace(pair, better=None, message=f"{pair.message}; who is better depends on how abstentions count")
        for pair in pairs
    ]
    return VerifierComparison(dict(zip(verifier_names, figures, strict=True)), (*pairs, *both_decided))


def _check_comparable(compared: Sequence[ComparedVerifier], labels: SharedLabels, options: MeasureOptions) -> None:
    if len({verifier.name for verifier in compared}) < len(compared):
        raise UsageError("verifiers", "two of them have the same name", "Name each once")
    for verifier in compared:
        if verifier.verdict.shape != labels.right.shape:
            problem = f"'{verifier.name}' has {len(verifier.verdict)} verdicts for {len(labels.right)} labeled rows"
            raise UsageError("verdict", problem, "Pass one verdict per labeled row")
    if options.labels_drawn is not SamplingDesign.RANDOM and labels.weight is None:
        problem = f"labels drawn {options.labels_drawn} suit one verifier only"
        raise UsageError("weight", problem, "Compare verifiers on labels drawn at random, or pass weight = 1/drawn")


def _has_different_abstentions(first: ComparedVerifier, second: ComparedVerifier) -> bool:
    return bool(((first.verdict == UNDECIDED) != (second.verdict == UNDECIDED)).any())


def _estimate_measures(
    compared: Sequence[ComparedVerifier], labels: SharedLabels, rows: Booleans, options: MeasureOptions
) -> list[_VerifierMeasures]:
    """Joint numbers of the verifiers over some rows: all of them as used, or those both decided."""
    codes, prompts = encode_prompts(labels.prompt[rows])
    estimates: list[list[ShareEstimate] | None] = [
        _estimate_verifier_shares(verifier, labels, rows, (codes, prompts)) for verifier in compared
    ]
    known = [share for verifier_shares in estimates if verifier_shares is not None for share in verifier_shares]
    draws_by_share = iter(draw_joint(known, options.level, options.seed)) if known else iter(())
    numbers = []
    for verifier, verifier_shares in zip(compared, estimates, strict=True):
        if verifier_shares is None:
            numbers.append(_VerifierMeasures({}, {}))
            continue
        verifier_draws = np.stack([next(draws_by_share) for _ in verifier_shares])
        value = compute_rates(np.array([[share.value] for share in verifier_shares]), False, from_draws=False)
        rate_draws = compute_rates(verifier_draws, False)
        values = {m: float(getattr(value, m)[0]) for m in MEASURES if m != "cost_per_right"}
        draws = {m: getattr(rate_draws, m) for m in values}
        if verifier.cost is not None:
            values["cost_per_right"] = float(
                _cost_per_right(verifier.cost, np.array([share.value for share in verifier_shares]))[()]
            )
            draws["cost_per_right"] = _cost_per_right(verifier.cost, verifier_draws)
        numbers.append(_VerifierMeasures(values, draws))
    return numbers


def _cost_per_right(cost: float, share_values: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        cost_per_right: Floats = cost / (share_values[0] * share_values[2])
    return cost_per_right


def _estimate_verifier_shares(
    verifier: ComparedVerifier, labels: SharedLabels, rows: Booleans, encoded_prompts: tuple[Integers, int]
) -> list[ShareEstimate] | None:
    """Right among kept, right among the others, and the keep rate; None where one of them has no label."""
    codes, prompts = encoded_prompts
    kept, right = verifier.verdict[rows] == KEPT, labels.right[rows]
    weight = None if labels.weight is None else labels.weight[rows]
    if not kept.any() or kept.all() or not verifier.counts.kept or verifier.counts.kept == verifier.counts.n:
        return None
    sides = [_select_rows(right, codes, weight, prompts, side) for side in (kept, ~kept)]
    keep_rows = _select_rows(kept.astype(np.float64), codes, weight, prompts, np.ones(len(kept), dtype=np.bool_))
    (labeled_keep_rate,) = estimate_shares([keep_rows])
    first, second = (_stretch_influence(share, side) for share, side in zip(estimate_shares(sides), sides, strict=True))
    if not rows.all():
        return [first, second, _stretch_influence(labeled_keep_rate, keep_rows)]
    return [first, second, _estimate_table_keep_rate(verifier, labels, (codes, prompts), labeled_keep_rate)]


def _stretch_influence(share: ShareEstimate, rows: ShareRows) -> ShareEstimate:
    """The influences in three stretches: of labeled prompts; of the rest of the table, which only keep rates have; and,
    where no row differs from another, of the prompts it is taken over, so that shares of the same rows stay tied."""
    nothing = np.zeros(rows.prompts)
    if share.sd > 0:
        return replace(share, influence=np.concatenate([share.influence, nothing, nothing]))
    over = np.bincount(rows.prompt, rows.weight, minlength=rows.prompts).astype(np.float64)
    length = float(np.sqrt((over**2).sum()))
    return replace(share, influence=np.concatenate([nothing, nothing, over]), sd=length)


def _select_rows(
    outcome: Floats, codes: Integers, weight: Floats | None, prompts: int, selected: Booleans
) -> ShareRows:
    return ShareRows(outcome[selected], codes[selected], None if weight is None else weight[selected], prompts)


def _estimate_table_keep_rate(
    verifier: ComparedVerifier,
    labels: SharedLabels,
    encoded_prompts: tuple[Integers, int],
    labeled_keep_rate: ShareEstimate,
) -> ShareEstimate:
    """The share kept of all rows, abstentions not kept, with what it has in common with the labels and other rates."""
    counts = verifier.counts
    as_used = VerdictCounts(counts.kept, counts.n - counts.kept, prompts=counts.prompts)
    labeled = LabeledRows(
        verifier.verdict == KEPT,
        labels.right,
        labels.prompt,
        None,
        verifier.prompt_kept,
        _rows_per_prompt(verifier, labels),
    )
    share = estimate_keep_rate(as_used, labeled, *encoded_prompts)
    if counts.spread is not None and counts.prompts is not None and counts.decided:
        decided = estimate_keep_rate(counts, replace(labeled, prompt_kept=None, prompt_decided=None), *encoded_prompts)
        effect = counts.decided / decided.effective if decided.effective else 1.0
        share = replace(share, effective=share.effective / max(effect, 1.0), degrees=decided.degrees)
        share = replace(share, sd=max(share.sd, share.sd * float(np.sqrt(max(effect, 1.0)))))
    within = float((share.influence**2).sum())
    rest = max(share.sd**2 - within, 0.0)
    length = float((labeled_keep_rate.influence**2).sum())
    tail = (
        labeled_keep_rate.influence * np.sqrt(rest / length)
        if length > 0
        else np.zeros_like(labeled_keep_rate.influence)
    )
    return replace(share, influence=np.concatenate([share.influence, tail, np.zeros_like(tail)]))


def _rows_per_prompt(verifier: ComparedVerifier, labels: SharedLabels) -> Floats | None:
    return None if verifier.prompt_kept is None else labels.prompt_rows


def _compare_pairs(
    measures_by_pair: Sequence[tuple[str, str, _VerifierMeasures, _VerifierMeasures]],
    reading: str,
    options: MeasureOptions,
) -> list[VerifierPair]:
    tables = [dict(_estimate_differences(one, other, options)) for _, _, one, other in measures_by_pair]
    for measure in MEASURES:
        with_measure = [k for k, compared_pairs in enumerate(tables) if measure in compared_pairs]
        corrected = holm_correction([tables[k][measure].p_corrected or 1.0 for k in with_measure])
        for k, p in zip(with_measure, corrected, strict=True):
            difference = tables[k][measure]
            sign = (difference.figure.value or 0.0) * MEASURES[measure]
            winner = None if p > 1 - options.level or sign == 0 else measures_by_pair[k][0 if sign > 0 else 1]
            tables[k][measure] = replace(difference, p_corrected=p, better=str(winner) if winner else None)
    compared_pairs = []
    for (first, second, _, _), table in zip(measures_by_pair, tables, strict=True):
        better = _overall_winner(table)
        compared_pairs.append(
            VerifierPair(
                first, second, reading, table, better, _describe_pair(first, second, reading, (table, better), options)
            )
        )
    return compared_pairs


def _estimate_differences(
    first: _VerifierMeasures, second: _VerifierMeasures, options: MeasureOptions
) -> Iterator[tuple[str, VerifierDifference]]:
    for measure in MEASURES:
        if measure in first.value and measure in second.value:
            draws = first.draws[measure] - second.draws[measure]
            finite = bool(np.isfinite(draws).all())
            figure = (
                interval_from_draws(first.value[measure] - second.value[measure], draws, options.level)
                if finite
                else IntervalEstimate()
            )
            yield measure, VerifierDifference(figure, two_sided_p_value(draws) if finite else None)


def _overall_winner(table: dict[str, VerifierDifference]) -> str | None:
    """Surely better in what is kept or in how much of the right is kept, and surely worse in neither."""
    winners = {table[m].better for m in ("precision", "phi") if m in table and table[m].better is not None}
    return winners.pop() if len(winners) == 1 else None


def _describe_pair(
    first: str,
    second: str,
    reading: str,
    result: tuple[dict[str, VerifierDifference], str | None],
    options: MeasureOptions,
) -> str:
    table, better = result
    wording = names_of(options.judge)
    descriptions = {
        "precision": f"{wording.right_share} among kept",
        "phi": f"share of {wording.right} kept",
        "psi": f"{wording.wrong} let through",
    }
    parts = []
    for measure, name in descriptions.items():
        figure = table[measure].figure if measure in table else IntervalEstimate()
        if figure.value is not None and figure.low is not None and figure.high is not None:
            parts.append(
                f"{name} {format_points(figure.value)} points ({format_points(figure.low)} to {format_points(figure.high)})"
            )
    cost = table["cost_per_right"].figure if "cost_per_right" in table else IntervalEstimate()
    if cost.value is not None:
        parts.append(f"cost per {wording.right_share} kept row {cost.value:+.3g}")
    verdict = f"{better} is surely better" if better else "neither is surely better"
    return f"{first} against {second} ({reading}): {' · '.join(parts) or 'too few labels'} · {verdict}"
