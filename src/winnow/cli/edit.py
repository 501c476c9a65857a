"""The command `edit`: token editing with a model folder, or with log-probabilities stored beside the texts."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from time import monotonic
from typing import IO, Annotated, Literal

from winnow.cli.commands import TABLE_ARGUMENT, OutOption, report_result
from winnow.cli.console import print_lines
from winnow.cli.options import Document, OutputOptions, TableOptions, command, option

TOKENS_PANEL = "Which tokens"
REPLACEMENT_PANEL = "What takes their place"
MODEL_PANEL = "How the model is read"
PROGRESS_INTERVAL = 5.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True)
class EditOptions:
    """Which tokens are drawn again, and how."""

    threshold: Annotated[
        float, option("--threshold", "up: tokens at least this likely (default 0.99); above 1 none", TOKENS_PANEL, "P")
    ] = 0.99
    down: Annotated[float | None, option("--down", "also tokens at most this likely", TOKENS_PANEL, "Q")] = None
    down_by: Annotated[
        Literal["resample", "delete"],
        option("--down-by", "what is done with those (default resample)", TOKENS_PANEL, "WAY"),
    ] = "resample"
    protect: Annotated[
        str,
        option(
            "--protect",
            "what stays: code,numbers,names,urls,chat (default all of them), or none",
            TOKENS_PANEL,
            "KINDS",
        ),
    ] = "code,numbers,names,urls,chat"
    protect_regex: Annotated[
        list[str] | None,
        option("--protect-regex", "what stays, as a regular expression; repeatable", TOKENS_PANEL, "REGEX"),
    ] = None
    rounds: Annotated[int, option("--rounds", "edit the edited text again, so many rounds", TOKENS_PANEL, "N")] = 1
    top_k: Annotated[
        int | None, option("--top-k", "one of the k likeliest tokens (default 8)", REPLACEMENT_PANEL, "K")
    ] = None
    top_p: Annotated[float | None, option("--top-p", "one of the likeliest of this mass", REPLACEMENT_PANEL, "P")] = (
        None
    )
    rejection: Annotated[bool, option("--rejection", "any token, by the whole distribution", REPLACEMENT_PANEL)] = False
    beta: Annotated[
        float | None,
        option("--beta", "temperature: weights P^(1/beta) (default 1; by the code 1.5)", REPLACEMENT_PANEL, "B"),
    ] = None
    like: Annotated[
        Literal["paper", "code"],
        option("--as", "as published (default) or as its authors coded it", REPLACEMENT_PANEL, "WAY"),
    ] = "paper"
    seed: Annotated[int, option("--seed", "seed of the draws (default 0)", REPLACEMENT_PANEL, "N")] = 0
    logprobs: Annotated[
        str | None,
        option("--logprobs", "log-probabilities stored in this column (vLLM's prompt_logprobs)", MODEL_PANEL, "COLUMN"),
    ] = None
    window: Annotated[
        int | None, option("--window", "tokens read together (default at most 1,024)", MODEL_PANEL, "N")
    ] = None
    overlap: Annotated[
        int | None, option("--overlap", "tokens of a long text read again (default window/4)", MODEL_PANEL, "N")
    ] = None
    device: Annotated[str | None, option("--device", "cpu or cuda (default: cuda where there is one)", MODEL_PANEL)] = (
        None
    )
    batch: Annotated[int, option("--batch", "texts side by side on a GPU (default 16)", MODEL_PANEL, "N")] = 16
    threads: Annotated[int, option("--threads", "threads on a CPU (default 1)", MODEL_PANEL, "N")] = 1
    read_again: Annotated[
        int,
        option("--read-again", "read every n-th edited text again for its perplexity (default 10)", MODEL_PANEL, "N"),
    ] = 10


@dataclass(frozen=True)
class EditResultOptions:
    """What comes of it."""

    out: OutOption = None
    estimate: Annotated[
        bool, option("--estimate", "from 1,000 texts: what it would cost and change; writes nothing")
    ] = False
    gpu_tflops: Annotated[
        float, option("--gpu-tflops", "speed of the GPU of --estimate, in TFLOP/s (default 100)", None, "T")
    ] = 100.0


@command
def edit(
    table: Annotated[str, TABLE_ARGUMENT],
    options: EditOptions,
    reading: TableOptions,
    output: OutputOptions,
    result: EditResultOptions,
    model: Annotated[
        str, option("--model", "a folder: config.json, *.safetensors, tokenizer.json; nothing is fetched", None, "DIR")
    ],
) -> Document:
    """Edit texts: tokens the model is certain of are drawn again; every other byte stays.

    winnow edit t.jsonl --model gpt2 --threshold 0.99 --top-k 8 --out e.jsonl
    """
    from winnow.api import open_texts
    from winnow.stages.edit.estimate import estimate_editing as run_estimate
    from winnow.stages.edit.options import edit_map_from_options, local_output
    from winnow.stages.edit.stage import edit as run_edit

    config = edit_map_from_options(model, vars(options))
    source = open_texts(table, reading.to_keywords())
    print_lines(source.columns.summary())
    if result.estimate:
        cost = run_estimate(source, config, result.gpu_tflops)
        print_lines(cost.describe())
        return cost.summary
    with EditProgressLine(sys.stderr) as progress:
        edited = run_edit(source, config, local_output(result.out), progress.update)
    return report_result(edited, result.out)


class EditProgressLine:
    """How far the work is: a line that is written over on a terminal, a line every few seconds elsewhere."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._rows = self._tokens = 0
        self._started = self._last_printed = monotonic()
        self._is_line_open = False

    def update(self, rows: int, tokens: int) -> None:
        """More rows done, more tokens read."""
        self._rows, self._tokens, now = self._rows + rows, self._tokens + tokens, monotonic()
        is_terminal = self._stream.isatty()
        if now - self._last_printed < (0.5 if is_terminal else PROGRESS_INTERVAL):
            return
        self._last_printed, self._is_line_open = now, is_terminal
        rate = self._tokens / (now - self._started)
        line = f"edit: {self._rows:,} texts done, {self._tokens:,} tokens read, {rate:,.0f} tokens/s"
        print(f"\r{line}" if is_terminal else line, end="" if is_terminal else "\n", file=self._stream, flush=True)

    def __enter__(self) -> EditProgressLine:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._is_line_open:
            print(file=self._stream)
