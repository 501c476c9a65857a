"""Verifiers and their settings by name."""

from __future__ import annotations

import re

import pytest

from winnow.errors import UsageError
from winnow.verifiers.answers.exact import Exact
from winnow.verifiers.answers.number import Number
from winnow.verifiers.registry import BUILT_IN, make_verifier, parse_settings


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_named_verifier_is_made_under_its_name(name: str) -> None:
    made = make_verifier(name)
    assert made.name == name
    assert made.version >= 1


def test_settings_are_read_from_text_and_from_typed_values() -> None:
    assert make_verifier("number", {"relative": "0.01", "marker": "A:"}) == Number(relative=0.01, marker="A:")
    assert make_verifier("number", {"vector": 1}) == Number(vector=1.0)
    assert make_verifier("number", {"vector": "none"}) == Number()
    assert make_verifier("exact", {"normalize": "case,strip"}) == Exact(normalize="case,strip")


def test_a_verifier_or_a_function_may_be_given_itself() -> None:
    def lengthy(completions: list[str]) -> list[float]:
        return [float(len(text)) for text in completions]

    number = Number()
    assert make_verifier(number) is number
    assert make_verifier(lengthy, {"threshold": "3", "lower_is_better": "true"}).name == "lengthy"


@pytest.mark.parametrize(
    ("spec", "settings", "words"),
    [
        ("nubmer", {}, "--with nubmer: no verifier has this name. Did you mean 'number', or give a function"),
        ("number", {"relativ": "1"}, "--set number.relativ: number has no option 'relativ'. Did you mean 'relative'"),
        ("number", {"relative": "much"}, "--set number.relative: 'much' is not a number"),
        ("number", {"relative": True}, "is not a number"),
        ("number", {"marker": 5}, "is not text"),
        ("number", {"relative": "-1"}, "not a finite number of at least 0"),
        ("number", {"vector": "nan"}, "not a finite number of at least 0"),
        ("number", {"vector": 0}, "nothing is under a bound of 0"),
        ("number", {"vector": 0.1, "absolute": 1}, "a bound of its own"),
        ("number", {"decimal": ";"}, "neither '.' nor ','"),
        ("number", {"marker": "A:", "extract": "boxed"}, "Write extract=after:A:"),
        ("number", {"extract": "boxd"}, "number.extract: 'boxd'"),
        ("exact", {"normalize": "strip,cases"}, "Did you mean 'case'"),
        ("exact", {"normalize": "none,strip"}, "none and more"),
        ("json:dumps", {"threshold": "high"}, "--set dumps.threshold: 'high' is not a number"),
        ("json:dumps", {"lower_is_better": "perhaps"}, "not true or false"),
        ("json:dumps", {"lower_is_better": "yes"}, "no threshold"),
        ("json:dumps", {"threshold": "inf"}, "not finite"),
        (Number(), {"relative": 1}, "has its settings already"),
        (5, {}, "no name, function or verifier"),
    ],
)
def test_a_wrong_name_or_setting_is_a_usage_error(spec: str, settings: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        make_verifier(spec, settings)


def test_settings_go_to_the_verifier_they_name() -> None:
    names = ["exact", "pkg.checks:balanced"]
    pairs = ["exact.normalize=case,strip", "balanced.threshold=.5", "exact.extract=regex:a=(b)"]
    assert parse_settings(names, pairs) == {
        "exact": {"normalize": "case,strip", "extract": "regex:a=(b)"},
        "pkg.checks:balanced": {"threshold": ".5"},
    }
    assert parse_settings(names, ["pkg.checks:balanced.threshold=1"])["pkg.checks:balanced"] == {"threshold": "1"}


@pytest.mark.parametrize(
    ("pair", "words"),
    {
        "exakt.normalize=case": "Did you mean 'exact'",
        "normalize=case": "NAME.option=value",
        "exact.normalize": "NAME.option=value",
        "same.threshold=1": "Write the whole path",
    }.items(),
)
def test_a_setting_of_nothing_in_use_is_a_usage_error(pair: str, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        parse_settings(["exact", "a:same", "b:same"], [pair])


def test_the_configuration_says_every_option_that_changes_a_verdict() -> None:
    assert (
        make_verifier("exact", {"normalize": "strip, case"}).config()
        == make_verifier("exact", {"normalize": "case,strip"}).config()
    )
    assert (
        make_verifier("number", {"marker": "A:"}).config() == make_verifier("number", {"extract": "after:A:"}).config()
    )
    different: list[dict[str, object]] = [
        {"decimal": ","},
        {"relative": 0.1},
        {"absolute": 0.1},
        {"vector": 0.1},
        {"extract": "boxed"},
        {},
    ]
    assert len({str(make_verifier("number", settings).config()) for settings in different}) == len(different)
