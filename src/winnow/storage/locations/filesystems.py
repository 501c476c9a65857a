"""The file system behind a URI scheme: those of pyarrow, and those that a program registers.

Endpoint, region and keys come from the environment variables that other programs use too. A store that does not
answer is given up after a few attempts of some seconds each.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from winnow.errors import EnvironmentFault, UsageError
from winnow.storage.locations.remote_errors import explain_remote_error

CONNECT_SECONDS = 3
ANSWER_SECONDS = 20
"""How long a request may wait for a byte."""
ATTEMPTS = 3
RETRY_SECONDS = 20
"""How long Google's library may retry; its default is a quarter of an hour."""

SETTING_PREFIXES = ("AWS_", "GOOGLE_", "AZURE_", "STORAGE_EMULATOR_HOST")

_registered: dict[str, Any] = {}


def register_filesystem(scheme: str, system: Any) -> None:
    """Use a pyarrow or fsspec file system for `scheme://...`; None removes the registration."""
    from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

    if system is None:
        _registered.pop(scheme, None)
    else:
        _registered[scheme] = system if isinstance(system, FileSystem) else PyFileSystem(FSSpecHandler(system))


def find_filesystem(scheme: str, authority: str) -> tuple[Any, str]:
    """Return the file system of `scheme://authority/` and the prefix of its paths."""
    if scheme in _registered:
        return _registered[scheme], authority
    settings = frozenset((name, value) for name, value in os.environ.items() if name.startswith(SETTING_PREFIXES))
    return _create_filesystem(scheme, authority, settings)


# Cached, because a file system holds its connections.
@lru_cache(maxsize=64)
def _create_filesystem(scheme: str, authority: str, settings: frozenset[tuple[str, str]]) -> tuple[Any, str]:
    from pyarrow.fs import FileSystem

    if scheme in ("s3", "s3a"):
        return _create_s3(authority, dict(settings)), authority
    options = f"?retry_limit_seconds={RETRY_SECONDS}" if scheme in ("gs", "gcs") else ""
    where = f"{scheme}://{authority}"
    try:
        system, root = FileSystem.from_uri(f"{where}/{options}")
    except pa.ArrowInvalid as error:
        step = "Known: s3://, gs://, abfs://, hdfs:// and what pyarrow.fs.FileSystem.from_uri understands"
        raise UsageError(where, "is on no file system that winnow knows", step) from error
    except ImportError as error:
        raise EnvironmentFault(where, "needs a library that is not installed", f"Install {error.name}") from error
    except OSError as error:
        raise explain_remote_error(where, error) from None
    return system, root.rstrip("/")


def _create_s3(bucket: str, settings: dict[str, str]) -> Any:
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    endpoint = settings.get("AWS_ENDPOINT_URL_S3") or settings.get("AWS_ENDPOINT_URL")
    region = settings.get("AWS_REGION") or settings.get("AWS_DEFAULT_REGION")
    return S3FileSystem(
        region=region or ("us-east-1" if endpoint else _find_region(bucket)),
        connect_timeout=CONNECT_SECONDS,
        request_timeout=ANSWER_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        # A small file is uploaded in one request, and no upload is started before there are bytes.
        allow_delayed_open=True,
        **_endpoint_options(endpoint),
    )


def _endpoint_options(url: str | None) -> dict[str, str]:
    if not url:
        return {}
    parts = urlsplit(url if "://" in url else f"https://{url}")
    return {"endpoint_override": parts.netloc + parts.path.rstrip("/"), "scheme": parts.scheme}


def _find_region(bucket: str) -> str | None:
    """Look up the region of an Amazon bucket; None lets the library guess."""
    from pyarrow.fs import resolve_s3_region

    with suppress(OSError, pa.ArrowException):
        return str(resolve_s3_region(bucket))
    return None
