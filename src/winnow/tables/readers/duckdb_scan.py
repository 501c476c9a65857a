"""SQL that reads columns of Parquet files, where DuckDB reads the same values as Arrow; nothing is read here.

That holds for plain text, whole numbers and floats, if column names differ in more than case and paths are not glob
patterns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from winnow.storage.locations.location import Location
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.columnar import ParquetSource
from winnow.tables.readers.duckdb_fetch import SCAN, is_scannable
from winnow.tables.readers.source import Source

MAX_FILES = 64
"""How many files one query may read; more files are read one after the other by Arrow."""


def build_scan_query(
    source: Source, keys: Mapping[str, str], numbers: Mapping[str, str], texts: Mapping[str, str]
) -> str | None:
    """Build the SQL that selects `row`, numbered as in the source, and columns by alias; None if Arrow has to read.

    Keys are text or whole numbers and selected as text, numbers are selected as doubles, and texts are text or booleans
    and selected as text.
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
        file = SCAN.format(_quote_literal(path))
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
