"""What the matrix tasks promise: lengths as published, exact answers and bounds, a test nobody trains on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import winnow
from winnow.errors import UsageError
from winnow.science.tasks.eigenvalues import Eigenvalues, closeness, verifier
from winnow.science.tasks.numbers import determinant
from winnow.science.tasks.numbers.determinant import Determinant
from winnow.science.tasks.numbers.encodings import ENCODINGS
from winnow.science.tasks.numbers.matrices import MatrixTask
from winnow.science.tasks.task import Example, prompt_rows
from winnow.science.theory.arrays import Floats

SMALL = Eigenvalues(n=2, digits=2, shapes=False)


def decoded(task: MatrixTask, texts: list[str]) -> Floats:
    tokens = [text.replace("|", " ").split()[2 * task.shapes :] for text in texts]
    units = [task.number_encoding.parse_numbers(one, {}) for one in tokens]
    return task.number_encoding.to_floats(np.array(units))


def asked(task: MatrixTask, made: list[Example], texts: list[str]) -> list[bool | None]:
    return task.verify([one.prompt for one in made], texts)


@pytest.mark.parametrize(
    ("encoding", "prompt", "answer"), [("P10", 127, 27), ("P1000", 77, 17), ("B1999", 52, 12), ("FP15", 27, 7)]
)
def test_a_5_by_5_matrix_has_the_published_length_in_each_encoding(encoding: str, prompt: int, answer: int) -> None:
    for one in Eigenvalues(encoding=encoding).examples(50, seed=0):
        assert (len(one.prompt.split()), len(one.answer.split())) == (prompt, answer)


def test_grouped_prompts_take_one_token_a_number() -> None:
    task = Eigenvalues(n=5, encoding="P10", grouped=True, shapes=False)
    made = task.examples(20, seed=0)
    assert {len(one.prompt.split()) for one in made} == {25}
    assert (
        asked(task, made, [one.answer for one in made]) == verifier(*zip(*map(pair, made), strict=True)) == [True] * 20
    )


def pair(one: Example) -> tuple[str, str]:
    return one.prompt, one.answer


def test_sizes_and_rounding_are_as_the_papers_derive() -> None:
    task = Eigenvalues()
    made = task.examples(4_000, seed=1)
    matrices = decoded(task, [one.prompt for one in made]).reshape(-1, 5, 5)
    right = np.linalg.eigvalsh(matrices)[:, ::-1]
    sizes = np.abs(right).sum(axis=1)
    rounding = np.abs(decoded(task, [one.answer for one in made]) - right).sum(axis=1) / sizes
    error = sizes.std() / np.sqrt(len(sizes))
    assert sizes.mean() == pytest.approx(55.2, abs=max(0.3, 4 * error))
    assert rounding.mean() == pytest.approx(0.0014, abs=0.0001)
    assert rounding.max() < 0.005


def test_the_mean_spectrum_is_nearly_never_right() -> None:
    task = Eigenvalues()
    made = task.examples(4_000, seed=2)
    wants: Floats = decoded(task, [one.answer for one in made])
    guess = task.number_encoding.format_rows(task.number_encoding.to_units(wants.mean(axis=0)[None]))[0]
    assert asked(task, made, [f"V5 V1 {guess}"] * len(made)).count(True) < 6


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", [Eigenvalues, Determinant])
def test_the_right_answer_is_right_and_is_what_numpy_computes_from_the_rounded_entries(
    kind: type[MatrixTask], encoding: str
) -> None:
    task = kind(n=3, digits=2, encoding=encoding)
    made = task.examples(200, seed=3)
    matrices = decoded(task, [one.prompt for one in made]).reshape(-1, 3, 3)
    found = np.linalg.eigvalsh(matrices)[:, ::-1] if kind is Eigenvalues else np.linalg.det(matrices)[:, None]
    wants: Floats = np.asarray(found, np.float64)
    assert (
        decoded(task, [one.answer for one in made])
        == task.number_encoding.to_floats(task.number_encoding.to_units(wants))
    ).all()
    assert asked(task, made, [one.answer for one in made]) == [True] * 200


@given(st.sampled_from([1, 2, 3, 5]), st.integers(1, 3), st.sampled_from(ENCODINGS), st.booleans(), st.booleans())
def test_a_prompt_tells_its_size_digits_and_encoding_to_the_verifier(
    n: int, digits: int, encoding: str, shapes: bool, grouped: bool
) -> None:
    made = Eigenvalues(n, digits, encoding, shapes=shapes, grouped=grouped).examples(3, seed=n)
    assert verifier(*zip(*map(pair, made), strict=True)) == [True] * 3


@pytest.mark.parametrize(
    "text", ["", "+", "+ 12 E0", "+ 12 E0 + 11 E0 + 10 E0", "V2 V1 + 12 E0 + 11 E0", "?", "+|12|E0 +|11|E0"]
)
def test_malformed_text_is_wrong_and_never_an_error(text: str) -> None:
    made = SMALL.examples(1, seed=0)
    assert asked(SMALL, made, [text]) == verifier([made[0].prompt], [text]) == [False]
    assert SMALL.distances([made[0].prompt], [text]).tolist() == [np.inf]


@given(st.text() | st.text(alphabet="+-E0123456789V| "), st.text(alphabet="+-E0123456789V| /FP"))
def test_any_text_is_judged(prompt: str, text: str) -> None:
    assert verifier([prompt, prompt], [text, "+ 12 E0"]) in ([None, None], [False, False], [False, True], [True, False])
    assert determinant.verifier([prompt], [text])[0] in (None, False, True)


def test_a_prompt_that_is_not_a_symmetric_matrix_is_not_judged() -> None:
    prompt = SMALL.examples(1, seed=0)[0].prompt
    tokens = prompt.split()
    tokens[3:6] = ["-" if tokens[3] == "+" else "+", *tokens[4:6]]
    assert verifier([" ".join(tokens)], ["+ 12 E0 + 11 E0"]) == [None]
    assert SMALL.verify(["Ann has 3 apples."], ["3"]) == [None]


def test_the_bound_is_strict_and_decided_in_whole_numbers() -> None:
    prompt = "+ 60 E-1 + 00 E-4 + 00 E-4 + 00 E-4"  # eigenvalues 6 and 0
    off_by = ["+ 63 E-1 + 00 E-4", "+ 57 E-1 + 00 E-4", "+ 60 E-1 + 29 E-2", "+ 60 E-1 - 31 E-2"]
    assert SMALL.verify([prompt] * 4, off_by) == [False, False, True, False]  # 5% of 6 is 0.3
    assert verifier([prompt] * 2, off_by[:2], tolerance=[0.051, 0.049]) == [True, False]


def test_a_matrix_of_zeros_is_answered_by_zeros_alone() -> None:
    zeros = " ".join(["+ 00 E-4"] * 4)
    assert SMALL.verify([zeros] * 2, ["+ 00 E-4 - 00 E-4", "+ 01 E-4 + 00 E-4"]) == [True, False]


def test_every_tolerance_can_be_read_from_the_distances() -> None:
    made = SMALL.examples(400, seed=5)
    prompts, texts = [one.prompt for one in made], [one.answer for one in made[1:] + made[:1]]
    distances = SMALL.distances(prompts, texts)
    for tolerance in (0.05, 0.2, 0.5):
        other = Eigenvalues(n=2, digits=2, shapes=False, tolerance=tolerance)
        assert other.verify(prompts, texts) == (distances < tolerance).tolist()
    assert closeness(prompts, texts) == np.maximum(0, 1 - distances).tolist()


def test_an_example_depends_on_seed_split_and_index_only() -> None:
    assert SMALL.examples(9_000, seed=4)[8_990:] == SMALL.examples(10, seed=4, first=8_990)
    assert not {*SMALL.examples(200, seed=4)} & {*SMALL.examples(200, seed=5)}


def test_no_matrix_of_the_test_is_in_training_whatever_the_seed() -> None:
    tiny = Eigenvalues(n=1, digits=1)  # 60 matrices or so: every one of them comes up
    train = {one.prompt for seed in range(3) for one in tiny.examples(2_000, seed)}
    test = {one.prompt for seed in range(3) for one in tiny.examples(2_000, seed, "test")}
    assert len(train) > 20
    assert len(test) > 3
    assert not train & test


def test_rows_of_examples_are_a_table_that_the_command_judges() -> None:
    table: list[dict[str, object]] = [
        {**row, "text": row["reference"], "tolerance": 0.01} for row in prompt_rows(SMALL, 6, 0)
    ]
    table[1]["text"], table[2]["text"] = "nonsense", "+ 12 E0 + 11 E0"
    table[3]["tolerance"] = 7.0
    judged = winnow.verify(
        table, "winnow.science.tasks.eigenvalues:verifier", id="id", prompt_text="prompt", text="text"
    )
    verdicts = [row["verifier.verdict"] for row in judged.to_list()]
    assert verdicts == ["pass", "fail", "fail", "error", "pass", "pass"]


def test_settings_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"^n: is 0, but must lie between 1 and 20"):
        Eigenvalues(n=0)
    with pytest.raises(UsageError, match=r"^n: is 6, but must lie between 1 and 5"):
        Determinant(n=6)
    with pytest.raises(UsageError, match=r"^tolerance: is 5, but must lie between 0 and 1.*5% is 0.05"):
        Eigenvalues(tolerance=5)
    with pytest.raises(UsageError, match=r"^tolerance: is 0.01234, but may have four decimals at most"):
        Eigenvalues(tolerance=0.01234)
    with pytest.raises(UsageError, match=r"^split: is 'tests'.*Did you mean 'test'"):
        SMALL.examples(1, 0, "tests")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^count: is -1, but must be 0 or more"):
        SMALL.examples(-1, 0)
