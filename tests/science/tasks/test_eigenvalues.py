"""Matrix tasks: published lengths, exact answers and tolerances, and a test split that never occurs in training."""

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
    units = [task.number_encoding.parse_numbers(example, {}) for example in tokens]
    return task.number_encoding.to_floats(np.array(units))


def verify_examples(task: MatrixTask, examples: list[Example], texts: list[str]) -> list[bool | None]:
    return task.verify([example.prompt for example in examples], texts)


@pytest.mark.parametrize(
    ("encoding", "prompt", "answer"), [("P10", 127, 27), ("P1000", 77, 17), ("B1999", 52, 12), ("FP15", 27, 7)]
)
def test_a_5_by_5_matrix_has_the_published_length_in_each_encoding(encoding: str, prompt: int, answer: int) -> None:
    for example in Eigenvalues(encoding=encoding).examples(50, seed=0):
        assert (len(example.prompt.split()), len(example.answer.split())) == (prompt, answer)


def test_a_grouped_prompt_has_one_token_per_number() -> None:
    task = Eigenvalues(n=5, encoding="P10", grouped=True, shapes=False)
    examples = task.examples(20, seed=0)
    assert {len(example.prompt.split()) for example in examples} == {25}
    assert (
        verify_examples(task, examples, [example.answer for example in examples])
        == verifier(*zip(*map(pair, examples), strict=True))
        == [True] * 20
    )


def pair(example: Example) -> tuple[str, str]:
    return example.prompt, example.answer


def test_mean_size_and_rounding_error_are_as_derived() -> None:
    task = Eigenvalues()
    examples = task.examples(4_000, seed=1)
    matrices = decoded(task, [example.prompt for example in examples]).reshape(-1, 5, 5)
    exact = np.linalg.eigvalsh(matrices)[:, ::-1]
    sizes = np.abs(exact).sum(axis=1)
    rounding = np.abs(decoded(task, [example.answer for example in examples]) - exact).sum(axis=1) / sizes
    error = sizes.std() / np.sqrt(len(sizes))
    assert sizes.mean() == pytest.approx(55.2, abs=max(0.3, 4 * error))
    assert rounding.mean() == pytest.approx(0.0014, abs=0.0001)
    assert rounding.max() < 0.005


def test_the_mean_spectrum_is_almost_never_a_right_answer() -> None:
    task = Eigenvalues()
    examples = task.examples(4_000, seed=2)
    expected: Floats = decoded(task, [example.answer for example in examples])
    mean_answer = task.number_encoding.format_rows(task.number_encoding.to_units(expected.mean(axis=0)[None]))[0]
    assert verify_examples(task, examples, [f"V5 V1 {mean_answer}"] * len(examples)).count(True) < 6


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", [Eigenvalues, Determinant])
def test_the_right_answer_is_right_and_is_what_numpy_computes_from_the_rounded_entries(
    kind: type[MatrixTask], encoding: str
) -> None:
    task = kind(n=3, digits=2, encoding=encoding)
    examples = task.examples(200, seed=3)
    matrices = decoded(task, [example.prompt for example in examples]).reshape(-1, 3, 3)
    computed = np.linalg.eigvalsh(matrices)[:, ::-1] if kind is Eigenvalues else np.linalg.det(matrices)[:, None]
    expected: Floats = np.asarray(computed, np.float64)
    assert (
        decoded(task, [example.answer for example in examples])
        == task.number_encoding.to_floats(task.number_encoding.to_units(expected))
    ).all()
    assert verify_examples(task, examples, [example.answer for example in examples]) == [True] * 200


@given(st.sampled_from([1, 2, 3, 5]), st.integers(1, 3), st.sampled_from(ENCODINGS), st.booleans(), st.booleans())
def test_the_verifier_reads_size_digits_and_encoding_from_the_prompt(
    n: int, digits: int, encoding: str, shapes: bool, grouped: bool
) -> None:
    examples = Eigenvalues(n, digits, encoding, shapes=shapes, grouped=grouped).examples(3, seed=n)
    assert verifier(*zip(*map(pair, examples), strict=True)) == [True] * 3


