"""Chance that does not depend on who asks first: every draw follows from (seed, purpose, row id).

`draw_number` ranks rows for ties and draws; `DRAW` is the same number inside DuckDB. `stream` is a random
generator of a row's own. MD5 serves as a well-known even hash, not as protection.
"""

from __future__ import annotations

import hashlib

import numpy as np

SEPARATOR = "\x1f"


def draw_number(seed: int, purpose: str, row_id: str) -> int:
    """A number in [0, 2^64) that ranks this row for this purpose."""
    text = SEPARATOR.join((str(seed), purpose, row_id))
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "little")


def draw_sql(seed: int, purpose: str, column: str) -> str:
    """SQL for `draw_number` of an id column."""
    prefix = f"{int(seed)}{SEPARATOR}{purpose}{SEPARATOR}".replace("'", "''")
    return f"md5_number_lower('{prefix}' || {column})"


def row_generator(seed: int, purpose: str, row_id: str) -> np.random.Generator:
    """A random generator that belongs to one row and one purpose."""
    text = SEPARATOR.join((str(seed), purpose, row_id))
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")))
