"""Roles of columns are guessed in a fixed order, shown, named by the user, and refused by name."""

from __future__ import annotations

import pyarrow as pa
import pytest

from winnow.errors import UsageError
from winnow.tables.columns import COLUMN_NAME_GUESSES, ROLE_OPTIONS, Columns, guess_columns, make_columns
from winnow.tables.open_table import open_rows
from winnow.tables.table import CandidateIds, Table

GUESSES = {
    "id prompt text reference score": {"id": "id", "prompt": "prompt", "prompt_text": "prompt", "text": "text",
                                       "reference": "reference", "score": "score"},
    "candidate_id id prompt_id prompt text": {"id": "candidate_id", "prompt": "prompt_id", "prompt_text": "prompt",
                                              "text": "text"},
    "question answer": {"prompt": "question", "prompt_text": "question", "text": "answer"},
    "question response answer": {"prompt": "question", "prompt_text": "question", "text": "response",
                                 "reference": "answer"},
    "problem generation solution": {"prompt": "problem", "prompt_text": "problem", "text": "generation",
                                    "reference": "solution"},
    "instruction input output": {"prompt": "instruction", "prompt_text": "instruction", "text": "output"},
    "messages gold": {"messages": "messages", "reference": "gold"},
    "text messages": {"text": "text"},
    "conversations prompt": {"messages": "conversations"},
    "prompt_id completion reward correct round": {"prompt": "prompt_id", "prompt_text": "prompt_id",
                                                  "text": "completion", "score": "reward", "label": "correct",
                                                  "round": "round"},
    "verdict label is_correct": {"verdict": "verdict", "label": "is_correct"},
    "Text PROMPT": {},
}  # fmt: skip


@pytest.mark.parametrize("names", GUESSES)
def test_columns_are_guessed_from_common_names_and_a_guess_is_marked(names: str) -> None:
    guessed = guess_columns(Columns(), names.split(), "t")
    expected = dict(GUESSES[names])
    if names == "text messages":
        expected["messages"] = "messages"
        expected.pop("text")
    assert guessed.to_dict() == expected
    assert guessed.guessed == frozenset(expected)


@pytest.mark.parametrize(
    "role", [role for role in COLUMN_NAME_GUESSES if role not in ("prompt", "prompt_text", "messages", "text")]
)
def test_a_column_named_by_the_user_wins_over_every_guess(role: str) -> None:
    names = [*dict.fromkeys(name for known in COLUMN_NAME_GUESSES.values() for name in known), "mine"]
    chosen = guess_columns(make_columns(**{role: "mine"}), names, "t")
    assert getattr(chosen, role) == "mine"
    assert role not in chosen.guessed


def test_a_column_with_a_named_role_is_guessed_for_no_other_role() -> None:
    chosen = guess_columns(Columns(reference="answer"), ["question", "answer"], "t")
    assert (chosen.reference, chosen.text) == ("answer", None)


def test_a_prompt_without_an_id_is_its_own_id_and_an_id_without_text_its_own_text() -> None:
    assert guess_columns(Columns(prompt_text="q"), ["q", "text"], "t").prompt == "q"
    assert guess_columns(Columns(prompt="k"), ["k", "text"], "t").prompt_text == "k"


@pytest.mark.parametrize("role", ROLE_OPTIONS)
def test_a_missing_column_is_refused_with_the_option_that_names_it(role: str) -> None:
    with pytest.raises(
        UsageError, match=f"^{ROLE_OPTIONS[role]}: 'promtp' is not a column of t. Did you mean 'prompt'.$"
    ):
        guess_columns(make_columns(**{role: "promtp"}), ["prompt", "text"], "t")


@pytest.mark.parametrize("role", ["label", "verdict", "candidates"])
def test_each_of_several_named_columns_must_exist(role: str) -> None:
    guess_columns(make_columns(**{role: "a,b"}), ["a", "b"], "t")
    with pytest.raises(UsageError, match="'c' is not a column"):
        guess_columns(make_columns(**{role: "a,c"}), ["a", "b"], "t")


def test_an_unknown_role_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'scores' is not a role a column can have. Did you mean 'score'"):
        make_columns(scores="s")


def test_a_role_without_a_column_is_refused_only_when_it_is_required() -> None:
    columns = guess_columns(Columns(), ["prompt", "text"], "t")
    assert columns.score is None
    with pytest.raises(
        UsageError, match=r"t: no column is known as the score \(looked for score, reward\). Name it: --score"
    ):
        columns.require_column("score", "t")


def test_the_summary_marks_guesses_and_says_how_to_set_them() -> None:
    summary = guess_columns(Columns(text="answer"), ["question", "answer"], "t").summary()
    hint = "  (? = guessed; set with --prompt, --prompt-text)"
    assert summary == "columns: prompt=question? prompt_text=question? text=answer" + hint
    assert guess_columns(Columns(), ["a"], "t").summary().startswith("columns: none recognized")


def test_the_summary_escapes_control_characters() -> None:
    assert guess_columns(Columns(text="\x1b[2J"), ["\x1b[2J"], "t").summary().startswith(r"columns: text=\x1b[2J")


def read_ids(table: Table) -> list[str]:
    return [value for _, arrays in table.read_roles(["id"]) for value in arrays["id"].to_pylist()]


def test_candidates_without_ids_are_numbered_within_their_prompt() -> None:
    rows = [{"prompt": prompt, "text": "t"} for prompt in ("p", "q", "p", "p", "q")]
    assert read_ids(open_rows(rows)) == ["p#0", "q#0", "p#1", "p#2", "q#1"]


def test_generated_ids_differ_for_every_row_whatever_the_prompts_are() -> None:
    prompts = ["a", "a#0", "a", "a#0#0", "x" * 64, "x" * 65, "x" * 66, "x" * 65]
    rows = [{"prompt": prompt, "text": "t"} for prompt in prompts * 2]
    generated = read_ids(open_rows(rows))
    assert len(set(generated)) == len(rows)
    assert max(map(len, generated)) <= 66


def test_generated_ids_are_numbered_across_chunks() -> None:
    ids = CandidateIds()
    first = ids.generate(pa.array(["p", "p"]))
    assert [*first.to_pylist(), *ids.generate(pa.array(["p"])).to_pylist()] == ["p#0", "p#1", "p#2"]
