"""Validates label plans: how often they mislead, and how many labels they save.

`python validation/plan.py [--quick] [--out results]` simulates projects that look after 25, 50, 100, ... 10,000 labels
and stop at the first decision. It counts the projects that decide although there is nothing to decide (an uplift of
exactly 0, or with two classes a margin of exactly 0). It compares the labels until the decision, planned and random.
Projects whose prompts have many candidates use the plan and the sequential test themselves. The others use the rule of
the sequential test on the counts of all projects at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from results_page import format_holds, markdown_table, parse_arguments, write_results

from winnow.statistics.card_inputs import Floats
from winnow.statistics.plans.boundaries import LOOK_SIZES, stopping_boundaries
from winnow.statistics.plans.labeling_plan import DecidedRows, make_labeling_plan
from winnow.statistics.plans.required_labels import SequentialDesign, SideTally, share_kept, shrink_share
from winnow.statistics.plans.score_intervals import SideCounts
from winnow.statistics.plans.sequential_test import (
    OrderedLabels,
    SequentialEvidence,
    decide_from_evidence,
    run_sequential_test,
)

PROJECTS, QUICK, QUICK_CLUSTERED = 2_000, 100, 20
LIMIT = 0.06
SEED = 20_240_601
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PlanSetting:
    """A kind of project: keep rate, shares right of the sides, and how its labels are drawn."""

    keep_rate: float
    a: float
    b: float
    classes: int | None = None
    drawn: str = "plan"


@dataclass(frozen=True)
class ClusteredProjects:
    """Projects whose candidates share prompts: `alike` is the intra-prompt correlation of rightness and of keeping."""

    prompts: int
    per_prompt: int
    alike: float
    setting: PlanSetting
    until: int = 1_600


NOTHING = [PlanSetting(0.5, share, share) for share in (0.02, 0.1, 0.3, 0.5, 0.8, 0.95)]
NOTHING += [
    PlanSetting(0.84, 0.7, 0.7),
    PlanSetting(0.2, 0.5, 0.5, None, "random"),
    PlanSetting(0.05, 0.1, 0.1, None, "random"),
]
MARGIN = [PlanSetting(0.5, 0.5, b, 2) for b in (0.05, 0.3, 0.45, 0.5)] + [PlanSetting(0.2, 0.5, 0.3, 2, "random")]
TOGETHER = [
    ClusteredProjects(250, 8, 0.1, PlanSetting(0.5, 0.5, 0.5)),
    ClusteredProjects(250, 8, 0.3, PlanSetting(0.6, 0.7, 0.7)),
    ClusteredProjects(100, 32, 0.1, PlanSetting(0.5, 0.3, 0.3)),
    ClusteredProjects(100, 32, 0.3, PlanSetting(0.5, 0.5, 0.5, 2)),
    ClusteredProjects(100, 32, 0.3, PlanSetting(0.5, 0.6, 0.6, None, "random")),
    ClusteredProjects(20, 32, 0.3, PlanSetting(0.5, 0.5, 0.5), 400),
]
SAVED = [
    (keep_rate, a, b)
    for keep_rate, a, b in (
        (0.5, 0.82, 0.38),
        (0.5, 0.6, 0.5),
        (0.5, 0.97, 0.8),
        (0.8, 0.82, 0.38),
        (0.8, 0.7, 0.6),
        (0.2, 0.5, 0.3),
        (0.9, 0.7, 0.5),
        (0.9, 0.97, 0.7),
        (0.05, 0.6, 0.3),
    )
]
SAVED_TOGETHER = [
    (ClusteredProjects(1_000, 8, 0.3, PlanSetting(0.5, 0.7, 0.5), 3_200)),
    (ClusteredProjects(250, 32, 0.3, PlanSetting(0.8, 0.7, 0.5), 3_200)),
]


def simulate_projects(setting: PlanSetting, count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return for each project its decision and the number of labels at its first decisive look."""
    right, labeled = np.zeros((2, count)), np.zeros((2, count))
    decision, labels = np.zeros(count, dtype=np.int64), np.full(count, LOOK_SIZES[-1], dtype=np.int64)
    before = 0
    for size, bound in zip(LOOK_SIZES, stopping_boundaries(), strict=True):
        kept = _next_kept(setting, (right, labeled), size, rng)
        extra = np.stack([kept, size - before - kept])
        right += rng.binomial(extra, np.array([[setting.a], [setting.b]]))
        labeled += extra
        before = size
        open_ones = np.flatnonzero((decision == 0) & (labeled > 0).all(axis=0))
        sides = SideCounts(right[0][open_ones], labeled[0][open_ones], right[1][open_ones], labeled[1][open_ones])
        bounds = np.full(len(open_ones), bound)
        decisions = decide_from_evidence(
            SequentialEvidence.with_exact_boundaries(sides, sides.labels_a, bounds, bounds), setting.classes
        )
        decision[open_ones] = decisions
        labels[open_ones[decisions != 0]] = size
    return decision, labels


