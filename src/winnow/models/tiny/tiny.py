"""A small model as people use it: complete prompts, say how likely a text is, save and load.

Promises: what is written of a prompt depends on the model, the prompt, how it is asked and the seed; of the other
prompts only as far as a machine rounds differently in larger products. A saved model is safetensors and JSON.
On a GPU, where there is one, it computes in bfloat16; elsewhere in single precision. It does not learn: stages/train.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from winnow.data.errors import BrokenPromise, UsageError, shown
from winnow.data.stores.atomic import make_folder, write_bytes
from winnow.models.tiny.batches import Encoded, encoded, scored
from winnow.models.tiny.beams import search
from winnow.models.tiny.decoding import Writing
from winnow.models.tiny.drawing import Written, drawn_by, likeliest, numbers_for, write_out
from winnow.models.tiny.network import Network
from winnow.models.tiny.shape import Shape, shape_from
from winnow.models.tiny.vocabulary import FIRST_WRITTEN, Vocabulary
from winnow.models.writing import Beams, Completion, Greedy, How, Sampling

WEIGHTS, CONFIG, FORMAT = "model.safetensors", "config.json", "winnow-tiny-1"
ROWS, PLACES = 2_048, 1 << 17
"""The most continuations written at once, and the most places scored at once."""


class Tiny:
    """A model: a network, its vocabulary and the most tokens it writes unless told otherwise."""

    def __init__(self, shape: Shape, vocabulary: Vocabulary, longest: int, seed: int = 0) -> None:
        self.shape, self.vocabulary, self.longest = shape, vocabulary, longest
        self.network = Network(shape, len(vocabulary))
        self.network.start(torch.Generator().manual_seed(seed))
        self.network.to(device())

    def complete(
        self, prompts: Sequence[str], how: How | None = None, seed: int = 0, longest: int | None = None
    ) -> list[list[Completion]]:
        """For each prompt what was written: one by Greedy(), n by Sampling(n), up to n by Beams(width, n)."""
        most = self.longest if longest is None else longest
        if most < 1:
            raise UsageError("longest", f"is {most}, but must be at least 1", "Allow one token or more")
        rows = [encoded(self.shape, self.vocabulary, prompt) for prompt in prompts]
        keys = _keys(prompts)
        results: list[list[Completion]] = [[] for _ in prompts]
        asked = how or Greedy()
        with torch.inference_mode(), short_numbers():
            for group in _groups(rows, _ways(asked)):
                room = min(most, self.shape.context - len(rows[group[0]].before) + 1)
                found = self._written([rows[i] for i in group], [keys[i] for i in group], asked, seed, room)
                for place, texts in zip(group, found, strict=True):
                    results[place] = [self._completion(one) for one in texts]
        return results

    def logprobs(self, prompts: Sequence[str], texts: Sequence[str]) -> list[tuple[float, ...]]:
        """How likely each token of each text is, its end included; minus infinity for what cannot be written."""
        rows = [encoded(self.shape, self.vocabulary, *pair) for pair in zip(prompts, texts, strict=True)]
        results: list[tuple[float, ...]] = [()] * len(rows)
        with torch.inference_mode(), short_numbers():
            for group in _groups(rows, 1):
                logits, wanted = scored(self.network, [rows[i] for i in group], device())
                found = _of_wanted(logits.float().log_softmax(-1), wanted).tolist()
                length = len(found) // len(group)
                for number, place in enumerate(group):
                    results[place] = tuple(found[number * length : (number + 1) * length])
        return results

    def save(self, folder: Path | str) -> None:
        """Weights and settings; a file that is there is replaced whole."""
        place = Path(folder)
        make_folder(place)
        weights = {name: weight.cpu() for name, weight in self.network.state_dict().items()}
        write_bytes(place / WEIGHTS, save(weights))
        write_bytes(place / CONFIG, (json.dumps(self.config(), ensure_ascii=False, indent=1) + "\n").encode())

    @classmethod
    def load(cls, folder: Path | str) -> Tiny:
        """A saved model."""
        place = Path(folder)
        if not (place / CONFIG).is_file():
            raise UsageError(str(place), f"holds no model (no {CONFIG})", "Name a folder that training wrote")
        try:
            config = json.loads((place / CONFIG).read_bytes())
            if config["format"] != FORMAT:
                raise ValueError(f"its format is {shown(config['format'])}, not {FORMAT}")
            shape = shape_from(config["shape"])
            model = cls(shape, Vocabulary(shape.pieces, tuple(config["vocabulary"])), config["longest"])
            model.network.load_state_dict(load_file(place / WEIGHTS))
        except (ValueError, KeyError, TypeError, OSError, RuntimeError, SafetensorError) as error:
            problem = f"holds no whole model ({type(error).__name__}: {shown(str(error))})"
            raise BrokenPromise(str(place), problem, "Train it again") from error
        return model

    def config(self) -> dict[str, Any]:
        """All but the weights."""
        known = list(self.vocabulary.known)
        return {"format": FORMAT, "shape": asdict(self.shape), "longest": self.longest, "vocabulary": known}

    def parameters(self) -> int:
        """How many numbers it learned."""
        return sum(weight.numel() for weight in self.network.parameters())

    def _written(self, rows: list[Encoded], keys: list[str], how: How, seed: int, longest: int) -> list[list[Written]]:
        writing = Writing(self.network, rows, longest)
        if isinstance(how, Beams):
            return search(writing, how, longest)
        if isinstance(how, Sampling):
            choose = drawn_by(how, numbers_for(seed, keys, how, longest), device())
            return write_out(writing, choose, how.n, longest)
        return write_out(writing, likeliest, 1, longest)

    def _completion(self, one: Written) -> Completion:
        return Completion(self.vocabulary.text(one.tokens), tuple(one.logprobs), "stop" if one.ended else "length")


def device() -> torch.device:
    """Where models compute."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def short_numbers() -> Iterator[None]:
    """On a GPU products are made in bfloat16 inside."""
    with torch.autocast("cuda", torch.bfloat16, enabled=device().type == "cuda"):
        yield


def _ways(how: How) -> int:
    if isinstance(how, Beams):
        return how.width
    return how.n if isinstance(how, Sampling) else 1


def _keys(prompts: Sequence[str]) -> list[str]:
    """Each prompt, and the how manieth of its like: a prompt that comes twice is drawn anew."""
    seen: Counter[str] = Counter()
    keys = []
    for prompt in prompts:
        seen[prompt] += 1
        keys.append(f"{prompt}\x1f{seen[prompt]}")
    return keys


def _groups(rows: Sequence[Encoded], ways: int) -> Iterator[list[int]]:
    """Rows of the same lengths together, at most as many as are written or scored at once."""
    alike: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        alike[*row.lengths, len(row.written)].append(place)
    for (read, placed, _), places in sorted(alike.items()):
        at_once = max(1, min(ROWS // ways, PLACES // max(1, read + placed)))
        yield from (places[first : first + at_once] for first in range(0, len(places), at_once))


def _of_wanted(logprobs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The log-probability of what is written; what has no logit has none."""
    places = wanted - FIRST_WRITTEN
    found = logprobs.gather(-1, places.clamp(min=0)[:, None])[:, 0]
    return found.masked_fill(places < 0, -torch.inf)
