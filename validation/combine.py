"""Validates combining without labels: whether intervals contain the true rates, and refusals of dependent verifiers.

`python validation/combine.py [--quick] [--out results]` simulates independent verifiers and counts the 95% intervals
that contain the true share right, phi and psi, and how often such verifiers are wrongly refused or called dependent. It
then simulates copies and verifiers that make mistakes together, and counts refusals, warnings and their errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from results_page import format_holds, markdown_table, parse_arguments, write_results

from winnow.statistics.combine.combination import CombinedVotes, combine_votes, majority_vote

TABLES, QUICK = 2_000, 20
LEAST = 0.90
SEED = 20_240_602
Bools = npt.NDArray[np.bool_]
VotesArray = npt.NDArray[np.int8]


@dataclass(frozen=True)
class IndependentSetting:
    """Independent verifiers: share right, phi and psi of each; rows, share abstaining, rows per prompt."""

    name: str
    right: float
    phi: tuple[float, ...]
    psi: tuple[float, ...]
    rows: int = 1_000
    abstain: float = 0.0
    per_prompt: int = 1
    alike: float = 0.3

    def truth(self) -> npt.NDArray[np.float64]:
        """In the order of `ends`."""
        return np.array([self.right, *self.phi, *self.psi])


GOOD = ((0.9, 0.85, 0.8, 0.75, 0.7), (0.2, 0.3, 0.25, 0.3, 0.4))
SHARP = ((0.97, 0.95, 0.93, 0.9, 0.8), (0.05, 0.1, 0.3, 0.05, 0.2))
WEAK = ((0.7, 0.65, 0.7, 0.6, 0.7), (0.4, 0.45, 0.5, 0.4, 0.45))
SETTINGS = [
    IndependentSetting("five", 0.6, *GOOD),
    IndependentSetting("five, 300 rows", 0.6, *GOOD, rows=300),
    IndependentSetting("five, 5,000 rows", 0.6, *GOOD, rows=5_000),
    IndependentSetting("five, 30% abstain", 0.6, *GOOD, abstain=0.3),
    IndependentSetting("five, few right", 0.15, *GOOD),
    IndependentSetting("five accurate", 0.8, *SHARP),
    IndependentSetting("five weak, 5,000 rows", 0.6, *WEAK, rows=5_000),
    IndependentSetting("four", 0.6, GOOD[0][:4], GOOD[1][:4]),
    IndependentSetting("three", 0.6, GOOD[0][:3], GOOD[1][:3]),
    IndependentSetting("eight", 0.5, (*GOOD[0], 0.8, 0.7, 0.6), (*GOOD[1], 0.3, 0.2, 0.3)),
    IndependentSetting("five, 125 prompts x 8", 0.6, *GOOD, per_prompt=8),
    IndependentSetting("five, 100 prompts x 32", 0.6, *GOOD, rows=3_200, per_prompt=32),
]


def draw_votes(setting: IndependentSetting, rng: np.random.Generator) -> tuple[VotesArray, Bools]:
    """Votes and which rows are right; rows of a prompt share how likely they are right."""
    prompts = setting.rows // setting.per_prompt
    spread = 1 / setting.alike - 1
    chance = np.full(prompts, setting.right)
    if setting.per_prompt > 1:
        chance = rng.beta(setting.right * spread, (1 - setting.right) * spread, prompts)
    right = rng.random(setting.rows) < np.repeat(chance, setting.per_prompt)
    passes = np.where(right[:, None], setting.phi, setting.psi)
    votes = (rng.random(passes.shape) < passes).astype(np.int8)
    votes[rng.random(passes.shape) < setting.abstain] = -1
    return votes, right


def measure_recovery(setting: IndependentSetting, count: int, rng: np.random.Generator) -> dict[str, Any]:
    """The share of intervals that hold the truth."""
    prompt = np.arange(setting.rows) // setting.per_prompt if setting.per_prompt > 1 else None
    inside, widths, warned, refused = [], [], 0, 0
    for _ in range(count):
        result = combine_votes(draw_votes(setting, rng)[0], _names(len(setting.phi)), prompt)
        if not isinstance(result, CombinedVotes):
            refused += 1
            continue
        low, high = interval_ends(result)
        inside.append((low <= setting.truth()) & (setting.truth() <= high))
        widths.append(high - low)
        warned += any(warning.code == "dependent" for warning in result.warnings)
    shares = np.mean(inside, axis=0)
    return {
        "verifiers": setting.name,
        "rows": setting.rows,
        "tables": count,
        "inside": round(float(shares.mean()), 3),
        "worst": round(float(shares.min()), 3),
        "mean_width": round(float(np.mean(widths)), 3),
        "called_dependent": round(warned / count, 4),
        "refused": round(refused / count, 4),
        "holds": bool(shares.min() >= LEAST),
    }


def interval_ends(result: CombinedVotes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the lower and upper ends of the intervals for the share right, every phi and every psi."""
    intervals = [
        result.right,
        *(verifier.phi for verifier in result.verifiers),
        *(verifier.psi for verifier in result.verifiers),
    ]
    pairs = np.array([(interval.low, interval.high) for interval in intervals if interval is not None])
    return pairs[:, 0], pairs[:, 1]


Change = Callable[[VotesArray, Bools, np.random.Generator], VotesArray]


