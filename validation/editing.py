"""Measures what editing selects and changes in real texts: `python validation/editing.py FOLDER [--model DIR]`.

FOLDER holds squality/v1-3_txt_{train,dev}.jsonl.gz, tinyshakespeare/input.txt and, under reuters21578,
reuters21578_train.jsonl.gz. Half of the texts, drawn by a hash, train a tokenizer and a small model on the spot; 5 MB
of the others are edited, so the model has seen none of what it edits. Writes results/real/editing.json and, where those
are the project's own results, the tables of docs/explanation/editing.md. It takes some minutes on one core; `--model`
keeps the model for another time.

The prior reads the 5 MB once; thresholds and numbers of candidates are then tried on what it said. What needs the
whole distribution, or the edited text read again, is measured on the first documents of the same texts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import platform
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import editing_page
import numpy as np

from winnow.models.fast_tokenizer import FastTokenizer, TextEncoding, TokenCodes
from winnow.models.huggingface import HuggingFacePrior, ReadOptions
from winnow.models.prior import CandidateRequest, Document, Floats, Integers, TokenCandidates, TokenScores
from winnow.stages.edit.config import EditConfig
from winnow.stages.edit.edit_counts import EditTally
from winnow.stages.edit.editor import EditInput, Editor
from winnow.stages.edit.shard_map import to_edits_batch

ROOT = Path(__file__).resolve().parent.parent
TRAINED_BYTES, EDITED_BYTES, SUBSET_BYTES = 5_000_000, 5_000_000, 200_000
TOKENS, WIDTH, LAYERS, CONTEXT = 4096, 128, 2, 256
STEPS, ROWS, LENGTH, RATE = 600, 16, 128, 3e-3
THRESHOLDS = (0.99, 0.9, 0.8, 0.5)
MOST = 64
END = "<|end|>"


def read_stories(folder: Path) -> Iterator[str]:
    """The stories of SQuALITY, a paragraph or so at a time."""
    for name in ("train", "dev"):
        with gzip.open(folder / "squality" / f"v1-3_txt_{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                yield from _split_text(json.loads(line)["document"])


def read_plays(folder: Path) -> Iterator[str]:
    """Shakespeare, some speeches at a time."""
    yield from _split_text((folder / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8"))


def read_news(folder: Path) -> Iterator[str]:
    """Articles of Reuters."""
    with gzip.open(folder / "reuters21578" / "reuters21578_train.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["body"]


def _split_text(text: str, size: int = 3000) -> Iterator[str]:
    """A long text at empty lines, in pieces of about this many characters."""
    piece = ""
    for part in text.split("\n\n"):
        piece += part + "\n\n"
        if len(piece) >= size:
            yield piece
            piece = ""
    if piece:
        yield piece


def hash_fraction(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(sha256(text.encode()).digest()[:6], "big") / 2**48


def split_texts(folder: Path) -> tuple[list[str], list[str]]:
    """Texts to train on and texts to edit, in an order drawn by the same hash, up to their sizes."""
    whole = sorted({*read_stories(folder), *read_plays(folder), *read_news(folder)}, key=hash_fraction)
    half = [text for text in whole if hash_fraction("half " + text) < 0.5]
    rest = [text for text in whole if hash_fraction("half " + text) >= 0.5]
    return take_bytes(half, TRAINED_BYTES), take_bytes(rest, EDITED_BYTES)


def take_bytes(texts: Sequence[str], size: int) -> list[str]:
    """The first texts, until there are so many bytes."""
    sums = np.cumsum([len(text.encode()) for text in texts])
    return list(texts[: int(np.searchsorted(sums, size)) + 1])


def train_model(folder: Path, texts: Sequence[str]) -> None:
    """Train a tokenizer and a model on the texts and save them in a folder."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=TOKENS, special_tokens=[END], initial_alphabet=alphabet, show_progress=False),
    )
    ids = torch.tensor([token for encoding in tokenizer.encode_batch(texts) for token in (*encoding.ids, 0)])
    config = GPT2Config(
        vocab_size=TOKENS, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS, n_head=4, bos_token_id=0, eos_token_id=0
    )
    config.attn_pdrop = config.embd_pdrop = config.resid_pdrop = 0.0
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        # Later steps see longer rows, because the model is read with its whole context.
        length = LENGTH if step < STEPS * 3 // 4 else CONTEXT
        starts = torch.randint(len(ids) - length, (ROWS * LENGTH // length,))
        batch = torch.stack([ids[start : start + length] for start in starts.tolist()])
        loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"step {step + 1}: loss {loss.item():.3f}", flush=True)
    model.save_pretrained(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))


