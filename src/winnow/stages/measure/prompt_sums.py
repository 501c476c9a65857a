"""What a table's verdicts add up to by prompt, and by prompt within slices, kept in DuckDB, which spills.

It reads the relation `parts` that the evidence feeds: slice, prompt, n rows, and for verifier i the kept rows k<i> and
the decided rows d<i>. Labeled rows get what their prompt has. It knows no labels.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PromptStatistics:
    """What prompts say of one verifier on a table or a slice of it.

    How many have a decided row, the sum over them of (kept - P decided)^2, and how many have 0, 1, 2 ... kept rows.
    """

    prompts: int
    spread: float
    with_kept: dict[int, int]


@dataclass(frozen=True)
class PromptSums:
    """What prompts add up to for one verifier, in whole numbers, so that it is the same in whichever order.

    The numbers are the prompts with a decided row, and over all prompts the sums of k, d, k k, k d and d d, where k
    rows of a prompt are kept and d decided.
    """

    numbers: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0)
    with_kept: dict[int, int] = field(default_factory=dict)

    def add(self, other: PromptSums) -> PromptSums:
        """Of both; no prompt may be in both."""
        a, b, c, d, e, f = (one + more for one, more in zip(self.numbers, other.numbers, strict=True))
        return PromptSums(
            (a, b, c, d, e, f), dict(sorted((Counter(self.with_kept) + Counter(other.with_kept)).items()))
        )

    def to_statistics(self) -> PromptStatistics:
        """With the sum of (k - P d)^2, P being all k over all d."""
        prompts, k, d, kk, kd, dd = self.numbers
        spread = float(Fraction(kk * d**2 - 2 * k * d * kd + k**2 * dd, d**2)) if d else 0.0
        return PromptStatistics(prompts, spread, self.with_kept)


@dataclass(frozen=True, eq=False)
class LabeledPromptCounts:
    """For each labeled row, the kept and decided rows (by verifier) and all rows that its prompt has."""

    kept: Floats
    decided: Floats
    rows: Floats

    def take(self, rows: Booleans | npt.NDArray[np.intp]) -> LabeledPromptCounts:
        """Of some labeled rows."""
        return LabeledPromptCounts(self.kept[:, rows], self.decided[:, rows], self.rows[rows])

    def append(self, other: LabeledPromptCounts) -> LabeledPromptCounts:
        """Of these labeled rows, then of those."""
        arrays = (np.concatenate([getattr(self, f.name), getattr(other, f.name)], axis=-1) for f in fields(self))
        return LabeledPromptCounts(*arrays)


def sums_sql(verifiers: int) -> str:
    """SQL for how many rows were kept and decided by each verifier."""
    return ", ".join(f"sum({part}{i})::double as {part}{i}" for i in range(verifiers) for part in "kd")


class PromptAggregator:
    """The sums of a connection's `parts`; `labeled` has `at` (0, 1, 2 ...), prompt and slice of each labeled row."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, verifiers: int, labeled: pa.Table, slices: list[str]) -> None:
        self._duck = duck
        self._verifiers = range(verifiers)
        self._slices = slices
        self._prompt_relation = "prompts" if slices else "parts"
        duck.register("labeled", labeled)
        if slices:
            duck.execute(
                f"create table prompts as select prompt, sum(n) as n, {sums_sql(verifiers)} from parts group by prompt"
            )

    def sums_by_slice(self) -> dict[str | None, list[PromptSums]]:
        """By slice, None for the whole table: the sums for each verifier."""
        table_sums = [self._query_sums(i, "null::varchar")[None] for i in self._verifiers]
        slice_sums = [self._query_sums(i, "slice") if self._slices else {} for i in self._verifiers]
        return {None: table_sums} | {name: [one[name] for one in slice_sums] for name in self._slices}

    def _query_sums(self, verifier: int, grouping: str) -> dict[str | None, PromptSums]:
        prompts = "parts" if grouping == "slice" else self._prompt_relation
        k, d = f"k{verifier}::hugeint", f"d{verifier}::hugeint"
        query = f"""select {grouping}, count(*) filter (d{verifier} > 0), sum({k}), sum({d}),
            sum({k} * {k}), sum({k} * {d}), sum({d} * {d}) from {prompts} group by all"""
        sums_of: dict[str | None, tuple[int, int, int, int, int, int]] = {}
        for name, *values in self._duck.execute(query).fetchall():
            count, *moments = (int(one or 0) for one in values)
            sums_of[name] = (count, moments[0], moments[1], moments[2], moments[3], moments[4])
        query = f"select {grouping} as slice, k{verifier}::bigint, count(*) from {prompts} group by all order by all"
        with_kept: dict[str | None, dict[int, int]] = {}
        for name, kept, count in self._duck.execute(query).fetchall():
            with_kept.setdefault(name, {})[kept] = count
        return {None: PromptSums()} | {
            name: PromptSums(numbers, with_kept.get(name, {})) for name, numbers in sums_of.items()
        }

    def labeled_counts(self, in_slices: bool = False) -> LabeledPromptCounts:
        """What the prompt of each labeled row has in the whole table, or in the row's slice of it."""
        prompts = "parts" if in_slices else self._prompt_relation
        slice_condition = "and labeled.slice is not distinct from parts.slice" if in_slices else ""
        verifier_columns = ", ".join(f"k{i}, d{i}" for i in self._verifiers)
        found = self._duck.execute(
            f"""select n, {verifier_columns} from labeled join {prompts} on labeled.prompt = {prompts}.prompt {slice_condition}
            order by labeled."at" """
        ).fetchnumpy()
        kept, decided = (np.stack([_to_floats(found[f"{part}{i}"]) for i in self._verifiers]) for part in "kd")
        return LabeledPromptCounts(kept, decided, _to_floats(found["n"]))


def _to_floats(values: object) -> Floats:
    return np.asarray(values, np.float64)
