"""Validates the card: how often each of its intervals contains the truth.

`python validation/coverage.py [--quick] [--out results]` simulates 2,000 tables per setting, draws labels from each,
makes the card, and checks whether its 95% intervals contain the numbers that the table was made from.

Candidates of a prompt resemble each other: each prompt has its own share right and its own probabilities to keep a
right and a wrong answer. All three are Beta distributed with the stated correlation within prompts. The two
probabilities are tied by a Gaussian copula of 0.5, since a judge that is lenient on a prompt is lenient to all its
answers. `validation/real/frank.py` computes these correlations for summaries of the same article: 0 to .2 in a corpus.

The upper limit applies to settings where at least 5 of each outcome (right and wrong, kept and dropped) are expected
after division by the design effect.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from results_page import markdown_table, parse_arguments, write_results
from scipy.special import betaincinv, ndtr

from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import (
    Booleans,
    Floats,
    Integers,
    LabeledRows,
    MeasureOptions,
    SamplingDesign,
    VerdictCounts,
)
from winnow.statistics.card_report import Card

TABLES, QUICK = 2_000, 10
LEAST, MOST = 0.925, 0.98
ENOUGH = 5.0
SEED = 20_240_602
TIED = 0.5
RATES = "phi psi p p_star margin precision uplift".split()


@dataclass(frozen=True)
class SimulatedWorld:
    """What tables are drawn from. With `hard` a prompt with few right answers fools the verifier more often."""

    right: float = 0.62
    phi: float = 0.84
    psi: float = 0.29
    prompts: int = 10_000
    each: int = 1
    alike: float = 0.0
    hard: bool = False


@dataclass(frozen=True)
class LabelSetting:
    """Which rows get labels: `rows` at random, whole `prompts`, two numbers by verdict or by label, or `all`.

    `unknown`: labels drawn by label cannot determine p, since phi = psi.
    """

    name: str
    world: SimulatedWorld
    labels: tuple[int, ...]
    drawn: str = "rows"
    unknown: bool = False


EIGHT, THIRTY_TWO = SimulatedWorld(prompts=1_250, each=8), SimulatedWorld(prompts=312, each=32)
SETTINGS = [
    LabelSetting("plain", SimulatedWorld(), (100,)),
    LabelSetting("few labels", SimulatedWorld(), (20,)),
    LabelSetting("few labels, near 1", SimulatedWorld(0.9, 0.95, 0.3), (20,)),
    LabelSetting("near 0 and 1", SimulatedWorld(0.95, 0.98, 0.02), (100,)),
    LabelSetting("right is rare", SimulatedWorld(0.04, 0.95, 0.10), (200,)),
    LabelSetting("uninformative verifier", SimulatedWorld(0.5, 0.5, 0.5), (400,)),
    LabelSetting("70 kept, 30 dropped", SimulatedWorld(), (70, 30), "verdict"),
    LabelSetting("50 kept, 50 dropped, right is rare", SimulatedWorld(0.03, 0.9, 0.05), (50, 50), "verdict"),
    LabelSetting("140 kept, 60 dropped, correlation .3", replace(EIGHT, alike=0.3), (140, 60), "verdict"),
    LabelSetting("50 right, 50 wrong", SimulatedWorld(), (50, 50), "label"),
    LabelSetting("100 right, 100 wrong, correlation .3", replace(EIGHT, alike=0.3), (100, 100), "label"),
    LabelSetting("10 right, 10 wrong", SimulatedWorld(), (10, 10), "label"),
    LabelSetting("200 right, 200 wrong, weak verifier", SimulatedWorld(0.5, 0.65, 0.4), (200, 200), "label"),
    LabelSetting(
        "200 right, 200 wrong, phi = psi: p unknown", SimulatedWorld(0.5, 0.5, 0.5), (200, 200), "label", True
    ),
    LabelSetting("8 each, correlation .1, labels over many prompts", replace(EIGHT, alike=0.1), (200,)),
    LabelSetting("8 each, correlation .1, 25 prompts", replace(EIGHT, alike=0.1), (25,), "prompts"),
    LabelSetting("8 each, correlation .3, 40 prompts", replace(EIGHT, alike=0.3), (40,), "prompts"),
    LabelSetting("8 each, correlation .3, 13 prompts", replace(EIGHT, alike=0.3), (13,), "prompts"),
    LabelSetting(
        "8 each, correlation .3, worse on hard prompts", replace(EIGHT, alike=0.3, hard=True), (40,), "prompts"
    ),
    LabelSetting("32 each, correlation .1, 20 prompts", replace(THIRTY_TWO, alike=0.1), (20,), "prompts"),
    LabelSetting("32 each, correlation .3, 20 prompts", replace(THIRTY_TWO, alike=0.3), (20,), "prompts"),
    LabelSetting(
        "32 each, correlation .3, near 1, 20 prompts",
        replace(THIRTY_TWO, right=0.95, phi=0.97, psi=0.5, alike=0.3),
        (20,),
        "prompts",
    ),
    LabelSetting("32 each, correlation .3, labels over many prompts", replace(THIRTY_TWO, alike=0.3), (400,)),
    LabelSetting(
        "60 prompts of 8, correlation .3, all labeled", SimulatedWorld(prompts=60, each=8, alike=0.3), (), "all"
    ),
    LabelSetting(
        "40 prompts of 32, correlation .1, all labeled", SimulatedWorld(prompts=40, each=32, alike=0.1), (), "all"
    ),
    LabelSetting("10,000 rows, correlation .1, all labeled", replace(EIGHT, alike=0.1), (), "all"),
]


def prompt_rate(below: Floats, mean: float, alike: float) -> Floats:
    """Return the rate of each prompt, given its quantile `below` in the distribution over prompts."""
    if alike == 0:
        return np.full(below.shape, mean)
    c = (1 - alike) / alike
    rates: Floats = betaincinv(mean * c, (1 - mean) * c, below)
    return rates


def prompt_rates(world: SimulatedWorld, count: int, rng: np.random.Generator) -> Floats:
    """Return the share right, the probability to keep right and to keep wrong rows of `count` prompts."""
    z = rng.standard_normal((3, count))
    z[2] = TIED * z[1] + np.sqrt(1 - TIED**2) * z[2]
    if world.hard:
        z[2] = -TIED * z[0] + np.sqrt(1 - TIED**2) * z[2]
    means = (world.right, world.phi, world.psi)
    return np.stack([prompt_rate(ndtr(row), mean, world.alike) for row, mean in zip(z, means, strict=True)])


def truth(world: SimulatedWorld) -> dict[str, float]:
    """Return the true values of the rates on a card; without a closed form, from two million prompts."""
    right, phi, psi = world.right, world.phi, world.psi
    if world.hard:
        share, keep_right, keep_wrong = prompt_rates(world, 2_000_000, np.random.default_rng(SEED))
        right = float(share.mean())
        phi = float((share * keep_right).mean() / right)
        psi = float(((1 - share) * keep_wrong).mean() / (1 - right))
    keep, star = right * phi + (1 - right) * psi, phi / (phi + psi)
    a = right * phi / keep
    numbers = (phi, psi, 1 - right, star, star - (1 - right), a, a - right)
    return dict(zip(RATES, numbers, strict=True))


@dataclass(frozen=True, eq=False)
class Simulated:
    """A simulated table with its true labels."""

    right: Booleans
    kept: Booleans
    prompt: Integers


def simulate_table(world: SimulatedWorld, rng: np.random.Generator) -> Simulated:
    """Simulate one table."""
    share, keep_right, keep_wrong = prompt_rates(world, world.prompts, rng)[:, :, None]
    right = rng.random((world.prompts, world.each)) < share
    kept = rng.random(right.shape) < np.where(right, keep_right, keep_wrong)
    return Simulated(right.ravel(), kept.ravel(), np.repeat(np.arange(world.prompts), world.each))


def labeled_rows(table: Simulated, setting: LabelSetting, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the positions of the rows that get a label."""
    if setting.drawn == "all":
        return np.arange(len(table.kept))
    if setting.drawn == "rows":
        return rng.choice(len(table.kept), setting.labels[0], replace=False)
    if setting.drawn == "prompts":
        return np.flatnonzero(
            np.isin(table.prompt, rng.choice(setting.world.prompts, setting.labels[0], replace=False))
        )
    of = table.kept if setting.drawn == "verdict" else table.right
    sides = zip((of, ~of), setting.labels, strict=True)
    return np.concatenate([rng.choice(np.flatnonzero(side), labels, replace=False) for side, labels in sides])


