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

from winnow.errors import UsageError
from winnow.storage.locations.object_path import ObjectPath

Location = Path | ObjectPath

URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://([^/]*)(?:/+(.*))?", re.DOTALL)
COLLAPSED_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
PASSWORD_IN_URI = re.compile(r"""[A-Za-z][A-Za-z0-9+.-]+://[^/\s]*:(?!\d+(?:[/\s"']|$))""")
"""A colon before the first slash that no port follows: a password, or a part of one."""
QUERY_SETTING = re.compile(r"\?\w+=")


def parse_location(name: str | Location) -> Location:
    """The place of this name."""
    if isinstance(name, ObjectPath):
        return name
    text = str(name)
    if (match := URI.fullmatch(text)) is not None:
        return _parse_object_uri(*match.groups(""))
    if isinstance(name, Path) and (collapsed := COLLAPSED_URI.match(text)) is not None and not name.exists():
        problem = "has lost a slash, because pathlib knows no cloud"
        raise UsageError(f"{collapsed[1]}:/...", problem, f"Give it as text: '{collapsed[1]}://BUCKET/KEY'")
    return Path(name)


def _parse_object_uri(scheme: str, authority: str, key: str) -> Location:
    if PASSWORD_IN_URI.match(f"{scheme}://{authority}") or QUERY_SETTING.search(key):
        raise _credentials_error(f"{scheme}://...")
    if scheme.lower() == "file":
        return Path(f"/{key}")
    if not authority or glob.has_magic(authority):
        raise UsageError(f"{scheme}://{authority}", "names no bucket", f"Write {scheme}://BUCKET/KEY")
    return ObjectPath(scheme.lower(), authority, key.strip("/"))


def refuse_credentials(text: str, where: str) -> None:
    """Refuse a text that is to be kept where a path in it holds a password."""
    if PASSWORD_IN_URI.search(text):
        raise _credentials_error(where)


def _credentials_error(where: str) -> UsageError:
    problem = "has keys or settings in a path, and paths stand in receipts"
    return UsageError(
        where, problem, "Set them in the environment, where others look too (AWS_ACCESS_KEY_ID and its like)"
    )


def require_local(location: str | Location, option: str, reason: str) -> Path:
    """A place on this machine; what is in the cloud is refused."""
    if (match := COLLAPSED_URI.match(str(location))) is not None:
        raise UsageError(option, f"is in the cloud ({match[1]}://...), and {reason}", "Name a local one")
    return Path(str(location))


def resolve_below(folder: Path, text: str) -> str:
    """A path as a recipe in this folder means it."""
    return text if URI.fullmatch(text) else str(folder / text)


def is_file(path: Location) -> bool:
    """Whether it is a file."""
    return os.path.isfile(path) if isinstance(path, Path) else path.is_file()


def is_dir(path: Location) -> bool:
    """Whether it is a folder, or what keys begin with."""
    return os.path.isdir(path) if isinstance(path, Path) else path.is_dir()


def exists(path: Location) -> bool:
    """Whether there is anything of this name."""
    return os.path.exists(path) if isinstance(path, Path) else path.exists()


def missing_location_error(path: Location, text: str) -> UsageError:
    """What to say where there is nothing."""
    return UsageError(text, "does not exist", "Check the path") if isinstance(path, Path) else path.missing_error()


def is_same_file(first: Location, second: Location) -> bool:
    """Whether both are the same file."""
    if isinstance(first, Path) and isinstance(second, Path):
        return first.exists() and first.samefile(second)
    return first == second


def find_matching_files(text: str) -> Sequence[Location]:
    """The files of a pattern, in order."""
    pattern = parse_location(text)
    if isinstance(pattern, Path):
        return sorted(Path(p) for p in glob.glob(text, recursive=True) if Path(p).is_file())
    parts = pattern.key.split("/")
    fixed_count = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    base, patterns = ObjectPath(pattern.scheme, pattern.authority, "/".join(parts[:fixed_count])), parts[fixed_count:]
    files = base.list_files(recursive=len(patterns) > 1 or patterns == ["**"])
    return sorted(one for one in files if _matches_pattern(one.key.split("/")[fixed_count:], patterns))


def _matches_pattern(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """As `glob` matches: `**` is any number of folders, and what is hidden wants to be named."""
    if not patterns or not names:
        return not names and all(one == "**" for one in patterns)
    if patterns[0] == "**":
        hidden = names[0].startswith(".")
        return _matches_pattern(names, patterns[1:]) or (not hidden and _matches_pattern(names[1:], patterns))
    if names[0].startswith(".") and not patterns[0].startswith("."):
        return False
    return fnmatch.fnmatchcase(names[0], patterns[0]) and _matches_pattern(names[1:], patterns[1:])


def make_relative(path: str, folder: Location) -> str:
    """How a receipt in this folder names a path: relative, as long as both are on the same side."""
    location = parse_location(path)
    if isinstance(location, Path):
        return os.path.relpath(path, folder) if isinstance(folder, Path) else os.path.abspath(path)
    if isinstance(folder, Path) or (location.scheme, location.authority) != (folder.scheme, folder.authority):
        return str(location)
    return posixpath.relpath(f"/{location.key}", f"/{folder.key}")


def resolve_recorded_path(folder: Location, path: str) -> Location:
    """The place that a receipt in this folder names."""
    if URI.fullmatch(path) or os.path.isabs(path):
        return parse_location(path)
    return folder / path


def normalize_location(path: Location) -> Location:
    """The shortest name of a place."""
    return Path(os.path.normpath(path)) if isinstance(path, Path) else path


def arrow_input(path: Location) -> Any:
    """What Arrow's readers take: the path, or the open object, of which they read the ranges they need."""
    return path if isinstance(path, Path) else path.open_random_access()


def memory_map_input(path: Location) -> Any:
    """The same for files that are mapped into memory."""
    import pyarrow as pa

    return pa.memory_map(str(path)) if isinstance(path, Path) else path.open_random_access()
