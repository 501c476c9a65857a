"""The command `edit`: token editing with a model folder, or with log-probabilities stored beside the texts."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from time import monotonic
from typing import IO, Annotated, Literal

from winnow.app.act import TABLE, Out, told
from winnow.app.options import Document, OutputOptions, TableOptions, command, option
from winnow.app.say import say

WHICH = "Which tokens"
DRAWN = "What takes their place"
MODEL = "How the model is read"
EVERY = 5.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True)
class EditOptions:
    """Which tokens are drawn again, and how."""

    threshold: Annotated[
        float, option("--threshold", "up: tokens at least this likely (default 0.99); above 1 none", WHICH, "P")
    ] = 0.99
    down: Annotated[float | None, option("--down", "also tokens at most this likely", WHICH, "Q")] = None
    down_by: Annotated[
        Literal["resample", "delete"], option("--down-by", "what is done with those (default resample)", WHICH, "WAY")
    ] = "resample"
    protect: Annotated[
        str,
        option("--protect", "what stays: code,numbers,names,urls,chat (default all of them), or none", WHICH, "KINDS"),
    ] = "code,numbers,names,urls,chat"
    protect_regex: Annotated[
        list[str] | None, option("--protect-regex", "what stays, as a regular expression; repeatable", WHICH, "REGEX")
    ] = None
    rounds: Annotated[int, option("--rounds", "edit the edited text again, so many rounds", WHICH, "N")] = 1
    top_k: Annotated[int | None, option("--top-k", "one of the k likeliest tokens (default 8)", DRAWN, "K")] = None
    top_p: Annotated[float | None, option("--top-p", "one of the likeliest of this mass", DRAWN, "P")] = None
    rejection: Annotated[bool, option("--rejection", "any token, by the whole distribution", DRAWN)] = False
    beta: Annotated[
        float | None, option("--beta", "temperature: weights P^(1/beta) (default 1; by the code 1.5)", DRAWN, "B")
    ] = None
    like: Annotated[
        Literal["paper", "code"], option("--as", "as published (default) or as its authors coded it", DRAWN, "WAY")
    ] = "paper"
    seed: Annotated[int, option("--seed", "seed of the draws (default 0)", DRAWN, "N")] = 0
    logprobs: Annotated[
        str | None,
        option("--logprobs", "log-probabilities stored in this column (vLLM's prompt_logprobs)", MODEL, "COLUMN"),
    ] = None
    window: Annotated[int | None, option("--window", "tokens read together (default at most 1,024)", MODEL, "N")] = None
    overlap: Annotated[
        int | None, option("--overlap", "tokens of a long text read again (default window/4)", MODEL, "N")
    ] = None
    device: Annotated[str | None, option("--device", "cpu or cuda (default: cuda where there is one)", MODEL)] = None
    batch: Annotated[int, option("--batch", "texts side by side on a GPU (default 16)", MODEL, "N")] = 16
    threads: Annotated[int, option("--threads", "threads on a CPU (default 1)", MODEL, "N")] = 1
    read_again: Annotated[
        int, option("--read-again", "read every n-th edited text again for its perplexity (default 10)", MODEL, "N")
    ] = 10


@dataclass(frozen=True)
class ResultOptions:
    """What comes of it."""

    out: Out = None
    estimate: Annotated[
        bool, option("--estimate", "from 1,000 texts: what it would cost and change; writes nothing")
    ] = False
    gpu_tflops: Annotated[
        float, option("--gpu-tflops", "speed of the GPU of --estimate, in TFLOP/s (default 100)", None, "T")
    ] = 100.0


@command
def edit(
    table: Annotated[str, TABLE],
    options: EditOptions,
    reading: TableOptions,
    output: OutputOptions,
    result: ResultOptions,
    model: Annotated[
        str, option("--model", "a folder: config.json, *.safetensors, tokenizer.json; nothing is fetched", None, "DIR")
    ],
) -> Document:
    """Edit texts: tokens the model is certain of are drawn again; every other byte stays.

    winnow edit t.jsonl --model gpt2 --threshold 0.99 --top-k 8 --out e.jsonl
    """
    from winnow.stages.edit.estimate import estimate as run_estimate
    from winnow.stages.edit.front import editing_of, opened, written_to
    from winnow.stages.edit.stage import edit as run_edit

    asked = editing_of(model, vars(options))
    given = opened(table, reading.given())
    say(given.columns.said())
    if result.estimate:
        found = run_estimate(given, asked, result.gpu_tflops)
        say(found.words())
        return found.summary
    with Ticker(sys.stderr) as ticker:
        edited = run_edit(given, asked, written_to(result.out), ticker.tell)
    return told(edited, result.out)


class Ticker:
    """How far the work is: a line that is written over on a terminal, a line every few seconds elsewhere."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._rows = self._tokens = 0
        self._began = self._told = monotonic()
        self._open = False

    def tell(self, rows: int, tokens: int) -> None:
        """More rows done, more tokens read."""
        self._rows, self._tokens, now = self._rows + rows, self._tokens + tokens, monotonic()
        live = self._stream.isatty()
        if now - self._told < (0.5 if live else EVERY):
            return
        self._told, self._open = now, live
        rate = self._tokens / (now - self._began)
        words = f"edit: {self._rows:,} texts done, {self._tokens:,} tokens read, {rate:,.0f} tokens/s"
        print(f"\r{words}" if live else words, end="" if live else "\n", file=self._stream, flush=True)

    def __enter__(self) -> Ticker:
        return self

    def __exit__(self, *ended: object) -> None:
        if self._open:
            print(file=self._stream)
