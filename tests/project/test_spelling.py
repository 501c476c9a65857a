"""Every kind of word that the check of spelling refuses is written once in a small project."""

from __future__ import annotations

import re

import pytest

from tests.project.sample_package import SampleProject

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
    "a variable": "row_helper = 1",
    "a loop's variable": "for helpers in []: ...",
}


@pytest.mark.parametrize("word", BRITISH)
def test_british_spelling_is_reported_with_file_and_line(sample: SampleProject, word: str) -> None:
    sample.write("docs/page.md", f"first line\nthe {word} of it\n", docstring="")
    result = sample.check("spelling")
    assert result.returncode == 1
    assert result.stdout.startswith("docs/page.md:2: [spelling] ")


def test_american_words_that_look_similar_pass(sample: SampleProject) -> None:
    sample.write("README.md", " ".join(AMERICAN), docstring="")
    assert sample.check("spelling").returncode == 0


@pytest.mark.parametrize("path", ["src/winnow/tables/a.py", "README.md", "CONTRIBUTING.md", "tests/tables/test_a.py"])
def test_code_documents_and_tests_are_read(sample: SampleProject, path: str) -> None:
    sample.write(path, "# colour")
    assert f"{path}:3: [spelling] 'colour'" in sample.check("spelling").stdout


@pytest.mark.parametrize("path", ["tools/spelling.py", "tests/project/test_spelling.py", "LICENSE"])
def test_the_checks_their_tests_and_the_license_are_not_read_for_spelling(sample: SampleProject, path: str) -> None:
    sample.write(path, "# colour")
    assert sample.check("spelling").returncode == 0


@pytest.mark.parametrize("case", EMPTY)
def test_names_that_say_nothing_are_refused(sample: SampleProject, case: str) -> None:
    sample.write("src/winnow/tables/a.py", EMPTY[case])
    assert re.match(r"src/winnow/tables/a\.py:3: \[name\] ", sample.check("spelling").stdout)


@pytest.mark.parametrize("path", ["src/winnow/tables/utils.py", "tests/helpers/test_a.py"])
def test_names_of_files_and_folders_are_read(sample: SampleProject, path: str) -> None:
    sample.write(path, "")
    assert f"{path}:1: [name]" in sample.check("spelling").stdout


def test_names_that_libraries_define_pass(sample: SampleProject) -> None:
    library_names = "x = field(default_factory=list)\nconnection.row_factory = dict\nBaseManager()"
    sample.write("src/winnow/tables/a.py", f"from multiprocessing.managers import BaseManager\n{library_names}")
    assert sample.check("spelling").returncode == 0


@pytest.mark.parametrize("folder", ["home", "tmp", "root", "Users"])
@pytest.mark.parametrize("path", ["src/winnow/tables/a.py", "Makefile", "docs/page.md", ".ci/run"])
def test_a_path_on_one_machine_is_refused_in_every_kind_of_file(sample: SampleProject, folder: str, path: str) -> None:
    sample.write(path, f"see '/{folder}/someone/rows.jsonl'", docstring="")
    assert f"{path}:1: [path]" in sample.check("spelling").stdout


@pytest.mark.parametrize(
    "text", ["https://example.org/home/page", "docs/home/page", "../tmp/x", "a/tmp/b", "/etc/passwd"]
)
def test_other_paths_pass(sample: SampleProject, text: str) -> None:
    sample.write("docs/page.md", text, docstring="")
    assert sample.check("spelling").returncode == 0


def test_a_file_that_is_not_utf_8_is_reported(sample: SampleProject) -> None:
    (sample.root / "notes.md").write_bytes(b"caf\xe9")
    result = sample.check("spelling")
    assert (result.returncode, "notes.md:1: [text]" in result.stdout) == (1, True)
