"""Checks of names and spelling: `python tools/spelling.py [ROOT]`.

Refuses names that say nothing (manager, helper, util), British spelling, and paths that exist on one machine only.
LICENSE is not read. The checks and their tests are not read for spelling, because they contain the words looked for.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from findings import CODE_FOLDERS, Finding, Module, list_files, parse_modules, project_root, report

EMPTY_NAMES = frozenset("manager managers helper helpers util utils".split())

_IZE = (
    "normal general special summar organ recogn optim initial serial random token real categor emphas final visual "
    "maxim minim standard synchron vector memo util stabil penal character daemon custom equal formal local parallel "
    "parametr priorit quant regular sanit symbol"
).split()
_BRITISH = (
    r"(?:colour|behaviour|favour|honour|neighbour|flavour)\w*",
    r"licence[sd]?",
    r"(?:label|model|cancel|signal|travel|channel|tunnel|level)l(?:ed|ing|er|ers)",
    rf"(?:{'|'.join(_IZE)})is(?:e|ed|es|er|ers|ing|ation|ations|able)",
    r"analys(?:e|ed|er|ing)",
    r"(?:centre|metre|fibre)[sd]?",
    r"artefacts?|judgements?|catalogues?|whilst|programmes?|defences?|offences?|fulfils?|ageing|sceptical",
)
# A word may be part of an identifier: an underscore or a digit ends it, and it may begin anywhere.
BRITISH = re.compile(rf"(?:{'|'.join(_BRITISH)})(?![A-Za-z])", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|tmp|home|root|Users|mnt|opt)/\w")

TEXT_SUFFIXES = (".py", ".md", ".txt", ".toml", ".yaml", ".yml", ".html", ".sh")
FOLDERS = (*CODE_FOLDERS, "docs", ".ci")
CONTAINS_BRITISH_WORDS = ("tools/", "tests/project/")


def split_name(name: str) -> set[str]:
    """Return the words of a name in snake or camel case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def list_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every name that the module defines; names defined by libraries are not ours to choose."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def check_names(module: Module) -> Iterator[Finding]:
    """Refuse names of files, folders and definitions that contain an empty word."""
    *folders, _ = Path(module.path).parts
    paths = [(1, Path(module.path).stem), *((1, folder) for folder in folders)]
    for line, name in [*list_names(module.tree), *paths]:
        for word in sorted(split_name(name) & EMPTY_NAMES):
            yield Finding(module.path, line, "name", f"'{name}': '{word}' could be anything, say what it is")


def list_text_files(root: Path) -> Iterator[Path]:
    """Yield every text file of the project."""
    top = [path for path in sorted(root.iterdir()) if path.is_file()]
    for path in [*top, *list_files(root, FOLDERS, "*")]:
        if path.suffix in TEXT_SUFFIXES or path.name in ("Makefile", "run", ".gitignore"):
            yield path


def check_spelling(path: str, lines: list[str]) -> Iterator[Finding]:
    """Require American spelling."""
    if not path.startswith(CONTAINS_BRITISH_WORDS):
        for number, line in enumerate(lines, 1):
            for match in BRITISH.finditer(line):
                yield Finding(path, number, "spelling", f"'{match[0]}' is British spelling")


def check_machine_paths(path: str, lines: list[str]) -> Iterator[Finding]:
    """Refuse paths that exist on one machine only."""
    for number, line in enumerate(lines, 1):
        for match in MACHINE_PATH.finditer(line):
            yield Finding(path, number, "path", f"'{match[0]}...' exists on one machine only")


def main(arguments: list[str]) -> int:
    """Check the project and print the findings."""
    root = project_root(arguments)
    modules, findings = parse_modules(root)
    for module in modules:
        findings.extend(check_names(module))
    files = list(list_text_files(root))
    for file in files:
        path = file.relative_to(root).as_posix()
        try:
            lines = file.read_text(encoding="utf-8").split("\n")
        except UnicodeDecodeError as error:
            findings.append(Finding(path, 1, "text", f"is not UTF-8: {error.reason} at byte {error.start}"))
            continue
        findings.extend([*check_spelling(path, lines), *check_machine_paths(path, lines)])
    return report(findings, f"spelling: {len(files)} files")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
