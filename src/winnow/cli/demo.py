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

from winnow import api
from winnow.cli.console import print_lines
from winnow.cli.options import Document, OutputOptions, command, option
from winnow.errors import UsageError, format_value
from winnow.science.tasks.demo.candidate_table import demo_candidates, demo_labels
from winnow.stages.results import Rows
from winnow.storage.atomic_files import make_folder, write_bytes

PROBLEM_COUNT, ANSWERS_PER_PROBLEM, LABEL_COUNT = 200, 8, 200
PLANNED_LABEL_COUNT, BAR_WIDTH = 200, 40
TRUTH_VERIFIER, TRUTH_COLUMN = "winnow.science.tasks.judges:right_answer", "right_answer"
JUDGE_THRESHOLD = 0.5


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
    table = _write_table(out, seed)
    print_lines(f"{PROBLEM_COUNT} word problems, {ANSWERS_PER_PROBLEM} answers each: {out}/candidates.jsonl", "")
    checked = api.verify(table, api.verifier("number", marker="A:"), out=out / "verdicts")
    cards = _card_lines(table, out)
    forecast_document = _make_forecast(table, out, seed)
    selections = _make_selections(table, out, seed)
    raw = _selection_accuracy("all candidates", checked)
    results = [raw, *(_selection_accuracy(name, rows) for name, rows in selections)]
    print_lines(
        checked.describe(),
        "",
        *cards,
        "",
        *_curve_lines(forecast_document),
        "",
        "and what came of it:",
        *_result_lines(results),
        "",
    )
    print_lines(*_next_steps(out, results))
    forecast = {name: forecast_document[name] for name in ("best_of_n", "recommended", "warnings")}
    content = {"out": str(out), "verified": checked.summary, "forecast": forecast, "selections": results}
    return {**content, "students": _train_students(out, seed)} if train else content


def _train_students(out: Path, seed: int) -> dict[str, Any]:
    from winnow.cli.demo_training.experiment import run_demo_training

    print_lines("", "act 2", "")
    return run_demo_training(out / "students", seed)


def _write_table(out: Path, seed: int) -> Path:
    """candidates.jsonl and labels.csv, the same for the same seed."""
    make_folder(out)
    rows = demo_candidates(PROBLEM_COUNT, ANSWERS_PER_PROBLEM, seed)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    label_lines = "candidate_id,correct\n" + "".join(
        f"{m['candidate_id']},{m['correct']}\n" for m in demo_labels(rows, LABEL_COUNT, seed)
    )
    for name, text in (("candidates.jsonl", lines), ("labels.csv", label_lines)):
        path = out / name
        if path.exists() and path.read_bytes() != text.encode():
            raise UsageError(
                "--out", f"{format_value(str(path))} is there and is not this demo's", "Name another folder"
            )
        write_bytes(path, text.encode())
    return out / "candidates.jsonl"


def _card_lines(table: Path, out: Path) -> Iterable[str]:
    """What the labels say of the verifier and of the judge, before anything is selected."""
    labels = out / "labels.csv"
    yield f"what {LABEL_COUNT} labels say, before anything is selected:"
    for card in (
        api.measure(out / "verdicts", labels=labels),
        api.measure(table, labels=labels, score="judge", threshold=JUDGE_THRESHOLD),
    ):
        name, first, decision, *_ = card.describe().splitlines()
        yield f"  {name}"
        yield from (f"    {part}" for part in first.strip().split(" · per ")[0].split(" · "))
        yield f"    {decision.strip()}"


def _make_forecast(table: Path, out: Path, seed: int) -> dict[str, Any]:
    """What the judge's curves look like from planned labels, which the task itself fills in."""
    blank, filled = out / "to-label.csv", out / "planned-labels.csv"
    api.plan(table, blank, aim="forecast", budget=PLANNED_LABEL_COUNT, score="judge", seed=seed)
    labeled = api.verify(blank, TRUTH_VERIFIER)
    lines = [
        f"{row['candidate_id']},{int(row[f'{TRUTH_COLUMN}.verdict'] == 'pass')},{row['drawn']}\n" for row in labeled
    ]
    write_bytes(filled, "".join(["candidate_id,correct,drawn\n", *lines]).encode())
    return api.forecast(table, score="judge", labels=filled, seed=seed).to_dict()


