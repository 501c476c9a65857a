"""Each arrow that must not be drawn is drawn once in a tiny house; so are the ones that may be."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.project.sample_package import House

FROM_THE_TOP = ("app", "studies", "runs", "stages", "verifiers", "models", "tasks", "stats", "theory", "data")
NEIGHBORS = {f"{lower} imports {upper}": (upper, lower) for upper, lower in pairwise(FROM_THE_TOP)}
NEIGHBORS |= {"text imports stats": ("stats", "text"), "data imports text": ("text", "data")}
FORBIDDEN = {
    "data imports the room at the top": {"data/a.py": "from winnow.cli import b", "app/b.py": ""},
    "an import inside a function": {"data/a.py": "def f() -> None:\n    import winnow.stages"},
    "theory imports text": {"theory/a.py": "import winnow.text"},
    "text imports theory": {"text/a.py": "import winnow.science.theory"},
    "a study goes round the front door": {"studies/a.py": "import winnow.stages"},
    "a study reads files by itself": {"studies/a.py": "from winnow.tables import b", "data/b.py": ""},
    "a room nobody named": {"attic/__init__.py": ""},
    "a stage goes through the front door": {"stages/a.py": "import winnow"},
    "data goes through the front door": {"data/a.py": "from winnow import measure"},
    "two files of a room in a ring": {"data/a.py": "import winnow.tables.b", "data/b.py": "import winnow.tables.a"},
    "two folders of a room in a ring": {
        "verifiers/x/a.py": "import winnow.verifiers.y.b",
        "verifiers/x/__init__.py": "",
        "verifiers/y/__init__.py": "",
        "verifiers/y/b.py": "",
        "verifiers/y/c.py": "import winnow.verifiers.x.a",
    },
}
ALLOWED = {
    "down": {
        "stages/a.py": "import winnow.tables",
        "tasks/b.py": "import winnow.text",
        "text/c.py": "import winnow.tables",
    },
    "the app through the front door": {"app/a.py": "import winnow\nfrom winnow import measure"},
    "the front door to the rooms": {"__init__.py": "def measure() -> None:\n    import winnow.stages"},
    "a study through the front door": {
        "studies/a.py": "import winnow\nfrom winnow import theory, tasks, text",
        "__init__.py": "def measure() -> None:\n    import winnow.stages",
    },
    "a room that comes later": {"models/__init__.py": "import winnow.text", "stages/b.py": "import winnow.models"},
    "theory beside text": {
        "theory/a.py": "import winnow.tables",
        "stages/a.py": "import winnow.science.theory, winnow.text",
    },
}


def draw(house: House, files: dict[str, str]) -> None:
    """Write the files under the package."""
    for path, text in files.items():
        house.write(f"src/winnow/{path}", text)


@pytest.mark.parametrize("case", FORBIDDEN)
def test_an_arrow_that_must_not_be_drawn_breaks_the_check(house: House, case: str) -> None:
    draw(house, FORBIDDEN[case])
    done = house.arrows()
    assert done.returncode == 1
    assert "1 broken" in done.stdout, done.stdout


@pytest.mark.parametrize("case", NEIGHBORS)
def test_no_room_imports_the_one_above_it_even_if_it_is_built_later(house: House, case: str) -> None:
    upper, lower = NEIGHBORS[case]
    draw(house, {f"{upper}/__init__.py": "", f"{lower}/__init__.py": f"import winnow.{upper}"})
    done = house.arrows()
    assert done.returncode == 1
    assert f"winnow.{lower} is not allowed to import winnow.{upper}" in done.stdout


@pytest.mark.parametrize("case", ALLOWED)
def test_an_arrow_that_may_be_drawn_keeps_every_contract(house: House, case: str) -> None:
    draw(house, ALLOWED[case])
    done = house.arrows()
    assert done.returncode == 0, done.stdout
    assert "4 kept, 0 broken" in done.stdout
