"""Whatever is done to a finished store, it is refused with the file and the rule; nothing damaged is ever read."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.sample_stores import edit_receipt, read_verdicts, write_numbers, write_rows, write_verdicts
from winnow.errors import BadTable, BrokenPromise, UsageError, WinnowError
from winnow.storage.receipts import read_receipt
from winnow.storage.store import open_store
from winnow.tables.open_table import open_rows

FLIPS = 1000
CUTS = 100


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_numbers(tmp_path / "store", [range(5), range(5, 9), range(9, 10)])
    return tmp_path / "store"


def refused(folder: Path, name: str) -> bool:
    """Whether the store is refused for this file."""
    try:
        open_store(folder)
    except BrokenPromise as error:
        return Path(error.where).name == name and bool(error.problem and error.next_step)
    return False


def test_every_flipped_bit_is_refused_naming_its_file(store: Path) -> None:
    draws = random.Random(1)
    files = {path: path.read_bytes() for path in sorted(store.iterdir())}
    missed = []
    for _ in range(FLIPS):
        path, whole = draws.choice(list(files.items()))
        at, bit = draws.randrange(len(whole)), draws.randrange(8)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        if not refused(store, path.name):
            missed.append((path.name, at, bit))
        path.write_bytes(whole)
    assert missed == []
    open_store(store)


def test_every_truncation_is_refused_naming_its_file(store: Path) -> None:
    draws = random.Random(2)
    files = {path: path.read_bytes() for path in sorted(store.iterdir())}
    for _ in range(CUTS):
        path, whole = draws.choice(list(files.items()))
        path.write_bytes(whole[: draws.randrange(len(whole))])
        assert refused(store, path.name)
        path.write_bytes(whole)


def swap(store: Path) -> None:
    """Two shards under each other's names."""
    first, second = store / "part-00000.parquet", store / "part-00001.parquet"
    held = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(held)


def link(name: str) -> Callable[[Path], None]:
    """A file moved out of the store, with a link in its place."""

    def act(store: Path) -> None:
        (store / name).rename(store.parent / "elsewhere")
        (store / name).symlink_to(store.parent / "elsewhere")

    return act


def into_folder(store: Path) -> None:
    """A folder under the name of a shard."""
    (store / "part-00001.parquet").unlink()
    (store / "part-00001.parquet").mkdir()