def _curve_lines(forecast_document: dict[str, Any]) -> Iterable[str]:
    """The curve of the judge's best of N, what is wrong with it, and the rule to use."""
    yield f"what {PLANNED_LABEL_COUNT} more labels, drawn where a plan says, foresee of the judge's best of N:"
    for point in forecast_document["best_of_n"]:
        if point["accuracy"] is None:
            yield f"  {point['n']:>3}  {point['why']}"
            continue
        bar = "█" * round(point["accuracy"] * BAR_WIDTH)
        ends = f"{point['low']:.0%} to {point['high']:.0%}"
        yield f"  {point['n']:>3}  {bar:<{BAR_WIDTH}} {point['accuracy']:.0%} right ({ends})"
    yield from (
        f"  {'sure' if warning['sure'] else 'seen'}: {warning['words']}" for warning in forecast_document["warnings"]
    )
    if best := forecast_document["recommended"]:
        yield f"  recommended: {best['rule']}, {best['accuracy']:.0%} right: {best['command']}"


def _make_selections(table: Path, out: Path, seed: int) -> list[tuple[str, Rows]]:
    """What each way of choosing keeps."""
    verified = api.select(
        out / "verdicts", passed=True, out=out / "verified.jsonl", control=out / "control.jsonl", seed=seed
    )
    judged = api.select(table, score="judge", threshold=JUDGE_THRESHOLD, out=out / "judged.jsonl", seed=seed)
    best = api.select(table, score="judge", best_of="all", out=out / "judged-best.jsonl", seed=seed)
    assert verified.control is not None
    return [
        ("control (drawn at random)", verified.control),
        (f"judge's score >= {JUDGE_THRESHOLD}", judged),
        (f"judge's best of {ANSWERS_PER_PROBLEM}", best),
        ("verified by number", verified),
    ]


def _selection_accuracy(name: str, rows: Rows) -> dict[str, Any]:
    """How right a selection is, by the task's own knowledge."""
    right = [row for row in api.verify(rows, TRUTH_VERIFIER) if row[f"{TRUTH_COLUMN}.verdict"] == "pass"]
    served = {row["prompt_id"] for row in right}
    return {
        "selection": name,
        "rows": len(rows),
        "right": len(right) / len(rows),
        "problems_served": len(served) / PROBLEM_COUNT,
    }


def _result_lines(results: Sequence[dict[str, Any]]) -> Iterable[str]:
    yield f"  {'selection':<28}{'rows':>7}{'right':>8}{'problems with a right answer':>31}"
    for result in results:
        yield f"  {result['selection']:<28}{result['rows']:>7,}{result['right']:>8.1%}{result['problems_served']:>31.1%}"


def _next_steps(out: Path, results: Sequence[dict[str, Any]]) -> list[str]:
    """What to read out of the table, from its numbers, and what to try."""
    right = {result["selection"]: result["right"] for result in results}
    raw, best = right["all candidates"], right[f"judge's best of {ANSWERS_PER_PROBLEM}"]
    verdict = (
        "less often than a candidate picked blindly" if best < raw else "more often than a candidate picked blindly"
    )
    return [
        f"The judge's best of {ANSWERS_PER_PROBLEM} is right {best:.0%} of the time, {verdict} ({raw:.0%}).",
        "",
        f"Try, in {out}:",
        "  winnow verify candidates.jsonl --with number --set number.marker='A:' --out v",
        "  winnow select v --passed --out train.jsonl --control control-2.jsonl",
        "  winnow select candidates.jsonl --score judge --best-of 4 --out best.jsonl",
    ]
