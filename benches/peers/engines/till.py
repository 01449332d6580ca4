"""Tillroll: always durable, always with an index of transaction ids."""

from __future__ import annotations

from pathlib import Path

import tillroll
from questions import COLUMNS, Question


class Engine:
    version = tillroll.__version__

    def __init__(self, folder: Path, *, uuids: bool = True, threads: int | None = None) -> None:
        self.path = folder / "shop.till"
        self.threads = threads
        self.db = None

    def open(self) -> None:
        self.db = tillroll.open(self.path, threads=self.threads)

    def close(self) -> None:
        self.db.close()

    def load(self, files: list[str]) -> int:
        self.open()
        account = self.db.external_accounts.create(nickname="bench", store="amazon")
        done = self.db.sales.import_reports(files, account=account.id, threads=self.threads)
        if done.rejected:
            raise SystemExit(f"{done.rejected} rows were rejected")
        return done.rows

    def replace(self, file: str, month: str) -> int:
        done = self.db.sales.import_reports([file], account=1)
        if done.replaced != 1:
            raise SystemExit(f"{month} was not replaced: {done}")
        return done.rows

    def report(self, question: Question) -> object:
        where = {"account": 1} if question.account else {}
        for name in ("sku", "currency", "start", "end"):
            if getattr(question, name) is not None:
                where[name] = getattr(question, name)
        ordered = {"order_by": f"-{question.measures[0]}", "limit": question.top} if question.top else {}
        return self.db.sales.report(by=question.by, measures=question.measures, **ordered, **where)

    @staticmethod
    def rows(table: object) -> list[tuple]:
        return [tuple(row.values()) for row in table]

    def find(self, key: str) -> list[tuple]:
        return [(sale.sku, sale.date, sale.units, sale.earnings) for sale in self.db.sales.get(key)]

    def find_many(self, keys: list[str]) -> object:
        return self.db.sales.get_many(keys)

    @staticmethod
    def found(table: object) -> list[tuple]:
        return [(row["sku"], row["date"], row["units"], row["earnings"]) for row in table]

    def all_rows(self) -> object:
        import pyarrow

        return pyarrow.table(self.db.sales.scan(columns=COLUMNS))

    def every_column(self) -> object:
        import pyarrow

        return pyarrow.table(self.db.sales.scan())

    def packed_ids(self) -> object:
        import pyarrow

        return pyarrow.table(self.db.sales.scan(columns=COLUMNS, binary_ids=True))
