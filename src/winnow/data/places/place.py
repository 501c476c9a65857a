"""A place: a local path, or an object in the cloud; what differs between the two is asked here and nowhere else.

A local place is a plain `pathlib.Path`, so that nothing changes for local files. What looks like `scheme://...` is an
object. Keys and endpoints never stand in a path, because paths stand in receipts.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from winnow.data.errors import UsageError
from winnow.data.places.objects import ObjectPath

Place = Path | ObjectPath

URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://([^/]*)(?:/+(.*))?", re.DOTALL)
SHORTENED = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
KEYS = re.compile(r"""[A-Za-z][A-Za-z0-9+.-]+://[^/\s]*:(?!\d+(?:[/\s"']|$))""")
"""A colon before the first slash that no port follows: a password, or a part of one."""
SETTING = re.compile(r"\?\w+=")


def place(given: str | Place) -> Place:
    """The place of this name."""
    if isinstance(given, ObjectPath):
        return given
    text = str(given)
    if (found := URI.fullmatch(text)) is not None:
        return _object(*found.groups(""))
    if isinstance(given, Path) and (short := SHORTENED.match(text)) is not None and not given.exists():
        problem = "has lost a slash, because pathlib knows no cloud"
        raise UsageError(f"{short[1]}:/...", problem, f"Give it as text: '{short[1]}://BUCKET/KEY'")
    return Path(given)


def _object(scheme: str, authority: str, key: str) -> Place:
    if KEYS.match(f"{scheme}://{authority}") or SETTING.search(key):
        raise _holds_keys(f"{scheme}://...")
    if scheme.lower() == "file":
        return Path(f"/{key}")
    if not authority or glob.has_magic(authority):
        raise UsageError(f"{scheme}://{authority}", "names no bucket", f"Write {scheme}://BUCKET/KEY")
    return ObjectPath(scheme.lower(), authority, key.strip("/"))


def refuse_keys(text: str, where: str) -> None:
    """Refuse a text that is to be kept where a path in it holds a password."""
    if KEYS.search(text):
        raise _holds_keys(where)


def _holds_keys(where: str) -> UsageError:
    problem = "has keys or settings in a path, and paths stand in receipts"
    return UsageError(
        where, problem, "Set them in the environment, where others look too (AWS_ACCESS_KEY_ID and its like)"
    )


def local(given: str | Place, option: str, why: str) -> Path:
    """A place on this machine; what is in the cloud is refused."""
    if (found := SHORTENED.match(str(given))) is not None:
        raise UsageError(option, f"is in the cloud ({found[1]}://...), and {why}", "Name a local one")
    return Path(str(given))


def below(folder: Path, text: str) -> str:
    """A path as a recipe in this folder means it."""
    return text if URI.fullmatch(text) else str(folder / text)


def is_file(path: Place) -> bool:
    """Whether it is a file."""
    return os.path.isfile(path) if isinstance(path, Path) else path.is_file()


def is_dir(path: Place) -> bool:
    """Whether it is a folder, or what keys begin with."""
    return os.path.isdir(path) if isinstance(path, Path) else path.is_dir()


def exists(path: Place) -> bool:
    """Whether there is anything of this name."""
    return os.path.exists(path) if isinstance(path, Path) else path.exists()


def missing(path: Place, text: str) -> UsageError:
    """What to say where there is nothing."""
    return UsageError(text, "does not exist", "Check the path") if isinstance(path, Path) else path.missing()


def same(one: Place, other: Place) -> bool:
    """Whether both are the same file."""
    if isinstance(one, Path) and isinstance(other, Path):
        return one.exists() and one.samefile(other)
    return one == other


def matching(text: str) -> Sequence[Place]:
    """The files of a pattern, in order."""
    pattern = place(text)
    if isinstance(pattern, Path):
        return sorted(Path(p) for p in glob.glob(text, recursive=True) if Path(p).is_file())
    parts = pattern.key.split("/")
    plain = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    base, rest = ObjectPath(pattern.scheme, pattern.authority, "/".join(parts[:plain])), parts[plain:]
    found = base.files(recursive=len(rest) > 1 or rest == ["**"])
    return sorted(one for one in found if _matches(one.key.split("/")[plain:], rest))


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """As `glob` matches: `**` is any number of folders, and what is hidden wants to be named."""
    if not patterns or not names:
        return not names and all(one == "**" for one in patterns)
    if patterns[0] == "**":
        hidden = names[0].startswith(".")
        return _matches(names, patterns[1:]) or (not hidden and _matches(names[1:], patterns))
    if names[0].startswith(".") and not patterns[0].startswith("."):
        return False
    return fnmatch.fnmatchcase(names[0], patterns[0]) and _matches(names[1:], patterns[1:])


def relative(path: str, folder: Place) -> str:
    """How a receipt in this folder names a path: relative, as long as both are on the same side."""
    named = place(path)
    if isinstance(named, Path):
        return os.path.relpath(path, folder) if isinstance(folder, Path) else os.path.abspath(path)
    if isinstance(folder, Path) or (named.scheme, named.authority) != (folder.scheme, folder.authority):
        return str(named)
    return posixpath.relpath(f"/{named.key}", f"/{folder.key}")


def named_in(folder: Place, path: str) -> Place:
    """The place that a receipt in this folder names."""
    if URI.fullmatch(path) or os.path.isabs(path):
        return place(path)
    return folder / path


def normal(path: Place) -> Place:
    """The shortest name of a place."""
    return Path(os.path.normpath(path)) if isinstance(path, Path) else path


def for_arrow(path: Place) -> Any:
    """What Arrow's readers take: the path, or the open object, of which they read the ranges they need."""
    return path if isinstance(path, Path) else path.random()


def mapped(path: Place) -> Any:
    """The same for files that are mapped into memory."""
    import pyarrow as pa

    return pa.memory_map(str(path)) if isinstance(path, Path) else path.random()
