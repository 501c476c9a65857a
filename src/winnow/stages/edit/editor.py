"""Editing texts with a prior: what the rules say of each token, and what they leave of the text.

Promises: a text's edits depend on the text, its row's id, the settings and the prior, and on nothing beside them; every
edited token was eligible and selected in its original context; all other characters stay. One pass over a text a round.
It reads no table and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from winnow.errors import UsageError
from winnow.models.fast_tokenizer import (
    MISALIGNED,
    NO_TEXT,
    SPACE_AND_TEXT,
    WITHOUT_SPACE,
    FastTokenizer,
    TextEncoding,
    TokenCodes,
)
from winnow.models.prior import (
    Bools,
    CandidateRequest,
    Document,
    Floats,
    Integers,
    Prior,
    TokenScores,
    want_no_candidates,
)
from winnow.stages.edit.edit_counts import EditCounts, count_deciles
from winnow.stages.edit.rules import NO_REPLACEMENT, EditRules, add_current_token, draw_columns, select_tokens
from winnow.statistics.row_random import row_generator
from winnow.text.edits import TextEdit, apply_edits, compose_edits
from winnow.text.protected_spans import PROTECTED_KINDS, Protection


@dataclass(frozen=True)
class EditConfig:
    """How texts are edited."""

    rules: EditRules = field(default_factory=EditRules)
    protect: tuple[str, ...] = tuple(PROTECTED_KINDS)
    patterns: tuple[str, ...] = ()
    rounds: int = 1
    seed: int = 0
    read_again: int = 10
    """Every so manieth row is read again after editing, for its perplexity; 0 for none."""

    def __post_init__(self) -> None:
        Protection(self.protect, self.patterns)
        if self.rounds < 1:
            raise UsageError("--rounds", f"{self.rounds} rounds are none", "State at least 1")
        if self.read_again < 0:
            raise UsageError("--read-again", f"{self.read_again} is below 0", "State 0 for none, 1 for every text")

    def config(self) -> dict[str, Any]:
        """What of the settings the result depends on."""
        protected = {"protect": sorted(self.protect), "patterns": list(self.patterns)}
        more = {"rounds": self.rounds, "seed": self.seed, "read_again": self.read_again}
        return {**self.rules.config(), **protected, **more}


@dataclass(frozen=True)
class EditInput:
    """A text to edit, with the id of its row, what is stored of it, and where it stands."""

    text: str
    id: str
    stored_logprobs: Any = None
    location: str = ""
    is_reread: bool = False
    is_missing: bool = False
    """Whether there is no text at all, which is not an empty one."""


@dataclass(frozen=True)
class EditedText:
    """A text after editing: its edits in offsets of the source, and the figures of each round."""

    text: str
    edits: list[TextEdit]
    rounds: list[EditCounts]
    reread: tuple[float, int] | None
    """Sum of the log-probabilities and number of tokens of the edited text, where it was read again."""


@dataclass
class EditState:
    """A text in work: where its tokens stand, which may be edited, and what is known of them so far."""

    source: EditInput
    encoding: TextEncoding
    alignment: TokenCodes
    protected: Bools
    uniforms: Floats
    logprobs: Floats
    replacements: Integers

    @property
    def eligible(self) -> Bools:
        """Tokens that may be edited, whatever their chance."""
        is_eligible: Bools = (self.alignment != MISALIGNED) & ~self.protected
        return is_eligible


class Editor:
    """Edits texts."""

    def __init__(
        self, prior: Prior, settings: EditConfig, on_tokens: Callable[[int], None] = lambda tokens: None
    ) -> None:
        """`tell` hears how many more tokens were read."""
        if settings.rounds > 1 and prior.column is not None:
            step = "Leave --rounds out, or give the model itself"
            raise UsageError("--rounds", "what is stored is of the source alone, and nothing of an edited text", step)
        self.prior = prior
        self.settings = settings
        self._on_tokens = on_tokens
        self._protection = Protection(settings.protect, settings.patterns)

    def edit_texts(self, inputs: Sequence[EditInput]) -> list[EditedText]:
        """The texts after all rounds."""
        texts = [text_input.text for text_input in inputs]
        edits: list[list[TextEdit]] = [[] for _ in inputs]
        rounds: list[list[EditCounts]] = [[] for _ in inputs]
        for number in range(self.settings.rounds):
            for row, (new_edits, counts) in enumerate(self._run_round(inputs, texts, number)):
                edits[row] = compose_edits(inputs[row].text, edits[row], new_edits)
                texts[row] = apply_edits(inputs[row].text, edits[row])
                rounds[row].append(counts)
        reread = self._reread_texts(inputs, texts, rounds)
        return [EditedText(*row) for row in zip(texts, edits, rounds, reread, strict=True)]

    def _run_round(
        self, inputs: Sequence[EditInput], texts: Sequence[str], number: int
    ) -> list[tuple[list[TextEdit], EditCounts]]:
        """One round: edits in offsets of these texts, and the figures."""
        states = self._start_states(inputs, texts, number)
        rules = self.settings.rules

        def select_positions(document: int, first: int, logprobs: Floats) -> Bools:
            span = slice(first, first + len(logprobs))
            states[document].logprobs[span] = logprobs
            return select_tokens(logprobs, rules).resample & states[document].eligible[span]

        top_k = rules.top_k if rules.sampler == "top-k" else None
        candidate_request = CandidateRequest(select_positions, top_k, rules.top_p if rules.sampler == "top-p" else None)
        documents = [
            Document(state.encoding.ids, state.source.stored_logprobs, state.source.location) for state in states
        ]
        for scores in self.prior.score_documents(documents, candidate_request):
            self._draw_replacements(states[scores.document], scores)
            self._on_tokens(len(scores.logprobs))
        return [self._collect_edits(state, text) for state, text in zip(states, texts, strict=True)]

    def _start_states(self, inputs: Sequence[EditInput], texts: Sequence[str], number: int) -> list[EditState]:
        tokenizer, purpose = self.prior.tokenizer, f"edit {number}"
        states = []
        for text_input, text, encoding in zip(inputs, texts, tokenizer.encode(texts), strict=True):
            count = len(encoding.ids)
            uniforms = row_generator(self.settings.seed, purpose, text_input.id).random(count)
            is_protected = protected_tokens(self._protection.mask(text), encoding)
            alignment = tokenizer.align_tokens(text, encoding)
            logprobs = np.full(count, np.nan)
            states.append(
                EditState(
                    text_input,
                    encoding,
                    alignment,
                    is_protected,
                    uniforms,
                    logprobs,
                    np.full(count, NO_REPLACEMENT, np.int64),
                )
            )
        return states

    def _draw_replacements(self, state: EditState, scores: TokenScores) -> None:
        """Draw a replacement at each position that wanted candidates."""
        positions, candidates, rules = scores.candidate_positions, scores.candidates, self.settings.rules
        if not len(positions):
            return
        if rules.like == "code" and rules.sampler == "top-k":
            candidates = add_current_token(candidates, state.encoding.ids[positions], state.logprobs[positions])
        possible = candidates_that_fit(self.prior.tokenizer, candidates.ids, state.alignment[positions])
        columns = draw_columns(candidates, possible, rules.effective_beta(), state.uniforms[positions])
        token_ids = candidates.ids[np.arange(len(positions)), np.maximum(columns, 0)]
        state.replacements[positions] = np.where(columns == NO_REPLACEMENT, NO_REPLACEMENT, token_ids)

    def _collect_edits(self, state: EditState, text: str) -> tuple[list[TextEdit], EditCounts]:
        """The edits of a page that was read, and its figures."""
        logprobs, eligible, encoding = state.logprobs, state.eligible, state.encoding
        logprobs[encoding.is_special] = np.nan
        selection = select_tokens(logprobs, self.settings.rules)
        unknown = np.isnan(logprobs)
        deleted = selection.delete & eligible
        edits = []
        for position in np.flatnonzero((state.replacements != NO_REPLACEMENT) | deleted).tolist():
            start, end = int(encoding.starts[position]), int(encoding.ends[position])
            replacement = (
                ""
                if deleted[position]
                else self._replacement_text(int(state.replacements[position]), int(state.alignment[position]))
            )
            if replacement != text[start:end]:
                edits.append(TextEdit(start, end, replacement, float(np.exp(logprobs[position]))))
        is_selected, is_real = selection.resample | selection.delete, ~encoding.is_special
        is_aligned = state.alignment != MISALIGNED
        counts = {
            "tokens": is_real,
            "eligible": is_real & eligible & ~unknown,
            "unknown": is_real & unknown,
            "not_in_place": is_real & ~unknown & ~is_aligned,
            "protected": is_real & ~unknown & is_aligned & state.protected,
            "over": is_real & is_selected,
            "selected": is_selected & eligible,
            "known": ~unknown,
        }
        known_logprobs = logprobs[~unknown]
        totals = EditCounts(changed=len(edits), logp=float(known_logprobs.sum()), deciles=count_deciles(known_logprobs))
        totals.set_counts(counts)
        return edits, totals

    def _replacement_text(self, token: int, alignment: int) -> str:
        text = self.prior.tokenizer.token_texts[token]
        return text[1:] if alignment == WITHOUT_SPACE else text

    def _reread_texts(
        self, inputs: Sequence[EditInput], texts: Sequence[str], rounds: Sequence[Sequence[EditCounts]]
    ) -> list[tuple[float, int] | None]:
        """How likely the edited texts are, of those that are to be read again; one without edits is known already."""
        results: list[tuple[float, int] | None] = [None] * len(inputs)
        reread_rows = [row for row, item in enumerate(inputs) if item.is_reread and self.prior.column is None]
        for row in reread_rows:
            results[row] = (rounds[row][0].logp, rounds[row][0].known)
        changed_rows = [row for row in reread_rows if texts[row] != inputs[row].text]
        encodings = list(self.prior.tokenizer.encode([texts[row] for row in changed_rows]))
        logprobs = [np.full(len(item.ids), np.nan) for item in encodings]
        for scores in self.prior.score_documents(
            [Document(item.ids) for item in encodings], CandidateRequest(want_no_candidates, top_k=1)
        ):
            logprobs[scores.document][scores.first : scores.first + len(scores.logprobs)] = scores.logprobs
            self._on_tokens(len(scores.logprobs))
        for row, item, row_logprobs in zip(changed_rows, encodings, logprobs, strict=True):
            known_logprobs = row_logprobs[~item.is_special & ~np.isnan(row_logprobs)]
            results[row] = (float(known_logprobs.sum()), len(known_logprobs))
        return results


def protected_tokens(characters: Bools, encoding: TextEncoding) -> Bools:
    """Tokens that stand for at least one protected character."""
    protected_before = np.concatenate([[0], np.cumsum(characters)])
    is_protected: Bools = protected_before[encoding.ends] > protected_before[encoding.starts]
    return is_protected


def candidates_that_fit(tokenizer: FastTokenizer, ids: Integers, alignment: TokenCodes) -> Bools:
    """Of each candidate, whether it could stand there: as text, and where the space before stays, behind that space."""
    kinds = tokenizer.token_kinds
    # A model may have more outputs than its tokenizer has tokens.
    candidate_kinds = np.where(ids < len(kinds), kinds[np.minimum(ids, len(kinds) - 1)], NO_TEXT)
    fits: Bools = np.where(
        (alignment == WITHOUT_SPACE)[:, None], candidate_kinds == SPACE_AND_TEXT, candidate_kinds != NO_TEXT
    )
    return fits
