"""Writes the tables of docs/explanation/editing.md: `python validation/editing_page.py [--figures F] [--page P]`.

The text between the markers is a function of results/real/editing.json and nothing else.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, FIGURES = ROOT / "docs" / "explanation" / "editing.md", ROOT / "results" / "real" / "editing.json"
BEGIN, END = "<!-- editing: begin -->", "<!-- editing: end -->"
DIGITS = 6
PAPER = (34.7, 8.1, 5.4, 4.4, 3.8, 3.6, 3.7, 4.0, 5.2, 27.1)
"""Shares by decile that the paper gives for its own corpus and model (arXiv 2412.14689)."""

Figures = dict[str, Any]


def round_numbers(value: Any) -> Any:
    """Round every float of a JSON value."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: round_numbers(entry) for key, entry in value.items()}
    return [round_numbers(entry) for entry in value] if isinstance(value, list | tuple) else value


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def format_share(value: float) -> str:
    """Return a share in percent, with more digits if it is small."""
    return f"{100 * value:.3f}%" if value < 0.001 else f"{100 * value:.2f}%"


def format_page(figures: Figures) -> str:
    """Return the text between the markers."""
    parts = (_model, _thresholds, _summary_sentence, _deciles, _settings, _samplers, _rounds)
    return "\n\n".join(part(figures) for part in parts)


def _model(figures: Figures) -> str:
    model, texts = figures["model"], figures["texts"]
    versions = ", ".join(f"{name} {number}" for name, number in figures["versions"].items())
    return (
        f"The model has {model['parameters'] / 1e6:.2f} million parameters ({model['layers']} layers, width "
        f"{model['width']}, {model['vocabulary']:,} byte-level tokens, context {model['context']}). It was trained for "
        f"{model['steps']:,} steps on {texts['trained_on_bytes'] / 1e6:.1f} MB. On the "
        f"{texts['edited_bytes'] / 1e6:.1f} MB of "
        f"unseen text that it then edited, its perplexity is {model['perplexity']:.1f} per token "
        f"({model['bits_per_byte']:.2f} bits per byte). {versions}."
    )


def _thresholds(figures: Figures) -> str:
    rows = []
    pairs = [entry for entry in figures["all"] if entry["name"] == "paper"]
    for unprotected, protected in zip(pairs[::2], pairs[1::2], strict=True):
        cells = [format_share(unprotected[name]) for name in ("over_share", "selected_share", "changed_share")]
        cells += [format_share(protected[name]) for name in ("eligible_share", "selected_share", "changed_share")]
        texts = f"{unprotected['rows_changed']:,} of {unprotected['rows']:,}"
        rows.append([f"{unprotected['rules']['threshold']:g}", *cells, texts])
    head = ["threshold p", "tokens with P >= p", "selected", "**changed**", "eligible (protection on)"]
    head += ["selected (protection on)", "changed (protection on)", "texts changed (protection on)"]
    return "Thresholds, on all texts:\n\n" + markdown_table(head, rows)


def _summary_sentence(figures: Figures) -> str:
    unprotected = next(entry for entry in figures["all"] if entry["name"] == "paper" and not entry["protected"])
    least, changed = unprotected["rules"]["threshold"], unprotected["changed"]
    again = f" (one in {unprotected['selected'] / changed:,.0f} of the selected)" if changed else ""
    shares = unprotected["deciles"]
    shape = "The distribution of probabilities has the shape of a U, as in the paper."
    if shares[9] <= min(shares[3:7]):
        shape = (
            "The distribution of probabilities does not have the shape of a U, as it has in the paper: a model "
            "this small, "
            "trained this briefly, is almost never certain. The paper's share of certain tokens was not reproduced."
        )
    return (
        f"At p = {least:g}, {unprotected['selected']:,} of {unprotected['tokens']:,} tokens were resampled, and "
        f"{changed:,} of them became a different token{again}. {shape}"
    )


def _deciles(figures: Figures) -> str:
    shares = figures["all"][0]["deciles"]
    names = [f"{n / 10:.1f}-{(n + 1) / 10:.1f}" for n in range(10)]
    measured = ["here", *(f"{100 * entry:.1f}" for entry in shares)]
    text = "Share of tokens (percent) by the probability that the prior gave them:\n\n"
    return text + markdown_table(["probability", *names], [measured, ["paper", *map(str, PAPER)]])


def _settings(figures: Figures) -> str:
    rows = [
        [
            entry["name"],
            f"{entry['rules']['threshold']:g}",
            format_share(entry["selected_share"]),
            format_share(entry["changed_share"]),
        ]
        for entry in figures["all"]
        if not entry["protected"] and entry["rules"]["threshold"] in (0.99, 0.9)
    ]
    text = "Settings, with k = 8 and beta = 1 unless the row says otherwise:\n\n"
    return text + markdown_table(["setting", "threshold p", "selected", "changed"], rows)


def _samplers(figures: Figures) -> str:
    rows = []
    for entry in figures["samplers"]:
        perplexity, length = entry["perplexity"], entry["characters"]["change"]
        cells = [f"{perplexity['before']:.2f}", f"{perplexity['after']:.2f}", f"{100 * length:+.3f}%"]
        rows.append([entry["name"], f"{entry['rules']['threshold']:g}", format_share(entry["changed_share"]), *cells])
    head = ["sampler", "threshold p", "changed", "perplexity before", "perplexity after", "change in length"]
    return "Samplers, on the first texts:\n\n" + markdown_table(head, rows)


def _rounds(figures: Figures) -> str:
    rows = []
    for entry in figures["rounds"]:
        for number, numbers in enumerate(entry["rounds"], 1):
            cells = [format_share(numbers[name]) for name in ("selected_share", "changed_share")]
            rows.append([f"{entry['threshold']:g}", str(number), *cells, f"{numbers['perplexity']:.2f}"])
    head = ["threshold p", "round", "selected", "changed", "perplexity before the round"]
    return "Rounds, on the same texts:\n\n" + markdown_table(head, rows)


def rewrite_page(figures: Path, document: Path) -> None:
    """Write the tables into the page."""
    before, rest = document.read_text(encoding="utf-8").split(BEGIN)
    text = format_page(json.loads(figures.read_text(encoding="utf-8")))
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> None:
    """Write the page again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, default=FIGURES)
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    rewrite_page(arguments.figures, arguments.page)


if __name__ == "__main__":
    main()
