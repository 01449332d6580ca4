"""SQLite with typed columns, money as millionths, WAL and indexes on the transaction id and the report.

It has no reader of its own for such files: Python's csv module parses them, and an import is mostly that.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from questions import COLUMNS, Question, month_of

from engines.sql import select

TYPES = {"units": "INTEGER", "sales": "INTEGER", "earnings": "INTEGER"}
STEPS = {"month": "substr(time, 1, 7) || '-01'", "day": "substr(time, 1, 10)"}
REFUND = re.compile("refund|chargeback|reversal")


def millionths(text: str) -> int:
    """An amount as a whole number, which SQLite adds exactly."""
    whole, _, rest = text.partition(".")
    value = int(whole.lstrip("-") or "0") * 1_000_000 + int(f"{rest:0<6}")
    return -value if text.startswith("-") else value


def sign(kind: str, sales: int, earnings: int) -> int:
    """The sign of a row: a refund is written with either."""
    if kind == "Charge":
        return 1
    if REFUND.search(kind.lower()):
        return -1
    return -1 if earnings < 0 or (earnings == 0 and sales < 0) else 1


class Engine:
    version = sqlite3.sqlite_version

    def __init__(self, folder: Path, *, uuids: bool = True, threads: int | None = None) -> None:
        self.path = folder / "shop.sqlite"
        self.db = None

    def open(self) -> None:
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("PRAGMA cache_size = -262144")

    def close(self) -> None:
        self.db.close()

    def load(self, files: list[str]) -> int:
        self.open()
        columns = ", ".join(f"{name} {TYPES.get(name, 'TEXT')}" for name in COLUMNS)
        self.db.execute(f"CREATE TABLE sales ({columns}, account INTEGER, report TEXT)")
        for file in files:
            self.db.execute("BEGIN")
            self.insert(file)
            self.db.execute("COMMIT")
        self.db.execute("CREATE INDEX sales_by_id ON sales (transaction_id)")
        self.db.execute("CREATE INDEX sales_by_report ON sales (report)")
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.db.execute("SELECT count(*) FROM sales").fetchone()[0]

    def insert(self, file: str) -> int:
        places = ", ".join("?" * (len(COLUMNS) + 2))
        return self.db.executemany(f"INSERT INTO sales VALUES ({places})", self.read(file)).rowcount

    @staticmethod
    def read(file: str) -> Iterator[list]:
        report = month_of(file)
        with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
            lines = csv.reader(text)
            next(lines)
            for row in lines:
                sales, earnings = millionths(row[14]), millionths(row[15])
                by = sign(row[5], sales, earnings)
                row[4] = row[4][:19]
                row[11], row[14], row[15] = by * abs(int(row[11])), by * abs(sales), by * abs(earnings)
                row += [1, report]
                yield row

    def replace(self, file: str, month: str) -> int:
        self.db.execute("BEGIN")
        self.db.execute("DELETE FROM sales WHERE report = ?", (month,))
        rows = self.insert(file)
        self.db.execute("COMMIT")
        return rows

    def report(self, question: Question) -> object:
        text, values = select(question, STEPS)
        return question, self.db.execute(text, values).fetchall()

    @staticmethod
    def rows(answer: tuple) -> list[tuple]:
        """Amounts as such: the millionths are how they are stored."""
        question, rows = answer
        keys = len(question.by)
        money = [keys + place for place, name in enumerate(question.measures) if name != "units"]
        return [
            tuple(Decimal(value) / 1_000_000 if place in money else value for place, value in enumerate(row))
            for row in rows
        ]

    def find(self, key: str) -> list[tuple]:
        query = "SELECT sku, substr(time, 1, 10), units, earnings FROM sales WHERE transaction_id = ?"
        rows = self.db.execute(query, (key,)).fetchall()
        return [(sku, day, units, Decimal(money) / 1_000_000) for sku, day, units, money in rows]

    def find_many(self, keys: list[str]) -> object:
        query = "SELECT * FROM sales WHERE transaction_id IN (SELECT value FROM json_each(?))"
        return self.db.execute(query, (json.dumps(keys),)).fetchall()

    @staticmethod
    def found(rows: list[tuple]) -> list[tuple]:
        return [(row[6], row[4][:10], row[11], Decimal(row[15]) / 1_000_000) for row in rows]
