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

from winnow.data.errors import UsageError
from winnow.stats.evidence import Booleans, Counts, Drawn, Floats, How, Integers, Labeled
from winnow.stats.formulas import rates
from winnow.stats.intervals import Figure, Rows, Share, between, coded, joint, keep_share, shares, two_sided
from winnow.stats.slices import holm
from winnow.stats.words import names as names_of
from winnow.stats.words import points

KEPT, DROPPED, UNDECIDED = 1, 0, -1
MEASURES = {"precision": 1, "uplift": 1, "phi": 1, "psi": -1, "cost_per_right": -1}
AS_USED, BOTH_DECIDED = "as used", "both decided"


@dataclass(frozen=True, eq=False)
class Judged:
    """One verifier: counts over the table, and for each labeled row 1 kept, 0 dropped, -1 abstain or error.

    `cost` is that of one call, paid for every row of the table. `prompt_kept` counts, for each labeled row, the kept
    rows of its prompt in the whole table.
    """

    name: str
    counts: Counts
    verdict: npt.NDArray[np.int8]
    cost: float | None = None
    prompt_kept: Floats | None = None


@dataclass(frozen=True, eq=False)
class Labels:
    """The labeled rows all verifiers saw; `prompt_rows` counts, for each, the rows of its prompt in the whole table."""

    right: Floats
    prompt: Integers
    weight: Floats | None = None
    prompt_rows: Floats | None = None


@dataclass(frozen=True)
class Difference:
    """First minus second; `better` names the one that is surely better after Holm over the pairs."""

    figure: Figure
    p_corrected: float | None = None
    better: str | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.figure.plain(), "p_corrected": self.p_corrected, "better": self.better}


@dataclass(frozen=True)
class Pair:
    """Two verifiers, every measure's difference in one reading, and who is better altogether, if anyone surely is."""

    first: str
    second: str
    reading: str
    differences: dict[str, Difference]
    better: str | None
    words: str

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        told = {name: difference.plain() for name, difference in self.differences.items()}
        start = {"first": self.first, "second": self.second, "reading": self.reading}
        return {**start, "differences": told, "better": self.better, "words": self.words}


