"""What select returns: the chosen rows, what each rule dropped, and how the selection shifts the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winnow.stages.results import Rows


class Selected(Rows):
    """The chosen rows; `control` holds as many drawn at random, `summary["shift"]` how the selection shifts them."""

    control: Rows | None = None

    def describe(self) -> str:
        """The selection as text for a person."""
        return describe_selection(self.summary)


def describe_selection(summary: dict[str, Any]) -> str:
    """Describe a selection for a person, one line per fact."""
    total = summary["rows_in"]
    if not total:
        return "nothing to select from: the table has no rows"
    return "\n".join(
        [*_describe_rows(summary, total), *_describe_shift(summary["shift"], total), *_describe_control(summary)]
    )


def _describe_rows(summary: dict[str, Any], total: int) -> Iterator[str]:
    selected = summary["selected"]
    yield f"selected {selected:,} of {total:,} rows ({selected / total:.1%}) by: {summary['rule']}"
    for step in summary["steps"]:
        if step["in"] != step["out"]:
            yield f"  {step['rule']}: {step['in'] - step['out']:,} left out"
    if summary["real"]:
        yield f"  real rows mixed in: {summary['real']:,} ({summary['real'] / summary['rows']:.1%} of the result)"


def _describe_shift(shift: dict[str, Any], total: int) -> Iterator[str]:
    length = shift["length"]
    if length["raw"] and length["kept"]:
        sample_note = "" if length["raw_rows_read"] >= total else f", raw from {length['raw_rows_read']:,} rows"
        change = length["kept"] / length["raw"] - 1
        lengths = f"{length['raw']:,.1f} -> {length['kept']:,.1f} characters ({change:+.1%}{sample_note})"
        yield f"  mean length: {lengths}"
    if shift.get("prompts"):
        per_prompt, prompts, lost = shift["answers_per_prompt"], shift["prompts"], shift["prompts_lost"]
        answers_after = "none" if per_prompt["kept"] is None else f"{per_prompt['kept']:.2f}"
        yield f"  answers per prompt: {per_prompt['raw']:.2f} -> {answers_after}"
        yield f"  prompts without any row left: {lost:,} of {prompts:,} ({lost / prompts:.1%})"


def _describe_control(summary: dict[str, Any]) -> Iterator[str]:
    if "control" in summary:
        control = summary["control"]
        place = f" ({control['out']})" if control["out"] else ""
        yield f"  control: {control['rows']:,} rows drawn at random, as many of each prompt{place}"
