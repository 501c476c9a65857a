"""A damaged store of a run is never opened."""

from __future__ import annotations

from fault_injection.store_damage import KINDS, OTHER_DAMAGE, OTHER_DAMAGE_REFUSED, damage_stores


def test_the_error_for_any_damage_to_any_kind_of_store_names_the_file_and_the_rule() -> None:
    result = damage_stores(88, seed=1)
    assert result.broken == []
    assert result.figures["truncations refused"] == 8
    assert result.figures["flipped bits refused"] == 80
    assert result.figures[OTHER_DAMAGE_REFUSED] == result.figures[OTHER_DAMAGE] >= 7 * len(KINDS)
