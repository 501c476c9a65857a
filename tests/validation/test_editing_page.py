"""The page about editing follows its results."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGE, FIGURES = PROJECT / "docs" / "explanation" / "editing.md", PROJECT / "results" / "real" / "editing.json"


def write_page(figures: Path, page: Path) -> str:
    """Return the page with empty blocks filled from the figures."""
    text, replacements = re.subn(
        r"(<!-- editing: begin -->).*?(<!-- editing: end -->)", r"\1\n\2", PAGE.read_text(), flags=re.S
    )
    assert replacements == 1
    page.write_text(text)
    command = [
        sys.executable,
        str(PROJECT / "validation" / "editing_page.py"),
        "--figures",
        str(figures),
        "--page",
        str(page),
    ]
    subprocess.run(command, check=True)
    return page.read_text()


def test_a_changed_result_changes_the_page(tmp_path: Path) -> None:
    figures = json.loads(FIGURES.read_text())
    assert figures["texts"]["edited_bytes"] > 4_990_000
    figures["all"][0]["changed_share"] = 0.5
    (tmp_path / "other.json").write_text(json.dumps(figures))
    assert "50.00%" in write_page(tmp_path / "other.json", tmp_path / "page.md")
