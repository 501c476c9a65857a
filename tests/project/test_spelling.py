"""Each kind of word that the house does not use is written once in a tiny house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.sample_package import House

BRITISH = (
    "colour behaviours neighbouring licence unlabelled modelling cancelled normalised tokenises summarising "
    "optimisation analyse centre artefact judgement reorganised watercolour my_colour labelled_rows NORMALISE"
).split()
AMERICAN = (
    "color behavior license labeled modeling canceled normalized tokenize analyses analysis center parameter "
    "promise precise otherwise raised exercise likelihood revised comprise controlled installed called level "
    "wiser randomness generalist optimistic"
).split()
EMPTY = {
    "a class": "class RunManager: ...",
    "a function": "def make_util() -> None: ...",
    "an argument": "def f(helper: int) -> None: ...",
    "a variable": "row_factory = 1",
    "a loop's variable": "for helpers in []: ...",
}


@pytest.mark.parametrize("word", BRITISH)
def test_a_british_spelling_is_named_where_it_stands(house: House, word: str) -> None:
    house.write("docs/page.md", f"first line\nthe {word} of it\n", opening="")
    done = house.words()
    assert done.returncode == 1
    assert done.stdout.startswith("docs/page.md:2: [spelling] ")


def test_american_words_that_look_alike_are_let_through(house: House) -> None:
    house.write("README.md", " ".join(AMERICAN), opening="")
    assert house.words().returncode == 0


@pytest.mark.parametrize("path", ["src/winnow/data/a.py", "README.md", "CONTRIBUTING.md", "tests/data/test_a.py"])
def test_code_documents_and_tests_are_all_read(house: House, path: str) -> None:
    house.write(path, "# colour")
    assert f"{path}:3: [spelling] 'colour'" in house.words().stdout


@pytest.mark.parametrize("path", ["tools/words.py", "tests/house/test_words.py", "LICENSE"])
def test_what_must_write_the_words_down_to_look_for_them_is_not_read_for_spelling(house: House, path: str) -> None:
    house.write(path, "# colour")
    assert house.words().returncode == 0


@pytest.mark.parametrize("case", EMPTY)
def test_a_name_that_could_be_anything_is_refused(house: House, case: str) -> None:
    house.write("src/winnow/data/a.py", EMPTY[case])
    assert re.match(r"src/winnow/data/a\.py:3: \[name\] ", house.words().stdout)


@pytest.mark.parametrize("path", ["src/winnow/data/utils.py", "tests/helpers/test_a.py"])
def test_files_and_folders_are_names_too(house: House, path: str) -> None:
    house.write(path, "")
    assert f"{path}:1: [name]" in house.words().stdout


def test_names_that_others_gave_are_theirs(house: House) -> None:
    theirs = "x = field(default_factory=list)\nconnection.row_factory = dict\nBaseManager()"
    house.write("src/winnow/data/a.py", f"from multiprocessing.managers import BaseManager\n{theirs}")
    assert house.words().returncode == 0


@pytest.mark.parametrize("folder", ["home", "tmp", "root", "Users"])
@pytest.mark.parametrize("path", ["src/winnow/data/a.py", "Makefile", "docs/page.md", ".ci/run"])
def test_a_path_of_one_machine_is_refused_wherever_it_stands(house: House, folder: str, path: str) -> None:
    house.write(path, f"see '/{folder}/someone/rows.jsonl'", opening="")
    assert f"{path}:1: [path]" in house.words().stdout


@pytest.mark.parametrize(
    "text", ["https://example.org/home/page", "docs/home/page", "../tmp/x", "a/tmp/b", "/etc/passwd"]
)
def test_a_path_that_is_no_machine_s_own_is_let_through(house: House, text: str) -> None:
    house.write("docs/page.md", text, opening="")
    assert house.words().returncode == 0


def test_a_file_that_is_not_text_is_said_to_be_none(house: House, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_bytes(b"caf\xe9")
    done = house.words()
    assert (done.returncode, "notes.md:1: [text]" in done.stdout) == (1, True)
