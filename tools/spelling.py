"""Holds the words of the house: `python tools/words.py [ROOT]`.

Promises to name file and line of every name that says nothing (a manager, a util), every British spelling, and
every path that is true on one machine only; and to end with 1 if there is one.
It knows a small list and no grammar. LICENSE is not ours to spell. The checks and their own tests are not read for
spelling, since they must write the words down to look for them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from findings import Broken, Module, files_under, finish, modules, root_named

EMPTY_NAMES = frozenset("manager managers factory factories helper helpers util utils".split())

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
# An identifier's parts are words too, so an underscore or a digit ends one; how a word begins does not matter.
BRITISH = re.compile(rf"(?:{'|'.join(_BRITISH)})(?![A-Za-z])", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|tmp|home|root|Users|mnt|opt)/\w")

PROSE = (".py", ".md", ".txt", ".toml", ".yaml", ".yml", ".html", ".sh")
FOLDERS = ("src", "tests", "tools", "bench", "docs", ".ci")
NOT_SPELLED = ("tools/", "tests/house/")


def parts(name: str) -> set[str]:
    """The words of a name, snake or camel."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def given_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name the module gives to something; names that others gave are theirs."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def empty_names(module: Module) -> Iterator[Broken]:
    """A name says what the thing is."""
    *folders, _ = Path(module.path).parts
    for line, name in [*given_names(module.tree), (1, Path(module.path).stem), *((1, folder) for folder in folders)]:
        for word in sorted(parts(name) & EMPTY_NAMES):
            yield Broken(module.path, line, "name", f"'{name}': a {word} could be anything, say what it is")


def prose(root: Path) -> Iterator[Path]:
    """Every text of the project that a person reads."""
    top = [path for path in sorted(root.iterdir()) if path.is_file()]
    listed = [*top, *files_under(root, FOLDERS, "*")]
    yield from (path for path in listed if path.suffix in PROSE or path.name in ("Makefile", "run", ".gitignore"))


def spelling(path: str, lines: list[str]) -> Iterator[Broken]:
    """One spelling, the American one."""
    if not path.startswith(NOT_SPELLED):
        for number, line in enumerate(lines, 1):
            for found in BRITISH.finditer(line):
                yield Broken(path, number, "spelling", f"'{found[0]}' is spelled the British way")


def machine_paths(path: str, lines: list[str]) -> Iterator[Broken]:
    """What holds on one machine only is no part of the project."""
    for number, line in enumerate(lines, 1):
        for found in MACHINE_PATH.finditer(line):
            yield Broken(path, number, "path", f"'{found[0]}...' names a place on one machine")


def main(arguments: list[str]) -> int:
    """Check the tree and say so."""
    root = root_named(arguments)
    parsed, broken = modules(root)
    for module in parsed:
        broken.extend(empty_names(module))
    files = list(prose(root))
    for file in files:
        path = file.relative_to(root).as_posix()
        try:
            lines = file.read_text(encoding="utf-8").split("\n")
        except UnicodeDecodeError as error:
            broken.append(Broken(path, 1, "text", f"is not UTF-8: {error.reason} at byte {error.start}"))
            continue
        broken.extend([*spelling(path, lines), *machine_paths(path, lines)])
    return finish(broken, f"words: {len(files)} files hold")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
