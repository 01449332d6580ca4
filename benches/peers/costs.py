"""What Tillroll's work costs beside the rows: threads, numbers of reports, readers during an import.

    python benches/peers/costs.py REPORTS_DIR [--rounds 5]

`REPORTS_DIR` holds Amazon reports as `make bench` generates them. Prints JSON, a table a line: a title, the
names of its columns and its rows.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tillroll
from questions import month_of
from serve import cpu_seconds, peak_mb, timed

READERS = 8
# Days that every month has.
DAYS = {f"{day:02}" for day in range(1, 29)}


def tell(title: str, columns: list[str], rows: list[list[object]]) -> None:
    """One line of the output."""
    print(json.dumps({"title": title, "columns": columns, "cells": rows}), flush=True)


@contextmanager
def database(**options: object) -> Iterator[tuple[tillroll.Db, int]]:
    """A new database with an account, for as long as it is needed."""
    scratch = tempfile.TemporaryDirectory(dir=Path.cwd() / "target")
    with scratch as folder, tillroll.open(Path(folder) / "shop.till", **options) as db:
        yield db, db.external_accounts.create(nickname="bench", store="amazon").id


def median_ms(times: list[float]) -> float:
    return round(statistics.median(times) * 1e3, 3)


def threads(files: list[str], rounds: int) -> None:
    """An import and the dearest report with one thread and with more."""
    rows = []
    for count in (1, 2, 4, 8):
        with database(threads=count) as (db, account):
            before = cpu_seconds()
            seconds, _ = timed(lambda: db.sales.import_reports(files, account=account, threads=count))  # noqa: B023
            spent = cpu_seconds() - before
            ask = lambda: db.sales.report(by=["country", "sku", "month"], account=account)  # noqa: E731
            ask()
            taken = [timed(ask)[0] for _ in range(rounds)]
        rows.append([count, round(seconds, 2), round(spent, 2), median_ms(taken)])
    tell(
        "Threads",
        ["threads", "import, s", "import, CPU s", "country x product x month, ms"],
        rows,
    )


def small_reports(db: tillroll.Db, count: int, source: str, folder: Path) -> None:
    """Imports so many reports of 50 rows, 100 an account: a large one's rows as another month's each."""
    with gzip.open(source, "rt", encoding="utf-8", newline="") as text:
        header, *lines = text.read().splitlines(keepends=True)
    own = f"{month_of(source)}-"
    # The time stands before any column that could hold such a text itself. By the clock of its marketplace
    # a row may be of the next month's first day.
    lines = [line for line in lines if line.partition(own)[2][:2] in DAYS]
    if len(lines) <= 50:
        raise SystemExit(f"{source} has too few rows")
    for first in range(0, count, 100):
        files = []
        for number in range(first, min(count, first + 100)):
            year, month = 2010 + number % 100 // 12, number % 100 % 12 + 1
            start = number * 50 % (len(lines) - 50)
            rows = "".join(line.replace(own, f"{year}-{month:02}-", 1) for line in lines[start : start + 50])
            files.append(folder / f"sales_{year}_{month:02}.csv")
            files[-1].write_text(header + rows, encoding="utf-8", newline="")
        account = db.external_accounts.create(nickname=f"account {first}", store="amazon").id
        db.sales.import_reports(files, account=account)


OPENING = """
import sys, time, tillroll
start = time.perf_counter()
db = tillroll.open(sys.argv[1])
opened = time.perf_counter()
# What getrusage tells begins with the process that started this one.
held = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1e3
ask = lambda: len(db.sales.report(by=["month", "currency"], measures=["units", "sales"]))
times = []
for _ in range(2):
    before = time.perf_counter(); ask(); times.append(time.perf_counter() - before)
print(opened - start, *times, held)
"""


def reports(source: str, rounds: int) -> None:
    """Open, first and second report, and memory, with few and with many reports."""
    rows = []
    for count in (10, 1_000, 10_000):
        with tempfile.TemporaryDirectory(dir=Path.cwd() / "target") as folder:
            path = Path(folder) / "shop.till"
            with tillroll.open(path) as db:
                small_reports(db, count, source, Path(folder))
                held = len(db.sales.imports())
            told = []
            for _ in range(rounds):
                command = [sys.executable, "-c", OPENING, str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                told.append([float(word) for word in done.stdout.split()])
            opened, first, second, memory = (statistics.median(column) for column in zip(*told, strict=True))
        rows.append(
            [held, *(round(seconds * 1e3, 2) for seconds in (opened, first, second)), round(memory, 1)]
        )
    columns = ["reports", "open, ms", "first report, ms", "second report, ms", "memory after open, MB"]
    tell("Reports of 50 rows", columns, rows)


def readers(files: list[str]) -> None:
    """Eight threads that ask for reports, alone and while another one imports."""
    half = len(files) // 2
    with database() as (db, account):
        db.sales.import_reports(files[:half], account=account)

        def ask(done: threading.Event, taken: list[float]) -> None:
            while not done.is_set():
                start = time.perf_counter()
                db.sales.report(by=["country", "currency"], measures=["units", "sales"])
                taken.append(time.perf_counter() - start)

        def while_(work: object) -> list[float]:
            done, taken = threading.Event(), [[] for _ in range(READERS)]
            asking = [threading.Thread(target=ask, args=(done, mine)) for mine in taken]
            for thread in asking:
                thread.start()
            work()
            done.set()
            for thread in asking:
                thread.join()
            return [seconds for mine in taken for seconds in mine]

        alone = while_(lambda: time.sleep(3))
        busy = while_(lambda: db.sales.import_reports(files[half:], account=account))
        medians = [median_ms(times) for times in (alone, busy)]
    rows = [
        ["alone", medians[0], len(alone)],
        ["during an import", medians[1], len(busy)],
        ["ratio", round(medians[1] / medians[0], 2), ""],
    ]
    tell("Eight readers", ["", "median of a report by country and currency, ms", "reports"], rows)


def main() -> int:
    """Measure all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    files = sorted(str(path) for path in arguments.reports.glob("*.gz"))
    print(json.dumps({"cores": os.cpu_count(), "load": os.getloadavg()}), flush=True)
    threads(files, arguments.rounds)
    reports(files[0], arguments.rounds)
    readers(files)
    print(json.dumps({"peak_mb": peak_mb(), "load": os.getloadavg()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
