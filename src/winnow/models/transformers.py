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

from winnow.data.errors import EnvironmentFault, UsageError, shown
from winnow.models.folders import OLDER_TOKENIZERS, OPTION, TOKENIZER, backend_of, identity_of, missing, model_folder
from winnow.models.logits import part_of
from winnow.models.prior import Ask, Document, Integers, Part
from winnow.models.vocabulary import Vocabulary
from winnow.models.windows import Window, windows

WINDOW = 1024
BLOCK = 1 << 23
"""Log-probabilities that are worked on at once."""


@dataclass(frozen=True)
class How:
    """How a model is read."""

    window: int | None = None
    """Tokens read together; as many as the model takes, but at most 1,024, unless stated."""
    overlap: int | None = None
    """Tokens of a long document that are read again before new ones; a quarter of the window unless stated."""
    device: str | None = None
    batch: int = 16
    """Rows side by side on a GPU."""
    threads: int = 1


class Transformer:
    """A causal model."""

    column = None

    def __init__(self, given: str, how: How | None = None) -> None:
        self.path = model_folder(given)
        self.how = How() if how is None else how
        self._torch = _library("torch")
        self.model, self.device = _loaded(self.path, self._torch, self.how.device)
        self.vocabulary = Vocabulary(_backend(self.path))
        self.window, self.overlap = _sizes(self.model.config, self.how)
        self.side_by_side = 1 if self.device == "cpu" else self.how.batch
        self.size = int(self.model.get_input_embeddings().weight.shape[0])
        if len(self.vocabulary) > self.size:
            problem = f"its tokenizer knows {len(self.vocabulary):,} tokens and its model {self.size:,}"
            raise UsageError(OPTION, f"{shown(given)}: {problem}", "Save the tokenizer the model was trained with")

    def config(self) -> dict[str, Any]:
        """The model's bytes and how it is read; the batch too where it could show."""
        how: dict[str, Any] = {"window": self.window, "overlap": self.overlap, "device": self.device}
        how |= {"threads": self.how.threads} if self.device == "cpu" else {"batch": self.how.batch}
        return {"files": identity_of(self.path), **how}

    @cached_property
    def parameters(self) -> int:
        """How large the model is."""
        return sum(one.numel() for one in self.model.parameters())

    def read(self, documents: Sequence[Document], ask: Ask) -> Iterator[Part]:
        """Every token but the first of every document, window by window."""
        for batch in self._batches(documents):
            ids = self._torch.tensor(np.stack([_tokens(documents[one.document], one) for one in batch]))
            logits = self._logits(ids)
            for row, window in enumerate(batch):
                # The distribution at a token is of the one after it.
                new = window.head + window.new - window.start
                yield from self._parts(logits[row, new - 1 : -1], ids[row, new:], window, ask)

    def _batches(self, documents: Sequence[Document]) -> Iterator[list[Window]]:
        """Windows of equal length, a batch at a time."""
        waiting: defaultdict[int, list[Window]] = defaultdict(list)
        for number, document in enumerate(documents):
            head = int(len(document.ids) > 0 and int(document.ids[0]) in self.vocabulary.special)
            for window in windows(number, len(document.ids), self.window, self.overlap, head):
                alike = waiting[len(window)]
                alike.append(window)
                if len(alike) == self.side_by_side:
                    yield waiting.pop(len(window))
        yield from waiting.values()

    def _logits(self, ids: Any) -> Any:
        with self._torch.inference_mode(), _threads(self._torch, self.how.threads, self.device):
            try:
                return self.model(input_ids=ids.to(self.device), use_cache=False).logits
            except self._torch.OutOfMemoryError as error:
                step = "Take a smaller --batch or --window"
                raise EnvironmentFault(self.device, f"has not the memory for {tuple(ids.shape)}", step) from error

    def _parts(self, logits: Any, ids: Any, window: Window, ask: Ask) -> Iterator[Part]:
        """What is said of the new tokens of a window, some of them at a time."""
        step = max(1, BLOCK // self.size)
        with _threads(self._torch, self.how.threads, self.device):
            for at in range(0, len(ids), step):
                yield part_of(self._torch, logits[at : at + step], ids[at : at + step], window, at, ask)


def _tokens(document: Document, window: Window) -> Integers:
    return np.concatenate([document.ids[: window.head], document.ids[window.start : window.end]])


def _library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise missing(name, error) from error


def _backend(path: Path) -> Any:
    """The fast tokenizer of a folder: its tokenizer.json, or what the library makes of older files."""
    if (path / TOKENIZER).is_file():
        return backend_of(path / TOKENIZER)
    library = _library("transformers")
    problem = f"{shown(str(path))} has no tokenizer that says where its tokens stand"
    step = f"Save it with a fast tokenizer ({TOKENIZER})"
    if not any((path / name).is_file() for name in OLDER_TOKENIZERS):
        raise UsageError(OPTION, problem, step)
    try:
        found = library.AutoTokenizer.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise UsageError(OPTION, f"{problem} ({shown(str(error))})", step) from error
    if not getattr(found, "is_fast", False):
        raise UsageError(OPTION, problem, step)
    return found.backend_tokenizer


def _loaded(path: Path, torch: Any, device: str | None) -> tuple[Any, str]:
    """The model on its device, with every weight it needs."""
    library, where = _library("transformers"), _device(torch, device)
    safetensors = _library("safetensors")
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
    name = shown(str(path))
    try:
        model, told = library.AutoModelForCausalLM.from_pretrained(
            str(path),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32 if where == "cpu" else "auto",
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError) as error:
        problem = f"{name} cannot be read as a causal model ({shown(_first_line(error))})"
        raise UsageError(OPTION, problem, "Name a causal model that transformers knows") from error
    except safetensors.SafetensorError as error:
        problem = f"the weights of {name} are damaged ({shown(_first_line(error))})"
        raise UsageError(OPTION, problem, "Copy the model again") from error
    lacking = sorted(told["missing_keys"])
    if lacking:
        problem = f"{name} lacks weights ({lacking[0]} and {len(lacking) - 1} more), which would be random"
        raise UsageError(OPTION, problem, "Name a whole causal model")
    if model.config.is_encoder_decoder:
        raise UsageError(OPTION, f"{name} encodes and decodes", "Name a causal model")
    return model.eval().to(where), where


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _device(torch: Any, asked: str | None) -> str:
    if asked is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked != "cpu" and not (asked.partition(":")[0] == "cuda" and torch.cuda.is_available()):
        raise UsageError("--device", f"{shown(asked)} is not there", "Take cpu, or cuda where there is a GPU")
    return asked


def _sizes(config: Any, how: How) -> tuple[int, int]:
    """Window and overlap, as stated or as the model takes them."""
    most = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    window = min(WINDOW, most or WINDOW) if how.window is None else how.window
    if window < 4 or (most is not None and window > most):
        limit = "at least 4" if most is None else f"from 4 to {most:,}, which is what the model takes"
        raise UsageError("--window", f"{window:,} tokens are not {limit}", "State another")
    overlap = window // 4 if how.overlap is None else how.overlap
    if not 1 <= overlap <= window // 2:
        raise UsageError("--overlap", f"{overlap:,} tokens are not from 1 to half of the window", "State another")
    return window, overlap


@contextlib.contextmanager
def _threads(torch: Any, threads: int, device: str) -> Iterator[None]:
    """The stated number of threads, on a CPU; afterwards as many as before."""
    before = torch.get_num_threads()
    if device != "cpu" or before == threads:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
