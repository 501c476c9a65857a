"""Import of the object that a dotted path names: 'module:function' or 'package.module.function'.

Modules of the current folder come first and are imported again after an edit. The digest covers the source file of
the object, not what that file imports. `sys.path` is restored afterwards.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from winnow.errors import UsageError, format_value, suggest_name

_local_imports: dict[str, tuple[Path, str]] = {}
"""Modules of the current folder, with their file and its digest when they were imported."""


@dataclass(frozen=True)
class LoadedObject:
    """An object with the sha256 of its source file, or None where there is no source file."""

    target: object
    sha256: str | None


@contextmanager
def current_folder_first() -> Iterator[None]:
    """Look for imports in the current folder first, and write no byte code there."""
    folder, no_bytecode = str(Path.cwd()), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = no_bytecode
        if folder in sys.path:
            sys.path.remove(folder)


def load(path: str, where: str) -> LoadedObject:
    """Import the object at a dotted path.

    Args:
        path: 'module:function' or 'package.module.function', found in the current folder or among installed modules.
        where: The argument that errors name.

    Raises:
        UsageError: If the path is malformed, or the import fails for whatever reason.
    """
    module_name, _, attributes = path.partition(":") if ":" in path else path.rpartition(".")
    names = attributes.split(".")
    if module_name.endswith(".py") or "/" in module_name:
        module_path = module_name.removesuffix(".py").strip("./").replace("/", ".")
        problem = f"{format_value(module_name)} is a file, not a module"
        raise UsageError(where, problem, f"Write {module_path}:{attributes}")
    if not all(part.isidentifier() for part in [*module_name.split("."), *names]):
        raise UsageError(where, f"{format_value(path)} is not a dotted path", "Write module:function")
    module = _import_module(module_name, where)
    try:
        target = reduce(getattr, names, module)
    except AttributeError:
        public = [name for name in dir(module) if not name.startswith("_")]
        problem = f"module {module_name} has no {format_value(attributes)}"
        raise UsageError(where, problem, suggest_name(names[0], public)) from None
    return LoadedObject(target, _files_digest(getattr(module, "__file__", None), source_file(target)))


def source_file(target: object) -> str | None:
    """Return the source file of a function, or of the class of an object."""
    for candidate in (inspect.unwrap(target) if callable(target) else target, type(target)):
        try:
            return inspect.getsourcefile(candidate)  # type: ignore[arg-type]
        except TypeError:
            continue
    return None


def object_digest(target: object) -> str | None:
    """Return the sha256 of the source of an object that was passed as an object."""
    digest = _files_digest(source_file(target))
    if digest is not None:
        return digest
    try:
        return _sha256(inspect.getsource(target).encode())  # type: ignore[arg-type]
    except (OSError, TypeError):
        return None


def _files_digest(*files: str | None) -> str | None:
    """Return the sha256 of the files: two for a name re-exported from another file, so that an edit of either shows."""
    digests = [_sha256(Path(file).read_bytes()) for file in dict.fromkeys(files) if file and Path(file).is_file()]
    if not digests:
        return None
    return digests[0] if len(digests) == 1 else _sha256("".join(digests).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _import_module(name: str, where: str) -> ModuleType:
    folder = Path.cwd()
    _drop_stale_imports(folder)
    _check_shadowing(name.partition(".")[0], folder, where)
    loaded_before = set(sys.modules)
    importlib.invalidate_caches()
    try:
        with current_folder_first():
            module = importlib.import_module(name)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # the user's module may raise anything
        missing = isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]
        advice = "Modules are looked up in the current folder, then among the installed ones" if missing else ""
        raise UsageError(where, f"cannot import {name}: {type(error).__name__}: {error}", advice) from None
    finally:
        _record_imports(set(sys.modules) - loaded_before, folder)
    return module


def _record_imports(names: set[str], folder: Path) -> None:
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and Path(file).is_relative_to(folder) and "site-packages" not in Path(file).parts:
            _local_imports[name] = (Path(file), _sha256(Path(file).read_bytes()))


def _drop_stale_imports(folder: Path) -> None:
    """Forget all modules of the folder if one file was edited or the folder changed, since they import each other."""
    current = all(
        file.is_relative_to(folder) and file.is_file() and _sha256(file.read_bytes()) == digest
        for file, digest in _local_imports.values()
    )
    if not current:
        for name in _local_imports:
            sys.modules.pop(name, None)
        _local_imports.clear()


def _check_shadowing(top: str, folder: Path, where: str) -> None:
    """Refuse a local file with the name of a module that is already loaded, because it would not be imported."""
    local = PathFinder.find_spec(top, [str(folder)])
    loaded = getattr(sys.modules.get(top), "__file__", None)
    if local and local.origin and loaded and Path(local.origin).resolve() != Path(loaded).resolve():
        problem = f"{Path(local.origin).name} in the current folder has the name of a module in use, {top}"
        raise UsageError(where, problem, "Rename the file")