def simulated_card(setting: LabelSetting, number: int) -> Card:
    """Return the card of one simulated table."""
    rng = np.random.default_rng([SEED, number])
    table = simulate_table(setting.world, rng)
    rows = labeled_rows(table, setting, rng)
    kept = np.bincount(table.prompt, table.kept).astype(np.float64)
    size = np.bincount(table.prompt).astype(np.float64)
    total = int(table.kept.sum())
    spread = float(((kept - total / len(table.kept) * size) ** 2).sum())
    counts = VerdictCounts(total, len(table.kept) - total, prompts=setting.world.prompts, spread=spread)
    of = table.prompt[rows]
    right = table.right[rows].astype(np.float64)
    labeled = LabeledRows(table.kept[rows], right, of, prompt_kept=kept[of], prompt_decided=size[of])
    drawn = {"verdict": SamplingDesign.BY_VERDICT, "label": SamplingDesign.BY_LABEL}.get(
        setting.drawn, SamplingDesign.RANDOM
    )
    return estimate_card(counts, labeled, MeasureOptions(labels_drawn=drawn, seed=number))


def measure_coverage(setting: LabelSetting, tables: int) -> dict[str, Any]:
    """Return the coverage of each interval at one setting."""
    true = truth(setting.world)
    cards = [simulated_card(setting, number) for number in range(tables)]
    cards_with_interval = [card for card in cards if card.uplift.low is not None]
    tallies = np.array([list(card.tally.values()) for card in cards_with_interval]).mean(axis=0)
    effect = float(np.mean([card.design_effect for card in cards_with_interval if card.design_effect is not None]))
    inside, low = {}, {}
    for name in RATES:
        figures = [getattr(card, name) for card in cards]
        ends = np.array([(figure.low, figure.high) for figure in figures if figure.low is not None])
        inside[name] = float(((ends[:, 0] <= true[name]) & (true[name] <= ends[:, 1])).mean())
        low[name] = float((ends[:, 1] < true[name]).mean())
    expected = float(tallies.min() / max(effect, 1.0))
    enough = expected >= ENOUGH and not setting.unknown
    return {
        "name": setting.name,
        "truth": {name: round(value, 6) for name, value in true.items()},
        "labels": round(float(np.mean([card.labeled for card in cards_with_interval])), 1),
        "tables": tables,
        "without_interval": tables - len(cards_with_interval),
        "design_effect": round(effect, 3),
        "least_expected": round(expected, 2),
        "coverage": inside,
        "wholly_below_the_truth": low,
        "enough_labels": enough,
        "holds": min(inside.values()) >= LEAST and (not enough or max(inside.values()) <= MOST),
    }


