"""Defects to be found: a shard and its receipt committed as they must not be, each in one way.

Named to a process as "faults.planted:NAME", so that the faults of the harness fall on them as on any act.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

from faults.acts import one_shard
from winnow.data.errors import EnvironmentFault
from winnow.data.stores import atomic
from winnow.data.stores.receipts import Work
from winnow.data.stores.shards import done


def receipt_first() -> None:
    """The receipt takes its name before the shard that it names."""
    write = done.write_done

    def early(target: Path, work: Work, made: done.Done) -> None:
        shard = target / made.shard.name
        content = shard.read_bytes()
        shard.unlink()
        write(target, work, made)
        atomic.write_bytes(shard, content)

    with patch.object(done, "write_done", early):
        one_shard()


def in_place() -> None:
    """What is written has its name from the first byte on."""

    @contextmanager
    def written(target: Path) -> Iterator[Path]:
        with atomic.refused(target):
            yield target
            atomic.force(target)

    with patch.object(done, "written", written):
        one_shard()


def swallowed() -> None:
    """A full disk is passed over in silence."""
    with suppress(EnvironmentFault):
        one_shard()


def without_words() -> None:
    """A full disk ends as it comes from the system."""
    with patch.object(atomic, "fault", lambda path, error: error):
        one_shard()


def loses_a_row() -> None:
    """Begun again over what a killed one left, it leaves out a row."""
    one_shard(1999 if any(Path("out").iterdir()) else 2000)


def stays_with_the_broken() -> None:
    """Begun again over what a killed one left, it gives up."""
    if list(Path("out").glob(".*.partial")):
        raise EnvironmentFault("out", "is not empty", "Remove it")
    one_shard()


def not_forced() -> None:
    """Files take their names before their bytes were forced to disk."""
    force = atomic.force
    with patch.object(atomic, "force", lambda path: force(path) if path.is_dir() else None):
        one_shard()


def folder_not_forced() -> None:
    """Names are given and not forced to disk."""
    force = atomic.force
    with patch.object(atomic, "force", lambda path: None if path.is_dir() else force(path)):
        one_shard()
