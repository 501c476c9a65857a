"""Holds the ceilings under which the code stays readable: `python tools/ceilings.py [ROOT]`.

Promises to name file, line and rule for every file, function, parameter list, folder, class and `except` over its
ceiling, for every module without an opening, and for every heavy library imported before it is needed; and to end
with 1 if there is one. The median length of the functions of src is printed, as an aim and not a ceiling.
It does not look at the arrows between rooms (import-linter), at types (mypy), at style (ruff) or at names (words.py).
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from findings import Broken, Module, finish, modules, root_named

FILE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 6
FILES_IN_A_FOLDER = 9
CLASS_DEPTH = 2
OPENING_WORDS = 4

# The only places that may catch everything, as "path:function": each runs code that is not ours.
CATCHES_EVERYTHING = {
    "src/winnow/verifiers/user_functions.py:_call_once": "a crash of the verifier becomes the verdict error",
    "src/winnow/verifiers/user_functions.py:_safe_text": "what crashed may crash again when it is shown",
    "src/winnow/cli/curve_functions.py:_call_user_function": "an idea of the user's may raise anything",
    "src/winnow/verifiers/dotted_path.py:_import_module": "a user's module may raise anything while it is imported",
    "src/winnow/models/model_folder.py:load_tokenizer": "the library says nothing narrower of a file that is no tokenizer",
}

HEAVY = frozenset(
    "torch transformers tokenizers safetensors trl peft ray matplotlib starlette uvicorn jinja2 numba sympy "
    "math_verify duckdb pandas polars".split()
)
HEAVY_MAY_STAND_IN = ("src/winnow/models/tiny/", "src/winnow/stages/train")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Placed:
    """A function and the dotted name it has inside its module."""

    node: Function
    name: str
    method: bool


def functions(node: ast.AST, inside: str = "", in_class: bool = False) -> Iterator[Placed]:
    """Every function, however deep, outermost first."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            name = f"{inside}{child.name}"
            yield Placed(child, name, in_class)
            yield from functions(child, f"{name}.")
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{inside}{child.name}.", True)
        else:
            yield from functions(child, inside, in_class)


def length(node: Function) -> int:
    """Lines from `def` to the last one."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def opening(module: Module) -> Iterator[Broken]:
    """A module says what it does before it does it; an empty file has nothing to say."""
    if module.text.strip() and len((ast.get_docstring(module.tree) or "").split()) < OPENING_WORDS:
        yield Broken(module.path, 1, "opening", "open with a docstring: what it does, promises, does not do")


def file_length(module: Module) -> Iterator[Broken]:
    """A file stays readable in one sitting."""
    lines = len(module.text.splitlines())
    if lines > FILE_LINES:
        yield Broken(module.path, lines, "file", f"{lines} lines, at most {FILE_LINES}")


def function_length(module: Module) -> Iterator[Broken]:
    """A function stays readable on one screen."""
    for placed in functions(module.tree):
        lines = length(placed.node)
        if lines > FUNCTION_LINES:
            words = f"{placed.name} has {lines} lines, at most {FUNCTION_LINES}"
            yield Broken(module.path, placed.node.lineno, "function", words)


def is_command(node: Function) -> bool:
    """Whether Typer reads the signature: each parameter is then an option of the command line."""
    called = [d.func for d in node.decorator_list if isinstance(d, ast.Call)]
    return any(isinstance(f, ast.Attribute) and f.attr in ("command", "callback") for f in called)


def parameters(module: Module) -> Iterator[Broken]:
    """More than six parameters are a thing without a name: give it one."""
    for placed in functions(module.tree):
        a = placed.node.args
        names = [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if p is not None]
        count = len(names) - (placed.method and names[:1] in (["self"], ["cls"]))
        if count > PARAMETERS and not is_command(placed.node):
            words = f"{placed.name} takes {count}, at most {PARAMETERS}; make them a frozen dataclass"
            yield Broken(module.path, placed.node.lineno, "parameters", words)


def caught(handler: ast.ExceptHandler) -> set[str]:
    """The names an `except` catches; a bare one catches everything."""
    if handler.type is None:
        return {"BaseException"}
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {kind.attr if isinstance(kind, ast.Attribute) else ast.unparse(kind) for kind in kinds}


def broad_excepts(node: ast.AST, inside: str = "") -> Iterator[tuple[str, int]]:
    """Function and line of each `except` that catches everything."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ExceptHandler) and caught(child) & {"Exception", "BaseException"}:
            yield inside, child.lineno
        name = child.name if isinstance(child, (Function, ast.ClassDef)) else ""
        yield from broad_excepts(child, f"{inside}.{name}".strip("."))


