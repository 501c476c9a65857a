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

from winnow.data.errors import UsageError
from winnow.verifiers.callable import OfFunction, refuse_threshold
from winnow.verifiers.functions import Asks, Columns, Value
from winnow.verifiers.guarded.calls import Calls
from winnow.verifiers.guarded.worker import MEMORY_GB, SECONDS, Order


@dataclass(frozen=True, kw_only=True)
class Guarded(OfFunction):
    """Asks a function in a worker; its options are those of any function and the worker's limits."""

    calls: Calls = field(repr=False, compare=False, metadata={"option": False})
    seconds: float = SECONDS  # wall clock of one call
    memory_gb: float = MEMORY_GB

    def close(self) -> None:
        """End the worker; judging again starts another."""
        self.calls.end()

    def _asks(self) -> Asks:
        return self.calls.loaded.asks

    def _values(self, arguments: Columns, rows: list[int]) -> list[Value]:
        return self.calls.values(arguments, rows)

    def _limits(self) -> dict[str, object]:
        return {"seconds": float(self.seconds), "memory_gb": float(self.memory_gb)}


def guarded(path: str, settings: Mapping[str, object]) -> Guarded:
    """The verifier of the function at a dotted path; settings are typed already."""
    order = Order(
        path=path,
        where=f"--with {path}",
        folder=str(Path.cwd()),
        **{name: settings[name] for name in ("seconds", "memory_gb") if name in settings},  # type: ignore[arg-type]
    )
    stated = path if ":" in path else ":".join(path.rsplit(".", 1))
    name = stated.rpartition(":")[2].rpartition(".")[2]
    for limit, value in (("seconds", order.seconds), ("memory_gb", order.memory_gb)):
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"{name}.{limit}", f"{value:g} is not a finite number over 0")
    refuse_threshold(name, settings.get("threshold"), bool(settings.get("lower_is_better")))  # type: ignore[arg-type]
    calls = Calls(order)
    return Guarded(path=stated, sha256=calls.loaded.sha256, calls=calls, **settings)  # type: ignore[arg-type]