@dataclass(frozen=True)
class Comparison:
    """Each verifier as used, and all pairs."""

    verifiers: dict[str, dict[str, Figure]]
    pairs: tuple[Pair, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        told = {name: {m: figure.plain() for m, figure in found.items()} for name, found in self.verifiers.items()}
        return {"verifiers": told, "pairs": [pair.plain() for pair in self.pairs]}

    def words(self) -> str:
        """One line per pair, as used first."""
        return "\n".join(pair.words for pair in self.pairs)


@dataclass(frozen=True, eq=False)
class _Numbers:
    """Estimates and joint draws of one verifier, by measure."""

    value: dict[str, float]
    drawn: dict[str, Floats]


def compare(judged: Sequence[Judged], labels: Labels, how: How | None = None) -> Comparison:
    """All verifiers against each other."""
    how = how or How()
    _check(judged, labels, how)
    every = np.ones(len(labels.right), dtype=np.bool_)
    used = _measured(judged, labels, every, how)
    ours = [one.name for one in judged]
    figures = [{m: between(n.value[m], n.drawn[m], how.level) for m in n.value} for n in used]
    couples = list(combinations(range(len(judged)), 2))
    pairs = _pairs([(ours[i], ours[j], used[i], used[j]) for i, j in couples], AS_USED, how)
    apart = [(i, j) for i, j in couples if _differ(judged[i], judged[j])]
    common: list[tuple[str, str, _Numbers, _Numbers]] = []
    for i, j in apart:
        rows = (judged[i].verdict != UNDECIDED) & (judged[j].verdict != UNDECIDED)
        one, other = _measured([replace(judged[k], cost=None) for k in (i, j)], labels, rows, how)
        common.append((ours[i], ours[j], one, other))
    narrow = _pairs(common, BOTH_DECIDED, how)
    agreed = {(pair.first, pair.second): pair.better for pair in narrow}
    pairs = [
        pair
        if agreed.get((pair.first, pair.second), pair.better) == pair.better
        else replace(pair, better=None, words=f"{pair.words}; who is better depends on how abstentions count")
        for pair in pairs
    ]
    return Comparison(dict(zip(ours, figures, strict=True)), (*pairs, *narrow))


def _check(judged: Sequence[Judged], labels: Labels, how: How) -> None:
    if len({one.name for one in judged}) < len(judged):
        raise UsageError("verifiers", "two of them have the same name", "Name each once")
    for one in judged:
        if one.verdict.shape != labels.right.shape:
            problem = f"'{one.name}' has {len(one.verdict)} verdicts for {len(labels.right)} labeled rows"
            raise UsageError("verdict", problem, "Pass one verdict per labeled row")
    if how.drawn is not Drawn.RANDOM and labels.weight is None:
        problem = f"labels drawn {how.drawn} suit one verifier only"
        raise UsageError("weight", problem, "Compare verifiers on labels drawn at random, or pass weight = 1/drawn")


def _differ(one: Judged, other: Judged) -> bool:
    return bool(((one.verdict == UNDECIDED) != (other.verdict == UNDECIDED)).any())


def _measured(judged: Sequence[Judged], labels: Labels, rows: Booleans, how: How) -> list[_Numbers]:
    """Joint numbers of the verifiers over some rows: all of them as used, or those both decided."""
    codes, prompts = coded(labels.prompt[rows])
    found: list[list[Share] | None] = [_shares(one, labels, rows, (codes, prompts)) for one in judged]
    known = [share for three in found if three is not None for share in three]
    drawn = iter(joint(known, how.level, how.seed)) if known else iter(())
    numbers = []
    for one, three in zip(judged, found, strict=True):
        if three is None:
            numbers.append(_Numbers({}, {}))
            continue
        of = np.stack([next(drawn) for _ in three])
        value = rates(np.array([[share.value] for share in three]), False, draws=False)
        spread = rates(of, False)
        values = {m: float(getattr(value, m)[0]) for m in MEASURES if m != "cost_per_right"}
        draws = {m: getattr(spread, m) for m in values}
        if one.cost is not None:
            values["cost_per_right"] = float(_cost(one.cost, np.array([share.value for share in three]))[()])
            draws["cost_per_right"] = _cost(one.cost, of)
        numbers.append(_Numbers(values, draws))
    return numbers


def _cost(cost: float, three: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        found: Floats = cost / (three[0] * three[2])
    return found


def _shares(one: Judged, labels: Labels, rows: Booleans, code: tuple[Integers, int]) -> list[Share] | None:
    """Right among kept, right among the others, and the keep rate; None where one of them has no label."""
    codes, prompts = code
    kept, right = one.verdict[rows] == KEPT, labels.right[rows]
    weight = None if labels.weight is None else labels.weight[rows]
    if not kept.any() or kept.all() or not one.counts.kept or one.counts.kept == one.counts.n:
        return None
    sides = [_rows(right, codes, weight, prompts, side) for side in (kept, ~kept)]
    keeping = _rows(kept.astype(np.float64), codes, weight, prompts, np.ones(len(kept), dtype=np.bool_))
    (seen,) = shares([keeping])
    first, second = (_stretched(share, side) for share, side in zip(shares(sides), sides, strict=True))
    if not rows.all():
        return [first, second, _stretched(seen, keeping)]
    return [first, second, _keep_rate(one, labels, (codes, prompts), seen)]


def _stretched(share: Share, rows: Rows) -> Share:
    """The influences in three stretches: of labeled prompts; of the rest of the table, which only keep rates have; and,
    where no row differs from another, of the prompts it is taken over, so that shares of the same rows stay tied."""
    nothing = np.zeros(rows.prompts)
    if share.sd > 0:
        return replace(share, influence=np.concatenate([share.influence, nothing, nothing]))
    over = np.bincount(rows.prompt, rows.weight, minlength=rows.prompts).astype(np.float64)
    length = float(np.sqrt((over**2).sum()))
    return replace(share, influence=np.concatenate([nothing, nothing, over]), sd=length)


def _rows(outcome: Floats, codes: Integers, weight: Floats | None, prompts: int, side: Booleans) -> Rows:
    return Rows(outcome[side], codes[side], None if weight is None else weight[side], prompts)


def _keep_rate(one: Judged, labels: Labels, code: tuple[Integers, int], seen: Share) -> Share:
    """The share kept of all rows, abstentions not kept, with what it has in common with the labels and other rates."""
    counts = one.counts
    as_used = Counts(counts.kept, counts.n - counts.kept, prompts=counts.prompts)
    told = Labeled(one.verdict == KEPT, labels.right, labels.prompt, None, one.prompt_kept, _table_rows(one, labels))
    share = keep_share(as_used, told, *code)
    if counts.spread is not None and counts.prompts is not None and counts.decided:
        decided = keep_share(counts, replace(told, prompt_kept=None, prompt_decided=None), *code)
        effect = counts.decided / decided.effective if decided.effective else 1.0
        share = replace(share, effective=share.effective / max(effect, 1.0), degrees=decided.degrees)
        share = replace(share, sd=max(share.sd, share.sd * float(np.sqrt(max(effect, 1.0)))))
    within = float((share.influence**2).sum())
    rest = max(share.sd**2 - within, 0.0)
    length = float((seen.influence**2).sum())
    tail = seen.influence * np.sqrt(rest / length) if length > 0 else np.zeros_like(seen.influence)
    return replace(share, influence=np.concatenate([share.influence, tail, np.zeros_like(tail)]))


def _table_rows(one: Judged, labels: Labels) -> Floats | None:
    return None if one.prompt_kept is None else labels.prompt_rows


def _pairs(couples: Sequence[tuple[str, str, _Numbers, _Numbers]], reading: str, how: How) -> list[Pair]:
    tables = [dict(_differences(one, other, how)) for _, _, one, other in couples]
    for measure in MEASURES:
        having = [k for k, found in enumerate(tables) if measure in found]
        corrected = holm([tables[k][measure].p_corrected or 1.0 for k in having])
        for k, p in zip(having, corrected, strict=True):
            difference = tables[k][measure]
            sign = (difference.figure.value or 0.0) * MEASURES[measure]
            winner = None if p > 1 - how.level or sign == 0 else couples[k][0 if sign > 0 else 1]
            tables[k][measure] = replace(difference, p_corrected=p, better=str(winner) if winner else None)
    found = []
    for (first, second, _, _), table in zip(couples, tables, strict=True):
        better = _altogether(table)
        found.append(Pair(first, second, reading, table, better, _words(first, second, reading, (table, better), how)))
    return found


def _differences(one: _Numbers, other: _Numbers, how: How) -> Iterator[tuple[str, Difference]]:
    for measure in MEASURES:
        if measure in one.value and measure in other.value:
            drawn = one.drawn[measure] - other.drawn[measure]
            finite = bool(np.isfinite(drawn).all())
            figure = between(one.value[measure] - other.value[measure], drawn, how.level) if finite else Figure()
            yield measure, Difference(figure, two_sided(drawn) if finite else None)


def _altogether(table: dict[str, Difference]) -> str | None:
    """Surely better in what is kept or in how much of the right is kept, and surely worse in neither."""
    winners = {table[m].better for m in ("precision", "phi") if m in table and table[m].better is not None}
    return winners.pop() if len(winners) == 1 else None


def _words(first: str, second: str, reading: str, found: tuple[dict[str, Difference], str | None], how: How) -> str:
    table, better = found
    called = names_of(how.judge)
    said = {
        "precision": f"{called.share} among kept",
        "phi": f"share of {called.right} kept",
        "psi": f"{called.wrong} let through",
    }
    parts = []
    for measure, name in said.items():
        figure = table[measure].figure if measure in table else Figure()
        if figure.value is not None and figure.low is not None and figure.high is not None:
            parts.append(f"{name} {points(figure.value)} points ({points(figure.low)} to {points(figure.high)})")
    cost = table["cost_per_right"].figure if "cost_per_right" in table else Figure()
    if cost.value is not None:
        parts.append(f"cost per {called.share} kept row {cost.value:+.3g}")
    verdict = f"{better} is surely better" if better else "neither is surely better"
    return f"{first} against {second} ({reading}): {' · '.join(parts) or 'too few labels'} · {verdict}"
