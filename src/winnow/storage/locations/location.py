"""Locations of files: a `pathlib.Path` on this machine, or an `ObjectPath` (`scheme://...`) in a cloud store.

The functions here hide the difference between the two. Keys and endpoints are refused in a path, because receipts
contain paths.
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
"""Matches a colon before the first slash that is not followed by a port: a password, or part of one."""
QUERY_SETTING = re.compile(r"\?\w+=")


def parse_location(name: str | Location) -> Location:
    """Parse a path or URI.

    Raises:
        UsageError: The URI holds credentials or names no bucket.
    """
    if isinstance(name, ObjectPath):
        return name
    text = str(name)
    if (match := URI.fullmatch(text)) is not None:
        return _parse_object_uri(*match.groups(""))
    if isinstance(name, Path) and (collapsed := COLLAPSED_URI.match(text)) is not None and not name.exists():
        problem = "has lost a slash, because pathlib.Path cannot hold a URI"
        raise UsageError(f"{collapsed[1]}:/...", problem, f"Pass it as text: '{collapsed[1]}://BUCKET/KEY'")
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
    """Raise UsageError if a text that will be stored contains a path with a password."""
    if PASSWORD_IN_URI.search(text):
        raise _credentials_error(where)


def _credentials_error(where: str) -> UsageError:
    problem = "has keys or settings in a path, and receipts contain paths"
    return UsageError(where, problem, "Set them in the environment (AWS_ACCESS_KEY_ID and similar variables)")


def require_local(location: str | Location, option: str, reason: str) -> Path:
    """Return a local path, or raise UsageError with this reason if the location is in a cloud store."""
    if (match := COLLAPSED_URI.match(str(location))) is not None:
        raise UsageError(option, f"is in the cloud ({match[1]}://...), and {reason}", "Name a local path")
    return Path(str(location))


def resolve_below(folder: Path, text: str | None) -> str | None:
    """Resolve a path of a recipe relative to the folder of the recipe; a URI and None stay as they are."""
    return text if text is None or URI.fullmatch(text) else str(folder / text)


def is_file(path: Location) -> bool:
    """Whether there is a file of this name; False where this cannot be determined."""
    return os.path.isfile(path) if isinstance(path, Path) else path.is_file()


def is_dir(path: Location) -> bool:
    """Whether there is a folder of this name, or a key that begins with it."""
    return os.path.isdir(path) if isinstance(path, Path) else path.is_dir()


def exists(path: Location) -> bool:
    """Whether there is a file or a folder of this name."""
    return os.path.exists(path) if isinstance(path, Path) else path.exists()


def is_same_file(first: Location, second: Location) -> bool:
    """Whether two locations are the same file."""
    if isinstance(first, Path) and isinstance(second, Path):
        return first.exists() and first.samefile(second)
    return first == second


def find_matching_files(text: str) -> Sequence[Location]:
    """Return the files that match a glob pattern, sorted."""
    pattern = parse_location(text)
    if isinstance(pattern, Path):
        return sorted(Path(p) for p in glob.glob(text, recursive=True) if Path(p).is_file())
    parts = pattern.key.split("/")
    fixed_count = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    base, patterns = ObjectPath(pattern.scheme, pattern.authority, "/".join(parts[:fixed_count])), parts[fixed_count:]
    files = base.list_files(recursive=len(patterns) > 1 or patterns == ["**"])
    return sorted(file for file in files if _matches_pattern(file.key.split("/")[fixed_count:], patterns))


def _matches_pattern(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Match as `glob` does: `**` is any number of folders, and a hidden name must be written out."""
    if not patterns or not names:
        return not names and all(pattern == "**" for pattern in patterns)
    if patterns[0] == "**":
        hidden = names[0].startswith(".")
        return _matches_pattern(names, patterns[1:]) or (not hidden and _matches_pattern(names[1:], patterns))
    if names[0].startswith(".") and not patterns[0].startswith("."):
        return False
    return fnmatch.fnmatchcase(names[0], patterns[0]) and _matches_pattern(names[1:], patterns[1:])


def make_relative(path: str, folder: Location) -> str:
    """Return a path as a receipt in this folder records it: relative if both are in the same file system."""
    location = parse_location(path)
    if isinstance(location, Path):
        return os.path.relpath(path, folder) if isinstance(folder, Path) else os.path.abspath(path)
    if isinstance(folder, Path) or (location.scheme, location.authority) != (folder.scheme, folder.authority):
        return str(location)
    return posixpath.relpath(f"/{location.key}", f"/{folder.key}")


def resolve_recorded_path(folder: Location, path: str) -> Location:
    """Return the location that a receipt in this folder records."""
    if URI.fullmatch(path) or os.path.isabs(path):
        return parse_location(path)
    return folder / path


def normalize_location(path: Location) -> Location:
    """Remove `.` and `..` from a local path."""
    return Path(os.path.normpath(path)) if isinstance(path, Path) else path


def arrow_input(path: Location) -> Any:
    """Return what Arrow's readers accept: the path, or the open object, of which they read the ranges they need."""
    return path if isinstance(path, Path) else path.open_random_access()
