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

from winnow.data.errors import EnvironmentFault, UsageError, shown
from winnow.data.readers.files import sha256_of

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
OLDER_TOKENIZERS = ("vocab.json", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
OF_TOKENIZERS = (
    *(TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt"),
    *OLDER_TOKENIZERS,
)
OPTION = "--model"


def model_folder(given: str) -> Path:
    """The folder, once everything that can be told from its files is in order."""
    path = Path(given)
    if not path.is_dir():
        step = "Name a folder with config.json, *.safetensors and tokenizer.json; nothing is downloaded"
        raise UsageError(OPTION, f"{shown(given)} is no folder", step)
    config = _config(path)
    if config.get("auto_map") and "model_type" not in config:
        raise UsageError(OPTION, f"{shown(given)} wants its own code to run", "Name a model of a known architecture")
    if not list(path.glob("*.safetensors")):
        others = sorted(one.name for one in path.iterdir() if one.suffix in (".bin", ".pt", ".pth", ".ckpt"))
        found = f" ({others[0]} is not read: it could hold code)" if others else ""
        raise UsageError(OPTION, f"{shown(given)} has no weights as safetensors{found}", "Save it as safetensors")
    return path


def _config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads((path / CONFIG).read_bytes())
    except OSError as error:
        problem = f"{shown(str(path))} has no {CONFIG}, so it is no model"
        raise UsageError(OPTION, problem, "Name the folder the model was saved to") from error
    except ValueError as error:
        raise UsageError(str(path / CONFIG), f"is not JSON ({shown(str(error))})", "Save the model again") from error
    if not isinstance(content, dict):
        raise UsageError(str(path / CONFIG), "is no configuration of a model", "Save the model again")
    return content


def tokenizer_file(given: str) -> Path:
    """The tokenizer of a folder, or the file itself."""
    path = Path(given)
    path = path / TOKENIZER if path.is_dir() else path
    if not path.is_file():
        step = "Save it with a fast tokenizer: the others do not say where their tokens stand"
        raise UsageError(OPTION, f"{shown(given)} has no {TOKENIZER}", step)
    return path


def identity_of(path: Path) -> dict[str, str]:
    """Name and sha256 of every file that makes the model what it is."""
    files = [path] if path.is_file() else _files(path)
    return {one.name: _sha256(one, one.stat().st_size, one.stat().st_mtime_ns) for one in files}


def _files(path: Path) -> list[Path]:
    named = [path / CONFIG, *(path / name for name in OF_TOKENIZERS), *path.glob("*.safetensors")]
    return sorted(one for one in named if one.is_file())


@cache
def _sha256(path: Path, size: int, changed: int) -> str:
    """Weights are large and are asked for at every shard."""
    return sha256_of(path)


def backend_of(path: Path) -> Any:
    """The tokenizer in this file."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise missing("tokenizers", error) from error
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:
        raise UsageError(str(path), f"is no tokenizer ({shown(str(error))})", "Save it again") from error


def missing(library: str, error: ImportError) -> EnvironmentFault:
    """A library that is not installed, in words."""
    return EnvironmentFault(library, f"is not installed ({error})", "pip install 'winnow-data[hf]'")
