"""Sums by prompt, and by prompt within slices, computed in DuckDB, which spills to disk. Labels play no part in them.

The sums are made from the relation `parts` that the evidence reader fills: slice, prompt, n rows, and for verifier i
the kept rows k<i> and the decided rows d<i>.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from winnow.stages.labels import Floats

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class PromptSums:
    """Sums over the prompts of a table or slice for one verifier, in whole numbers, so that their order is no matter.

    Attributes:
        numbers: The prompts with a decided row, then the sums over all prompts of k, d, k k, k d and d d, where k rows
            of a prompt are kept and d decided.
        with_kept: How many prompts have 0, 1, 2 ... kept rows.
    """

    numbers: tuple[int, ...] = (0, 0, 0, 0, 0, 0)
    with_kept: dict[int, int] = field(default_factory=dict)

    @classmethod
    def from_counts(cls, kept: Floats, decided: Floats) -> PromptSums:
        """The sums from the kept and the decided rows of each prompt."""
        k, d = kept.astype(np.int64), decided.astype(np.int64)
        numbers = ((d > 0).sum(), k.sum(), d.sum(), (k * k).sum(), (k * d).sum(), (d * d).sum())
        with_kept = {number: count for number, count in enumerate(np.bincount(k).tolist()) if count}
        return cls(tuple(int(number) for number in numbers), with_kept)

    @property
    def prompts(self) -> int:
        """The prompts with a decided row."""
        return self.numbers[0]

    def spread(self) -> float:
        """The sum over prompts of (k - P d)^2, where P is the share of decided rows that are kept."""
        _, k, d, kk, kd, dd = self.numbers
        return float(Fraction(kk * d**2 - 2 * k * d * kd + k**2 * dd, d**2)) if d else 0.0

    def add(self, other: PromptSums) -> PromptSums:
        """The sums over both; no prompt may be in both."""
        numbers = tuple(one + more for one, more in zip(self.numbers, other.numbers, strict=True))
        with_kept = Counter(self.with_kept) + Counter(other.with_kept)
        return PromptSums(numbers, dict(sorted(with_kept.items())))


def sums_sql(verifiers: int) -> str:
    """SQL for how many rows each verifier kept and decided."""
    return ", ".join(f"sum({part}{i})::double as {part}{i}" for i in range(verifiers) for part in "kd")


class PromptAggregator:
    """Computes the sums of a connection's `parts`; `labeled` has `at` (0, 1 ...), prompt and slice of labeled rows."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, verifiers: int, labeled: pa.Table, slices: list[str]) -> None:
        self._duck = duck
        self._verifiers = range(verifiers)
        self._slices = slices
        self._prompts = "prompts" if slices else "parts"
        duck.register("labeled", labeled)
        if slices:
            duck.execute(
                f"create table prompts as select prompt, sum(n) as n, {sums_sql(verifiers)} from parts group by prompt"
            )

    def sums_by_slice(self) -> dict[str | None, list[PromptSums]]:
        """The sums of each slice by verifier; None is the whole table."""
        whole = [self._query_sums(i, self._prompts, "null::varchar").get(None, PromptSums()) for i in self._verifiers]
        sliced = [self._query_sums(i, "parts", "slice") if self._slices else {} for i in self._verifiers]
        return {None: whole} | {name: [sums[name] for sums in sliced] for name in self._slices}

    def _query_sums(self, verifier: int, relation: str, slice_sql: str) -> dict[str | None, PromptSums]:
        k, d = f"k{verifier}::hugeint", f"d{verifier}::hugeint"
        query = f"""select {slice_sql}, count(*) filter (d{verifier} > 0), sum({k}), sum({d}),
            sum({k} * {k}), sum({k} * {d}), sum({d} * {d}) from {relation} group by all"""
        sums = {
            name: PromptSums(tuple(int(number or 0) for number in numbers))
            for name, *numbers in self._duck.execute(query).fetchall()
        }
        query = f"select {slice_sql} as slice, k{verifier}::bigint, count(*) from {relation} group by all order by all"
        for name, kept, count in self._duck.execute(query).fetchall():
            sums[name].with_kept[kept] = count
        return sums

    def labeled_counts(self, in_slices: bool = False) -> tuple[Floats, Floats, Floats]:
        """For each labeled row what its prompt has, in the table or in the slice of the row.

        Returns:
            The kept rows by verifier, the decided rows by verifier, and all rows.
        """
        prompts = "parts" if in_slices else self._prompts
        same_slice = "and labeled.slice is not distinct from parts.slice" if in_slices else ""
        columns = ", ".join(f"k{i}, d{i}" for i in self._verifiers)
        found = self._duck.execute(
            f"""select n, {columns} from labeled join {prompts} on labeled.prompt = {prompts}.prompt {same_slice}
            order by labeled."at" """
        ).fetchnumpy()
        kept, decided = (np.stack([_to_floats(found[f"{part}{i}"]) for i in self._verifiers]) for part in "kd")
        return kept, decided, _to_floats(found["n"])


def _to_floats(values: object) -> Floats:
    return np.asarray(values, np.float64)
