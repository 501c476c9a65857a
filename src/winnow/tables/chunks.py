"""Consecutive rows of a table in the form they were read in; nothing here reads or writes a file.

An `ArrowChunk` holds typed columns (Parquet, CSV, HF, data frames). A `JsonChunk` holds Python objects and, for JSON
Lines, the bytes of each line, so that a row is written with the bytes it was read with.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.errors import BadTable, format_value

RowNumbers = npt.NDArray[np.int64]
Row = dict[str, Any]


class Chunk(ABC):
    """Consecutive rows, with the number of each row in its table and its location (`file:line`)."""

    def __init__(self, rows: RowNumbers, locate_row: Callable[[int], str]) -> None:
        self.row_numbers = rows
        self.locate_row = locate_row

    def __len__(self) -> int:
        return len(self.row_numbers)

    def locate(self, position: int) -> str:
        """Return where the row at this position is: `file:line`."""
        return self.locate_row(int(self.row_numbers[position]))

    @abstractmethod
    def names(self) -> list[str]:
        """Return the columns of these rows, in order of first appearance."""

    @abstractmethod
    def values(self, name: str) -> list[Any]:
        """Return one column as Python values, with None where a row lacks it."""

    @abstractmethod
    def take(self, positions: RowNumbers) -> Chunk:
        """Return the rows at these positions, in this order."""

    @abstractmethod
    def to_dicts(self) -> list[Row]:
        """Return the rows as Python dictionaries."""

    @abstractmethod
    def with_columns(self, new_columns: Mapping[str, pa.Array]) -> Chunk:
        """Return the rows with these columns added at the end; a column of the same name is replaced."""

    @abstractmethod
    def to_arrow(self, schema: pa.Schema | None = None) -> pa.RecordBatch:
        """Return the rows as an Arrow batch, of this schema if it is not None."""

    def json_lines(self) -> Iterator[bytes]:
        """Yield each row as one line of JSON, without the line end."""
        for position, row in enumerate(self.to_dicts()):
            try:
                yield _encode_json(row)
            except (ValueError, TypeError) as error:
                problem = f"cannot be written as JSON ({format_value(str(error))})"
                raise BadTable(self.locate(position), problem, "Write .parquet instead") from error


class ArrowChunk(Chunk):
    """Rows of a typed source."""

    def __init__(self, batch: pa.RecordBatch, rows: RowNumbers, locate_row: Callable[[int], str]) -> None:
        super().__init__(rows, locate_row)
        self.batch = batch

    def names(self) -> list[str]:
        return list(self.batch.schema.names)

    def values(self, name: str) -> list[Any]:
        return self.batch.column(name).to_pylist() if name in self.batch.schema.names else [None] * len(self)

    def take(self, positions: RowNumbers) -> ArrowChunk:
        return ArrowChunk(self.batch.take(pa.array(positions)), self.row_numbers[positions], self.locate_row)

    def to_dicts(self) -> list[Row]:
        try:
            rows: list[Row] = self.batch.to_pylist()
        except UnicodeDecodeError as error:
            problem = f"a text from here on is not UTF-8 (0x{error.object[error.start]:02x})"
            raise BadTable(self.locate(0), problem, "Write the file again with UTF-8 text") from error
        return rows

    def with_columns(self, new_columns: Mapping[str, pa.Array]) -> ArrowChunk:
        batch = self.batch.drop_columns([name for name in self.batch.schema.names if name in new_columns])
        for name, array in new_columns.items():
            batch = batch.append_column(name, array)
        return ArrowChunk(batch, self.row_numbers, self.locate_row)

    def to_arrow(self, schema: pa.Schema | None = None) -> pa.RecordBatch:
        if schema is None or schema == self.batch.schema:
            return self.batch
        try:
            arrays = cast_columns([self.batch.column(field.name) for field in schema], schema)
        except pa.ArrowException as error:
            problem = f"a column from here on has another type than the table ({format_value(str(error))})"
            raise BadTable(self.locate(0), problem, "Write .jsonl instead") from error
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


class JsonChunk(Chunk):
    """Rows of JSON Lines (with their bytes) or of a list of dictionaries (without)."""

    def __init__(
        self,
        objects: Sequence[Row],
        rows: RowNumbers,
        locate_row: Callable[[int], str],
        raw_lines: Sequence[bytes] | None = None,
    ) -> None:
        super().__init__(rows, locate_row)
        self.objects = objects
        self.raw_lines = raw_lines

    def names(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.objects for name in row))

    def values(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.objects]

    def take(self, positions: RowNumbers) -> JsonChunk:
        raw_lines = None if self.raw_lines is None else [self.raw_lines[p] for p in positions]
        return JsonChunk([self.objects[p] for p in positions], self.row_numbers[positions], self.locate_row, raw_lines)

    def to_dicts(self) -> list[Row]:
        return list(self.objects)

    def with_columns(self, new_columns: Mapping[str, pa.Array]) -> JsonChunk:
        new_values = pa.RecordBatch.from_pydict(dict(new_columns)).to_pylist()
        objects = [
            {**{k: v for k, v in row.items() if k not in new}, **new}
            for row, new in zip(self.objects, new_values, strict=True)
        ]
        raw_lines = None
        if self.raw_lines is not None:
            pairs = zip(self.raw_lines, self.objects, new_values, objects, strict=True)
            raw_lines = [
                _append_members(line, old, new) if old.keys().isdisjoint(new) else _encode_json(whole)
                for line, old, new, whole in pairs
            ]
        return JsonChunk(objects, self.row_numbers, self.locate_row, raw_lines)

    def json_lines(self) -> Iterator[bytes]:
        return super().json_lines() if self.raw_lines is None else iter(self.raw_lines)

    def to_arrow(self, schema: pa.Schema | None = None) -> pa.RecordBatch:
        """Return the rows as an Arrow batch; BadTable if a column mixes types that no table can hold."""
        if schema is None:
            return pa.RecordBatch.from_pydict({name: self._make_array(name) for name in self.names()})
        return pa.RecordBatch.from_arrays([self._make_array(f.name, f.type) for f in schema], schema=schema)

    def _make_array(self, name: str, kind: pa.DataType | None = None) -> pa.Array:
        values = self.values(name)
        value_types = {type(value) for value in values if value is not None}
        try:
            if kind is None and bool in value_types and len(value_types) > 1:
                raise pa.ArrowInvalid("true/false and other values")
            return pa.array(values, kind)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError) as error:
            problem = f"column '{name}' from here on has no single type ({format_value(str(error))})"
            raise BadTable(self.locate(0), problem, "Write .jsonl instead") from error


def cast_columns(columns: Sequence[Any], schema: pa.Schema) -> list[Any]:
    """Cast columns to the types of a schema, except those that have them: Arrow cannot cast a list of nulls."""
    return [c if c.type == field.type else c.cast(field.type) for c, field in zip(columns, schema, strict=True)]


def _append_members(line: bytes, existing: Row, members: Row) -> bytes:
    """Add members at the end of a line of JSON without changing its other bytes."""
    body = line[: line.rindex(b"}")].rstrip()
    return body + (b", " if existing else b"") + _encode_json(members)[1:]


def _encode_json(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False, allow_nan=False, default=_to_json_value).encode()


def _to_json_value(value: object) -> object:
    """Convert values of Arrow and data frames that JSON does not have, without loss."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")
