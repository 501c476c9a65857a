"""Reads and checks the values of a column in its role: texts, keys, references, scores, verdicts, labels.

Each reader takes a chunk and a column name and returns an Arrow array and the problems, by position in the chunk.
Typed columns are checked by Arrow, Python values one by one. Nothing is guessed: the text "0.5" is a score only in a
format that holds nothing but text (CSV), and true is never a number.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import BadTable, format_value, not_utf8_problem
from winnow.storage.canonical_json import canonical_json
from winnow.tables.chunks import ArrowChunk, Chunk

VERDICTS = ("pass", "fail", "abstain", "error")
MAX_KEY_LENGTH = 64


class ColumnValues(NamedTuple):
    """The valid values, null where a value breaks its rule, and the problem of each such position."""

    array: pa.Array
    problems: dict[int, str]


ColumnReader = Callable[[Chunk, str], ColumnValues]


def read_texts(chunk: Chunk, name: str) -> ColumnValues:
    """Read texts; a number counts as its text."""
    return _read_text_or(chunk, name, _parse_text)


def read_keys(chunk: Chunk, name: str) -> ColumnValues:
    """Read ids of prompts or candidates: text, whole numbers, or JSON (a message list) in canonical form."""
    typed = _typed_column(chunk, name)
    if typed is not None and (_is_text(typed.type) or pa.types.is_integer(typed.type)):
        array, problems = _check_text(chunk, typed, name) if _is_text(typed.type) else (typed.cast(pa.string()), {})
        if problems or not (array.null_count or pc.any(pc.equal(array, "")).as_py()):
            return ColumnValues(array, problems)
    return _read_values(chunk, name, _parse_key, pa.string())


def read_prompts(chunk: Chunk, name: str) -> ColumnValues:
    """Read prompts: text, or JSON (a message list) in canonical form; null where the prompt is not known."""
    return _read_text_or(chunk, name, _parse_prompt)


def read_references(chunk: Chunk, name: str) -> ColumnValues:
    """Read references as texts, or as lists of texts if any row has several acceptable ones."""
    typed = _typed_column(chunk, name)
    if typed is not None and pa.types.is_integer(typed.type):
        return ColumnValues(typed.cast(pa.string()), {})
    if (typed is None or not _is_text(typed.type)) and any(isinstance(value, list) for value in chunk.values(name)):
        return _read_values(chunk, name, _parse_references, pa.list_(pa.string()))
    return _read_text_or(chunk, name, _parse_reference)


def read_scores(chunk: Chunk, name: str) -> ColumnValues:
    """Read scores: finite numbers or null."""
    typed = _typed_column(chunk, name)
    numbers = _finite_numbers(typed)
    if numbers is not None:
        return ColumnValues(numbers, {})
    is_text = typed is not None and _is_text(typed.type)
    return _read_values(chunk, name, _parse_score_text if is_text else _parse_score, pa.float64())


def read_verdicts(chunk: Chunk, name: str) -> ColumnValues:
    """Read verdicts: pass, fail, abstain, error or null; true counts as pass and false as fail."""
    typed = _typed_column(chunk, name)
    if typed is not None and pa.types.is_string(typed.type):
        known = pc.is_in(typed, pa.array([*VERDICTS, None], pa.string()))
        if pc.all(known).as_py() is not False:
            return ColumnValues(typed, {})
    return _read_values(chunk, name, _parse_verdict, pa.string())


def read_labels(chunk: Chunk, name: str) -> ColumnValues:
    """Read labels: true/false or 1/0; null or empty is unlabeled."""
    return _read_values(chunk, name, _parse_label, pa.bool_())


def read_grades(chunk: Chunk, name: str) -> ColumnValues:
    """Read labels as numbers: true is 1, false is 0, a grade is itself; null or empty is unlabeled."""
    numbers = _finite_numbers(_typed_column(chunk, name))
    return _read_values(chunk, name, _parse_grade, pa.float64()) if numbers is None else ColumnValues(numbers, {})


def read_last_answers(chunk: Chunk, name: str) -> ColumnValues:
    """Read the text of the last assistant turn of each message list."""
    return _read_values(chunk, name, lambda value: _split_turns(value)[0], pa.string())


def read_earlier_turns(chunk: Chunk, name: str) -> ColumnValues:
    """Read all turns before the last assistant turn of each message list, as canonical JSON."""
    return _read_values(chunk, name, lambda value: _split_turns(value)[1], pa.string())


def shorten_key(key: str) -> str:
    """Shorten a key so that millions fit in memory: a long key becomes the start of its sha256."""
    return key if len(key) <= MAX_KEY_LENGTH else hashlib.sha256(key.encode()).hexdigest()[:32]


def _typed_column(chunk: Chunk, name: str) -> pa.Array | None:
    if not isinstance(chunk, ArrowChunk) or name not in chunk.batch.schema.names:
        return None
    array = chunk.batch.column(name)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _read_text_or(chunk: Chunk, name: str, parse_value: Callable[[Any], Any]) -> ColumnValues:
    """Read a typed column of text as it is, and any other column value by value."""
    typed = _typed_column(chunk, name)
    if typed is not None and _is_text(typed.type):
        return _check_text(chunk, typed, name)
    return _read_values(chunk, name, parse_value, pa.string())


def _check_text(chunk: Chunk, array: pa.Array, name: str) -> ColumnValues:
    """Check a typed column of text, whose bytes need not be UTF-8 in a damaged file."""
    try:
        array.validate(full=True)
        return ColumnValues(array.cast(pa.string()), {})
    except pa.ArrowInvalid as error:
        # Reading a text whose offsets point outside its buffer would crash the process.
        if "UTF8" not in str(error):
            problem = f"column {format_value(name)} is damaged from here on ({format_value(str(error))})"
            raise BadTable(chunk.locate(0), problem, "Write or fetch the file again") from error
    problems: dict[int, str] = {}
    decoded: list[str | None] = []
    for position, value in enumerate(array.cast(pa.large_binary()).to_pylist()):
        try:
            decoded.append(None if value is None else value.decode())
        except UnicodeDecodeError as error:
            decoded.append(None)
            problems[position] = f"{name} {not_utf8_problem(error)}"
    return ColumnValues(pa.array(decoded, pa.string()), problems)


def _finite_numbers(typed: pa.Array | None) -> pa.Array | None:
    """Return a typed column of numbers as doubles if each is finite or null."""
    is_number = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal)
    if typed is None or not any(is_kind(typed.type) for is_kind in is_number):
        return None
    array = typed.cast(pa.float64(), safe=False)
    return array if pc.all(pc.is_finite(array)).as_py() is not False else None


def _read_values(chunk: Chunk, name: str, parse_value: Callable[[Any], Any], kind: pa.DataType) -> ColumnValues:
    """Read values one by one; a ValueError of `parse_value` becomes the problem of its row."""
    problems: dict[int, str] = {}
    parsed_values: list[Any] = []
    for position, value in enumerate(chunk.values(name)):
        try:
            parsed_values.append(parse_value(value.item() if isinstance(value, np.generic) else value))
        except (ValueError, RecursionError) as error:
            parsed_values.append(None)
            rule = "it is nested too deep" if isinstance(error, RecursionError) else error
            problems[position] = f"{name} is {_format_json(value)}; {rule}"
    try:
        return ColumnValues(pa.array(parsed_values, kind), problems)
    except UnicodeEncodeError:
        return _read_values(chunk, name, lambda value: _require_encodable(parse_value(value)), kind)


def _require_encodable(value: Any) -> Any:
    """Return a text or a list of texts, or raise ValueError for one that is not Unicode."""
    for text in value if isinstance(value, list) else [value]:
        try:
            (text or "").encode()
        except UnicodeEncodeError:
            raise ValueError("it holds half of a surrogate pair, which is not a character") from None
    return value


def _format_json(value: Any) -> str:
    if isinstance(value, str):
        return format_value(value)
    try:
        return format_value(json.dumps(value, default=str)).strip("'")
    except (TypeError, ValueError, RecursionError):
        return f"a {type(value).__name__}"


def _parse_text(value: Any, rule: str = "the text of a candidate is text") -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(rule)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number must be finite")
    return json.dumps(value)


def _parse_reference(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _parse_text(value, "a reference is text, a number or a list of them")


def _parse_references(value: Any) -> list[str | None] | None:
    if value is None:
        return None
    return [_parse_reference(reference) for reference in (value if isinstance(value, list) else [value])]


def _parse_key(value: Any) -> str:
    if value is None:
        raise ValueError("every row needs one")
    if isinstance(value, str) and not value:
        raise ValueError("an empty key identifies nothing")
    if isinstance(value, bool | float):
        raise ValueError("a key is text or a whole number")
    try:
        return value if isinstance(value, str) else canonical_json(value)
    except TypeError as error:
        raise ValueError("a key is text, a whole number or JSON") from error


def _parse_prompt(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else _parse_key(value)


def _parse_score(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a score is a finite number or null")
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("a score must fit a float") from error
    if not math.isfinite(number):
        raise ValueError("a score is a finite number or null")
    return number


def _parse_score_text(value: str | None) -> float | None:
    if value is None or not value.strip():
        return None
    try:
        return _parse_score(float(value))
    except ValueError:
        raise ValueError("a score is a finite number or empty") from None


def _parse_verdict(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value in VERDICTS:
        return value
    if isinstance(value, bool | str) and str(value).lower() in ("true", "false"):
        return "pass" if str(value).lower() == "true" else "fail"
    raise ValueError(f"a verdict is {', '.join(VERDICTS)}, true, false or null")


def _parse_label(value: Any) -> bool | None:
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in ("true", "false", "1", "0"):
        return value.strip().lower() in ("true", "1")
    raise ValueError("a label is true or false, 1 or 0, or null where there is none")


def _parse_grade(value: Any) -> float | None:
    text = value.strip().lower() if isinstance(value, str) else None
    try:
        if text in ("true", "false") or isinstance(value, bool):
            return float(text == "true" or value is True)
        return _parse_score(value) if text is None else _parse_score_text(value)
    except ValueError:
        raise ValueError("a label is true or false, 1 or 0, a grade, or null where there is none") from None


def _split_turns(value: Any) -> tuple[str | None, str]:
    """Return the text of the last assistant turn, and the turns before it as canonical JSON."""
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        raise ValueError("messages are a list of {role, content}")
    last = max((i for i, turn in enumerate(value) if turn.get("role") == "assistant"), default=None)
    if last is None:
        raise ValueError("no turn has the role 'assistant', so there is no candidate")
    try:
        answer, earlier_turns = _turn_text(value[last].get("content")), canonical_json(value[:last])
    except TypeError as error:
        raise ValueError("messages are JSON") from error
    return _require_encodable(answer), _require_encodable(earlier_turns)


def _turn_text(content: Any) -> str | None:
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type", "text") == "text"]
        return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    raise ValueError("the content of a turn is text or a list of parts")
