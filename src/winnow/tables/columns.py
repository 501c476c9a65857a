"""Which column of a table has which role: those the user named, and guesses for the rest.

A role is guessed from column names alone, in a fixed order of preference, and `Columns.summary` prints the guesses. A
role without a column is refused when it is used, so a command requires only the columns it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

from winnow.errors import UsageError, escape_unprintable, suggest_name

COLUMN_NAME_GUESSES: Mapping[str, tuple[str, ...]] = {
    "id": ("candidate_id", "id"),
    "messages": ("messages", "conversation", "conversations"),
    "text": (
        *("text", "candidate", "completion", "response", "generation", "output", "sample"),
        *("solution", "prediction", "answer"),
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
"""The column names from which each role is guessed, best first. A guessed column has one role only."""

SUBSTITUTES = {"messages": {"text", "candidates"}, "text": {"messages", "candidates"}, "prompt_text": {"messages"}}
"""Roles that provide another role, which is then not guessed: messages hold text and prompt, a list holds texts."""

ROLE_OPTIONS = {role: "--" + role.replace("_", "-") for role in (*COLUMN_NAME_GUESSES, "candidates")}


@dataclass(frozen=True)
class Columns:
    """The column of each role. `candidates` names a list to unfold and is never guessed."""

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
        """Return the roles that have a column, as receipts and `--json` show them."""
        return {role: name for role, name in asdict(self).items() if role != "guessed" and name is not None}

    def without_guesses(self) -> Columns:
        """Return these columns as if the user had named all of them."""
        return replace(self, guessed=frozenset())

    def require_column(self, role: str, table: str) -> str:
        """Return the column of a role, or raise UsageError with the option that names it."""
        name = getattr(self, role)
        if name is None:
            problem = f"no column is known as the {role} (looked for {', '.join(COLUMN_NAME_GUESSES.get(role, ()))})"
            raise UsageError(table, problem, f"Name it: {ROLE_OPTIONS[role]} COLUMN")
        assert isinstance(name, str)
        return name

    def summary(self) -> str:
        """Describe in one line which columns were named, which were guessed, and how to set them."""
        pairs = [f"{role}={name}{'?' if role in self.guessed else ''}" for role, name in self.to_dict().items()]
        if not pairs:
            return "columns: none recognized (name them with --prompt, --text, --reference ...)"
        options = ", ".join(ROLE_OPTIONS[role] for role in sorted(self.guessed))
        hint = f"  (? = guessed; set with {options})" if options else ""
        return escape_unprintable("columns: " + " ".join(pairs) + hint)


def make_columns(**columns_by_role: str | None) -> Columns:
    """Build `Columns` from the columns that a user named; UsageError for an unknown role."""
    known = {f.name for f in fields(Columns)} - {"guessed"}
    for role in columns_by_role:
        if role not in known:
            raise UsageError("columns", f"'{role}' is not a role a column can have", suggest_name(role, known))
    return Columns(**columns_by_role)  # type: ignore[arg-type]  # every role is a column name or None


def guess_columns(known_columns: Columns, names: Sequence[str], table: str) -> Columns:
    """Guess the roles that the user did not name from the table's column names.

    The text of a prompt is also its id where there is no id, and the other way round.
    """
    named_columns = known_columns.to_dict()
    for role, name in named_columns.items():
        for column in name.split(",") if role in ("candidates", "label", "verdict") else [name]:
            if column not in names:
                problem = f"'{column}' is not a column of {table}"
                raise UsageError(ROLE_OPTIONS[role], problem, suggest_name(column, names))
    unassigned = [name for name in names if name not in named_columns.values()]
    guesses: dict[str, str] = {}
    for role, candidates in COLUMN_NAME_GUESSES.items():
        if role not in named_columns and not SUBSTITUTES.get(role, set()) & {*named_columns, *guesses}:
            match = next((name for name in candidates if name in unassigned), None)
            if match is not None:
                guesses[role] = match
                unassigned.remove(match)
    known = {**named_columns, **guesses}
    if "prompt" not in known and "prompt_text" in known:
        guesses["prompt"] = known["prompt_text"]
    elif "prompt_text" not in known and "prompt" in known and "messages" not in known:
        guesses["prompt_text"] = known["prompt"]
    return replace(make_columns(**named_columns, **guesses), guessed=frozenset(guesses))
