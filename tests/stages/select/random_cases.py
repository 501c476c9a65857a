"""Random tables and random rules, for `winnow.select` and for the oracle.

They include difficult cases: ties, nulls, both zeros, extreme floats, prompts longer than a key, a single prompt, no
prompt, named and generated ids, text in many scripts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.stages.select.oracle import Candidate, OracleRules, all_pass

LONG = "Why is the sky blue, and not green? " * 3
PROMPTS = ["p", "q", "P", "1", "01", "prompt ünï ☃ \u2028", "a\x1fb", LONG + "a", LONG + "b"]
QUESTIONS = ["What is 2+3?", "what is 2 3", "What is 2-3 now?", "Où est-il?", "  ", LONG]
EVALUATION = [{"question": "WHAT is 2 + 3"}, {"question": "où est il"}]
TEXTS = [None, "", "5", "5 ", "fünf", "\uff15", "line\nbreak", 'say "5", please', "🙂" * 40]
SCORES = [None, 0.0, -0.0, 1.0, 1.0, -1.0, 0.1 + 0.2, 0.3, 5e-324, -5e-324, 1.7e308, -1.7e308]
WORDS = ["pass", "pass", "pass", "fail", "abstain", "error", None]

given_ids = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=6)
scores = st.sampled_from(SCORES) | st.floats(allow_nan=False, allow_infinity=False)


@dataclass(frozen=True)
class Case:
    """A table, the rules, and the same as the oracle wants it."""

    rows: list[dict[str, Any]]
    rules: dict[str, Any]
    candidates: list[Candidate]
    oracle_rules: OracleRules


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows with the columns n, maybe id, maybe prompt_id, maybe question, text, score, two verdicts."""
    size = draw(st.integers(1, 24))
    prompts = draw(st.lists(st.sampled_from(PROMPTS), min_size=1, max_size=4)) if draw(st.integers(0, 5)) else []
    has_questions = draw(st.booleans())
    pool = draw(st.lists(scores, min_size=1, max_size=5))
    ids = draw(st.lists(given_ids, min_size=size, max_size=size, unique=True)) if draw(st.booleans()) else []
    return [
        {
            "n": n,
            **({"id": ids[n]} if ids else {}),
            **({"prompt_id": draw(st.sampled_from(prompts))} if prompts else {}),
            **({"question": draw(st.sampled_from(QUESTIONS))} if has_questions else {}),
            "text": draw(st.sampled_from(TEXTS)),
            "score": draw(st.sampled_from(pool)),
            "a.verdict": draw(st.sampled_from(WORDS)),
            "b.verdict": draw(st.sampled_from(WORDS)),
        }
        for n in range(size)
    ]


@st.composite
def rule_sets(draw: st.DrawFn, grouped: bool, has_questions: bool) -> dict[str, Any]:
    """Rules for a table that has prompts, or questions, or not: any that can stand together, in any order."""
    rules: dict[str, Any] = {"passed": draw(st.booleans()), "seed": draw(st.integers(-3, 1 << 40))}
    possible: dict[str, st.SearchStrategy[Any]] = {
        "threshold": st.sampled_from([s for s in SCORES if s is not None]),
        "top_share": st.sampled_from([0, 0.1, 0.25, 0.5, 0.9, 1]) | st.floats(0, 1),
        "distinct": st.just(True),
        "max_rows": st.integers(1, 20),
        "lower_is_better": st.just(True),
        **({"best_of": st.just("all") | st.integers(1, 6)} if grouped else {}),
        **({"exclude": st.just(EVALUATION)} if has_questions else {}),
    }
    for name in draw(st.lists(st.sampled_from(sorted(possible)), unique=True)):
        rules[name] = draw(possible[name])
    if "best_of" in rules:
        rules["keep"] = draw(st.integers(1, 5 if rules["best_of"] == "all" else rules["best_of"]))
    if not (rules.keys() & {"threshold", "top_share", "distinct", "max_rows", "best_of"}):
        rules["passed"] = True
    return {name: rules[name] for name in draw(st.permutations(sorted(rules)))}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A table with rules for it."""
    rows = draw(tables())
    rules = draw(rule_sets(bool(rows[0].keys() & {"prompt_id", "question"}), "question" in rows[0]))
    stated = {name: value for name, value in rules.items() if name != "exclude"}
    return Case(rows, rules, as_candidates(rows), OracleRules(**stated, excluding="exclude" in rules))


def as_candidates(rows: list[dict[str, Any]]) -> list[Candidate]:
    """The rows as the oracle wants them: ids made where there are none, verdicts and exclusions settled."""
    seen: dict[str, int] = {}
    known = {_words(row["question"]) for row in EVALUATION}
    candidates = []
    for number, row in enumerate(rows):
        prompt = row.get("prompt_id", row.get("question"))
        made = str(number) if prompt is None else f"{_key(prompt)}#{seen.setdefault(prompt, 0)}"
        if prompt is not None:
            seen[prompt] += 1
        passed = all_pass([row["a.verdict"], row["b.verdict"]])
        excluded = _words(row.get("question", "")) in known
        parts = {"id": row.get("id", made), "prompt": prompt, "text": row["text"], "score": row["score"]}
        candidates.append({**parts, "passed": passed, "excluded": excluded})
    return candidates


def _key(prompt: str) -> str:
    from hashlib import sha256

    return prompt if len(prompt) <= 64 else sha256(prompt.encode()).hexdigest()[:32]


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))
