"""An appended entry is read back unchanged, in order, once for each key."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.errors import UsageError
from winnow.storage.journal.files import MAX_DOCUMENT_BYTES, MAX_KEY_BYTES
from winnow.storage.journal.journal import Journal, JournalReader

TEXT = st.text(st.characters(codec=None), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=50)


@given(st.dictionaries(KEYS, JSON, max_size=12))
def test_every_json_document_and_key_is_read_back_unchanged(values: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        with Journal(path) as journal:
            futures = [journal.append("reply", key, value) for key, value in values.items()]
        with JournalReader(path) as journal:
            assert [(entry.key, entry.value) for entry in journal.entries("reply")] == list(values.items())
            assert [journal.get("reply", key) for key in values] == [future.result().entry for future in futures]
            assert journal.keys("reply") == set(values)
            assert journal.check() == journal.count("reply") == len(values)


def test_a_document_is_canonical_json_and_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        appended = journal.append("reply", "k", {"b": [1, 2.5, "é"], "a": None, "half": "\ud83d"}).result()
        again = journal.get("reply", "k")
    assert appended.entry.document == '{"a":null,"b":[1,2.5,"é"],"half":"\ud83d"}'.encode("utf-8", "surrogatepass")
    assert again == appended.entry


def test_a_key_keeps_its_first_document_and_a_second_append_reports_it(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        first, second = journal.append("reply", "k", 1), journal.append("reply", "k", 2)
        assert first.result().is_new and not second.result().is_new
        assert second.result().entry == first.result().entry
    with Journal(tmp_path / "j") as journal:
        third, other = journal.append("reply", "k", 3), journal.append("label", "k", 4)
        assert (third.result().is_new, third.result().entry.value) == (False, 1)
        assert (other.result().is_new, other.result().entry.seq) == (True, 2)
        assert journal.check() == 2


def test_entries_are_numbered_without_gaps_in_the_order_they_were_appended(tmp_path: Path) -> None:
    for begin in (0, 100, 200):
        with Journal(tmp_path / "j") as journal:
            for number in range(begin, begin + 150):
                journal.append("ab"[number % 2], str(number), number)
    with JournalReader(tmp_path / "j") as journal:
        assert [(entry.seq, entry.value) for entry in journal.entries()] == [(n + 1, n) for n in range(350)]
        assert [entry.value for entry in journal.entries("b")] == list(range(1, 350, 2))
        assert (journal.count("a"), journal.count("b"), journal.count("c")) == (175, 175, 0)
        assert journal.get("a", "1") is None


def test_a_reader_sees_entries_that_are_appended_while_it_is_open(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal, JournalReader(tmp_path / "j") as reader, JournalReader(tmp_path / "j"):
        assert reader.get("reply", "k") is None
        journal.append("reply", "k", 1).result()
        found = reader.get("reply", "k")
        assert found is not None and found.value == 1


@pytest.mark.parametrize("kind", ["", "Reply", "two words", "1st", "a" * 33, "é", "reply\n"])
def test_a_kind_that_is_not_a_short_word_is_refused(kind: str, tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal, pytest.raises(UsageError, match="kind: .* is not a kind"):
        journal.append(kind, "k", 1)


@pytest.mark.parametrize("key", ["", "\ud83d", "k" * (MAX_KEY_BYTES + 1), "é" * (MAX_KEY_BYTES // 2 + 1)])
def test_a_key_that_is_not_a_short_text_is_refused(key: str, tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal, pytest.raises(UsageError, match="key: .* is not a key"):
        journal.append("reply", key, 1)


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}, b"bytes", {1: 2, "a": 3}, [10**5000], object()])
def test_a_value_that_is_not_json_is_refused_and_the_journal_stays_usable(value: object, tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        with pytest.raises(UsageError, match="reply 'k': the value is not a JSON document"):
            journal.append("reply", "k", value)
        assert journal.append("reply", "k", 1).result().is_new


def test_a_value_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with Journal(tmp_path / "j") as journal, pytest.raises(UsageError, match="not a JSON document"):
        journal.append("reply", "k", deep)


def test_a_document_over_the_size_limit_is_refused_and_one_at_the_limit_is_stored(tmp_path: Path) -> None:
    largest = "x" * (MAX_DOCUMENT_BYTES - len('""'))
    with Journal(tmp_path / "j") as journal:
        with pytest.raises(UsageError, match=f"{MAX_DOCUMENT_BYTES + 1} bytes"):
            journal.append("reply", "k", largest + "x")
        assert journal.append("reply", "k", largest).result().entry.value == largest
        found = journal.get("reply", "k")
    assert found is not None and found.document == json.dumps(largest).encode()


def test_a_journal_that_is_not_open_cannot_be_used(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    with pytest.raises(UsageError, match="not open"):
        journal.append("reply", "k", 1)
    with journal:
        pass
    with pytest.raises(UsageError, match="not open"):
        journal.append("reply", "k", 1)
    with pytest.raises(UsageError, match="not open"):
        journal.get("reply", "k")
    with pytest.raises(UsageError, match="opened before"), journal:
        pass
