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

from winnow.data.errors import UsageError
from winnow.data.streams import stream
from winnow.models.prior import Ask, Bools, Document, Floats, Integers, Part, Prior, nothing
from winnow.models.vocabulary import BARE, ELSEWHERE, NOTHING, SPACED, Encoded, Kinds, Vocabulary
from winnow.stages.edit.figures import Figures, deciles_of
from winnow.stages.edit.rules import KEPT, Rules, drawn, selected, with_own
from winnow.text.edits import Edit, applied, composed
from winnow.text.protected import KINDS, Protection


@dataclass(frozen=True)
class Settings:
    """How texts are edited."""

    rules: Rules = field(default_factory=Rules)
    protect: tuple[str, ...] = tuple(KINDS)
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
class Given:
    """A text to edit, with the id of its row, what is stored of it, and where it stands."""

    text: str
    id: str
    stored: Any = None
    place: str = ""
    again: bool = False
    absent: bool = False
    """Whether there is no text at all, which is not an empty one."""


@dataclass(frozen=True)
class Edited:
    """A text after editing: its edits in offsets of the source, and the figures of each round."""

    text: str
    edits: list[Edit]
    rounds: list[Figures]
    after: tuple[float, int] | None
    """Sum of the log-probabilities and number of tokens of the edited text, where it was read again."""


@dataclass
class Page:
    """A text in work: where its tokens stand, which may be edited, and what is known of them so far."""

    given: Given
    encoded: Encoded
    standing: Kinds
    protected: Bools
    uniforms: Floats
    own: Floats
    taken: Integers

    @property
    def eligible(self) -> Bools:
        """Tokens that may be edited, whatever their chance."""
        found: Bools = (self.standing != ELSEWHERE) & ~self.protected
        return found


