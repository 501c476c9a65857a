"""Checks that keep the code readable: `python tools/ceilings.py [ROOT]`.

Limits the length of files and functions and the depth of class hierarchies, and refuses a class name that occurs
twice in the package, vague module names, heavy libraries imported before they are needed, and handlers that catch
every exception outside of a list. Layers are checked by import-linter, types by mypy, style by ruff.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from findings import Finding, Function, Module, parse_modules, project_root, report

FILE_LINES = 400
FUNCTION_LINES = 60
CLASS_DEPTH = 3

# The only functions that may catch every exception, as "path:function", each with its reason.
CATCH_ALL_PLACES = {
    "src/winnow/verifiers/user_functions.py:_call_once": "a crash of the verifier becomes the verdict error",
    "src/winnow/verifiers/user_functions.py:_safe_text": "an object that crashed may crash again when it is printed",
    "src/winnow/cli/simulate.py:_load_user_function.call_checked": "a user's function may raise anything",
    "src/winnow/verifiers/dotted_path.py:_import_module": "a user's module may raise anything during its import",
    "src/winnow/plugins.py:_load": "the code of another package may raise anything during its import",
    "src/winnow/models/model_folder.py:load_tokenizer": "the library raises a bare Exception for an invalid tokenizer",
}

HEAVY_LIBRARIES = frozenset(
    "torch transformers tokenizers safetensors trl peft ray matplotlib starlette uvicorn jinja2 numba sympy "
    "math_verify duckdb pandas polars".split()
)
HEAVY_ALLOWED_UNDER = (
    "src/winnow/models/tiny/",
    "src/winnow/stages/train",
    "src/winnow/verifiers/maths/comparison_worker.py",  # only worker processes import it
)

VAGUE_MODULE_NAMES = frozenset(
    "told said say words word kept given asked look looked named front act under_way hearing heard learned written "
    "foreseen foresee judged ranked against closed trail cut draws enough picks served how done parts listed "
    "unrun".split()
)


def list_functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yield every function with its dotted name inside the module, outer functions first."""
    for child in ast.iter_child_nodes(node):
        name = f"{prefix}{child.name}" if isinstance(child, (Function, ast.ClassDef)) else ""
        if isinstance(child, Function):
            yield name, child
        yield from list_functions(child, f"{name}." if name else prefix)


def count_body_lines(node: Function) -> int:
    """Count the lines of a function below its signature and docstring."""
    first = node.body[0]
    before = first.end_lineno if ast.get_docstring(node) is not None else first.lineno - 1
    return (node.end_lineno or node.lineno) - (before or node.lineno)


def check_file_length(module: Module) -> Iterator[Finding]:
    """Limit the length of a file."""
    lines = len(module.text.splitlines())
    if lines > FILE_LINES:
        yield Finding(module.path, lines, "file-length", f"has {lines} lines, at most {FILE_LINES} are allowed")


def check_function_length(module: Module) -> Iterator[Finding]:
    """Limit the length of a function; its signature and docstring do not count."""
    for name, node in list_functions(module.tree):
        lines = count_body_lines(node)
        if lines > FUNCTION_LINES:
            message = f"{name} has {lines} lines, at most {FUNCTION_LINES} are allowed"
            yield Finding(module.path, node.lineno, "function-length", message)


def check_module_name(module: Module) -> Iterator[Finding]:
    """Refuse vague names of modules and packages."""
    path = PurePosixPath(module.path)
    name = path.parent.name if path.name == "__init__.py" else path.stem
    if name in VAGUE_MODULE_NAMES:
        yield Finding(module.path, 1, "module-name", f"'{name}' does not say what the module contains")


def _caught_names(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"BaseException"}
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {node.attr if isinstance(node, ast.Attribute) else ast.unparse(node) for node in types}


def _catch_all_handlers(node: ast.AST, function: str = "") -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ExceptHandler) and _caught_names(child) & {"Exception", "BaseException"}:
            yield function, child.lineno
        name = child.name if isinstance(child, (Function, ast.ClassDef)) else ""
        yield from _catch_all_handlers(child, f"{function}.{name}".strip("."))


