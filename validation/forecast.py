"""Validates the forecast: its weights, its warning, its intervals, few labels, and the rule it recommends.

`python validation/forecast.py [--quick] [--out results]` simulates tables in which best-of-N rises, stays flat or
falls. It counts how often over-optimization is called sure and how often 95% intervals contain the true accuracy, and
computes the bias of a forecast from few labels against the forecast from all labels of the same table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from results_page import markdown_table, parse_arguments, write_results

from winnow.statistics.card_inputs import Floats
from winnow.statistics.forecasts.candidates import ScoredCandidates, best_of_n_weights, make_candidates
from winnow.statistics.forecasts.curves import best_of_n_rules, default_n, estimate_curve
from winnow.statistics.forecasts.forecast import ForecastRequest, compute_forecast
from winnow.statistics.forecasts.forecast_warnings import detect_decline
from winnow.statistics.forecasts.label_sampling import sample_labels
from winnow.statistics.forecasts.recommendation import Recommendation
from winnow.statistics.forecasts.share_estimates import PromptBlocks

TABLES, QUICK = 1_000, 10
REPEATS = 1_000
SEED = 20_240_602
LIMIT = 0.05


@dataclass(frozen=True)
class ScoreWorld:
    """A distribution of scored candidates, in which a right answer scores `gap` more than a wrong one.

    Prompts differ in difficulty, and some wrong answers score higher than all right ones.
    """

    gap: float
    fooled: float = 0.0
    """The share of wrong answers that score higher than any right one."""
    coarse: float = 0.0
    """Scores are rounded to multiples of this, so that they tie; 0 leaves them as they are."""
    shifted: float = 0.0
    """How much the level of scores differs between prompts, which a threshold over all prompts suffers from."""

    def rows(self, rng: np.random.Generator, prompts: int, per_prompt: int) -> tuple[Floats, Floats]:
        """Draw scores and labels, one row of the arrays per prompt."""
        ease = rng.beta(0.8, 1.6, (prompts, 1))
        right = rng.random((prompts, per_prompt)) < ease
        score = self.gap * right + rng.normal(size=right.shape)
        trap = ~right & (rng.random(right.shape) < self.fooled)
        score = np.where(trap, self.gap + 3 + 0.3 * rng.normal(size=right.shape), score)
        if self.shifted:
            score = score + self.shifted * rng.normal(size=ease.shape)
        return (np.round(score / self.coarse) * self.coarse if self.coarse else score), right.astype(np.float64)


FALLING = ScoreWorld(1.2, fooled=0.03, coarse=0.25, shifted=2.0)
WORLDS = {
    "rises": ScoreWorld(1.0),
    "rises, then level": ScoreWorld(4.0),
    "rises, coarse score": ScoreWorld(1.0, coarse=1.0),
    "hardly rises": ScoreWorld(0.15),
    "flat": ScoreWorld(0.0),
    "falls": FALLING,
}


@dataclass(frozen=True)
class ForecastSetting:
    """Tables of one kind; `labels` are `all`, or a number and how they are drawn."""

    world: str
    prompts: int
    per_prompt: int
    labels: str = "all"


SETTINGS = [
    ForecastSetting("rises", 100, 16),
    ForecastSetting("rises, then level", 40, 8),
    ForecastSetting("rises, coarse score", 100, 16),
    ForecastSetting("hardly rises", 100, 16),
    ForecastSetting("flat", 30, 16),
    ForecastSetting("flat", 100, 64),
    ForecastSetting("rises", 100, 16, "200 planned"),
    ForecastSetting("rises, then level", 400, 8, "200 planned"),
    ForecastSetting("flat", 100, 64, "200 planned"),
    ForecastSetting("rises", 100, 16, "400 at random"),
    ForecastSetting("flat", 100, 64, "400 at random"),
    ForecastSetting("falls", 100, 64),
    ForecastSetting("falls", 100, 64, "200 planned"),
    ForecastSetting("falls", 100, 64, "400 at random"),
]


def label_candidates(score: Floats, right: Floats, labels: str, seed: int) -> ScoredCandidates:
    """Return a table with the labels that the setting draws."""
    prompts = np.repeat(np.arange(len(score)), score.shape[1])
    everything = make_candidates(prompts, score.ravel(), right.ravel())
    if labels == "all":
        return everything
    count, drawing = int(labels.split()[0]), labels.split()[1]
    known, chance = np.full(everything.rows, np.nan), np.full(everything.rows, np.nan)
    if drawing == "planned":
        picks = sample_labels(everything, [str(row) for row in range(everything.rows)], count, seed=seed)
        rows, chance[picks.rows] = picks.rows, picks.chances
    else:
        rows = np.random.default_rng([SEED, seed]).choice(everything.rows, count, replace=False)
    known[rows] = everything.right[rows]
    return make_candidates(prompts, everything.score, known, chance if drawing == "planned" else None)


def true_curve(world: ScoreWorld, per_prompt: int, prompts: int) -> Floats:
    """Return the true best-of-N curve, computed from a large number of prompts."""
    score, right = world.rows(np.random.default_rng([SEED, 1]), prompts, per_prompt)
    everything = label_candidates(score, right, "all", 0)
    return np.array([best_of_n_weights(everything, n) @ everything.right / prompts for n in default_n(everything)])


def simulate_forecasts(setting: ForecastSetting, tables: int, truth: Floats) -> dict[str, Any]:
    """Measure over many tables how often a decline is called sure, and how often intervals contain the truth."""
    rng = np.random.default_rng([SEED, SETTINGS.index(setting)])
    sure = falling = 0
    covered, shown = np.zeros(len(truth)), np.zeros(len(truth))
    for seed in range(tables):
        score, right = WORLDS[setting.world].rows(rng, setting.prompts, setting.per_prompt)
        known = label_candidates(score, right, setting.labels, seed)
        blocks, ns = PromptBlocks(known, seed, REPEATS), default_n(known)
        options = best_of_n_rules(blocks, ns)
        for i, point in enumerate(estimate_curve(blocks, options)):
            if point.accuracy.low is not None and point.accuracy.high is not None:
                shown[i] += 1
                covered[i] += point.accuracy.low <= truth[i] <= point.accuracy.high
        visible = [(n, option.row_tally) for n, option in zip(ns, options, strict=True) if option.row_tally.is_visible]
        decline = detect_decline(blocks, visible)
        falling += decline is not None and decline.is_detected
        sure += decline is not None and decline.is_sure
    often = shown >= tables / 2
    rates = covered[often] / shown[often]
    return {
        "world": setting.world,
        "table": f"{setting.prompts} x {setting.per_prompt}",
        "labels": setting.labels,
        "seen": round(falling / tables, 3),
        "sure": round(sure / tables, 4),
        "covered_least": round(float(rates.min()), 3),
        "covered_most": round(float(rates.max()), 3),
        "largest_n": int(np.array(ns)[often].max()),
    }


def enumerate_weights(score: Floats, n: int) -> Floats:
    """Return the probability of each row to be the best of n, by enumerating every set of n."""
    weights = np.zeros(len(score))
    for drawn in combinations(range(len(score)), min(n, len(score))):
        top = [row for row in drawn if score[row] == max(score[other] for other in drawn)]
        weights[top] += 1 / len(top)
    return weights / comb(len(score), min(n, len(score)))


def weights_error(tables: int) -> float:
    """Return the largest difference between the weights and their enumeration, with many tied scores."""
    rng = np.random.default_rng([SEED, 2])
    worst = 0.0
    for _ in range(tables):
        sizes = rng.integers(1, 9, 4)
        score = rng.integers(0, 4, sizes.sum()).astype(np.float64)
        known = make_candidates(np.repeat(np.arange(4), sizes), score)
        for n in range(1, 10):
            parts = [enumerate_weights(part, n) for part in np.split(score, np.cumsum(sizes)[:-1])]
            worst = max(worst, float(np.abs(np.concatenate(parts) - best_of_n_weights(known, n)).max()))
    return worst


def relabel_one_table(labels: str, repeats: int) -> dict[str, Any]:
    """Label one table many times; a few of its wrong answers have the highest scores."""
    score, right = FALLING.rows(np.random.default_rng([SEED, 3]), 82, 100)
    whole = compute_forecast(label_candidates(score, right, "all", 0), ForecastRequest(repeats=REPEATS))
    truth = np.array([point.accuracy.value for point in whole.best_of_n], dtype=np.float64)
    curves, optimistic_curves, rules = [], [], Counter[str]()
    for seed in range(repeats):
        result = compute_forecast(label_candidates(score, right, labels, seed), ForecastRequest(repeats=200))
        curves.append([np.nan if p.accuracy.value is None else p.accuracy.value for p in result.best_of_n])
        optimistic_curves.append([np.nan if p.optimistic is None else p.optimistic for p in result.winners_curve])
        rules[_rule_name(result.recommended)] += 1
    values = np.array(curves)
    shown = ~np.isnan(values).all(axis=0)
    bias, spread = np.full(len(truth), np.nan), np.full(len(truth), np.nan)
    bias[shown] = np.nanmean(values[:, shown], axis=0) - truth[shown]
    spread[shown] = np.nanstd(values[:, shown], axis=0)
    return {
        "labels": labels,
        "all_labels_recommend": _rule_name(whole.recommended),
        "recommended": dict(rules.most_common()),
        "worst_bias": round(float(np.nanmax(np.abs(bias))), 4),
        "points": [
            {
                "labels": labels,
                "n": point.at,
                "truth": round(float(truth[i]), 4),
                "shown": round(float(np.mean(~np.isnan(values[:, i]))), 3),
                "bias": round(float(bias[i]), 4) if shown[i] else None,
                "spread": round(float(spread[i]), 4) if shown[i] else None,
                "optimistic": round(float(np.mean([curve[i] for curve in optimistic_curves])), 4),
            }
            for i, point in enumerate(whole.best_of_n)
        ],
    }


def _rule_name(best: Recommendation | None) -> str:
    if best is None:
        return "nothing"
    return f"N = {best.n}" if best.n else best.rule


def check_recommendation(setting: ForecastSetting, tables: int, prompts: int) -> dict[str, Any]:
    """Compare the stated accuracy of the recommended rule with its true accuracy, over many tables."""
    world = WORLDS[setting.world]
    score, right = world.rows(np.random.default_rng([SEED, 4]), prompts, setting.per_prompt)
    everything = label_candidates(score, right, "all", 0)
    rng = np.random.default_rng([SEED, 5, SETTINGS.index(setting)])
    errors, uncorrected_errors, is_covered = [], [], []
    for seed in range(tables):
        rows = world.rows(rng, setting.prompts, setting.per_prompt)
        best = compute_forecast(
            label_candidates(*rows, setting.labels, seed), ForecastRequest(repeats=REPEATS, seed=seed)
        ).recommended
        if best is None or best.accuracy.value is None or best.accuracy.low is None or best.accuracy.high is None:
            continue
        worth = _rule_accuracy(everything, best)
        errors.append(best.accuracy.value - worth)
        uncorrected_errors.append((best.uncorrected or 0.0) - worth)
        is_covered.append(best.accuracy.low <= worth <= best.accuracy.high)
    return {
        "world": setting.world,
        "table": f"{setting.prompts} x {setting.per_prompt}",
        "labels": setting.labels,
        "uncorrected": round(float(np.mean(uncorrected_errors)), 4),
        "said": round(float(np.mean(errors)), 4),
        "covered": round(float(np.mean(is_covered)), 3),
    }


def _rule_accuracy(everything: ScoredCandidates, best: Recommendation) -> float:
    """The true accuracy of a rule; a prompt without a kept row counts as wrong."""
    if best.n:
        return float(best_of_n_weights(everything, best.n) @ everything.right) / everything.prompts
    cut = best.args.get("threshold")
    if cut is None:
        cut = float(np.quantile(everything.score, 1 - best.args["top_share"]))
    kept = everything.score >= cut
    count = np.bincount(everything.prompt, kept, everything.prompts)
    right = np.bincount(everything.prompt, kept * everything.right, everything.prompts)
    return float((right / np.maximum(count, 1)).mean())


def format_page(figures: dict[str, Any]) -> str:
    """Return the tables of the page."""
    return "\n".join(page_lines(figures))


def page_lines(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the page's tables."""
    yield (
        "Closed-form weights of best-of-N against an enumeration of all draws: largest difference "
        f"{figures['weights_error']:.1e}.\n"
    )
    yield f"Over-optimization and coverage of the intervals, {figures['tables']:,} tables per row:\n"
    titles = {"world": "true best-of-N curve", "table": "prompts x candidates", "labels": "labels"}
    titles |= {"seen": "called *seen*", "sure": "called *sure*"}
    titles |= {"largest_n": "largest N shown"}
    titles |= {"covered_least": "lowest coverage", "covered_most": "highest coverage"}
    yield markdown_table(figures["curves"], titles)
    yield f"\nOne table of 82 prompts x 100 candidates, labeled {figures['again']} times:\n"
    titles = {"labels": "labels", "n": "N", "truth": "accuracy with all labels", "shown": "share of forecasts shown"}
    titles |= {"bias": "bias", "spread": "standard deviation", "optimistic": "calibrated score (not used)"}
    points = [point for table in figures["one_table"] for point in table["points"]]
    yield markdown_table([{k: "-" if v is None else v for k, v in point.items()} for point in points], titles)
    yield ""
    for table in figures["one_table"]:
        rules = ", ".join(f"{rule}: {count}" for rule, count in table["recommended"].items())
        yield f"Recommended with {table['labels']} labels: {rules} (all labels: {table['all_labels_recommend']})."
    yield (
        "\nStated accuracy of the recommended rule minus its true accuracy, "
        f"{figures['judged_tables']} tables per row:\n"
    )
    titles = {"world": "true best-of-N curve", "table": "prompts x candidates", "labels": "labels"}
    titles |= {"uncorrected": "by the labels that chose the rule", "said": "as reported", "covered": "coverage"}
    yield markdown_table(figures["judged"], titles)


def main() -> None:
    options = parse_arguments(__doc__ or "")
    tables, many = (QUICK, 500) if options.quick else (TABLES, 40_000)
    again = 10 if options.quick else 300
    truths = {(s.world, s.per_prompt): true_curve(WORLDS[s.world], s.per_prompt, many) for s in SETTINGS}
    chosen = [SETTINGS[0], SETTINGS[5], SETTINGS[6], SETTINGS[8], SETTINGS[12]]
    figures = {
        "seed": SEED,
        "tables": tables,
        "again": again,
        "judged_tables": again,
        "limit": LIMIT,
        "weights_error": weights_error(3 if options.quick else 100),
        "curves": [simulate_forecasts(s, tables, truths[s.world, s.per_prompt]) for s in SETTINGS],
        "one_table": [relabel_one_table(labels, again) for labels in ("200 planned", "200 at random")],
        "judged": [check_recommendation(s, again, many) for s in chosen],
    }
    write_results("forecast", figures, format_page, options)


if __name__ == "__main__":
    main()
