"""The check of docstrings reports what has none and what has one that says too little."""

from __future__ import annotations

import pytest

from tests.project.sample_package import SampleProject

SENTENCE = '"""Return the first row of it."""'


@pytest.mark.parametrize("docstring", ["", '"""."""\n', '"""Too short here."""\n'])
def test_a_module_needs_a_docstring_of_more_than_three_words(sample: SampleProject, docstring: str) -> None:
    sample.write("src/winnow/tables/example.py", f"{docstring}x = 1\n", docstring="")
    assert "src/winnow/tables/example.py:1: [docstring]" in sample.check("docstrings").stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f() -> None: ...", "f has no docstring"),
        ("class Row:\n    x = 1", "Row has no docstring"),
        ('def f() -> None:\n    """Closer."""', "'Closer.' says too little"),
        ('def _f() -> None:\n    """Of both."""', "'Of both.' says too little"),
    ],
)
def test_public_definitions_need_a_docstring_and_private_ones_no_riddle(
    sample: SampleProject, text: str, message: str
) -> None:
    sample.write("src/winnow/tables/example.py", text)
    result = sample.check("docstrings")
    assert result.returncode == 1
    assert f"[docstring] {message}" in result.stdout


def test_private_functions_ordinary_methods_main_and_tests_need_no_docstring(sample: SampleProject) -> None:
    methods = f"class Row:\n    {SENTENCE}\n\n    def first(self): ...\n\n\ndef _f(): ...\n\n\ndef main(): ..."
    sample.write("src/winnow/tables/example.py", methods)
    sample.write("tests/tables/test_example.py", "def test_rows(): ...")
    sample.write("tests/tables/__init__.py", "", docstring="")
    assert sample.check("docstrings").stdout.startswith("docstrings: ")


def test_methods_of_the_public_api_need_a_docstring(sample: SampleProject) -> None:
    sample.write("src/winnow/__init__.py", "from winnow.tables.example import Row as Row")
    text = f"class Row:\n    {SENTENCE}\n\n    def first(self): ...\n\n    def _last(self): ..."
    sample.write("src/winnow/tables/example.py", text)
    assert [line.split("] ")[1] for line in sample.check("docstrings").stdout.splitlines()] == [
        "Row.first has no docstring"
    ]
