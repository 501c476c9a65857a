"""edit as a map over shards, and the pieces of a table that are edited and stored together.

A row of the result holds the edited text, its edits in offsets of the source, and the counts of each round. Every
process makes its own editor from the options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.errors import UsageError, format_value
from winnow.models.huggingface import ReadOptions, open_prior
from winnow.models.prior import Prior
from winnow.stages.chunk_reading import chunks_with_ids
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
    """Edits the rows of a shard; holds the model folder and the options."""

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
        """Yield one result row for each row of the shard."""
        editor = self.make_editor()
        for piece in split_pieces(shard, self.options):
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
        problem = f"{format_value(logprobs)} is not a column of {table.name}"
        raise UsageError("--logprobs", problem, "Name one of its columns")


@dataclass(frozen=True)
class TextPiece:
    """Some consecutive rows of a table, and their texts."""

    chunk: Chunk
    inputs: list[EditInput]

    def edit(self, editor: Editor) -> pa.RecordBatch:
        """Edit the texts and return their result rows."""
        return to_edits_batch(self.chunk.row_numbers.tolist(), self.inputs, editor.edit_texts(self.inputs))


def split_pieces(table: Table, options: EditConfig, whole_rows: bool = False) -> Iterator[TextPiece]:
    """Split the rows of a table into pieces, so that memory does not grow with the table."""
    logprobs, interval = options.logprobs, options.read_again
    extra_columns = None if whole_rows else [] if logprobs is None else [logprobs]
    for chunk, arrays in chunks_with_ids(table, ["text"], extra_columns):
        texts, ids = arrays["text"].to_pylist(), arrays["id"].to_pylist()
        stored = [None] * len(texts) if logprobs is None else chunk.values(logprobs)
        for portion in _portion_ranges(texts):
            piece_chunk = chunk.take(np.arange(portion.start, portion.stop, dtype=np.int64))
            inputs = [
                EditInput(
                    texts[n] or "",
                    ids[n],
                    stored[n],
                    chunk.locate(n),
                    is_reread=interval > 0 and int(chunk.row_numbers[n]) % interval == 0,
                    is_missing=texts[n] is None,
                )
                for n in portion
            ]
            yield TextPiece(piece_chunk, inputs)


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
            "edits": [{**asdict(edit), "from": source.text[edit.start : edit.end]} for edit in result.edits],
            "rounds": [asdict(counts) for counts in result.rounds],
            "after": None if result.reread is None else dict(zip(("logp", "known"), result.reread, strict=True)),
        }
        for row, source, result in zip(rows, inputs, edited, strict=True)
    ]
    return pa.RecordBatch.from_pylist(records, EDITS_SCHEMA)
