"""Six predictors of a student, computed from its training data before it is trained, and a fitted accuracy.

They were fixed before the second task was run: `precision x served` was noticed, and the line fitted, on prototypes of
the first task, eigenvalues. All values follow from the kept rows and their labels.

    p_star             phi / (phi + psi), the papers' break-even of two classes
    p_star_w           the same for open answers, w from the labels of sampled answers
    precision          the share right among kept rows
    served             prompts served: the share of all prompts that have a right kept answer
    precision_served   precision x served
    plurality          the share of prompts with kept answers whose commonest one is right
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from winnow.science.studies.framework.check import Row, group_rows

PREDICTORS = ("p_star", "p_star_w", "precision", "served", "precision_served", "plurality")

ACCURACY_PREDICTORS = ("precision", "plurality", "line")
"""The predictors that estimate an accuracy, and the fitted line."""

INTERCEPT, SLOPE, GENERATOR_SLOPE = 0.15, 0.57, 0.34
"""accuracy = .15 + .57 precision x served + .34 generator accuracy, fitted on 28 students of eigenvalue prototypes."""


def compute_predictors(card: Mapping[str, Any], labeled: Sequence[Row]) -> dict[str, float | None]:
    """Return the predictors of one student from the card of its rule and labeled rows with `kept` and `correct`."""
    precision, served = _card_value(card, "precision"), _card_value(card, "prompts_served")
    served = prompts_served(labeled) if served is None else served
    return {
        "p_star": _card_value(card, "p_star"),
        "p_star_w": _p_star_w(card),
        "precision": precision,
        "served": served,
        "precision_served": None if precision is None or served is None else precision * served,
        "plurality": plurality_accuracy(labeled),
    }


def fitted_line(predictors: Mapping[str, float | None], generator: float) -> float | None:
    """Return the accuracy that the fitted line gives."""
    product = predictors["precision_served"]
    return None if product is None else INTERCEPT + SLOPE * product + GENERATOR_SLOPE * generator


def prompts_served(labeled: Sequence[Row]) -> float | None:
    """Return the share of labeled prompts with a right kept answer, for rules whose card has no value."""
    prompts = group_rows(labeled, "prompt_id").values()
    return (
        sum(any(row["kept"] and row["correct"] for row in rows) for rows in prompts) / len(prompts) if prompts else None
    )


def plurality_accuracy(labeled: Sequence[Row]) -> float | None:
    """Return the share of prompts with a labeled kept row whose commonest kept answer is right; ties are shared."""
    prompts = group_rows([row for row in labeled if row["kept"]], "prompt_id").values()
    shares = [_plurality_share_right(rows) for rows in prompts]
    return sum(shares) / len(shares) if shares else None


def _plurality_share_right(rows: Sequence[Row]) -> float:
    counts = Counter(row["text"] for row in rows)
    most = max(counts.values())
    right = {row["text"]: bool(row["correct"]) for row in rows}
    is_right = [right[text] for text, count in counts.items() if count == most]
    return sum(is_right) / len(is_right)


def _p_star_w(card: Mapping[str, Any]) -> float | None:
    """p*_w by its formula, since the card has none for a rule that keeps everything."""
    phi, psi, w = _card_value(card, "phi"), _card_value(card, "psi"), card["w"]
    return None if phi is None or psi is None or w is None or not phi + w * psi else phi / (phi + w * psi)


def _card_value(card: Mapping[str, Any], name: str) -> float | None:
    figure = card.get(name)
    return None if figure is None or figure["value"] is None else float(figure["value"])
