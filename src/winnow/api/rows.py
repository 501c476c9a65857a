"""Public functions that act on rows: verify and select."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from winnow.api.keywords import PathLike, public, to_location
from winnow.stages.select.config import SelectConfig
from winnow.stages.select.report import Selected
from winnow.stages.table_config import TableConfig, open_input
from winnow.stages.verify.config import VerifyConfig
from winnow.stages.verify.report import Verified
from winnow.verifiers.verdicts import Verifier


@public(TableConfig, VerifyConfig)
def verify(
    source: object,
    *verifiers: str | Callable[..., object] | Verifier,
    out: PathLike | None = None,
    settings: Sequence[str] = (),
    id: str | None = None,
    prompt: str | None = None,
    prompt_text: str | None = None,
    text: str | None = None,
    messages: str | None = None,
    reference: str | None = None,
    score: str | None = None,
    verdict: str | None = None,
    label: str | None = None,
    round: str | None = None,
    candidates: str | None = None,
    labels: object = None,
    verdicts: object = None,
    bad_rows: str | None = None,
) -> Verified:
    """Judge every candidate with one or more verifiers: pass, fail, abstain or error.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.
        out: A file (.jsonl, .csv, .parquet) or a folder for a store; without it the rows stay in memory.

    Returns:
        The candidates with the columns NAME.verdict, NAME.score and NAME.reason of each verifier.
    """
    given = locals()
    from winnow.stages.verify.stage import open_verifiers
    from winnow.stages.verify.stage import verify as run_verify

    with open_verifiers(VerifyConfig.pick(given)) as opened:
        return run_verify(open_input(source, TableConfig.pick(given)), opened, to_location(out))


@public(TableConfig, SelectConfig)
def select(
    source: object,
    *,
    out: PathLike | None = None,
    passed: bool | None = None,
    threshold: float | None = None,
    best_of: int | Literal["all"] | None = None,
    keep: int = 1,
    top_share: float | None = None,
    distinct: bool = False,
    max_rows: int | None = None,
    exclude: object = None,
    exclude_by: Literal["text", "ngram13"] = "text",
    mix_real: object = None,
    real_share: float | None = None,
    control: bool | PathLike = False,
    lower_is_better: bool = False,
    seed: int = 0,
    id: str | None = None,
    prompt: str | None = None,
    prompt_text: str | None = None,
    text: str | None = None,
    messages: str | None = None,
    reference: str | None = None,
    score: str | None = None,
    verdict: str | None = None,
    label: str | None = None,
    round: str | None = None,
    candidates: str | None = None,
    labels: object = None,
    verdicts: object = None,
    bad_rows: str | None = None,
) -> Selected:
    """Choose the rows to train on, by rules that apply in a fixed order.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.
        out: A file (.jsonl, .csv, .parquet) or a folder for a store; without it the rows stay in memory.

    Returns:
        The chosen rows with `winnow_rule` and `winnow_weight`. `control` holds the control if one was asked for, and
        `summary["shift"]` says how the selection changes lengths and answers per prompt.
    """
    given = locals()
    from winnow.stages.select.stage import select as run_select

    return run_select(open_input(source, TableConfig.pick(given)), SelectConfig.pick(given), to_location(out))
