"""edit as a map over rows: settings every process can make its own editor of, and rows as a store has them.

A row of the result holds the edited text, its edits in offsets of the source, and the figures of each round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.data.chunks import Chunk
from winnow.data.errors import UsageError, shown
from winnow.data.stores.opening import source_receipt
from winnow.data.stores.receipts import Work
from winnow.data.table import Table
from winnow.models.prior import Prior
from winnow.models.stored import Stored
from winnow.models.transformers import How, Transformer
from winnow.stages.edit.editor import Edited, Editor, Given, Settings
from winnow.stages.edit.figures import KIND
from winnow.stages.mapping import Tallied

VERSION = 1
PIECE_ROWS = 4096
PIECE_CHARACTERS = 1 << 21
"""Texts that are edited, and kept for good, together."""
EDIT = pa.struct(
    [*(("start", pa.int64()), ("end", pa.int64())), *(("from", pa.string()), ("to", pa.string()), ("p", pa.float64()))]
)
ADDED = pa.schema([("text", pa.string()), ("edits", pa.list_(EDIT))])
"""What a row gets."""
AFTER = pa.struct([("logp", pa.float64()), ("known", pa.int64())])
STORED = pa.schema(
    [("row", pa.int64()), ("candidate_id", pa.string()), *ADDED, ("rounds", pa.list_(KIND)), ("after", AFTER)]
)


@dataclass(frozen=True)
class Editing:
    """What to edit with, and how."""

    model: str
    logprobs: str | None = None
    """The column with stored log-probabilities; the model's folder lends its tokenizer alone then."""
    settings: Settings = field(default_factory=Settings)
    how: How = field(default_factory=How)

    kind = "edits"
    schema = STORED

    def prior(self) -> Prior:
        """Who says how likely tokens are; loaded once in a process."""
        return _prior(self.model, self.logprobs, self.how)

    def config(self) -> dict[str, Any]:
        """The settings, and the sha256 of the model."""
        return {**self.settings.config(), "prior": self.prior().config()}

    def work(self, table: Table, target: Path) -> Work:
        """The edits of this table."""
        ready(table, self.logprobs)
        return Work("edit", VERSION, self.config(), source_receipt(table, target))

    def rows(self, shard: Table, tallied: Tallied) -> Iterator[pa.RecordBatch]:
        """One row for each of the shard."""
        editor = self.editor()
        for piece in pieces(shard, self.logprobs):
            tallied.rows += len(piece.given)
            yield piece.edited(editor)

    def editor(self, tell: Callable[[int], None] = lambda tokens: None) -> Editor:
        """What does the work in this process."""
        return Editor(self.prior(), self.settings, tell)


@cache
def _prior(model: str, logprobs: str | None, how: How) -> Prior:
    return Transformer(model, how) if logprobs is None else Stored(model, logprobs)


def ready(table: Table, logprobs: str | None) -> None:
    """Refuse everything that can be refused before a text is read."""
    names = table.names()
    table.need("text")
    if "edits" in names:
        step = "Edit the source with --rounds 2, or rename the column"
        raise UsageError("edit", f"{table.name} has a column edits already", step)
    if "text" in names and "text" not in (table.columns.text, table.columns.messages):
        problem = (
            f"{table.name} has a column text beside {shown(table.columns.text)}, which the edited one would replace"
        )
        raise UsageError("--text", problem, "Rename it, or edit that column: --text text")
    if logprobs is not None and logprobs not in names:
        raise UsageError("--logprobs", f"{shown(logprobs)} is no column of {table.name}", "Name one that is there")


@dataclass(frozen=True)
class Piece:
    """Some consecutive rows of a table, and their texts."""

    chunk: Chunk
    given: list[Given]

    def edited(self, editor: Editor) -> pa.RecordBatch:
        """The rows of the result. Which texts are read again goes by the numbers of their rows."""
        every, rows = editor.settings.read_again, self.chunk.rows.tolist()
        marked = [replace(one, again=every > 0 and row % every == 0) for one, row in zip(self.given, rows, strict=True)]
        return as_stored(rows, self.given, editor.edited(marked))


def pieces(table: Table, logprobs: str | None, whole_rows: bool = False) -> Iterator[Piece]:
    """The rows of a table, some at a time, so that what is held does not grow with the table."""
    wanted = ["text", *(["id"] if has_ids(table) else [])]
    also = None if whole_rows else [] if logprobs is None else [logprobs]
    for chunk, parts in table.parts(wanted, also):
        texts = parts["text"].to_pylist()
        ids = parts["id"].to_pylist() if "id" in parts else [str(row) for row in chunk.rows.tolist()]
        stored = [None] * len(texts) if logprobs is None else chunk.values(logprobs)
        for some in _portions(texts):
            here = chunk.take(np.arange(some.start, some.stop, dtype=np.int64))
            given = [Given(texts[n] or "", ids[n], stored[n], chunk.place(n), absent=texts[n] is None) for n in some]
            yield Piece(here, given)


def has_ids(table: Table) -> bool:
    """Whether rows have ids, or a prompt to make them of; else a row is called by its number."""
    return table.columns.id is not None or table.has("prompt")


def _portions(texts: Sequence[str | None]) -> Iterator[range]:
    first = held = 0
    for number, text in enumerate(texts):
        held += len(text or "")
        if held >= PIECE_CHARACTERS or number + 1 - first >= PIECE_ROWS:
            yield range(first, number + 1)
            first, held = number + 1, 0
    if first < len(texts):
        yield range(first, len(texts))


def as_stored(rows: Sequence[int], given: Sequence[Given], edited: Sequence[Edited]) -> pa.RecordBatch:
    """Rows as a store holds them."""
    found = [
        {
            "row": row,
            "candidate_id": source.id,
            "text": None if source.absent else one.text,
            "edits": plain_edits(source.text, one),
            "rounds": [asdict(figures) for figures in one.rounds],
            "after": None if one.after is None else dict(zip(("logp", "known"), one.after, strict=True)),
        }
        for row, source, one in zip(rows, given, edited, strict=True)
    ]
    return pa.RecordBatch.from_pylist(found, STORED)


def plain_edits(source: str, edited: Edited) -> list[dict[str, Any]]:
    """The edit map of a row."""
    return [
        {"start": one.start, "end": one.end, "from": source[one.start : one.end], "to": one.to, "p": one.p}
        for one in edited.edits
    ]
