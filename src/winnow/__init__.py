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
    from winnow.api import combine as combine
    from winnow.api import edit as edit
    from winnow.api import forecast as forecast
    from winnow.api import measure as measure
    from winnow.api import outcome as outcome
    from winnow.api import plan as plan
    from winnow.api import select as select
    from winnow.api import table as table
    from winnow.api import train as train
    from winnow.api import verifier as verifier
    from winnow.api import verify as verify
    from winnow.errors import BadTable as BadTable
    from winnow.errors import BrokenPromise as BrokenPromise
    from winnow.errors import EnvironmentFault as EnvironmentFault
    from winnow.errors import LimitReached as LimitReached
    from winnow.errors import UsageError as UsageError
    from winnow.errors import WinnowError as WinnowError
    from winnow.models.completion import Beams as Beams
    from winnow.models.completion import Sampling as Sampling
    from winnow.models.tiny.config import ModelConfig as ModelConfig
    from winnow.stages.results import Rows as Rows
    from winnow.stages.select import Selected as Selected
    from winnow.stages.verify.stage import Verified as Verified
    from winnow.tables.table import Table as Table
    from winnow.verifiers.dotted_path import load as load
    from winnow.verifiers.verdicts import Batch as Batch
    from winnow.verifiers.verdicts import Verdict as Verdict
    from winnow.verifiers.verdicts import Verdicts as Verdicts
    from winnow.verifiers.verdicts import Verifier as Verifier

__version__ = "0.1.0"

_HOMES = {
    "BadTable": "winnow.errors",
    "Batch": "winnow.verifiers.verdicts",
    "Beams": "winnow.models.completion",
    "BrokenPromise": "winnow.errors",
    "EnvironmentFault": "winnow.errors",
    "LimitReached": "winnow.errors",
    "Rows": "winnow.stages.results",
    "Sampling": "winnow.models.completion",
    "Selected": "winnow.stages.select",
    "ModelConfig": "winnow.models.tiny.config",
    "Table": "winnow.tables.table",
    "UsageError": "winnow.errors",
    "Verdict": "winnow.verifiers.verdicts",
    "Verdicts": "winnow.verifiers.verdicts",
    "Verified": "winnow.stages.verify.stage",
    "Verifier": "winnow.verifiers.verdicts",
    "WinnowError": "winnow.errors",
    "combine": "winnow.api",
    "edit": "winnow.api",
    "forecast": "winnow.api",
    "load": "winnow.verifiers.dotted_path",
    "measure": "winnow.api",
    "outcome": "winnow.api",
    "plan": "winnow.api",
    "select": "winnow.api",
    "table": "winnow.api",
    "train": "winnow.api",
    "verifier": "winnow.api",
    "verify": "winnow.api",
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