@dataclass
class TokenRecord:
    """The probabilities that a prior gave the tokens of a document, in compact form."""

    own: Floats
    places: Integers
    ids: np.ndarray[Any, np.dtype[np.uint16]]
    logp: np.ndarray[Any, np.dtype[np.float32]]


class CachedVocabulary:
    """A vocabulary that returns the stored tokens of these texts."""

    def __init__(self, vocabulary: FastTokenizer, texts: Sequence[str]) -> None:
        self.encoded = list(vocabulary.encode(texts))
        self.writes, self.kinds = vocabulary.token_texts, vocabulary.token_kinds
        pairs = zip(texts, self.encoded, strict=True)
        self._standing = {id(encoding): vocabulary.align_tokens(text, encoding) for text, encoding in pairs}

    def encode(self, texts: Sequence[str]) -> Iterator[TextEncoding]:
        """Return the stored tokens."""
        return iter(self.encoded if texts else [])

    def standing(self, text: str, encoded: TextEncoding) -> TokenCodes:
        """Return the stored codes of each token."""
        return self._standing[id(encoded)]


class CachedPrior:
    """A prior that returns stored probabilities: the likeliest candidates at the positions of likely tokens."""

    column = None

    def __init__(self, prior: HuggingFacePrior, texts: Sequence[str], least: float) -> None:
        self.tokenizer: Any = CachedVocabulary(prior.tokenizer, texts)
        documents = [Document(encoding.ids) for encoding in self.tokenizer.encoded]
        self._records = [TokenRecord(np.full(len(encoding.ids), np.nan), *_empty_record()) for encoding in documents]
        ask = CandidateRequest(lambda document, first, own: np.exp(own) >= least, MOST)
        for number, part in enumerate(prior.score_documents(documents, ask)):
            record = self._records[part.document]
            record.own[part.first : part.first + len(part.logprobs)] = part.logprobs
            record.places = np.concatenate([record.places, part.candidate_positions])
            record.ids = np.vstack([record.ids, part.candidates.ids.astype(np.uint16).reshape(-1, MOST)])
            record.logp = np.vstack([record.logp, part.candidates.logprobs.astype(np.float32).reshape(-1, MOST)])
            if number % 1000 == 999:
                print(f"read: part {number + 1}", flush=True)

    def config(self) -> dict[str, Any]:
        """Return no settings."""
        return {}

    def score_documents(self, documents: Sequence[Document], ask: CandidateRequest) -> Iterator[TokenScores]:
        """Yield the stored scores of the documents."""
        for number, _ in enumerate(documents):
            record = self._records[number]
            positions = np.flatnonzero(ask.select_positions(number, 0, record.own))
            rows, k = np.searchsorted(record.places, positions), ask.top_k or 1
            candidates = TokenCandidates(
                record.ids[rows, :k].astype(np.int64), record.logp[rows, :k].astype(np.float64)
            )
            yield TokenScores(
                number, 0, record.own, positions, candidates if len(positions) else TokenCandidates.empty()
            )


def _empty_record() -> tuple[Integers, Any, Any]:
    return np.zeros(0, np.int64), np.zeros((0, MOST), np.uint16), np.zeros((0, MOST), np.float32)


def measure_editing(editor: Editor, texts: Sequence[str], again: bool = False) -> dict[str, Any]:
    """Return the summary of editing these texts."""
    inputs = [EditInput(text, str(row), is_reread=again) for row, text in enumerate(texts)]
    tally = EditTally()
    tally.add(to_edits_batch(range(len(inputs)), inputs, editor.edit_texts(inputs)))
    return tally.to_dict()


def make_settings(rules: EditConfig, protected: bool, **more: Any) -> EditConfig:
    """Return settings in which everything is protected, as by default, or nothing, as in the paper."""
    return rules.model_copy(update={"read_again": 0, **({} if protected else {"protect": ()}), **more})


