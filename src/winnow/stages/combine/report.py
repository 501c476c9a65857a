"""The result of combine: rows with the combined verdict, and how far it can be trusted.

Without labels every rate is called an estimate, with what it assumes; only with labels is anything called measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winnow.stages.results import Rows
from winnow.stages.verify.stage import describe_verdicts
from winnow.statistics.card_report import format_estimate, format_percent
from winnow.statistics.intervals import IntervalEstimate

CARD_PARTS = {
    "phi": "keeps {} of right rows",
    "psi": "lets {} of wrong ones through",
    "precision": "right among kept {}",
}


class Combination(Rows):
    """The rows with the combined verdict; `summary` is the JSON document."""

    def describe(self) -> str:
        return "\n".join(_report_lines(self.summary))


def _report_lines(report: dict[str, Any]) -> Iterator[str]:
    basis = "without labels" if report["labels"] is None else f"with {report['labels']['rows']:,} labels"
    yield f"combined {len(report['verifiers'])} verifiers of {report['table']} {basis}"
    yield describe_verdicts(report)
    yield from (f"  {line}" for line in (_estimate_lines if report["labels"] is None else _measured_lines)(report))
    if report["rows"]:
        otherwise = report["majority"]["otherwise"]
        share = f"{otherwise:,} of {report['rows']:,} rows ({otherwise / report['rows']:.1%})"
        yield f"  the majority decides otherwise on {share}"
    yield from (f"  note: {warning['words']}" for warning in report["warnings"])
    if (label := report["unused_label"]) is not None:
        yield f"  labels in {label} were not used: --label {label} learns from them, winnow measure checks with them"


def _estimate_lines(report: dict[str, Any]) -> Iterator[str]:
    """What the votes alone suggest, and what that assumes."""
    expected = report["estimated"]
    checked = [pair for pair in report["pairs"] if pair["errors"] is not None]
    dependent = sum(warning["code"] == "dependent" for warning in report["warnings"])
    yield f"estimated from the votes alone, not measured{', and certainly off (see the notes)' if dependent else ''}:"
    for verifier in report["verifiers"]:
        yield f"  {verifier['name']}: {_describe_rates(verifier, ('phi', 'psi'))}; {_describe_votes(verifier)}"
    yield f"  right rows in the table: {format_estimate(IntervalEstimate(**report['right']))}"
    if None not in expected.values():
        rates = (text.format(format_percent(expected[name])) for name, text in CARD_PARTS.items())
        yield f"  {report['name']}: {', '.join(rates)}"
    if any(verifier["kind"] == "scores" for verifier in report["verifiers"]):
        yield "without labels a score becomes a vote where half of its rows pass, whatever share is right"
    yield f"assumptions: {'; '.join(report['assumes'])}"
    yield "an error that all verifiers share cannot be seen without labels"
    if not checked:
        yield "dependence: not checked, see the note"
    elif dependent:
        yield f"dependence: {dependent} of {len(checked)} pairs agree more than independent verifiers would"
    else:
        yield f"dependence: none of {len(checked)} pairs agrees more than independent verifiers would"


def _measured_lines(report: dict[str, Any]) -> Iterator[str]:
    """The cards on the labels."""
    for verifier in report["verifiers"]:
        note = "scores are used as they are; for the majority " if verifier["kind"] == "scores" else ""
        yield f"{verifier['name']}: {note}{_describe_votes(verifier)}"
    yield f"measured on {report['labels']['rows']:,} labels, each judged by a fit that did not see its prompt:"
    for card in (report["card"], *report["beside"]):
        is_best = card["verifier"] == report["best_single"]
        note = " (the best single verifier, chosen on these labels)" if is_best else ""
        rates = _describe_rates(card, CARD_PARTS)
        raw = "" if card["p"]["value"] is None else f", raw {format_percent(1 - card['p']['value'])}"
        outcome = f"{rates}{raw}; {card['decision']}" if rates else card["why"]
        yield f"  {card['verifier']}{note}: {outcome}"
    shares = ", ".join(f"{name} {share:.1%}" for name, share in report["accuracy"].items())
    yield f"verdicts that match the label (an abstention never does): {shares}"
    for pair in report["differences"]:
        if report["name"] in (pair["first"], pair["second"]):
            yield pair["words"]


def _describe_rates(figures: dict[str, Any], names: Any) -> str:
    known = [name for name in names if figures[name]["value"] is not None]
    return ", ".join(CARD_PARTS[name].format(format_estimate(IntervalEstimate(**figures[name]))) for name in known)


def _describe_votes(verifier: dict[str, Any]) -> str:
    """Where the votes of a verifier come from."""
    origin = "its votes"
    if verifier["kind"] == "scores":
        origin = f"a pass from {verifier['threshold']:.4g} on, {verifier['because']}"
    column = "" if verifier["column"] == verifier["name"] else f"column {verifier['column']}, "
    return f"{column}{origin}; decides {format_percent(verifier['decided'])} of the rows"
