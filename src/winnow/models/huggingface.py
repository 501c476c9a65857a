"""A prior that runs a causal model from a folder with transformers; nothing is downloaded, and no code of it runs.

Long documents are read in overlapping windows, and windows of equal length are batched without padding. On a CPU the
batch size is 1 and the number of threads fixed, because rounding in a matrix product may depend on both; so the scores
of a text do not depend on the texts around it. On a GPU they may, in the last digits. `open_prior` opens any prior.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from winnow.errors import EnvironmentFault, UsageError, format_value
from winnow.models.fast_tokenizer import FastTokenizer
from winnow.models.model_folder import (
    MODEL_OPTION,
    OLDER_TOKENIZER_FILES,
    TOKENIZER_FILE,
    check_model_folder,
    hash_model_files,
    import_library,
    load_tokenizer,
)
from winnow.models.prior import CandidateRequest, Document, Integers, Prior, TokenCandidates, TokenScores
from winnow.models.stored_logprobs import StoredLogprobs
from winnow.plugins import load_plugin

PLUGIN_GROUP = "winnow.models"
DEFAULT_WINDOW = 1024
LOGPROBS_AT_ONCE = 1 << 23
"""In log-probabilities."""
VALUES_PER_PASS = 1 << 18
"""In logits per pass, so that they fit into the cache: the vocabulary is large, so every pass over it counts."""
BLOCK_WIDTH = 256
"""In logits; the maximum of a block shows whether it can hold one of the largest."""


@dataclass(frozen=True)
class ReadOptions:
    """How a model reads texts.

    Attributes:
        window: The number of tokens read together; by default what the model accepts, but at most 1,024.
        overlap: The number of tokens of a long document read again before new ones; by default a quarter of a window.
        device: The torch device; by default a GPU where there is one.
        batch: The number of rows in a batch on a GPU.
        threads: The number of threads on a CPU.
    """

    window: int | None = None
    overlap: int | None = None
    device: str | None = None
    batch: int = 16
    threads: int = 1


def open_prior(model: str, logprobs: str | None, options: ReadOptions) -> Prior:
    """Open a prior.

    Args:
        model: A model folder or, where there is no such folder, a name in the entry point group `winnow.models`, which
            stands for a function without parameters that returns a prior.
        logprobs: The column with stored log-probabilities; only the tokenizer of the folder is used then.
        options: How a model folder is read; a registered model has no such options.
    """
    if logprobs is not None:
        return StoredLogprobs(model, logprobs)
    make_prior = None if Path(model).exists() else load_plugin(PLUGIN_GROUP, model)
    if make_prior is None:
        return HuggingFacePrior(model, options)
    if options != ReadOptions():
        problem = f"the registered model {format_value(model)} has no reading options"
        raise UsageError(MODEL_OPTION, problem, "Leave out --window, --overlap, --device, --batch and --threads")
    prior: Any = make_prior() if callable(make_prior) else None
    if not hasattr(prior, "score_documents"):
        problem = f"the entry point {PLUGIN_GROUP}: {model} is not a function that returns a prior"
        raise EnvironmentFault(MODEL_OPTION, problem, "Repair or uninstall the package that registers it")
    opened: Prior = prior
    return opened


class HuggingFacePrior:
    """A prior that runs a causal model of Hugging Face transformers."""

    column = None

    def __init__(self, folder: str, options: ReadOptions | None = None) -> None:
        self.path = check_model_folder(folder)
        self.options = options or ReadOptions()
        self._torch = import_library("torch")
        self.model, self.device = _load_model(self.path, self._torch, self.options.device)
        self.tokenizer = FastTokenizer(_load_backend(self.path))
        self.window, self.overlap = _window_sizes(self.model.config, self.options)
        self.batch_rows = 1 if self.device == "cpu" else self.options.batch
        self.output_size = int(self.model.get_input_embeddings().weight.shape[0])
        if len(self.tokenizer) > self.output_size:
            sizes = f"the tokenizer has {len(self.tokenizer):,} tokens and the model {self.output_size:,}"
            step = "Save the tokenizer that the model was trained with"
            raise UsageError(MODEL_OPTION, f"in {format_value(folder)}, {sizes}", step)

    def config(self) -> dict[str, Any]:
        """Return the digests of the model and how it reads; the batch size too where it affects rounding."""
        reading: dict[str, Any] = {"window": self.window, "overlap": self.overlap, "device": self.device}
        reading |= {"threads": self.options.threads} if self.device == "cpu" else {"batch": self.options.batch}
        return {"files": hash_model_files(self.path), **reading}

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(weight.numel() for weight in self.model.parameters())

    def score_documents(self, documents: Sequence[Document], request: CandidateRequest) -> Iterator[TokenScores]:
        """Score every token but the first of every document, window by window."""
        for batch in self._window_batches(documents):
            ids = self._torch.tensor(np.stack([window.tokens(documents[window.document].ids) for window in batch]))
            logits = self._compute_logits(ids)
            for row, window in enumerate(batch):
                # The logits at a token are those of the next one.
                first_new = window.head + window.first_new - window.start
                yield from self._score_window(logits[row, first_new - 1 : -1], ids[row, first_new:], window, request)

    def _window_batches(self, documents: Sequence[Document]) -> Iterator[list[Window]]:
        waiting: defaultdict[int, list[Window]] = defaultdict(list)
        for number, document in enumerate(documents):
            head = int(len(document.ids) > 0 and int(document.ids[0]) in self.tokenizer.special_ids)
            for window in split_windows(number, len(document.ids), self.window, self.overlap, head):
                same_length = waiting[len(window)]
                same_length.append(window)
                if len(same_length) == self.batch_rows:
                    yield waiting.pop(len(window))
        yield from waiting.values()

    def _compute_logits(self, ids: Any) -> Any:
        with self._torch.inference_mode(), _limit_threads(self._torch, self.options.threads, self.device):
            try:
                return self.model(input_ids=ids.to(self.device), use_cache=False).logits
            except self._torch.OutOfMemoryError as error:
                problem = f"has too little memory for a batch of shape {tuple(ids.shape)}"
                raise EnvironmentFault(self.device, problem, "Set a smaller --batch or --window") from error

    def _score_window(self, logits: Any, ids: Any, window: Window, request: CandidateRequest) -> Iterator[TokenScores]:
        step = max(1, LOGPROBS_AT_ONCE // self.output_size)
        with _limit_threads(self._torch, self.options.threads, self.device):
            for offset in range(0, len(ids), step):
                part = slice(offset, offset + step)
                yield score_tokens(self._torch, logits[part], ids[part], window, offset, request)


def _load_backend(path: Path) -> Any:
    """Load the fast tokenizer of a folder from tokenizer.json, or convert older files with transformers."""
    if (path / TOKENIZER_FILE).is_file():
        return load_tokenizer(path / TOKENIZER_FILE)
    library = import_library("transformers")
    problem = f"{format_value(str(path))} has no fast tokenizer, which alone reports character offsets"
    step = f"Save it with a fast tokenizer ({TOKENIZER_FILE})"
    if not any((path / name).is_file() for name in OLDER_TOKENIZER_FILES):
        raise UsageError(MODEL_OPTION, problem, step)
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise UsageError(MODEL_OPTION, f"{problem} ({format_value(str(error))})", step) from error
    if not getattr(tokenizer, "is_fast", False):
        raise UsageError(MODEL_OPTION, problem, step)
    return tokenizer.backend_tokenizer


def _load_model(path: Path, torch: Any, device: str | None) -> tuple[Any, str]:
    """Load a model with all its weights onto a device."""
    library, target = import_library("transformers"), _choose_device(torch, device)
    safetensors = import_library("safetensors")
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
    name = format_value(str(path))
    step = "Name a causal model of an architecture that transformers knows"
    try:
        model, loading_info = library.AutoModelForCausalLM.from_pretrained(
            str(path),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32 if target == "cpu" else "auto",
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError) as error:
        problem = f"{name} cannot be read as a causal model ({format_value(_first_line(error))})"
        raise UsageError(MODEL_OPTION, problem, step) from error
    except safetensors.SafetensorError as error:
        problem = f"the weights of {name} are damaged ({format_value(_first_line(error))})"
        raise UsageError(MODEL_OPTION, problem, "Copy the model again") from error
    missing_weights = sorted(loading_info["missing_keys"])
    if missing_weights:
        missing = f"{missing_weights[0]} and {len(missing_weights) - 1} more"
        raise UsageError(MODEL_OPTION, f"{name} lacks weights ({missing})", "Name a complete causal model")
    if model.config.is_encoder_decoder:
        raise UsageError(MODEL_OPTION, f"{name} is an encoder-decoder", "Name a causal model")
    return model.eval().to(target), target


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _choose_device(torch: Any, requested: str | None) -> str:
    if requested is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if requested != "cpu" and not (requested.partition(":")[0] == "cuda" and torch.cuda.is_available()):
        raise UsageError("--device", f"{format_value(requested)} is not available", "Use cpu, or cuda with a GPU")
    return requested


def _window_sizes(config: Any, options: ReadOptions) -> tuple[int, int]:
    limit_tokens = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    window = min(DEFAULT_WINDOW, limit_tokens or DEFAULT_WINDOW) if options.window is None else options.window
    if window < 4 or (limit_tokens is not None and window > limit_tokens):
        limit = "at least 4" if limit_tokens is None else f"from 4 to {limit_tokens:,}, the limit of the model"
        raise UsageError("--window", f"{window:,} tokens are not {limit}", "Set another window")
    overlap = window // 4 if options.overlap is None else options.overlap
    if not 1 <= overlap <= window // 2:
        raise UsageError("--overlap", f"{overlap:,} tokens are not from 1 to half of the window", "Set another overlap")
    return window, overlap


@contextlib.contextmanager
def _limit_threads(torch: Any, threads: int, device: str) -> Iterator[None]:
    """On a CPU, use this number of threads inside, and restore the previous number afterwards."""
    previous = torch.get_num_threads()
    if device != "cpu" or previous == threads:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(previous)


@dataclass(frozen=True)
class Window:
    """The tokens [start, end) of a document, of which those from `first_new` on are in no earlier window.

    Attributes:
        head: The number of tokens from the start of the document that precede the window, such as a begin token.
    """

    document: int
    start: int
    end: int
    first_new: int
    head: int = 0

    def __len__(self) -> int:
        return self.head + self.end - self.start

    def tokens(self, ids: Integers) -> Integers:
        """Select the tokens to read together from those of the document."""
        return np.concatenate([ids[: self.head], ids[self.start : self.end]])


def split_windows(document: int, length: int, size: int, overlap: int, head: int = 0) -> Iterator[Window]:
    """Split a document of `length` tokens, of which the first `head` are a begin token, into windows of `size`.

    Every token but the first is new in exactly one window, with at least `overlap` tokens before it in all windows but
    the first. All windows of a long document have the same length, so that they can be batched without padding.
    """
    if length > 1:
        yield Window(document, 0, min(length, size), 1)
    covered = size
    while covered < length:
        end = min(covered - overlap + size - head, length)
        yield Window(document, end - (size - head), end, covered, head)
        covered = end


def score_tokens(
    torch: Any, logits: Any, ids: Any, window: Window, offset: int, request: CandidateRequest
) -> TokenScores:
    """Score the tokens of a window that follow its first new token by `offset`, one row of logits each."""
    logits, ids, first = logits.float(), ids.to(logits.device), window.first_new + offset
    logprobs = token_logprobs(torch, logits, ids)
    known_logprobs = logprobs.cpu().double().numpy()
    positions = np.flatnonzero(request.select_positions(window.document, first, known_logprobs))
    candidates = TokenCandidates.empty()
    if len(positions):
        rows = torch.as_tensor(positions, device=logits.device)
        log_sums = logits[rows, ids[rows]] - logprobs[rows]
        candidates = _select_candidates(torch, logits[rows], log_sums, request)
    return TokenScores(window.document, first, known_logprobs, first + positions, candidates)


def token_logprobs(torch: Any, logits: Any, ids: Any) -> Any:
    """Return the log-probability of each token under the logits in its row."""
    rows = max(1, VALUES_PER_PASS // logits.shape[1])
    cross_entropy = torch.nn.functional.cross_entropy
    pairs = zip(logits.split(rows), ids.split(rows), strict=True)
    return -torch.cat([cross_entropy(*pair, reduction="none") for pair in pairs]).clamp(min=0.0)


def _select_candidates(torch: Any, logits: Any, log_sums: Any, request: CandidateRequest) -> TokenCandidates:
    """Select the requested candidates; `log_sums` are the logarithms of the sums over each row."""
    if request.top_k is not None:
        values, ids = top_k_by_blocks(torch, logits, min(request.top_k, logits.shape[1]))
    elif request.top_p is not None:
        values, ids = logits.sort(dim=1, descending=True, stable=True)
        # A candidate is included as long as the probabilities before it do not reach top_p.
        p = (values - log_sums[:, None]).double().exp()
        is_within = p.cumsum(1) - p < request.top_p
        width = int(is_within.sum(1).max())
        values, ids = values[:, :width].masked_fill(~is_within[:, :width], -torch.inf), ids[:, :width]
    else:
        values, ids = logits, torch.arange(logits.shape[1], device=logits.device).expand(logits.shape)
    return TokenCandidates(ids.cpu().numpy(), (values - log_sums[:, None]).cpu().double().numpy())


def top_k_by_blocks(torch: Any, logits: Any, k: int) -> tuple[Any, Any]:
    """Return the k largest of each row and their indices: they are in the k blocks with the largest maxima."""
    count, size = logits.shape
    blocks = size // BLOCK_WIDTH
    if blocks < 4 * k:
        return tuple(logits.topk(k, dim=1))
    blocked = logits[:, : blocks * BLOCK_WIDTH].reshape(count, blocks, BLOCK_WIDTH)
    best_blocks = blocked.amax(-1).topk(k, dim=1).indices[:, :, None]
    inside = torch.arange(BLOCK_WIDTH, device=logits.device)
    rest = torch.arange(blocks * BLOCK_WIDTH, size, device=logits.device).expand(count, -1)
    in_best = blocked.gather(1, best_blocks.expand(-1, -1, BLOCK_WIDTH)).flatten(1)
    values, positions = torch.cat([in_best, logits[:, blocks * BLOCK_WIDTH :]], 1).topk(k, dim=1)
    return values, torch.cat([(best_blocks * BLOCK_WIDTH + inside).flatten(1), rest], 1).gather(1, positions)
