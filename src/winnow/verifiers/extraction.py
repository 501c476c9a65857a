"""Extraction of the answer from a text by named steps, which all verifiers share.

    none             the whole text
    strip-think      without <think>...</think>; an unclosed one reaches to the end, an unopened one to the start
    boxed            the content of the last \\boxed{...} or \\fbox{...}, with balanced braces
    after:MARK       the text after the last MARK
    last-number      the last number, as written
    final-answer     the last box; else the rest of the line after the last '####' or 'answer is'; else a short line
    regex:PATTERN    the last match of PATTERN, or of its first group; RE2 syntax, so in linear time

Steps are chained with ' | ' ("strip-think | boxed"), which a pattern therefore cannot contain. A step that finds
nothing returns null, and the later steps do not run on that text. The result is not trimmed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import UsageError, format_value, suggest_name
from winnow.verifiers.numerals import last_number

EXTRACT_DESCRIPTION = (
    "Where the answer is in the text: steps such as strip-think, boxed, final-answer, after:MARK or last-number."
)

ExtractStep = Callable[[pa.StringArray], pa.StringArray]

_BOX = re.compile(r"\\(?:boxed|fbox)\b\s*")
_ANSWER_MARK = re.compile(r"(?:####|answer\s+is\b|answer\s*:)[:\s*]*", re.IGNORECASE)
MAX_ANSWER_LENGTH = 200
"""In characters: a longer text without a box or a mark is a solution, not an answer."""
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)


@dataclass(frozen=True)
class Extraction:
    """A chain of extraction steps, which can be called on texts."""

    spec: str
    steps: tuple[ExtractStep, ...]

    def __call__(self, texts: pa.StringArray) -> pa.StringArray:
        for step in self.steps:
            texts = step(texts)
        return texts


def parse_extraction(spec: str, where: str) -> Extraction:
    """Parse a chain of steps; `where` is the argument that errors name."""
    pieces = [piece.strip() for piece in spec.split(" | ")]
    return Extraction(" | ".join(pieces), tuple(step for piece in pieces for step in _parse_step(piece, where)))


def _parse_step(piece: str, where: str) -> list[ExtractStep]:
    if piece == "none":
        return []
    if piece in _PLAIN_STEPS:
        return [_PLAIN_STEPS[piece]]
    name, colon, rest = piece.partition(":")
    if not colon or name not in ("after", "regex"):
        known = ["none", *_PLAIN_STEPS, "after:...", "regex:..."]
        raise UsageError(where, f"{format_value(piece)} is not an extraction step", suggest_name(piece, known))
    if not rest:
        problem = f"{format_value(piece)} has nothing after the colon"
        raise UsageError(where, problem, "Write after:MARK or regex:PATTERN")
    return [_text_after(rest) if name == "after" else _last_match(rest, where)]


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


def _final_answer(text: str) -> str | None:
    box = _last_box_content(text)
    if box is not None:
        return box
    marks = list(_ANSWER_MARK.finditer(text))
    rest = text[marks[-1].end() :].lstrip().partition("\n")[0] if marks else text
    answer = rest.strip().removesuffix(".").strip("* ")
    if not marks and ("\n" in answer or len(answer) > MAX_ANSWER_LENGTH):
        return None
    return _without_dollars(answer) or None


def _without_dollars(answer: str) -> str:
    """Remove the signs of mathematics around an answer: $18$, \\(18\\), \\[18\\]."""
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        inner = answer[len(opening) : -len(closing)]
        if answer.startswith(opening) and answer.endswith(closing) and inner and opening not in inner:
            return inner.strip()
    return answer


def _last_number_text(text: str) -> str | None:
    number = last_number(text)
    return None if number.value is None else number.written


def _text_after(mark: str) -> ExtractStep:
    def step(texts: pa.StringArray) -> pa.StringArray:
        halves = pc.split_pattern(texts, mark, max_splits=1, reverse=True)
        has_mark = pc.equal(pc.list_value_length(halves), 2)
        return pc.list_element(pc.if_else(has_mark, halves, pa.scalar([None, None], halves.type)), 1)

    return step


def _last_match(pattern: str, where: str) -> ExtractStep:
    # The + continues where the match before it ended, so its last repetition is the last match of re.finditer.
    grouped_pattern, group = _name_first_group(pattern)
    search_pattern = rf"\A(?:(?s:.*?)(?P<winnow_last>{grouped_pattern}))+"
    try:
        pc.extract_regex_span(pa.array([""]), search_pattern)
        empty = pc.match_substring_regex(pa.array([""]), rf"\A(?:{grouped_pattern})\z")[0].as_py()
    except pa.ArrowInvalid as error:
        problem = f"the pattern {format_value(pattern)} is not valid: {error}"
        raise UsageError(where, problem, "Patterns follow RE2, which has no look-around") from None
    if empty:
        raise UsageError(where, f"the pattern {format_value(pattern)} matches the empty text", "Write + instead of *")

    def step(texts: pa.StringArray) -> pa.StringArray:
        spans = pc.extract_regex_span(texts, search_pattern)
        whole = pc.struct_field(spans, "winnow_last").to_pylist()
        parts = pc.struct_field(spans, group).to_pylist() if group else whole
        return pa.array(list(map(_slice_bytes, texts.to_pylist(), whole, parts)), pa.string())

    return step


def _slice_bytes(text: str | None, whole: list[int] | None, part: list[int] | None) -> str | None:
    """Cut a part out of a text; a group that matched before the last match has no part."""
    if text is None or whole is None or part is None or part[0] < whole[0]:
        return None
    return text.encode()[part[0] : part[0] + part[1]].decode()


def _name_first_group(pattern: str) -> tuple[str, str | None]:
    """Name the first group and make the other unnamed ones non-capturing, because Arrow requires names."""
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
    "final-answer": _apply_each(_final_answer),
}
