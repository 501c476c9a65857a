"""Does the answer equal the reference?

`exact` compares text, after the extract and the named normalizations, with any of the row's references.

    strip        white space at both ends
    whitespace   every run of white space is one space
    unicode      compatibility forms are one (NFKC)
    case         upper and lower case are one (casefold)
    accents      combining marks are dropped
    punctuation  punctuation and ASCII symbols are dropped: a minus sign too, so not for numbers
    articles     a, an and the are dropped, white space collapsed, as SQuAD does

Promises: they are applied in one fixed order, however listed. A reference of which nothing is left ('The'
without articles) is an error, for then anything empty would match. It does not know numbers: see `number`.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.data.errors import UsageError, nearest, shown
from winnow.verifiers.answers.pairs import ERROR, FAIL, PASS, Outcome, got_and_want, judge_pairs, mask, short
from winnow.verifiers.extract import Extraction, extraction
from winnow.verifiers.verdicts import Batch, Verdicts

_ARTICLE = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)


def _one_spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in apart if unicodedata.category(c) != "Mn"))


def _without_punctuation(text: str) -> str:
    return "".join(c for c in text if c not in string.punctuation and not unicodedata.category(c).startswith("P"))


_IN_ORDER: dict[str, Callable[[str], str]] = {
    "unicode": lambda text: unicodedata.normalize("NFKC", text),
    "case": str.casefold,
    "accents": _without_accents,
    "punctuation": _without_punctuation,
    "articles": lambda text: _one_spaced(_ARTICLE.sub(" ", text)).strip(),
    "whitespace": _one_spaced,
    "strip": str.strip,
}


@dataclass(frozen=True)
class Exact:
    """The verifier `exact`; its fields are its options."""

    name: ClassVar[str] = "exact"
    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = True

    normalize: str = "strip"
    extract: str = "none"

    def __post_init__(self) -> None:
        for name in self._named:
            if name not in _IN_ORDER and name != "none":
                raise UsageError("exact.normalize", f"{shown(name)} is no normalization", nearest(name, _IN_ORDER))
        if "none" in self._named and len(self._named) > 1:
            raise UsageError("exact.normalize", f"{shown(self.normalize)} is none and more", "Leave out 'none'")
        _ = self._extraction

    @cached_property
    def _named(self) -> list[str]:
        return [name.strip() for name in self.normalize.split(",")]

    @cached_property
    def _extraction(self) -> Extraction:
        return extraction(self.extract, "exact.extract")

    def config(self) -> dict[str, object]:
        ordered = [name for name in _IN_ORDER if name in self._named]
        return {"normalize": ",".join(ordered) or "none", "extract": self._extraction.spec}

    def judge(self, batch: Batch) -> Verdicts:
        return judge_pairs(batch, self._extraction, self._compare)

    def _compare(self, answers: pa.StringArray, wants: pa.StringArray) -> Outcome:
        equal = mask(pc.equal(answers, wants))  # equal texts stay equal: only the others are worth normalizing
        code = np.where(equal, PASS, FAIL).astype(np.int8)
        rest = np.flatnonzero(~equal)
        cleaned = self._normalized(wants.take(pa.array(rest)))
        same = mask(pc.equal(self._normalized(answers.take(pa.array(rest))), cleaned))
        nothing_left = mask(pc.equal(cleaned, "")) & mask(pc.match_substring_regex(wants.take(pa.array(rest)), r"\S"))
        code[rest[same]] = PASS
        code[rest[nothing_left]] = ERROR
        reasons = got_and_want(_quoted(answers), _quoted(wants), code == FAIL)
        unusable = "nothing is left of the reference after normalization"
        return Outcome(code, pc.if_else(pa.array(code == ERROR), unusable, reasons))

    def _normalized(self, texts: pa.StringArray) -> pa.StringArray:
        """Each different text is normalized once."""
        steps = [step for name, step in _IN_ORDER.items() if name in self._named]
        if not steps:
            return texts
        coded = texts.dictionary_encode()
        different = coded.dictionary.to_pylist()
        for step in steps:
            different = list(map(step, different))
        return pa.array(different, pa.string()).take(coded.indices)


def _quoted(texts: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise("'", short(texts), "'", "")