def measure_all_texts(prior: CachedPrior, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Measure thresholds, protection and numbers of candidates on all texts."""
    results = []
    for threshold in THRESHOLDS:
        for protected in (False, True):
            rules = EditConfig(threshold=threshold)
            results.append(
                _row("paper", rules, protected, measure_editing(Editor(prior, make_settings(rules, protected)), texts))
            )
    for name, rules in (
        ("paper, k = 64", EditConfig(top_k=64)),
        ("paper, beta 2", EditConfig(beta=2.0)),
        ("code", EditConfig(like="code")),
        ("code, k = 64", EditConfig(like="code", top_k=64)),
    ):
        for threshold in (0.99, 0.9):
            rules_at_threshold = replace(rules, threshold=threshold)
            results.append(
                _row(
                    name,
                    rules_at_threshold,
                    False,
                    measure_editing(Editor(prior, make_settings(rules_at_threshold, False)), texts),
                )
            )
    return results


SAMPLER_OPTIONS: dict[str, dict[str, Any]] = {"top-k": {}, "top-p": {"top_p": 0.9}, "rejection": {"rejection": True}}


def measure_subset(prior: HuggingFacePrior, texts: Sequence[str]) -> dict[str, Any]:
    """Measure samplers, deletion, perplexity after editing, and rounds on the first texts."""
    samplers, rounds = [], []
    for threshold in (0.9, 0.5):
        for name in ("top-k", "top-p", "rejection"):
            rules = EditConfig(threshold=threshold, **SAMPLER_OPTIONS[name])
            summary = measure_editing(Editor(prior, make_settings(rules, False)), texts, again=True)
            samplers.append(_row(name, rules, False, summary))
    rules = EditConfig(like="code", down=0.001, down_by="delete")
    dropped = _row(
        "code, drop below .001", rules, False, measure_editing(Editor(prior, make_settings(rules, False)), texts, True)
    )
    for threshold in (0.99, 0.8):
        rules = EditConfig(threshold=threshold)
        summary = measure_editing(Editor(prior, make_settings(rules, False, rounds=3)), texts)
        rounds.append({"threshold": threshold, "rounds": summary["rounds"]})
    return {"samplers": [*samplers, dropped], "rounds": rounds}


def _rule_settings(rules: EditConfig) -> dict[str, Any]:
    """The settings of the rules, without those of protection and rounds, which have their own columns."""
    others = ("protect", "patterns", "rounds", "seed", "read_again")
    return {name: value for name, value in rules.result_settings().items() if name not in others}


def _row(name: str, rules: EditConfig, protected: bool, summary: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "rules": _rule_settings(rules), "protected": protected, **summary}


def held_out_perplexity(prior: CachedPrior, texts: Sequence[str]) -> dict[str, Any]:
    """Return the perplexity per token and the bits per byte of texts the model was not trained on."""
    own = np.concatenate([record.own[1:] for record in prior._records])
    size = sum(len(text.encode()) for text in texts)
    return {"perplexity": math.exp(-own.mean()), "bits_per_byte": float(-own.sum()) / math.log(2) / size}


def main() -> None:
    """Train the model, compute its probabilities, try the settings and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder with the public files")
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "real", help="where editing.json goes")
    parser.add_argument("--model", type=Path, help="folder of the model; it is trained if the folder has none")
    arguments = parser.parse_args()
    to_train, to_edit = split_texts(arguments.folder)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.model or Path(scratch)
        if not (folder / "config.json").is_file():
            train_model(folder, to_train)
        prior = HuggingFacePrior(str(folder), ReadOptions(window=CONTEXT, overlap=CONTEXT // 4))
        cached_prior, subset = CachedPrior(prior, to_edit, min(THRESHOLDS)), take_bytes(to_edit, SUBSET_BYTES)
        figures = {
            "model": {
                "parameters": prior.model.num_parameters(),
                "layers": LAYERS,
                "width": WIDTH,
                "vocabulary": TOKENS,
                "context": CONTEXT,
                "steps": STEPS,
                "tokens_trained": STEPS * ROWS * LENGTH,
                **held_out_perplexity(cached_prior, to_edit),
            },
            "texts": {"trained_on": len(to_train), "edited": len(to_edit), "some": len(subset)}
            | {
                f"{name}_bytes": sum(len(t.encode()) for t in texts)
                for name, texts in _named_texts(to_train, to_edit, subset)
            },
            "all": measure_all_texts(cached_prior, to_edit),
            **measure_subset(prior, subset),
            "versions": {name: version(name) for name in ("numpy", "tokenizers", "torch", "transformers")}
            | {"python": platform.python_version()},
        }
    arguments.results.mkdir(parents=True, exist_ok=True)
    file = arguments.results / "editing.json"
    file.write_text(json.dumps(editing_page.round_numbers(figures), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if arguments.results.resolve() == ROOT / "results" / "real":
        editing_page.rewrite_page(file, editing_page.PAGE)


def _named_texts(*texts: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    yield from zip(("trained_on", "edited", "some"), texts, strict=True)


if __name__ == "__main__":
    main()
