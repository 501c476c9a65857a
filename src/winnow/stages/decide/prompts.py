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
class ByPrompt:
    """What prompts say of one verifier on a table or a slice of it.

    How many have a decided row, the sum over them of (kept - P decided)^2, and how many have 0, 1, 2 ... kept rows.
    """

    prompts: int
    spread: float
    with_kept: dict[int, int]


@dataclass(frozen=True)
class Sums:
    """What prompts add up to for one verifier, in whole numbers, so that it is the same in whichever order.

    The numbers are the prompts with a decided row, and over all prompts the sums of k, d, k k, k d and d d, where k
    rows of a prompt are kept and d decided.
    """

    numbers: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0)
    with_kept: dict[int, int] = field(default_factory=dict)

    def plus(self, other: Sums) -> Sums:
        """Of both; no prompt may be in both."""
        a, b, c, d, e, f = (one + more for one, more in zip(self.numbers, other.numbers, strict=True))
        return Sums((a, b, c, d, e, f), dict(sorted((Counter(self.with_kept) + Counter(other.with_kept)).items())))

    def by_prompt(self) -> ByPrompt:
        """With the sum of (k - P d)^2, P being all k over all d."""
        prompts, k, d, kk, kd, dd = self.numbers
        spread = float(Fraction(kk * d**2 - 2 * k * d * kd + k**2 * dd, d**2)) if d else 0.0
        return ByPrompt(prompts, spread, self.with_kept)


@dataclass(frozen=True, eq=False)
class OfPrompt:
    """For each labeled row, the kept and decided rows (by verifier) and all rows that its prompt has."""

    kept: Floats
    decided: Floats
    rows: Floats

    def take(self, rows: Booleans | npt.NDArray[np.intp]) -> OfPrompt:
        """Of some labeled rows."""
        return OfPrompt(self.kept[:, rows], self.decided[:, rows], self.rows[rows])

    def plus(self, other: OfPrompt) -> OfPrompt:
        """Of these labeled rows, then of those."""
        both = (np.concatenate([getattr(self, f.name), getattr(other, f.name)], axis=-1) for f in fields(self))
        return OfPrompt(*both)


def sums(verifiers: int) -> str:
    """SQL for how many rows were kept and decided by each verifier."""
    return ", ".join(f"sum({part}{i})::double as {part}{i}" for i in range(verifiers) for part in "kd")


class Prompts:
    """The sums of a connection's `parts`; `labeled` has `at` (0, 1, 2 ...), prompt and slice of each labeled row."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, verifiers: int, labeled: pa.Table, slices: list[str]) -> None:
        self._duck = duck
        self._verifiers = range(verifiers)
        self._slices = slices
        self._whole = "prompts" if slices else "parts"
        duck.register("labeled", labeled)
        if slices:
            duck.execute(
                f"create table prompts as select prompt, sum(n) as n, {sums(verifiers)} from parts group by prompt"
            )

    def summed(self) -> dict[str | None, list[Sums]]:
        """By slice, None for the whole table: the sums for each verifier."""
        whole = [self._summed(i, "null::varchar")[None] for i in self._verifiers]
        each = [self._summed(i, "slice") if self._slices else {} for i in self._verifiers]
        return {None: whole} | {name: [one[name] for one in each] for name in self._slices}

    def _summed(self, verifier: int, of: str) -> dict[str | None, Sums]:
        prompts = "parts" if of == "slice" else self._whole
        k, d = f"k{verifier}::hugeint", f"d{verifier}::hugeint"
        query = f"""select {of}, count(*) filter (d{verifier} > 0), sum({k}), sum({d}),
            sum({k} * {k}), sum({k} * {d}), sum({d} * {d}) from {prompts} group by all"""
        added: dict[str | None, tuple[int, int, int, int, int, int]] = {}
        for name, *six in self._duck.execute(query).fetchall():
            count, *five = (int(one or 0) for one in six)
            added[name] = (count, five[0], five[1], five[2], five[3], five[4])
        query = f"select {of} as slice, k{verifier}::bigint, count(*) from {prompts} group by all order by all"
        with_kept: dict[str | None, dict[int, int]] = {}
        for name, kept, count in self._duck.execute(query).fetchall():
            with_kept.setdefault(name, {})[kept] = count
        return {None: Sums()} | {name: Sums(numbers, with_kept.get(name, {})) for name, numbers in added.items()}

    def of_rows(self, in_slices: bool = False) -> OfPrompt:
        """What the prompt of each labeled row has in the whole table, or in the row's slice of it."""
        prompts = "parts" if in_slices else self._whole
        also = "and labeled.slice is not distinct from parts.slice" if in_slices else ""
        each = ", ".join(f"k{i}, d{i}" for i in self._verifiers)
        found = self._duck.execute(
            f"""select n, {each} from labeled join {prompts} on labeled.prompt = {prompts}.prompt {also}
            order by labeled."at" """
        ).fetchnumpy()
        kept, decided = (np.stack([_floats(found[f"{part}{i}"]) for i in self._verifiers]) for part in "kd")
        return OfPrompt(kept, decided, _floats(found["n"]))


def _floats(values: object) -> Floats:
    return np.asarray(values, np.float64)