def copy_votes(which: list[int], slips: float) -> Change:
    """Return a change after which verifier k copies the vote of which[k], except for a share of slips."""

    def change(votes: VotesArray, right: Bools, rng: np.random.Generator) -> VotesArray:
        slipped = (rng.random(votes.shape) < slips) & (np.arange(len(which)) != np.array(which))
        return np.where(slipped, 1 - votes[:, which], votes[:, which]).astype(np.int8)

    return change


def related_votes(votes: VotesArray, right: Bools, rng: np.random.Generator) -> VotesArray:
    """Let each verifier copy the same unobserved judge, with a tenth of the votes changed."""
    return np.where(rng.random(votes.shape) < 0.1, 1 - votes[:, [0]], votes[:, [0]]).astype(np.int8)


def idle_pair(slips: float) -> Change:
    """Return a change after which the last two verifiers are nearly uninformative and one copies the other."""

    def change(votes: VotesArray, right: Bools, rng: np.random.Generator) -> VotesArray:
        mixed = votes.copy()
        mixed[:, 3] = rng.random(len(votes)) < np.where(right, 0.55, 0.45)
        mixed[:, 4] = mixed[:, 3]
        return copy_votes([0, 1, 2, 3, 3], slips)(mixed, right, rng)

    return change


DEPENDENT: dict[str, Change] = {
    "five copies of one": copy_votes([0, 0, 0, 0, 0], 0.0),
    "two copies among five": copy_votes([0, 0, 2, 3, 4], 0.0),
    "two that differ on 2% among five": copy_votes([0, 0, 2, 3, 4], 0.02),
    "two that differ on 10% among five": copy_votes([0, 0, 2, 3, 4], 0.1),
    "two that differ on 25% among five": copy_votes([0, 0, 2, 3, 4], 0.25),
    "two pairs that differ on 25% among five": copy_votes([0, 0, 2, 2, 4], 0.25),
    "an uninformative pair that differs on 10% among five": idle_pair(0.1),
    "an uninformative pair that differs on 20% among five": idle_pair(0.2),
    "five related, each differing from one judge on 10%": related_votes,
}


def measure_dependence(name: str, rows: int, count: int, rng: np.random.Generator) -> dict[str, Any]:
    """Measure how often dependent verifiers are refused or warned about, and the errors of the others."""
    setting = replace(SETTINGS[0], rows=rows)
    codes, largest_errors, accuracy = [], [], []
    for _ in range(count):
        votes, right = draw_votes(setting, rng)
        mixed = DEPENDENT[name](votes, right, rng)
        result = combine_votes(mixed, _names(mixed.shape[1]))
        if not isinstance(result, CombinedVotes):
            codes.append("refused")
            continue
        codes.append("warned" if result.warnings else "silent")
        both = (result.verdict, majority_vote(mixed, _names(mixed.shape[1])).verdict)
        accuracy.append([float(np.mean((verdict == "pass") == right)) for verdict in both])
        rates = [float(np.mean(votes_of_right == 1)) for votes_of_right in mixed[right].T]
        phis = [verifier.phi.value if verifier.phi else None for verifier in result.verifiers]
        largest_errors.append(max(abs(phi - rate) for phi, rate in zip(phis, rates, strict=True) if phi is not None))
    shares = {code: round(codes.count(code) / count, 4) for code in ("refused", "warned", "silent")}
    row = {"verifiers": name, "rows": rows, "tables": count, **shares}
    means = np.mean(accuracy, axis=0).round(3).tolist() if accuracy else ["-", "-"]
    worst = round(float(np.mean(largest_errors)), 3) if largest_errors else "-"
    return row | {"accuracy": means[0], "majority": means[1], "farthest_phi": worst}


def _names(count: int) -> list[str]:
    return [f"v{k}" for k in range(count)]


def main() -> None:
    """Simulate, print and write the results."""
    options = parse_arguments(__doc__.split("\n")[0])
    count = QUICK if options.quick else TABLES
    rng = np.random.default_rng(SEED)
    rates = [measure_recovery(setting, count, rng) for setting in SETTINGS]
    few = max(count // 10, 20)
    together = [measure_dependence(name, rows, few, rng) for name in DEPENDENT for rows in (1_000, 5_000)]
    figures = {"seed": SEED, "least": LEAST, "recovered": rates, "dependent": together}
    write_results("combine", figures, format_page, options)


def format_page(figures: dict[str, Any]) -> str:
    """Return the two tables of the page."""
    rates = [{**row, "holds": format_holds(row["holds"])} for row in figures["recovered"]]
    recovered = {
        "verifiers": "verifiers",
        "rows": "rows per table",
        "tables": "tables",
        "inside": "intervals that contain the true rate",
        "worst": "the same for the worst rate",
        "mean_width": "mean interval width",
        "called_dependent": "wrongly called dependent",
        "refused": "wrongly refused",
        "holds": f"worst rate at least {figures['least']}",
    }
    dependent = {
        "verifiers": "verifiers",
        "rows": "rows per table",
        "tables": "tables",
        "refused": "refused",
        "warned": "combined with a warning",
        "silent": "combined without a warning",
        "accuracy": "correct verdicts, combined",
        "majority": "correct verdicts, majority",
        "farthest_phi": "largest error of a phi",
    }
    return "\n\n".join(
        [
            "Independent verifiers. Shares are between 0 and 1.",
            markdown_table(rates, recovered),
            "Verifiers that make mistakes together. The last three columns are over the tables that were not refused.",
            markdown_table(figures["dependent"], dependent),
        ]
    )


if __name__ == "__main__":
    main()
