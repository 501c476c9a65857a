"""A function named by dotted path, as a verifier that cannot take the run down.

Promises: the function is imported and called in a process of its own and never in this one, with the same verdicts as
`Called`. A row on which it crashes its process, exits, hangs or eats memory is the verdict error with the reason;
every other row has its own verdict. `seconds` and `memory_gb` are part of the configuration, since a row
over a limit is an error.
It is no sandbox: the function has your rights, your files and your network.
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
from winnow.verifiers.user_functions import ColumnLists, RequestedColumns, Value


@dataclass(frozen=True, kw_only=True)
class IsolatedVerifier(FunctionVerifier):
    """Asks a function in a worker; its options are those of any function and the worker's limits."""

    caller: WorkerCaller = field(repr=False, compare=False, metadata={"option": False})
    seconds: float = DEFAULT_SECONDS  # wall clock of one call
    memory_gb: float = DEFAULT_MEMORY_GB

    def close(self) -> None:
        """End the worker; judging again starts another."""
        self.caller.end()

    def _requested_columns(self) -> RequestedColumns:
        return self.caller.loaded.columns

    def _evaluate_rows(self, arguments: ColumnLists, rows: list[int]) -> list[Value]:
        return self.caller.evaluate_rows(arguments, rows)

    def _limits(self) -> dict[str, object]:
        return {"seconds": float(self.seconds), "memory_gb": float(self.memory_gb)}


def make_isolated_verifier(path: str, settings: Mapping[str, object]) -> IsolatedVerifier:
    """The verifier of the function at a dotted path; settings are typed already."""
    spec = WorkerSpec(
        path=path,
        where=f"--with {path}",
        folder=str(Path.cwd()),
        **{name: settings[name] for name in ("seconds", "memory_gb") if name in settings},  # type: ignore[arg-type]
    )
    full_path = path if ":" in path else ":".join(path.rsplit(".", 1))
    name = full_path.rpartition(":")[2].rpartition(".")[2]
    for limit, value in (("seconds", spec.seconds), ("memory_gb", spec.memory_gb)):
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"{name}.{limit}", f"{value:g} is not a finite number over 0")
    check_threshold(name, settings.get("threshold"), bool(settings.get("lower_is_better")))  # type: ignore[arg-type]
    caller = WorkerCaller(spec)
    return IsolatedVerifier(path=full_path, sha256=caller.loaded.sha256, caller=caller, **settings)  # type: ignore[arg-type]
