"""Hugging Face models with the weights of ours, to compare their decoding with ours."""

from __future__ import annotations

from typing import Any

import torch

from winnow.models.tiny import ModelConfig, TinyModel, Vocabulary
from winnow.models.tiny.network import TransformerBlock
from winnow.models.tiny.vocabulary import BEGIN, END, PADDING

NEVER = -1e9
LETTERS = tuple("abcdefghij")


def random_model(shape: ModelConfig, seed: int = 0, std: float = 0.3, max_new_tokens: int = 8) -> TinyModel:
    """A model with random weights large enough for uneven distributions."""
    torch.set_num_threads(1)
    model = TinyModel(shape, Vocabulary(shape.tokenizer, LETTERS), max_new_tokens)
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.add_(torch.randn(weight.shape, generator=draws) * std)
        model.network.tokens.weight[PADDING] = 0
    return model


def peer(model: TinyModel) -> Any:
    """GPT-2 or Blenderbot with the same weights; tokens without a logit in ours are made impossible."""
    theirs = _gpt2(model) if model.model_config.kind == "decoder" else _blenderbot(model)
    theirs.lm_head = torch.nn.Linear(model.model_config.width, len(model.vocabulary))
    with torch.no_grad():
        theirs.lm_head.weight.copy_(model.network.tokens.weight)
        theirs.lm_head.bias.zero_()
        theirs.lm_head.bias[:END] = NEVER
    return theirs.eval()


def _gpt2(model: TinyModel) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = model.model_config
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(model.vocabulary),
            n_positions=shape.context,
            n_embd=shape.width,
            n_layer=shape.decoder_layers,
            n_head=shape.heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=BEGIN,
            eos_token_id=END,
            pad_token_id=PADDING,
            tie_word_embeddings=False,
        )
    )
    ours, inner = model.network, theirs.transformer
    with torch.no_grad():
        inner.wte.weight.copy_(ours.tokens.weight)
        inner.wpe.weight.copy_(ours.places.weight)
        _copy(inner.ln_f, ours.norm)
        for there, here in zip(inner.h, ours.decoder, strict=True):
            assert isinstance(here, TransformerBlock)
            _copy(there.ln_1, here.first)
            _copy(there.ln_2, here.third)
            for conv, linear in (
                (there.attn.c_attn, here.attention.into),
                (there.attn.c_proj, here.attention.out),
                (there.mlp.c_fc, here.up),
                (there.mlp.c_proj, here.down),
            ):
                conv.weight.copy_(linear.weight.T)
                conv.bias.copy_(linear.bias)
    return theirs


def _blenderbot(model: TinyModel) -> Any:
    from transformers import BlenderbotConfig, BlenderbotForConditionalGeneration

    shape = model.model_config
    theirs = BlenderbotForConditionalGeneration(
        BlenderbotConfig(
            vocab_size=len(model.vocabulary),
            max_position_embeddings=shape.context,
            d_model=shape.width,
            encoder_layers=shape.encoder_layers,
            decoder_layers=shape.decoder_layers,
            encoder_attention_heads=shape.heads,
            decoder_attention_heads=shape.heads,
            encoder_ffn_dim=4 * shape.width,
            decoder_ffn_dim=4 * shape.width,
            activation_function="gelu_new",
            dropout=0.0,
            attention_dropout=0.0,
            decoder_start_token_id=BEGIN,
            bos_token_id=BEGIN,
            eos_token_id=END,
            pad_token_id=PADDING,
            forced_eos_token_id=None,
            encoder_no_repeat_ngram_size=0,
            scale_embedding=False,
            tie_word_embeddings=False,
        )
    )
    ours, inner = model.network, theirs.model
    with torch.no_grad():
        for embedding in (inner.shared, inner.encoder.embed_tokens, inner.decoder.embed_tokens):
            embedding.weight.copy_(ours.tokens.weight)
        inner.encoder.embed_positions.weight.copy_(ours.read_places.weight)
        inner.decoder.embed_positions.weight.copy_(ours.places.weight)
        _copy(inner.encoder.layer_norm, ours.read_norm)
        _copy(inner.decoder.layer_norm, ours.norm)
        for layers, blocks in ((inner.encoder.layers, ours.encoder), (inner.decoder.layers, ours.decoder)):
            for there, here in zip(layers, blocks, strict=True):
                assert isinstance(here, TransformerBlock)
                _attention(there.self_attn, here.attention)
                _copy(there.self_attn_layer_norm, here.first)
                _copy(there.final_layer_norm, here.third)
                _copy(there.fc1, here.up)
                _copy(there.fc2, here.down)
                if here.across is not None:
                    _attention(there.encoder_attn, here.across)
                    _copy(there.encoder_attn_layer_norm, here.second)
    return theirs


def _attention(there: Any, here: Any) -> None:
    width = here.out.weight.shape[0]
    for number, linear in enumerate((there.q_proj, there.k_proj, there.v_proj)):
        linear.weight.copy_(here.into.weight[number * width : (number + 1) * width])
        linear.bias.copy_(here.into.bias[number * width : (number + 1) * width])
    _copy(there.out_proj, here.out)


def _copy(there: Any, here: Any) -> None:
    there.weight.copy_(here.weight)
    there.bias.copy_(here.bias)
