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
    peer_model = _gpt2(model) if model.model_config.kind == "decoder" else _blenderbot(model)
    peer_model.lm_head = torch.nn.Linear(model.model_config.width, len(model.vocabulary))
    with torch.no_grad():
        peer_model.lm_head.weight.copy_(model.network.tokens.weight)
        peer_model.lm_head.bias.zero_()
        peer_model.lm_head.bias[:END] = NEVER
    return peer_model.eval()


def _gpt2(model: TinyModel) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = model.model_config
    peer_model = GPT2LMHeadModel(
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
    network, inner = model.network, peer_model.transformer
    with torch.no_grad():
        inner.wte.weight.copy_(network.tokens.weight)
        inner.wpe.weight.copy_(network.places.weight)
        _copy(inner.ln_f, network.norm)
        for copy, original in zip(inner.h, network.decoder, strict=True):
            assert isinstance(original, TransformerBlock)
            _copy(copy.ln_1, original.first)
            _copy(copy.ln_2, original.third)
            for conv, linear in (
                (copy.attn.c_attn, original.attention.into),
                (copy.attn.c_proj, original.attention.out),
                (copy.mlp.c_fc, original.up),
                (copy.mlp.c_proj, original.down),
            ):
                conv.weight.copy_(linear.weight.T)
                conv.bias.copy_(linear.bias)
    return peer_model


def _blenderbot(model: TinyModel) -> Any:
    from transformers import BlenderbotConfig, BlenderbotForConditionalGeneration

    shape = model.model_config
    peer_model = BlenderbotForConditionalGeneration(
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
    network, inner = model.network, peer_model.model
    with torch.no_grad():
        for embedding in (inner.shared, inner.encoder.embed_tokens, inner.decoder.embed_tokens):
            embedding.weight.copy_(network.tokens.weight)
        inner.encoder.embed_positions.weight.copy_(network.read_places.weight)
        inner.decoder.embed_positions.weight.copy_(network.places.weight)
        _copy(inner.encoder.layer_norm, network.read_norm)
        _copy(inner.decoder.layer_norm, network.norm)
        for layers, blocks in ((inner.encoder.layers, network.encoder), (inner.decoder.layers, network.decoder)):
            for copy, original in zip(layers, blocks, strict=True):
                assert isinstance(original, TransformerBlock)
                _attention(copy.self_attn, original.attention)
                _copy(copy.self_attn_layer_norm, original.first)
                _copy(copy.final_layer_norm, original.third)
                _copy(copy.fc1, original.up)
                _copy(copy.fc2, original.down)
                if original.has_across:
                    _attention(copy.encoder_attn, original.across)
                    _copy(copy.encoder_attn_layer_norm, original.second)
    return peer_model


def _attention(copy: Any, original: Any) -> None:
    width = original.out.weight.shape[0]
    for number, linear in enumerate((copy.q_proj, copy.k_proj, copy.v_proj)):
        linear.weight.copy_(original.into.weight[number * width : (number + 1) * width])
        linear.bias.copy_(original.into.bias[number * width : (number + 1) * width])
    _copy(copy.out_proj, original.out)


def _copy(copy: Any, original: Any) -> None:
    copy.weight.copy_(original.weight)
    copy.bias.copy_(original.bias)
