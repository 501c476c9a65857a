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
    """1, 2 or 0 for a tie, whoever wrote it and however; None where the answer could not be read."""
    word = str(result).strip().lower()
    word = TIE if word == "tie" else word
    return word if word in (TIE, *RESPONSES) else None


def majority_preference(pair: Row) -> str | None:
    """What at least two of the three people say."""
    votes = Counter(parse_preference(pair[f"annotator{i}"]) for i in (1, 2, 3))
    answer, count = votes.most_common(1)[0]
    return answer if count > 1 else None


def verdict_on_response(result: object, response: str) -> str:
    """What a judge's answer about a pair says of one response."""
    word = parse_preference(result)
    if word is None:
        return "error"
    return "abstain" if word == TIE else "pass" if word == response else "fail"


def make_rows(pair: Row) -> Iterator[Row]:
    """The two rows of a pair."""
    people = majority_preference(pair)
    for response in RESPONSES:
        yield {
            "candidate_id": f"{pair['idx']}-{response}",
            "pair": f"pair-{pair['idx']}",
            "instruction": pair["instruction"],
            "input": pair["input"],
            "response": pair[f"response{response}"],
            "preferred": None if people not in RESPONSES else people == response,
            **{f"{judge}.verdict": verdict_on_response(pair[there], response) for judge, there in JUDGES.items()},
        }


def count_pairs(pairs: list[Row]) -> Figures:
    """Pairs by what people and judges say; exact agreement counts a tie as an answer like the others."""
    people = Counter(majority_preference(pair) for pair in pairs)
    found: Figures = {"pairs": len(pairs), "people": {"tie": people[TIE], "no majority": people[None]}, "judges": {}}
    for judge, there in JUDGES.items():
        says = [(parse_preference(pair[there]), majority_preference(pair)) for pair in pairs]
        found["judges"][judge] = {
            "tie": sum(word == TIE for word, _ in says),
            "unreadable": sum(word is None for word, _ in says),
            "tie where people say tie": sum(word == TIE == people for word, people in says),
            "exact agreement": sum(word is not None and word == people for word, people in says) / len(says),
        }
    return found


def main() -> None:
    """Make the table, run the command, keep the figures."""
    work = workspace.parse_workspace(__doc__)
    pairs = list(work.read_rows(FILE))
    work.write_table("pandalm.jsonl", (row for pair in pairs for row in make_rows(pair)))
    columns = "--prompt pair --prompt-text instruction --text response --label preferred".split()
    cards = workspace.measure_verifiers(work, "pandalm.jsonl", *columns, "--verdict", ",".join(JUDGES))
    real_verifiers_page.write_figures(work, "pandalm", {"side_by_side": cards, "counts": count_pairs(pairs)})


if __name__ == "__main__":
    main()
