"""The command demo: the main job on word problems, in seconds and without a model.

A scripted answerer writes candidates with realistic mistakes, a judge that likes long answers scores them, and the
verifier `number` checks them. The demo measures both, forecasts the judge's best of N, selects by each, and compares
the selections with a control and with the truth. With --train, small models are trained on what each selects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import winnow
from winnow.cli.console import print_lines
from winnow.cli.options import Document, cli_option, command
from winnow.errors import UsageError, format_value
from winnow.science.tasks.demo.candidate_table import demo_candidates, demo_labels
from winnow.stages.results import Rows
from winnow.storage.atomic_files import make_folder, write_bytes

PROBLEM_COUNT, ANSWERS_PER_PROBLEM, LABEL_COUNT = 200, 8, 200
PLANNED_LABEL_COUNT, BAR_WIDTH = 200, 40
TRUTH_VERIFIER, TRUTH_COLUMN = "winnow.science.tasks.judges:right_answer", "right_answer.verdict"
JUDGE_THRESHOLD = 0.5


@command
def demo(
    out: Annotated[Path, cli_option("--out", "The folder to write (default demo).", None, "FOLDER")] = Path("demo"),
    seed: Annotated[int, cli_option("--seed", "The seed of problems, answers and draws (default 0).", None, "N")] = 0,
    train: Annotated[bool, cli_option("--train", "Also train a small model and four students on the spot.")] = False,
) -> Document:
    """Show the main job on word problems: which verifier selects right answers, and what students learn from them.

    winnow demo --out demo
    """
    table = _write_table(out, seed)
    print_lines(f"{PROBLEM_COUNT} word problems, {ANSWERS_PER_PROBLEM} answers each: {out}/candidates.jsonl", "")
    checked = winnow.verify(table, winnow.verifier("number", marker="A:"), out=out / "verdicts")
    cards = _card_lines(table, out)
    forecast_document = _make_forecast(table, out, seed)
    selections = _make_selections(table, out, seed)
    results = [_selection_accuracy(name, rows) for name, rows in [("all candidates", checked), *selections]]
    print_lines(checked.describe(), "", *cards, "", *_curve_lines(forecast_document), "", *_result_lines(results))
    print_lines("", *_next_steps(out, results))
    forecast = {name: forecast_document[name] for name in ("best_of_n", "recommended", "warnings")}
    content = {"out": str(out), "verified": checked.summary, "forecast": forecast, "selections": results}
    if not train:
        return content
    from winnow.cli.demo_training.experiment import run_demo_training

    print_lines("", "Part 2: a small model and its students are trained", "")
    return {**content, "students": run_demo_training(out / "students", seed)}


def _write_table(out: Path, seed: int) -> Path:
    """Write candidates.jsonl and labels.csv; the same seed gives the same files."""
    make_folder(out)
    rows = demo_candidates(PROBLEM_COUNT, ANSWERS_PER_PROBLEM, seed)
    labels = demo_labels(rows, LABEL_COUNT, seed)
    row_lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    label_lines = ["candidate_id,correct\n", *(f"{label['candidate_id']},{label['correct']}\n" for label in labels)]
    for name, lines in (("candidates.jsonl", row_lines), ("labels.csv", label_lines)):
        path, text = out / name, "".join(lines)
        if path.exists() and path.read_bytes() != text.encode():
            problem = f"{format_value(str(path))} exists and was not written by this demo"
            raise UsageError("--out", problem, "Name another folder")
        write_bytes(path, text.encode())
    return out / "candidates.jsonl"


def _card_lines(table: Path, out: Path) -> Iterable[str]:
    labels = out / "labels.csv"
    yield f"What {LABEL_COUNT} labels say, before anything is selected:"
    for name, report in (
        ("number", winnow.measure(out / "verdicts", labels=labels)),
        (f"judge >= {JUDGE_THRESHOLD}", winnow.measure(table, labels=labels, score="judge", threshold=JUDGE_THRESHOLD)),
    ):
        card = report.to_dict()
        yield f"  {name}: {card['decision']}"
        yield f"    right among kept rows: {_interval(card['precision'])}"
        yield f"    keeps of the right answers (phi): {_interval(card['phi'])}"
        yield f"    keeps of the wrong answers (psi): {_interval(card['psi'])}"


def _interval(share: dict[str, float | None]) -> str:
    """Format a share with its 95% interval."""
    if None in share.values():
        return "not known"
    return f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%})"


def _make_forecast(table: Path, out: Path, seed: int) -> dict[str, Any]:
    """Forecast the judge's curves from planned labels, which are filled in from the known answers of the task."""
    blank, filled = out / "to-label.csv", out / "planned-labels.csv"
    winnow.plan(table, blank, aim="forecast", budget=PLANNED_LABEL_COUNT, score="judge", seed=seed)
    labeled = winnow.verify(blank, TRUTH_VERIFIER)
    lines = [f"{row['candidate_id']},{int(row[TRUTH_COLUMN] == 'pass')},{row['drawn']}\n" for row in labeled]
    write_bytes(filled, "".join(["candidate_id,correct,drawn\n", *lines]).encode())
    return winnow.forecast(table, score="judge", labels=filled, seed=seed).to_dict()


