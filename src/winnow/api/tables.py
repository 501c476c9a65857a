"""Public functions that open tables and make verifiers."""

from __future__ import annotations

from collections.abc import Callable

from winnow.api.keywords import public
from winnow.stages.table_config import TableConfig, open_input
from winnow.tables.table import Table
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Verifier


@public(TableConfig)
def table(
    source: object,
    *,
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
) -> Table:
    """Open rows as a table whose columns have roles.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.
    """
    return open_input(source, TableConfig.pick(locals()))


def verifier(spec: str | Callable[..., object] | Verifier, **options: object) -> Verifier:
    """Make a verifier.

    Args:
        spec: A name such as 'exact' or 'number', a function as 'module:function', or a function.
        **options: The options of that verifier, for example marker='A:'.
    """
    return make_verifier(spec, options)
