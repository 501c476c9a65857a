"""Verifiers of functions that run in a process of their own, so that a crash, a hang or a memory limit ends no run.

The verdicts are those of `InProcessVerifier`; only the row that caused a failure becomes an error. This is not a
sandbox: the function has the rights, files and network of the user.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from winnow.errors import UsageError
from winnow.verifiers.function_verifier import FunctionVerifier, check_threshold
from winnow.verifiers.isolated.calls import WorkerCaller
from winnow.verifiers.isolated.worker import DEFAULT_MEMORY_GB, DEFAULT_SECONDS, WorkerSpec
from winnow.verifiers.options import INTERNAL, option
from winnow.verifiers.user_functions import ColumnLists, RequestedColumns, Value


@dataclass(frozen=True, kw_only=True)
class IsolatedVerifier(FunctionVerifier):
    """A verifier that calls a Python function in an isolated process."""

    caller: WorkerCaller = field(repr=False, compare=False, metadata=INTERNAL)
    seconds: float = option(DEFAULT_SECONDS, "The time limit of one call, in seconds.")
    memory_gb: float = option(DEFAULT_MEMORY_GB, "The memory limit of the process, in gigabytes.")

    def config(self) -> dict[str, object]:
        return {**super().config(), "seconds": float(self.seconds), "memory_gb": float(self.memory_gb)}

    def close(self) -> None:
        """End the process; judging again starts another."""
        self.caller.end()

    def _requested_columns(self) -> RequestedColumns:
        return self.caller.loaded.columns

    def _evaluate_rows(self, arguments: ColumnLists, rows: list[int]) -> list[Value]:
        return self.caller.evaluate_rows(arguments, rows)


def make_isolated_verifier(path: str, settings: Mapping[str, object], registered_name: str = "") -> IsolatedVerifier:
    """Make a verifier of the function at a dotted path; the settings have the types of their options."""
    limits = {name: settings[name] for name in ("seconds", "memory_gb") if name in settings}
    spec = WorkerSpec(path=path, where=f"--with {registered_name or path}", folder=str(Path.cwd()), **limits)  # type: ignore[arg-type]
    full_path = path if ":" in path else ":".join(path.rsplit(".", 1))
    name = registered_name or full_path.rpartition(":")[2].rpartition(".")[2]
    for limit, value in (("seconds", spec.seconds), ("memory_gb", spec.memory_gb)):
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"{name}.{limit}", f"{value:g} is not a finite number above 0")
    check_threshold(name, settings.get("threshold"), bool(settings.get("lower_is_better")))  # type: ignore[arg-type]
    caller = WorkerCaller(spec)
    sha256 = caller.loaded.sha256
    return IsolatedVerifier(
        path=full_path,
        sha256=sha256,
        registered_name=registered_name,
        caller=caller,
        **settings,  # type: ignore[arg-type]
    )
