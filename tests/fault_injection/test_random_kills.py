"""A run killed at any moment and started again leaves the bytes of an undisturbed run."""

from __future__ import annotations

from pathlib import Path

import pytest

from fault_injection.random_kills import _file_identity, _find_lost_shards, inject_kills
from fault_injection.workloads import prepare_folder


@pytest.mark.slow
def test_many_kills_do_not_change_a_byte_of_any_store() -> None:
    result = inject_kills(200, seed=1, pooled=8)
    assert result.broken == []
    assert result.figures["kills"] == 200
    assert {"before verdicts", "before card", "before selected"} <= set(result.figures["kills by stage"])


def test_a_shard_with_a_receipt_that_is_lost_or_written_again_is_reported(tmp_path: Path) -> None:
    out = prepare_folder(tmp_path / "work", "a shard and its receipt") / "out"
    shard = out / "part-00000.parquet"
    assert _find_lost_shards(out, {"part-00000.parquet": (1, 1)}) == ["part-00000.parquet had a receipt and was lost"]
    shard.write_bytes(b"a")
    known = {"part-00000.parquet": _file_identity(shard)}
    assert _find_lost_shards(out, known) == []
    assert _find_lost_shards(out, {"part-00000.parquet": (0, 0)}) == [
        "part-00000.parquet had a receipt and was written again"
    ]
