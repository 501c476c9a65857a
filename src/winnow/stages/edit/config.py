"""The options of edit: which tokens are selected, what replaces them, what stays, and how the model is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator

from winnow.errors import UsageError
from winnow.stages.config import Names, StageConfig, option
from winnow.text.protected_spans import PROTECTED_KINDS, Protection

if TYPE_CHECKING:
    from winnow.models.huggingface import ReadOptions

TOKENS = "Which tokens"
REPLACEMENT = "What replaces them"
MODEL = "How the model is read"
DEFAULT_TOP_K, DEFAULT_TOP_P, AUTHORS_BETA = 8, 0.9, 1.5

Sampler = Literal["top-k", "top-p", "rejection"]


def _read_kinds(value: Any) -> Any:
    return () if value in ("none", ("none",), ["none"]) else value


def _read_patterns(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


class EditConfig(StageConfig):
    """The options of token editing."""

    threshold: Annotated[
        float,
        option(
            "Select tokens whose probability is at least this; above 1 selects none.",
            panel=TOKENS,
            metavar="P",
            gt=0,
            allow_inf_nan=False,
        ),
    ] = 0.99
    down: Annotated[
        float | None,
        option("Also select tokens whose probability is at most this.", panel=TOKENS, metavar="Q", gt=0, le=1),
    ] = None
    down_by: Annotated[
        Literal["resample", "delete"],
        option("Whether tokens selected by --down are drawn again or deleted.", panel=TOKENS, metavar="WAY"),
    ] = "resample"
    protect: Annotated[
        Names,
        BeforeValidator(_read_kinds),
        option(
            "Kinds of text that are never edited, with commas between, or none.",
            panel=TOKENS,
            metavar="KINDS",
            command_type=str,
        ),
    ] = tuple(PROTECTED_KINDS)
    protect_regex: Annotated[
        tuple[str, ...],
        BeforeValidator(_read_patterns),
        option(
            "A regular expression whose matches are never edited; may be repeated.",
            panel=TOKENS,
            metavar="REGEX",
            command_type=list[str],
        ),
    ] = ()
    rounds: Annotated[
        int, option("How many times to edit, each time the text of the time before.", panel=TOKENS, metavar="N", ge=1)
    ] = 1
    top_k: Annotated[
        int | None,
        option("Draw from the k most likely tokens (the default, with k = 8).", panel=REPLACEMENT, metavar="K", ge=1),
    ] = None
    top_p: Annotated[
        float | None,
        option(
            "Draw from the most likely tokens of this total probability.", panel=REPLACEMENT, metavar="P", gt=0, le=1
        ),
    ] = None
    rejection: Annotated[bool, option("Draw from the whole distribution.", panel=REPLACEMENT)] = False
    beta: Annotated[
        float | None,
        option(
            "The temperature: weights are P^(1/beta) (default 1, or 1.5 with --as code).",
            panel=REPLACEMENT,
            metavar="B",
            gt=0,
            allow_inf_nan=False,
        ),
    ] = None
    like: Annotated[
        Literal["paper", "code"],
        option(
            "Edit as the paper describes, or as its authors' code does.", flag="--as", panel=REPLACEMENT, metavar="WAY"
        ),
    ] = "paper"
    seed: Annotated[int, option("The seed of the draws.", panel=REPLACEMENT, metavar="N", ge=0)] = 0
    logprobs: Annotated[
        str | None,
        option(
            "A column with log-probabilities of the tokens (prompt_logprobs of vLLM), instead of running the model.",
            panel=MODEL,
            metavar="COLUMN",
        ),
    ] = None
    window: Annotated[int | None, option("Tokens read together (default at most 1,024).", panel=MODEL, metavar="N")] = (
        None
    )
    overlap: Annotated[
        int | None,
        option("Tokens of a long text that are read again as context (default window/4).", panel=MODEL, metavar="N"),
    ] = None
    device: Annotated[
        str | None, option("cpu or cuda (default cuda where there is one).", panel=MODEL, metavar="DEVICE")
    ] = None
    batch: Annotated[int, option("Texts side by side on a GPU.", panel=MODEL, metavar="N", ge=1)] = 16
    threads: Annotated[int, option("Threads on a CPU.", panel=MODEL, metavar="N", ge=1)] = 1
    read_again: Annotated[
        int,
        option(
            "Read every n-th edited text again to measure its perplexity; 0 for none.", panel=MODEL, metavar="N", ge=0
        ),
    ] = 10

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.down is not None and self.down >= self.threshold:
            problem = f"{self.down:g} is not below the threshold {self.threshold:g}, so every token would be selected"
            raise UsageError("--down", problem, "Give a smaller one")
        methods = [name for name in ("top_k", "top_p", "rejection") if getattr(self, name)]
        if len(methods) > 1:
            flags = " and ".join("--" + name.replace("_", "-") for name in methods)
            raise UsageError(flags, "are different ways to draw", "Give one of them")
        Protection(self.protect, self.protect_regex)
        return self

    @property
    def sampler(self) -> Sampler:
        """How a replacement is drawn."""
        return "top-p" if self.top_p is not None else "rejection" if self.rejection else "top-k"

    @property
    def candidate_count(self) -> int:
        """k of top-k sampling."""
        return self.top_k or DEFAULT_TOP_K

    @property
    def candidate_mass(self) -> float:
        """p of top-p sampling."""
        return DEFAULT_TOP_P if self.top_p is None else self.top_p

    @property
    def temperature(self) -> float:
        """beta as given, else 1, or what the authors' code uses where nothing is deleted."""
        if self.beta is not None:
            return self.beta
        return AUTHORS_BETA if self.like == "code" and not self.deletes_tokens else 1.0

    @property
    def deletes_tokens(self) -> bool:
        """Whether unlikely tokens are deleted."""
        return self.down is not None and self.down_by == "delete"

    def read_options(self) -> ReadOptions:
        """How the model is read."""
        from winnow.models.huggingface import ReadOptions

        return ReadOptions(self.window, self.overlap, self.device, self.batch, self.threads)

    def result_settings(self) -> dict[str, Any]:
        """The settings on which edited texts depend; the model is added by whoever loads it."""
        settings = {
            "as": self.like,
            "threshold": self.threshold,
            "sampler": self.sampler,
            "beta": self.temperature,
            "protect": sorted(self.protect),
            "patterns": list(self.protect_regex),
            "rounds": self.rounds,
            "seed": self.seed,
            "read_again": self.read_again,
        }
        if self.sampler != "rejection":
            settings |= {"top_k": self.candidate_count} if self.sampler == "top-k" else {"top_p": self.candidate_mass}
        return settings if self.down is None else {**settings, "down": self.down, "down_by": self.down_by}
