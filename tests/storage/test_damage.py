"""A damaged store is refused with an error that names the file and the rule, whatever the damage."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fault_injection.damage_kinds import DAMAGE
from tests.storage.sample_stores import edit_receipt, read_verdicts, write_numbers, write_rows, write_verdicts
from winnow.errors import BadTable, BrokenPromise, UsageError, WinnowError
from winnow.storage.receipts import read_receipt
from winnow.storage.store import open_store
from winnow.tables.open_table import open_rows

FLIPPED_BITS = 1000
TRUNCATIONS = 100


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_numbers(tmp_path / "store", [range(5), range(5, 9), range(9, 10)])
    return tmp_path / "store"


def is_refused_for(folder: Path, name: str) -> bool:
    """Whether the store is refused with an error that names this file."""
    try:
        open_store(folder)
    except BrokenPromise as error:
        return Path(error.where).name == name and bool(error.problem and error.next_step)
    return False


def test_a_flipped_bit_is_refused_and_the_error_names_the_file(store: Path) -> None:
    rng = random.Random(1)
    files = {path: path.read_bytes() for path in sorted(store.iterdir())}
    missed = []
    for _ in range(FLIPPED_BITS):
        path, content_before = rng.choice(list(files.items()))
        at, bit = rng.randrange(len(content_before)), rng.randrange(8)
        path.write_bytes(content_before[:at] + bytes([content_before[at] ^ 1 << bit]) + content_before[at + 1 :])
        if not is_refused_for(store, path.name):
            missed.append((path.name, at, bit))
        path.write_bytes(content_before)
    assert missed == []
    open_store(store)


def test_a_truncation_is_refused_and_the_error_names_the_file(store: Path) -> None:
    rng = random.Random(2)
    files = {path: path.read_bytes() for path in sorted(store.iterdir())}
    for _ in range(TRUNCATIONS):
        path, content_before = rng.choice(list(files.items()))
        path.write_bytes(content_before[: rng.randrange(len(content_before))])
        assert is_refused_for(store, path.name)
        path.write_bytes(content_before)


@pytest.mark.parametrize("kind", DAMAGE)
def test_the_error_for_a_damaged_store_names_file_and_rule(kind: str, store: Path) -> None:
    damage, name, rule = DAMAGE[kind]
    damage(store)
    with pytest.raises(BrokenPromise) as caught:
        open_rows(store)
    assert Path(caught.value.where).name == name
    assert rule in str(caught.value)
    assert caught.value.exit_code == 4


RESEALED: dict[str, tuple[tuple[str | int, ...], object, str]] = {
    "an identity": (("identity",), "0" * 64, "its identity does not follow"),
    "a setting": (("stage", "config", "by"), 2, "its identity does not follow"),
    "a source": (("source", "format"), "csv", "its identity does not follow"),
    "row counts that do not add up": (("books", "in"), 11, "its row counts do not add up"),
    "reasons that do not add up": (("books", "reasons"), {"odd": 1}, "its row counts do not add up"),
    "a row count that is text": (("books", "in"), "10", "is not a receipt"),
    "no row counts": (("books",), None, "is not a receipt"),
    "another format": (("format",), "winnow-receipt-9", "has the format 'winnow-receipt-9'"),
    "a shard outside of the folder": (
        ("shards", 0, "name"),
        "../part-00000.parquet",
        "names a shard outside its folder",
    ),
    "a shard named by a number": (("shards", 0, "name"), 7, "is not a receipt"),
    "a shard's sha256": (("shards", 0, "sha256"), "0" * 64, "its sha256 differs"),
    "a shard's size": (("shards", 0, "bytes"), 1, "its sha256 differs"),
    "a shard's rows": (("shards", 0, "rows"), 4, "has another number of rows"),
    "shards that are text": (("shards",), ["part"], "is not a receipt"),
}


@pytest.mark.parametrize("kind", RESEALED)
def test_an_edited_receipt_that_was_sealed_again_is_refused_if_it_contradicts_itself_or_the_files(
    kind: str, store: Path
) -> None:
    keys, value, rule = RESEALED[kind]
    edit_receipt(store / "receipt.json", *keys, to=value)
    with pytest.raises(BrokenPromise, match=rule.replace("(", r"\(")):
        open_store(store)


def test_a_store_without_shards_is_refused(tmp_path: Path) -> None:
    write_numbers(tmp_path / "store", [range(1)])
    (tmp_path / "store" / "part-00000.parquet").unlink()
    edit_receipt(tmp_path / "store" / "receipt.json", "shards", to=[])
    with pytest.raises(BrokenPromise, match="names no shard"):
        open_store(tmp_path / "store")


@pytest.fixture(scope="session")
def whole_receipt() -> Iterator[tuple[Path, bytes]]:
    """Return the path and content of the receipt of a store that is written once."""
    with tempfile.TemporaryDirectory() as folder:
        write_numbers(Path(folder) / "store", [range(2)])
        receipt = Path(folder) / "store" / "receipt.json"
        yield receipt, receipt.read_bytes()


MEMBERS: list[tuple[str | int, ...]] = [
    *((name,) for name in ("format", "kind", "stage", "source", "books", "shards")),
    ("books", "reasons"),
    ("stage", "config"),
    ("shards", 0),
    ("shards", 0, "rows"),
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(keys=st.sampled_from(MEMBERS), value=ANYTHING)
def test_any_value_in_a_receipt_is_accepted_or_refused_with_an_error_of_winnow(
    keys: tuple[str | int, ...], value: object, whole_receipt: tuple[Path, bytes]
) -> None:
    receipt, content = whole_receipt
    receipt.write_bytes(content)
    edit_receipt(receipt, *keys, to=value)
    try:
        read_receipt(receipt)
    except WinnowError as error:
        assert error.exit_code == 4


def test_a_folder_without_a_receipt_is_not_a_finished_store(store: Path) -> None:
    (store / "receipt.json").unlink()
    with pytest.raises(UsageError, match="is not a finished store"):
        open_store(store)


@pytest.mark.parametrize("change", ["a byte", "an extra row", "removed"])
def test_the_error_for_a_changed_source_names_the_source(change: str, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "t.jsonl")
    write_verdicts(source, tmp_path / "v")
    content_before = source.read_bytes()
    if change == "removed":
        source.unlink()
    else:
        source.write_bytes(
            content_before.replace(b"q2", b"q9") if change == "a byte" else content_before + content_before[:1]
        )
    kind, rule = (BadTable, "no longer there") if change == "removed" else (BrokenPromise, "has changed since")
    with pytest.raises(kind, match=rule) as caught:
        open_rows(tmp_path / "v")
    assert caught.value.where == str(source)


@pytest.mark.parametrize("name", ["source.jsonl", "part-00000.parquet", "receipt.json"])
def test_a_store_with_an_embedded_source_is_refused_when_any_of_its_files_changes(name: str, tmp_path: Path) -> None:
    write_verdicts(
        [json.loads(line) for line in write_rows(tmp_path / "t.jsonl").read_text().splitlines()], tmp_path / "v"
    )
    assert len(read_verdicts(tmp_path / "v")) == 6
    path = tmp_path / "v" / name
    content_before = path.read_bytes()
    for at in range(0, len(content_before), max(len(content_before) // 40, 1)):
        path.write_bytes(content_before[:at] + bytes([content_before[at] ^ 4]) + content_before[at + 1 :])
        with pytest.raises(BrokenPromise) as caught:
            open_rows(tmp_path / "v")
        assert Path(caught.value.where).name == name
