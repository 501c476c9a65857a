"""Translates errors of object stores: no such bucket, no permission, no connection, no answer in time.

The messages of the stores' libraries are recognized and not shown, because they hold request ids and endpoints. Of a
message that is not recognized, the first line is shown with secrets redacted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from winnow.errors import EnvironmentFault, UsageError, WinnowError, format_value

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