class Editor:
    """Edits texts."""

    def __init__(self, prior: Prior, settings: Settings, tell: Callable[[int], None] = lambda tokens: None) -> None:
        """`tell` hears how many more tokens were read."""
        if settings.rounds > 1 and prior.column is not None:
            step = "Leave --rounds out, or give the model itself"
            raise UsageError("--rounds", "what is stored is of the source alone, and nothing of an edited text", step)
        self.prior = prior
        self.settings = settings
        self._tell = tell
        self._protection = Protection(settings.protect, settings.patterns)

    def edited(self, given: Sequence[Given]) -> list[Edited]:
        """The texts after all rounds."""
        texts = [one.text for one in given]
        edits: list[list[Edit]] = [[] for _ in given]
        rounds: list[list[Figures]] = [[] for _ in given]
        for number in range(self.settings.rounds):
            for row, (more, figures) in enumerate(self._round(given, texts, number)):
                edits[row] = composed(given[row].text, edits[row], more)
                texts[row] = applied(given[row].text, edits[row])
                rounds[row].append(figures)
        after = self._after(given, texts, rounds)
        return [Edited(*row) for row in zip(texts, edits, rounds, after, strict=True)]

    def _round(self, given: Sequence[Given], texts: Sequence[str], number: int) -> list[tuple[list[Edit], Figures]]:
        """One round: edits in offsets of these texts, and the figures."""
        pages = self._pages(given, texts, number)
        rules = self.settings.rules

        def wanted(document: int, first: int, own: Floats) -> Bools:
            here = slice(first, first + len(own))
            pages[document].own[here] = own
            return selected(own, rules).resampled & pages[document].eligible[here]

        k = rules.top_k if rules.sampler == "top-k" else None
        ask = Ask(wanted, k, rules.top_p if rules.sampler == "top-p" else None)
        documents = [Document(page.encoded.ids, page.given.stored, page.given.place) for page in pages]
        for part in self.prior.read(documents, ask):
            self._draw(pages[part.document], part)
            self._tell(len(part.own))
        return [self._made(page, text) for page, text in zip(pages, texts, strict=True)]

    def _pages(self, given: Sequence[Given], texts: Sequence[str], number: int) -> list[Page]:
        vocabulary, purpose = self.prior.vocabulary, f"edit {number}"
        pages = []
        for one, text, encoded in zip(given, texts, vocabulary.encode(texts), strict=True):
            count = len(encoded.ids)
            uniforms = stream(self.settings.seed, purpose, one.id).random(count)
            kept = protected_tokens(self._protection.mask(text), encoded)
            standing = vocabulary.standing(text, encoded)
            own = np.full(count, np.nan)
            pages.append(Page(one, encoded, standing, kept, uniforms, own, np.full(count, KEPT, np.int64)))
        return pages

    def _draw(self, page: Page, part: Part) -> None:
        """Draw a replacement at each position that wanted candidates."""
        at, candidates, rules = part.asked, part.candidates, self.settings.rules
        if not len(at):
            return
        if rules.like == "code" and rules.sampler == "top-k":
            candidates = with_own(candidates, page.encoded.ids[at], page.own[at])
        possible = fitting(self.prior.vocabulary, candidates.ids, page.standing[at])
        columns = drawn(candidates, possible, rules.temperature(), page.uniforms[at])
        found = candidates.ids[np.arange(len(at)), np.maximum(columns, 0)]
        page.taken[at] = np.where(columns == KEPT, KEPT, found)

    def _made(self, page: Page, text: str) -> tuple[list[Edit], Figures]:
        """The edits of a page that was read, and its figures."""
        own, eligible, encoded = page.own, page.eligible, page.encoded
        own[encoded.special] = np.nan
        choice = selected(own, self.settings.rules)
        unknown = np.isnan(own)
        deleted = choice.deleted & eligible
        edits = []
        for at in np.flatnonzero((page.taken != KEPT) | deleted).tolist():
            start, end = int(encoded.starts[at]), int(encoded.ends[at])
            to = "" if deleted[at] else self._written(int(page.taken[at]), int(page.standing[at]))
            if to != text[start:end]:
                edits.append(Edit(start, end, to, float(np.exp(own[at]))))
        over, real = choice.resampled | choice.deleted, ~encoded.special
        placed = page.standing != ELSEWHERE
        counts = {
            "tokens": real,
            "eligible": real & eligible & ~unknown,
            "unknown": real & unknown,
            "not_in_place": real & ~unknown & ~placed,
            "protected": real & ~unknown & placed & page.protected,
            "over": real & over,
            "selected": over & eligible,
            "known": ~unknown,
        }
        said = own[~unknown]
        figures = Figures(changed=len(edits), logp=float(said.sum()), deciles=deciles_of(said))
        figures.count(counts)
        return edits, figures

    def _written(self, token: int, standing: int) -> str:
        text = self.prior.vocabulary.writes[token]
        return text[1:] if standing == BARE else text

    def _after(
        self, given: Sequence[Given], texts: Sequence[str], rounds: Sequence[Sequence[Figures]]
    ) -> list[tuple[float, int] | None]:
        """How likely the edited texts are, of those that are to be read again; one without edits is known already."""
        found: list[tuple[float, int] | None] = [None] * len(given)
        again = [row for row, one in enumerate(given) if one.again and self.prior.column is None]
        for row in again:
            found[row] = (rounds[row][0].logp, rounds[row][0].known)
        changed = [row for row in again if texts[row] != given[row].text]
        encoded = list(self.prior.vocabulary.encode([texts[row] for row in changed]))
        own = [np.full(len(one.ids), np.nan) for one in encoded]
        for part in self.prior.read([Document(one.ids) for one in encoded], Ask(nothing, k=1)):
            own[part.document][part.first : part.first + len(part.own)] = part.own
            self._tell(len(part.own))
        for row, one, said in zip(changed, encoded, own, strict=True):
            real = said[~one.special & ~np.isnan(said)]
            found[row] = (float(real.sum()), len(real))
        return found


def protected_tokens(characters: Bools, encoded: Encoded) -> Bools:
    """Tokens that stand for at least one protected character."""
    before = np.concatenate([[0], np.cumsum(characters)])
    found: Bools = before[encoded.ends] > before[encoded.starts]
    return found


def fitting(vocabulary: Vocabulary, ids: Integers, standing: Kinds) -> Bools:
    """Of each candidate, whether it could stand there: as text, and where the space before stays, behind that space."""
    kinds = vocabulary.kinds
    # A model may have more outputs than its tokenizer has tokens.
    found = np.where(ids < len(kinds), kinds[np.minimum(ids, len(kinds) - 1)], NOTHING)
    fits: Bools = np.where((standing == BARE)[:, None], found == SPACED, found != NOTHING)
    return fits
