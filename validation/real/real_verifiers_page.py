"""Writes the results in docs/explanation/real-verifiers.md: `python validation/real/real_verifiers_page.py`.

The text between the markers is a function of results/real/*.json and nothing else: no number is typed in, and a
sentence that depends on a number is chosen by it. The text outside the markers is written by hand and contains no
result.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from workspace import RESULTS, ROOT, Figures, Workspace

PAGE = ROOT / "docs" / "explanation" / "real-verifiers.md"
NO_VALUE = "-"


def write_figures(work: Workspace, name: str, figures: Figures) -> None:
    """Write the figures of a data set and, where they are the project's own, its part of the page."""
    if work.write_figures(name, figures):
        rewrite_page(RESULTS, PAGE)


def rewrite_page(results: Path, page: Path) -> None:
    """Write every part of the page whose results exist."""
    text = page.read_text(encoding="utf-8")
    for name, part in PARTS.items():
        file = results / f"{name}.json"
        if file.is_file():
            begin, end = (f"<!-- {name}: {word} -->" for word in ("begin", "end"))
            before, rest = text.split(begin)
            after = rest.split(end)[1]
            figures = json.loads(file.read_text(encoding="utf-8"))
            text = f"{before}{begin}\n" + "\n\n".join(part(figures)) + f"\n{end}{after}"
    page.write_text(text, encoding="utf-8")


def command_block(*lines: str) -> str:
    """Return commands as a block of shell code."""
    return "\n".join(["```sh", *lines, "```"])


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def format_share(figure: Figures | None) -> str:
    """Return a share with its interval, in percent."""
    return _format_interval(figure, 100, "", "%")


def format_points(figure: Figures | None) -> str:
    """Return a difference of shares with its interval, in percentage points."""
    return _format_interval(figure, 100, "+", "")


def format_number(figure: Figures | None, sign: str = "") -> str:
    """Return a number with its interval."""
    return _format_interval(figure, 1, sign, "", 3)


def format_grade(figure: Figures | None, sign: str = "") -> str:
    """Return a mean of grades from 0 to 100 with its interval."""
    return _format_interval(figure, 1, sign, "")


def _format_interval(figure: Figures | None, times: float, sign: str, unit: str, digits: int = 1) -> str:
    if figure is None or figure["value"] is None:
        return NO_VALUE
    value, low, high = (
        None if figure[name] is None else f"{times * figure[name]:{sign}.{digits}f}"
        for name in ("value", "low", "high")
    )
    return f"{value}{unit}" if low is None or high is None else f"{value}{unit} ({low} to {high})"


def cards_table(cards: Sequence[Figures], what: str = "verifier") -> str:
    """Return a table with one card per row; the first column names the verifier or the corpus."""
    return markdown_table(
        [what, *"labels,right among kept,gain over all rows,phi,psi,p* - p,decision".split(",")],
        (
            [
                entry["name"] if what == "corpus" else entry["verifier"],
                f"{entry['labeled']:,}",
                format_share(entry.get("precision")),
                format_points(entry.get("uplift")),
                format_number(entry.get("phi")),
                format_number(entry.get("psi")),
                format_number(entry.get("margin"), "+"),
                entry["decision"] or "too few labels",
            ]
            for entry in cards
        ),
    )


def differences_table(pairs: Sequence[Figures]) -> str:
    """Return a table of the paired differences between verifiers."""
    return markdown_table(
        "first,second,rows,right among kept: first minus second,better with 95% confidence".split(","),
        (
            [entry["first"], entry["second"], entry["reading"], format_points(entry), entry["better"] or "neither"]
            for entry in pairs
        ),
    )


