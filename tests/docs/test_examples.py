"""The documentation shows what its examples print, its tables are those of results/, and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    PROJECT / "CHANGELOG.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
]
EXAMPLES = [page for page in PAGES if "<!-- example: begin" in page.read_text("utf-8")]
TOOL = PROJECT / "tools" / "update_examples.py"


def name_of(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def run_tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(TOOL), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_examples_print_what_the_page_shows(page: Path) -> None:
    done = run_tool("--check", str(page))
    assert done.returncode == 0, done.stdout + done.stderr


def test_generated_tables_are_those_of_the_results() -> None:
    command = [sys.executable, str(PROJECT / "validation" / "write_pages.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)", page.read_text("utf-8")):
        path = page.parent / target if target else page
        assert path.exists(), target
        if heading:
            assert heading in heading_anchors(path), f"{target}#{heading}"


def heading_anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [PROJECT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.is_file():
            continue
        reached.add(page)
        links = re.findall(r"\]\((?!https?:)([^)#\s]+\.md)(?:#[^)]*)?\)", page.read_text("utf-8"))
        waiting += [(page.parent / link).resolve() for link in links]
    assert {page for page in PAGES if page.parent.name != "reference"} <= reached


EXAMPLE_PAGE = """
<!-- example: begin -->
```python
# hello.py
print("hello")
```

```sh
python hello.py
```

```text
{shown}
```
<!-- example: end -->
"""


def test_a_page_that_shows_something_else_is_found_and_updated(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(EXAMPLE_PAGE.format(shown="goodbye"))
    done = run_tool("--check", str(page))
    assert (done.returncode, "+hello" in done.stdout) == (1, True)
    assert run_tool(str(page)).returncode == 0
    assert page.read_text() == EXAMPLE_PAGE.format(shown="hello")
    assert run_tool("--check", str(page)).returncode == 0


def test_an_example_that_fails_is_named_with_its_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(EXAMPLE_PAGE.format(shown="hello").replace('print("hello")', "raise SystemExit('no luck')"))
    done = run_tool("--check", str(page))
    assert (done.returncode, "no luck" in done.stdout) == (1, True)


@pytest.mark.parametrize(("shown", "returncode"), [("hello 1.00", 0), ("hello 1.2", 1), ("bye 1.00", 1)])
def test_a_tolerance_allows_for_numbers_and_not_for_words(tmp_path: Path, shown: str, returncode: int) -> None:
    page = tmp_path / "page.md"
    text = EXAMPLE_PAGE.format(shown=shown).replace("begin -->", "begin, tolerance 0.02 -->")
    page.write_text(text.replace('print("hello")', 'print("hello 1.01")'))
    assert run_tool("--check", str(page)).returncode == returncode