@pytest.mark.parametrize(
    "text", ["", "+", "+ 12 E0", "+ 12 E0 + 11 E0 + 10 E0", "V2 V1 + 12 E0 + 11 E0", "?", "+|12|E0 +|11|E0"]
)
def test_malformed_text_is_wrong_and_never_an_error(text: str) -> None:
    examples = SMALL.examples(1, seed=0)
    assert verify_examples(SMALL, examples, [text]) == verifier([examples[0].prompt], [text]) == [False]
    assert SMALL.distances([examples[0].prompt], [text]).tolist() == [np.inf]


@given(st.text() | st.text(alphabet="+-E0123456789V| "), st.text(alphabet="+-E0123456789V| /FP"))
def test_the_verifiers_accept_any_text(prompt: str, text: str) -> None:
    assert verifier([prompt, prompt], [text, "+ 12 E0"]) in ([None, None], [False, False], [False, True], [True, False])
    assert determinant.verifier([prompt], [text])[0] in (None, False, True)


def test_a_prompt_that_is_not_a_symmetric_matrix_is_not_verified() -> None:
    prompt = SMALL.examples(1, seed=0)[0].prompt
    tokens = prompt.split()
    tokens[3:6] = ["-" if tokens[3] == "+" else "+", *tokens[4:6]]
    assert verifier([" ".join(tokens)], ["+ 12 E0 + 11 E0"]) == [None]
    assert SMALL.verify(["Ann has 3 apples."], ["3"]) == [None]


def test_the_tolerance_is_strict_and_decided_in_integers() -> None:
    prompt = "+ 60 E-1 + 00 E-4 + 00 E-4 + 00 E-4"  # eigenvalues 6 and 0
    off_by = ["+ 63 E-1 + 00 E-4", "+ 57 E-1 + 00 E-4", "+ 60 E-1 + 29 E-2", "+ 60 E-1 - 31 E-2"]
    assert SMALL.verify([prompt] * 4, off_by) == [False, False, True, False]  # 5% of 6 is 0.3
    assert verifier([prompt] * 2, off_by[:2], tolerance=[0.051, 0.049]) == [True, False]


def test_only_zeros_answer_a_matrix_of_zeros() -> None:
    zeros = " ".join(["+ 00 E-4"] * 4)
    assert SMALL.verify([zeros] * 2, ["+ 00 E-4 - 00 E-4", "+ 01 E-4 + 00 E-4"]) == [True, False]


def test_distances_below_a_tolerance_are_what_verify_passes_at_it() -> None:
    examples = SMALL.examples(400, seed=5)
    prompts, texts = (
        [example.prompt for example in examples],
        [example.answer for example in examples[1:] + examples[:1]],
    )
    distances = SMALL.distances(prompts, texts)
    for tolerance in (0.05, 0.2, 0.5):
        other = Eigenvalues(n=2, digits=2, shapes=False, tolerance=tolerance)
        assert other.verify(prompts, texts) == (distances < tolerance).tolist()
    assert closeness(prompts, texts) == np.maximum(0, 1 - distances).tolist()


def test_an_example_depends_only_on_seed_split_and_index() -> None:
    assert SMALL.examples(9_000, seed=4)[8_990:] == SMALL.examples(10, seed=4, first=8_990)
    assert not {*SMALL.examples(200, seed=4)} & {*SMALL.examples(200, seed=5)}


def test_no_matrix_of_the_test_split_occurs_in_training_whatever_the_seed() -> None:
    tiny = Eigenvalues(n=1, digits=1)  # there are about 60 matrices, so each of them is drawn
    train = {example.prompt for seed in range(3) for example in tiny.examples(2_000, seed)}
    test = {example.prompt for seed in range(3) for example in tiny.examples(2_000, seed, "test")}
    assert len(train) > 20
    assert len(test) > 3
    assert not train & test


def test_prompt_rows_are_a_table_that_winnow_verify_reads() -> None:
    table: list[dict[str, object]] = [
        {**row, "text": row["reference"], "tolerance": 0.01} for row in prompt_rows(SMALL, 6, 0)
    ]
    table[1]["text"], table[2]["text"] = "nonsense", "+ 12 E0 + 11 E0"
    table[3]["tolerance"] = 7.0
    verified = winnow.verify(
        table, "winnow.science.tasks.eigenvalues:verifier", id="id", prompt_text="prompt", text="text"
    )
    verdicts = [row["verifier.verdict"] for row in verified.to_list()]
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
