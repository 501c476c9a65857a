"""demo: what winnow does, on word problems, in a few seconds and without a model.

A scripted answerer writes candidates with realistic mistakes; a judge that likes long answers scores them; the
verifier `number` checks them. Cards and a forecast say beforehand what each is worth; selections by each are then
laid beside a control and beside the truth, which only the task knows. It leaves `candidates.jsonl` and `labels.csv`,
on which every command of the README runs. With --train act 2 follows, see act_two/: a model and students of our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from winnow.app.options import Document, OutputOptions, command, option
from winnow.app.say import say
from winnow.data.errors import UsageError, shown
from winnow.data.stores.atomic import make_folder, write_bytes
from winnow.stages import front
from winnow.stages.results import Rows
from winnow.tasks.demo_table import candidates, labels

PROBLEMS, PER_PROBLEM, LABELED = 200, 8, 200
PLANNED, BAR = 200, 40
TRUTH, RIGHT = "winnow.tasks.judges:right_answer", "right_answer"
JUDGED_GOOD = 0.5


@command
def demo(
    output: OutputOptions,
    out: Annotated[Path, option("--out", "the folder to write (default: demo)", None, "FOLDER")] = Path("demo"),
    seed: Annotated[int, option("--seed", "seed of problems, answers and draws (default 0)", None, "N")] = 0,
    train: Annotated[bool, option("--train", "act 2 too: train a small model and students on the spot", None)] = False,
) -> Document:
    """Word problems, a scripted answerer, and a judge that likes long answers: who selects right answers?

    winnow demo --out demo
    """
    table = _table(out, seed)
    say(f"{PROBLEMS} word problems, {PER_PROBLEM} answers each: {out}/candidates.jsonl", "")
    checked = front.verify(table, front.verifier("number", marker="A:"), out=out / "verdicts")
    cards = _cards(table, out)
    foreseen = _forecast(table, out, seed)
    made = _selections(table, out, seed)
    raw = _rightness("all candidates", checked)
    results = [raw, *(_rightness(name, rows) for name, rows in made)]
    say(checked.words(), "", *cards, "", *_curve(foreseen), "", "and what came of it:", *_lines(results), "")
    say(*_next(out, results))
    forecast = {name: foreseen[name] for name in ("best_of_n", "recommended", "warnings")}
    said = {"out": str(out), "verified": checked.summary, "forecast": forecast, "selections": results}
    return {**said, "students": _second_act(out, seed)} if train else said


def _second_act(out: Path, seed: int) -> dict[str, Any]:
    from winnow.app.act_two.act import act_two

    say("", "act 2", "")
    return act_two(out / "students", seed)


def _table(out: Path, seed: int) -> Path:
    """candidates.jsonl and labels.csv, the same for the same seed."""
    make_folder(out)
    rows = candidates(PROBLEMS, PER_PROBLEM, seed)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    marks = "candidate_id,correct\n" + "".join(
        f"{m['candidate_id']},{m['correct']}\n" for m in labels(rows, LABELED, seed)
    )
    for name, text in (("candidates.jsonl", lines), ("labels.csv", marks)):
        path = out / name
        if path.exists() and path.read_bytes() != text.encode():
            raise UsageError("--out", f"{shown(str(path))} is there and is not this demo's", "Name another folder")
        write_bytes(path, text.encode())
    return out / "candidates.jsonl"


def _cards(table: Path, out: Path) -> Iterable[str]:
    """What the labels say of the verifier and of the judge, before anything is selected."""
    labels = out / "labels.csv"
    yield f"what {LABELED} labels say, before anything is selected:"
    for measured in (
        front.measure(out / "verdicts", labels=labels),
        front.measure(table, labels=labels, score="judge", threshold=JUDGED_GOOD),
    ):
        name, first, decision, *_ = measured.words().splitlines()
        yield f"  {name}"
        yield from (f"    {part}" for part in first.strip().split(" · per ")[0].split(" · "))
        yield f"    {decision.strip()}"


def _forecast(table: Path, out: Path, seed: int) -> dict[str, Any]:
    """What the judge's curves look like from planned labels, which the task itself fills in."""
    blank, filled = out / "to-label.csv", out / "planned-labels.csv"
    front.plan(table, blank, aim="forecast", budget=PLANNED, score="judge", seed=seed)
    judged = front.verify(blank, TRUTH)
    lines = [f"{row['candidate_id']},{int(row[f'{RIGHT}.verdict'] == 'pass')},{row['drawn']}\n" for row in judged]
    write_bytes(filled, "".join(["candidate_id,correct,drawn\n", *lines]).encode())
    return front.forecast(table, score="judge", labels=filled, seed=seed).plain()


