"""A prior out of a folder with a transformers causal model: nothing is downloaded and no code of the folder runs.

Promises: each token is read once, long documents in overlapping windows, rows of equal length side by side and never
padded. On a CPU rows are read one at a time and by a stated number of threads, because what a matrix product rounds to
may depend on what stands beside it: so what is said of a text does not depend on the texts around it. On a GPU it may,
in the last digits. Only distributions that are asked for leave the device.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from winnow.errors import EnvironmentFault, UsageError, format_value
from winnow.models.fast_tokenizer import FastTokenizer
from winnow.models.logit_scores import score_tokens
from winnow.models.model_folder import (
    MODEL_OPTION,
    OLDER_TOKENIZER_FILES,
    TOKENIZER_FILE,
    check_model_folder,
    hash_model_files,
    load_tokenizer,
    missing_library,
)
from winnow.models.prior import CandidateRequest, Document, Integers, TokenScores
from winnow.models.windows import Window, split_windows

DEFAULT_WINDOW = 1024
LOGPROBS_AT_ONCE = 1 << 23
"""Log-probabilities that are worked on at once."""


@dataclass(frozen=True)
class ReadOptions:
    """How a model is read."""

    window: int | None = None
    """Tokens read together; as many as the model takes, but at most 1,024, unless stated."""
    overlap: int | None = None
    """Tokens of a long document that are read again before new ones; a quarter of the window unless stated."""
    device: str | None = None
    batch: int = 16
    """Rows side by side on a GPU."""
    threads: int = 1


class HuggingFacePrior:
    """A causal model."""

    column = None

    def __init__(self, folder: str, options: ReadOptions | None = None) -> None:
        self.path = check_model_folder(folder)
        self.options = ReadOptions() if options is None else options
        self._torch = _import_library("torch")
        self.model, self.device = _load_model(self.path, self._torch, self.options.device)
        self.tokenizer = FastTokenizer(_load_backend(self.path))
        self.window, self.overlap = _window_sizes(self.model.config, self.options)
        self.batch_rows = 1 if self.device == "cpu" else self.options.batch
        self.output_size = int(self.model.get_input_embeddings().weight.shape[0])
        if len(self.tokenizer) > self.output_size:
            problem = f"its tokenizer knows {len(self.tokenizer):,} tokens and its model {self.output_size:,}"
            raise UsageError(
                MODEL_OPTION, f"{format_value(folder)}: {problem}", "Save the tokenizer the model was trained with"
            )

    def config(self) -> dict[str, Any]:
        """The model's bytes and how it is read; the batch too where it could show."""
        reading: dict[str, Any] = {"window": self.window, "overlap": self.overlap, "device": self.device}
        reading |= {"threads": self.options.threads} if self.device == "cpu" else {"batch": self.options.batch}
        return {"files": hash_model_files(self.path), **reading}

    @cached_property
    def parameters(self) -> int:
        """How large the model is."""
        return sum(weight.numel() for weight in self.model.parameters())

    def score_documents(self, documents: Sequence[Document], request: CandidateRequest) -> Iterator[TokenScores]:
        """Every token but the first of every document, window by window."""
        for batch in self._window_batches(documents):
            ids = self._torch.tensor(np.stack([_window_tokens(documents[item.document], item) for item in batch]))
            logits = self._compute_logits(ids)
            for row, window in enumerate(batch):
                # The distribution at a token is of the one after it.
                first_new = window.head + window.first_new - window.start
                yield from self._score_window(logits[row, first_new - 1 : -1], ids[row, first_new:], window, request)

    def _window_batches(self, documents: Sequence[Document]) -> Iterator[list[Window]]:
        """Windows of equal length, a batch at a time."""
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
                step = "Take a smaller --batch or --window"
                raise EnvironmentFault(self.device, f"has not the memory for {tuple(ids.shape)}", step) from error

    def _score_window(self, logits: Any, ids: Any, window: Window, request: CandidateRequest) -> Iterator[TokenScores]:
        """What is said of the new tokens of a window, some of them at a time."""
        step = max(1, LOGPROBS_AT_ONCE // self.output_size)
        with _limit_threads(self._torch, self.options.threads, self.device):
            for offset in range(0, len(ids), step):
                yield score_tokens(
                    self._torch, logits[offset : offset + step], ids[offset : offset + step], window, offset, request
                )


def _window_tokens(document: Document, window: Window) -> Integers:
    return np.concatenate([document.ids[: window.head], document.ids[window.start : window.end]])


def _import_library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise missing_library(name, error) from error


def _load_backend(path: Path) -> Any:
    """The fast tokenizer of a folder: its tokenizer.json, or what the library makes of older files."""
    if (path / TOKENIZER_FILE).is_file():
        return load_tokenizer(path / TOKENIZER_FILE)
    library = _import_library("transformers")
    problem = f"{format_value(str(path))} has no tokenizer that says where its tokens stand"
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
    """The model on its device, with every weight it needs."""
    library, target = _import_library("transformers"), _choose_device(torch, device)
    safetensors = _import_library("safetensors")
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
    name = format_value(str(path))
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
        raise UsageError(MODEL_OPTION, problem, "Name a causal model that transformers knows") from error
    except safetensors.SafetensorError as error:
        problem = f"the weights of {name} are damaged ({format_value(_first_line(error))})"
        raise UsageError(MODEL_OPTION, problem, "Copy the model again") from error
    missing_weights = sorted(loading_info["missing_keys"])
    if missing_weights:
        problem = (
            f"{name} lacks weights ({missing_weights[0]} and {len(missing_weights) - 1} more), which would be random"
        )
        raise UsageError(MODEL_OPTION, problem, "Name a whole causal model")
    if model.config.is_encoder_decoder:
        raise UsageError(MODEL_OPTION, f"{name} encodes and decodes", "Name a causal model")
    return model.eval().to(target), target


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _choose_device(torch: Any, requested: str | None) -> str:
    if requested is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if requested != "cpu" and not (requested.partition(":")[0] == "cuda" and torch.cuda.is_available()):
        raise UsageError(
            "--device", f"{format_value(requested)} is not there", "Take cpu, or cuda where there is a GPU"
        )
    return requested


def _window_sizes(config: Any, options: ReadOptions) -> tuple[int, int]:
    """Window and overlap, as stated or as the model takes them."""
    limit_tokens = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    window = min(DEFAULT_WINDOW, limit_tokens or DEFAULT_WINDOW) if options.window is None else options.window
    if window < 4 or (limit_tokens is not None and window > limit_tokens):
        limit = "at least 4" if limit_tokens is None else f"from 4 to {limit_tokens:,}, which is what the model takes"
        raise UsageError("--window", f"{window:,} tokens are not {limit}", "State another")
    overlap = window // 4 if options.overlap is None else options.overlap
    if not 1 <= overlap <= window // 2:
        raise UsageError("--overlap", f"{overlap:,} tokens are not from 1 to half of the window", "State another")
    return window, overlap


@contextlib.contextmanager
def _limit_threads(torch: Any, threads: int, device: str) -> Iterator[None]:
    """The stated number of threads, on a CPU; afterwards as many as before."""
    previous = torch.get_num_threads()
    if device != "cpu" or previous == threads:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(previous)
