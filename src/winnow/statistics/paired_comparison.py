"""Several verifiers on the same labeled rows: paired differences and which verifier is surely better.

Verifiers that saw the same rows err together, so all shares are drawn jointly and a difference is more precise than its
two parts. There are two readings of abstentions. *As used*, the main one, counts an abstention or error as not kept.
*Both decided* compares only rows that both decided, with keep rates from the labels; it is added where abstentions
differ, and where the two readings disagree on the better verifier, none is named.
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
    DEFAULT_OPTIONS,
    Booleans,
    Floats,
    Integers,
    LabeledRows,
    MeasureOptions,
    SamplingDesign,
    VerdictCounts,
)
from winnow.statistics.card_report import format_points, label_wording
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
from winnow.storage.canonical_json import to_plain

KEPT, DROPPED, UNDECIDED = 1, 0, -1
MEASURES = {"precision": 1, "uplift": 1, "phi": 1, "psi": -1, "cost_per_right": -1}
AS_USED, BOTH_DECIDED = "as used", "both decided"

VerifierMeasures = dict[str, tuple[float, Floats]]
"""The value of each measure and its draws."""


@dataclass(frozen=True, eq=False)
class ComparedVerifier:
    """One verifier: counts over the table, and for each labeled row 1 (kept), 0 (dropped) or -1 (abstain or error).

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
    """The labeled rows that all verifiers saw; `prompt_rows` counts the table rows of each row's prompt."""

    right: Floats
    prompt: Integers
    weight: Floats | None = None
    prompt_rows: Floats | None = None


@dataclass(frozen=True)
class VerifierDifference(IntervalEstimate):
    """First minus second; `better` names the surely better verifier (Holm correction over the pairs)."""

    p_corrected: float | None = None
    better: str | None = None


@dataclass(frozen=True)
class VerifierPair:
    """The differences of two verifiers in one reading; `better` names the overall better one, if any."""

    first: str
    second: str
    reading: str
    differences: dict[str, VerifierDifference]
    better: str | None
    words: str


