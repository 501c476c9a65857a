"""The pilot of a forecast: training files of equal size, to see on small students whether what was said comes true.

`recommended` and `runner-up` are what the forecast's select lines keep, cut to the same number of rows by the seeded
draw of `--max-rows`; `control` is as many rows of each prompt as `recommended` has, drawn at random. The stage select
makes all three, so their lines say how to make them again. CSV stays CSV and Parquet Parquet; of anything else they are
JSON Lines. `forecast.json` is written last: a folder without it is no pilot yet, and the same command finishes it.
Promises: equal numbers of rows, whole as they came; nothing is written where no rule is recommended. It trains nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from winnow.data.errors import BrokenPromise, UsageError, shown
from winnow.data.readers.files import sha256_of
from winnow.data.stores.atomic import make_folder
from winnow.data.stores.flat import receipt_path, refuse_overwriting
from winnow.data.stores.opening import source_receipt
from winnow.data.stores.receipts import Work, read_receipt
from winnow.data.table import Table
from winnow.stages.decide.forecast import Foreseeing, foresee
from winnow.stages.decide.foreseen import Foreseen, Pilot, TrainingFile
from winnow.stages.decide.outcomes import stored
from winnow.stages.decide.outcomes.record import read_record
from winnow.stages.named import with_score
from winnow.stages.select import Request, Rules, select
from winnow.stats.forecasts import Said

ENDINGS = {"csv": ".csv", "parquet": ".parquet"}
RULES = {"best-of-n": "best_of", "threshold": "threshold", "top-share": "top_share"}


@dataclass(frozen=True)
class Places:
    """Where a forecast is kept, and where earlier ones are looked for: beside it, unless said otherwise."""

    pilot: Path | None = None
    out: Path | None = None
    record: str | None = None

    def __post_init__(self) -> None:
        if self.pilot is not None and self.out is not None:
            problem = "and --pilot both keep the forecast"
            raise UsageError("--out", problem, f"Give one: a pilot holds its forecast as {stored.NAME}")
        if self.out is not None and (self.out.suffix != ".json" or self.out.is_dir()):
            raise UsageError("--out", f"{shown(str(self.out))} is no file of JSON", "End it in .json")
        if self.pilot is not None and self.pilot.exists() and not self.pilot.is_dir():
            raise UsageError("--pilot", f"{shown(str(self.pilot))} is a file", "Name a folder")


def look_ahead(table: Table, foreseeing: Foreseeing, places: Places) -> Foreseen:
    """The forecast with the record of earlier ones; kept, with training files for a pilot, where a place is named."""
    beside = places.pilot or places.out
    record = read_record(foreseeing.regime, places.record, None if beside is None else beside.parent)
    foreseen = foresee(table, foreseeing, record)
    if places.pilot is not None:
        return _with_pilot(with_score(table), foreseeing, foreseen, places.pilot)
    if places.out is not None:
        new = stored.content(_work(with_score(table), foreseeing, places.out.parent), foreseen.forecast(), None)
        if not stored.refuse_another(places.out, new, "--out"):
            make_folder(places.out.parent)
            stored.write(places.out, new)
        return replace(foreseen, stored=places.out)
    return foreseen


def _work(table: Table, foreseeing: Foreseeing, folder: Path) -> Work:
    config = {**asdict(foreseeing), "score": table.columns.score}
    config["n"] = None if foreseeing.n is None else list(foreseeing.n)
    return Work("forecast", stored.VERSION, config, source_receipt(table, folder))


def _with_pilot(table: Table, foreseeing: Foreseeing, foreseen: Foreseen, folder: Path) -> Foreseen:
    said = _worth_a_pilot(foreseen)
    ending = ENDINGS.get(table.original().format, ".jsonl")
    paths = {file: folder / f"{file}{ending}" for file in said}
    place = folder / stored.NAME
    new = stored.content(_work(table, foreseeing, folder), foreseen.forecast(), None)
    files = _already(place, said, paths) if stored.refuse_another(place, new, "--pilot") else None
    made = files is None
    if files is None:
        for path in paths.values():
            refuse_overwriting(path, "--pilot")
        make_folder(folder)
        files = _written(table, foreseeing, said, paths)
        keep = ("file", "rows", "bytes", "sha256", "rule")
        named = [{"name": one.path.name, **{part: getattr(one, part) for part in keep}} for one in files]
        stored.write(place, {**new, "pilot": {"rows": files[0].rows, "files": named}})
    return replace(foreseen, pilot=Pilot(folder, foreseeing.regime, tuple(files), not made), stored=place)


def _worth_a_pilot(foreseen: Foreseen) -> dict[str, Said]:
    """What is said of each file, or a refusal where there is nothing to set against a control."""
    step = "Label more rows: winnow plan TABLE --for forecast draws labels that see more rules"
    said = {one.file: one for one in foreseen.found.said}
    if "recommended" not in said:
        raise UsageError("--pilot", "no rule is recommended (the labels do not reach), so nothing was written", step)
    best = said["recommended"]
    if not best.selects:
        problem = "the forecast recommends to leave nothing out, which is what a control is, so nothing was written"
        raise UsageError("--pilot", problem, "Train on the raw rows, or find a better score")
    return said


def _already(place: Path, said: dict[str, Said], paths: dict[str, Path]) -> list[TrainingFile] | None:
    """The files of this very pilot, where they are there and as they were."""
    found = stored.pilot_of(place)
    if found is None or {one["file"] for one in found["files"]} != set(said):
        return None
    files = []
    for one in found["files"]:
        path = paths[one["file"]]
        if path.name != one["name"] or not path.is_file() or sha256_of(path) != one["sha256"]:
            return None
        line = _line(said, paths, one["file"], one["rows"])
        files.append(TrainingFile(one["file"], path, one["rows"], one["bytes"], one["sha256"], one["rule"], line))
    return files


def _written(table: Table, foreseeing: Foreseeing, said: dict[str, Said], paths: dict[str, Path]) -> list[TrainingFile]:
    """The files, cut to as many rows as the rule that keeps fewest has."""
    selecting = [one for one in said.values() if one.file != "control"]
    rows = min(one.rows for one in selecting)
    counts = _selected(table, foreseeing, selecting, paths, rows)
    if min(counts) < rows:
        # A row may be set aside for its text, which the forecast does not read: then the smallest is smaller.
        rows = min(counts)
        counts = _selected(table, foreseeing, selecting, paths, rows)
    if rows < 1 or set(counts) != {rows}:
        raise BrokenPromise("--pilot", f"its files have {counts} rows", "This is a fault in winnow: please report it")
    return [_file(one, said, paths) for one in ("recommended", "runner-up", "control") if one in said]


def _selected(
    table: Table, foreseeing: Foreseeing, selecting: Sequence[Said], paths: dict[str, Path], rows: int
) -> list[int]:
    """Select into each file; how many rows each has."""
    counts = []
    for one in selecting:
        rule: dict[str, Any] = {RULES[one.rule]: int(one.at or 0) if one.rule == "best-of-n" else one.at}
        rules = Rules(
            passed=False,
            max_rows=max(rows, 1),
            lower_is_better=foreseeing.lower_is_better,
            seed=foreseeing.seed,
            **rule,
        )
        control = paths["control"] if one.file == "recommended" else False
        chosen = select(table, Request(rules, out=paths[one.file], control=control))
        counts += [len(chosen), *([len(chosen.control)] if chosen.control is not None else [])]
    return counts


def _file(file: str, said: dict[str, Said], paths: dict[str, Path]) -> TrainingFile:
    receipt = read_receipt(receipt_path(paths[file]))
    shard = receipt.shards[0]
    rule = receipt.work.config["rules"]["said"] if file != "control" else "as many rows of each prompt, at random"
    line = _line(said, paths, file, shard.rows)
    return TrainingFile(file, paths[file], shard.rows, shard.bytes, shard.sha256, rule, line)


def _line(said: dict[str, Said], paths: dict[str, Path], file: str, rows: int) -> str:
    """The select line that makes a file again; the control comes with the recommended rows."""
    of = "recommended" if file == "control" else file
    control = f" --control {shlex.quote(str(paths['control']))}" if of == "recommended" else ""
    return f"{said[of].command} --max-rows {rows} --out {shlex.quote(str(paths[of]))}{control}"
