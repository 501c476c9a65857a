"""Small models and texts: three tokenizers, model folders with random or trained weights, texts of a grammar."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

PEOPLE = ("the old farmer", "a small child", "the captain", "my neighbor", "the tall doctor", "every student")
ACTS = ("walks slowly to", "looks out over", "dreams about", "builds a wall near", "sings loudly in", "paints")
PLACES = ("the river bank", "the quiet harbor", "a green garden", "the market square", "the mountain road")
ENDS = ("in the morning", "before the rain begins", "while the birds sing", "and smiles", "as usual")
ODD = ("café naïve", "日本語 テキスト", "🎉🎊", "“quoted”", "Ünïcödé", "عربى", "\t", "  ", "é", "ﬁne")


def sentence(draws: random.Random) -> str:
    """One of a few hundred sentences, most words of which are predictable."""
    return " ".join(draws.choice(part) for part in (PEOPLE, ACTS, PLACES, ENDS)) + "."


def texts(count: int, seed: int = 0, sentences: int = 4) -> list[str]:
    """Documents of a few sentences each."""
    draws = random.Random(seed)
    return [" ".join(sentence(draws) for _ in range(1 + draws.randrange(sentences))) for _ in range(count)]


def strange(draws: random.Random, most: int = 24) -> str:
    """Any Unicode text: words, symbols, scripts, joiners, characters that normalization changes, unassigned ones."""
    pieces = []
    for _ in range(draws.randrange(most)):
        turn = draws.random()
        if turn < 0.4:
            pieces.append(draws.choice(sentence(draws).split()) + draws.choice(("", " ", "  ", "\n", ".")))
        elif turn < 0.6:
            pieces.append(draws.choice(ODD))
        else:
            pieces.append("".join(map(chr, (_point(draws) for _ in range(draws.randrange(1, 4))))))
    return "".join(pieces)


def _point(draws: random.Random) -> int:
    point = draws.choice(
        (draws.randrange(0x20, 0x250), draws.randrange(0x300, 0xD800), draws.randrange(0xE000, 0x20000))
    )
    return point


def _corpus() -> list[str]:
    return [*texts(300, seed=9), *(" ".join(ODD) for _ in range(20))]


def byte_level(size: int = 400) -> Any:
    """Byte-level BPE, as GPT-2 has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        _corpus(),
        trainers.BpeTrainer(
            vocab_size=size, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
        ),
    )
    return tokenizer


def word_piece(size: int = 400) -> Any:
    """WordPiece, as BERT has: lower case, marks added around the text."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(
        _corpus(), trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return tokenizer


def unigram(size: int = 400) -> Any:
    """Unigram with a space mark, as T5 and Llama have, behind a normalization."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(
        _corpus(),
        trainers.UnigramTrainer(
            vocab_size=size, special_tokens=["<unk>", "<s>"], unk_token="<unk>", show_progress=False
        ),
    )
    return tokenizer


TOKENIZERS: dict[str, Callable[[], Any]] = {"byte-level": byte_level, "word-piece": word_piece, "unigram": unigram}


def saved(folder: Path, tokenizer: Any, model: Any = None, **more: int) -> Path:
    """A model folder with this tokenizer; the model has random weights unless it is given."""
    model = random_model(tokenizer.get_vocab_size(), **more) if model is None else model
    model.save_pretrained(str(folder), safe_serialization=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def random_model(size: int, width: int = 32, layers: int = 2, positions: int = 256, seed: int = 0) -> Any:
    """A GPT-2 with weights drawn at random, wide enough that some tokens are likely."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=size,
        n_positions=positions,
        n_embd=width,
        n_layer=layers,
        n_head=2,
        initializer_range=0.35,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2LMHeadModel(config).eval()


def trained_model(tokenizer: Any, steps: int = 120, **more: int) -> Any:
    """Train such a model for some seconds on sentences of the grammar."""
    import torch

    torch.set_num_threads(1)
    model = random_model(tokenizer.get_vocab_size(), **more)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.2 if weight.dim() > 1 else 1.0)
    ids = [token for text in texts(600, seed=5) for token in (*tokenizer.encode(text).ids, 0)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    length, rows = 48, 16
    for step in range(steps):
        starts = [(step * rows + row) * 37 % (len(ids) - length) for row in range(rows)]
        batch = torch.tensor([ids[start : start + length] for start in starts])
        loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()
