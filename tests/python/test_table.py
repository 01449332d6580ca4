"""Tables, here and in the libraries that take them."""

import sys
from datetime import date
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tillroll

QUERY = {"by": ["month", "term", "currency"], "measures": ["units", "sales", "earnings"]}
SCHEMA = [
    ("month", pa.date32()),
    ("term", pa.string()),
    ("currency", pa.string()),
    ("units", pa.int64()),
    ("sales", pa.decimal128(38, 6)),
    ("earnings", pa.decimal128(38, 6)),
]


@pytest.fixture(params=["rows", "no rows"])
def where(request):
    return {} if request.param == "rows" else {"sku": "no such"}


@pytest.fixture
def table(shop, where):
    return shop.db.sales.report(**QUERY, **where)


@pytest.fixture
def expected(reports, shop, where):
    return [] if where else reports.sums(shop.rows, **QUERY)


def test_rows_are_dicts_of_python_values(table, expected):
    assert list(table) == expected
    assert len(table) == len(expected)
    assert table.columns == [name for name, _ in SCHEMA]


def test_pyarrow(table, expected):
    for taken in [pa.table(table), table.to_arrow()]:
        assert list(zip(taken.schema.names, taken.schema.types, strict=True)) == SCHEMA
        assert taken.to_pylist() == expected
        taken.validate(full=True)


def test_polars(table, expected):
    for taken in [pl.DataFrame(table), table.to_polars()]:
        assert taken.schema["month"] == pl.Date
        assert taken.schema["units"] == pl.Int64
        assert taken.schema["sales"] == pl.Decimal(38, 6)
        assert taken.to_dicts() == expected


def test_pandas(table, expected):
    for taken in [pd.DataFrame.from_arrow(table), table.to_pandas()]:
        assert list(taken.columns) == [name for name, _ in SCHEMA]
        assert len(taken) == len(expected)
        assert [int(units) for units in taken["units"]] == [row["units"] for row in expected]
        assert [Decimal(sales) for sales in taken["sales"]] == [row["sales"] for row in expected]


def test_duckdb(table, expected):
    # By another name, since `table` is a word of SQL.
    duckdb.register("answer", table)
    taken = duckdb.sql("from answer")
    assert [str(type_) for type_ in taken.types][3:] == ["BIGINT", "DECIMAL(38,6)", "DECIMAL(38,6)"]
    rows = [dict(zip(taken.columns, row, strict=True)) for row in taken.fetchall()]
    assert rows == expected
    # A second query over the same table: the stream starts anew.
    assert duckdb.sql("select count(*) from answer").fetchall() == [(len(expected),)]


def test_a_library_that_is_not_there_is_named(shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    table = shop.db.sales.report(measures="rows")
    with pytest.raises(ModuleNotFoundError, match="pip install polars"):
        table.to_polars()


def test_rows_by_number(shop):
    table = shop.db.sales.report(by="month", measures="rows")
    rows = list(table)
    assert [table[0], table[3], table[-1]] == [rows[0], rows[3], rows[3]]
    for beyond in [4, -5]:
        with pytest.raises(IndexError):
            _ = table[beyond]


def test_iterators_stay_at_the_end(shop):
    rows = iter(shop.db.sales.report(measures="rows"))
    assert next(rows) == {"rows": 1600}
    assert next(rows, None) is None
    assert next(rows, None) is None


def test_text_shows_the_figures(shop):
    text = repr(shop.db.sales.report(by=["month"], measures=["units", "rows"]))
    assert all(word in text for word in ["month", "units", "2018-03-01", "400"])
    assert str(shop.db.sales.report(by=["month"], measures=["units", "rows"])) == text


def test_html_is_escaped_aligned_and_cut(shop, db, account, reports, tmp_path):
    (row,) = reports.rows(1, 2018, 3)
    row.title = "<script>alert('&')</script>"
    db.sales.import_reports(reports.write(tmp_path / "sales_2018_03.gz", [row]), account=account)
    html = db.sales.report(by="title", measures="units")._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert 'text-align: right">units' in html
    assert html.count("<tr>") == 2
    days = shop.db.sales.report(by=["day", "sku"], measures="units")
    assert len(days) > 100
    assert days._repr_html_().count("<tr>") == 62
    assert f"{len(days)} rows" in days._repr_html_()


def test_a_table_outlives_its_database(tmp_path, reports):
    with tillroll.open(tmp_path / "shop.till") as db:
        account = db.external_accounts.create(nickname="a", store="amazon")
        report = reports.write(tmp_path / "sales_2018_03.gz", reports.rows(10, 2018, 3))
        db.sales.import_reports(report, account=account)
        table = db.sales.report(by="month", measures="rows")
        frame = pl.DataFrame(table)
    assert list(table) == frame.to_dicts() == [{"month": date(2018, 3, 1), "rows": 10}]


def test_a_capsule_nobody_takes_is_released(shop):
    table = shop.db.sales.report(by="day", measures="rows")
    for _ in range(100):
        table.__arrow_c_stream__()
        table.__arrow_c_schema__()
    assert pa.schema(table).names == ["day", "rows"]
