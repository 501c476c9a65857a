"""Two judges of pairs on PandaLM's test set: `python validation/real/pandalm.py FOLDER [--out TABLES]`.

FOLDER holds testset_v1_joined.jsonl.gz. A pair becomes two rows, one per response: a judge passes the response it
prefers and fails the other. A judge's tie is an abstention on both rows, since it prefers neither; an answer that could
not be read is an error on both, never a verdict. A response is right when most of the three people prefer it; where
most say tie, or no two agree, both rows stay without label. The prompt is the pair, so a pair counts once.
So one response of a labeled pair is right and one is wrong, a random choice is right half the time, and the share
right among kept is how often the judge, where it prefers one, agrees with people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import real_verifiers_page
import workspace
from workspace import Figures, Row

FILE = "testset_v1_joined.jsonl.gz"
JUDGES = {"gpt35": "gpt35_result", "pandalm7b": "pandalm7b_result"}
TIE = "0"
RESPONSES = ("1", "2")


def parse_preference(result: object) -> str | None:
    """Return 1 or 2, or 0 for a tie; None if the answer cannot be read."""
    preference = str(result).strip().lower()
    preference = TIE if preference == "tie" else preference
    return preference if preference in (TIE, *RESPONSES) else None


def majority_preference(pair: Row) -> str | None:
    """Return the answer of at least two of the three people, or None."""
    votes = Counter(parse_preference(pair[f"annotator{i}"]) for i in (1, 2, 3))
    answer, count = votes.most_common(1)[0]
    return answer if count > 1 else None


def verdict_on_response(result: object, response: str) -> str:
    """Return the verdict on one response that follows from a judge's answer about the pair."""
    preference = parse_preference(result)
    if preference is None:
        return "error"
    return "abstain" if preference == TIE else "pass" if preference == response else "fail"


def make_rows(pair: Row) -> Iterator[Row]:
    """Yield the two rows of a pair."""
    people = majority_preference(pair)
    for response in RESPONSES:
        yield {
            "candidate_id": f"{pair['idx']}-{response}",
            "pair": f"pair-{pair['idx']}",
            "instruction": pair["instruction"],
            "input": pair["input"],
            "response": pair[f"response{response}"],
            "preferred": None if people not in RESPONSES else people == response,
            **{f"{judge}.verdict": verdict_on_response(pair[column], response) for judge, column in JUDGES.items()},
        }


def count_pairs(pairs: list[Row]) -> Figures:
    """Count pairs by the answers of people and judges; exact agreement treats a tie as an answer."""
    people = Counter(majority_preference(pair) for pair in pairs)
    counts: Figures = {"pairs": len(pairs), "people": {"tie": people[TIE], "no majority": people[None]}, "judges": {}}
    for judge, column in JUDGES.items():
        preferences = [(parse_preference(pair[column]), majority_preference(pair)) for pair in pairs]
        counts["judges"][judge] = {
            "tie": sum(preference == TIE for preference, _ in preferences),
            "unreadable": sum(preference is None for preference, _ in preferences),
            "tie where people say tie": sum(preference == TIE == people for preference, people in preferences),
            "exact agreement": sum(
                preference is not None and preference == people for preference, people in preferences
            )
            / len(preferences),
        }
    return counts


def main() -> None:
    """Write the table, run the command and record the results."""
    work = workspace.parse_workspace(__doc__)
    pairs = list(work.read_rows(FILE))
    work.write_table("pandalm.jsonl", (row for pair in pairs for row in make_rows(pair)))
    columns = "--prompt pair --prompt-text instruction --text response --label preferred".split()
    cards = workspace.measure_verifiers(work, "pandalm.jsonl", *columns, "--verdict", ",".join(JUDGES))
    real_verifiers_page.write_figures(work, "pandalm", {"side_by_side": cards, "counts": count_pairs(pairs)})


if __name__ == "__main__":
    main()
