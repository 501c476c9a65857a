"""Configurations, vocabularies and files of small models, and the error without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.tiny.huggingface_peers import random_model
from winnow.errors import BrokenPromise, UsageError
from winnow.models.tiny import ModelConfig, Sampling, TinyModel
from winnow.models.tiny.vocabulary import UNKNOWN, Vocabulary, build_vocabulary
from winnow.models.tiny_config import model_config_from

PAIR = ModelConfig("encoder-decoder", "words", 16, 2, 1, 1, 24)


@given(st.text(), st.sampled_from(["characters", "prose"]))
def test_a_text_is_decoded_as_it_was_encoded(text: str, pieces: str) -> None:
    vocabulary = build_vocabulary(model_config_from({"kind": "decoder", "tokenizer": pieces}), [], [text])
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_prose_keeps_words_with_their_space_and_digits_apart() -> None:
    vocabulary = Vocabulary("prose", ())
    assert vocabulary.split("Ann has 37 nuts.") == ["Ann", " has", " ", "3", "7", " nuts", "."]


def test_parts_of_a_word_share_a_position_of_the_input_alone() -> None:
    vocabulary = build_vocabulary(PAIR, ["+|12|E0 x |y | a||b"], ["+ 12"])
    assert set(vocabulary.entries) == {"+", "12", "E0", "x", "|y", "|", "a||b"}
    assert [len(position) for position in vocabulary.encode_positions("+|12|E0 x |y |")] == [3, 1, 1, 1]
    assert UNKNOWN in vocabulary.encode("+|12|E0")


def test_the_order_of_the_rows_does_not_change_the_vocabulary() -> None:
    assert build_vocabulary(PAIR, ["b a", "c"], ["d"]) == build_vocabulary(PAIR, ["c", "a b"], ["d"])


def test_the_parts_of_a_position_come_in_any_order() -> None:
    model = TinyModel(PAIR, build_vocabulary(PAIR, ["+|1 -|2"], ["x y"]), 3)
    first, second = model.logprobs(["+|1 -|2", "1|+ 2|-"], ["x y", "x y"])
    assert first == pytest.approx(second, abs=1e-5)
    assert first != pytest.approx(model.logprobs(["+|2 -|1"], ["x y"])[0], abs=1e-5)


def test_a_saved_model_writes_the_same(tmp_path: Path) -> None:
    model = random_model(ModelConfig("decoder", "characters", 16, 2, 0, 2, 32))
    model.save(tmp_path / "m")
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["config.json", "model.safetensors"]
    assert TinyModel.load(tmp_path / "m").complete(["abc"], Sampling(5)) == model.complete(["abc"], Sampling(5))
    (tmp_path / "m" / "config.json").write_text('{"format": "winnow-tiny-9"}')
    with pytest.raises(BrokenPromise, match="its format is 'winnow-tiny-9'"):
        TinyModel.load(tmp_path / "m")
    with pytest.raises(UsageError, match="contains no model"):
        TinyModel.load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "decodr"}, "kind: is 'decodr', which is not known. Did you mean 'decoder'"),
        ({"width": 10, "heads": 4}, "width: is 10, which is not a multiple of 4 heads"),
        ({"encoder_layers": 0}, "encoder_layers: is 0, but must be a whole number of at least 1"),
        ({"widht": 8}, "widht: is not a setting of a model. Did you mean 'width'"),
    ],
)
def test_an_impossible_configuration_is_refused_by_name(settings: dict[str, int | str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        model_config_from(dict(settings))


def test_a_missing_torch_names_what_to_install() -> None:
    code = "import sys; sys.modules['torch'] = None; import winnow; winnow.train([{'prompt': 'a', 'text': 'b'}])"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "EnvironmentFault: torch: is not installed" in completed.stderr
    assert "pip install 'winnow-data[train]'" in completed.stderr
