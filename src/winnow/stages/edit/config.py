"""The options of edit: which tokens are selected, what replaces them, what stays, and how the model is read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator

from winnow.errors import UsageError
from winnow.stages.config import Names, Seed, StageConfig, option
from winnow.text.protected_spans import PROTECTED_KINDS, Protection

if TYPE_CHECKING:
    from winnow.models.huggingface import ReadOptions

TOKENS = "Which tokens"
REPLACEMENT = "What replaces them"
MODEL = "How the model is read"
token_option, replacement_option, model_option = (
    partial(option, panel=panel) for panel in (TOKENS, REPLACEMENT, MODEL)
)
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
        token_option(
            "Select tokens whose probability is at least this; above 1 selects none.",
            metavar="P",
            gt=0,
            allow_inf_nan=False,
        ),
    ] = 0.99
    down: Annotated[
        float | None,
        token_option("Also select tokens whose probability is at most this.", metavar="Q", gt=0, le=1),
    ] = None
    down_by: Annotated[
        Literal["resample", "delete"],
        token_option("Whether tokens selected by --down are drawn again or deleted.", metavar="WAY"),
    ] = "resample"
    protect: Annotated[
        Names,
        BeforeValidator(_read_kinds),
        token_option(
            "Kinds of text that are never edited, with commas between, or none.", metavar="KINDS", command_type=str
        ),
    ] = tuple(PROTECTED_KINDS)
    protect_regex: Annotated[
        tuple[str, ...],
        BeforeValidator(_read_patterns),
        token_option(
            "A regular expression whose matches are never edited; may be repeated.",
            metavar="REGEX",
            command_type=list[str],
        ),
    ] = ()
    rounds: Annotated[
        int, token_option("How many times to edit, each time the text of the time before.", metavar="N", ge=1)
    ] = 1
    top_k: Annotated[
        int | None,
        replacement_option("Draw from the k most likely tokens (the default, with k = 8).", metavar="K", ge=1),
    ] = None
    top_p: Annotated[
        float | None,
        replacement_option("Draw from the most likely tokens of this total probability.", metavar="P", gt=0, le=1),
    ] = None
    rejection: Annotated[bool, replacement_option("Draw from the whole distribution.")] = False
    beta: Annotated[
        float | None,
        replacement_option(
            "The temperature of the weights P^(1/beta); by default 1, or 1.5 with --as code.",
            metavar="B",
            gt=0,
            allow_inf_nan=False,
        ),
    ] = None
    like: Annotated[
        Literal["paper", "code"],
        replacement_option("Edit as the paper describes, or as its authors' code does.", flag="--as", metavar="WAY"),
    ] = "paper"
    seed: Seed = 0
    logprobs: Annotated[
        str | None,
        model_option(
            "A column with log-probabilities of the tokens (prompt_logprobs of vLLM), instead of running the model.",
            metavar="COLUMN",
        ),
    ] = None
    window: Annotated[int | None, model_option("Tokens read together (default at most 1,024).", metavar="N")] = None
    overlap: Annotated[
        int | None,
        model_option("Tokens of a long text that are read again as context (default window/4).", metavar="N"),
    ] = None
    device: Annotated[str | None, model_option("cpu or cuda (default cuda where there is one).", metavar="DEVICE")] = (
        None
    )
    batch: Annotated[int, model_option("Texts side by side on a GPU.", metavar="N", ge=1)] = 16
    threads: Annotated[int, model_option("Threads on a CPU.", metavar="N", ge=1)] = 1
    read_again: Annotated[
        int,
        model_option("Read every n-th edited text again to measure its perplexity; 0 for none.", metavar="N", ge=0),
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
        """The settings on which edited texts depend, without the model."""
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
