"""Act 2, told from its beginning to its end: examples, a generator, candidates, a forecast, students, a page.

Promises: the forecast is written and sealed before the first student is trained, and read again when they are; the same
seed gives the same files on the same machine; stopped anywhere, the same command goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from winnow.app.act_two.foreseen import Said, foresee, ordered, seal_of
from winnow.app.act_two.page import Story, page
from winnow.app.act_two.students import Learner, Score, all_trained, answers, half_trained
from winnow.app.act_two.tables import EXAMPLES, HELD_OUT, LABELED, MEANS, PROMPTS, STUDENTS, Tables
from winnow.app.say import say
from winnow.data.stores.atomic import write_bytes
from winnow.stats.outcomes import measured
from winnow.tasks.demo.sums import small_sums
from winnow.tasks.judges import right_answer
from winnow.tasks.word_problems import Problem

SHOWN, LOOKED_AT = 6, 200
ASKED = ("unverified", "judged", "verified")


def act_two(out: Path, seed: int) -> dict[str, Any]:
    """Everything, in order; returns what came of it."""
    tables = Tables(out)
    say(f"training a small model on {EXAMPLES:,} word problems, and not for long ...")
    prompts = tables.written_first(seed)
    learner = Learner("generator", tables.examples, tables.held_out, out / "models" / "generator", seed)
    generator = half_trained(learner, tables.checked)
    say(f"  right on {generator.accuracy:.1%} of {HELD_OUT:,} new problems; it now answers {PROMPTS:,} others")
    tables.written_by_generator(prompts, answers(out / "models" / "generator", [one.prompt for one in prompts]), seed)
    sizes = {"unverified": PROMPTS} | {name: len(chosen) for name, chosen in tables.selected(seed).items()}
    pairs = tables.refuse_shared_pairs()
    said = foresee(tables, sizes, out)
    say("", *_foreseen(said), "", "training four students ...")
    scores = all_trained(tables, STUDENTS, seed, lambda score: say(f"  {score.name}: {score.accuracy:.1%}"))
    # What is laid beside the outcome is what was sealed before it.
    seal, foretold = seal_of(out), ordered(said)
    result = _result(seed, generator, said, scores, foretold, seal)
    write_bytes(out / "outcome.json", (json.dumps(result, indent=1) + "\n").encode())
    ends = {name: measured(score.accuracy, score.n) for name, score in scores.items()}
    asked = _asked(out, small_sums(LOOKED_AT, seed, "test"))
    story = Story(seed, generator, said, scores, foretold, pairs, asked, ends, seal)
    write_bytes(out / "page.html", page(story).encode())
    say("", *_lines(said, generator, scores, foretold), "", f"a page to look at: {out}/page.html")
    return result


def _foreseen(said: Sequence[Said]) -> Iterable[str]:
    yield f"what {LABELED} labels say of what each student will learn from, before any is trained:"
    yield f"  {'student':<12}{'rows':>7}   {'right among its rows':<26}{'learns from'}"
    for one in said:
        share = f"{one.right:.1%} ({one.low:.1%} to {one.high:.1%})"
        yield f"  {one.student:<12}{one.rows:>7,}   {share:<26}{MEANS[one.student]}"
    yield "  order: " + ", ".join(f"{better} > {worse}" for better, worse in ordered(said))


def _held(foretold: Sequence[tuple[str, str]], scores: dict[str, Score]) -> list[tuple[str, str]]:
    """The pairs that came in the order foretold."""
    return [(better, worse) for better, worse in foretold if scores[better].accuracy > scores[worse].accuracy]


def _lines(
    said: Sequence[Said], generator: Score, scores: dict[str, Score], foretold: Sequence[tuple[str, str]]
) -> Iterable[str]:
    held = _held(foretold, scores)
    yield f"foreseen and come: the order held for {len(held)} of the {len(foretold)} pairs that were told apart"
    yield f"  {'student':<12}{'rows right, foreseen':>22}{'scored':>9}{'against its generator':>24}"
    for one in sorted(said, key=lambda each: -scores[each.student].accuracy):
        score = scores[one.student].accuracy
        yield f"  {one.student:<12}{one.right:>22.1%}{score:>9.1%}{100 * (score - generator.accuracy):>+17.1f} points"
    for better, worse in foretold:
        if (better, worse) not in held:
            yield f"  not as foreseen: {better} > {worse}"


def _asked(out: Path, problems: Sequence[Problem]) -> list[tuple[str, int, dict[str, tuple[str, bool]]]]:
    """What the models say to the first held-out problems on which they differ."""
    prompts = [one.prompt for one in problems]
    said = {name: answers(out / "models" / name, prompts) for name in ("generator", *ASKED)}
    right = {name: right_answer(prompts, texts) for name, texts in said.items()}
    return [
        (one.prompt, one.answer, {name: (said[name][place], right[name][place] is True) for name in said})
        for place, one in enumerate(problems)
        if len({texts[place] for texts in said.values()}) > 1
    ][:SHOWN]


def _result(
    seed: int,
    generator: Score,
    said: Sequence[Said],
    scores: dict[str, Score],
    foretold: Sequence[tuple[str, str]],
    seal: str,
) -> dict[str, Any]:
    """What came of it, in numbers."""
    held = _held(foretold, scores)
    return {
        "seed": seed,
        "forecast": seal,
        "generator": generator.accuracy,
        "students": {
            one.student: {"rows": one.rows, "foreseen": one.right, "scored": scores[one.student].accuracy}
            for one in said
        },
        "pairs_foretold": len(foretold),
        "pairs_held": len(held),
        "n": generator.n,
    }
