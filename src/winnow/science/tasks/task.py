"""What a task is: it makes prompts, knows their answers, and says whether a text answers one.

    table = rows(Eigenvalues(n=2, digits=2), 1_000, seed=0)

Promises of every task here: example `index` of a seed and split is the same whoever asks, for how many, and in
whichever order; what a test example asks is never asked in training, whatever the seeds; `right` needs the prompt
alone, says False of whatever is no answer, and None only where the prompt is not one of the task's.
Prompt and answer are tokens with white space between, or plain text, so that a small model can read them.

A task of your own is any object with these members, named by dotted path where a study asks for one.
It holds no model and trains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from winnow.errors import UsageError, format_value, suggest_name

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")

HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class Example:
    """A prompt and its right answer, as a model is to read and to write them."""

    prompt: str
    answer: str


class Task(Protocol):
    """Anything that asks questions it can answer. Ours are frozen dataclasses whose fields are their settings."""

    @property
    def name(self) -> str:
        """One word for tables and figures."""

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        """Examples `first` to `first + count - 1` of this seed and split."""

    def verify(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        """Whether each completion answers its prompt."""


def prompt_rows(
    task: Task, count: int, seed: int, split: Split = "train", first: int = 0
) -> list[dict[str, str | int]]:
    """The same examples as rows of a table of prompts, each with the answer as its reference."""
    examples = task.examples(count, seed, split, first)
    return [
        {"id": f"{task.name}-{split}-{seed}-{first + place}", "prompt": example.prompt, "reference": example.answer}
        for place, example in enumerate(examples)
    ]


def check_request(count: int, split: str, first: int) -> None:
    """What no task can make examples of."""
    for name, value in (("count", count), ("first", first)):
        if value < 0:
            raise UsageError(name, f"is {value}, but must be 0 or more")
    if split not in SPLITS:
        raise UsageError(
            "split", f"is {format_value(split)}, but must be 'train' or 'test'", suggest_name(split, SPLITS)
        )
