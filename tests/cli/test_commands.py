"""The contract of the command line: text, JSON, exit codes, and no traceback for wrong input."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from winnow.cli.main import all_commands

ROWS = [
    {"task": f"q{i // 3}", "answer": str(i % 3), "gold": str(i // 3 % 3), "judge": i / 10, "extra": {"n": [i, None]}}
    for i in range(12)
]
COLUMNS = ("--prompt", "task", "--text", "answer", "--reference", "gold")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_store_and_a_flat_file_lead_to_the_same_selection(winnow: Any, table: Path, tmp_path: Path) -> None:
    for out in ("v", "v.jsonl"):
        assert winnow("verify", "t.jsonl", *COLUMNS, "--with", "exact", "--out", out).returncode == 0
    assert winnow("select", "v", "--passed", "--out", "s.jsonl").returncode == 0
    assert winnow("select", "v.jsonl", "--passed", "--out", "s2.jsonl").returncode == 0
    right = [row for row in ROWS if row["answer"] == row["gold"]]
    assert lines(tmp_path / "s.jsonl") == [{**row, "winnow_rule": "passed", "winnow_weight": 1.0} for row in right]
    flat = lines(tmp_path / "s2.jsonl")
    assert [{k: v for k, v in row.items() if not k.startswith("exact.")} for row in flat] == lines(tmp_path / "s.jsonl")


def test_json_is_one_document_on_stdout_and_text_is_on_stderr(winnow: Any, table: Path) -> None:
    done = winnow("verify", "t.jsonl", *COLUMNS, "--with", "exact,number", "--out", "v", "--json")
    summary = json.loads(done.stdout)
    assert summary["rows"] == 12
    assert [verifier["name"] for verifier in summary["verifiers"]] == ["exact", "number"]
    assert summary["columns"]["text"] == "answer"
    assert done.stderr.startswith("columns: prompt=task")
    by_judge = ("--no-passed", "--best-of", "2", "--score", "judge")
    selected = json.loads(winnow("select", "v", *by_judge, "--out", "b.csv", "--json").stdout)
    assert (selected["rows"], selected["rows_in"], selected["rule"]) == (4, 12, "best 1 of 2")
    assert selected["shift"]["answers_per_prompt"] == {"raw": 3.0, "kept": 1.0}


def test_standard_input_is_a_table_and_its_rows_are_kept_in_the_store(winnow: Any, table: Path, tmp_path: Path) -> None:
    text = table.read_text()
    assert winnow("verify", "-", *COLUMNS, "--with", "exact", "--out", "v", stdin=text).returncode == 0
    table.unlink()
    assert winnow("select", "v", "--passed", "--out", "s.jsonl").returncode == 0
    assert len(lines(tmp_path / "s.jsonl")) == sum(row["answer"] == row["gold"] for row in ROWS)


def test_a_bad_row_on_standard_input_is_named_by_line(winnow: Any) -> None:
    done = winnow("verify", "-", "--with", "exact", stdin='{"text": "a", "reference": "a"}\n{"text": }\n')
    assert done.returncode == 2
    assert "standard input:2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "none.jsonl", "--with", "exact"), "none.jsonl: does not exist"),
        (("verify", "t.jsonl", "--text", "anser", "--with", "exact"), "Did you mean 'answer'"),
        (("verify", "t.jsonl", *COLUMNS, "--with", "exakt"), "Did you mean 'exact'"),
        (("verify", "t.jsonl", *COLUMNS, "--with", "exact", "--set", "exact.normalze=case"), "normalize"),
        (("verify", "t.jsonl", *COLUMNS, "--with", "exact", "--out", "v.txt"), "ends in .txt"),
        (("verify", "t.jsonl", *COLUMNS, "--with", "exact", "--out", "t.jsonl"), "not an untouched result of winnow"),
        (("verify", "t.jsonl", *COLUMNS, "--with", "exact", "--bad-rows", "skip"), "quarantine:N"),
        (("verify", "t.jsonl", *COLUMNS, "--with", "no_such_module:f"), "no_such_module"),
        (("select", "t.jsonl", "--prompt", "task"), "no rule is given"),
        (("select", "t.jsonl", "--passed"), "has no verdicts"),
        (("select", "t.jsonl", "--best-of", "some", "--score", "judge"), "--best-of: 'some' must be a whole number"),
        (("select", "t.jsonl", "--best-of", "2"), "Name it: --score COLUMN"),
        (("select", "t.jsonl", "--top-share", "1.5", "--score", "judge"), "--top-share: 1.5 must be at most 1"),
        (("select", "t.jsonl", "--threshold", "nan", "--score", "judge"), "finite"),
        (("select", "t.jsonl", "--max-rows", "0"), "--max-rows: 0 must be at least 1"),
        (
            ("select", "t.jsonl", "--best-of", "2", "--keep", "3", "--score", "judge"),
            "--keep: 3 cannot be kept of the 2 drawn",
        ),
        (("select", "t.jsonl", "--distinct", "--mix-real", "t.jsonl"), "go together"),
    ],
)
def test_a_wrong_argument_is_one_line_that_names_the_rule(
    winnow: Any, table: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = winnow(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    error = json.loads(winnow(*arguments, "--json").stdout)["error"]
    assert error["exit_code"] == 2


def test_an_unknown_option_or_command_ends_with_2(winnow: Any, table: Path) -> None:
    assert winnow("select", "t.jsonl", "--beast-of", "2").returncode == 2
    assert winnow("selekt", "t.jsonl").returncode == 2


def test_a_full_disk_is_an_environment_fault_that_leaves_nothing(table: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "winnow.cli.main", "verify", "t.jsonl", *COLUMNS, "--with", "exact"]
    done = subprocess.run(
        [*command, "--out", "v.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert done.returncode == 3, done.stderr
    assert "v.jsonl: could not be written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_a_damaged_store_is_a_broken_promise(winnow: Any, table: Path, tmp_path: Path) -> None:
    winnow("verify", "t.jsonl", *COLUMNS, "--with", "exact", "--out", "v")
    shard = tmp_path / "v" / "part-00000.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    done = winnow("select", "v", "--passed", "--out", "s.jsonl")
    assert done.returncode == 4
    assert "part-00000.parquet" in done.stderr


def test_a_source_that_changed_is_refused(winnow: Any, table: Path) -> None:
    winnow("verify", "t.jsonl", *COLUMNS, "--with", "exact", "--out", "v")
    table.write_text(table.read_text().replace('"q0"', '"q9"'))
    done = winnow("select", "v", "--passed", "--out", "s.jsonl")
    assert done.returncode == 4
    assert "t.jsonl: has changed since v was made" in done.stderr


def test_quarantined_rows_are_counted_and_listed_beside_the_output(winnow: Any, table: Path, tmp_path: Path) -> None:
    table.write_text(table.read_text() + "not json\n")
    refused = winnow("verify", "t.jsonl", *COLUMNS, "--with", "exact", "--out", "v.jsonl")
    assert (refused.returncode, "t.jsonl:13" in refused.stderr) == (2, True)
    done = winnow(
        "verify", "t.jsonl", *COLUMNS, "--with", "exact", "--out", "v.jsonl", "--bad-rows", "quarantine:1", "--json"
    )
    assert json.loads(done.stdout)["quarantined"] == 1
    assert lines(tmp_path / "v.jsonl.quarantine.jsonl")[0]["place"] == "t.jsonl:13"
    books = json.loads((tmp_path / "v.jsonl.receipt.json").read_text())["books"]
    assert books == {"in": 13, "keep": 12, "drop": 0, "reject": 1, "reasons": {"bad row": 1}}


def test_help_is_grouped_and_every_command_shows_an_example(winnow: Any) -> None:
    overview = winnow("--help").stdout
    assert overview.index("Decide") < overview.index("Act")
    for name in all_commands():
        page = winnow(name, "--help")
        assert page.returncode == 0
        assert f"winnow {name} " in page.stdout


def test_text_from_data_cannot_write_to_the_terminal(winnow: Any, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps({"text": "a", "score": "\x1b]52;c;x\x07"}) + "\n")
    done = winnow("select", "t.jsonl", "--threshold", "1")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr + done.stdout


def test_what_a_function_prints_stays_out_of_the_document(
    winnow: Any, table: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loud.py").write_text(
        "def judge(completions, **columns):\n    print('hello')\n    return [True for _ in completions]\n"
    )
    done = winnow("verify", "t.jsonl", *COLUMNS, "--with", "loud:judge", "--json")
    assert json.loads(done.stdout)["verifiers"][0]["pass"] == 12
    printed = capfd.readouterr()
    assert "hello" in printed.err and "hello" not in printed.out
