"""Opening of the prior that `winnow edit --model` names: a folder, or a name that an installed package registers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from winnow.errors import EnvironmentFault, UsageError, format_value
from winnow.models.huggingface import HuggingFacePrior, ReadOptions
from winnow.models.model_folder import MODEL_OPTION
from winnow.models.prior import Prior
from winnow.models.stored_logprobs import StoredLogprobs
from winnow.plugins import load_plugin

PLUGIN_GROUP = "winnow.models"


def open_prior(model: str, logprobs: str | None, options: ReadOptions) -> Prior:
    """Open a prior.

    Args:
        model: A model folder or, where there is no such folder, a name in the entry point group `winnow.models`, which
            stands for a function without parameters that returns a prior.
        logprobs: The column with stored log-probabilities; only the tokenizer of the folder is used then.
        options: How a model folder is read; a registered model has no such options.
    """
    if logprobs is not None:
        return StoredLogprobs(model, logprobs)
    make_prior = None if Path(model).exists() else load_plugin(PLUGIN_GROUP, model)
    if make_prior is None:
        return HuggingFacePrior(model, options)
    if options != ReadOptions():
        problem = f"the registered model {format_value(model)} has no reading options"
        raise UsageError(MODEL_OPTION, problem, "Leave out --window, --overlap, --device, --batch and --threads")
    prior: Any = make_prior() if callable(make_prior) else None
    if not hasattr(prior, "score_documents"):
        problem = f"the entry point {PLUGIN_GROUP}: {model} is not a function that returns a prior"
        raise EnvironmentFault(MODEL_OPTION, problem, "Repair or uninstall the package that registers it")
    opened: Prior = prior
    return opened
