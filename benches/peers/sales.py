"""Sales in Tillroll, DuckDB, Polars and SQLite, in one run; prints JSON, a job a line.

    python benches/peers/sales.py REPORTS_DIR [--rounds 5] [--engines tillroll,duckdb,...] [--text-ids]

`REPORTS_DIR` holds Amazon reports as `make bench` generates them, a month a file. Each engine lives in a
process of its own; they take turns, the median of the rounds counts, and all must give the same answers.
Imports end durable, every one into a new folder and a new process. DuckDB is measured with an index on the
transaction id and without one, its ids typed as UUID unless `--text-ids` says that they are none; Polars
writes a Parquet file a report and holds all of them in memory for the reports; SQLite has money as whole
millionths.

All figures are seconds, but for those named otherwise.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engines import ENGINES, engine
from questions import Question, digest, month_of, plain, questions
from serve import PATIENCE, Answer, Peers, cpu_seconds, peak_mb, serve, size_on_disk, timed

FINDS = 2_000
MANY = 10_000


class Server:
    """One engine, which answers in its process."""

    def __init__(self, name: str, folder: Path, reports: Path, *, uuids: bool) -> None:
        self.name = name
        self.folder = folder
        self.files = sorted(str(path) for path in reports.glob("*.gz"))
        self.months = [month_of(file) for file in self.files]
        self.engine = engine(name, folder, uuids=uuids)

    def answer(self, what: str, given: list) -> Answer:
        return getattr(self, f"do_{what}")(*given)

    def question(self, number: int) -> Question:
        return questions(self.months)[number]

    def do_load(self) -> Answer:
        before = cpu_seconds()
        seconds, rows = timed(lambda: (self.engine.load(self.files), self.engine.close())[0])
        spent = cpu_seconds() - before
        figures = {"rows": rows, "cpu": round(spent, 3), "peak_mb": peak_mb()}
        return seconds, figures | {"bytes": size_on_disk(self.folder)}

    def do_version(self) -> Answer:
        return 0.0, self.engine.version

    def do_open(self) -> Answer:
        return timed(self.engine.open)

    def do_cold(self) -> Answer:
        """Open, and ask for the first report."""
        start = time.perf_counter()
        self.engine.open()
        table = self.engine.report(self.question(0))
        seconds = time.perf_counter() - start
        return seconds, digest(self.engine.rows(table), ordered=True)

    def do_warm(self) -> Answer:
        getattr(self.engine, "warm", lambda: None)()
        return 0.0, None

    def do_report(self, number: int) -> Answer:
        question = self.question(number)
        seconds, table = timed(lambda: self.engine.report(question))
        return seconds, digest(self.engine.rows(table), ordered=question.top is not None)

    def do_find(self, keys: list[str]) -> Answer:
        seconds, found = timed(lambda: [self.engine.find(key) for key in keys])
        return seconds / len(keys), digest([row for rows in found for row in rows], ordered=False)

    def do_find_many(self, keys: list[str]) -> Answer:
        seconds, table = timed(lambda: self.engine.find_many(keys))
        return seconds / len(keys), digest(self.engine.found(table), ordered=False)

    def do_replace(self, file: str, month: str) -> Answer:
        return timed(lambda: self.engine.replace(file, month))

    def do_all_rows(self) -> Answer:
        seconds, table = timed(self.engine.all_rows)
        return seconds, [table.num_rows, table.num_columns, *self.sums(table)]

    @staticmethod
    def sums(table: object) -> list[str]:
        import pyarrow.compute

        return [plain(pyarrow.compute.sum(table[name]).as_py()) for name in ("units", "sales", "earnings")]

    def do_every_column(self) -> Answer:
        seconds, table = timed(self.engine.every_column)
        return seconds, [table.num_rows, *self.sums(table)]

    def do_packed_ids(self) -> Answer:
        seconds, table = timed(self.engine.packed_ids)
        return seconds, [table.num_rows, *self.sums(table)]

    def do_close(self) -> Answer:
        return timed(self.engine.close)

    def do_peak(self) -> Answer:
        return 0.0, peak_mb()


class Run:
    """All engines over the same reports."""

    def __init__(self, reports: Path, names: list[str], rounds: int, *, uuids: bool) -> None:
        self.reports = reports
        self.names = names
        self.rounds = rounds
        self.uuids = uuids
        self.files = sorted(reports.glob("*.gz"))
        self.scratch = Path(tempfile.mkdtemp(dir=Path.cwd() / "target"))

    def start(self, names: list[str]) -> Peers:
        """A process for each engine, over the folder that its import has left."""
        command = [sys.executable, __file__, str(self.reports), *([] if self.uuids else ["--text-ids"])]
        folder = {name: self.scratch / name for name in names}
        return Peers({name: [*command, "--serve", name, "--folder", str(folder[name])] for name in names})

    def write(self, job: str, taken: dict[str, list[float]], **more: object) -> None:
        """One line of the output: the median and the range of every engine."""
        figures = {
            name: {"median": statistics.median(all), "low": min(all), "high": max(all), "times": len(all)}
            for name, all in taken.items()
        }
        print(json.dumps({"job": job, **more, "engines": figures}), flush=True)

    def load(self, rounds: int) -> None:
        """Each engine imports everything, in a new process and a new folder each time."""
        told: dict[str, dict[str, list[float]]] = {}
        for _ in range(rounds):
            for name in self.names:
                if told.get("seconds", {}).get(name, [0.0])[-1] > PATIENCE * 2:
                    continue
                folder = self.scratch / name
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                peers = self.start([name])
                seconds, figures = peers.ask(name, "load")
                peers.end()
                for what, value in {"seconds": seconds, **figures}.items():
                    told.setdefault(what, {}).setdefault(name, []).append(value)
        self.same_rows(told["rows"])
        rows = told["rows"][self.names[0]][0]
        bytes_per_row = {name: [value / rows for value in all] for name, all in told["bytes"].items()}
        self.write("import", told["seconds"], rows=rows, files=len(self.files))
        self.write("import, CPU", told["cpu"], rows=rows)
        per_million = {name: [value / rows * 1e6 for value in all] for name, all in told["cpu"].items()}
        self.write("import, CPU seconds per million rows", per_million)
        self.write("import, peak MB", told["peak_mb"])
        self.write("bytes per row", bytes_per_row)

    @staticmethod
    def same_rows(rows: dict[str, list[float]]) -> None:
        if len({value for all in rows.values() for value in all}) != 1:
            raise SystemExit(f"the engines do not hold the same: {rows}")

    def cold(self) -> None:
        """A new process each time: what a program that starts has to wait for, its modules apart."""
        taken: dict[str, list[float]] = {}
        for _ in range(self.rounds):
            peers = self.start(self.names)
            for name, all in peers.compare("first report", "cold").items():
                taken.setdefault(name, []).extend(all)
            peers.end()
        self.write("open and first report", taken)

    def ask(self, peers: Peers) -> None:
        """Reports, then single rows."""
        months = [month_of(path) for path in self.files]
        for number, question in enumerate(questions(months)):
            peers.compare(question.name, "report", number)
            self.write(
                question.name, peers.compare(question.name, "report", number, rounds=self.rounds), report=True
            )
        keys = self.keys(MANY)
        fast = [name for name in self.names if name in ("tillroll", "sqlite", "duckdb-key")]
        slow = [name for name in self.names if name not in fast]
        if slow:
            self.write("get by id, without an index", peers.compare("get", "find", keys[:10], of=slow))
        if fast:
            finds = peers.compare("get", "find", keys[:FINDS], rounds=self.rounds, of=fast)
            self.write("get by id", finds)
        self.write("10,000 by id in one call", peers.compare("many", "find_many", keys, rounds=self.rounds))
        self.write(
            "reports and lookups, peak MB", {name: [peers.ask(name, "peak")[1]] for name in self.names}
        )

    def hand_over(self, peers: Peers) -> None:
        """All rows as Arrow, which SQLite does not give."""
        arrow = [name for name in self.names if name != "sqlite"]
        self.write(
            "all rows as Arrow", peers.compare("all rows", "all_rows", rounds=min(self.rounds, 3), of=arrow)
        )
        if "tillroll" in self.names:
            every = peers.compare("every column", "every_column", rounds=min(self.rounds, 3), of=["tillroll"])
            self.write("all rows as Arrow, every column", every)
            packed = peers.compare(
                "ids of 16 bytes", "packed_ids", rounds=min(self.rounds, 3), of=["tillroll"]
            )
            self.write("all rows as Arrow, ids of 16 bytes", packed)

    def keys(self, count: int) -> list[str]:
        """Transaction ids, drawn from the reports themselves."""
        draw = random.Random(7)
        keys: set[str] = set()
        share = count // len(self.files) + 1
        for file in self.files:
            with gzip.open(file, "rt", encoding="utf-8") as text:
                # No field before the id has a comma.
                ids = [line.split(",", 4)[3] for line in text][1:]
            keys.update(draw.sample(ids, min(share, len(ids))))
        return draw.sample(sorted(keys), min(count, len(keys)))

    def replace(self, peers: Peers) -> None:
        """One month is restated: by the same file without its last row, and by the whole one again."""
        whole = self.files[len(self.files) // 2]
        month = month_of(whole)
        other = self.scratch / whole.name
        lines = gzip.decompress(whole.read_bytes()).splitlines(keepends=True)
        other.write_bytes(gzip.compress(b"".join(lines[:-1]), 6))
        taken: dict[str, list[float]] = {}
        for round_ in range(self.rounds):
            file = whole if round_ % 2 else other
            for name, all in peers.compare("restated month", "replace", str(file), month).items():
                taken.setdefault(name, []).extend(all)
        self.write("one month restated", taken, rows=len(lines) - 1)

    def run(self, loads: int) -> None:
        """Everything, in order."""
        self.load(loads)
        self.cold()
        peers = self.start(self.names)
        versions = {name: peers.ask(name, "version")[1] for name in self.names}
        for name in self.names:
            peers.ask(name, "open")
            peers.ask(name, "warm")
        self.ask(peers)
        self.replace(peers)
        self.hand_over(peers)
        for name in self.names:
            peers.ask(name, "close")
        peers.end()
        print(json.dumps({"versions": versions, "python": platform.python_version()}), flush=True)

    def end(self) -> None:
        shutil.rmtree(self.scratch)


def machine() -> dict[str, object]:
    """Where this is measured."""
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), model)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout
    return {"cpu": model, "cores": os.cpu_count(), "load": os.getloadavg(), "commit": commit.strip()}


def main() -> int:
    """Compare, or be one of those that are compared."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", type=Path)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loads", type=int, default=3)
    parser.add_argument("--text-ids", action="store_true")
    parser.add_argument("--serve", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    uuids = not arguments.text_ids
    if arguments.serve:
        serve(Server(arguments.serve, arguments.folder, arguments.reports, uuids=uuids).answer)
        return 0
    print(json.dumps({"machine": machine()}), flush=True)
    run = Run(arguments.reports, arguments.engines.split(","), arguments.rounds, uuids=uuids)
    try:
        run.run(arguments.loads)
    finally:
        run.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