def check_catch_all(module: Module) -> Iterator[Finding]:
    """Allow `except Exception` only in the listed functions, and require that each of those still needs it."""
    handlers = dict(_catch_all_handlers(module.tree))
    places = (place.split(":") for place in CATCH_ALL_PLACES)
    allowed = {function for path, function in places if path == module.path}
    for function in sorted(handlers.keys() - allowed):
        message = f"{function or 'the module'} catches every exception; name them, or list it in tools/ceilings.py"
        yield Finding(module.path, handlers[function], "catch-all", message)
    for function in sorted(allowed - handlers.keys()):
        message = f"{function} is listed in tools/ceilings.py but catches no Exception; remove it from the list"
        yield Finding(module.path, 1, "catch-all", message)


def _imports_at_load(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that run when the module is imported: not those in functions or under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from _imports_at_load(ast.Module(child.orelse, []))
        elif not isinstance(child, Function):
            yield from _imports_at_load(child)


def check_heavy_imports(module: Module) -> Iterator[Finding]:
    """Require that a heavy or optional library is imported inside the function that needs it."""
    if not module.is_source or module.path.startswith(HEAVY_ALLOWED_UNDER):
        return
    for node in _imports_at_load(module.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if isinstance(node, ast.ImportFrom) and node.level:
            continue
        for name in sorted({name.split(".")[0] for name in names} & HEAVY_LIBRARIES):
            yield Finding(module.path, node.lineno, "heavy-import", f"import {name} inside the function that needs it")


def _classes(modules: list[Module]) -> Iterator[tuple[str, ast.ClassDef, Module, list[str]]]:
    """Yield every class with its full name and the full names of its bases, as far as imports tell them."""
    for module in modules:
        prefix = module.dotted_name
        names = {node.name: f"{prefix}.{node.name}" for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom):
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base).split("[")[0].partition(".") for base in node.bases]
                full_names = [names.get(first, first) + dot + rest for first, dot, rest in bases]
                yield f"{prefix}.{node.name}", node, module, full_names


def check_classes(modules: list[Module]) -> Iterator[Finding]:
    """Refuse a class name that occurs twice, and a class derived from a class of ours that is itself derived."""
    classes = {name: (node, module, bases) for name, node, module, bases in _classes(modules)}

    def depth(name: str, seen: tuple[str, ...] = ()) -> int:
        if name not in classes or name in seen:
            return 0
        return 1 + max((depth(base, (*seen, name)) for base in classes[name][2]), default=0)

    first_places: dict[str, str] = {}
    for name, node, module, _ in _classes(modules):
        place = f"{module.path}:{node.lineno}"
        if node.name in first_places:
            message = f"{node.name} is also the name of a class at {first_places[node.name]}"
            yield Finding(module.path, node.lineno, "class-name", message)
        first_places.setdefault(node.name, place)
        if depth(name) > CLASS_DEPTH:
            message = f"{node.name} has {depth(name) - 1} levels of base classes, at most {CLASS_DEPTH - 1} are allowed"
            yield Finding(module.path, node.lineno, "class-depth", message)


def main(arguments: list[str]) -> int:
    """Check the project and print the findings."""
    modules, findings = parse_modules(project_root(arguments))
    rules = (check_file_length, check_function_length, check_module_name, check_catch_all, check_heavy_imports)
    for module in modules:
        for rule in rules:
            findings.extend(rule(module))
    sources = [module for module in modules if module.is_source]
    findings.extend(check_classes(sources))
    lengths = [count_body_lines(node) for module in sources for _, node in list_functions(module.tree)]
    median = f"{statistics.median(lengths):g}" if lengths else "0"
    summary = f"{len(modules)} files; {len(lengths)} functions in src, {median} lines in the median"
    return report(findings, f"ceilings: {summary}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
