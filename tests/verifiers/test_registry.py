"""Verifiers by name: built-in, registered by packages, or functions; and their settings."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from winnow.errors import EnvironmentFault, UsageError
from winnow.verifiers.answers.exact import Exact
from winnow.verifiers.answers.number import Number
from winnow.verifiers.function_verifier import IsolatedVerifier
from winnow.verifiers.options import VerifierOption
from winnow.verifiers.registry import BUILT_IN, make_verifier, parse_settings, verifier_names, verifier_options
from winnow.verifiers.verdicts import Batch


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_named_verifier_is_made_under_its_name(name: str) -> None:
    verifier = make_verifier(name)
    assert verifier.name == name
    assert verifier.version >= 1


def test_settings_are_read_from_text_and_from_typed_values() -> None:
    assert make_verifier("number", {"relative": "0.01", "marker": "A:"}) == Number(relative=0.01, marker="A:")
    assert make_verifier("number", {"vector": 1}) == Number(vector=1.0)
    assert make_verifier("number", {"vector": "none"}) == Number()
    assert make_verifier("exact", {"normalize": "case,strip"}) == Exact(normalize="case,strip")


def test_a_verifier_or_a_function_may_be_passed_as_an_object() -> None:
    def lengthy(completions: list[str]) -> list[float]:
        return [float(len(text)) for text in completions]

    number = Number()
    assert make_verifier(number) is number
    assert make_verifier(lengthy, {"threshold": "3", "lower_is_better": "true"}).name == "lengthy"


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        ("nubmer", {}, "--with nubmer: no verifier has this name. Did you mean 'number', or name a function"),
        ("number", {"relativ": "1"}, "--set number.relativ: number has no option 'relativ'. Did you mean 'relative'"),
        ("number", {"relative": "much"}, "--set number.relative: 'much' is not a number"),
        ("number", {"relative": True}, "is not a number"),
        ("number", {"marker": 5}, "is not text"),
        ("number", {"relative": "-1"}, "not a finite number of at least 0"),
        ("number", {"vector": "nan"}, "not a finite number of at least 0"),
        ("number", {"vector": 0}, "no distance is below a bound of 0"),
        ("number", {"vector": 0.1, "absolute": 1}, "excludes the bounds relative and absolute"),
        ("number", {"decimal": ";"}, "neither '.' nor ','"),
        ("number", {"marker": "A:", "extract": "boxed"}, "Write extract=after:A:"),
        ("number", {"extract": "boxd"}, "number.extract: 'boxd'"),
        ("exact", {"normalize": "strip,cases"}, "Did you mean 'case'"),
        ("exact", {"normalize": "none,strip"}, "combines none with others"),
        ("json:dumps", {"threshold": "high"}, "--set dumps.threshold: 'high' is not a number"),
        ("json:dumps", {"lower_is_better": "perhaps"}, "not true or false"),
        ("json:dumps", {"lower_is_better": "yes"}, "there is no threshold"),
        ("json:dumps", {"threshold": "inf"}, "not finite"),
        (Number(), {"relative": 1}, "exists already"),
        (5, {}, "not a name, a function or a verifier"),
    ],
)
def test_a_wrong_name_or_setting_is_a_usage_error(spec: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
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
    ("pair", "message"),
    {
        "exakt.normalize=case": "Did you mean 'exact'",
        "normalize=case": "NAME.option=value",
        "exact.normalize": "NAME.option=value",
        "same.threshold=1": "Write the whole path",
    }.items(),
)
def test_a_setting_of_nothing_in_use_is_a_usage_error(pair: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_settings(["exact", "a:same", "b:same"], [pair])


def test_the_configuration_contains_every_option_that_changes_a_verdict() -> None:
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


@pytest.mark.parametrize("name", verifier_names())
def test_every_verifier_describes_itself_and_its_options(name: str) -> None:
    summary, options = verifier_options(name)
    assert summary.endswith(".")
    assert options
    for option in options:
        assert option.description.endswith(".")
        assert option.type in ("text", "a number", "a number or none", "true or false")


def test_the_options_of_a_verifier_are_listed_with_type_and_default() -> None:
    listed = {option.name: (option.type, option.default) for option in verifier_options("module:function")[1]}
    assert listed == {
        "threshold": ("a number or none", None),
        "lower_is_better": ("true or false", False),
        "seconds": ("a number", 60.0),
        "memory_gb": ("a number", 4.0),
    }


PLUGIN_MODULE = """
from dataclasses import dataclass
from winnow.verifiers.verdicts import Verdicts

@dataclass(frozen=True)
class Longest:
    '''Passes texts up to a length.'''
    most: int = 3
    name = "short-enough"
    version = 1
    needs_reference = False

    def config(self):
        return {"most": self.most}

    def judge(self, batch):
        verdicts = ["pass" if len(text) <= self.most else "fail" for text in batch.texts.to_pylist()]
        return Verdicts.of(verdicts, [None] * len(verdicts), [None] * len(verdicts))

def polite(completions):
    return [float("please" in text) for text in completions]

number = 5
"""


@pytest.fixture
def plugin_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that registers verifiers, some of which are broken."""
    (tmp_path / "plugin_checks.py").write_text(PLUGIN_MODULE)
    info = tmp_path / "plugin_checks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-checks\nVersion: 1.0\n")
    entries = {
        "short-enough": "plugin_checks:Longest",
        "polite": "plugin_checks:polite",
        "exact": "plugin_checks:polite",
        "constant": "plugin_checks:number",
        "gone": "plugin_checks_gone:check",
    }
    lines = [f"{name} = {target}" for name, target in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[winnow.verifiers]", *lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("plugin_package")
def test_verifiers_that_packages_register_are_found_by_name() -> None:
    batch = Batch(pa.array(["yes", "please"]))
    short = make_verifier("short-enough", {"most": "4"})
    assert short.judge(batch).verdict.to_pylist() == ["pass", "fail"]
    polite = make_verifier("polite", {"threshold": "0.5"})
    assert isinstance(polite, IsolatedVerifier)
    assert polite.name == "polite"
    assert polite.config()["path"] == "plugin_checks:polite"
    assert polite.judge(batch).verdict.to_pylist() == ["fail", "pass"]
    polite.close()
    assert verifier_options("short-enough") == (
        "Passes texts up to a length.",
        (VerifierOption("most", "a whole number", 3, ""),),
    )


@pytest.mark.usefixtures("plugin_package")
def test_a_built_in_verifier_wins_over_a_registered_one_of_its_name() -> None:
    assert isinstance(make_verifier("exact"), Exact)
    assert verifier_names().count("exact") == 1


@pytest.mark.usefixtures("plugin_package")
def test_a_registered_verifier_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(EnvironmentFault, match="plugin-checks: .*plugin_checks_gone:check cannot be loaded"):
        make_verifier("gone")
    with pytest.raises(UsageError, match="--with constant: .*winnow.verifiers is 5. Register a function"):
        make_verifier("constant")
    with pytest.raises(UsageError, match="Did you mean 'polite'"):
        make_verifier("polit")
    with pytest.raises(UsageError, match="--set short-enough.most: '2.5' is not a whole number"):
        make_verifier("short-enough", {"most": "2.5"})
