"""winnow: turn model-made candidates into a training set you can trust, and know before you train what you gain.

    checked = winnow.verify("candidates.jsonl", "number")
    kept = winnow.select(checked, passed=True, control=True)
    kept.to_pandas()

Names are loaded on first use, so importing winnow costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from winnow.data.errors import BadTable as BadTable
    from winnow.data.errors import BrokenPromise as BrokenPromise
    from winnow.data.errors import EnvironmentFault as EnvironmentFault
    from winnow.data.errors import LimitReached as LimitReached
    from winnow.data.errors import UsageError as UsageError
    from winnow.data.errors import WinnowError as WinnowError
    from winnow.data.table import Table as Table
    from winnow.models.tiny.shape import Shape as Shape
    from winnow.models.writing import Beams as Beams
    from winnow.models.writing import Sampling as Sampling
    from winnow.stages.edit.front import edit as edit
    from winnow.stages.front import combine as combine
    from winnow.stages.front import forecast as forecast
    from winnow.stages.front import measure as measure
    from winnow.stages.front import outcome as outcome
    from winnow.stages.front import plan as plan
    from winnow.stages.front import select as select
    from winnow.stages.front import table as table
    from winnow.stages.front import verifier as verifier
    from winnow.stages.front import verify as verify
    from winnow.stages.results import Rows as Rows
    from winnow.stages.select import Selected as Selected
    from winnow.stages.training import train as train
    from winnow.stages.verify import Verified as Verified
    from winnow.verifiers.dotted import load as load
    from winnow.verifiers.verdicts import Batch as Batch
    from winnow.verifiers.verdicts import Verdict as Verdict
    from winnow.verifiers.verdicts import Verdicts as Verdicts
    from winnow.verifiers.verdicts import Verifier as Verifier

__version__ = "0.1.0"

_HOMES = {
    "BadTable": "winnow.data.errors",
    "Batch": "winnow.verifiers.verdicts",
    "Beams": "winnow.models.writing",
    "BrokenPromise": "winnow.data.errors",
    "EnvironmentFault": "winnow.data.errors",
    "LimitReached": "winnow.data.errors",
    "Rows": "winnow.stages.results",
    "Sampling": "winnow.models.writing",
    "Selected": "winnow.stages.select",
    "Shape": "winnow.models.tiny.shape",
    "Table": "winnow.data.table",
    "UsageError": "winnow.data.errors",
    "Verdict": "winnow.verifiers.verdicts",
    "Verdicts": "winnow.verifiers.verdicts",
    "Verified": "winnow.stages.verify",
    "Verifier": "winnow.verifiers.verdicts",
    "WinnowError": "winnow.data.errors",
    "combine": "winnow.stages.front",
    "edit": "winnow.stages.edit.front",
    "forecast": "winnow.stages.front",
    "load": "winnow.verifiers.dotted",
    "measure": "winnow.stages.front",
    "outcome": "winnow.stages.front",
    "plan": "winnow.stages.front",
    "select": "winnow.stages.front",
    "table": "winnow.stages.front",
    "train": "winnow.stages.training",
    "verifier": "winnow.stages.front",
    "verify": "winnow.stages.front",
}

__all__ = [*_HOMES, "__version__"]  # the names are the keys


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'winnow' has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
