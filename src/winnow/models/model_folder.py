"""Model folders: checks before anything is loaded, and the digests that identify a model.

Only safetensors are read, and a model that needs code of its own is refused. The identity of a model is the sha256 of
its configuration, weights and tokenizer, wherever the folder is.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from winnow.errors import EnvironmentFault, UsageError, format_value
from winnow.storage.file_bytes import file_sha256

CONFIG_FILE, TOKENIZER_FILE = "config.json", "tokenizer.json"
OLDER_TOKENIZER_FILES = ("vocab.json", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
TOKENIZER_SETTING_FILES = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt")
MODEL_OPTION = "--model"


def check_model_folder(folder: str) -> Path:
    """Return the path of a model folder, after checking everything that its files show.

    Raises:
        UsageError: If it is no folder, has no safetensors, or needs code of its own.
    """
    path = Path(folder)
    if not path.is_dir():
        step = "Name a folder with config.json, *.safetensors and tokenizer.json; nothing is downloaded"
        raise UsageError(MODEL_OPTION, f"{format_value(folder)} is not a folder", step)
    config = _read_config(path)
    if config.get("auto_map") and "model_type" not in config:
        problem = f"{format_value(folder)} needs code of its own, which is never run"
        raise UsageError(MODEL_OPTION, problem, "Name a model of an architecture that transformers knows")
    if not list(path.glob("*.safetensors")):
        others = sorted(file.name for file in path.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".ckpt"))
        skipped = f" ({others[0]} is not read, because it could contain code)" if others else ""
        problem = f"{format_value(folder)} has no weights in safetensors format{skipped}"
        raise UsageError(MODEL_OPTION, problem, "Save the model as safetensors")
    return path


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads((path / CONFIG_FILE).read_bytes())
    except OSError as error:
        problem = f"{format_value(str(path))} has no {CONFIG_FILE}, so it is not a model"
        raise UsageError(MODEL_OPTION, problem, "Name the folder the model was saved to") from error
    except ValueError as error:
        problem = f"is not JSON ({format_value(str(error))})"
        raise UsageError(str(path / CONFIG_FILE), problem, "Save the model again") from error
    if not isinstance(content, dict):
        raise UsageError(str(path / CONFIG_FILE), "is not the configuration of a model", "Save the model again")
    return content


def find_tokenizer_file(folder: str) -> Path:
    """Return the path of the tokenizer in a folder; a file is returned as it is."""
    path = Path(folder)
    path = path / TOKENIZER_FILE if path.is_dir() else path
    if not path.is_file():
        step = "Save the model with a fast tokenizer, because others do not report character offsets"
        raise UsageError(MODEL_OPTION, f"{format_value(folder)} has no {TOKENIZER_FILE}", step)
    return path


def hash_model_files(path: Path) -> dict[str, str]:
    """Return the name and sha256 of every file that the scores of a model depend on."""
    files = [path]
    if path.is_dir():
        names = (CONFIG_FILE, TOKENIZER_FILE, *TOKENIZER_SETTING_FILES, *OLDER_TOKENIZER_FILES)
        candidates = [*(path / name for name in names), *path.glob("*.safetensors")]
        files = sorted(file for file in candidates if file.is_file())
    return {file.name: _cached_sha256(file, file.stat().st_size, file.stat().st_mtime_ns) for file in files}


@cache
def _cached_sha256(path: Path, size: int, modified_ns: int) -> str:
    """Hash a file once, because weights are large and needed for every shard."""
    return file_sha256(path)


def load_tokenizer(path: Path) -> Any:
    """Load the `tokenizers.Tokenizer` in a file."""
    tokenizers = import_library("tokenizers")
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:
        raise UsageError(str(path), f"is not a tokenizer ({format_value(str(error))})", "Save it again") from error


def import_library(name: str) -> Any:
    """Import a library of the extra `hf`."""
    try:
        return import_module(name)
    except ImportError as error:
        raise EnvironmentFault(name, f"is not installed ({error})", "pip install 'winnow-data[hf]'") from error
