"""Which column of a table plays which part: what the user named, and a guess for the rest.

A guess is made from names alone, in a fixed order of preference, and is always said aloud (`Columns.said`).
A part nobody named and nobody can guess stays None; asking for it with `Columns.need` is the moment it is
refused, so a command only demands the columns it uses. Nothing here reads a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

from winnow.errors import UsageError, escape_unprintable, suggest_name

COLUMN_NAME_GUESSES: Mapping[str, tuple[str, ...]] = {
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

ROLE_OPTIONS = {part: "--" + part.replace("_", "-") for part in (*COLUMN_NAME_GUESSES, "candidates")}


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

    def to_dict(self) -> dict[str, str]:
        """The parts that have a column, as the receipt and `--json` show them."""
        return {part: name for part, name in asdict(self).items() if part != "guessed" and name is not None}

    def without_guesses(self) -> Columns:
        """The same columns as if the user had named them all."""
        return replace(self, guessed=frozenset())

    def require_column(self, role: str, table: str) -> str:
        """The column of a part, or a refusal that says which option names it."""
        name = getattr(self, role)
        if name is None:
            known = ", ".join(COLUMN_NAME_GUESSES.get(role, ()))
            raise UsageError(
                table, f"no column is known as the {role} (looked for {known})", f"Name it: {ROLE_OPTIONS[role]} COLUMN"
            )
        assert isinstance(name, str)
        return name

    def summary(self) -> str:
        """One line for the user: what was named, what was guessed, and how to set it."""
        pairs = [f"{part}={name}{'?' if part in self.guessed else ''}" for part, name in self.to_dict().items()]
        if not pairs:
            return "columns: none recognized (name them with --prompt, --text, --reference ...)"
        hint = (
            "  (? = guessed; set with " + ", ".join(ROLE_OPTIONS[p] for p in sorted(self.guessed)) + ")"
            if self.guessed
            else ""
        )
        return escape_unprintable("columns: " + " ".join(pairs) + hint)


def make_columns(**columns_by_role: str | None) -> Columns:
    """Columns as a user named them; an unknown part is refused by name."""
    known = {f.name for f in fields(Columns)} - {"guessed"}
    for role in columns_by_role:
        if role not in known:
            raise UsageError("columns", f"'{role}' is not a part a column can play", suggest_name(role, known))
    return Columns(**columns_by_role)  # type: ignore[arg-type]  # every part is a column name or None


def guess_columns(known_columns: Columns, names: Sequence[str], table: str) -> Columns:
    """Fill the parts the user left open from the table's column names."""
    named_columns = known_columns.to_dict()
    for part, name in named_columns.items():
        for column in name.split(",") if part in ("candidates", "label", "verdict") else [name]:
            _require_existing(column, part, names, table)
    unassigned = [name for name in names if name not in named_columns.values()]
    guesses: dict[str, str] = {}
    for part, candidates in COLUMN_NAME_GUESSES.items():
        if part not in named_columns and not _is_covered(part, {**named_columns, **guesses}):
            match = next((w for w in candidates if w in unassigned), None)
            if match is not None:
                guesses[part] = match
                unassigned.remove(match)
    _fill_prompt_columns(named_columns, guesses)
    return replace(make_columns(**named_columns, **guesses), guessed=frozenset(guesses))


def _is_covered(role: str, known: Mapping[str, str]) -> bool:
    """Messages carry the text and the prompt; a list to unfold carries the text."""
    if role == "messages":
        return "text" in known or "candidates" in known
    if role == "text":
        return "messages" in known or "candidates" in known
    return role == "prompt_text" and "messages" in known


def _fill_prompt_columns(named_columns: Mapping[str, str], guesses: dict[str, str]) -> None:
    """Without a prompt id the prompt's text groups the candidates, and the other way round."""
    known = {**named_columns, **guesses}
    if "prompt" not in known and "prompt_text" in known:
        guesses["prompt"] = known["prompt_text"]
    elif "prompt_text" not in known and "prompt" in known and "messages" not in known:
        guesses["prompt_text"] = known["prompt"]


def _require_existing(name: str, role: str, names: Iterable[str], table: str) -> None:
    if name not in names:
        raise UsageError(ROLE_OPTIONS[role], f"'{name}' is not a column of {table}", suggest_name(name, names))
