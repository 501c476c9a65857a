"""The verifier `exact`: does the answer equal the reference, or one of the row's references?

    strip        remove white space at both ends
    whitespace   replace every run of white space by one space
    unicode      replace compatibility forms (NFKC)
    case         ignore upper and lower case (casefold)
    accents      remove combining marks
    punctuation  remove punctuation and ASCII symbols, a minus sign too, so do not use it for numbers
    articles     remove a, an and the, and collapse white space, as SQuAD does

Normalizations are applied in one fixed order. If normalization leaves nothing of a reference, the verdict is error.
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

from winnow.errors import UsageError, format_value, suggest_name
from winnow.verifiers.answers import pairs
from winnow.verifiers.answers.pairs import ERROR, FAIL, PASS, ComparisonResult, to_mask
from winnow.verifiers.extraction import EXTRACT_DESCRIPTION, Extraction, parse_extraction
from winnow.verifiers.options import option
from winnow.verifiers.verdicts import Batch, Verdicts

_ARTICLE = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)


def _collapse_spaces(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _strip_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn"))


def _strip_punctuation(text: str) -> str:
    return "".join(c for c in text if c not in string.punctuation and not unicodedata.category(c).startswith("P"))


_NORMALIZATIONS: dict[str, Callable[[str], str]] = {
    "unicode": lambda text: unicodedata.normalize("NFKC", text),
    "case": str.casefold,
    "accents": _strip_accents,
    "punctuation": _strip_punctuation,
    "articles": lambda text: _collapse_spaces(_ARTICLE.sub(" ", text)).strip(),
    "whitespace": _collapse_spaces,
    "strip": str.strip,
}


@dataclass(frozen=True)
class Exact:
    """Compares the text of the answer with that of the reference, after normalizing both."""

    name: ClassVar[str] = "exact"
    version: ClassVar[int] = 1
    needs_reference: ClassVar[bool] = True
    reads_columns: ClassVar[bool] = False

    normalize: str = option(
        "strip", f"Normalizations, separated by commas, from {', '.join(_NORMALIZATIONS)}, or none."
    )
    extract: str = option("none", EXTRACT_DESCRIPTION)

    def __post_init__(self) -> None:
        for name in {*self._normalizations} - {"none", *_NORMALIZATIONS}:
            problem = f"{format_value(name)} is not a normalization"
            raise UsageError("exact.normalize", problem, suggest_name(name, _NORMALIZATIONS))
        if "none" in self._normalizations and len(self._normalizations) > 1:
            problem = f"{format_value(self.normalize)} combines none with others"
            raise UsageError("exact.normalize", problem, "Leave out 'none'")
        _ = self._extraction

    @cached_property
    def _normalizations(self) -> list[str]:
        return [name.strip() for name in self.normalize.split(",")]

    @cached_property
    def _extraction(self) -> Extraction:
        return parse_extraction(self.extract, "exact.extract")

    def config(self) -> dict[str, object]:
        ordered = [name for name in _NORMALIZATIONS if name in self._normalizations]
        return {"normalize": ",".join(ordered) or "none", "extract": self._extraction.spec}

    def judge(self, batch: Batch) -> Verdicts:
        return pairs.judge_pairs(batch, self._extraction, self._compare)

    def _compare(self, answers: pa.StringArray, references: pa.StringArray) -> ComparisonResult:
        equal = to_mask(pc.equal(answers, references))  # equal texts stay equal, so only the others are normalized
        code = np.where(equal, PASS, FAIL).astype(np.int8)
        rest = np.flatnonzero(~equal)
        cleaned = self._normalize_texts(references.take(pa.array(rest)))
        equal_normalized = to_mask(pc.equal(self._normalize_texts(answers.take(pa.array(rest))), cleaned))
        has_content = to_mask(pc.match_substring_regex(references.take(pa.array(rest)), r"\S"))
        code[rest[equal_normalized]] = PASS
        code[rest[to_mask(pc.equal(cleaned, "")) & has_content]] = ERROR
        reasons = pairs.mismatch_reasons(_quote(answers), _quote(references), code == FAIL)
        empty_reference = "nothing is left of the reference after normalization"
        return ComparisonResult(code, pc.if_else(pa.array(code == ERROR), empty_reference, reasons))

    def _normalize_texts(self, texts: pa.StringArray) -> pa.StringArray:
        encoded = texts.dictionary_encode()  # so that each different text is normalized once
        distinct = encoded.dictionary.to_pylist()
        for name, step in _NORMALIZATIONS.items():
            if name in self._normalizations:
                distinct = list(map(step, distinct))
        return pa.array(distinct, pa.string()).take(encoded.indices)


def _quote(texts: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise("'", pairs.shorten(texts), "'", "")
