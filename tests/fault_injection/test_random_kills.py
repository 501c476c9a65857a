"""A run killed at any moment leaves, begun again, the bytes of a run that was never stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from fault_injection.random_kills import _file_identity, _find_lost_shards, inject_kills
from fault_injection.workloads import prepare_folder


@pytest.mark.slow
def test_two_hundred_kills_leave_one_sha256_for_every_store() -> None:
    found = inject_kills(200, seed=1, pooled=8)
    assert found.broken == []
    assert found.figures["kills"] == 200
    assert {"before verdicts", "before card", "before selected"} <= set(found.figures["fell"])


def test_what_was_acknowledged_and_is_gone_or_made_again_is_told(tmp_path: Path) -> None:
    out = prepare_folder(tmp_path / "act", "a shard and its receipt") / "out"
    shard = out / "part-00000.parquet"
    assert _find_lost_shards(out, {"part-00000.parquet": (1, 1)}) == ["part-00000.parquet was acknowledged, and lost"]
    shard.write_bytes(b"a")
    known = {"part-00000.parquet": _file_identity(shard)}
    assert _find_lost_shards(out, known) == []
    assert _find_lost_shards(out, {"part-00000.parquet": (0, 0)}) == [
        "part-00000.parquet was acknowledged, and made again"
    ]
