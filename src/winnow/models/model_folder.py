"""Model folders: what must be there before anything is loaded, and which bytes a model is.

Weights are read as safetensors and nothing else, and a folder that wants code of its own to run is refused. The
identity of a model is the sha256 of its configuration, weights and tokenizer, so a model that was trained on is
another model wherever it stands.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from winnow.errors import EnvironmentFault, UsageError, format_value
from winnow.storage.file_bytes import file_sha256

CONFIG_FILE, TOKENIZER_FILE = "config.json", "tokenizer.json"
OLDER_TOKENIZER_FILES = ("vocab.json", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
TOKENIZER_FILES = (
    *(TOKENIZER_FILE, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt"),
    *OLDER_TOKENIZER_FILES,
)
MODEL_OPTION = "--model"


def check_model_folder(folder: str) -> Path:
    """The folder, once everything that can be told from its files is in order."""
    path = Path(folder)
    if not path.is_dir():
        step = "Name a folder with config.json, *.safetensors and tokenizer.json; nothing is downloaded"
        raise UsageError(MODEL_OPTION, f"{format_value(folder)} is no folder", step)
    config = _read_config(path)
    if config.get("auto_map") and "model_type" not in config:
        raise UsageError(
            MODEL_OPTION, f"{format_value(folder)} wants its own code to run", "Name a model of a known architecture"
        )
    if not list(path.glob("*.safetensors")):
        others = sorted(file.name for file in path.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".ckpt"))
        found = f" ({others[0]} is not read: it could hold code)" if others else ""
        raise UsageError(
            MODEL_OPTION, f"{format_value(folder)} has no weights as safetensors{found}", "Save it as safetensors"
        )
    return path


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads((path / CONFIG_FILE).read_bytes())
    except OSError as error:
        problem = f"{format_value(str(path))} has no {CONFIG_FILE}, so it is no model"
        raise UsageError(MODEL_OPTION, problem, "Name the folder the model was saved to") from error
    except ValueError as error:
        raise UsageError(
            str(path / CONFIG_FILE), f"is not JSON ({format_value(str(error))})", "Save the model again"
        ) from error
    if not isinstance(content, dict):
        raise UsageError(str(path / CONFIG_FILE), "is no configuration of a model", "Save the model again")
    return content


def find_tokenizer_file(folder: str) -> Path:
    """The tokenizer of a folder, or the file itself."""
    path = Path(folder)
    path = path / TOKENIZER_FILE if path.is_dir() else path
    if not path.is_file():
        step = "Save it with a fast tokenizer: the others do not say where their tokens stand"
        raise UsageError(MODEL_OPTION, f"{format_value(folder)} has no {TOKENIZER_FILE}", step)
    return path


def hash_model_files(path: Path) -> dict[str, str]:
    """Name and sha256 of every file that makes the model what it is."""
    files = [path] if path.is_file() else _identity_files(path)
    return {file.name: _cached_sha256(file, file.stat().st_size, file.stat().st_mtime_ns) for file in files}


def _identity_files(path: Path) -> list[Path]:
    candidates = [path / CONFIG_FILE, *(path / name for name in TOKENIZER_FILES), *path.glob("*.safetensors")]
    return sorted(file for file in candidates if file.is_file())


@cache
def _cached_sha256(path: Path, size: int, modified_ns: int) -> str:
    """Weights are large and are asked for at every shard."""
    return file_sha256(path)


def load_tokenizer(path: Path) -> Any:
    """The tokenizer in this file."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise missing_library("tokenizers", error) from error
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:
        raise UsageError(str(path), f"is no tokenizer ({format_value(str(error))})", "Save it again") from error


def missing_library(library: str, error: ImportError) -> EnvironmentFault:
    """A library that is not installed, in words."""
    return EnvironmentFault(library, f"is not installed ({error})", "pip install 'winnow-data[hf]'")
