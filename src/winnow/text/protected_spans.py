"""Spans of a text that an edit must not change: code, numbers, names, addresses, chat markup, and patterns of the user.

A number is any word with a digit. A name is any word with a capital letter, so scripts without capitals need a pattern.
The time is linear in the length of the text, except for patterns of the user.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from winnow.errors import UsageError, format_value, suggest_name

Bools = npt.NDArray[np.bool_]
Spans = Iterator[tuple[int, int]]

WORD = re.compile(r"\w+")
LETTERS = re.compile(r"[^\W\d_]+(?:['\u2019\-][^\W\d_]+)*")
DIGIT_SEPARATORS = re.compile(r"(?<=\d)(?:[.,:/\-](?=\d)|%)")
CODE_SPANS = re.compile(r"(?ms)^[ \t]{0,8}(```|~~~).*?(?:^[ \t]{0,8}\1[ \t]*$|\Z)|`[^`\n]+`")
ADDRESSES = re.compile(
    r"\b[a-zA-Z][a-zA-Z0-9+.\-]{0,20}://[^\s<>\"]+|\bwww\.[^\s<>\"]+|(?<![\w.+\-])[\w.+\-]{1,64}@[\w.\-]+"
)
CHAT_MARKUP = re.compile(
    r"(?im)<\|[^|<>\n]{1,80}\|>|\[/?INST\]|<</?SYS>>|</?[a-z][\w\-]{0,40}>"
    r"|^[ \t]{0,8}(?:system|user|assistant|human|question|answer)[ \t]{0,8}:"
)


def _match_spans(pattern: re.Pattern[str], text: str) -> Spans:
    return (match.span() for match in pattern.finditer(text))


def _numbers(text: str) -> Spans:
    yield from ((a, b) for a, b in _match_spans(WORD, text) if any(map(str.isdigit, text[a:b])))
    yield from _match_spans(DIGIT_SEPARATORS, text)


def _names(text: str) -> Spans:
    return ((a, b) for a, b in _match_spans(LETTERS, text) if text[a:b] != text[a:b].lower())


PROTECTED_KINDS: dict[str, Callable[[str], Spans]] = {
    "code": partial(_match_spans, CODE_SPANS),
    "numbers": _numbers,
    "names": _names,
    "urls": partial(_match_spans, ADDRESSES),
    "chat": partial(_match_spans, CHAT_MARKUP),
}


class Protection:
    """The protected kinds, by name, and the patterns of the user."""

    def __init__(self, kinds: Sequence[str], patterns: Iterable[str] = ()) -> None:
        for kind in kinds:
            if kind not in PROTECTED_KINDS:
                problem = f"{format_value(kind)} is not a kind of text that can be protected"
                raise UsageError("--protect", problem, suggest_name(kind, PROTECTED_KINDS))
        self._rules = [PROTECTED_KINDS[kind] for kind in kinds]
        self._rules += [partial(_match_spans, _compile_pattern(pattern)) for pattern in patterns]

    def mask(self, text: str) -> Bools:
        """Return, for each character, whether it is protected."""
        protected = np.zeros(len(text), np.bool_)
        for rule in self._rules:
            for start, end in rule(text):
                protected[start:end] = True
        return protected


def _compile_pattern(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        problem = f"{format_value(pattern)} is not a regular expression ({error})"
        raise UsageError("--protect-regex", problem, "Escape characters that are meant literally") from error
