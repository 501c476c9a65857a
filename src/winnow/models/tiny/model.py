"""A small model: complete prompts, compute log-probabilities of texts, save and load.

Completions depend on the model, the prompt, the decoding method and the seed, and on other prompts only through
rounding in larger matrix products. Models are saved as safetensors and JSON. Computation is in bfloat16 on a GPU and in
single precision elsewhere. Training is in winnow.stages.train.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from winnow.errors import BrokenPromise, UsageError, format_value
from winnow.models.completion import Beams, Completion, DecodingMethod, Greedy, Sampling
from winnow.models.tiny.decoding import decode_group
from winnow.models.tiny.network import Network, compute_target_logits
from winnow.models.tiny.vocabulary import END, FIRST_OUTPUT, EncodedRow, Vocabulary, encode_row
from winnow.models.tiny_config import ModelConfig, model_config_from
from winnow.storage.atomic_files import make_folder, write_bytes

WEIGHTS_FILE, CONFIG_FILE, FORMAT_NAME = "model.safetensors", "config.json", "winnow-tiny-2"
MAX_ROWS, MAX_POSITIONS = 2_048, 1 << 17
"""Limits of a batch: continuations, and positions."""


class TinyModel:
    """A network, its vocabulary and the default limit of new tokens; untrained until its weights are set."""

    def __init__(self, model_config: ModelConfig, vocabulary: Vocabulary, max_new_tokens: int, seed: int = 0) -> None:
        self.model_config, self.vocabulary, self.max_new_tokens = model_config, vocabulary, max_new_tokens
        self.network = Network(model_config, len(vocabulary))
        self.network.initialize_weights(torch.Generator().manual_seed(seed))
        self.network.to(compute_device())

    def complete(
        self,
        prompts: Sequence[str],
        method: DecodingMethod | None = None,
        seed: int = 0,
        max_new_tokens: int | None = None,
    ) -> list[list[Completion]]:
        """Complete each prompt.

        Args:
            prompts: The prompts; one that comes twice is sampled with different random numbers.
            method: Greedy() by default, or Sampling or Beams.
            seed: The seed of sampling.
            max_new_tokens: By default the limit of the model.

        Returns:
            For each prompt one completion by Greedy(), n by Sampling(n), or up to n by Beams(width, n).
        """
        token_limit = self.max_new_tokens if max_new_tokens is None else max_new_tokens
        if token_limit < 1:
            raise UsageError("max_new_tokens", f"is {token_limit}, but must be at least 1", "Set 1 or more")
        rows = [encode_row(self.model_config, self.vocabulary, prompt) for prompt in prompts]
        keys = _number_repeats(prompts)
        results: list[list[Completion]] = [[] for _ in prompts]
        chosen_method = method or Greedy()
        with torch.inference_mode(), reduced_precision():
            for group in _group_by_length(rows, _continuation_count(chosen_method)):
                tokens_left = min(token_limit, self.model_config.context - len(rows[group[0]].prefix) + 1)
                group_rows, group_keys = [rows[i] for i in group], [keys[i] for i in group]
                generated = decode_group(self.network, group_rows, group_keys, chosen_method, seed, tokens_left)
                for index, texts in zip(group, generated, strict=True):
                    results[index] = [self._to_completion(*text) for text in texts]
        return results

    def logprobs(self, prompts: Sequence[str], texts: Sequence[str]) -> list[tuple[float, ...]]:
        """Return the log-probability of each token of each text and its end; -inf for tokens it cannot generate."""
        rows = [encode_row(self.model_config, self.vocabulary, *pair) for pair in zip(prompts, texts, strict=True)]
        results: list[tuple[float, ...]] = [()] * len(rows)
        with torch.inference_mode(), reduced_precision():
            for group in _group_by_length(rows, 1):
                logits, targets = compute_target_logits(self.network, [rows[i] for i in group])
                outputs = targets - FIRST_OUTPUT
                logprobs = logits.float().log_softmax(-1).gather(-1, outputs.clamp(min=0)[:, None])[:, 0]
                by_row = logprobs.masked_fill(outputs < 0, -torch.inf).view(len(group), -1)
                for index, row_logprobs in zip(group, by_row.tolist(), strict=True):
                    results[index] = tuple(row_logprobs)
        return results

    def save(self, folder: Path | str) -> None:
        """Write weights and configuration to a folder; existing files are replaced atomically."""
        path = Path(folder)
        make_folder(path)
        weights = {name: weight.cpu() for name, weight in self.network.state_dict().items()}
        write_bytes(path / WEIGHTS_FILE, save(weights))
        config = {"format": FORMAT_NAME, "model": asdict(self.model_config), "max_new_tokens": self.max_new_tokens}
        config["vocabulary"] = list(self.vocabulary.entries)
        write_bytes(path / CONFIG_FILE, (json.dumps(config, ensure_ascii=False, indent=1) + "\n").encode())

    @classmethod
    def load(cls, folder: Path | str) -> TinyModel:
        """Load a saved model."""
        path = Path(folder)
        if not (path / CONFIG_FILE).is_file():
            problem = f"contains no model (no {CONFIG_FILE})"
            raise UsageError(str(path), problem, "Name a folder that winnow train wrote")
        try:
            config = json.loads((path / CONFIG_FILE).read_bytes())
            if config["format"] != FORMAT_NAME:
                raise ValueError(f"its format is {format_value(config['format'])}, not {FORMAT_NAME}")
            model_config = model_config_from(config["model"])
            vocabulary = Vocabulary(model_config.tokenizer, tuple(config["vocabulary"]))
            model = cls(model_config, vocabulary, config["max_new_tokens"])
            model.network.load_state_dict(load_file(path / WEIGHTS_FILE))
        except (ValueError, KeyError, TypeError, OSError, RuntimeError, SafetensorError) as error:
            problem = f"contains no complete model ({type(error).__name__}: {format_value(str(error))})"
            raise BrokenPromise(str(path), problem, "Train it again") from error
        return model

    def parameter_count(self) -> int:
        """Count the parameters of the network."""
        return sum(weight.numel() for weight in self.network.parameters())

    def _to_completion(self, tokens: list[int], logprobs: list[float]) -> Completion:
        has_ended = END in tokens
        length = tokens.index(END) + 1 if has_ended else len(tokens)
        text = self.vocabulary.decode(tokens[:length])
        return Completion(text, tuple(logprobs[:length]), "stop" if has_ended else "length")


def compute_device() -> torch.device:
    """Return the GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def reduced_precision() -> torch.autocast:
    """Return a context in which matrix products are computed in bfloat16, on a GPU only."""
    return torch.autocast("cuda", torch.bfloat16, enabled=compute_device().type == "cuda")


def _continuation_count(method: DecodingMethod) -> int:
    if isinstance(method, Beams):
        return method.width
    return method.n if isinstance(method, Sampling) else 1


def _number_repeats(prompts: Sequence[str]) -> list[str]:
    """Append to each prompt the number of its occurrence, so that repeated prompts are sampled anew."""
    seen: Counter[str] = Counter()
    keys = []
    for prompt in prompts:
        seen[prompt] += 1
        keys.append(f"{prompt}\x1f{seen[prompt]}")
    return keys


def _group_by_length(rows: Sequence[EncodedRow], continuations: int) -> Iterator[list[int]]:
    """Group rows of the same lengths, within the limits of a batch."""
    same_length: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        same_length[*row.lengths, len(row.target)].append(index)
    for (input_length, sequence_length, _), indices in sorted(same_length.items()):
        batch = max(1, min(MAX_ROWS // continuations, MAX_POSITIONS // max(1, input_length + sequence_length)))
        yield from (indices[first : first + batch] for first in range(0, len(indices), batch))