def _next_kept(setting: PlanSetting, labels_so_far: tuple[Floats, Floats], size: int, rng: np.random.Generator) -> Ints:
    """The number of labels of kept rows until the next look; the plan is made again after each look."""
    right, labeled = labels_so_far
    extra = size - int(labeled[0, 0] + labeled[1, 0])
    if setting.drawn == "random":
        at_random: Ints = np.asarray(rng.binomial(extra, setting.keep_rate, labeled.shape[1]), dtype=np.int64)
        return at_random
    rates = [[shrink_share(int(r), int(n)) for r, n in zip(right[side], labeled[side], strict=True)] for side in (0, 1)]
    shares = np.array([share_kept(a, b) for a, b in zip(*rates, strict=True)])
    kept_labels: Ints = np.clip(np.floor(shares * size + 0.5) - labeled[0], 0, extra).astype(np.int64)
    return kept_labels


def simulate_tables(
    kind: ClusteredProjects, count: int, rng: np.random.Generator
) -> Iterator[tuple[DecidedRows, npt.NDArray[np.bool_]]]:
    """Yield tables with true labels; each prompt has its own keep rate and share right."""
    prompt = np.repeat(np.arange(kind.prompts), kind.per_prompt)
    spread = 1 / kind.alike - 1
    for _ in range(count):
        setting = kind.setting
        keeps = rng.beta(setting.keep_rate * spread, (1 - setting.keep_rate) * spread, kind.prompts)[prompt]
        rates = [rng.beta(rate * spread, (1 - rate) * spread, kind.prompts)[prompt] for rate in (setting.a, setting.b)]
        if setting.a == setting.b:  # an easy prompt is easy on both sides
            rates[1] = rates[0]
        kept = rng.random(len(prompt)) < keeps
        right = rng.random(len(prompt)) < np.where(kept, rates[0], rates[1])
        draws = rng.integers(0, 2**64, len(prompt), dtype=np.uint64)
        yield DecidedRows(kept, draws, prompt.astype(np.int64)), right


def simulate_project(
    kind: ClusteredProjects, rows: DecidedRows, right: npt.NDArray[np.bool_], seed: int
) -> tuple[str, int, int]:
    """Label until a look decides; return the decision, the number of labels and the number of their prompts."""
    kept_rows = int(np.sum(rows.kept))
    rule = SequentialDesign((kept_rows, len(rows.kept) - kept_rows), kind.setting.classes)
    order, prompt = np.empty(0, dtype=np.int64), rows.prompt
    assert prompt is not None
    for size in (size for size in LOOK_SIZES if size <= kind.until):
        if kind.setting.drawn == "random":
            order = np.argsort(rows.draw_numbers)[:size]
        else:
            kept, is_right = rows.kept[order], right[order]
            labels_so_far = SideTally(
                int((kept & is_right).sum()), int(kept.sum()), int((~kept & is_right).sum()), int((~kept).sum())
            )
            order = np.concatenate([order, make_labeling_plan(rows, size, labels_so_far, seed=seed).order])
        test_result = run_sequential_test(OrderedLabels(rows.kept[order], right[order], prompt[order]), rule)
        if test_result.decision != "undecided":
            break
    return test_result.decision, len(order), len(np.unique(prompt[order]))


