"""Settings are parsed to the type of their default, and an error names the rule."""

from __future__ import annotations

from typing import Any

import pytest

from winnow.cli.settings import parse_changes, parse_grid, parse_seeds
from winnow.errors import UsageError

DEFAULTS: dict[str, Any] = {"runs": 10, "share": 0.5, "loss": "ridge", "loud": False, "sizes": (1, 2)}


def test_values_have_the_type_of_their_default() -> None:
    texts = ["runs=1e3", "share=1", "loss=my:loss", "loud=yes", "sizes=3,4,5"]
    assert parse_changes(texts, DEFAULTS) == {
        "runs": 1000, "share": 1.0, "loss": "my:loss", "loud": True, "sizes": (3, 4, 5),
    }  # fmt: skip
    assert parse_grid(["runs=1,2,2", "loss=a,b"], DEFAULTS) == {"runs": (1, 2), "loss": ("a", "b")}


def test_seeds_are_ranges_and_lists() -> None:
    assert parse_seeds(None) is None
    assert parse_seeds("0-3") == (0, 1, 2, 3)
    assert parse_seeds("7,1-2,7") == (7, 1, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run=1", "Did you mean 'runs'"),
        ("runs", "is not KEY=VALUE"),
        ("runs=1.5", "is not a whole number"),
        ("share=much", "is not a number"),
        ("share=nan", "is not finite"),
        ("runs=inf", "is not"),
        ("loud=maybe", "neither true nor false"),
    ],
)
def test_a_setting_that_cannot_be_parsed_names_its_rule(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_changes([text], DEFAULTS)


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "0-99999999", "1,,2"])
def test_a_text_that_names_no_seeds_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        parse_seeds(text)


def test_a_setting_that_is_a_list_cannot_be_in_a_grid() -> None:
    with pytest.raises(UsageError, match="is a list itself"):
        parse_grid(["sizes=1,2"], DEFAULTS)
