"""Spans of a text that an edit must leave alone: code, numbers, names, addresses, chat markup, a pattern of the user's.

The rules are plain and err on the side of protecting: a name is any word with a capital letter, a number any word
with a digit. Scripts without capitals have no names here; give a pattern for them. Each rule takes time in proportion
to the text, whatever the text is; a pattern of the user's takes what it takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

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


def _code(text: str) -> Spans:
    return _match_spans(CODE_SPANS, text)


def _numbers(text: str) -> Spans:
    yield from ((a, b) for a, b in _match_spans(WORD, text) if any(map(str.isdigit, text[a:b])))
    yield from _match_spans(DIGIT_SEPARATORS, text)


def _names(text: str) -> Spans:
    return ((a, b) for a, b in _match_spans(LETTERS, text) if text[a:b] != text[a:b].lower())


def _urls(text: str) -> Spans:
    return _match_spans(ADDRESSES, text)


def _chat(text: str) -> Spans:
    return _match_spans(CHAT_MARKUP, text)


PROTECTED_KINDS: dict[str, Callable[[str], Spans]] = {
    "code": _code,
    "numbers": _numbers,
    "names": _names,
    "urls": _urls,
    "chat": _chat,
}


def _match_spans(pattern: re.Pattern[str], text: str) -> Spans:
    return (one.span() for one in pattern.finditer(text))


class Protection:
    """What is protected: kinds by name, and patterns."""

    def __init__(self, kinds: Sequence[str], patterns: Iterable[str] = ()) -> None:
        for kind in kinds:
            if kind not in PROTECTED_KINDS:
                raise UsageError(
                    "--protect",
                    f"{format_value(kind)} is nothing that can be protected",
                    suggest_name(kind, PROTECTED_KINDS),
                )
        self._rules = [PROTECTED_KINDS[kind] for kind in kinds]
        self._patterns = [_compile_pattern(pattern) for pattern in patterns]

    def mask(self, text: str) -> Bools:
        """Of each character, whether it must stay."""
        protected = np.zeros(len(text), np.bool_)
        for spans in (*(rule(text) for rule in self._rules), *(_match_spans(one, text) for one in self._patterns)):
            for start, end in spans:
                protected[start:end] = True
        return protected


def _compile_pattern(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        problem = f"{format_value(pattern)} is no regular expression ({error})"
        raise UsageError("--protect-regex", problem, "Escape what is meant letter by letter") from error
