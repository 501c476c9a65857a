"""The card of FactCC on the validation part of FRANK: `python proofs/real/frank_card.py FOLDER_OF_FRANK`.

Reading: a summary is right when the people who judged it found no factual error (human Factuality equal to 1, no
rounding), FactCC keeps it when its score is at least 0.5, and the prompt is the article (its hash). All 671 summaries
are labeled and decided. Beside it: BertScore P Art over the same rows, the soft card (Factuality as a grade) and the
slices by corpus, which the pooled card hides. It also prints how far summaries of an article go together: the
intra-prompt correlation of rightness, and of being kept given rightness.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from winnow.stats.card import card
from winnow.stats.evidence import Booleans, Counts, Floats, How, Integers, Labeled
from winnow.stats.grades import Graded, grade_card
from winnow.stats.paired import Judged, Labels, compare
from winnow.stats.slices import by_slice

PUBLISHED = {"phi": 0.835, "psi": 0.367, "p": 0.638}


def summaries(folder: Path) -> list[dict[str, Any]]:
    """One entry per summary, with its article and corpus."""
    with gzip.open(folder / "frank_validation.jsonl.gz", "rt", encoding="utf-8") as lines:
        articles = [json.loads(line) for line in lines]
    return [
        {"article": article["hash"], "corpus": article["dataset"], **candidate}
        for article in articles
        for candidate in article["candidates"]
    ]


def counted(kept: Booleans, prompt: Integers) -> Counts:
    """What the stage asks the whole table for."""
    size, keeps = np.bincount(prompt), np.bincount(prompt, kept)
    spread = float(((keeps - kept.mean() * size) ** 2).sum())
    return Counts(int(kept.sum()), int((~kept).sum()), prompts=int((size > 0).sum()), spread=spread)


def together(outcome: Floats, prompt: Integers) -> float:
    """Intra-prompt correlation by the method of moments."""
    apart = outcome - outcome.mean()
    size, total = np.bincount(prompt), np.bincount(prompt, apart)
    pairs = float((size * (size - 1)).sum())
    return float(((total**2).sum() - (apart**2).sum()) / pairs / outcome.var())


def judged(name: str, kept: Booleans, prompt: Integers) -> Judged:
    """One verifier as the comparison takes it."""
    return Judged(name, counted(kept, prompt), kept.astype(np.int8))


def main() -> None:
    """Print the cards, and fail when the three published numbers are missed."""
    rows = summaries(Path(sys.argv[1]))
    corpus = np.array([row["corpus"] for row in rows])
    prompt = np.unique([row["article"] for row in rows], return_inverse=True)[1].astype(np.int64)
    grade: Floats = np.array([row["human"]["Factuality"] for row in rows], dtype=np.float64)
    score: Floats = np.array([row["metrics"]["FactCC"] for row in rows], dtype=np.float64)
    other: Floats = np.array([row["metrics"]["BertScore P Art"] for row in rows], dtype=np.float64)
    right, kept, how = (grade == 1).astype(np.float64), score >= 0.5, How()
    pooled = card(counted(kept, prompt), Labeled(kept, right, prompt), how)
    parts = {}
    for name in np.unique(corpus):
        on = corpus == name
        codes = np.unique(prompt[on], return_inverse=True)[1]
        parts[str(name)] = (counted(kept[on], codes), Labeled(kept[on], right[on], codes))
        alike = [together(right[on], prompt[on])]
        for side in (on & (right == 1), on & (right == 0)):
            alike.append(together(kept[side].astype(np.float64), prompt[side]))
        print(
            f"{name}: alike in rightness {alike[0]:.2f}, in being kept if right {alike[1]:.2f}, if wrong {alike[2]:.2f}"
        )
    slices = by_slice(parts, pooled, how)
    print(slices.beside(pooled).words())
    for one in slices.slices:
        print(f"\n[{one.name}] {one.decision}\n{one.card.words()}")
    print(f"\n{grade_card(counted(kept, prompt), Graded(kept, grade, prompt, scale=(0.0, 1.0)), how).words()}")
    top = other >= np.sort(other)[::-1][int(kept.sum()) - 1]
    both = [judged("FactCC", kept, prompt), judged("BertScore P Art", top, prompt)]
    print(f"\n{compare(both, Labels(right, prompt), how).words()}")
    for name, want in PUBLISHED.items():
        got = getattr(pooled, name).value
        if abs(got - want) > 0.0005:
            sys.exit(f"{name}: {got:.4f}, published {want}")


if __name__ == "__main__":
    main()
