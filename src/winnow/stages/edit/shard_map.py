"""Edit as a map over the rows of a shard; each process makes its own editor from the options.

A row of the result holds the edited text, its edits in offsets of the source, and the counts of each round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.errors import UsageError, format_value
from winnow.models.huggingface import ReadOptions
from winnow.models.open_prior import open_prior
from winnow.models.prior import Prior
from winnow.stages.edit.config import EditConfig
from winnow.stages.edit.edit_counts import ROUND_TYPE
from winnow.stages.edit.editor import EditedText, EditInput, Editor
from winnow.stages.shard_tasks import ShardCounts
from winnow.storage.receipts import WorkSpec
from winnow.tables.chunks import Chunk
from winnow.tables.open_table import source_receipt
from winnow.tables.table import Table

VERSION = 1
MAX_PIECE_ROWS = 4096
MAX_PIECE_CHARACTERS = 1 << 21
"""The size of a piece: texts that are edited and stored together."""
EDIT_TYPE = pa.struct(
    [*(("start", pa.int64()), ("end", pa.int64())), *(("from", pa.string()), ("to", pa.string()), ("p", pa.float64()))]
)
ADDED_COLUMNS = pa.schema([("text", pa.string()), ("edits", pa.list_(EDIT_TYPE))])
"""The columns that editing adds to a row."""
REREAD_TYPE = pa.struct([("logp", pa.float64()), ("known", pa.int64())])
EDITS_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("candidate_id", pa.string()),
        *ADDED_COLUMNS,
        ("rounds", pa.list_(ROUND_TYPE)),
        ("after", REREAD_TYPE),
    ]
)


@dataclass(frozen=True)
class EditMap:
    """The map of the stage: a model and the options."""

    model: str
    """A model folder; with stored log-probabilities only its tokenizer is used."""
    options: EditConfig

    kind = "edits"
    schema = EDITS_SCHEMA

    def load_prior(self) -> Prior:
        """The prior that scores tokens, loaded once in a process."""
        return _load_prior(self.model, self.options.logprobs, self.options.read_options())

    def config(self) -> dict[str, Any]:
        """The options on which results depend, and the sha256 of the model."""
        return {**self.options.result_settings(), "prior": self.load_prior().config()}

    def work(self, table: Table, target: Path) -> WorkSpec:
        """The identity of the edits of this table."""
        check_table(table, self.options.logprobs)
        return WorkSpec("edit", VERSION, self.config(), source_receipt(table, target))

    def rows(self, shard: Table, counts: ShardCounts) -> Iterator[pa.RecordBatch]:
        """One result row for each row of the shard."""
        editor = self.make_editor()
        for piece in split_pieces(shard, self.options.logprobs):
            counts.rows += len(piece.inputs)
            yield piece.edit(editor)

    def make_editor(self, on_tokens: Callable[[int], None] = lambda tokens: None) -> Editor:
        """Make the editor of this process."""
        return Editor(self.load_prior(), self.options, on_tokens)


@cache
def _load_prior(model: str, logprobs: str | None, read_options: ReadOptions) -> Prior:
    return open_prior(model, logprobs, read_options)


def check_table(table: Table, logprobs: str | None) -> None:
    """Refuse everything that can be refused before a text is read."""
    names = table.names()
    table.require_roles("text")
    if "edits" in names:
        step = "Edit the source with --rounds 2, or rename the column"
        raise UsageError("edit", f"{table.name} already has a column edits", step)
    if "text" in names and "text" not in (table.columns.text, table.columns.messages):
        own = format_value(table.columns.text)
        problem = f"{table.name} has a column text beside {own}, which the edited text would replace"
        raise UsageError("--text", problem, "Rename it, or edit that column: --text text")
    if logprobs is not None and logprobs not in names:
        raise UsageError(
            "--logprobs", f"{format_value(logprobs)} is not a column of {table.name}", "Name one of its columns"
        )


@dataclass(frozen=True)
class TextPiece:
    """Some consecutive rows of a table, and their texts."""

    chunk: Chunk
    inputs: list[EditInput]

    def edit(self, editor: Editor) -> pa.RecordBatch:
        """Edit the texts. Which of them are read again depends on their row numbers."""
        interval, rows = editor.config.read_again, self.chunk.row_numbers.tolist()
        inputs = [
            replace(text_input, is_reread=interval > 0 and row % interval == 0)
            for text_input, row in zip(self.inputs, rows, strict=True)
        ]
        return to_edits_batch(rows, self.inputs, editor.edit_texts(inputs))


def split_pieces(table: Table, logprobs: str | None, whole_rows: bool = False) -> Iterator[TextPiece]:
    """Split the rows of a table into pieces, so that memory does not grow with the table."""
    part_names = ["text", *(["id"] if has_ids(table) else [])]
    extra_columns = None if whole_rows else [] if logprobs is None else [logprobs]
    for chunk, parts in table.read_roles(part_names, extra_columns):
        texts = parts["text"].to_pylist()
        ids = parts["id"].to_pylist() if "id" in parts else [str(row) for row in chunk.row_numbers.tolist()]
        stored = [None] * len(texts) if logprobs is None else chunk.values(logprobs)
        for portion in _portion_ranges(texts):
            piece_chunk = chunk.take(np.arange(portion.start, portion.stop, dtype=np.int64))
            inputs = [
                EditInput(texts[n] or "", ids[n], stored[n], chunk.locate(n), is_missing=texts[n] is None)
                for n in portion
            ]
            yield TextPiece(piece_chunk, inputs)


def has_ids(table: Table) -> bool:
    """Whether rows have ids, or a prompt to make ids from; else the row number serves as id."""
    return table.columns.id is not None or table.has_role("prompt")


def _portion_ranges(texts: Sequence[str | None]) -> Iterator[range]:
    first = characters = 0
    for number, text in enumerate(texts):
        characters += len(text or "")
        if characters >= MAX_PIECE_CHARACTERS or number + 1 - first >= MAX_PIECE_ROWS:
            yield range(first, number + 1)
            first, characters = number + 1, 0
    if first < len(texts):
        yield range(first, len(texts))


def to_edits_batch(rows: Sequence[int], inputs: Sequence[EditInput], edited: Sequence[EditedText]) -> pa.RecordBatch:
    """The result rows of these texts."""
    records = [
        {
            "row": row,
            "candidate_id": source.id,
            "text": None if source.is_missing else result.text,
            "edits": edits_to_dicts(source.text, result),
            "rounds": [asdict(figures) for figures in result.rounds],
            "after": None if result.reread is None else dict(zip(("logp", "known"), result.reread, strict=True)),
        }
        for row, source, result in zip(rows, inputs, edited, strict=True)
    ]
    return pa.RecordBatch.from_pylist(records, EDITS_SCHEMA)


def edits_to_dicts(source: str, edited: EditedText) -> list[dict[str, Any]]:
    """The edits of a text as the column `edits` holds them."""
    return [
        {"start": edit.start, "end": edit.end, "from": source[edit.start : edit.end], "to": edit.to, "p": edit.p}
        for edit in edited.edits
    ]
