"""Edits texts token by token with a prior.

The edits of a text depend only on the text, the id of its row, the options and the prior. Every edited token was
selected in its original context; all other characters stay. One uniform number decides each position. Nothing here
reads a table or writes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    TokenCandidates,
    TokenScores,
    want_no_candidates,
)
from winnow.stages.edit.config import EditConfig
from winnow.stages.edit.edit_counts import EditCounts, count_deciles
from winnow.statistics.row_random import row_generator
from winnow.text.edits import TextEdit, apply_edits, compose_edits
from winnow.text.protected_spans import Protection

NO_REPLACEMENT = -1
"""Drawn where no candidate fits: the token stays."""


@dataclass(frozen=True)
class EditInput:
    """A text to edit, with the id of its row, its stored log-probabilities, and its place in the source."""

    text: str
    id: str
    stored_logprobs: Any = None
    location: str = ""
    is_reread: bool = False
    is_missing: bool = False
    """Whether there is no text at all; an empty text is a text."""


@dataclass(frozen=True)
class EditedText:
    """A text after editing: its edits in offsets of the source, and the counts of each round."""

    text: str
    edits: list[TextEdit]
    rounds: list[EditCounts]
    reread: tuple[float, int] | None
    """The sum of log-probabilities and the number of tokens of the edited text, if it was read again."""


@dataclass
class EditState:
    """A text being edited: its tokens, which of them may be edited, and their log-probabilities so far."""

    source: EditInput
    encoding: TextEncoding
    alignment: TokenCodes
    protected: Bools
    uniforms: Floats
    logprobs: Floats
    replacements: Integers

    @property
    def eligible(self) -> Bools:
        """Tokens that may be edited, whatever their probability."""
        is_eligible: Bools = (self.alignment != MISALIGNED) & ~self.protected
        return is_eligible


class Editor:
    """Edits texts with a prior."""

    def __init__(
        self, prior: Prior, config: EditConfig, on_tokens: Callable[[int], None] = lambda tokens: None
    ) -> None:
        """Prepare the editor; `on_tokens` is called with the number of further tokens read."""
        if config.rounds > 1 and prior.column is not None:
            step = "Leave --rounds out, or give the model itself"
            raise UsageError("--rounds", "stored log-probabilities are of the source text, not of an edited one", step)
        self.prior = prior
        self.config = config
        self._on_tokens = on_tokens
        self._protection = Protection(config.protect, config.protect_regex)

    def edit_texts(self, inputs: Sequence[EditInput]) -> list[EditedText]:
        """Edit the texts in all rounds."""
        texts = [text_input.text for text_input in inputs]
        edits: list[list[TextEdit]] = [[] for _ in inputs]
        rounds: list[list[EditCounts]] = [[] for _ in inputs]
        for number in range(self.config.rounds):
            for row, (new_edits, counts) in enumerate(self._run_round(inputs, texts, number)):
                edits[row] = compose_edits(inputs[row].text, edits[row], new_edits)
                texts[row] = apply_edits(inputs[row].text, edits[row])
                rounds[row].append(counts)
        reread = self._reread_texts(inputs, texts, rounds)
        return [EditedText(*row) for row in zip(texts, edits, rounds, reread, strict=True)]

    def _run_round(
        self, inputs: Sequence[EditInput], texts: Sequence[str], number: int
    ) -> list[tuple[list[TextEdit], EditCounts]]:
        """Run one round and return the edits of each text, in its offsets, with the counts."""
        states = self._start_states(inputs, texts, number)
        config = self.config

        def select_positions(document: int, first: int, logprobs: Floats) -> Bools:
            span = slice(first, first + len(logprobs))
            states[document].logprobs[span] = logprobs
            return select_tokens(logprobs, config).resample & states[document].eligible[span]

        top_k = config.candidate_count if config.sampler == "top-k" else None
        top_p = config.candidate_mass if config.sampler == "top-p" else None
        documents = [Document(s.encoding.ids, s.source.stored_logprobs, s.source.location) for s in states]
        for scores in self.prior.score_documents(documents, CandidateRequest(select_positions, top_k, top_p)):
            self._draw_replacements(states[scores.document], scores)
            self._on_tokens(len(scores.logprobs))
        return [self._collect_edits(state, text) for state, text in zip(states, texts, strict=True)]

    def _start_states(self, inputs: Sequence[EditInput], texts: Sequence[str], number: int) -> list[EditState]:
        tokenizer, purpose = self.prior.tokenizer, f"edit {number}"
        states = []
        for text_input, text, encoding in zip(inputs, texts, tokenizer.encode(texts), strict=True):
            count = len(encoding.ids)
            state = EditState(
                text_input,
                encoding,
                alignment=tokenizer.align_tokens(text, encoding),
                protected=protected_tokens(self._protection.mask(text), encoding),
                uniforms=row_generator(self.config.seed, purpose, text_input.id).random(count),
                logprobs=np.full(count, np.nan),
                replacements=np.full(count, NO_REPLACEMENT, np.int64),
            )
            states.append(state)
        return states

    def _draw_replacements(self, state: EditState, scores: TokenScores) -> None:
        """Draw a replacement at each position that has candidates."""
        positions, candidates, config = scores.candidate_positions, scores.candidates, self.config
        if not len(positions):
            return
        if config.like == "code" and config.sampler == "top-k":
            candidates = add_current_token(candidates, state.encoding.ids[positions], state.logprobs[positions])
        possible = candidates_that_fit(self.prior.tokenizer, candidates.ids, state.alignment[positions])
        columns = draw_columns(candidates, possible, config.temperature, state.uniforms[positions])
        token_ids = candidates.ids[np.arange(len(positions)), np.maximum(columns, 0)]
        state.replacements[positions] = np.where(columns == NO_REPLACEMENT, NO_REPLACEMENT, token_ids)

    def _collect_edits(self, state: EditState, text: str) -> tuple[list[TextEdit], EditCounts]:
        """The edits of a text that was read, and its counts."""
        logprobs, eligible, encoding = state.logprobs, state.eligible, state.encoding
        logprobs[encoding.is_special] = np.nan
        selection = select_tokens(logprobs, self.config)
        unknown = np.isnan(logprobs)
        deleted = selection.delete & eligible
        edits = []
        for position in np.flatnonzero((state.replacements != NO_REPLACEMENT) | deleted).tolist():
            start, end = int(encoding.starts[position]), int(encoding.ends[position])
            replacement = "" if deleted[position] else self.prior.tokenizer.token_texts[state.replacements[position]]
            if replacement and state.alignment[position] == WITHOUT_SPACE:
                replacement = replacement[1:]
            if replacement != text[start:end]:
                edits.append(TextEdit(start, end, replacement, float(np.exp(logprobs[position]))))
        is_selected, is_real = selection.resample | selection.delete, ~encoding.is_special
        is_aligned = state.alignment != MISALIGNED
        masks = {
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
        counts = EditCounts(
            **{name: int(mask.sum()) for name, mask in masks.items()},
            changed=len(edits),
            logp=float(known_logprobs.sum()),
            deciles=count_deciles(known_logprobs),
        )
        return edits, counts

    def _reread_texts(
        self, inputs: Sequence[EditInput], texts: Sequence[str], rounds: Sequence[Sequence[EditCounts]]
    ) -> list[tuple[float, int] | None]:
        """Score the edited texts that are to be read again; the score of a text without edits is known."""
        results: list[tuple[float, int] | None] = [None] * len(inputs)
        reread_rows = [row for row, item in enumerate(inputs) if item.is_reread and self.prior.column is None]
        for row in reread_rows:
            results[row] = (rounds[row][0].logp, rounds[row][0].known)
        changed_rows = [row for row in reread_rows if texts[row] != inputs[row].text]
        encodings = list(self.prior.tokenizer.encode([texts[row] for row in changed_rows]))
        logprobs = [np.full(len(encoding.ids), np.nan) for encoding in encodings]
        documents = [Document(encoding.ids) for encoding in encodings]
        for scores in self.prior.score_documents(documents, CandidateRequest(want_no_candidates, top_k=1)):
            logprobs[scores.document][scores.first : scores.first + len(scores.logprobs)] = scores.logprobs
            self._on_tokens(len(scores.logprobs))
        for row, encoding, row_logprobs in zip(changed_rows, encodings, logprobs, strict=True):
            known_logprobs = row_logprobs[~encoding.is_special & ~np.isnan(row_logprobs)]
            results[row] = (float(known_logprobs.sum()), len(known_logprobs))
        return results


def protected_tokens(characters: Bools, encoding: TextEncoding) -> Bools:
    """Which tokens cover at least one protected character."""
    protected_before = np.concatenate([[0], np.cumsum(characters)])
    is_protected: Bools = protected_before[encoding.ends] > protected_before[encoding.starts]
    return is_protected


def candidates_that_fit(tokenizer: FastTokenizer, ids: Integers, alignment: TokenCodes) -> Bools:
    """Whether each candidate is text; where the edit keeps the space before a token, it must begin with a space."""
    kinds = tokenizer.token_kinds
    # A model may have more outputs than its tokenizer has tokens.
    candidate_kinds = np.where(ids < len(kinds), kinds[np.minimum(ids, len(kinds) - 1)], NO_TEXT)
    fits: Bools = np.where(
        (alignment == WITHOUT_SPACE)[:, None], candidate_kinds == SPACE_AND_TEXT, candidate_kinds != NO_TEXT
    )
    return fits


@dataclass(frozen=True)
class TokenSelection:
    """Which tokens are above the threshold, drawn again, or deleted."""

    above: Bools
    resample: Bools
    """Tokens above the threshold, and those below `down` unless they are deleted."""
    delete: Bools


def select_tokens(logprobs: Floats, config: EditConfig) -> TokenSelection:
    """Select tokens by their log-probabilities; a token without one is never selected.

    With `like="paper"` a token is selected if P >= threshold; with `like="code"`, as in the code that the authors
    published, the comparison is strict.
    """
    with np.errstate(invalid="ignore"):
        p = np.exp(logprobs)
        strict = config.like == "code"
        above = p > config.threshold if strict else p >= config.threshold
        below = np.zeros_like(above)
        if config.down is not None:
            below = p < config.down if strict else p <= config.down
    none = np.zeros_like(above)
    return TokenSelection(above, above, below) if config.deletes_tokens else TokenSelection(above, above | below, none)


def add_current_token(candidates: TokenCandidates, ids: Integers, logprobs: Floats) -> TokenCandidates:
    """Add the current token to the candidates of each position, where it is not among them."""
    is_missing = ~((candidates.ids == ids[:, None]) & np.isfinite(candidates.logprobs)).any(axis=1)
    added = np.where(is_missing, logprobs, -np.inf)[:, None]
    return TokenCandidates(np.hstack([candidates.ids, ids[:, None]]), np.hstack([candidates.logprobs, added]))


def draw_columns(candidates: TokenCandidates, possible: Bools, beta: float, uniforms: Floats) -> Integers:
    """Draw a candidate for each position and return its column, or NO_REPLACEMENT where none is possible.

    The probability of a candidate is its P^(1/beta), normalized over the possible candidates.
    """
    scores = np.where(possible, candidates.logprobs, -np.inf) / beta
    highest = scores.max(axis=1, initial=-np.inf)
    has_candidate = np.isfinite(highest)
    weights = np.exp(scores - np.where(has_candidate, highest, 0.0)[:, None])
    cumulative = np.cumsum(weights, axis=1)
    columns = (cumulative <= (uniforms * cumulative[:, -1])[:, None]).sum(axis=1)
    # A uniform number close to 1 may round up to the whole sum; then the last candidate with any weight is drawn.
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
    return np.where(has_candidate, np.minimum(columns, last), NO_REPLACEMENT)