def format_page(figures: dict[str, Any]) -> str:
    """Return the table of the page."""
    settings = figures["settings"]
    titles = {"name": "setting", "n": "labels", "least": "rarest outcome, effective rows", "effect": "design effect"}
    titles |= {name: name.replace("_star", "*") for name in RATES} | {"note": "note"}
    rows = []
    for setting in settings:
        highest = max(setting["coverage"].values())
        note = "" if setting["enough_labels"] else "conservative" if highest > MOST else "few labels"
        note = note if setting["holds"] else "DOES NOT HOLD"
        cells = {name: f"{100 * share:.1f}" for name, share in setting["coverage"].items()}
        start = {"name": setting["name"], "n": f"{setting['labels']:,.0f}", "least": f"{setting['least_expected']:.1f}"}
        rows.append({**start, "effect": f"{setting['design_effect']:.1f}", **cells, "note": note})
    least = min(min(setting["coverage"].values()) for setting in settings)
    headline = (
        f"Lowest coverage: {100 * least:.1f}%. {sum(setting['holds'] for setting in settings)} of {len(settings)} "
        "settings meet the "
        "requirement."
    )
    return f"{headline}\n\n{markdown_table(rows, titles)}"


def main() -> None:
    """Measure every setting and write the results."""
    options = parse_arguments(__doc__ or "")
    tables = QUICK if options.quick else TABLES
    results = [measure_coverage(setting, tables) for setting in SETTINGS]
    write_results(
        "coverage", {"seed": SEED, "tables": tables, "level": 0.95, "settings": results}, format_page, options
    )


if __name__ == "__main__":
    main()