@dataclass(frozen=True)
class VerifierComparison:
    """The rates of each verifier as used, and all pairs."""

    verifiers: dict[str, dict[str, IntervalEstimate]]
    pairs: tuple[VerifierPair, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        return dict(to_plain(self))

    def summary(self) -> str:
        """Return one line per pair, the reading `as used` first."""
        return "\n".join(pair.words for pair in self.pairs)


def compare_verifiers(
    compared: Sequence[ComparedVerifier], labels: SharedLabels, options: MeasureOptions = DEFAULT_OPTIONS
) -> VerifierComparison:
    """Compare all verifiers with one another.

    Raises:
        UsageError: If two verifiers have the same name, or labels were drawn for one verifier and carry no weights.
    """
    _check_comparable(compared, labels, options)
    as_used = _estimate_measures(compared, labels, np.ones(len(labels.right), dtype=np.bool_), options)
    names = [verifier.name for verifier in compared]
    rates = [
        {measure: interval_from_draws(value, draws, options.level) for measure, (value, draws) in measures.items()}
        for measures in as_used
    ]
    index_pairs = list(combinations(range(len(compared)), 2))
    pairs = _compare_pairs([(names[i], names[j], as_used[i], as_used[j]) for i, j in index_pairs], AS_USED, options)
    measures_by_pair: list[tuple[str, str, VerifierMeasures, VerifierMeasures]] = []
    for i, j in index_pairs:
        abstained = [compared[k].verdict == UNDECIDED for k in (i, j)]
        if (abstained[0] != abstained[1]).any():
            rows = ~(abstained[0] | abstained[1])
            without_cost = [replace(compared[k], cost=None) for k in (i, j)]
            first, second = _estimate_measures(without_cost, labels, rows, options)
            measures_by_pair.append((names[i], names[j], first, second))
    both_decided = _compare_pairs(measures_by_pair, BOTH_DECIDED, options)
    better_when_decided = {(pair.first, pair.second): pair.better for pair in both_decided}
    pairs = [
        pair
        if better_when_decided.get((pair.first, pair.second), pair.better) == pair.better
        else replace(pair, better=None, words=f"{pair.words}; which is better depends on how abstentions count")
        for pair in pairs
    ]
    return VerifierComparison(dict(zip(names, rates, strict=True)), (*pairs, *both_decided))


def _check_comparable(compared: Sequence[ComparedVerifier], labels: SharedLabels, options: MeasureOptions) -> None:
    if len({verifier.name for verifier in compared}) < len(compared):
        raise UsageError("verifiers", "two verifiers have the same name", "Give each its own name")
    if options.labels_drawn is not SamplingDesign.RANDOM and labels.weight is None:
        problem = f"labels drawn {options.labels_drawn} suit one verifier only"
        raise UsageError("weight", problem, "Compare verifiers on labels drawn at random, or pass weight = 1/drawn")


def _estimate_measures(
    compared: Sequence[ComparedVerifier], labels: SharedLabels, rows: Booleans, options: MeasureOptions
) -> list[VerifierMeasures]:
    """Estimate the verifiers jointly over some of the labeled rows."""
    encoded_prompts = encode_prompts(labels.prompt[rows])
    estimates = [_estimate_verifier_shares(verifier, labels, rows, encoded_prompts) for verifier in compared]
    known = [share for shares in estimates if shares is not None for share in shares]
    draws_by_share = iter(draw_joint(known, options.level, options.seed)) if known else iter(())
    measures: list[VerifierMeasures] = []
    for verifier, shares in zip(compared, estimates, strict=True):
        if shares is None:
            measures.append({})
            continue
        share_values = np.array([[share.value] for share in shares])
        share_draws = np.stack([next(draws_by_share) for _ in shares])
        rates, rate_draws = compute_rates(share_values, False, from_draws=False), compute_rates(share_draws, False)
        measured = {m: (float(rates[m][0]), rate_draws[m]) for m in MEASURES if m != "cost_per_right"}
        if verifier.cost is not None:
            cost = float(_cost_per_right(verifier.cost, share_values)[0])
            measured["cost_per_right"] = (cost, _cost_per_right(verifier.cost, share_draws))
        measures.append(measured)
    return measures


def _cost_per_right(cost: float, share_values: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        cost_per_right: Floats = cost / (share_values[0] * share_values[2])
    return cost_per_right


def _estimate_verifier_shares(
    verifier: ComparedVerifier, labels: SharedLabels, rows: Booleans, encoded_prompts: tuple[Integers, int]
) -> list[ShareEstimate] | None:
    """Estimate the share right among kept, among the others, and the keep rate; None without labels of both."""
    codes, prompts = encoded_prompts
    kept, right = verifier.verdict[rows] == KEPT, labels.right[rows]
    weight = None if labels.weight is None else labels.weight[rows]
    if not kept.any() or kept.all() or not verifier.counts.kept or verifier.counts.kept == verifier.counts.n:
        return None
    sides = [ShareRows(right, codes, weight, prompts).select(side) for side in (kept, ~kept)]
    keep_rows = ShareRows(kept.astype(np.float64), codes, weight, prompts)
    (labeled_keep_rate,) = estimate_shares([keep_rows])
    first, second = (_stretch_influence(share, side) for share, side in zip(estimate_shares(sides), sides, strict=True))
    if not rows.all():
        return [first, second, _stretch_influence(labeled_keep_rate, keep_rows)]
    return [first, second, _estimate_table_keep_rate(verifier, labels, (codes, prompts), labeled_keep_rate)]


def _stretch_influence(share: ShareEstimate, rows: ShareRows) -> ShareEstimate:
    """Extend the influences to three blocks: labeled prompts, the rest of the table, and rows that all agree.

    Only keep rates have influence in the second block. Shares without variance get their prompts in the third, so that
    identical shares stay correlated.
    """
    nothing = np.zeros(rows.prompts)
    if share.sd > 0:
        return replace(share, influence=np.concatenate([share.influence, nothing, nothing]))
    over = np.bincount(rows.prompt, rows.weight, minlength=rows.prompts).astype(np.float64)
    length = float(np.sqrt((over**2).sum()))
    return replace(share, influence=np.concatenate([nothing, nothing, over]), sd=length)


def _estimate_table_keep_rate(
    verifier: ComparedVerifier,
    labels: SharedLabels,
    encoded_prompts: tuple[Integers, int],
    labeled_keep_rate: ShareEstimate,
) -> ShareEstimate:
    """Estimate the share kept of all rows (abstentions count as not kept), tied to labels and other rates."""
    counts = verifier.counts
    as_used = VerdictCounts(counts.kept, counts.n - counts.kept, prompts=counts.prompts)
    prompt_rows = None if verifier.prompt_kept is None else labels.prompt_rows
    kept = verifier.verdict == KEPT
    labeled = LabeledRows(kept, labels.right, labels.prompt, None, verifier.prompt_kept, prompt_rows)
    share = estimate_keep_rate(as_used, labeled, *encoded_prompts)
    if counts.spread is not None and counts.prompts is not None and counts.decided:
        decided = estimate_keep_rate(counts, replace(labeled, prompt_kept=None, prompt_decided=None), *encoded_prompts)
        effect = counts.decided / decided.effective if decided.effective else 1.0
        share = replace(share, effective=share.effective / max(effect, 1.0), degrees=decided.degrees)
        share = replace(share, sd=max(share.sd, share.sd * float(np.sqrt(max(effect, 1.0)))))
    within = float((share.influence**2).sum())
    rest = max(share.sd**2 - within, 0.0)
    length = float((labeled_keep_rate.influence**2).sum())
    tail = labeled_keep_rate.influence * (np.sqrt(rest / length) if length > 0 else 0.0)
    return replace(share, influence=np.concatenate([share.influence, tail, np.zeros_like(tail)]))


def _compare_pairs(
    measures_by_pair: Sequence[tuple[str, str, VerifierMeasures, VerifierMeasures]],
    reading: str,
    options: MeasureOptions,
) -> list[VerifierPair]:
    tables = [dict(_estimate_differences(first, second, options)) for _, _, first, second in measures_by_pair]
    for measure in MEASURES:
        with_measure = [k for k, table in enumerate(tables) if measure in table]
        corrected = holm_correction([tables[k][measure].p_corrected or 1.0 for k in with_measure])
        for k, p in zip(with_measure, corrected, strict=True):
            difference = tables[k][measure]
            sign = (difference.value or 0.0) * MEASURES[measure]
            winner = None if p > 1 - options.level or sign == 0 else measures_by_pair[k][0 if sign > 0 else 1]
            tables[k][measure] = replace(difference, p_corrected=p, better=str(winner) if winner else None)
    pairs = []
    for (first, second, _, _), table in zip(measures_by_pair, tables, strict=True):
        pair = VerifierPair(first, second, reading, table, _overall_winner(table), "")
        pairs.append(replace(pair, words=_describe_pair(pair, options.judge)))
    return pairs


def _estimate_differences(
    first: VerifierMeasures, second: VerifierMeasures, options: MeasureOptions
) -> Iterator[tuple[str, VerifierDifference]]:
    for measure in MEASURES:
        if measure in first and measure in second:
            draws = first[measure][1] - second[measure][1]
            if not np.isfinite(draws).all():
                yield measure, VerifierDifference()
                continue
            figure = interval_from_draws(first[measure][0] - second[measure][0], draws, options.level)
            yield measure, VerifierDifference(figure.value, figure.low, figure.high, two_sided_p_value(draws))


def _overall_winner(table: dict[str, VerifierDifference]) -> str | None:
    """Return who is surely better in precision or true-positive rate and surely worse in neither."""
    winners = {table[m].better for m in ("precision", "phi") if m in table and table[m].better is not None}
    return winners.pop() if len(winners) == 1 else None


def _describe_pair(pair: VerifierPair, judge: str | None) -> str:
    wording = label_wording(judge)
    names = {
        "precision": f"the share {wording.right_share} among kept rows",
        "phi": f"the share kept of {wording.right}",
        "psi": f"the share kept of {wording.wrong}",
    }
    parts = []
    for measure, name in names.items():
        figure = pair.differences.get(measure, VerifierDifference())
        if figure.value is not None and figure.low is not None and figure.high is not None:
            interval = f"{format_points(figure.low)} to {format_points(figure.high)}"
            parts.append(f"{name} {format_points(figure.value)} points ({interval})")
    cost = pair.differences.get("cost_per_right", VerifierDifference()).value
    if cost is not None:
        parts.append(f"the cost per kept row that is {wording.right_share} {cost:+.3g}")
    verdict = f"{pair.better} is surely better" if pair.better else "neither is surely better"
    names_compared = f"{pair.first} compared with {pair.second} ({pair.reading})"
    if not parts:
        return f"{names_compared}: too few labels"
    return f"{names_compared}: {verdict}; differences: {', '.join(parts)}"
