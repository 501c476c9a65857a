"""A bucket that tests fill and inspect with pyarrow alone, and its keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow.fs import FileSelector, FileType

KEY = "AKIACANARYCANARY0001"
SECRET = "canary/SECRET+of-forty-characters-0123456"


@dataclass(frozen=True)
class Bucket:
    """A bucket of a test server."""

    name: str
    system: Any

    def __str__(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes | Path) -> str:
        """Write an object and return its URI."""
        with self.system.open_output_stream(f"{self.name}/{key}", compression=None) as file:
            file.write(content if isinstance(content, bytes) else content.read_bytes())
        return f"{self}/{key}"

    def get(self, key: str) -> bytes:
        """Return the bytes of an object."""
        with self.system.open_input_stream(f"{self.name}/{key}", compression=None) as file:
            return bytes(file.read())

    def list_keys(self) -> list[str]:
        """Return the keys of all objects, sorted."""
        entries = self.system.get_file_info(FileSelector(self.name, recursive=True))
        return sorted(entry.path.removeprefix(f"{self.name}/") for entry in entries if entry.type == FileType.File)
