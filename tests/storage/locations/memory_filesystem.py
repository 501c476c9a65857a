"""A file system in memory that behaves like an object store: objects are written whole and never renamed."""

from __future__ import annotations

import io
import posixpath
from typing import Any

import pyarrow as pa
from pyarrow.fs import FileInfo, FileSelector, FileSystemHandler, FileType, PyFileSystem


class MemoryFileSystem(FileSystemHandler):  # type: ignore[misc]  # pyarrow has no types
    """Objects by path.

    Attributes:
        objects: The content of each object.
        uploads: The paths of the objects that were uploaded, in order.
        failing_name: Uploads of objects whose path ends with this fail halfway.
        stays_down: Whether the store cannot be reached after such a failure.
        is_down: Whether the store cannot be reached.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.failing_name: str | None = None
        self.stays_down = False
        self.is_down = False

    def system(self) -> PyFileSystem:
        """Return the file system for pyarrow."""
        return PyFileSystem(self)

    def put(self, key: str, content: bytes) -> None:
        """Put an object into the bucket `b`, without counting it as an upload."""
        self.objects[f"b/{key}"] = content

    def get_type_name(self) -> str:
        return "memory"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[Any]:
        if self.is_down:
            raise OSError("AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 7, no connection")
        return [self._info(path.rstrip("/")) for path in paths]

    def _info(self, path: str) -> Any:
        if path in self.objects:
            return FileInfo(path, FileType.File, size=len(self.objects[path]))
        is_folder = "/" not in path or any(key.startswith(f"{path}/") for key in self.objects)
        return FileInfo(path, FileType.Directory if is_folder else FileType.NotFound)

    def get_file_info_selector(self, selector: FileSelector) -> list[Any]:
        base = selector.base_dir.rstrip("/")
        inside = [key for key in self.objects if key.startswith(f"{base}/")]
        paths = dict.fromkeys(inside if selector.recursive else (self._child(base, key) for key in inside))
        return [self._info(path) for path in paths]

    def _child(self, base: str, path: str) -> str:
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
        return pa.PythonFile(Upload(self, path), mode="w")

    def _refuse(self, *arguments: object) -> None:
        raise AssertionError("object stores have no renames, appends or folders")

    move = copy_file = open_append_stream = create_dir = _refuse
    delete_dir = delete_dir_contents = delete_root_dir_contents = _refuse


class Upload(io.BytesIO):
    """The upload of an object, which exists when the upload is closed."""

    def __init__(self, store: MemoryFileSystem, path: str) -> None:
        super().__init__()
        self._store, self._path = store, path
        self._broken = False

    def write(self, data: Any) -> int:
        if self._store.failing_name is not None and self._path.endswith(self._store.failing_name):
            self._broken = True
            self._store.is_down = self._store.stays_down
            raise OSError("AWS Error NETWORK_CONNECTION during UploadPart operation: curlCode: 55, Broken pipe")
        return super().write(data)

    def close(self) -> None:
        if not self.closed and not self._broken:
            self._store.objects[self._path] = self.getvalue()
            self._store.uploads.append(self._path)
        super().close()
