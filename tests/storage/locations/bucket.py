"""A bucket for tests to fill and inspect with pyarrow alone, and its keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow.fs import FileSelector, FileType

KEY = "AKIACANARYCANARY0001"
SECRET = "canary/SECRET+of-forty-characters-0123456"


@dataclass(frozen=True)
class Bucket:
    """One bucket."""

    name: str
    system: Any

    def __str__(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes | Path) -> str:
        """An object; returns what it is called."""
        with self.system.open_output_stream(f"{self.name}/{key}", compression=None) as file:
            file.write(content if isinstance(content, bytes) else content.read_bytes())
        return f"{self}/{key}"

    def get(self, key: str) -> bytes:
        """The bytes of an object."""
        with self.system.open_input_stream(f"{self.name}/{key}", compression=None) as file:
            return bytes(file.read())

    def listed(self) -> list[str]:
        """Every object."""
        found = self.system.get_file_info(FileSelector(self.name, recursive=True))
        return sorted(one.path.removeprefix(f"{self.name}/") for one in found if one.type == FileType.File)
