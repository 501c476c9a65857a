"""Labels that are grades: the mean grade of kept rows against raw ones, and the soft forms of phi and psi.

With a range the grade becomes r in [0, 1], phi = E[q r]/E[r] and psi = E[q (1 - r)]/E[1 - r], which for r of 0 or 1
are the usual ones. Without a range there are means alone. Where a person says from which grade on an answer is right,
`at_least` makes the labels of an ordinary card.
Promises: intervals by prompt, as on the card; the means are in the units of the grade. There is no p* for grades.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtrit

from winnow.data.errors import UsageError
from winnow.stats.card import COUNTED, sides_of
from winnow.stats.evidence import Booleans, Counts, Drawn, Floats, How, Integers, Labeled, check_values
from winnow.stats.formulas import rates
from winnow.stats.intervals import Figure, Share, between, copula, joint
from winnow.stats.words import HARMS, HELPS, UNDECIDED, percent


@dataclass(frozen=True, eq=False)
class Graded:
    """Rows with a grade and a verdict; `scale` is the lowest and the highest grade there could be, if known."""

    kept: Booleans
    grade: Floats
    prompt: Integers
    weight: Floats | None = None
    scale: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "grade", np.asarray(self.grade, dtype=np.float64))
        if self.scale is None:
            check_values("grade", self.grade, -np.finfo(np.float64).max, np.finfo(np.float64).max)
        elif not self.scale[0] < self.scale[1]:
            problem = f"runs from {self.scale[0]:g} to {self.scale[1]:g}"
            raise UsageError("grade-range", problem, "Name the lowest grade first, then the highest")
        else:
            check_values("grade", self.grade, *self.scale)

    def ends(self) -> tuple[float, float]:
        """The range, or that of the grades seen."""
        if self.scale is not None:
            return self.scale
        low, high = (float(self.grade.min()), float(self.grade.max())) if len(self.grade) else (0.0, 1.0)
        return (low, high) if high > low else (low, low + 1.0)

    def unit(self) -> Labeled:
        """The rows with the grade as a share of its range."""
        low, high = self.ends()
        return Labeled(self.kept, np.clip((self.grade - low) / (high - low), 0.0, 1.0), self.prompt, self.weight)


@dataclass(frozen=True)
class GradeCard:
    """What a verifier does to the mean grade. `phi` and `psi` are the soft forms, None without a range."""

    n: int
    labeled: int
    kept: int
    dropped: int
    decided: int
    abstain: int
    error: int
    prompts: int
    mean_kept: Figure
    mean_raw: Figure
    gain: Figure
    phi: Figure
    psi: Figure
    keep_rate: Figure
    decision: str
    why: str

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            name: value.plain() if isinstance(value, Figure) else value
            for name, value in ((name, getattr(self, name)) for name in self.__dataclass_fields__)
        }

    def words(self) -> str:
        """The card in two lines."""
        if self.mean_kept.value is None or self.mean_raw.value is None:
            return f"{self.decision}: {self.why}"
        line = f"mean grade among kept {_spread(self.mean_kept)}, raw {_spread(self.mean_raw)}"
        if self.phi.value is not None and self.psi.value is not None:
            line += f" · keeps {percent(self.phi.value)} of the grade there is (soft phi)"
            line += f" and {percent(self.psi.value)} of the grade that is missing (soft psi)"
        return f"{line} · {self.labeled:,} labels of {self.prompts:,} prompts\n{self.decision}: {self.why}"


def at_least(graded: Graded, right_from: float) -> Labeled:
    """The threshold form: a row is right from this grade on."""
    right = (graded.grade >= right_from).astype(np.float64)
    return Labeled(graded.kept, right, graded.prompt, graded.weight)


def grade_card(counts: Counts, graded: Graded, how: How | None = None) -> GradeCard:
    """The card of one verifier whose labels are grades."""
    how = how or How()
    if how.drawn is Drawn.BY_LABEL:
        raise UsageError("labels-drawn", "is by-label, but grades have no two labels to draw by", "Use --right-if")
    sides = sides_of(counts, graded.unit(), how.drawn)
    figures = {name: Figure() for name in ("mean_kept", "mean_raw", "gain", "phi", "psi", "keep_rate")}
    if sides.keep is not None:
        figures["keep_rate"] = between(sides.keep.value, joint([sides.keep], how.level, how.seed)[0], how.level)
    if sides.first is not None and sides.second is not None and sides.keep is not None:
        three = [sides.first, sides.second, sides.keep]
        drawn = joint(three, how.level, how.seed) if graded.scale else _means(three, how)
        figures |= _grade_figures(sides.values(), drawn, graded, how)
    gain = figures["gain"]
    if gain.low is None or gain.high is None or gain.value is None:
        decision, why = UNDECIDED, _missing(counts, graded)
    else:
        decision = HELPS if gain.low > 0 else HARMS if gain.high < 0 else UNDECIDED
        why = f"the mean grade among kept is {gain.value:+.3g} from raw ({gain.low:+.3g} to {gain.high:+.3g})"
    told: dict[str, Any] = {**{name: getattr(counts, name) for name in COUNTED}, **figures}
    return GradeCard(
        **told,
        labeled=len(graded.kept),
        prompts=len(np.unique(graded.prompt)),
        decision=decision,
        why=why,
    )


def _means(three: list[Share], how: How) -> Floats:
    """Draws of two means that no range bounds, and of the keep rate."""
    normal = copula(three, how.seed)
    drawn = joint(three, how.level, how.seed)
    for row, share in enumerate(three[:2]):
        degrees = share.degrees if np.isfinite(share.degrees) else max(share.rows - 1.0, 1.0)
        sd = np.sqrt(max(share.value * (1 - share.value), 0.0) / share.effective)
        z = np.linspace(-4.2, 4.2, 97)
        drawn[row] = share.value + sd * np.interp(normal[row], z, stdtrit(degrees, ndtr(z)))
    return drawn


def _grade_figures(values: Floats, drawn: Floats, graded: Graded, how: How) -> dict[str, Figure]:
    low, high = graded.ends()
    value, spread = rates(values, False, draws=False), rates(drawn, False)
    raw = between(1 - float(value.p[0]), 1 - spread.p, how.level)
    found = {
        "mean_kept": _scaled(between(float(value.precision[0]), spread.precision, how.level), low, high),
        "mean_raw": _scaled(raw, low, high),
        "gain": _scaled(between(float(value.uplift[0]), spread.uplift, how.level), 0.0, high - low),
    }
    if graded.scale is not None:
        found["phi"] = between(float(value.phi[0]), spread.phi, how.level)
        found["psi"] = between(float(value.psi[0]), spread.psi, how.level)
    return found


def _scaled(figure: Figure, low: float, high: float) -> Figure:
    parts = (figure.value, figure.low, figure.high)
    return replace(
        figure,
        **{
            name: None if part is None else low + (high - low) * part
            for name, part in zip(("value", "low", "high"), parts, strict=True)
        },
    )


def _spread(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "unknown"
    return f"{figure.value:.3g} ({figure.low:.3g} to {figure.high:.3g})"


def _missing(counts: Counts, graded: Graded) -> str:
    if not (counts.kept and counts.dropped):
        return "the table is all kept or all dropped, so nothing is chosen"
    return "kept and dropped rows both need grades"
