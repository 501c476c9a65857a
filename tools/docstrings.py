"""Checks that the code is documented: `python tools/docstrings.py [ROOT]`.

Every module that contains code needs a docstring, and so does every public function and class outside of the tests
(but `main`), and every public method of a class that `import winnow` offers. In src no docstring may have three words
or fewer. What a docstring says is left to the reader.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from findings import Finding, Function, Module, parse_modules, project_root, report

MINIMUM_WORDS = 4

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def list_public_classes(modules: list[Module]) -> set[tuple[str, str]]:
    """Return the module and name of every class that `winnow/__init__.py` imports."""
    return {
        (node.module or "", alias.name)
        for module in modules
        if module.dotted_name == "winnow"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _children(node: ast.AST) -> list[Function | ast.ClassDef]:
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, (Function, ast.ClassDef))]


def list_required(module: Module, public_classes: set[tuple[str, str]]) -> Iterator[tuple[str, Documented]]:
    """Yield everything in a module that needs a docstring, with its name."""
    if module.text.strip():
        yield "the module", module.tree
    if module.path.startswith("tests/"):
        return
    for node in _children(module.tree):
        if not node.name.startswith("_") and node.name != "main":
            yield node.name, node
        if (module.dotted_name, node.name) in public_classes and isinstance(node, ast.ClassDef):
            for method in _children(node):
                if not method.name.startswith("_"):
                    yield f"{node.name}.{method.name}", method


def check_docstrings(module: Module, public_classes: set[tuple[str, str]]) -> Iterator[Finding]:
    """Report missing docstrings, and docstrings that are too short to say anything."""
    for name, required in list_required(module, public_classes):
        if ast.get_docstring(required) is None:
            line = 1 if isinstance(required, ast.Module) else required.lineno
            yield Finding(module.path, line, "docstring", f"{name} has no docstring")
    documented = (node for node in ast.walk(module.tree) if isinstance(node, Documented))
    for node in documented:
        docstring = ast.get_docstring(node)
        if docstring is not None and len(docstring.split()) < MINIMUM_WORDS and module.path.startswith("src/"):
            message = f"'{docstring}' says too little: write a sentence, or remove it where the name suffices"
            yield Finding(module.path, node.body[0].lineno, "docstring", message)


def main(arguments: list[str]) -> int:
    """Check the project and print the findings."""
    modules, findings = parse_modules(project_root(arguments))
    public_classes = list_public_classes(modules)
    for module in modules:
        findings.extend(check_docstrings(module, public_classes))
    return report(findings, f"docstrings: {len(modules)} files")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
