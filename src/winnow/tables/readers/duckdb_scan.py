"""Columns of Parquet files as SQL, where DuckDB is sure to read what Arrow would read.

That is plain text, whole numbers and floats, in columns whose names differ in more than case, in files whose
paths are no patterns. Rows are numbered as the source numbers them. Nothing is read here and nothing is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from winnow.storage.locations.location import Location
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.columnar import ParquetSource
from winnow.tables.readers.duckdb_fetch import is_scannable
from winnow.tables.readers.source import Source

MAX_FILES = 64
"""Files that one query may read beside each other; more are read one after the other by Arrow."""


def build_scan_query(
    source: Source, keys: Mapping[str, str], numbers: Mapping[str, str], texts: Mapping[str, str]
) -> str | None:
    """SQL for `row` and the named columns, or None where Arrow has to read them.

    Keys are text or whole numbers and come as text, numbers come as doubles, words are text or true and false.
    """
    if not isinstance(source, ParquetSource) or len(source.files) > MAX_FILES:
        return None
    schema = source.schema(BadRows())
    allowed = {_is_key: keys, _is_number: numbers, _is_text_or_boolean: texts}
    if not is_scannable(source.files, schema) or not all(
        is_allowed(schema.field(name).type) for is_allowed, named in allowed.items() for name in named.values()
    ):
        return None
    text = (f"t.{_quote_identifier(name)}::varchar as {alias}" for alias, name in [*keys.items(), *texts.items()])
    columns = [*text, *(f"t.{_quote_identifier(name)}::double as {alias}" for alias, name in numbers.items())]
    return " union all ".join(_select_statements(source, columns))


def _select_statements(source: ParquetSource, columns: Sequence[str]) -> Iterator[str]:
    for first, path in source.first_rows():
        file = f"read_parquet({_quote_literal(path)}, file_row_number = true, hive_partitioning = false)"
        yield f"select {', '.join([f't.file_row_number + {first} as row', *columns])} from {file} t"


def _is_key(kind: pa.DataType) -> bool:
    return bool(_is_text(kind) or pa.types.is_integer(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind))


def _is_text_or_boolean(kind: pa.DataType) -> bool:
    return bool(_is_text(kind) or pa.types.is_boolean(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _quote_identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quote_literal(path: Location) -> str:
    return "'" + str(path).replace("'", "''") + "'"
