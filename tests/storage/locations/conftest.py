"""A bucket on an S3-compatible server on this machine, and a file system in memory that behaves like a bucket."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow.fs import S3FileSystem

from tests.storage.locations.bucket import KEY, SECRET, Bucket
from tests.storage.locations.memory_filesystem import MemoryFileSystem
from winnow.storage.locations import filesystems

BUCKET_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Run a server and return its address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"{host}:{port}"
    running.stop()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Set the keys of the test server in the environment, and no others."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def bucket(server: str, environment: pytest.MonkeyPatch) -> Bucket:
    """Create an empty bucket, and set its server in the environment."""
    environment.setenv("AWS_ENDPOINT_URL", f"http://{server}")
    system = S3FileSystem(
        access_key=KEY,
        secret_key=SECRET,
        endpoint_override=server,
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    )
    name = f"bucket-{next(BUCKET_NUMBERS)}"
    system.create_dir(name)
    return Bucket(name, system)


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    """Register a file system in memory for `memory://b/...`."""
    store = MemoryFileSystem()
    filesystems.register_filesystem("memory", store.system())
    yield store
    filesystems.register_filesystem("memory", None)
