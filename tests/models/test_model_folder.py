"""A model that cannot be read is refused with the reason, before any code of it runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.stages.edit.fixture_models import byte_level, random_model, saved
from winnow.errors import UsageError
from winnow.models.huggingface import HuggingFacePrior, ReadOptions
from winnow.models.model_folder import hash_model_files
from winnow.models.stored_logprobs import StoredLogprobs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return saved(tmp_path / "model", byte_level(300))


def refusal(folder: Path | str, options: ReadOptions | None = None) -> str:
    with pytest.raises(UsageError) as error:
        HuggingFacePrior(str(folder), options)
    return str(error.value)


def test_a_name_that_is_not_a_folder_is_refused_and_not_downloaded() -> None:
    assert "'gpt2' is not a folder" in refusal("gpt2")


def test_a_folder_without_a_configuration_or_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    assert "has no config.json" in refusal(tmp_path)
    weights = next(folder.glob("*.safetensors"))
    weights.rename(folder / "pytorch_model.bin")
    assert "pytorch_model.bin is not read, because it could contain code" in refusal(folder)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"model_type": "no such thing"}', '{"model_type": "bert"}'])
def test_a_configuration_of_no_causal_model_is_refused(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    assert refusal(folder)


def test_code_of_the_folder_never_runs(folder: Path) -> None:
    mark = folder / "ran"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')")
    config = json.loads((folder / "config.json").read_text())
    for more in ({"model_type": "evil"}, {}):
        content = {**config, **more, "auto_map": {"AutoModelForCausalLM": "evil.Model", "AutoConfig": "evil.Config"}}
        if not more:
            del content["model_type"]
        (folder / "config.json").write_text(json.dumps(content))
        assert refusal(folder)
    assert not mark.exists()


def test_weights_that_are_damaged_or_lacking_are_refused(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = next(folder.glob("*.safetensors"))
    whole = load_file(weights)
    save_file({name: weight for name, weight in whole.items() if "h.1." not in name}, weights, {"format": "pt"})
    assert "lacks weights" in refusal(folder)
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "damaged" in refusal(folder)


def test_a_tokenizer_that_is_missing_damaged_or_of_another_model_is_refused(folder: Path) -> None:
    byte_level(500).save(str(folder / "tokenizer.json"))
    assert "tokens and the model 300" in refusal(folder)
    (folder / "tokenizer.json").write_text("{}")
    assert "is not a tokenizer" in refusal(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink(missing_ok=True)
    assert "no fast tokenizer" in refusal(folder)
    with pytest.raises(UsageError, match=r"has no tokenizer\.json"):
        StoredLogprobs(str(folder), "prompt_logprobs")


def test_the_older_files_of_a_fast_tokenizer_are_read_too(folder: Path) -> None:
    text = "the captain walks slowly"
    whole = HuggingFacePrior(str(folder)).tokenizer
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(pairs) + "\n")
    (folder / "tokenizer.json").unlink()
    config = {
        "tokenizer_class": "GPT2Tokenizer",
        "unk_token": "<|end|>",
        "bos_token": "<|end|>",
        "eos_token": "<|end|>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    older = HuggingFacePrior(str(folder)).tokenizer
    assert next(older.encode([text])).ids.tolist() == next(whole.encode([text])).ids.tolist()


def test_windows_beyond_the_model_and_missing_devices_are_refused(folder: Path) -> None:
    assert "from 4 to 256, the limit of the model" in refusal(folder, ReadOptions(window=257))
    assert "half of the window" in refusal(folder, ReadOptions(window=64, overlap=33))
    assert "is not available" in refusal(folder, ReadOptions(device="tpu"))


def test_the_identity_of_a_model_is_its_configuration_weights_and_tokenizer(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "README.md").write_text("words")
    assert hash_model_files(copy) == hash_model_files(folder)
    random_model(300, seed=1).save_pretrained(str(copy))
    assert hash_model_files(copy) != hash_model_files(folder)
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(hash_model_files(folder))
