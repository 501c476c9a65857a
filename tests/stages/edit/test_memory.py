"""The memory of editing does not grow with the number of texts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MIB = 1 << 20
SCRIPT = """
import json, resource, sys
from pathlib import Path
import winnow
from winnow.stages.edit import shard_map
shard_map.MAX_PIECE_ROWS = 100
model, folder = sys.argv[1], Path(sys.argv[2])
line = json.dumps({"text": "the captain walks slowly to the river bank in the morning. ", "more": "x" * 100_000})
for count in (500, 1500):
    with (folder / f"{count}.jsonl").open("w") as file:
        file.writelines(line + "\\n" for _ in range(count))
    winnow.edit(folder / f"{count}.jsonl", model, threshold=0.3, out=folder / f"e{count}")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_texts(random_folder: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-c", SCRIPT, str(random_folder), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    few, many = (int(line) << 10 for line in done.stdout.split())
    assert (tmp_path / "1500.jsonl").stat().st_size > 140 * MIB
    assert many - few < 25 * MIB
