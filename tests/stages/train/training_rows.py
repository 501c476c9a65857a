"""Rows that a small model learns in moments."""

from __future__ import annotations

from random import Random

from winnow.models.tiny import ModelConfig

SMALL = ModelConfig("decoder", "characters", 16, 2, 0, 1, 24)
PAIR = ModelConfig("encoder-decoder", "words", 16, 2, 1, 1, 24)


def copied(n: int, seed: int = 0, lengths: tuple[int, int] = (2, 4)) -> list[dict[str, str]]:
    """Say it backward."""
    draws = Random(seed)
    words = ["".join(draws.choices("abcd", k=draws.randint(*lengths))) for _ in range(n)]
    return [{"prompt": word, "text": word[::-1]} for word in words]
