"""The file systems behind URI schemes, those of pyarrow and those that a program registers, and their errors.

Endpoint, region and keys come from the environment variables that other programs use too. A store that does not
answer is given up after a few attempts of some seconds each. Known messages of the stores' libraries are translated
and not shown, because they hold request ids and endpoints. Of any other message the first line is shown, with secrets
redacted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from winnow.errors import EnvironmentFault, UsageError, WinnowError, format_value

CONNECT_SECONDS = 3
ANSWER_SECONDS = 20
"""How long a request may wait for a byte."""
ATTEMPTS = 3
RETRY_SECONDS = 20
"""How long Google's library may retry; its default is a quarter of an hour."""

SETTING_PREFIXES = ("AWS_", "GOOGLE_", "AZURE_", "STORAGE_EMULATOR_HOST")

REMOTE_ERROR = re.compile(
    r"AWS Error|google::cloud::Status|Azure|HTTP status|curlCode|CURL error|[Tt]imed out|[Tt]imeout"
)
"""Matches messages of object stores only; the messages of a damaged file contain none of this."""

DEFAULT_ACCESS_HINT = "Check the keys and what they may do"
ACCESS_HINTS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and check what they may do",
    "gs": "Set GOOGLE_APPLICATION_CREDENTIALS, and check what they may do",
    "abfs": "Log in with az login, or set AZURE_CLIENT_ID and its like, and check what they may do",
}
CREDENTIAL_VARIABLES = "AWS_ACCESS_KEY_ID AWS_PROFILE AWS_WEB_IDENTITY_TOKEN_FILE AWS_CONTAINER_CREDENTIALS_FULL_URI"
SECRET_VARIABLE = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL|ENDPOINT")
NETWORK_HINTS = {"s3": "Check the network, AWS_REGION and AWS_ENDPOINT_URL, then run the same command again"}

ERROR_CAUSES: tuple[tuple[str, str, str], ...] = (
    (r"NO_SUCH_BUCKET|NoSuchBucket|bucket does not exist", "bucket", "is in a bucket that does not exist"),
    (r"NO_SUCH_KEY|NoSuchKey|Path does not exist|NOT_FOUND|RESOURCE_NOT_FOUND", "key", "does not exist"),
    (
        r"INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN|UNRECOGNIZED_CLIENT|MISSING_AUTH"
        r"|INVALID_SIGNATURE|EXPIRED_TOKEN|ExpiredToken|UNAUTHENTICATED|status 401|REQUEST_EXPIRED"
        r"|RequestTimeTooSkewed|REQUEST_TIME_TOO_SKEWED",
        "access",
        "was refused: the credentials are not accepted",
    ),
    (r"ACCESS_DENIED|AccessDenied|PERMISSION_DENIED|status 403|Forbidden", "access", "was refused: access denied"),
    (r"status 301|PERMANENT_REDIRECT|PermanentRedirect", "reach", "is in another region than the one requested"),
    (r"curlCode: 28|[Tt]imed out|[Tt]imeout|DEADLINE", "reach", "could not be reached: no answer in time"),
    (r"curlCode: (?:5|6)\b|CURL error \[6\]|resolve host", "reach", "could not be reached: its host has no address"),
    (
        r"NETWORK_CONNECTION|curlCode: 7|CURL error|[Cc]onnection refused|UNAVAILABLE",
        "reach",
        "could not be reached: the connection failed",
    ),
    (r"SLOW_DOWN|THROTTLING|status 429|RESOURCE_EXHAUSTED", "reach", "was refused: too many requests"),
    (r"INTERNAL_FAILURE|SERVICE_UNAVAILABLE|status 50\d", "reach", "was refused: the store has an internal error"),
)

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


@contextmanager
def translate_remote_errors(where: str) -> Iterator[None]:
    """Translate errors of an object store in this block; other errors pass through unchanged."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if (translated := match_remote_error(where, error)) is None:
            raise
        raise translated from None  # its text may name hosts


def match_remote_error(where: str, error: BaseException) -> WinnowError | None:
    """Translate an error if an object store caused it; None for any other error."""
    if "://" not in where or not (isinstance(error, FileNotFoundError) or REMOTE_ERROR.search(str(error))):
        return None
    return explain_remote_error(where, error)


def explain_remote_error(where: str, error: BaseException) -> WinnowError:
    """Translate an error of an object store."""
    scheme, text = where.partition("://")[0], str(error)
    for pattern, kind, problem in ERROR_CAUSES:
        if re.search(pattern, text):
            if kind in ("bucket", "key"):
                return UsageError(where, problem, "Check the path")
            if kind == "access":
                problem += _missing_credentials_hint(scheme)
                return EnvironmentFault(where, problem, ACCESS_HINTS.get(scheme, DEFAULT_ACCESS_HINT))
            return EnvironmentFault(where, problem, NETWORK_HINTS.get(scheme, "Check the network and the path"))
    line = redact_secrets(text.splitlines()[0] if text else "without a reason")
    return EnvironmentFault(where, f"was refused ({format_value(line)})", "Check the path and the store's settings")


def _missing_credentials_hint(scheme: str) -> str:
    if scheme != "s3" or any(os.environ.get(name) for name in CREDENTIAL_VARIABLES.split()):
        return ""
    return "" if os.path.exists(os.path.expanduser("~/.aws/credentials")) else ", and no credentials were found"


def redact_secrets(text: str) -> str:
    """Replace the value of every environment variable whose name suggests a secret."""
    for name, value in os.environ.items():
        if SECRET_VARIABLE.search(name) and len(value) > 3:
            text = text.replace(value, "***")
    return text
