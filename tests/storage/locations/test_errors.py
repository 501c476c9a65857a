"""An error of an object store is reported in one line, with the exit code of its kind and without any key."""

from __future__ import annotations

import gzip
import http.server
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import winnow
from tests.storage.locations.bucket import SECRET, Bucket
from tests.storage.locations.memory_filesystem import MemoryFileSystem
from winnow.errors import EnvironmentFault, UsageError, WinnowError
from winnow.storage.locations import filesystems
from winnow.storage.locations.filesystems import explain_remote_error, redact_secrets
from winnow.storage.locations.location import parse_location
from winnow.tables.open_table import open_rows


@contextmanager
def serve_errors(code: str, status: int) -> Iterator[str]:
    """Run a server that answers every request with this error, and yield its URL."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no, {SECRET}</Message></Error>".encode()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/xml")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            """Print nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def error_message(path: str, kind: type[WinnowError]) -> str:
    """Return the error message for a table, which is one line without a key."""
    with pytest.raises(kind) as caught:
        open_rows(path)
    text = str(caught.value)
    assert "\n" not in text and SECRET not in text and text.startswith(path.split("/*")[0])
    return text


def test_a_missing_bucket_or_key_is_a_usage_error(bucket: Bucket) -> None:
    bucket.put("a.jsonl", b"{}\n")
    assert "does not exist" in error_message(f"{bucket}/b.jsonl", UsageError)
    assert "is in a bucket that does not exist" in error_message("s3://no-such-bucket/b.jsonl", UsageError)
    assert "is a bucket that does not exist" in error_message("s3://no-such-bucket/*.jsonl", UsageError)
    for out in ("s3://no-such-bucket/v", "s3://no-such-bucket/v.jsonl"):
        with pytest.raises(UsageError, match="is in a bucket that does not exist"):
            winnow.verify([{"prompt": "a", "text": "b", "reference": "b"}], "exact", out=out)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("AccessDenied", 403, "access denied"),
        ("InvalidAccessKeyId", 403, "access denied|not accepted"),
        ("SlowDown", 503, "too many requests|internal error"),
        ("InternalError", 500, "internal error"),
        ("Strange", 418, "was refused"),
    ],
)
def test_a_refusal_of_the_store_is_an_environment_fault(
    environment: pytest.MonkeyPatch, code: str, status: int, words: str
) -> None:
    environment.setattr(filesystems, "ATTEMPTS", 1)
    with serve_errors(code, status) as url:
        environment.setenv("AWS_ENDPOINT_URL", url)
        assert re.search(words, error_message("s3://some-bucket/a.jsonl", EnvironmentFault))
        assert re.search(words, error_message("s3://some-bucket/part-*.jsonl", EnvironmentFault))


def test_the_error_says_that_no_credentials_were_found(environment: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        environment.delenv(name)
    with serve_errors("AccessDenied", 403) as url:
        environment.setenv("AWS_ENDPOINT_URL", url)
        text = error_message("s3://some-bucket/a.jsonl", EnvironmentFault)
    assert "access denied, and no credentials were found" in text
    assert "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in text


def test_a_store_that_refuses_connections_is_reported_as_unreachable(environment: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    text = error_message("s3://some-bucket/a.jsonl", EnvironmentFault)
    assert "could not be reached: the connection failed" in text and str(port) not in text


def test_a_store_that_never_answers_is_reported_after_a_time_limit(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(filesystems, "ANSWER_SECONDS", 1)
    environment.setattr(filesystems, "ATTEMPTS", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        environment.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "no answer in time" in error_message("s3://some-bucket/a.jsonl", EnvironmentFault)


def test_a_lost_connection_is_not_reported_as_a_damaged_file(memory: MemoryFileSystem) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": ["a"] * 10, "prompt": ["b"] * 10}), sink)
    memory.objects |= {"b/t.parquet": sink.getvalue().to_pybytes(), "b/t.csv": b"prompt,text\na,b\n" * 9999}
    memory.objects["b/t.jsonl.gz"] = gzip.compress(b'{"prompt": "a", "text": "b"}\n' * 9)
    tables = [open_rows(f"memory://b/t.{ending}") for ending in ("parquet", "csv", "jsonl.gz")]
    memory.open_input_file = fail_to_read  # type: ignore[method-assign]
    for table in tables:
        with pytest.raises(EnvironmentFault, match="could not be reached: no answer in time"):
            list(table.read_roles(["text"]))


def fail_to_read(path: str) -> None:
    """Raise the error of an S3 client whose connection was lost."""
    raise OSError(f"When reading {path}: AWS Error NETWORK_CONNECTION during GetObject: curlCode: 28, Timeout")


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://AKIA:{SECRET}@bucket/t.jsonl",
        f"s3://AKIA:{SECRET.replace('/', '%2F')}@bucket/t.jsonl",
        f"s3://bucket/t.jsonl?secret_key={SECRET}",
    ],
)
def test_keys_in_a_path_are_refused_and_not_repeated_in_the_error(uri: str, tmp_path: Path) -> None:
    for call in (lambda: open_rows(uri), lambda: winnow.verify([{"text": "a"}], "exact", out=uri)):
        with pytest.raises(UsageError, match="s3://...: has keys or settings in a path") as error:
            call()
        assert SECRET[:8] not in str(error.value)
    for out in (uri, Path(uri)):
        with pytest.raises(UsageError) as error:
            winnow.forecast([{"prompt": "a", "text": "b", "s": 1, "correct": 1}], score="s", out=out)
        assert SECRET[:8] not in str(error.value)


def test_uris_that_name_no_location_are_refused() -> None:
    for uri, words in (
        ("s3://", "names no bucket"),
        ("s3:///a.jsonl", "names no bucket"),
        ("s3://part-*/a.jsonl", "names no bucket"),
        ("nowhere://b/a.jsonl", "no file system that winnow knows"),
    ):
        with pytest.raises(UsageError, match=words):
            open_rows(uri)
    with pytest.raises(UsageError, match="has lost a slash"):
        open_rows(Path("s3://bucket/a.jsonl"))
    with pytest.raises(UsageError, match="has no parent above its bucket"):
        parse_location("s3://bucket/a") / "../../other/b"


def test_a_file_uri_is_a_local_path(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n')
    assert open_rows(f"file://{tmp_path}/t.jsonl").source.paths() == [tmp_path / "t.jsonl"]


def test_secrets_are_removed_from_messages_of_libraries(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AZURE_STORAGE_KEY", "a-key-of-azures")
    assert redact_secrets(f"bad {SECRET} and a-key-of-azures") == "bad *** and ***"
    assert SECRET not in str(explain_remote_error("s3://b/k", OSError(f"a new complaint about {SECRET}")))
