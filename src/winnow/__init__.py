"""winnow: turn model-generated candidates into training data you can trust, and see before training what you gain.

    checked = winnow.verify("candidates.jsonl", "number")
    selected = winnow.select(checked, passed=True, control=True)
    selected.to_pandas()

Names are loaded on first use, so importing winnow loads nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from winnow.api.decide import combine as combine
    from winnow.api.decide import forecast as forecast
    from winnow.api.decide import measure as measure
    from winnow.api.decide import outcome as outcome
    from winnow.api.decide import plan as plan
    from winnow.api.rows import edit as edit
    from winnow.api.rows import select as select
    from winnow.api.rows import table as table
    from winnow.api.rows import train as train
    from winnow.api.rows import verifier as verifier
    from winnow.api.rows import verify as verify
    from winnow.errors import BadTable as BadTable
    from winnow.errors import BrokenPromise as BrokenPromise
    from winnow.errors import EnvironmentFault as EnvironmentFault
    from winnow.errors import LimitReached as LimitReached
    from winnow.errors import UsageError as UsageError
    from winnow.errors import WinnowError as WinnowError
    from winnow.models.completion import Beams as Beams
    from winnow.models.completion import Sampling as Sampling
    from winnow.models.tiny_config import ModelConfig as ModelConfig
    from winnow.stages.results import Rows as Rows
    from winnow.stages.select.report import Selected as Selected
    from winnow.stages.verify.stage import Verified as Verified
    from winnow.storage.locations.filesystems import register_filesystem as register_filesystem
    from winnow.tables.table import Table as Table
    from winnow.verifiers.dotted_path import load as load
    from winnow.verifiers.verdicts import Batch as Batch
    from winnow.verifiers.verdicts import Verdict as Verdict
    from winnow.verifiers.verdicts import Verdicts as Verdicts
    from winnow.verifiers.verdicts import Verifier as Verifier

__version__ = "0.1.0"

_MODULES = {
    "winnow.api.rows": ("edit", "select", "table", "train", "verifier", "verify"),
    "winnow.api.decide": ("combine", "forecast", "measure", "outcome", "plan"),
    "winnow.errors": "BadTable BrokenPromise EnvironmentFault LimitReached UsageError WinnowError".split(),
    "winnow.models.completion": ("Beams", "Sampling"),
    "winnow.models.tiny_config": ("ModelConfig",),
    "winnow.stages.results": ("Rows",),
    "winnow.stages.select.report": ("Selected",),
    "winnow.stages.verify.stage": ("Verified",),
    "winnow.storage.locations.filesystems": ("register_filesystem",),
    "winnow.tables.table": ("Table",),
    "winnow.verifiers.dotted_path": ("load",),
    "winnow.verifiers.verdicts": ("Batch", "Verdict", "Verdicts", "Verifier"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [*_MODULE_OF, "__version__"]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'winnow' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
