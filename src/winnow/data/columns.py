"""Which column of a table plays which part: what the user named, and a guess for the rest.

A guess is made from names alone, in a fixed order of preference, and is always said aloud (`Columns.said`).
A part nobody named and nobody can guess stays None; asking for it with `Columns.need` is the moment it is
refused, so a command only demands the columns it uses. Nothing here reads a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

from winnow.data.errors import UsageError, nearest, printable

GUESSES: Mapping[str, tuple[str, ...]] = {
    "id": ("candidate_id", "id"),
    "messages": ("messages", "conversation", "conversations"),
    "text": (
        "text",
        "candidate",
        "completion",
        "response",
        "generation",
        "output",
        "sample",
        "solution",
        "prediction",
        "answer",
    ),
    "prompt_text": ("prompt", "prompt_text", "question", "instruction", "query", "problem", "task", "puzzle", "input"),
    "prompt": ("prompt_id", "question_id", "problem_id", "task_id", "query_id"),
    "reference": (
        *("reference", "references", "gold", "gold_answer", "ground_truth", "target", "expected", "expected_answer"),
        *("answer", "solution"),
    ),
    "score": ("score", "reward"),
    "verdict": ("verdict",),
    "label": ("correct", "is_correct", "label"),
    "round": ("round",),
}
"""For each part the names it is guessed from, best first. A column is given to one part only."""

FLAGS = {part: "--" + part.replace("_", "-") for part in (*GUESSES, "candidates")}


@dataclass(frozen=True)
class Columns:
    """The column behind each part. `candidates` names a list to unfold, so it is never guessed."""

    id: str | None = None
    prompt: str | None = None
    prompt_text: str | None = None
    text: str | None = None
    messages: str | None = None
    reference: str | None = None
    score: str | None = None
    verdict: str | None = None
    label: str | None = None
    round: str | None = None
    candidates: str | None = None
    guessed: frozenset[str] = field(default=frozenset(), compare=False)

    def named(self) -> dict[str, str]:
        """The parts that have a column, as the receipt and `--json` show them."""
        return {part: name for part, name in asdict(self).items() if part != "guessed" and name is not None}

    def stated(self) -> Columns:
        """The same columns as if the user had named them all."""
        return replace(self, guessed=frozenset())

    def need(self, part: str, table: str) -> str:
        """The column of a part, or a refusal that says which option names it."""
        name = getattr(self, part)
        if name is None:
            known = ", ".join(GUESSES.get(part, ()))
            raise UsageError(
                table, f"no column is known as the {part} (looked for {known})", f"Name it: {FLAGS[part]} COLUMN"
            )
        assert isinstance(name, str)
        return name

    def said(self) -> str:
        """One line for the user: what was named, what was guessed, and how to set it."""
        pairs = [f"{part}={name}{'?' if part in self.guessed else ''}" for part, name in self.named().items()]
        if not pairs:
            return "columns: none recognized (name them with --prompt, --text, --reference ...)"
        hint = (
            "  (? = guessed; set with " + ", ".join(FLAGS[p] for p in sorted(self.guessed)) + ")"
            if self.guessed
            else ""
        )
        return printable("columns: " + " ".join(pairs) + hint)


def stated(**parts: str | None) -> Columns:
    """Columns as a user named them; an unknown part is refused by name."""
    known = {f.name for f in fields(Columns)} - {"guessed"}
    for part in parts:
        if part not in known:
            raise UsageError("columns", f"'{part}' is not a part a column can play", nearest(part, known))
    return Columns(**parts)  # type: ignore[arg-type]  # every part is a column name or None


def guess(given: Columns, names: Sequence[str], table: str) -> Columns:
    """Fill the parts the user left open from the table's column names."""
    chosen = given.named()
    for part, name in chosen.items():
        for one in name.split(",") if part in ("candidates", "label", "verdict") else [name]:
            _must_exist(one, part, names, table)
    free = [name for name in names if name not in chosen.values()]
    found: dict[str, str] = {}
    for part, wanted in GUESSES.items():
        if part not in chosen and not _pointless(part, {**chosen, **found}):
            best = next((w for w in wanted if w in free), None)
            if best is not None:
                found[part] = best
                free.remove(best)
    _prompt_from_text(chosen, found)
    return replace(stated(**chosen, **found), guessed=frozenset(found))


def _pointless(part: str, known: Mapping[str, str]) -> bool:
    """Messages carry the text and the prompt; a list to unfold carries the text."""
    if part == "messages":
        return "text" in known or "candidates" in known
    if part == "text":
        return "messages" in known or "candidates" in known
    return part == "prompt_text" and "messages" in known


def _prompt_from_text(chosen: Mapping[str, str], found: dict[str, str]) -> None:
    """Without a prompt id the prompt's text groups the candidates, and the other way round."""
    known = {**chosen, **found}
    if "prompt" not in known and "prompt_text" in known:
        found["prompt"] = known["prompt_text"]
    elif "prompt_text" not in known and "prompt" in known and "messages" not in known:
        found["prompt_text"] = known["prompt"]


def _must_exist(name: str, part: str, names: Iterable[str], table: str) -> None:
    if name not in names:
        raise UsageError(FLAGS[part], f"'{name}' is not a column of {table}", nearest(name, names))
