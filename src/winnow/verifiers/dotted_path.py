"""The Python object a dotted path names: 'module:function', 'pkg.module.function'.

Looked up in the current folder first, then among what is installed.

Promises: what is returned is what the file says now: a module of the current folder whose file was edited,
or which came from another folder, is imported anew. `sys.path` is as before afterwards, and no byte code is
left beside the user's files. The digest is of the source file the object stands in; a path whose import fails
is a UsageError with the reason, whatever was raised.
It does not run anything but the import, and does not follow what the module imports in turn.
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

_local_imports: dict[str, tuple[Path, str]] = {}  # module -> its file and that file's digest when imported


@dataclass(frozen=True)
class LoadedObject:
    """An object with the sha256 of the source it stands in; None where no source can be found."""

    target: object
    sha256: str | None


@contextmanager
def current_folder_first() -> Iterator[None]:
    """Imports inside look in the current folder first; leaves no trace."""
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
    """The object at a dotted path; `where` is the argument an error points at."""
    module_name, _, attributes = path.partition(":") if ":" in path else path.rpartition(".")
    names = attributes.split(".")
    if module_name.endswith(".py") or "/" in module_name:
        module_path = module_name.removesuffix(".py").strip("./").replace("/", ".")
        raise UsageError(
            where, f"{format_value(module_name)} is a file", f"Write the module, as in {module_path}:{attributes}"
        )
    if not all(part.isidentifier() for part in [*module_name.split("."), *names]):
        raise UsageError(where, f"{format_value(path)} is no dotted path", "Write module:function")
    module = _import_module(module_name, where)
    try:
        target = reduce(getattr, names, module)
    except AttributeError:
        public = [name for name in dir(module) if not name.startswith("_")]
        problem = f"module {module_name} has no {format_value(attributes)}"
        raise UsageError(where, problem, suggest_name(names[0], public)) from None
    return LoadedObject(target, _files_digest(getattr(module, "__file__", None), source_file(target)))


def source_file(target: object) -> str | None:
    """The file a function, or the class of an object, stands in."""
    for candidate in (inspect.unwrap(target) if callable(target) else target, type(target)):
        try:
            return inspect.getsourcefile(candidate)  # type: ignore[arg-type]
        except TypeError:
            continue
    return None


def object_digest(target: object) -> str | None:
    """The sha256 of the source of an object that was passed as it is."""
    digest = _files_digest(source_file(target))
    if digest is not None:
        return digest
    try:
        return _sha256(inspect.getsource(target).encode())  # type: ignore[arg-type]
    except (OSError, TypeError):
        return None


def _files_digest(*files: str | None) -> str | None:
    """One file: its sha256; a name re-exported from another file: of both, so that an edit of either shows."""
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
        raise UsageError(
            where, f"cannot import {name}: {type(error).__name__}: {error}", _advice(name, error)
        ) from None
    finally:
        _record_imports(set(sys.modules) - loaded_before, folder)
    return module


def _advice(name: str, error: BaseException) -> str:
    missing = isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]
    return "A module is looked up in the current folder first, then among the installed ones" if missing else ""


def _record_imports(names: set[str], folder: Path) -> None:
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and Path(file).is_relative_to(folder) and "site-packages" not in Path(file).parts:
            _local_imports[name] = (Path(file), _sha256(Path(file).read_bytes()))


def _drop_stale_imports(folder: Path) -> None:
    """One edited file, or another folder, and all modules of the folder are imported anew: they know each other."""
    current = all(
        file.is_relative_to(folder) and file.is_file() and _sha256(file.read_bytes()) == digest
        for file, digest in _local_imports.values()
    )
    if not current:
        for name in _local_imports:
            sys.modules.pop(name, None)
        _local_imports.clear()


def _check_shadowing(top: str, folder: Path, where: str) -> None:
    """A file of the current folder named as a module that is already in use would not be the one imported."""
    local = PathFinder.find_spec(top, [str(folder)])
    loaded = getattr(sys.modules.get(top), "__file__", None)
    if local and local.origin and loaded and Path(local.origin).resolve() != Path(loaded).resolve():
        problem = f"{Path(local.origin).name} here has the name of a module in use, {top}"
        raise UsageError(where, problem, "Rename the file")
