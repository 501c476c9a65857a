"""The page of act 2: one HTML file that needs nothing else, no script, no font, no picture from elsewhere.

Promises: every number in it comes from the files of the demo; text from models is escaped. It looks the same printed.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from winnow.app.act_two.figures import Bar, Point, bars, scatter
from winnow.app.act_two.foreseen import Said
from winnow.app.act_two.students import Score
from winnow.app.act_two.tables import EXAMPLES, LABELED, MEANS, PROMPTS
from winnow.stats.intervals import Figure
from winnow.tasks.demo.sums import PASSES_RIGHT, PASSES_WRONG

STYLE = """
:root { --ink: #1d2327; --soft: #5d6a72; --line: #d9dfe3; --paper: #ffffff; --panel: #f6f8f9; --wrong: #b3372f;
  --verified: #12805c; --judged: #d18f00; --control: #8a97a0; --unverified: #5a6b78; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7ecef; --soft: #9fadb6; --line: #36424a; --paper: #14191d; --panel: #1c2328; --wrong: #ef7f76;
    --verified: #35b98a; --judged: #e7ad2e; --control: #75838d; --unverified: #93a4b0; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.55 Georgia, "Times New Roman", serif; }
main { max-width: 720px; margin: 0 auto; padding: 56px 20px 80px; }
h1 { font-size: 34px; line-height: 1.2; margin: 0 0 10px; }
h2 { font-size: 21px; margin: 44px 0 8px; }
p { margin: 0 0 14px; }
figure { margin: 18px 0 6px; }
figcaption, .small { color: var(--soft); font-size: 14.5px; }
.lead { font-size: 20px; color: var(--soft); }
.square { max-width: 470px; margin-left: auto; margin-right: auto; }
svg { width: 100%; height: auto; display: block; }
svg text, table { font-family: ui-sans-serif, system-ui, sans-serif; }
svg text { fill: var(--ink); font-size: 15px; }
svg .tick, svg .note { font-size: 13px; fill: var(--soft); }
svg .value { font-weight: 600; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .generator { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 5 4; }
svg .whisker { stroke: var(--ink); stroke-width: 1.5; }
svg .verified { fill: var(--verified); }
svg .judged { fill: var(--judged); }
svg .control { fill: var(--control); }
svg .unverified { fill: var(--unverified); }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th, td { padding: 7px 8px; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
th:first-child, td:first-child, .words { text-align: left; }
.right { color: var(--verified); }
.wrong { color: var(--wrong); }
code { font: 14.5px ui-monospace, Menlo, monospace; background: var(--panel); padding: 1px 5px; border-radius: 4px; }
"""


@dataclass(frozen=True)
class Story:
    """Everything the page tells."""

    seed: int
    generator: Score
    said: Sequence[Said]
    scores: dict[str, Score]
    foretold: Sequence[tuple[str, str]]
    held_pairs: int
    asked: Sequence[tuple[str, int, dict[str, tuple[str, bool]]]]
    """Some held-out problems: the prompt, the answer, and what each model says and whether that is right."""
    ends: dict[str, Figure]
    seal: str


def page(story: Story) -> str:
    """The whole page."""
    best, raw = story.scores["verified"], story.scores["unverified"]
    held = sum(story.scores[one].accuracy > story.scores[other].accuracy for one, other in story.foretold)
    parts = [
        "<h1>Who should teach the student?</h1>",
        f'<p class="lead">A small model, half trained on {EXAMPLES:,} sums, wrote {PROMPTS:,} answers of '
        f"its own. Four students learned from them. The one that saw only checked answers has {best.accuracy:.0%} of "
        f"new problems right; the one that saw everything, {raw.accuracy:.0%}.</p>",
        _setting(story),
        "<h2>What each student learned</h2>",
        f"<figure>{bars(_bars(story), story.generator.accuracy)}<figcaption>Held-out problems right, of "
        f"{best.n:,}; lines are 95% intervals. All students are the same model, trained for the same number of steps."
        "</figcaption></figure>",
        "<h2>It was foreseen</h2>",
        f"<p>Before any student was trained, {LABELED} labels said how many rows of each file are right, and with that "
        f"an order: of the {len(story.foretold)} pairs of students whose files the labels could tell apart, <strong>"
        f"{held} came out in the order foreseen</strong>. What a student would score was not said, and the figure "
        "shows why: how far a student ends from the share right of its rows differs from student to student.</p>",
        _table(story),
        f'<figure class="square">{scatter(_points(story))}<figcaption>On the dashed line a student would be as often '
        "right as its rows. Lines are the 95% intervals of the forecast.</figcaption></figure>",
        "<h2>New problems on which they differ</h2>",
        _asked(story),
        _limits(story),
    ]
    return _document("\n".join(parts))


def _setting(story: Story) -> str:
    said = {one.student: one for one in story.said}
    rows = "".join(
        f"<tr><td>{name}</td><td class='words'>{means}</td><td>{said[name].rows:,}</td></tr>"
        for name, means in MEANS.items()
    )
    return (
        "<p>Every problem is like this one: <em>"
        f"{html.escape(story.asked[0][0])}</em> The generator has {story.generator.accuracy:.0%} of new ones right. "
        f"None of the {story.held_pairs:,} pairs of numbers in the new problems stands in anything that was learned "
        "from, so nobody can have remembered an answer.</p>"
        f"<table><tr><th>student</th><th class='words'>learns from</th><th>rows</th></tr>{rows}</table>"
    )


def _bars(story: Story) -> list[Bar]:
    order = sorted(story.scores.values(), key=lambda score: -score.accuracy)
    return [Bar(one.name, one.accuracy, *_ends(story.ends[one.name])) for one in order]


def _points(story: Story) -> list[Point]:
    return [Point(one.student, one.right, one.low, one.high, story.scores[one.student].accuracy) for one in story.said]


def _ends(figure: Figure) -> tuple[float, float]:
    assert figure.low is not None and figure.high is not None
    return figure.low, figure.high


def _table(story: Story) -> str:
    lines = []
    for one in sorted(story.said, key=lambda said: -said.right):
        got = story.scores[one.student]
        lines.append(
            f"<tr><td>{one.student}</td><td>{one.right:.0%} ({one.low:.0%} to {one.high:.0%})</td>"
            f"<td>{one.served:.0%}</td><td>{got.accuracy:.1%}</td></tr>"
        )
    head = "<tr><th>student</th><th>rows right, foreseen</th><th>prompts with a right row</th><th>scored</th></tr>"
    return f"<table>{head}{''.join(lines)}</table>"


def _asked(story: Story) -> str:
    names = list(story.asked[0][2])
    head = "".join(f"<th>{name}</th>" for name in names)
    lines = []
    for prompt, answer, said in story.asked:
        cells = "".join(_answer(*said[name]) for name in names)
        lines.append(f"<tr><td>{html.escape(prompt)} <span class='small'>{answer}</span></td>{cells}</tr>")
    return f"<table><tr><th>problem, and its answer</th>{head}</tr>{''.join(lines)}</table>"


def _answer(text: str, right: bool) -> str:
    kind, mark = ("right", "✓") if right else ("wrong", "✗")
    return f'<td class="{kind}">{html.escape(text.removeprefix("A: "))}&nbsp;{mark}</td>'


def _limits(story: Story) -> str:
    return (
        "<h2>What this does not show</h2><p>One small task, one small model, one seed. The judge is made to be wrong "
        f"at a known rate (it passes {PASSES_RIGHT:.0%} of right answers and {PASSES_WRONG:.0%} of wrong ones), and "
        "checking a sum is easier than checking an essay. On larger tasks the order is what to expect; it can fail, "
        'and numbers do not carry over.</p><p class="small">Made by '
        f"<code>winnow demo --train --seed {story.seed}</code>. The forecast was sealed before training: "
        f"<code>{story.seal[:16]}</code> in <code>forecast.json</code>.</p>"
    )


def _document(body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<title>winnow: who should teach the student?</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )
