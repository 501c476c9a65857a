"""A file system in memory that behaves like an object store: objects are written whole and never renamed."""

from __future__ import annotations

import io
import posixpath
from typing import Any

import pyarrow as pa
from pyarrow.fs import FileInfo, FileSelector, FileSystemHandler, FileType, PyFileSystem


class MemoryFileSystem(FileSystemHandler):  # type: ignore[misc]  # pyarrow has no types
    """Objects by path. Writing what `breaks` names stops in the middle, for good if it `falls`; `puts` arrived."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.breaks: str | None = None
        self.falls = False
        self.down = False

    def system(self) -> PyFileSystem:
        """As pyarrow takes it."""
        return PyFileSystem(self)

    def put(self, key: str, content: bytes) -> None:
        """An object in the bucket `b`, from elsewhere."""
        self.objects[f"b/{key}"] = content

    def get_type_name(self) -> str:
        return "kept"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[Any]:
        if self.down:
            raise OSError("AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 7, no connection")
        return [self._info(path.rstrip("/")) for path in paths]

    def _info(self, path: str) -> Any:
        if path in self.objects:
            return FileInfo(path, FileType.File, size=len(self.objects[path]))
        within = "/" not in path or any(one.startswith(f"{path}/") for one in self.objects)
        return FileInfo(path, FileType.Directory if within else FileType.NotFound)

    def get_file_info_selector(self, selector: FileSelector) -> list[Any]:
        base = selector.base_dir.rstrip("/")
        inside = [one for one in self.objects if one.startswith(f"{base}/")]
        found = dict.fromkeys(inside if selector.recursive else (self._step(base, one) for one in inside))
        return [self._info(one) for one in found]

    def _step(self, base: str, path: str) -> str:
        return posixpath.join(base, path.removeprefix(f"{base}/").split("/")[0])

    def delete_file(self, path: str) -> None:
        del self.objects[path]

    def open_input_stream(self, path: str) -> Any:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> Any:
        if path not in self.objects:
            raise FileNotFoundError(path)
        return pa.BufferReader(self.objects[path])

    def open_output_stream(self, path: str, metadata: object) -> Any:
        return pa.PythonFile(Put(self, path), mode="w")

    def _never(self, *arguments: object) -> None:
        raise AssertionError("asked for what no object store has: a rename, an append or a folder")

    move = copy_file = open_append_stream = create_dir = _never
    delete_dir = delete_dir_contents = delete_root_dir_contents = _never


class Put(io.BytesIO):
    """One object on its way: it is there when all of it has arrived."""

    def __init__(self, store: MemoryFileSystem, path: str) -> None:
        super().__init__()
        self._store, self._path = store, path
        self._broken = False

    def write(self, data: Any) -> int:
        if self._store.breaks is not None and self._path.endswith(self._store.breaks):
            self._broken = True
            self._store.down = self._store.falls
            raise OSError("AWS Error NETWORK_CONNECTION during UploadPart operation: curlCode: 55, Broken pipe")
        return super().write(data)

    def close(self) -> None:
        if not self.closed and not self._broken:
            self._store.objects[self._path] = self.getvalue()
            self._store.puts.append(self._path)
        super().close()
