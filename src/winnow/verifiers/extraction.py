"""Finding the answer inside a text: named steps, shared by all verifiers.

    none             the whole text
    strip-think      without <think>...</think>; one never closed reaches to the end, one never opened to the start
    boxed            what the last \\boxed{...} or \\fbox{...} holds, braces balanced
    after:MARK       what follows the last MARK
    last-number      the last number, as written
    regex:PATTERN    the last match of PATTERN: its first group, where it has one

Steps are chained with ' | ': "strip-think | boxed". A step never sees a text in which an earlier one found nothing.

Promises: null where nothing is found, never an empty guess. Time is linear in the text whatever the pattern:
regex runs on RE2 (through Arrow), which has no look-around and no back-references and says so.
It does not trim: what was found is returned as it stands. A pattern cannot hold ' | ' with both spaces; write ' ?| ?'.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import UsageError, format_value, suggest_name
from winnow.verifiers.numerals import last_number

ExtractStep = Callable[[pa.StringArray], pa.StringArray]

_BOX = re.compile(r"\\(?:boxed|fbox)\b\s*")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)


@dataclass(frozen=True)
class Extraction:
    """A chain of steps, ready to be called on texts."""

    spec: str
    steps: tuple[ExtractStep, ...]

    def __call__(self, texts: pa.StringArray) -> pa.StringArray:
        for step in self.steps:
            texts = step(texts)
        return texts


def parse_extraction(spec: str, where: str = "extract") -> Extraction:
    """The chain a spec names; `where` is the argument an error points at."""
    pieces = [piece.strip() for piece in spec.split(" | ")]
    return Extraction(" | ".join(pieces), tuple(step for piece in pieces for step in _parse_step(piece, where)))


def _parse_step(piece: str, where: str) -> list[ExtractStep]:
    if piece == "none":
        return []
    if piece in _PLAIN_STEPS:
        return [_PLAIN_STEPS[piece]]
    name, colon, rest = piece.partition(":")
    if not colon or name not in _VALUE_STEPS:
        known = ["none", *_PLAIN_STEPS, *(f"{known}:..." for known in _VALUE_STEPS)]
        raise UsageError(where, f"{format_value(piece)} is no way to find an answer", suggest_name(piece, known))
    if not rest:
        raise UsageError(
            where, f"{format_value(piece)} has nothing after the colon", "Write after:MARK or regex:PATTERN"
        )
    return [_VALUE_STEPS[name](rest, where)]


def _strip_think(texts: pa.StringArray) -> pa.StringArray:
    if not pc.any(pc.match_substring(texts, "think>")).as_py():
        return texts
    for pattern in (r"(?s)<think>.*?</think>", r"(?s)<think>.*\z", r"(?s)\A.*</think>"):
        texts = pc.replace_substring_regex(texts, pattern, "")
    return texts


def _apply_each(extract: Callable[[str], str | None]) -> ExtractStep:
    def step(texts: pa.StringArray) -> pa.StringArray:
        return pa.array([None if text is None else extract(text) for text in texts.to_pylist()], pa.string())

    return step


def _last_box_content(text: str) -> str | None:
    start = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    box = _BOX.match(text, start) if start >= 0 else None
    if box is None:
        return None
    if not text.startswith("{", box.end()):
        return re.split(r"[\s$]", text[box.end() :], maxsplit=1)[0] or None
    depth = 0
    for brace in _BRACES.finditer(text, box.end()):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return text[box.end() + 1 : brace.start()]
    return None


def _last_number_text(text: str) -> str | None:
    number = last_number(text)
    return None if number.value is None else number.written


def _text_after(mark: str, where: str) -> ExtractStep:
    def step(texts: pa.StringArray) -> pa.StringArray:
        halves = pc.split_pattern(texts, mark, max_splits=1, reverse=True)
        found = pc.equal(pc.list_value_length(halves), 2)
        whole = pc.if_else(found, halves, pa.scalar([None, None], halves.type))
        return pc.list_element(whole, 1)

    return step


def _last_match(pattern: str, where: str) -> ExtractStep:
    """The star tries again from where the match before it ended: what re.finditer would give last."""
    grouped_pattern, group = _name_first_group(pattern)
    search_pattern = rf"\A(?:(?s:.*?)(?P<winnow_last>{grouped_pattern}))+"
    try:
        pc.extract_regex_span(pa.array([""]), search_pattern)
        empty = pc.match_substring_regex(pa.array([""]), rf"\A(?:{grouped_pattern})\z")[0].as_py()
    except pa.ArrowInvalid as error:
        raise UsageError(
            where, f"the pattern {format_value(pattern)} is refused: {error}", "Patterns follow RE2: no look-around"
        ) from None
    if empty:
        raise UsageError(where, f"the pattern {format_value(pattern)} matches the empty text", "Write + in place of *")

    def step(texts: pa.StringArray) -> pa.StringArray:
        spans = pc.extract_regex_span(texts, search_pattern)
        whole = pc.struct_field(spans, "winnow_last").to_pylist()
        parts = pc.struct_field(spans, group).to_pylist() if group else whole
        return pa.array(list(map(_slice_bytes, texts.to_pylist(), whole, parts)), pa.string())

    return step


def _slice_bytes(text: str | None, whole: list[int] | None, part: list[int] | None) -> str | None:
    """The part's bytes; a group that stems from an earlier match than the last one found nothing."""
    if text is None or whole is None or part is None or part[0] < whole[0]:
        return None
    return text.encode()[part[0] : part[0] + part[1]].decode()


def _name_first_group(pattern: str) -> tuple[str, str | None]:
    """The pattern with its first group named and the other unnamed ones not capturing: Arrow wants names."""
    group: str | None = None
    tokens: list[str] = []
    for token in re.findall(
        r"\\Q.*?\\E|\\.|\[\^?\]?(?:\[:|\\.|[^\]\\])*\]|\(\?P?<[^>!=]*>|\(\?|\(|.", pattern, re.DOTALL
    ):
        if token == "(":
            token = "(?:" if group else "(?P<winnow_group>"
            group = group or "winnow_group"
        elif token.startswith("(?") and token.endswith(">"):
            group = group or token.partition("<")[2][:-1]
        tokens.append(token)
    return "".join(tokens), group


_PLAIN_STEPS: dict[str, ExtractStep] = {
    "strip-think": _strip_think,
    "boxed": _apply_each(_last_box_content),
    "last-number": _apply_each(_last_number_text),
}
_VALUE_STEPS: dict[str, Callable[[str, str], ExtractStep]] = {"after": _text_after, "regex": _last_match}
