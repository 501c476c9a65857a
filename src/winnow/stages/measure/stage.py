"""measure: the error rates of verifiers, from their verdicts on a whole table and a few labeled rows.

The table is read once. Several verifiers are compared on the same labels, and slices are corrected for their number.
The estimates themselves are those of `winnow.statistics`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from winnow.errors import UsageError, format_value
from winnow.stages.labels import Floats, label_columns
from winnow.stages.measure.cards import CardBuilder, MeasureReport
from winnow.stages.measure.config import MeasureConfig
from winnow.stages.measure.evidence import DROPPED, KEPT, Evidence, EvidenceRequest
from winnow.stages.measure.evidence_reader import read_evidence
from winnow.stages.measure.holdout import find_looks_file, record_look, split_holdout
from winnow.stages.measure.labelers import find_labelers, take_majority
from winnow.stages.table_config import TableConfig, open_input, require_named_column, verdict_columns
from winnow.storage.locations.location import Location, parse_location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.tables.flat_file import FlatLayout, is_flat_path, refuse_overwriting, write_flat_file
from winnow.tables.open_table import source_receipt
from winnow.tables.table import Table

ReadEvidence = Callable[[Table, EvidenceRequest], Evidence]


def open_labeled(source: object, reading: TableConfig, config: MeasureConfig) -> Table:
    """Open a table to measure, whose labels may be those of several people, in columns or in rows with `by`."""
    if not config.labelers:
        return open_input(source, reading, several_labelers=True)
    if reading.label is not None:
        problem = "--labelers and --label both name columns of labels"
        raise UsageError("--labelers", problem, "Name the columns of two people or more: --labelers a,b,c")
    return open_input(source, reading.model_copy(update={"label": ",".join(config.labelers)}))


def measure(
    table: Table, config: MeasureConfig, *, read: ReadEvidence = read_evidence, looks_beside: Location | None = None
) -> MeasureReport:
    """Measure the verifiers of a table.

    Args:
        table: The table, opened by `open_labeled`.
        config: The options.
        read: Reads the evidence, in one pass or shard by shard.
        looks_beside: The file beside which looks at a holdout are counted, if labels come from no file of their own.
    """
    errors_file = _errors_file(config)
    looks_file = find_looks_file(table, config, looks_beside) if config.holdout is not None else None
    evidence = read(table, _evidence_request(table, config))
    options, split, majority = config.label_options(), None, None
    if config.holdout is not None:
        evidence, split = split_holdout(evidence, config, config.holdout, looks_file)
        options = split.adjust_level(options)
    if (labelers := find_labelers(table, config.labelers)) is not None:
        evidence, majority = take_majority(evidence, labelers, config.right_if)
    builder = CardBuilder(evidence, options, config, split, majority)
    cards = [
        builder.measure_verifier(verifier, label)
        for label in range(len(evidence.labels))
        for verifier in range(len(evidence.verifiers))
    ]
    has_comparison = len(evidence.verifiers) > 1 and len(evidence.labels) == 1
    comparison = builder.compare_verifiers() if has_comparison else None
    if errors_file is not None:
        _write_errors(table, evidence, builder.mark_right(0), errors_file)
    if split is not None:
        record_look(split, looks_file, evidence.verifiers)
    return MeasureReport(tuple(cards), comparison, errors_file)


def _errors_file(config: MeasureConfig) -> Location | None:
    if config.errors is None:
        return None
    path = parse_location(config.errors)
    refuse_overwriting(path, "--errors")
    if not is_flat_path(path):
        raise UsageError("--errors", f"{format_value(str(path))} is not a flat file", "End it in .jsonl or .csv")
    return path


def _evidence_request(table: Table, config: MeasureConfig) -> EvidenceRequest:
    for option, column in (("--by", config.by), ("--answer", config.answer)):
        if column is not None:
            require_named_column(table, column, option)
    if config.holdout is not None and not table.has_role("prompt") and table.columns.id is None:
        problem = f"{table.name} has neither prompts nor ids, and row numbers change when rows do"
        raise UsageError("--holdout", problem, "Name what groups the candidates, or their id: --prompt, --id")
    labelers = find_labelers(table, config.labelers)
    labels = label_columns(table, config.right_if) if labelers is None else labelers.columns
    stable_keys = config.holdout is not None
    request = EvidenceRequest((), labels, by=config.by, answer=config.answer, stable_keys=stable_keys)
    if config.threshold is not None:
        score = table.columns.require_column("score", table.name)
        return replace(request, score=score, threshold=config.threshold, lower_is_better=config.lower_is_better)
    columns = verdict_columns(table, None)
    if not columns:
        step = "Give --score COLUMN --threshold T, or judge it first: winnow verify TABLE --with NAME --out STORE"
        raise UsageError("measure", f"{table.name} has no verdicts", step)
    return replace(request, verdicts=tuple(columns))


def _write_errors(table: Table, evidence: Evidence, right: Floats | None, out: Location) -> None:
    """Write the labeled rows that the first verifier got wrong: false passes and false drops."""
    if right is None:
        raise UsageError("--errors", "grades are neither right nor wrong", "Say which grades are right: --right-if")
    verdict = evidence.labeled.verdict[0]
    is_false_pass, is_false_drop = (verdict == KEPT) & (right == 0), (verdict == DROPPED) & (right == 1)
    wrong = np.flatnonzero(is_false_pass | is_false_drop)
    kinds = {int(evidence.labeled.row[i]): "false pass" if is_false_pass[i] else "false drop" for i in wrong}
    added = pa.schema([("winnow_error", pa.string())])
    with write_flat_file(out, FlatLayout(table.source.base_source(), table.bad_rows, added)) as file:
        for chunk in table.read_rows(np.array(sorted(kinds), np.int64)):
            kinds_of_rows = [kinds[int(row)] for row in chunk.row_numbers]
            file.write(chunk.with_columns({"winnow_error": pa.array(kinds_of_rows)}))
    config = {"verifier": evidence.verifiers[0], "label": evidence.labels[0]}
    work = WorkSpec("errors", 1, config, source_receipt(table, out.parent))
    others = len(right) - len(kinds)
    file.finish("errors", work, RowCounts(len(right), len(kinds), others, 0, {"no error": others}), len(kinds))
