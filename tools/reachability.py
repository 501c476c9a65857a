"""Checks that all code of the package is used: `python tools/reachability.py [ROOT]`.

Starts from the public names (`winnow/__init__.py` and `winnow.api`), the entry points in pyproject.toml (the command
line among them) and the exempt modules, and follows imports, names and strings such as "winnow.verifiers.answers.exact:
Exact" in tables of commands and plug-ins. Modules, functions and classes that are never met are findings. Tests,
benchmarks and validation do not count as users. A class counts as a whole, and so does module-level code.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from findings import Finding, Function, Module, parse_modules, project_root, report

PACKAGE = "winnow"
API_MODULES = ("winnow", "winnow.api")

EXEMPT = {  # packages that nothing uses yet, each with its reason
    "winnow.storage.journal": "the command generate will write its candidates through the journal",
    "winnow.science.tasks": "users name tasks and their verifiers by dotted path, for example in winnow verify --with",
    "winnow.verifiers.registry": "make reference lists the options of every verifier",
    "winnow.statistics.plans": "measure will use the sequential test to say when enough candidates are labeled",
}

Definition = Function | ast.ClassDef
Symbol = tuple[str, str]
"""A module and the name of one of its functions or classes; the name is empty for the code around them."""

_REFERENCE = re.compile(r"([\w.]+):(\w+)")


@dataclass
class SourceModule:
    """The definitions of one module, and what its names refer to."""

    file: Module
    definitions: dict[str, Definition] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    """Imported names and the full dotted name that each stands for."""
    variables: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The dotted name of the module."""
        return self.file.dotted_name

    @property
    def is_package(self) -> bool:
        """Whether the file is the `__init__.py` of a package."""
        return self.file.path.endswith("__init__.py")