def join_words(words: Sequence[str]) -> str:
    """Return the words joined by commas and "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def frank_part(figures: Figures) -> Iterator[str]:
    """Yield the part on FRANK: FactCC on all rows, then three verifiers on one half."""
    whole, both, halves = figures["whole"], figures["side_by_side"], figures["halves"]
    card = whole["cards"][0]
    yield command_block(whole["command"], figures["grades"]["command"])
    yield (
        f"{card['labeled']:,} summaries of {card['prompts']} articles. p = {format_number(card['p'])} and "
        f"p* = {format_number(card['p_star'])}. Decision: *{card['decision']}* ({card['why']}). Because summaries "
        "of one "
        f"article resemble each other, the labels are worth {card['labeled'] / card['design_effect']:,.0f} "
        "independent ones."
    )
    yield cards_table([{**card, "name": "both"}, *card["slices"]], "corpus")
    open_ = [entry["name"] for entry in card["slices"] if entry["decision"] == "undecided"]
    if open_:
        yield f"Within {join_words(open_)} the interval includes no gain."
    yield from (f"The card adds: {note}." for note in card.get("notes", []))
    soft = figures["grades"]["cards"][0]
    yield (
        f"With the human Factuality as a grade from 0 to 1, the mean is {format_number(soft['mean_kept'])} among kept "
        f"summaries and {format_number(soft['mean_raw'])} among all. Decision: *{soft['decision']}*."
    )
    yield "Correlation between summaries of the same article (for FactCC):"
    yield markdown_table(
        "corpus,right,kept if right,kept if wrong".split(","),
        (
            [entry["corpus"], *(_format_value(entry[name]) for name in ("right", "kept right", "kept wrong"))]
            for entry in figures["alike"]
        ),
    )
    yield (
        f"Three verifiers side by side, on {halves['judged_on']['summaries']} summaries of "
        f"{halves['judged_on']['articles']} articles. The thresholds of BERTScore were chosen on "
        f"{halves['chosen_on']['summaries']} summaries of {halves['chosen_on']['articles']} other articles:"
    )
    yield command_block(both["command"])
    yield markdown_table(("verifier", "threshold"), ([name, f"{cut:g}"] for name, cut in figures["thresholds"].items()))
    yield cards_table(both["cards"])
    slices = [
        {**entry, "verifier": f"{of['verifier']}, {entry['name']}"} for of in both["cards"] for entry in of["slices"]
    ]
    yield "The same for each corpus, with a Bonferroni correction:"
    yield cards_table(slices)
    yield from (f"The card of {of['verifier']} adds: {note}." for of in both["cards"] for note in of.get("notes", []))
    yield differences_table(both["pairs"])


def _format_value(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value:.2f}"


def pandalm_part(figures: Figures) -> Iterator[str]:
    """Yield the part on PandaLM: two judges compared with people."""
    both, counts = figures["side_by_side"], figures["counts"]
    people = counts["people"]
    yield command_block(both["command"])
    yield (
        f"{counts['pairs']} pairs give {both['cards'][0]['n']:,} rows. In {people['tie']} pairs most people say "
        "tie, and in "
        f"{people['no majority']} no two people agree. These pairs have no label."
    )
    yield cards_table(both["cards"])
    yield differences_table(both["pairs"])
    yield markdown_table(
        "judge,ties,unreadable answers,ties where people say tie,exact agreement over all pairs".split(","),
        (
            [
                judge,
                entry["tie"],
                entry["unreadable"],
                entry["tie where people say tie"],
                f"{entry['exact agreement']:.1%}",
            ]
            for judge, entry in counts["judges"].items()
        ),
    )
    yield (
        "Exact agreement counts a tie as a third answer and an unreadable answer as a disagreement. It answers another "
        f"question: a judge that never says tie disagrees with people on all {people['tie']} of their ties, while a "
        "selection only asks which response to keep."
    )


def game24_part(figures: Figures) -> Iterator[str]:
    """Yield the part on the game of 24: an exact checker, and judges with known phi and psi."""
    both = figures["side_by_side"]
    first = both["cards"][0]
    copied = {entry["verifier"]: entry for entry in figures["students"]}
    raw = copied["raw"]
    students = [copied["exact"], *(copied[card["verifier"]] for card in both["cards"][1:])]
    yield command_block(figures["verify"], both["command"])
    yield (
        f"{first['n']:,} answers to {first['prompts']} puzzles, of which {raw['kept_right']:.1%} are right. So "
        f"p = {format_number(first['p'])}, and w = {figures['w']:g}. `right` is the exact checker."
    )
    titles = "verifier,simulated phi and psi,phi,psi,right among kept,gain over all rows,p*,p*_w,p* - p,decision".split(
        ","
    )
    yield markdown_table(
        titles,
        (
            [
                card["verifier"],
                f"{student['phi']:g} and {student['psi']:g}",
                *(format_number(card[name]) for name in ("phi", "psi")),
                format_share(card["precision"]),
                format_points(card["uplift"]),
                format_number(card["p_star"]),
                format_number(card["p_star_w"]),
                format_number(card["margin"], "+"),
                card["decision"],
            ]
            for card, student in zip(both["cards"], students, strict=True)
        ),
    )
    yield (
        "What a student would copy, from all answers and from the kept ones. Expected values are over "
        f"{figures['draws']:,} simulated judges of the same quality, with the standard deviation of one judge:"
    )
    yield markdown_table(
        "verifier,right among kept,expected,most common kept answer right,expected,standard deviation".split(","),
        (
            [
                entry["verifier"],
                *(f"{entry[name]:.3f}" for name in ("kept_right", "kept_right_expected", "commonest")),
                *(f"{entry[name]:.3f}" for name in ("commonest_expected", "commonest_spread")),
            ]
            for entry in figures["students"]
        ),
    )
    yield from _negative_margin_lines(both["cards"], students, raw)


def _negative_margin_lines(cards: Sequence[Figures], students: Sequence[Figures], raw: Figures) -> Iterator[str]:
    """Return what a negative margin means for open answers."""
    pairs = list(zip(cards, students, strict=True))
    against = [card["verifier"] for card, _ in pairs if card["margin"]["value"] < 0 and card["decision"] == "helps"]
    if against:
        yield f"The margin p* - p is negative and yet the verifier helps: {join_words(against)}."
    both = [
        card["verifier"]
        for card, entry in pairs
        if card["p_star_w"]["value"] < card["p"]["value"] and _is_surely_higher(entry, raw)
    ]
    if both:
        yield (
            f"For {join_words(both)} even p*_w is below p, and yet the most common kept answer is right in more "
            "puzzles than "
            "before. p*_w is a statement about one puzzle with a given p and w, and puzzles differ in both."
        )
    idle = [card["verifier"] for card in cards if card["decision"] == "undecided"]
    if idle:
        yield f"The interval includes no gain for {join_words(idle)}."


def _is_surely_higher(entry: Figures, raw: Figures) -> bool:
    """Whether the expected share of puzzles exceeds the raw one by two standard deviations of one draw."""
    return bool(entry["commonest_expected"] - 2 * entry["commonest_spread"] > raw["commonest"])


def wmt23_part(figures: Figures) -> Iterator[str]:
    """Yield the part on WMT23: best of twelve between a random choice and an oracle."""
    counts, best = figures["counts"], figures["systems"]
    yield command_block(*(entry["command"] for entry in figures["forecasts"]), figures["grades"]["command"])
    yield (
        f"{counts['segments']} segments by {best['count']} systems ({counts['left_out']} segments have no human "
        "score and "
        "are left out). The table shows the share of segments whose chosen translation is right. N = 1 is a random "
        "choice, and the oracle chooses a right translation wherever one of the N is right."
    )
    curves = figures["forecasts"]
    titles = [
        f"{what}, right if score >= {entry['right_from']}" for entry in curves for what in ("best by chrF", "oracle")
    ]
    yield markdown_table(
        ["N", *titles],
        (
            [rows[0]["n"], *(format_share(row[what]) for row in rows for what in ("best_of_n", "oracle"))]
            for rows in zip(*(entry["curve"] for entry in curves), strict=True)
        ),
    )
    for entry in curves:
        yield _curve_sentence(entry, best["best_right"][str(entry["right_from"])], best["best"])
    chosen, oracle = figures["grades"]["cards"]
    yield (
        f"Mean human score: {format_grade(chosen['mean_raw'])} for a random choice, "
        f"{format_grade(chosen['mean_kept'])} for "
        f"the best of {best['count']} by chrF (decision: *{chosen['decision']}*, gain "
        f"{format_grade(chosen['gain'], '+')}), "
        f"{format_grade(oracle['mean_kept'])} for the oracle, and {best['best_mean']:.1f} for always choosing "
        f"{best['best']}."
    )


def _curve_sentence(entry: Figures, single: float, system: str) -> str:
    """Return a sentence that summarizes a curve."""
    start, last = entry["curve"][0]["best_of_n"], entry["curve"][-1]
    value, oracle = last["best_of_n"]["value"], last["oracle"]["value"]
    way = (value - start["value"]) / (oracle - start["value"]) if oracle > start["value"] else 0.0
    words = (
        f"Right if score >= {entry['right_from']}: the best of {last['n']} by chrF covers {way:.0%} of the distance "
        "from a "
        f"random choice to the oracle. Always choosing {system} gives {single:.1%}, which is "
        f"{_position_to_interval(single, last['best_of_n'])} the interval of the best of {last['n']}. "
    )
    rule = entry["recommended"]
    words += "No rule is recommended." if rule is None else f"Recommended: {rule['rule']}, N = {rule['n'] or NO_VALUE}."
    warning_texts = (
        f" Warning ({'sure' if caution['sure'] else 'warning_texts'}): {caution['words']}."
        for caution in entry["warnings"]
    )
    return words + "".join(warning_texts)


def _position_to_interval(value: float, interval: Figures) -> str:
    return "above" if value > interval["high"] else "below" if value < interval["low"] else "inside"


PARTS: dict[str, Callable[[Figures], Iterator[str]]] = {
    "frank": frank_part,
    "pandalm": pandalm_part,
    "game24": game24_part,
    "wmt23": wmt23_part,
}


def main() -> None:
    """Write the page again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the figures")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page")
    options = parser.parse_args()
    rewrite_page(options.results, options.page)


if __name__ == "__main__":
    main()
