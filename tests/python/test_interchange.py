"""What every library makes of every answer: the same Python objects, whatever it takes them through."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tillroll

COLUMNS = [
    *("transaction_id", "account", "store", "period", "time", "date", "type", "sku", "item_name"),
    *("term", "units", "currency", "sales", "earnings", "product", "Device Type"),
]

# What is asked, and the Arrow type of each of its columns.
TEXT = pa.dictionary(pa.int32(), pa.string())
SALES = {
    **dict.fromkeys(["transaction_id", "store", "period", "type", "sku", "item_name", "term"], TEXT),
    **{"currency": TEXT, "Device Type": TEXT, "account": pa.int64(), "units": pa.int64()},
    **{"product": pa.int64(), "time": pa.timestamp("us", "UTC"), "date": pa.date32()},
    **{"sales": pa.decimal128(18, 6), "earnings": pa.decimal128(18, 6)},
}
TYPES = {
    "scan": {name: SALES[name] for name in COLUMNS},
    "no rows of a scan": {name: SALES[name] for name in COLUMNS},
    "ids as bytes": {"transaction_id": pa.binary(16), "sku": TEXT},
    "report": {
        **{"day": pa.date32(), "term": pa.string(), "currency": pa.string(), "units": pa.int64()},
        **{"sales": pa.decimal128(38, 6), "earnings": pa.decimal128(38, 6), "rows": pa.int64()},
    },
    "no rows of a report": {"month": pa.date32(), "product": pa.int64(), "rows": pa.int64()},
    "sums of nothing": {"currency": pa.string(), "earnings": pa.decimal128(38, 6)},
    "totals": {
        **{"currency": pa.string(), "units": pa.int64(), "sales": pa.decimal128(38, 6)},
        **{"earnings_currency": pa.string(), "earnings": pa.decimal128(38, 6)},
    },
    "rejects": {"path": pa.string(), "line": pa.int64(), "reason": pa.string(), "text": pa.string()},
}


def answer(db, case):
    sales = db.sales
    return {
        "scan": lambda: sales.scan(columns=COLUMNS),
        "no rows of a scan": lambda: sales.scan(columns=COLUMNS, sku="no such"),
        "ids as bytes": lambda: sales.scan(columns=["transaction_id", "sku"], binary_ids=True),
        "report": lambda: sales.report(
            by=["day", "term", "currency"], measures=["units", "sales", "earnings", "rows"]
        ),
        "no rows of a report": lambda: sales.report(by=["month", "product"], measures="rows", sku="no such"),
        "sums of nothing": lambda: sales.report(by="currency", measures="earnings", sku="unpriced"),
        "totals": lambda: sales.imports()[0].totals,
        "rejects": lambda: sales.rejects(),
    }[case]()


@pytest.fixture(scope="module")
def db(tmp_path_factory, reports):
    """Sales whose ids are UUIDs, with nulls, amounts to the last place, and a row that cannot be read."""
    folder = tmp_path_factory.mktemp("interchange")
    rows = reports.rows(120, 2018, 3)
    for number, row in enumerate(rows):
        row.transaction = str(UUID(int=number << 70 | 7))
        row.extra["Device Type"] = "Fire TV" if number % 3 else ""
    rows[0].price, rows[0].earnings, rows[0].type = "123456789012.123456", "0.000001", "Charge"
    rows[1].price, rows[1].earnings, rows[1].sku, rows[1].currency = "", "", "unpriced", "USD"
    rows[2].units = "half"
    with tillroll.open(folder / "shop.till") as db:
        account = db.external_accounts.create(nickname="Amazon apps", store="amazon")
        report = reports.write(folder / "sales_2018_03.csv", rows)
        assert db.sales.import_reports(report, account=account).rejected == 1
        yield db


def expected_of(taken):
    """The rows by the engine's own way into Python."""
    if isinstance(taken, tillroll.Scan):
        return [row for batch in taken for row in batch]
    return list(taken)


def by_pyarrow(taken):
    return pa.table(taken).to_pylist()


def by_pyarrow_reader(taken):
    return [row for batch in pa.RecordBatchReader.from_stream(taken) for row in batch.to_pylist()]


def by_polars(taken):
    return pl.DataFrame(taken).to_dicts()


def by_pandas(taken):
    # pandas' own types have no whole numbers or days with gaps in them; Arrow's have.
    frame = pd.DataFrame.from_arrow(taken).convert_dtypes(dtype_backend="pyarrow")
    names = list(frame.columns)
    return [dict(zip(names, map(plain, row), strict=True)) for row in frame.itertuples(index=False)]


def plain(value):
    if not isinstance(value, list) and pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def by_duckdb(taken):
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.register("answer", taken)
    return pa.table(connection.sql("from answer").to_arrow_table()).to_pylist()


LIBRARIES = [by_pyarrow, by_pyarrow_reader, by_polars, by_pandas, by_duckdb]


@pytest.mark.parametrize("case", TYPES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_values_are_the_same_python_objects(db, library, case):
    expected = expected_of(answer(db, case))
    assert bool(expected) == (not case.startswith("no rows"))
    found = library(answer(db, case))
    assert found == expected
    for row, own in zip(found, expected, strict=True):
        assert list(row) == list(own) == list(TYPES[case])
        # Equal is not enough: 1 == 1.0 == Decimal(1).
        assert {name: kind(value) for name, value in row.items()} == {
            name: kind(value) for name, value in own.items()
        }


def kind(value):
    if isinstance(value, datetime):
        return (datetime, value.utcoffset())
    return type(value)


@pytest.mark.parametrize("case", TYPES)
def test_types_are_told_before_any_row(db, case):
    taken = answer(db, case)
    schema = pa.schema(taken)
    assert dict(zip(schema.names, schema.types, strict=True)) == TYPES[case]
    assert pa.table(taken).schema == schema
    assert pa.table(taken).validate(full=True) is None
    assert pl.DataFrame(taken).columns == schema.names


def test_the_shop_has_what_this_is_about(db):
    rows = expected_of(answer(db, "scan"))
    assert {type(value) for row in rows for value in row.values()} == {
        *(str, int, Decimal, date, datetime, type(None))
    }
    assert {row["time"].utcoffset() for row in rows} == {timedelta(0)}
    assert rows[0]["sales"] == Decimal("123456789012.123456")
    assert rows[0]["earnings"] == Decimal("0.000001")
    assert rows[1]["sales"] is rows[1]["earnings"] is None
    assert list(answer(db, "sums of nothing")) == [{"currency": "USD", "earnings": None}]
    assert UUID(bytes=expected_of(answer(db, "ids as bytes"))[0]["transaction_id"]) == UUID(int=7)
    assert rows[0]["time"].tzinfo is UTC


@pytest.mark.parametrize("case", ["scan", "ids as bytes"])
def test_batches_go_one_by_one(db, case):
    expected = expected_of(answer(db, case))
    batches = list(answer(db, case))
    assert [row for batch in batches for row in pa.record_batch(batch).to_pylist()] == expected
    assert [row for batch in batches for row in pl.DataFrame(batch).to_dicts()] == expected


@pytest.mark.parametrize("case", ["scan", "report"])
def test_nothing_is_copied_on_the_way(db, case):
    taken = answer(db, case)
    if case == "scan":
        (taken,) = taken
    take = pa.record_batch if case == "scan" else pa.table

    def addresses():
        columns = take(taken).columns
        chunks = [chunk for column in columns for chunk in getattr(column, "chunks", [column])]
        return [buffer and buffer.address for chunk in chunks for buffer in chunk.buffers()]

    assert addresses() == addresses()
    assert any(addresses())
