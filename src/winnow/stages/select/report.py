"""A selection in words: what was kept, what each rule took away, what shifted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def describe_selection(summary: dict[str, Any]) -> list[str]:
    """The lines a person reads."""
    total = summary["rows_in"]
    if not total:
        return ["nothing to select from: the table has no rows"]
    return [*_selected_lines(summary, total), *_shift_lines(summary["shift"], total), *_control_lines(summary)]


def _selected_lines(summary: dict[str, Any], total: int) -> Iterator[str]:
    selected = summary["selected"]
    yield f"selected {selected:,} of {total:,} rows ({selected / total:.1%}) by: {summary['rule']}"
    for step in summary["steps"]:
        if step["in"] != step["out"]:
            yield f"  {step['rule']}: {step['in'] - step['out']:,} left out"
    if summary["real"]:
        yield f"  real rows mixed in: {summary['real']:,} ({summary['real'] / summary['rows']:.1%} of the result)"


def _shift_lines(shift: dict[str, Any], total: int) -> Iterator[str]:
    length = shift["length"]
    if length["raw"] and length["kept"]:
        sample_note = "" if length["raw_rows_read"] >= total else f", raw from {length['raw_rows_read']:,} rows"
        change = length["kept"] / length["raw"] - 1
        yield f"  shift: {length['raw']:,.1f} -> {length['kept']:,.1f} characters ({change:+.1%}{sample_note})"
    if shift.get("prompts"):
        per_prompt, prompts, lost = shift["answers_per_prompt"], shift["prompts"], shift["prompts_lost"]
        answers_after = "none" if per_prompt["kept"] is None else f"{per_prompt['kept']:.2f}"
        answers = f"answers per prompt {per_prompt['raw']:.2f} -> {answers_after}"
        yield f"  {answers} · prompts lost {lost:,} of {prompts:,} ({lost / prompts:.1%})"


def _control_lines(summary: dict[str, Any]) -> Iterator[str]:
    if "control" in summary:
        control = summary["control"]
        place = f" ({control['out']})" if control["out"] else ""
        yield f"  control: {control['rows']:,} rows drawn at random, as many of each prompt{place}"