def measure_misleading(settings: list[PlanSetting], count: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return the share of projects that decide although there is no difference."""
    rows_of_page = []
    for setting in settings:
        decision, _ = simulate_projects(setting, count, rng)
        rows_of_page.append(_misleading_row(setting, "one label each", float(np.mean(decision != 0)), count))
    return rows_of_page


def measure_misleading_clustered(
    kinds: list[ClusteredProjects], count: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """The same for projects whose rows share prompts."""
    rows_of_page = []
    for kind in kinds:
        ends = [simulate_project(kind, *table, seed=n) for n, table in enumerate(simulate_tables(kind, count, rng))]
        prompts = f"{kind.prompts} x {kind.per_prompt}, correlation {kind.alike}"
        rows_of_page.append(
            _misleading_row(kind.setting, prompts, sum(end[0] != "undecided" for end in ends) / count, count)
        )
    return rows_of_page


def _misleading_row(setting: PlanSetting, prompts: str, share: float, count: int) -> dict[str, Any]:
    upper = share + 2 * math.sqrt(share * (1 - share) / count)
    verdict = {"misled": round(share, 4), "plus_two_errors": round(upper, 4), "holds": upper <= LIMIT}
    return {**vars(setting), "classes": setting.classes or "-", "prompts": prompts, "projects": count, **verdict}


def measure_savings(count: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return the mean number of labels until the decision, planned and at random."""
    rows_of_page = []
    for keep_rate, a, b in SAVED:
        both = [
            simulate_projects(PlanSetting(keep_rate, a, b, None, drawn), count, rng)[1] for drawn in ("plan", "random")
        ]
        rows_of_page.append(_savings_row(PlanSetting(keep_rate, a, b), "one label each", both))
    for kind in SAVED_TOGETHER:
        setting = kind.setting
        at_random = PlanSetting(setting.keep_rate, setting.a, setting.b, None, "random")
        few = max(count // 5, 20)
        tables = list(simulate_tables(kind, few, rng))
        kinds = (kind, ClusteredProjects(kind.prompts, kind.per_prompt, kind.alike, at_random, kind.until))
        both = [np.array([simulate_project(k, *rows, seed=n)[1] for n, rows in enumerate(tables)]) for k in kinds]
        rows_of_page.append(
            _savings_row(setting, f"{kind.prompts} x {kind.per_prompt}, correlation {kind.alike}", both)
        )
    return rows_of_page


def _savings_row(setting: PlanSetting, prompts: str, both: list[Ints]) -> dict[str, Any]:
    means = [float(np.mean(labels)) for labels in both]
    errors = [float(np.std(labels)) / math.sqrt(len(labels)) / mean for labels, mean in zip(both, means, strict=True)]
    ratio = means[0] / means[1]
    return {
        "keep_rate": setting.keep_rate,
        "a": setting.a,
        "b": setting.b,
        "prompts": prompts,
        "projects": len(both[0]),
        "planned": round(means[0]),
        "random": round(means[1]),
        "ratio": round(ratio, 3),
        "error": round(ratio * math.hypot(*errors), 3),
    }


def main() -> None:
    """Simulates, prints and writes."""
    options = parse_arguments(__doc__.split("\n")[0])
    count = QUICK if options.quick else PROJECTS
    rng = np.random.default_rng(SEED)
    clustered_count = QUICK_CLUSTERED if options.quick else PROJECTS
    wrong = measure_misleading(NOTHING + MARGIN, count, rng)
    wrong += measure_misleading_clustered(TOGETHER, clustered_count, rng)
    labels = measure_savings(count, rng)
    overall = math.exp(float(np.mean([math.log(row["ratio"]) for row in labels])))
    figures = {"seed": SEED, "looks": LOOK_SIZES, "boundaries": [round(bound, 4) for bound in stopping_boundaries()]}
    figures |= {"limit": LIMIT, "misled": wrong, "saved": labels, "ratio": round(overall, 3)}
    write_results("plan", figures, format_page, options)


def format_page(figures: dict[str, Any]) -> str:
    """Return the two tables of the page."""
    sides = {"keep_rate": "share kept", "a": "right among kept", "b": "right among dropped"}
    misled = {
        **sides,
        "classes": "classes",
        "drawn": "labels drawn",
        "prompts": "prompts",
        "projects": "projects",
        "misled": "wrongly decided",
        "plus_two_errors": "plus 2 standard errors",
        "holds": f"at most {figures['limit']}",
    }
    saved = {
        **sides,
        "prompts": "prompts",
        "projects": "projects",
        "planned": "labels, planned",
        "random": "labels, at random",
        "ratio": "ratio",
        "error": "standard error",
    }
    labels_drawn = {"plan": "as planned", "random": "at random"}
    wrong = [
        {**row, "drawn": labels_drawn[row["drawn"]], "holds": format_holds(row["holds"])} for row in figures["misled"]
    ]
    return "\n\n".join(
        [
            "Share of projects that reach a decision at any look although there is nothing to decide.",
            markdown_table(wrong, misled),
            "Mean number of labels until the decision.",
            markdown_table(figures["saved"], saved),
            f"Ratio over all settings (geometric mean): {figures['ratio']:.3f}",
        ]
    )


if __name__ == "__main__":
    main()