def _curve_lines(forecast_document: dict[str, Any]) -> Iterable[str]:
    yield f"What {PLANNED_LABEL_COUNT} more labels, chosen by a plan, forecast for the judge's best of N:"
    for point in forecast_document["best_of_n"]:
        if point["accuracy"] is None:
            yield f"  {point['n']:>3}  {point['why']}"
            continue
        bar = "█" * round(point["accuracy"] * BAR_WIDTH)
        ends = f"{point['low']:.0%} to {point['high']:.0%}"
        yield f"  {point['n']:>3}  {bar:<{BAR_WIDTH}} {point['accuracy']:.0%} right ({ends})"
    yield from (f"  warning: {warning['words']}" for warning in forecast_document["warnings"])
    if best := forecast_document["recommended"]:
        yield f"  recommended: {best['rule']}, {best['accuracy']:.0%} right: {best['command']}"


def _make_selections(table: Path, out: Path, seed: int) -> list[tuple[str, Rows]]:
    """Select rows by the judge and by the verifier, and return the selections with their names."""
    verified = winnow.select(
        out / "verdicts", passed=True, out=out / "verified.jsonl", control=out / "control.jsonl", seed=seed
    )
    judged = winnow.select(table, score="judge", threshold=JUDGE_THRESHOLD, out=out / "judged.jsonl", seed=seed)
    best = winnow.select(table, score="judge", best_of="all", out=out / "judged-best.jsonl", seed=seed)
    assert verified.control is not None
    return [
        ("control (drawn at random)", verified.control),
        (f"judge's score >= {JUDGE_THRESHOLD}", judged),
        (f"judge's best of {ANSWERS_PER_PROBLEM}", best),
        ("verified by number", verified),
    ]


def _selection_accuracy(name: str, rows: Rows) -> dict[str, Any]:
    """Compute the share right in a selection from the known answers of the task."""
    right = [row for row in winnow.verify(rows, TRUTH_VERIFIER) if row[TRUTH_COLUMN] == "pass"]
    served = len({row["prompt_id"] for row in right}) / PROBLEM_COUNT
    return {"selection": name, "rows": len(rows), "right": len(right) / len(rows), "problems_served": served}


def _result_lines(results: Sequence[dict[str, Any]]) -> Iterable[str]:
    yield "What each selection keeps:"
    yield f"  {'selection':<28}{'rows':>7}{'right':>8}{'problems with a right answer':>31}"
    for result in results:
        shares = f"{result['right']:>8.1%}{result['problems_served']:>31.1%}"
        yield f"  {result['selection']:<28}{result['rows']:>7,}{shares}"


def _next_steps(out: Path, results: Sequence[dict[str, Any]]) -> list[str]:
    right = {result["selection"]: result["right"] for result in results}
    raw, best = right["all candidates"], right[f"judge's best of {ANSWERS_PER_PROBLEM}"]
    comparison = "less" if best < raw else "more"
    return [
        f"The judge's best of {ANSWERS_PER_PROBLEM} is right {best:.0%} of the time,"
        f" {comparison} often than a candidate picked at random ({raw:.0%}).",
        "",
        f"Try, in {out}:",
        "  winnow verify candidates.jsonl --with number --set number.marker='A:' --out v",
        "  winnow select v --passed --out train.jsonl --control control-2.jsonl",
        "  winnow select candidates.jsonl --score judge --best-of 4 --out best.jsonl",
    ]
