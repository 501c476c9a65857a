"""What a table's verdicts add up to by prompt, and by prompt within slices, kept in DuckDB, which spills.

It reads the relation `parts` that the evidence feeds: slice, prompt, n rows, and for verifier i the kept rows k<i> and
the decided rows d<i>. Labeled rows get what their prompt has. It knows no labels.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, eq=False)
class OfPrompt:
    """For each labeled row, the kept and decided rows (by verifier) and all rows that its prompt has."""

    kept: Floats
    decided: Floats
    rows: Floats

    def take(self, rows: Booleans) -> OfPrompt:
        """Of some labeled rows."""
        return OfPrompt(self.kept[:, rows], self.decided[:, rows], self.rows[rows])


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

    def summed(self) -> dict[str | None, list[ByPrompt]]:
        """By slice, None for the whole table: the sums for each verifier."""
        whole = [self._summed(i, "null::varchar")[None] for i in self._verifiers]
        each = [self._summed(i, "slice") if self._slices else {} for i in self._verifiers]
        return {None: whole} | {name: [one[name] for one in each] for name in self._slices}

    def _summed(self, verifier: int, of: str) -> dict[str | None, ByPrompt]:
        prompts = "parts" if of == "slice" else self._whole
        k, d = f"k{verifier}::hugeint", f"d{verifier}::hugeint"
        query = f"""select {of}, count(*) filter (d{verifier} > 0), sum({k}), sum({d}),
            sum({k} * {k}), sum({k} * {d}), sum({d} * {d}) from {prompts} group by all"""
        spread = {name: (int(count), _spread(*five)) for name, count, *five in self._duck.execute(query).fetchall()}
        query = f"select {of} as slice, k{verifier}::bigint, count(*) from {prompts} group by all order by all"
        with_kept: dict[str | None, dict[int, int]] = {}
        for name, kept, count in self._duck.execute(query).fetchall():
            with_kept.setdefault(name, {})[kept] = count
        return {None: ByPrompt(0, 0.0, {})} | {name: ByPrompt(*spread[name], with_kept[name]) for name in spread}

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


def _spread(kept: int, decided: int, kk: int, kd: int, dd: int) -> float:
    """The sum of (k - P d)^2 from whole numbers, so that it is the same in whichever order prompts are summed."""
    if not decided:
        return 0.0
    return float(Fraction(int(kk) * decided**2 - 2 * kept * decided * int(kd) + kept**2 * int(dd), decided**2))


def _floats(values: object) -> Floats:
    return np.asarray(values, np.float64)
