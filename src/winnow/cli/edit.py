"""The command edit: token editing with a model folder, or with log-probabilities stored beside the texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from winnow.cli.console import print_lines, report_result
from winnow.cli.options import Document, OutOption, OutputOptions, TableArgument, cli_option, command
from winnow.stages.edit.config import EditConfig
from winnow.stages.progress import ProgressLine
from winnow.stages.table_config import TableConfig


@command
def edit(
    table: TableArgument,
    config: EditConfig,
    reading: TableConfig,
    output: OutputOptions,
    model: Annotated[
        str, cli_option("--model", "A folder with config.json, *.safetensors and tokenizer.json.", None, "DIR")
    ],
    out: OutOption = None,
    estimate: Annotated[
        bool, cli_option("--estimate", "Estimate costs and changes from 1,000 texts; write nothing.")
    ] = False,
    gpu_tflops: Annotated[
        float, cli_option("--gpu-tflops", "The speed of the GPU of --estimate, in TFLOP/s (default 100).", None, "T")
    ] = 100.0,
) -> Document:
    """Edit texts token by token: tokens that the model is certain of are drawn again, every other byte stays.

    winnow edit t.jsonl --model gpt2 --threshold 0.99 --top-k 8 --out e.jsonl
    """
    from winnow.stages.edit.estimate import estimate_editing
    from winnow.stages.edit.shard_map import EditMap
    from winnow.stages.edit.stage import edit as run_edit
    from winnow.stages.edit.stage import local_output
    from winnow.stages.table_config import open_input

    opened, edit_map = open_input(table, reading), EditMap(model, config)
    print_lines(opened.columns.summary())
    if estimate:
        report = estimate_editing(opened, edit_map, gpu_tflops)
        print_lines(report.describe())
        return report.summary
    with ProgressLine() as line:
        edited = run_edit(opened, edit_map, local_output(out), progress_callback(line))
    return report_result(edited, out)


def progress_callback(line: ProgressLine) -> Callable[[int, int], None]:
    """Count texts and tokens, and print them with the rate."""
    total_rows = total_tokens = 0

    def add(rows: int, tokens: int) -> None:
        nonlocal total_rows, total_tokens
        total_rows, total_tokens = total_rows + rows, total_tokens + tokens
        line.update(
            lambda elapsed: (
                f"edit: {total_rows:,} texts, {total_tokens:,} tokens, {total_tokens / elapsed:,.0f} tokens/s"
            )
        )

    return add
