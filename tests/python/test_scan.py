"""Scans, here and in the libraries that take them."""

from datetime import UTC, date
from decimal import Decimal
from uuid import UUID

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tillroll

COLUMNS = ["transaction_id", "time", "date", "type", "sku", "term", "units", "sales", "currency"]


def key(row):
    return (row["transaction_id"], row["type"], row["units"])


@pytest.fixture
def expected(shop):
    return sorted(
        (
            {
                "transaction_id": row.transaction,
                "time": row.time,
                "date": row.date,
                "type": row.kind,
                "sku": row.sku,
                "term": row.term,
                "units": row.net_units,
                "sales": row.net_price,
                "currency": row.currency,
            }
            for row in shop.rows
        ),
        key=key,
    )


@pytest.fixture
def scan(shop):
    return shop.db.sales.scan(columns=COLUMNS)


def test_batches_are_arrays_and_rows(scan, expected):
    batches = list(scan)
    assert sum(map(len, batches)) == 1600
    assert all(batch.columns == COLUMNS == scan.columns for batch in batches)
    assert sorted((row for batch in batches for row in batch), key=key) == expected
    arrays = [pa.record_batch(batch) for batch in batches]
    assert sum(array.num_rows for array in arrays) == 1600
    assert pl.DataFrame(batches[0]).height == len(batches[0])


def test_pyarrow(scan, expected):
    taken = pa.table(scan)
    types = {field.name: field.type for field in taken.schema}
    assert types["time"] == pa.timestamp("us", "UTC")
    assert types["date"] == pa.date32()
    assert types["units"] == pa.int64()
    assert types["sales"] == pa.decimal128(18, 6)
    assert types["sku"] == pa.dictionary(pa.int32(), pa.string())
    taken.validate(full=True)
    rows = taken.to_pylist()
    assert sorted(rows, key=key) == expected
    assert scan.to_arrow().num_rows == 1600


def test_polars(scan, expected):
    taken = pl.DataFrame(scan)
    assert taken.schema["time"] == pl.Datetime("us", "UTC")
    assert taken.schema["sales"] == pl.Decimal(18, 6)
    assert sorted(taken.to_dicts(), key=key) == expected
    assert scan.to_polars().equals(taken)


def test_pandas(scan, expected):
    taken = scan.to_pandas()
    assert str(taken["time"].dt.tz) == "UTC"
    rows = sorted(taken.to_dict("records"), key=key)
    assert [row["time"].to_pydatetime() for row in rows] == [row["time"] for row in expected]
    assert [Decimal(row["sales"]) for row in rows] == [row["sales"] for row in expected]
    terms = [None if pd.isna(row["term"]) else row["term"] for row in rows]
    assert terms == [row["term"] for row in expected]


def test_duckdb(scan, expected):
    units = sum(row["units"] for row in expected)
    assert duckdb.sql("select count(*), sum(units) from scan").fetchall() == [(1600, units)]
    by_duckdb = dict(duckdb.sql("select currency, sum(sales) from scan group by 1").fetchall())
    for currency, total in by_duckdb.items():
        assert total == sum(row["sales"] for row in expected if row["currency"] == currency)
    # Again: every use is a scan of its own.
    assert duckdb.sql("select count(*) from scan").fetchall() == [(1600,)]


@pytest.mark.parametrize("take", [pa.table, pl.DataFrame, pd.DataFrame.from_arrow])
def test_no_rows_keep_their_types(shop, take):
    taken = take(shop.db.sales.scan(columns=COLUMNS, sku="no such"))
    assert len(taken) == 0
    assert list(getattr(taken, "column_names", taken.columns)) == COLUMNS


def test_all_columns_by_default(shop):
    scan = shop.db.sales.scan()
    assert scan.columns == shop.db.sales.columns
    assert scan.columns[:4] == ["account", "store", "kind", "period"]
    (account,) = pa.table(scan)["account"].unique().to_pylist()
    assert account == shop.account.id


def test_filters_and_limits(shop):
    rows = [row for row in shop.rows if row.sku == "sudoku" and row.date >= date(2018, 2, 1)]
    taken = shop.db.sales.scan(columns=["sku", "date"], sku="sudoku", start="2018-02-01").to_polars()
    assert taken.height == len(rows)
    assert set(taken["sku"]) == {"sudoku"}
    assert shop.db.sales.scan(columns="sku", limit=7).to_arrow().num_rows == 7
    assert shop.db.sales.scan(columns="sku", limit=0).to_arrow().num_rows == 0


def test_ids_as_bytes(db, account, reports, tmp_path, shop):
    rows = reports.rows(50, 2018, 1)
    for number, row in enumerate(rows):
        row.transaction = str(UUID(int=number << 70 | 7))
    db.sales.import_reports(reports.write(tmp_path / "sales_2018_01.csv", rows), account=account)
    binary = db.sales.scan(columns=["transaction_id"], binary_ids=True)
    taken = pa.table(binary)["transaction_id"]
    assert taken.type == pa.binary(16)
    assert taken.to_pylist() == [UUID(row.transaction).bytes for row in rows]
    assert [row["transaction_id"] for batch in binary for row in batch] == taken.to_pylist()
    with pytest.raises(tillroll.ValidationError) as refused:
        db.sales.report(binary_ids=True)
    assert list(refused.value.errors) == ["binary_ids"]
    # Some ids of the shop are numbers.
    with pytest.raises(tillroll.ValidationError, match="UUID"):
        list(shop.db.sales.scan(binary_ids=True))


def test_a_wrong_argument_is_told_at_the_call(shop):
    for wrong in [{"columns": ["nonsense"]}, {"nonsense": 1}, {"limit": -1}]:
        with pytest.raises(tillroll.ValidationError):
            shop.db.sales.scan(**wrong)


def test_a_scan_under_way_does_not_see_what_is_imported_meanwhile(db, account, reports, tmp_path):
    db.sales.import_reports(
        reports.write(tmp_path / "sales_2018_03.gz", reports.rows(100, 2018, 3)), account=account
    )
    scan = db.sales.scan(columns=["time"])
    under_way = iter(scan)
    db.sales.import_reports(
        reports.write(tmp_path / "sales_2018_03.gz", reports.rows(70, 2018, 3, seed=9)), account=account
    )
    assert sum(map(len, under_way)) == 100
    times = [row["time"] for batch in scan for row in batch]
    assert len(times) == 70
    assert all(time.tzinfo is UTC for time in times)
