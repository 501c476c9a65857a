"""Columns of Parquet files as SQL, where DuckDB is sure to read what Arrow would read.

That is plain text, whole numbers and floats, in columns whose names differ in more than case, in files whose
paths are no patterns. Rows are numbered as the source numbers them. Nothing is read here and nothing is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from winnow.data.places.place import Place
from winnow.data.quarantine import BadRows
from winnow.data.readers.columnar import Parquet
from winnow.data.readers.fetched import scannable
from winnow.data.readers.source import Source

MOST_FILES = 64
"""Files that one query may read beside each other; more are read one after the other by Arrow."""


def scan(source: Source, keys: Mapping[str, str], numbers: Mapping[str, str], words: Mapping[str, str]) -> str | None:
    """SQL for `row` and the named columns, or None where Arrow has to read them.

    Keys are text or whole numbers and come as text, numbers come as doubles, words are text or true and false.
    """
    if not isinstance(source, Parquet) or len(source.files) > MOST_FILES:
        return None
    schema = source.schema(BadRows())
    allowed = {_is_key: keys, _is_number: numbers, _is_word: words}
    if not scannable(source.files, schema) or not all(
        alike(schema.field(name).type) for alike, named in allowed.items() for name in named.values()
    ):
        return None
    text = (f"t.{_quoted(name)}::varchar as {alias}" for alias, name in [*keys.items(), *words.items()])
    columns = [*text, *(f"t.{_quoted(name)}::double as {alias}" for alias, name in numbers.items())]
    return " union all ".join(_selects(source, columns))


def _selects(source: Parquet, columns: Sequence[str]) -> Iterator[str]:
    for first, path in source.firsts():
        file = f"read_parquet({_literal(path)}, file_row_number = true, hive_partitioning = false)"
        yield f"select {', '.join([f't.file_row_number + {first} as row', *columns])} from {file} t"


def _is_key(kind: pa.DataType) -> bool:
    return bool(_is_text(kind) or pa.types.is_integer(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind))


def _is_word(kind: pa.DataType) -> bool:
    return bool(_is_text(kind) or pa.types.is_boolean(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(path: Place) -> str:
    return "'" + str(path).replace("'", "''") + "'"
