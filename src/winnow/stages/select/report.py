"""What select returns: the chosen rows, what each rule dropped, and how the selection shifts the data."""

from __future__ import annotations

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
    total, selected, shift = summary["rows_in"], summary["selected"], summary["shift"]
    if not total:
        return "nothing to select from: the table has no rows"
    lines = [f"selected {selected:,} of {total:,} rows ({selected / total:.1%}) by: {summary['rule']}"]
    for step in summary["steps"]:
        if step["in"] != step["out"]:
            lines.append(f"  {step['rule']}: {step['in'] - step['out']:,} left out")
    if real := summary["real"]:
        lines.append(f"  real rows mixed in: {real:,} ({real / summary['rows']:.1%} of the result)")
    raw, kept, rows_read = (shift["length"][name] for name in ("raw", "kept", "raw_rows_read"))
    if raw and kept:
        sample_note = "" if rows_read >= total else f", raw from {rows_read:,} rows"
        lines.append(f"  mean length: {raw:,.1f} -> {kept:,.1f} characters ({kept / raw - 1:+.1%}{sample_note})")
    if prompts := shift.get("prompts"):
        answers, lost = shift["answers_per_prompt"], shift["prompts_lost"]
        answers_after = "none" if answers["kept"] is None else f"{answers['kept']:.2f}"
        lines.append(f"  answers per prompt: {answers['raw']:.2f} -> {answers_after}")
        lines.append(f"  prompts without any row left: {lost:,} of {prompts:,} ({lost / prompts:.1%})")
    if control := summary.get("control"):
        place = f" ({control['out']})" if control["out"] else ""
        lines.append(f"  control: {control['rows']:,} rows drawn at random, as many of each prompt{place}")
    return "\n".join(lines)