def _curve(foreseen: dict[str, Any]) -> Iterable[str]:
    """The curve of the judge's best of N, what is wrong with it, and the rule to use."""
    yield f"what {PLANNED} more labels, drawn where a plan says, foresee of the judge's best of N:"
    for point in foreseen["best_of_n"]:
        if point["accuracy"] is None:
            yield f"  {point['n']:>3}  {point['why']}"
            continue
        bar = "█" * round(point["accuracy"] * BAR)
        ends = f"{point['low']:.0%} to {point['high']:.0%}"
        yield f"  {point['n']:>3}  {bar:<{BAR}} {point['accuracy']:.0%} right ({ends})"
    yield from (f"  {'sure' if one['sure'] else 'seen'}: {one['words']}" for one in foreseen["warnings"])
    if best := foreseen["recommended"]:
        yield f"  recommended: {best['rule']}, {best['accuracy']:.0%} right: {best['command']}"


def _selections(table: Path, out: Path, seed: int) -> list[tuple[str, Rows]]:
    """What each way of choosing keeps."""
    verified = front.select(
        out / "verdicts", passed=True, out=out / "verified.jsonl", control=out / "control.jsonl", seed=seed
    )
    judged = front.select(table, score="judge", threshold=JUDGED_GOOD, out=out / "judged.jsonl", seed=seed)
    best = front.select(table, score="judge", best_of="all", out=out / "judged-best.jsonl", seed=seed)
    assert verified.control is not None
    return [
        ("control (drawn at random)", verified.control),
        (f"judge's score >= {JUDGED_GOOD}", judged),
        (f"judge's best of {PER_PROBLEM}", best),
        ("verified by number", verified),
    ]


def _rightness(name: str, rows: Rows) -> dict[str, Any]:
    """How right a selection is, by the task's own knowledge."""
    right = [row for row in front.verify(rows, TRUTH) if row[f"{RIGHT}.verdict"] == "pass"]
    served = {row["prompt_id"] for row in right}
    return {
        "selection": name,
        "rows": len(rows),
        "right": len(right) / len(rows),
        "problems_served": len(served) / PROBLEMS,
    }


def _lines(results: Sequence[dict[str, Any]]) -> Iterable[str]:
    yield f"  {'selection':<28}{'rows':>7}{'right':>8}{'problems with a right answer':>31}"
    for one in results:
        yield f"  {one['selection']:<28}{one['rows']:>7,}{one['right']:>8.1%}{one['problems_served']:>31.1%}"


def _next(out: Path, results: Sequence[dict[str, Any]]) -> list[str]:
    """What to read out of the table, from its numbers, and what to try."""
    right = {one["selection"]: one["right"] for one in results}
    raw, best = right["all candidates"], right[f"judge's best of {PER_PROBLEM}"]
    verdict = (
        "less often than a candidate picked blindly" if best < raw else "more often than a candidate picked blindly"
    )
    return [
        f"The judge's best of {PER_PROBLEM} is right {best:.0%} of the time, {verdict} ({raw:.0%}).",
        "",
        f"Try, in {out}:",
        "  winnow verify candidates.jsonl --with number --set number.marker='A:' --out v",
        "  winnow select v --passed --out train.jsonl --control control-2.jsonl",
        "  winnow select candidates.jsonl --score judge --best-of 4 --out best.jsonl",
    ]