def is_type_checking(node: ast.AST) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`, whose imports do not run."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def list_aliases(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Return the names that an import binds, with the dotted name behind each."""
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return {
        alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0]
        for alias in node.names
    }


def list_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, also those inside of `if` and `try`."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            for block in ("body", "orelse", "finalbody", "handlers"):
                for child in getattr(statement, block, []):
                    yield from list_statements(child.body if isinstance(child, ast.ExceptHandler) else [child])


def read_module(file: Module) -> SourceModule:
    """Collect the definitions, imports and variables of a module."""
    module = SourceModule(file)
    for statement in list_statements(file.tree.body):
        if isinstance(statement, Definition):
            module.definitions[statement.name] = statement
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            module.aliases |= list_aliases(statement)
        else:
            names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
            module.variables |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return module


class ReferenceCollector(ast.NodeVisitor):
    """Collects what a piece of code refers to: dotted names, modules that it imports, strings and patterns of them.

    Names that are bound inside of a function hide those of the module; names bound by an import inside of a function
    stand for what was imported.
    """

    def __init__(self, module: SourceModule) -> None:
        self.module = module
        self.names: set[str] = set()
        self.imports: set[str] = set()
        self.strings: set[str] = set()
        self.patterns: set[str] = set()
        self._scopes: list[dict[str, str]] = []

    def _resolve(self, name: str) -> str | None:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name] or None
        if name in self.module.definitions or name in self.module.variables:
            return f"{self.module.name}.{name}"
        return self.module.aliases.get(name)

    def visit_Name(self, node: ast.Name) -> None:
        """Record a name that stands for something outside of this function."""
        if resolved := self._resolve(node.id):
            self.names.add(resolved)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Record `module.name` as one dotted name."""
        attributes, value = [node.attr], node.value
        while isinstance(value, ast.Attribute):
            attributes.append(value.attr)
            value = value.value
        resolved = self._resolve(value.id) if isinstance(value, ast.Name) else None
        if resolved:
            self.names.add(".".join([resolved, *reversed(attributes)]))
        else:
            self.visit(value)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Record a string, which may name a plug-in."""
        if isinstance(node.value, str):
            self.strings.add(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Record a reference with computed parts, such as f"winnow.cli.{name}:{name}"."""
        groups: dict[str, str] = {}
        pattern = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                pattern += re.escape(str(part.value))
            else:
                expression = ast.unparse(part)
                group = groups.get(expression)
                groups[expression] = group or f"part{len(groups)}"
                pattern += f"(?P={group})" if group else rf"(?P<{groups[expression]}>\w+)"
        if pattern.startswith(f"{PACKAGE}{re.escape('.')}") and ":" in pattern:
            self.patterns.add(pattern)
        self.generic_visit(node)

    def visit_annotation(self, node: ast.AST | None) -> None:
        """Visit an annotation, and the types that are quoted in it."""
        if node is None:
            return
        self.visit(node)
        for child in ast.walk(node):
            if isinstance(child, ast.Constant) and isinstance(child.value, str):
                try:
                    self.visit(ast.parse(child.value, mode="eval").body)
                except SyntaxError:
                    continue

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Visit the annotation of a variable and its value."""
        self.visit_annotation(node.annotation)
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        """Visit a call; the first argument of `cast` is a type that may be quoted."""
        if ast.unparse(node.func) in ("cast", "typing.cast") and node.args:
            self.visit_annotation(node.args[0])
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """Leave out what only the type checker imports."""
        if is_type_checking(node):
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        """Record the modules that an import loads."""
        self.imports |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Record the module that an import loads, and each name in case it is a module."""
        self.imports |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}

    def visit_FunctionDef(self, node: Function) -> None:
        """Visit the signature in the scope around the function and the body in a scope of its own."""
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        arguments += [argument for argument in (node.args.vararg, node.args.kwarg) if argument is not None]
        for annotation in (*(argument.annotation for argument in arguments), node.returns):
            self.visit_annotation(annotation)
        defaults = (default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None)
        for expression in (*node.decorator_list, *defaults):
            self.visit(expression)
        self._scopes.append({argument.arg: "" for argument in arguments} | self._local_names(node.body))
        for statement in node.body:
            self.visit(statement)
        self._scopes.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def _local_names(self, body: list[ast.stmt]) -> dict[str, str]:
        """Return the names that the body of a function binds: what was imported, else nothing."""
        scope: dict[str, str] = {}
        pending: list[ast.AST] = list(body)
        for node in pending:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                scope |= list_aliases(node)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                scope.setdefault(node.id, "")
            elif isinstance(node, Definition):
                scope.setdefault(node.name, "")
                continue
            pending.extend(ast.iter_child_nodes(node))
        global_names = {name for node in pending if isinstance(node, ast.Global) for name in node.names}
        return {name: target for name, target in scope.items() if name not in global_names}


class ReachabilityGraph:
    """The modules of the package, and the search for all that its roots use."""

    def __init__(self, files: list[Module]) -> None:
        self.modules = {file.dotted_name: read_module(file) for file in files}
        self.reached: set[Symbol] = set()
        self._pending: list[Symbol] = []

    def _push(self, symbol: Symbol) -> None:
        if symbol not in self.reached:
            self.reached.add(symbol)
            self._pending.append(symbol)

    def add_module(self, name: str) -> None:
        """Mark the code of a module, and of the packages around it, as used; other names are ignored."""
        while name in self.modules:
            self._push((name, ""))
            name = name.rpartition(".")[0]

    def add_whole_module(self, name: str) -> None:
        """Mark a module with all its functions and classes as used."""
        self.add_module(name)
        for definition in self.modules[name].definitions:
            self._push((name, definition))

    def add_name(self, dotted_name: str) -> None:
        """Mark what a dotted name such as `winnow.tables.table.Table.rows` refers to as used."""
        parts = dotted_name.split(".")
        for length in range(len(parts), 0, -1):
            module = self.modules.get(".".join(parts[:length]))
            if module is None:
                continue
            if length == len(parts):
                self.add_whole_module(module.name)
                return
            name, rest = parts[length], parts[length + 1 :]
            self.add_module(module.name)
            if name in module.definitions:
                self._push((module.name, name))
            elif name in module.aliases and module.aliases[name] != dotted_name:
                self.add_name(".".join([module.aliases[name], *rest]))
            return

    def add_reference(self, text: str, package: str = "") -> None:
        """Mark what a string "module:name" refers to as used; the module may be relative to a package."""
        match = _REFERENCE.fullmatch(text)
        for prefix in ("", f"{package}.") if match else ():
            if match and f"{prefix}{match[1]}" in self.modules:
                self.add_name(f"{prefix}{match[1]}.{match[2]}")
        if text in self.modules and "." in text:
            self.add_module(text)

    def add_pattern(self, pattern: str) -> None:
        """Mark every function and class whose "module:name" matches a regular expression as used."""
        for module in self.modules.values():
            for name in module.definitions:
                if re.fullmatch(pattern, f"{module.name}:{name}"):
                    self.add_name(f"{module.name}.{name}")

    def search(self) -> None:
        """Follow what was marked until nothing new is met."""
        while self._pending:
            module_name, name = self._pending.pop()
            module = self.modules[module_name]
            self.add_module(module_name)
            collector = ReferenceCollector(module)
            for node in [module.definitions[name]] if name else list_module_code(module):
                collector.visit(node)
            for imported in collector.imports:
                self.add_module(imported)
            for used in collector.names:
                self.add_name(used)
            for text in collector.strings:
                self.add_reference(text, module_name if module.is_package else module_name.rpartition(".")[0])
            for pattern in collector.patterns:
                self.add_pattern(pattern)
            if not name:
                for definition in list_registered(module):
                    self._push((module_name, definition))


def list_module_code(module: SourceModule) -> list[ast.stmt]:
    """Return the statements of a module that are no definitions; those inside of `if` and `try` are kept whole."""
    return [statement for statement in module.file.tree.body if not isinstance(statement, Definition)]


def list_registered(module: SourceModule) -> Iterator[str]:
    """Yield definitions that are used without being named: special functions, and those handed to a decorator.

    A decorator such as `@app.command()` registers a function if `app` is a variable of the module.
    """
    for name, node in module.definitions.items():
        if name.startswith("__") and name.endswith("__"):
            yield name
        for decorator in node.decorator_list:
            if ast.unparse(decorator).split("(")[0].split(".")[0] in module.variables:
                yield name


def read_entry_points(root: Path) -> list[str]:
    """Return the "module:name" of every command and plug-in that pyproject.toml declares."""
    path = root / "pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {}) if path.exists() else {}
    groups = [project.get("scripts", {}), *project.get("entry-points", {}).values()]
    return [reference for group in groups for reference in group.values()]


def is_exempt(module: str) -> bool:
    """Whether a module may be unused."""
    return any(module == name or module.startswith(f"{name}.") for name in EXEMPT)


def build_graph(files: list[Module], entry_points: list[str], with_exempt: bool) -> ReachabilityGraph:
    """Search the package from its public names and entry points, and from the exempt modules if they count."""
    graph = ReachabilityGraph(files)
    for module in (graph.modules[name] for name in API_MODULES if name in graph.modules):
        graph.add_module(module.name)
        for target in module.aliases.values() if module.is_package else ():
            if target.startswith(f"{PACKAGE}."):
                graph.add_name(target)
        for definition in module.definitions:
            if not definition.startswith("_"):
                graph.add_name(f"{module.name}.{definition}")
    for reference in entry_points:
        graph.add_reference(reference)
    for name in graph.modules if with_exempt else ():
        if is_exempt(name):
            graph.add_whole_module(name)
    graph.search()
    return graph


def list_unreached(graph: ReachabilityGraph) -> Iterator[Finding]:
    """Yield every module, function and class that the search did not meet."""
    for name, module in graph.modules.items():
        path = module.file.path
        is_empty_package = module.is_package and all(isinstance(node, ast.Expr) for node in module.file.tree.body)
        if (name, "") not in graph.reached and not is_empty_package:
            message = f"the module {name} is used neither by the command line nor by the public API nor by a plug-in"
            yield Finding(path, 1, "unreachable", message)
            continue
        for definition, node in module.definitions.items():
            if (name, definition) not in graph.reached:
                yield Finding(path, node.lineno, "unreachable", f"{definition} is used by no reachable code")


def list_stale_exemptions(files: list[Module], entry_points: list[str]) -> Iterator[Finding]:
    """Yield the exemptions that are no longer needed because all their code is in use."""
    graph = build_graph(files, entry_points, with_exempt=False)
    unused = {finding.path for finding in list_unreached(graph)}
    for name in EXEMPT:
        paths = {module.file.path for key, module in graph.modules.items() if f"{key}.".startswith(f"{name}.")}
        if paths and not paths & unused:
            yield Finding(min(paths), 1, "exemption", f"{name} is in use: remove it from EXEMPT")


def main(arguments: list[str]) -> int:
    """Check the project and print the findings."""
    root = project_root(arguments)
    files, findings = parse_modules(root, ("src",))
    entry_points = read_entry_points(root)
    graph = build_graph(files, entry_points, with_exempt=True)
    findings += [*list_unreached(graph), *list_stale_exemptions(files, entry_points)]
    return report(findings, f"reachability: {len(graph.reached)} modules, functions and classes are in use")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
