"""No store of a run is opened once it is damaged."""

from __future__ import annotations

from fault_injection.store_damage import KINDS, damage_stores


def test_every_kind_of_store_is_refused_naming_file_and_rule_however_it_is_damaged() -> None:
    result = damage_stores(88, seed=1)
    assert result.broken == []
    assert result.figures["truncations refused"] == 8
    assert result.figures["flipped bits refused"] == 80
    assert result.figures["otherwise refused"] == result.figures["otherwise"] >= 7 * len(KINDS)
