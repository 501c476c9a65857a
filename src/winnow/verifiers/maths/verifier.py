"""The verifier `maths`: is the answer mathematically the same as the reference?

Each pair of answer and reference goes through four stages until one decides: equal after removing layout commands;
simple forms compared exactly; expressions whose values are surely different; and math-verify in a worker process with
limits of time and memory. A comparison that fails or is stopped is an error, never a wrong answer. An answer that
cannot be read fails; a reference that cannot be read is an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import EnvironmentFault, UsageError, format_value
from winnow.verifiers.answers.pairs import ERROR, FAIL, PASS, ComparisonResult, judge_pairs
from winnow.verifiers.extraction import EXTRACT_DESCRIPTION, Extraction, parse_extraction
from winnow.verifiers.isolated.calls import WorkerCaller
from winnow.verifiers.isolated.worker import WorkerSpec
from winnow.verifiers.maths.comparison_code import ComparisonCode
from winnow.verifiers.maths.exact_forms import compare_forms, normalize_layout, read_form
from winnow.verifiers.maths.latex_values import surely_different
from winnow.verifiers.maths.strict import find_text_veto
from winnow.verifiers.options import option
from winnow.verifiers.user_functions import ColumnLists, InvalidValue, Value
from winnow.verifiers.verdicts import Batch, Verdicts

WORKER_FUNCTION = "winnow.verifiers.maths.comparison_worker:compare_answers"
INSTALL = "pip install 'winnow-data[maths]'"
REMEMBERED_PAIRS = 1 << 18
CALL_ROWS = 8
"""Pairs in one call of the worker process: few, because the time limit holds for the call."""
_read_form = lru_cache(1 << 16)(read_form)

Pair = tuple[str, str]
Outcome = tuple[int, str | None]
"""The code of a verdict, and the reason."""


@dataclass(frozen=True)
class Maths:
    """Compares the answer with the reference as mathematics: numbers, expressions, sets, intervals, equations."""

    name: ClassVar[str] = "maths"
    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = True
    reads_columns: ClassVar[bool] = False

    extract: str = option("final-answer", EXTRACT_DESCRIPTION)
    strict: bool = option(False, "Reject what math-verify accepts although units, digits, order or kind differ.")
    seconds: float = option(5.0, "The time limit of a comparison by math-verify, in seconds.")
    memory_gb: float = option(1.0, "The memory limit of math-verify, in gigabytes.")

    def __post_init__(self) -> None:
        if find_spec("math_verify") is None:
            raise EnvironmentFault("math-verify", "is not installed, but the verifier maths needs it", INSTALL)
        for name, value in (("seconds", self.seconds), ("memory_gb", self.memory_gb)):
            if not (math.isfinite(value) and value > 0):
                raise UsageError(f"maths.{name}", f"{value:g} is not a finite number above 0")
        _ = self._extraction

    @cached_property
    def _extraction(self) -> Extraction:
        return parse_extraction(self.extract, "maths.extract")

    @cached_property
    def _known_pairs(self) -> dict[Pair, Outcome]:
        return {}

    @cached_property
    def _caller(self) -> WorkerCaller:
        limits = {"seconds": float(self.seconds), "memory_gb": float(self.memory_gb)}
        spec = WorkerSpec(path=WORKER_FUNCTION, where="--with maths", folder=str(Path.cwd()), **limits)
        return WorkerCaller(spec, CALL_ROWS)

    def config(self) -> dict[str, object]:
        return {
            "extract": self._extraction.spec,
            "strict": self.strict,
            "seconds": float(self.seconds),
            "memory_gb": float(self.memory_gb),
        }

    def judge(self, batch: Batch) -> Verdicts:
        return judge_pairs(batch, self._extraction, self.compare)

    def close(self) -> None:
        """End the worker process; judging again starts another."""
        if "_caller" in self.__dict__:
            self._caller.end()

    def compare(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        """Compare extracted answers with references, each distinct pair once."""
        pairs = list(zip(pc.fill_null(answers, "").to_pylist(), references.to_pylist(), strict=True))
        known = self._known_pairs
        if len(known) > REMEMBERED_PAIRS:
            known.clear()
        new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        decided = {pair: self._decide_quickly(*pair) for pair in new}
        known.update({pair: outcome for pair, outcome in decided.items() if outcome is not None})
        known.update(self._ask_math_verify([pair for pair, outcome in decided.items() if outcome is None]))
        outcomes = [known[pair] for pair in pairs]
        return ComparisonResult(
            np.array([code for code, _ in outcomes], np.int8), pa.array([reason for _, reason in outcomes], pa.string())
        )

    def _decide_quickly(self, answer: str, reference: str) -> Outcome | None:
        """Decide a pair without math-verify, or return None."""
        answer, reference = normalize_layout(answer), normalize_layout(reference)
        if not reference:
            return ERROR, "the reference is empty"
        if not answer:
            return FAIL, "the answer is empty"
        if answer == reference:
            return PASS, None
        answered, wanted = _read_form(answer), _read_form(reference)
        is_equal = None if answered is None or wanted is None else compare_forms(answered, wanted)
        if is_equal is None and surely_different(answer, reference):
            is_equal = False
        if is_equal is None:
            return None
        if is_equal and self.strict and (veto := find_text_veto(answer, reference)):
            return FAIL, veto
        return (PASS, None) if is_equal else (FAIL, _mismatch(answer, reference))

    def _ask_math_verify(self, pairs: list[Pair]) -> dict[Pair, Outcome]:
        if not pairs:
            return {}
        columns: ColumnLists = {
            "answers": [answer for answer, _ in pairs],
            "references": [reference for _, reference in pairs],
            "strict": [self.strict] * len(pairs),
        }
        values = self._caller.evaluate_rows(columns, range(len(pairs)))
        return {pair: _to_outcome(value, pair) for pair, value in zip(pairs, values, strict=True)}


def _to_outcome(value: Value, pair: Pair) -> Outcome:
    if isinstance(value, InvalidValue):
        return ERROR, value.reason
    if value == ComparisonCode.MATCH:
        return PASS, None
    if value == ComparisonCode.NOT_A_REFERENCE:
        return ERROR, f"the reference {format_value(pair[1])} cannot be read as mathematics"
    if value == ComparisonCode.NOT_AN_ANSWER:
        return FAIL, f"the answer {format_value(pair[0])} cannot be read as mathematics"
    return FAIL, f"{_mismatch(*pair)} in the strict comparison" if value == ComparisonCode.VETOED else _mismatch(*pair)


def _mismatch(answer: str, reference: str) -> str:
    return f"{format_value(answer)} is not {format_value(reference)}"