DAMAGE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "shards swapped": (swap, "part-00000.parquet", "its sha256 differs"),
    "a shard gone": (lambda s: (s / "part-00002.parquet").unlink(), "part-00002.parquet", "is no file of the store"),
    "a shard that is a folder": (into_folder, "part-00001.parquet", "is no file of the store"),
    "a shard that is a link": (link("part-00001.parquet"), "part-00001.parquet", "is no file of the store"),
    "a receipt that is a link": (link("receipt.json"), "receipt.json", "is a link"),
    "a shard too many": (
        lambda s: shutil.copy(s / "part-00000.parquet", s / "part-00003.parquet"),
        "part-00003.parquet",
        "is in the store but not in its receipt",
    ),
    "a file beside the shards": (lambda s: (s / "notes.txt").write_text("x"), "notes.txt", "not in its receipt"),
    "an empty receipt": (lambda s: (s / "receipt.json").write_text(""), "receipt.json", "is not a receipt"),
    "a receipt that is a list": (lambda s: (s / "receipt.json").write_text("[]"), "receipt.json", "is not a receipt"),
    "a receipt with a space more": (
        lambda s: (s / "receipt.json").write_bytes((s / "receipt.json").read_bytes() + b" "), "receipt.json", "seal"
    ),
    "books edited so that they balance": (
        lambda s: (s / "receipt.json").write_text(
            (s / "receipt.json").read_text().replace('"in": 10', '"in": 9').replace('"keep": 10', '"keep": 9')
        ),
        "receipt.json",
        "is not as winnow wrote it (its seal differs)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_store_is_refused_naming_file_and_rule(kind: str, store: Path) -> None:
    act, name, rule = DAMAGE[kind]
    act(store)
    with pytest.raises(BrokenPromise) as caught:
        open_rows(store)
    assert Path(caught.value.where).name == name
    assert rule in str(caught.value)
    assert caught.value.exit_code == 4


SEALED_AGAIN: dict[str, tuple[tuple[str | int, ...], object, str]] = {
    "an identity": (("identity",), "0" * 64, "its identity does not follow"),
    "a setting": (("stage", "config", "by"), 2, "its identity does not follow"),
    "a source": (("source", "format"), "csv", "its identity does not follow"),
    "books that do not balance": (("books", "in"), 11, "its books do not balance"),
    "reasons that do not add up": (("books", "reasons"), {"odd": 1}, "its books do not balance"),
    "books of words": (("books", "in"), "10", "is not a receipt"),
    "no books": (("books",), None, "is not a receipt"),
    "another format": (("format",), "winnow-receipt-9", "has the format 'winnow-receipt-9'"),
    "a shard outside": (("shards", 0, "name"), "../part-00000.parquet", "names a shard outside its folder"),
    "a shard named by a number": (("shards", 0, "name"), 7, "is not a receipt"),
    "a shard's sha256": (("shards", 0, "sha256"), "0" * 64, "its sha256 differs"),
    "a shard's size": (("shards", 0, "bytes"), 1, "its sha256 differs"),
    "a shard's rows": (("shards", 0, "rows"), 4, "has another number of rows"),
    "shards of words": (("shards",), ["part"], "is not a receipt"),
}


@pytest.mark.parametrize("kind", SEALED_AGAIN)
def test_a_receipt_edited_by_somebody_who_seals_it_again_is_refused_where_it_contradicts(
    kind: str, store: Path
) -> None:
    keys, value, rule = SEALED_AGAIN[kind]
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
def whole() -> Iterator[tuple[Path, bytes]]:
    """A store that is made once, and its receipt."""
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
def test_no_receipt_however_odd_shows_a_traceback(
    keys: tuple[str | int, ...], value: object, whole: tuple[Path, bytes]
) -> None:
    receipt, content = whole
    receipt.write_bytes(content)
    edit_receipt(receipt, *keys, to=value)
    try:
        read_receipt(receipt)
    except WinnowError as error:
        assert error.exit_code == 4


def test_a_folder_without_a_receipt_was_never_finished(store: Path) -> None:
    (store / "receipt.json").unlink()
    with pytest.raises(UsageError, match="is not a finished store"):
        open_store(store)


@pytest.mark.parametrize("change", ["a byte", "a row more", "gone"])
def test_a_source_that_changed_since_is_refused_by_name(change: str, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "t.jsonl")
    write_verdicts(source, tmp_path / "v")
    whole = source.read_bytes()
    if change == "gone":
        source.unlink()
    else:
        source.write_bytes(whole.replace(b"q2", b"q9") if change == "a byte" else whole + whole[:1])
    kind, rule = (BadTable, "no longer there") if change == "gone" else (BrokenPromise, "has changed since")
    with pytest.raises(kind, match=rule) as caught:
        open_rows(tmp_path / "v")
    assert caught.value.where == str(source)


@pytest.mark.parametrize("name", ["source.jsonl", "part-00000.parquet", "receipt.json"])
def test_a_store_that_keeps_its_source_is_refused_when_any_of_its_files_changes(name: str, tmp_path: Path) -> None:
    write_verdicts(
        [json.loads(line) for line in write_rows(tmp_path / "t.jsonl").read_text().splitlines()], tmp_path / "v"
    )
    assert len(read_verdicts(tmp_path / "v")) == 6
    path = tmp_path / "v" / name
    whole = path.read_bytes()
    for at in range(0, len(whole), max(len(whole) // 40, 1)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(BrokenPromise) as caught:
            open_rows(tmp_path / "v")
        assert Path(caught.value.where).name == name
