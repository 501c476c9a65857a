"""What training learns, from which rows, and what it refuses."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch

import winnow
from tests.stages.train.training_rows import PAIR, SMALL, copied
from winnow.errors import BadTable, UsageError
from winnow.models.tiny import ModelConfig
from winnow.stages.train.config import TrainConfig
from winnow.stages.train.examples import WINDOW_BATCHES, BatchOrder

torch.set_num_threads(1)
LEARNS = ModelConfig("decoder", "characters", 32, 4, 0, 2, 24)


def test_a_model_learns_to_reverse_words_and_is_right_on_unseen_words() -> None:
    words = {"".join(word): None for word in product("abcd", repeat=3)}
    rows = [{"prompt": word, "text": word[::-1]} for word in words]
    trained = winnow.train(
        [row for row in rows if row["prompt"][:2] != "ab"],
        shape=LEARNS,
        held_out=[row for row in rows if row["prompt"][:2] == "ab"],
        verifier="exact",
        steps=120,
        batch=32,
        warmup=10,
    )
    assert trained.evaluation["accuracy"] == 1.0
    assert trained.evaluation["loss"] < 0.3
    assert "100.0% of 4 held-out answers right" in trained.describe()


def test_a_weight_counts_as_so_many_copies_and_a_weight_of_0_teaches_nothing() -> None:
    rows = [{"prompt": "a", "text": "x"}, {"prompt": "a", "text": "y"}, {"prompt": "a", "text": "z"}]
    weighted = [row | {"winnow_weight": weight} for row, weight in zip(rows, (3, 1, 0), strict=True)]
    trained = winnow.train(weighted, shape=SMALL, steps=150, batch=3, lr=2e-2, weight_decay=0.0, warmup=0)
    chances = [np.exp(trained.model.logprobs(["a"], [text])[0][0]) for text in "xyz"]
    assert chances[:2] == pytest.approx([0.75, 0.25], abs=0.03)
    assert chances[2] < 0.01


def test_training_stops_when_the_held_out_loss_stops_falling_and_keeps_the_best_weights() -> None:
    held = copied(40, 9, (4, 4))
    trained = winnow.train(
        copied(12), shape=SMALL, held_out=held, steps=400, batch=8, lr=2e-2, eval_every=10, patience=3, warmup=0
    )
    losses = [line["held_out_loss"] for line in trained.history]
    assert trained.history[-1]["step"] < 400
    assert losses.index(min(losses)) == len(losses) - 4
    assert trained.evaluation["loss"] == pytest.approx(min(losses), abs=1e-5)


def test_a_held_out_row_with_unknown_tokens_is_left_out_counted_and_reported() -> None:
    held = [{"prompt": "ab", "text": "ba"}, {"prompt": "ab", "text": "~"}]
    trained = winnow.train(copied(5), shape=SMALL, held_out=held, steps=1)
    assert (trained.evaluation["loss_rows"], trained.evaluation["loss_left_out"]) == (1, 1)
    assert "(1 of 2 rows left out: the model has no tokens for them)" in trained.describe()


def test_training_ends_at_the_target_accuracy() -> None:
    rows = [{"prompt": one, "text": one} for one in "abcd"]
    trained = winnow.train(
        rows,
        shape=SMALL,
        held_out=rows,
        verifier="exact",
        target_accuracy=0.75,
        steps=400,
        batch=4,
        eval_every=5,
        warmup=5,
    )
    shares = [line["accuracy"] for line in trained.history]
    assert shares[-1] >= 0.75 > max(shares[:-1], default=0.0)
    assert trained.history[-1]["step"] < 400
    with pytest.raises(UsageError, match="target_accuracy: needs a held-out table"):
        winnow.train(rows, shape=SMALL, target_accuracy=0.5, steps=1)


def test_every_row_occurs_once_in_a_pass_and_a_batch_depends_on_the_step_alone() -> None:
    lengths = [(0, 5 + place % 7) for place in range(WINDOW_BATCHES * 10)]
    order = BatchOrder(lengths, 10, 3)
    for window in range(3):
        batches = [order.rows(step) for step in range(WINDOW_BATCHES * window, WINDOW_BATCHES * (window + 1))]
        assert Counter(np.concatenate(batches).tolist()) == Counter(range(len(lengths)))
        assert all(len({lengths[row] for row in batch}) <= 3 for batch in batches), "rows of like length together"
    fresh = BatchOrder(lengths, 10, 3)
    assert fresh.rows(17).tolist() == order.rows(17).tolist()
    assert fresh.rows(17).tolist() != BatchOrder(lengths, 10, 4).rows(17).tolist()
    assert len(BatchOrder([(0, 3)], 5, 0).rows(2)) == 5, "fewer rows than a batch holds come several times"


def test_the_learning_rate_rises_stays_and_falls() -> None:
    settings = TrainConfig(steps=100, lr=1.0, warmup=9, decay_fraction=0.3)
    rates = [settings.learning_rate(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:70] == pytest.approx([1.0] * 61)
    assert rates[-1] == pytest.approx(1 / 30) and rates[69:] == sorted(rates[69:], reverse=True)
    assert TrainConfig(epochs=2, batch=10).total_steps(55) == 11


@pytest.mark.parametrize("shape", [SMALL, PAIR])
def test_the_loss_of_rows_of_several_lengths_is_the_mean_over_their_tokens(shape: ModelConfig) -> None:
    rows = [{"prompt": "a b c", "text": "a"}, {"prompt": "b", "text": "c a b"}] * 4
    trained = winnow.train(rows, shape=shape, held_out=rows, steps=2, batch=8)
    each = trained.model.logprobs([row["prompt"] for row in rows], [row["text"] for row in rows])
    assert trained.evaluation["loss"] == pytest.approx(-np.mean([one for row in each for one in row]), abs=1e-5)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("steps", 0, "steps: 0 must be at least 1"),
        ("lr", -1.0, "lr: -1.0 must be above 0"),
        ("decay_fraction", 2, "decay_fraction: 2 must be at most 1"),
        ("steps", True, "steps: True"),
        ("patience", 3, "patience: needs a held-out table"),
    ],
)
def test_invalid_options_are_refused_and_named(option: str, value: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        winnow.train(copied(5), shape=SMALL, **{option: value})  # type: ignore[arg-type]


def test_rows_that_cannot_be_learned_are_refused_with_their_place() -> None:
    with pytest.raises(BadTable, match=r"rows\[1\]: has no text"):
        winnow.train([*copied(1), {"prompt": "a", "text": None}], shape=SMALL, steps=1)
    with pytest.raises(BadTable, match="winnow_weight is -1"):
        winnow.train([{"prompt": "a", "text": "b", "winnow_weight": -1}], shape=SMALL, steps=1)
    with pytest.raises(UsageError, match="no row with a weight"):
        winnow.train([{"prompt": "a", "text": "b", "winnow_weight": 0}], shape=SMALL, steps=1)
    with pytest.raises(UsageError, match="context"):
        winnow.train([{"prompt": "a" * 50, "text": "b"}], shape=SMALL, steps=1)


def test_a_verifier_that_crashes_counts_no_answer_as_right() -> None:
    def crashes(prompts: list[str], completions: list[str], **columns: object) -> list[bool]:
        raise RuntimeError("no")

    trained = winnow.train(copied(5), shape=SMALL, held_out=copied(7), verifier=crashes, steps=1)
    assert (trained.evaluation["accuracy"], trained.evaluation["undecided"]) == (0.0, 7)
