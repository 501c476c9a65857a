"""Best of twelve translations by a reference metric: `python validation/real/wmt23.py FOLDER [--out TABLES]`.

FOLDER holds en-de_candidates_human_scores.jsonl.gz: English segments, twelve systems' German, a human score from 0 to
100 for each. The systems are the candidates of a segment. The score is chrF against the human reference, computed here
since the file has no metric; the reference itself and its copy are no candidates. Segments that people did not score
are left out and counted. A translation is right from a stated human score on; 80 and 90 are both shown, since the
choice is arbitrary. The mean human score is measured as a grade: a verdict passes one translation per segment, the
highest by chrF or by people, and a seeded hash breaks ties.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean

import real_verifiers_page
import workspace
from chrf import chrf
from workspace import Figures, Row

FILE = "en-de_candidates_human_scores.jsonl.gz"
NOT_SYSTEMS = {"refA", "synthetic_ref"}
RIGHT_FROM = (80, 90)
COLUMNS = "--prompt segment --text translation".split()


def make_rows(segment: Row) -> Iterator[Row]:
    """Yield one row per system, or none if a system of the segment has no human score."""
    systems = {name: candidate for name, candidate in segment["candidates"].items() if name not in NOT_SYSTEMS}
    if any(candidate["human_score"] is None for candidate in systems.values()):
        return
    scores = {name: chrf(candidate["text"], segment["reference"]) for name, candidate in systems.items()}
    people = {name: candidate["human_score"] for name, candidate in systems.items()}
    by_chrf, by_people = best_system(scores, segment["id"]), best_system(people, segment["id"])
    for name, candidate in systems.items():
        yield {
            "candidate_id": f"{segment['id']}-{name}",
            "segment": f"segment-{segment['id']}",
            "source": segment["source"],
            "system": name,
            "translation": candidate["text"],
            "chrf": scores[name],
            "human_score": people[name],
            "best_by_chrf.verdict": "pass" if name == by_chrf else "fail",
            "best_by_people.verdict": "pass" if name == by_people else "fail",
        }


def best_system(scores: dict[str, float], segment: object) -> str:
    """Return the system with the highest score; a seeded hash breaks ties."""
    return max(scores, key=lambda name: (scores[name], workspace.hash_fraction(segment, name)))


def curve_figures(document: Row) -> Figures:
    """Return the numbers of a forecast that the documentation shows."""
    points = [
        {"n": point["n"], "best_of_n": _interval(point, "accuracy"), "oracle": _interval(top, "pass")}
        for point, top in zip(document["best_of_n"], document["pass_at_n"], strict=True)
    ]
    best = document["recommended"]
    cautions = [{name: warning[name] for name in ("code", "sure", "words")} for warning in document["warnings"]]
    return {"curve": points, "recommended": best and {"rule": best["rule"], "n": best["n"]}, "warnings": cautions}


def _interval(point: Row, value: str) -> Figures:
    return {"value": point[value], "low": point["low"], "high": point["high"]}


def system_figures(rows: list[Row]) -> Figures:
    """Return the mean human score of each system, which always choosing that system would give, and the best system."""
    names = sorted({row["system"] for row in rows})
    means = {name: mean(row["human_score"] for row in rows if row["system"] == name) for name in names}
    best = max(means, key=lambda name: means[name])
    chosen = [row for row in rows if row["system"] == best]
    right = {str(cut): mean(row["human_score"] >= cut for row in chosen) for cut in RIGHT_FROM}
    return {"count": len(means), "best": best, "best_mean": means[best], "best_right": right}


def main() -> None:
    """Write the table, run the commands and record the results."""
    work = workspace.parse_workspace(__doc__)
    segments = list(work.read_rows(FILE))
    rows = [row for segment in segments for row in make_rows(segment)]
    work.write_table("wmt23.jsonl", rows)
    scored = len({row["segment"] for row in rows})
    counts = {"segments": scored, "left_out": len(segments) - scored, "translations": len(rows)}
    sizes = ",".join(str(n) for n in range(1, max(len(rows) // scored, 1) + 1))
    forecasts = []
    for cut in RIGHT_FROM:
        label = ("--label", "human_score", "--right-if", f"human_score>={cut}", "--n", sizes)
        command = ("forecast", "wmt23.jsonl", *COLUMNS, "--score", "chrf", *label)
        forecasts.append(
            {
                "right_from": cut,
                "command": workspace.format_command(command),
                **curve_figures(work.run_winnow(*command)),
            }
        )
    judges = "--verdict best_by_chrf,best_by_people --label human_score --grade-range 0,100".split()
    grades = workspace.measure_verifiers(work, "wmt23.jsonl", *COLUMNS, *judges)
    real_verifiers_page.write_figures(
        work, "wmt23", {"counts": counts, "forecasts": forecasts, "grades": grades, "systems": system_figures(rows)}
    )


if __name__ == "__main__":
    main()
