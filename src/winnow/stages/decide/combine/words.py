"""The report of a combination in words: the verdicts, each verifier, the checks, and how far to believe it.

Promises: without labels every rate is called an estimate, with what it rests on; nothing is called measured.
It computes nothing but percentages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winnow.stats.intervals import Figure
from winnow.stats.words import around, percent

UNSEEN = "an error that all verifiers share cannot be seen without labels"


def report_words(report: dict[str, Any]) -> list[str]:
    """The lines a person reads."""
    known = "without labels" if report["labels"] is None else f"with {report['labels']['rows']:,} labels"
    counted = ", ".join(f"{word} {report[word]:,}" for word in ("pass", "fail", "abstain") if report[word])
    rate = "" if report["keep_rate"] is None else f" · keeps {report['keep_rate']:.1%} of the decided"
    return [
        f"combined {len(report['verifiers'])} verifiers of {report['table']} {known}",
        f"  {report['name']}: {counted or 'no candidates'}{rate}",
        *(f"  {line}" for line in (_estimates(report) if report["labels"] is None else _measured(report))),
        f"  the majority says otherwise on {_of(report['majority']['otherwise'], report)}",
        *(f"  note: {warned['words']}" for warned in report["warnings"]),
        *_unused(report),
    ]


def _estimates(report: dict[str, Any]) -> Iterator[str]:
    """What the votes alone suggest, and what that rests on."""
    expected = report["estimated"]
    off = any(warned["code"] == "dependent" for warned in report["warnings"])
    yield f"estimated from the votes alone, not measured{', and surely off (see the notes)' if off else ''}:"
    for one in report["verifiers"]:
        phi, psi = (around(Figure(**one[name])) for name in ("phi", "psi"))
        yield f"  {one['name']}: keeps {phi} of right rows, lets {psi} of wrong ones through · {_votes(one)}"
    yield f"  right rows in the table {around(Figure(**report['right']))} (found from the votes, not given)"
    if None not in expected.values():
        rates = f"keeps {percent(expected['phi'])} of right rows, lets {percent(expected['psi'])} of wrong ones through"
        yield f"  {report['name']}: {rates}, right among kept {percent(expected['precision'])}"
    if any(one["kind"] == "scores" for one in report["verifiers"]):
        yield "a score cut without labels is cut where half of its rows pass, whatever share is right"
    yield f"all of this assumes: {'; '.join(report['assumes'])}; {UNSEEN}"
    yield f"dependence: {_dependence(report)}"


def _dependence(report: dict[str, Any]) -> str:
    checked = [pair for pair in report["pairs"] if pair["errors"] is not None]
    if not checked:
        return "not checked, see the note"
    found = sum(warned["code"] == "dependent" for warned in report["warnings"])
    if found:
        return f"{found} of {len(checked)} pairs agree more than independent verifiers would, see the notes"
    return f"none of {len(checked)} pairs agrees more than independent verifiers would"


def _measured(report: dict[str, Any]) -> Iterator[str]:
    """The cards on the labels."""
    for one in report["verifiers"]:
        yield f"{one['name']}: {_votes(one, 'scores as they are, for the majority ')}"
    yield f"measured on {report['labels']['rows']:,} labels, each judged by a fit that did not see its prompt:"
    for card in (report["card"], *report["beside"]):
        single = (
            " (the best single verifier, chosen on these labels)" if card["verifier"] == report["best_single"] else ""
        )
        yield f"  {card['verifier']}{single}: {_card(card)}"
    shares = ", ".join(f"{name} {share:.1%}" for name, share in report["accuracy"].items())
    yield f"verdicts that match the label, an abstention matching none: {shares}"
    for pair in report["differences"]:
        if report["name"] in (pair["first"], pair["second"]):
            yield pair["words"]


def _card(card: dict[str, Any]) -> str:
    named = {
        "phi": "keeps {} of right rows",
        "psi": "lets {} of wrong ones through",
        "precision": "right among kept {}",
    }
    known = [
        text.format(around(Figure(**card[name]))) for name, text in named.items() if card[name]["value"] is not None
    ]
    raw = "" if card["p"]["value"] is None else f", raw {percent(1 - card['p']['value'])}"
    return f"{', '.join(known)}{raw} · {card['decision']}" if known else card["why"]


def _votes(one: dict[str, Any], scores: str = "") -> str:
    """Where a verifier's votes come from."""
    cut = (
        f"{scores}cut at {one['threshold']:.4g}, {one['because']}" if one["kind"] == "scores" else "votes as they stand"
    )
    source = cut if one["column"] == one["name"] else f"{one['column']}: {cut}"
    return f"{source} · decides {percent(one['decided'])}"


def _of(rows: int, report: dict[str, Any]) -> str:
    return f"{rows:,} of {report['rows']:,} rows ({rows / report['rows']:.1%})" if report["rows"] else "no row"


def _unused(report: dict[str, Any]) -> Iterator[str]:
    if report["unused_label"] is not None:
        name = report["unused_label"]
        yield f"  labels in {name} were not used: --label {name} learns from them, winnow measure checks against them"
