"""The report of a combination in words: the verdicts, each verifier, the checks, and how far to believe it.

Promises: without labels every rate is called an estimate, with what it rests on; nothing is called measured.
It computes nothing but percentages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winnow.statistics.card_report import format_estimate, format_percent
from winnow.statistics.intervals import IntervalEstimate

SHARED_ERROR_NOTE = "an error that all verifiers share cannot be seen without labels"


def report_lines(report: dict[str, Any]) -> list[str]:
    """The lines a person reads."""
    known = "without labels" if report["labels"] is None else f"with {report['labels']['rows']:,} labels"
    counted = ", ".join(f"{word} {report[word]:,}" for word in ("pass", "fail", "abstain") if report[word])
    rate = "" if report["keep_rate"] is None else f" · keeps {report['keep_rate']:.1%} of the decided"
    return [
        f"combined {len(report['verifiers'])} verifiers of {report['table']} {known}",
        f"  {report['name']}: {counted or 'no candidates'}{rate}",
        *(f"  {line}" for line in (_estimate_lines(report) if report["labels"] is None else _measured_lines(report))),
        f"  the majority says otherwise on {_format_row_share(report['majority']['otherwise'], report)}",
        *(f"  note: {warning['words']}" for warning in report["warnings"]),
        *_unused_label_lines(report),
    ]


def _estimate_lines(report: dict[str, Any]) -> Iterator[str]:
    """What the votes alone suggest, and what that rests on."""
    expected = report["estimated"]
    is_unreliable = any(warning["code"] == "dependent" for warning in report["warnings"])
    yield f"estimated from the votes alone, not measured{', and surely off (see the notes)' if is_unreliable else ''}:"
    for verifier in report["verifiers"]:
        phi, psi = (format_estimate(IntervalEstimate(**verifier[name])) for name in ("phi", "psi"))
        yield f"  {verifier['name']}: keeps {phi} of right rows, lets {psi} of wrong ones through · {_describe_votes(verifier)}"
    yield f"  right rows in the table {format_estimate(IntervalEstimate(**report['right']))} (found from the votes, not given)"
    if None not in expected.values():
        rates = f"keeps {format_percent(expected['phi'])} of right rows, lets {format_percent(expected['psi'])} of wrong ones through"
        yield f"  {report['name']}: {rates}, right among kept {format_percent(expected['precision'])}"
    if any(verifier["kind"] == "scores" for verifier in report["verifiers"]):
        yield "a score cut without labels is cut where half of its rows pass, whatever share is right"
    yield f"all of this assumes: {'; '.join(report['assumes'])}; {SHARED_ERROR_NOTE}"
    yield f"dependence: {_describe_dependence(report)}"


def _describe_dependence(report: dict[str, Any]) -> str:
    checked = [pair for pair in report["pairs"] if pair["errors"] is not None]
    if not checked:
        return "not checked, see the note"
    dependent = sum(warning["code"] == "dependent" for warning in report["warnings"])
    if dependent:
        return f"{dependent} of {len(checked)} pairs agree more than independent verifiers would, see the notes"
    return f"none of {len(checked)} pairs agrees more than independent verifiers would"


def _measured_lines(report: dict[str, Any]) -> Iterator[str]:
    """The cards on the labels."""
    for verifier in report["verifiers"]:
        yield f"{verifier['name']}: {_describe_votes(verifier, 'scores as they are, for the majority ')}"
    yield f"measured on {report['labels']['rows']:,} labels, each judged by a fit that did not see its prompt:"
    for card in (report["card"], *report["beside"]):
        best_note = (
            " (the best single verifier, chosen on these labels)" if card["verifier"] == report["best_single"] else ""
        )
        yield f"  {card['verifier']}{best_note}: {_describe_card(card)}"
    shares = ", ".join(f"{name} {share:.1%}" for name, share in report["accuracy"].items())
    yield f"verdicts that match the label, an abstention matching none: {shares}"
    for pair in report["differences"]:
        if report["name"] in (pair["first"], pair["second"]):
            yield pair["words"]


def _describe_card(card: dict[str, Any]) -> str:
    templates = {
        "phi": "keeps {} of right rows",
        "psi": "lets {} of wrong ones through",
        "precision": "right among kept {}",
    }
    parts = [
        text.format(format_estimate(IntervalEstimate(**card[name])))
        for name, text in templates.items()
        if card[name]["value"] is not None
    ]
    raw = "" if card["p"]["value"] is None else f", raw {format_percent(1 - card['p']['value'])}"
    return f"{', '.join(parts)}{raw} · {card['decision']}" if parts else card["why"]


def _describe_votes(verifier: dict[str, Any], scores: str = "") -> str:
    """Where a verifier's votes come from."""
    origin = (
        f"{scores}cut at {verifier['threshold']:.4g}, {verifier['because']}"
        if verifier["kind"] == "scores"
        else "votes as they stand"
    )
    source = origin if verifier["column"] == verifier["name"] else f"{verifier['column']}: {origin}"
    return f"{source} · decides {format_percent(verifier['decided'])}"


def _format_row_share(rows: int, report: dict[str, Any]) -> str:
    return f"{rows:,} of {report['rows']:,} rows ({rows / report['rows']:.1%})" if report["rows"] else "no row"


def _unused_label_lines(report: dict[str, Any]) -> Iterator[str]:
    if report["unused_label"] is not None:
        name = report["unused_label"]
        yield f"  labels in {name} were not used: --label {name} learns from them, winnow measure checks against them"
