"""DuckDB with typed columns; with an index on the transaction id beside them or without it."""

from __future__ import annotations

from pathlib import Path

import duckdb
from questions import COLUMNS, Question

from engines.sql import select

# A charge and its refund share an id: the index cannot be a unique one.
TYPES = {
    "time": "TIMESTAMP",
    "units": "BIGINT",
    "sales": "DECIMAL(18, 6)",
    "earnings": "DECIMAL(18, 6)",
}
# A refund is written with either sign, and what is neither charge nor refund keeps that of its money.
SIGN = """CASE WHEN type = 'Charge' THEN 1
    WHEN regexp_matches(lower(type), 'refund|chargeback|reversal') THEN -1
    WHEN earnings < 0 OR (earnings = 0 AND sales < 0) THEN -1 ELSE 1 END"""
STEPS = {"month": "CAST(date_trunc('month', time) AS DATE)", "day": "CAST(time AS DATE)"}


class Engine:
    version = duckdb.__version__

    def __init__(self, folder: Path, *, key: bool, uuids: bool = True, threads: int | None = None) -> None:
        self.path = folder / "shop.duckdb"
        self.key = key
        self.threads = threads
        self.id = "UUID" if uuids else "VARCHAR"
        self.db = None

    def open(self) -> None:
        self.db = duckdb.connect(str(self.path), config={"threads": self.threads} if self.threads else {})

    def close(self) -> None:
        self.db.close()

    def load(self, files: list[str]) -> int:
        self.open()
        types = {name: TYPES.get(name, "VARCHAR") for name in COLUMNS} | {"transaction_id": self.id}
        columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
        self.db.execute(f"CREATE TABLE sales ({columns}, account INTEGER, report VARCHAR)")
        self.insert(files)
        if self.key:
            self.db.execute("CREATE INDEX sales_by_id ON sales (transaction_id)")
        self.db.execute("CHECKPOINT")
        return self.db.execute("SELECT count(*) FROM sales").fetchone()[0]

    def insert(self, files: list[str]) -> int:
        """Read typed columns; the time's zone token, which some rows have, is cut off."""
        as_text = {name: "VARCHAR" if name == "time" else TYPES.get(name, "VARCHAR") for name in COLUMNS}
        as_text["transaction_id"] = self.id
        signed = ", ".join(f"sign * abs({name}) AS {name}" for name in ("units", "sales", "earnings"))
        done = self.db.execute(
            f"INSERT INTO sales SELECT * EXCLUDE (sign, filename) REPLACE ({signed}, "
            "CAST(time[1:19] AS TIMESTAMP) AS time), 1, "
            "replace(regexp_extract(filename, '[0-9]{4}_[0-9]{2}'), '_', '-') "
            f"FROM (SELECT *, {SIGN} AS sign FROM read_csv(?, header = true, columns = ?, "
            "compression = 'gzip', filename = true, quote = '\"', escape = '\"'))",
            [files, as_text],
        )
        return done.fetchone()[0]

    def replace(self, file: str, month: str) -> int:
        self.db.execute("BEGIN")
        self.db.execute("DELETE FROM sales WHERE report = ?", [month])
        rows = self.insert([file])
        self.db.execute("COMMIT")
        return rows

    def report(self, question: Question) -> object:
        text, values = select(question, STEPS, time="CAST(? AS TIMESTAMP)")
        return self.db.sql(text, params=values).to_arrow_table()

    @staticmethod
    def rows(table: object) -> list[tuple]:
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def find(self, key: str) -> list[tuple]:
        query = "SELECT sku, CAST(time AS DATE), units, earnings FROM sales WHERE transaction_id = ?"
        return self.db.execute(query, [key]).fetchall()

    def find_many(self, keys: list[str]) -> object:
        import pyarrow

        asked = pyarrow.table({"key": keys})
        self.db.register("asked", asked)
        query = f"SELECT sales.* FROM sales JOIN asked ON transaction_id = CAST(key AS {self.id})"
        return self.db.sql(query).to_arrow_table()

    @staticmethod
    def found(table: object) -> list[tuple]:
        return Engine.rows(table.select(["sku", "time", "units", "earnings"]))

    def all_rows(self) -> object:
        return self.db.sql("SELECT * EXCLUDE (account, report) FROM sales").to_arrow_table()
