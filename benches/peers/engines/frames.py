"""Polars over a Parquet file a report: the first question reads the files, later ones have all in memory.

Each file is written under another name, synced and renamed, so that it is as durable as the others' commits.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
from questions import COLUMNS, Question, month_of

TYPES = {"units": pl.Int64, "sales": pl.Decimal(18, 6), "earnings": pl.Decimal(18, 6)}
SIGN = (
    pl.when(pl.col("type") == "Charge")
    .then(1)
    .when(pl.col("type").str.to_lowercase().str.contains("refund|chargeback|reversal"))
    .then(-1)
    .when((pl.col("earnings") < 0) | ((pl.col("earnings") == 0) & (pl.col("sales") < 0)))
    .then(-1)
    .otherwise(1)
)
STEPS = {"month": "1mo", "day": "1d"}


def signed(name: str) -> pl.Expr:
    """A figure with the sign of its row; amounts keep their type."""
    value = pl.col(name).abs()
    return pl.when(SIGN < 0).then(-value).otherwise(value).alias(name)


def sync(path: Path) -> None:
    """Waits until the disk has a file, or the names in a folder."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


class Engine:
    version = pl.__version__

    def __init__(self, folder: Path, *, uuids: bool = True, threads: int | None = None) -> None:
        self.path = folder / "parquet"
        self.frame = None

    def open(self) -> None:
        self.frame = None

    def close(self) -> None:
        self.frame = None

    def load(self, files: list[str]) -> int:
        self.path.mkdir()
        return sum(self.write(file) for file in files)

    def write(self, file: str) -> int:
        schema = {name: TYPES.get(name, pl.String) for name in COLUMNS}
        table = pl.read_csv(file, schema=schema, has_header=False, skip_rows=1).with_columns(
            pl.col("time").str.head(19).str.to_datetime("%Y-%m-%d %H:%M:%S"),
            *(signed(name) for name in TYPES),
            account=pl.lit(1, pl.Int32),
        )
        path = self.path / f"{month_of(file)}.parquet"
        table.write_parquet(path.with_suffix(".new"))
        sync(path.with_suffix(".new"))
        path.with_suffix(".new").rename(path)
        sync(self.path)
        return len(table)

    def replace(self, file: str, month: str) -> int:
        rows = self.write(file)
        self.frame = None
        return rows

    def all(self) -> pl.LazyFrame:
        return pl.scan_parquet(self.path / "*.parquet")

    def report(self, question: Question) -> object:
        """The first question reads the files it needs; those behind it have all in memory."""
        source = self.all() if self.frame is None else self.frame.lazy()
        if question.account:
            source = source.filter(pl.col("account") == 1)
        for name in ("sku", "currency"):
            if getattr(question, name) is not None:
                source = source.filter(pl.col(name) == getattr(question, name))
        if question.start is not None:
            source = source.filter(pl.col("time") >= pl.lit(question.start).str.to_datetime("%Y-%m-%d"))
            source = source.filter(pl.col("time") < pl.lit(question.end).str.to_datetime("%Y-%m-%d"))
        by = [
            pl.col("time").dt.truncate(STEPS[name]).dt.date().alias(name) if name in STEPS else pl.col(name)
            for name in question.by
        ]
        sums = source.group_by(by).agg(pl.col(name).sum() for name in question.measures)
        if question.top:
            first = question.measures[0]
            return sums.sort([first, "sku"], descending=[True, False]).limit(question.top).collect()
        return sums.sort(question.by).collect()

    def warm(self) -> None:
        """Take all into memory, as one does who asks often."""
        self.frame = self.all().collect()

    @staticmethod
    def rows(table: pl.DataFrame) -> list[tuple]:
        return table.rows()

    def find(self, key: str) -> list[tuple]:
        found = self.frame.filter(pl.col("transaction_id") == key)
        return found.select("sku", pl.col("time").dt.date(), "units", "earnings").rows()

    def find_many(self, keys: list[str]) -> object:
        return self.frame.join(pl.DataFrame({"transaction_id": keys}), on="transaction_id", how="semi")

    @staticmethod
    def found(table: pl.DataFrame) -> list[tuple]:
        return table.select("sku", pl.col("time").dt.date(), "units", "earnings").rows()

    def all_rows(self) -> object:
        return self.all().select(COLUMNS).collect().to_arrow()
