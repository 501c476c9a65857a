"""Random numbers that depend only on (seed, purpose, row id), so that they do not depend on the order of rows.

MD5 is used as a uniform hash that DuckDB can compute too, not for security.
"""

from __future__ import annotations

import hashlib

import numpy as np

SEPARATOR = "\x1f"


def draw_number(seed: int, purpose: str, row_id: str) -> int:
    """Return a number in [0, 2^64) that ranks this row for this purpose."""
    text = SEPARATOR.join((str(seed), purpose, row_id))
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "little")


def draw_sql(seed: int, purpose: str, column: str) -> str:
    """Return the SQL that computes `draw_number` for an id column."""
    prefix = f"{int(seed)}{SEPARATOR}{purpose}{SEPARATOR}".replace("'", "''")
    return f"md5_number_lower('{prefix}' || {column})"


def row_generator(seed: int, purpose: str, row_id: str) -> np.random.Generator:
    """Return the random generator of one row and one purpose."""
    text = SEPARATOR.join((str(seed), purpose, row_id))
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")))
