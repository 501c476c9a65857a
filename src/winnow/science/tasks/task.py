"""The definition of a task: it makes prompts, knows their answers, and verifies texts. No models here.

    table = prompt_rows(Eigenvalues(n=2, digits=2), 1_000, seed=0)

Every task here promises: example `index` of a seed and split is always the same; a question of the test split is never
asked in training, whatever the seeds. Prompt and answer are tokens separated by white space, or plain text.
Your own task is any object with the members of `Task`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from winnow.errors import UsageError, format_value, suggest_name
from winnow.science.tasks.seeded_random import hash_fraction

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")

HELD_OUT_SHARE = 0.2
Solution = TypeVar("Solution")


@dataclass(frozen=True)
class Example:
    """A prompt and its right answer, as a model reads and writes them."""

    prompt: str
    answer: str


class Task(Protocol):
    """The members of a task. The tasks of winnow are frozen dataclasses whose fields are their settings."""

    @property
    def name(self) -> str:
        """One word that names the task in tables and figures."""

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        """Return examples `first` to `first + count - 1` of this seed and split."""

    def verify(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        """Verify each completion from its prompt alone; None only where the prompt does not belong to the task."""


def prompt_rows(
    task: Task, count: int, seed: int, split: Split = "train", first: int = 0
) -> list[dict[str, str | int]]:
    """Return examples as rows of a prompt table, with the answer as the reference."""
    examples = task.examples(count, seed, split, first)
    return [
        {"id": f"{task.name}-{split}-{seed}-{index}", "prompt": example.prompt, "reference": example.answer}
        for index, example in enumerate(examples, first)
    ]


def verify_solutions(
    prompts: Sequence[str],
    completions: Sequence[str],
    solve: Callable[[str], Solution | None],
    is_right: Callable[[str, Solution], bool],
) -> list[bool | None]:
    """Compare each completion with the solution of its prompt; None where `solve` does not know the prompt."""
    return [
        None if (solution := solve(prompt)) is None else is_right(completion, solution)
        for prompt, completion in zip(prompts, completions, strict=True)
    ]


def is_pair_held_out(left: int, right: int, *purpose: object) -> bool:
    """Whether the pair, in either order, belongs to the test split; a purpose has its own split."""
    return hash_fraction("held-out pair", *purpose, min(left, right), max(left, right)) < HELD_OUT_SHARE


def check_request(count: int, split: str, first: int) -> None:
    """Refuse what no task can make examples of."""
    for name, value in (("count", count), ("first", first)):
        if value < 0:
            raise UsageError(name, f"is {value}, but must be 0 or more")
    check_split(split)


def check_split(split: str) -> None:
    """Refuse a split that is neither train nor test."""
    if split not in SPLITS:
        problem = f"is {format_value(split)}, but must be 'train' or 'test'"
        raise UsageError("split", problem, suggest_name(split, SPLITS))
