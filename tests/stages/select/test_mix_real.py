"""Mixed-in real rows: the requested share, no evaluation prompts, the same rows for the control."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import winnow
from tests.stages.select.tables import FORMS, csv, jsonl, parquet
from winnow.storage.receipts import read_receipt

ROWS = [{"n": n, "question": f"q{n % 5}", "text": f"t{n}", "score": n / 50} for n in range(50)]
REAL = [{"n": 1000 + n, "question": f"real {n}", "text": f"by hand {n}", "score": 1.0} for n in range(200)]


def split_real(rows: Any) -> tuple[list[int], list[int]]:
    """The numbers of the selected rows, and those of the real ones."""
    both = [(int(row["n"]), row["winnow_rule"] == "real") for row in rows]
    return [n for n, real in both if not real], [n for n, real in both if real]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.3, 0.5, 2 / 3, 0.9])
@pytest.mark.parametrize("kept", [1, 7, 20])
def test_the_real_share_is_as_close_as_whole_rows_allow(share: float, kept: int) -> None:
    chosen = winnow.select(ROWS, max_rows=kept, mix_real=REAL, real_share=share)
    selected, real = split_real(chosen)
    exact = Fraction(share).limit_denominator(100) / (1 - Fraction(share).limit_denominator(100)) * kept
    assert len(selected) == kept
    assert len(real) == math.floor(exact + Fraction(1, 2))
    assert (chosen.summary["selected"], chosen.summary["real"]) == (kept, len(real))
    assert chosen.summary["rows"] == len(chosen) == kept + len(real)


def test_real_rows_follow_the_selected_rows_unchanged_and_once_each() -> None:
    chosen = list(winnow.select(ROWS, threshold=0.5, mix_real=REAL, real_share=0.5))
    selected, real = split_real(chosen)
    assert selected == list(range(25, 50))
    assert real == sorted(set(real))
    rest = [{name: value for name, value in row.items() if not name.startswith("winnow_")} for row in chosen[25:]]
    assert rest == [REAL[n - 1000] for n in real]
    assert {row["winnow_weight"] for row in chosen} == {1.0}


def test_another_seed_draws_other_real_rows() -> None:
    first, again, other = (
        split_real(winnow.select(ROWS, threshold=0.5, mix_real=REAL, real_share=0.5, seed=seed))[1]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("form", FORMS)
def test_the_same_real_rows_are_drawn_from_every_format(form: str, tmp_path: Path) -> None:
    chosen = winnow.select(ROWS, threshold=0.5, mix_real=FORMS[form](REAL, tmp_path), real_share=0.5)
    assert split_real(chosen) == split_real(winnow.select(ROWS, threshold=0.5, mix_real=REAL, real_share=0.5))


def test_too_few_real_rows_are_refused_and_the_suggested_share_works() -> None:
    many = pa.table({"n": range(1000), "text": ["t"] * 1000})
    for count in (1, 3, 50, 199):
        rules: dict[str, Any] = {"max_rows": 997, "mix_real": REAL[:count]}
        with pytest.raises(winnow.UsageError, match=rf"needs 997 real rows and rows has {count}\.") as refused:
            winnow.select(many, real_share=0.5, **rules)
        suggested = re.search(r"Use at most ([0-9.]+),", str(refused.value))
        assert suggested
        chosen = winnow.select(many, real_share=float(suggested[1]), **rules)
        assert count - 3 <= chosen.summary["real"] <= count


def test_evaluation_prompts_are_never_mixed_in(tmp_path: Path) -> None:
    rules: dict[str, Any] = {"threshold": 0.0, "mix_real": REAL, "exclude": [{"prompt": "REAL 7!"}, {"prompt": "q3"}]}
    chosen = winnow.select(ROWS, real_share=0.8, max_rows=49, **rules)
    selected, real = split_real(chosen)
    assert 1007 not in real
    assert not [n for n in selected if n % 5 == 3]
    only = [{"prompt": row["question"]} for row in REAL[:150]]
    chosen = winnow.select(ROWS, max_rows=50, mix_real=REAL, real_share=0.5, exclude=only)
    assert split_real(chosen)[1] == list(range(1150, 1200))
    with pytest.raises(winnow.UsageError, match="needs 50 real rows and rows has 49"):
        winnow.select(ROWS, max_rows=50, mix_real=REAL[:199], real_share=0.5, exclude=only)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_the_control_has_the_same_real_rows(ending: str, tmp_path: Path) -> None:
    out, control = tmp_path / f"s.{ending}", tmp_path / f"c.{ending}"
    chosen = winnow.select(
        parquet(ROWS, tmp_path), best_of=4, out=out, control=control, mix_real=jsonl(REAL, tmp_path), real_share=0.4
    )
    assert chosen.control is not None
    assert split_real(chosen)[1] == split_real(chosen.control)[1]
    assert len(chosen) == len(chosen.control) == 8
    assert [row["winnow_rule"] for row in chosen.control] == ["control"] * 5 + ["real"] * 3


def test_the_receipt_counts_real_rows_in_the_file_but_not_in_the_row_counts(tmp_path: Path) -> None:
    chosen = winnow.select(ROWS, threshold=0.5, out=tmp_path / "s.jsonl", mix_real=REAL, real_share=0.5)
    receipt = read_receipt(tmp_path / "s.jsonl.receipt.json")
    assert (receipt.books.rows_in, receipt.books.keep, receipt.shards[0].rows) == (50, 25, 50)
    assert len(chosen) == 50


def test_a_store_refuses_real_rows(tmp_path: Path) -> None:
    for places in ({"out": tmp_path / "s"}, {"control": tmp_path / "c"}):
        with pytest.raises(winnow.UsageError, match=r"real rows have no candidate id.*Write a flat file"):
            winnow.select(ROWS, threshold=0.5, mix_real=REAL, real_share=0.5, **places)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("ending", "unlike"), [("csv", {"by": "Ann"}), ("parquet", {"by": "Ann"}), ("parquet", {"score": "high"})]
)
def test_a_typed_file_refuses_real_rows_with_other_columns(unlike: dict[str, Any], ending: str, tmp_path: Path) -> None:
    real, name = [{**row, **unlike} for row in REAL], next(iter(unlike))
    with pytest.raises(winnow.UsageError, match=rf"has a column '{name}'.*Write \.jsonl"):
        winnow.select(ROWS, threshold=0.5, out=tmp_path / f"s.{ending}", mix_real=real, real_share=0.5)
    assert not list(tmp_path.iterdir())
    chosen = winnow.select(ROWS, threshold=0.5, out=tmp_path / "s.jsonl", mix_real=real, real_share=0.5)
    assert split_real(chosen)[0] == list(range(25, 50))
    assert chosen.to_list()[-1].items() >= unlike.items()


@pytest.mark.parametrize("ending", ["csv", "parquet", None])
@pytest.mark.parametrize("form", ["parquet", "jsonl", "dictionaries"])
def test_real_rows_may_lack_columns_and_have_them_in_another_order(
    form: str, ending: str | None, tmp_path: Path
) -> None:
    table = pa.table({"text": [row["text"] for row in REAL], "n": [row["n"] for row in REAL]})
    pq.write_table(table, tmp_path / "real.parquet")
    out = tmp_path / f"s.{ending}" if ending else None
    rows = FORMS[form](ROWS, tmp_path)
    chosen = winnow.select(rows, threshold=0.5, out=out, mix_real=tmp_path / "real.parquet", real_share=0.5)
    columns = ["n", "question", "text", "score", "winnow_rule", "winnow_weight"]
    assert chosen.to_arrow().schema.names == columns
    last = chosen.to_arrow().to_pylist()[-1]
    assert (last["question"], last["score"], last["winnow_rule"]) == (None, None, "real")
    assert last["text"] == f"by hand {int(last['n']) - 1000}"


def test_real_rows_from_csv_are_written_to_csv(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    out = tmp_path / "s.csv"
    chosen = winnow.select(
        csv(ROWS, tmp_path), threshold=0.5, out=out, mix_real=csv(REAL, tmp_path / "real"), real_share=0.5
    )
    assert split_real(chosen) == split_real(winnow.select(ROWS, threshold=0.5, mix_real=REAL, real_share=0.5))