def excepts(module: Module) -> Iterator[Broken]:
    """Only a listed function may catch everything, since it hides the error that mattered; the list is kept true."""
    found = dict(broad_excepts(module.tree))
    listed = {place.split(":")[1] for place in CATCHES_EVERYTHING if place.split(":")[0] == module.path}
    for function in sorted(found.keys() - listed):
        words = f"{function or 'the module'} catches everything; name the errors, or list it in tools/ceilings.py"
        yield Broken(module.path, found[function], "except", words)
    for function in sorted(listed - found.keys()):
        yield Broken(
            module.path, 1, "except", f"{function} is listed in tools/ceilings.py and does not catch everything"
        )


def at_import(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run when the module is imported: not those in functions or under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from at_import(ast.Module(child.orelse, []))
        elif not isinstance(child, Function):
            yield from at_import(child)


def heavy_imports(module: Module) -> Iterator[Broken]:
    """A heavy or optional library is paid for by those who use it."""
    if not module.path.startswith("src/") or module.path.startswith(HEAVY_MAY_STAND_IN):
        return
    for node in at_import(module.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if isinstance(node, ast.ImportFrom) and node.level:
            continue
        for name in sorted({name.split(".")[0] for name in names} & HEAVY):
            yield Broken(module.path, node.lineno, "heavy", f"import {name} inside the function that needs it")


def folders(parsed: list[Module]) -> Iterator[Broken]:
    """A room with more than nine files is two rooms."""
    paths = [PurePosixPath(module.path) for module in parsed]
    for folder, files in Counter(str(path.parent) for path in paths if path.name != "__init__.py").items():
        if files > FILES_IN_A_FOLDER:
            words = f"{files} files beside __init__, at most {FILES_IN_A_FOLDER}"
            yield Broken(folder, 1, "folder", words)


def dotted(path: str) -> str:
    """The name a file of src is imported by."""
    name = path.removeprefix("src/").removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


def classes(parsed: list[Module]) -> Iterator[tuple[str, ast.ClassDef, Module, list[str]]]:
    """Every class of src by its full name, with its bases as far as imports tell what they are."""
    for module in parsed:
        home = dotted(module.path)
        own = {node.name: f"{home}.{node.name}" for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom):
                own |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                own |= {alias.asname: alias.name for alias in node.names if alias.asname}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                heads = [ast.unparse(base).split("[")[0].partition(".") for base in node.bases]
                bases = [own.get(head, head) + dot + rest for head, dot, rest in heads]
                yield f"{home}.{node.name}", node, module, bases


def class_depth(parsed: list[Module]) -> Iterator[Broken]:
    """Abstract, then final: a class of ours never grows on a class of ours that grew on a third."""
    known = {name: (node, module, bases) for name, node, module, bases in classes(parsed)}

    def depth(name: str, seen: tuple[str, ...] = ()) -> int:
        if name not in known or name in seen:
            return 0
        return 1 + max((depth(base, (*seen, name)) for base in known[name][2]), default=0)

    for name, (node, module, _) in known.items():
        if depth(name) > CLASS_DEPTH:
            words = f"{node.name} stands on {depth(name) - 1} classes of ours, at most {CLASS_DEPTH - 1}"
            yield Broken(module.path, node.lineno, "class", words)


def main(arguments: list[str]) -> int:
    """Check the tree and say so."""
    parsed, broken = modules(root_named(arguments))
    for module in parsed:
        for rule in (opening, file_length, function_length, parameters, excepts, heavy_imports):
            broken.extend(rule(module))
    ours = [module for module in parsed if module.path.startswith("src/")]
    broken.extend([*folders(parsed), *class_depth(ours)])
    lengths = [length(placed.node) for module in ours for placed in functions(module.tree)]
    median = f"{statistics.median(lengths):g} lines" if lengths else "none"
    return finish(broken, f"ceilings: {len(parsed)} files hold; {len(lengths)} functions in src, median {median}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
