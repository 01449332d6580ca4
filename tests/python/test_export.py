"""Sales as Parquet files, read back by others."""

import re
import signal
import subprocess
import sys
import time
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tillroll
from tillroll.export import ExportProgress, ExportSummary, files
from tillroll.export.partition import NO_VALUE

COLUMNS = ["transaction_id", "time", "date", "type", "sku", "term", "units", "sales", "currency", "product"]


def by_duckdb(folder, columns):
    """The rows as DuckDB reads them; instants come in UTC."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    names = ", ".join(f'"{column}"' for column in columns)
    glob = str(folder / "**/*.parquet").replace("'", "''")
    found = connection.sql(
        f"select {names} from read_parquet('{glob}', hive_partitioning=true, hive_types_autocast=false)"
    )
    return pa.table(found.to_arrow_table()).to_pylist()


def by_polars(folder, columns):
    taken = pl.scan_parquet(folder / "**/*.parquet", hive_partitioning=True, try_parse_hive_dates=False)
    return taken.select(columns).collect().to_dicts()


def in_order(rows):
    """Rows without an order. Amounts print with all their places, whoever reads them."""

    def text(value):
        return f"{value:.6f}" if isinstance(value, Decimal) else str(value)

    return sorted([f"{name}={text(value)}" for name, value in sorted(row.items())] for row in rows)


def scanned(db, **query):
    return [row for batch in db.sales.scan(**query) for row in batch]


@pytest.mark.parametrize("read", [by_duckdb, by_polars])
@pytest.mark.parametrize(
    "partition_by",
    [("store", "month"), "sku", ["year", "quarter", "week", "day"], ["currency", "account"], []],
)
def test_rows_read_back_as_they_are(shop, tmp_path, read, partition_by):
    done = shop.db.sales.export(tmp_path / "out", partition_by=partition_by)
    assert isinstance(done, ExportSummary)
    paths = list((tmp_path / "out").rglob("*.parquet"))
    assert (done.files, done.rows) == (len(paths), 1600)
    assert done.bytes == sum(path.stat().st_size for path in paths)
    assert in_order(read(tmp_path / "out", shop.db.sales.columns)) == in_order(scanned(shop.db))


def test_folders_are_named_by_what_their_rows_have_in_common(shop, tmp_path):
    shop.db.sales.export(tmp_path / "out")
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.parquet"))
    months = ["2017-12", "2018-01", "2018-02", "2018-03"]
    assert found == [f"store=amazon/month={month}/part-0.parquet" for month in months]
    columns = pq.ParquetFile(tmp_path / "out" / found[0]).schema_arrow.names
    assert columns == [name for name in shop.db.sales.columns if name != "store"]
    rows = by_duckdb(tmp_path / "out", ["month", "date"])
    assert all(row["month"] == f"{row['date']:%Y-%m}" for row in rows)


@pytest.mark.parametrize(
    ("step", "text"), [("day", "2018-03-05"), ("week", "2018-W10"), ("quarter", "2018-Q1"), ("year", "2018")]
)
def test_steps_of_time_are_written_as_periods_are(shop, tmp_path, step, text):
    shop.db.sales.export(tmp_path / "out", partition_by=step, start="2018-03-05", end="2018-03-06")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{step}={text}"]


def test_files_have_the_types_of_the_scan(shop, tmp_path):
    shop.db.sales.export(tmp_path / "out", partition_by=[], columns=COLUMNS)
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "part-0.parquet"
    assert pq.read_schema(path).equals(pa.schema(shop.db.sales.scan(columns=COLUMNS)))
    assert pq.read_table(path).to_pylist() == scanned(shop.db, columns=COLUMNS)
    types = dict(zip(COLUMNS, duckdb.read_parquet(str(path)).types, strict=True))
    assert str(types["time"]) == "TIMESTAMP WITH TIME ZONE"
    assert str(types["sales"]) == "DECIMAL(18,6)"
    assert str(types["date"]) == "DATE"
    schema = pl.read_parquet_schema(path)
    assert schema["time"] == pl.Datetime("us", "UTC")
    assert schema["sales"] == pl.Decimal(18, 6)


def test_nulls_make_a_folder_and_stay_nulls(shop, tmp_path):
    shop.db.sales.export(tmp_path / "out", partition_by="term", columns=["sku", "term"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"term={NO_VALUE}", "term=1 Month"}
    for read in (by_duckdb, by_polars):
        terms = {row["sku"]: row["term"] for row in read(tmp_path / "out", ["sku", "term"])}
        assert terms == {"chess": None, "chess.coins": None, "chess.pro": "1 Month", "sudoku": None}


def test_values_that_a_path_cannot_have_read_back(db, account, reports, tmp_path):
    rows = reports.rows(6, 2018, 1)
    titles = ["a/b", "..", "50 % = ½ & more?", "数独パズル", 'C:\\"x"', "a\tb"]
    for row, title in zip(rows, titles, strict=True):
        row.title = title
    db.sales.import_reports(reports.write(tmp_path / "sales_2018_01.csv", rows), account=account)
    db.sales.export(tmp_path / "out", partition_by="title", columns=["title", "sku"])
    assert len(list((tmp_path / "out").iterdir())) == 6
    for read in (by_duckdb, by_polars):
        assert sorted(row["title"] for row in read(tmp_path / "out", ["title", "sku"])) == sorted(titles)


@pytest.mark.parametrize("partition_by", [("store", "month"), []])
def test_no_rows_keep_their_columns(shop, tmp_path, partition_by):
    done = shop.db.sales.export(tmp_path / "out", partition_by=partition_by, sku="no such")
    assert (done.files, done.rows) == (1, 0)
    for read in (by_duckdb, by_polars):
        assert read(tmp_path / "out", [*shop.db.sales.columns, *partition_by[1:]]) == []


def test_filters_columns_and_limits_are_those_of_a_scan(shop, tmp_path):
    query = {"columns": ["time", "earnings"], "sku": ["sudoku", "chess"], "start": "2018-02-01"}
    shop.db.sales.export(tmp_path / "some", **query)
    taken = [(row["time"], row["earnings"]) for row in by_polars(tmp_path / "some", query["columns"])]
    assert sorted(taken) == sorted((row["time"], row["earnings"]) for row in scanned(shop.db, **query))
    path = next((tmp_path / "some").rglob("*.parquet"))
    assert pq.ParquetFile(path).schema_arrow.names == query["columns"]
    assert shop.db.sales.export(tmp_path / "few", limit=7).rows == 7
    with pytest.raises(tillroll.ValidationError) as refused:
        shop.db.sales.export(tmp_path / "none", nonsense=1)
    assert list(refused.value.errors) == ["nonsense"]


@pytest.mark.parametrize(
    ("partition_by", "message"),
    [
        ("nonsense", "'nonsense' is neither a column of the sales nor a step of time"),
        (["store", "store"], "names a column twice"),
        ("sales", "has amounts or instants"),
        (["sku", "time"], "has amounts or instants"),
    ],
)
def test_a_wrong_partition_is_refused_before_anything_is_made(shop, tmp_path, partition_by, message):
    with pytest.raises(tillroll.ValidationError, match=message) as refused:
        shop.db.sales.export(tmp_path / "out", partition_by=partition_by)
    assert list(refused.value.errors) == ["partition_by"]
    with pytest.raises(tillroll.ValidationError, match="leaves no column"):
        shop.db.sales.export(tmp_path / "out", partition_by="sku", columns="sku")
    for wrong in ({"partition_by": 1}, {"partition_by": [1]}, {"progress": 1}):
        with pytest.raises(TypeError):
            shop.db.sales.export(tmp_path / "out", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_taken_stays_as_it_is(shop, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    assert shop.db.sales.export(folder).rows == 1600
    before = sorted(folder.rglob("*"))
    with pytest.raises(FileExistsError, match="new or an empty one") as refused:
        shop.db.sales.export(folder)
    assert refused.value.filename == str(folder)
    assert sorted(folder.rglob("*")) == before
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        shop.db.sales.export(tmp_path / "file")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        shop.db.sales.export(tmp_path / "missing" / "out")
    with pytest.raises(tillroll.FormatError, match="in the database"):
        shop.db.sales.export(shop.db.path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out"]


def test_what_appears_meanwhile_stays(shop, tmp_path):
    def fill(state):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / "mine").write_text("")

    with pytest.raises(FileExistsError):
        shop.db.sales.export(tmp_path / "out", progress=fill)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_progress_is_told_and_may_stop_it(shop, tmp_path):
    told = []
    shop.db.sales.export(tmp_path / "out", progress=told.append)
    assert told[0] == ExportProgress(0, 1600, 0)
    assert told[-1].rows_done == told[-1].rows_total == 1600
    told.clear()
    shop.db.sales.export(tmp_path / "some", progress=told.append, sku="chess")
    assert {state.rows_total for state in told} == {None}

    def stop(state):
        assert not (tmp_path / "stopped").exists()
        if state.rows_done:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        shop.db.sales.export(tmp_path / "stopped", progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "some"]


def test_a_closed_or_narrowed_database_exports_what_it_may(db, tmp_path):
    with pytest.raises(tillroll.AccessError):
        db.restrict(["products:read"]).sales.export(tmp_path / "out")
    db.close()
    with pytest.raises(tillroll.ClosedError):
        db.sales.export(tmp_path / "out")


def test_many_folders_at_once_make_parts(db, account, large, tmp_path, monkeypatch):
    db.sales.import_reports(large[:2], account=account)
    monkeypatch.setattr(files, "_OPEN_MAX", 3)
    monkeypatch.setattr(files, "_WAITING_BYTES_MAX", 1000)
    monkeypatch.setattr(files, "_GROUP_ROWS_MAX", 100)
    done = db.sales.export(tmp_path / "out", partition_by=["country", "sku"], columns=COLUMNS)
    folders = len(list((tmp_path / "out").glob("*/*")))
    assert folders > 3
    assert done.files > folders
    sums = {"units": pl.col("units").sum(), "rows": pl.len()}
    taken = pl.scan_parquet(tmp_path / "out/**/*.parquet").select(**sums).collect().to_dicts()
    assert taken == list(db.sales.report(measures=["units", "rows"]))


def test_a_small_file_has_the_texts_of_its_own_rows_alone(shop, tmp_path):
    shop.db.sales.export(tmp_path / "out", partition_by=["sku", "country", "day"], columns=COLUMNS)
    path = min((tmp_path / "out").rglob("*.parquet"), key=lambda path: pq.read_metadata(path).num_rows)
    taken = pq.ParquetFile(path).read()
    assert taken.num_rows < 10
    for chunk in taken["transaction_id"].chunks:
        assert len(chunk.dictionary) <= taken.num_rows
    assert path.stat().st_size < 10_000


def test_without_the_extra(shop, tmp_path, monkeypatch):
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=re.escape("pip install 'tillroll[export]'")):
        shop.db.sales.export(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


CHILD = """
import sys, pyarrow.parquet, polars, tillroll
with tillroll.open(sys.argv[1]) as db:
    print("begin", flush=True)
    try:
        db.sales.export(sys.argv[2], partition_by=["sku", "day", "country"])
        print("finished", flush=True)
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""


def test_ctrl_c_leaves_nothing(tmp_path, large):
    with tillroll.open(tmp_path / "shop.till") as db:
        account = db.external_accounts.create(nickname="a", store="amazon").id
        db.sales.import_reports(large, account=account)
    command = [sys.executable, "-c", CHILD, tmp_path / "shop.till", tmp_path / "out"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "begin\n"
        # Only what has begun can be stopped.
        while not any(tmp_path.glob(".out.exporting-*/*")):
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "stopped\n"
    assert [path.name for path in tmp_path.iterdir()] == ["shop.till"]


def test_the_bar_is_for_terminals(shop, tmp_path, monkeypatch):
    written = []

    class Terminal:
        def isatty(self):
            return True

        def write(self, text):
            written.append(text)

        def flush(self):
            pass

    monkeypatch.setattr(sys, "stderr", Terminal())
    shop.db.sales.export(tmp_path / "out", progress=True)
    assert re.search(r"\r\[#{24}\] 100 %  4 files  1 600 rows  \d+\.\d s +$", written[-2])
    assert written[-1] == "\n"
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    written.clear()
    shop.db.sales.export(tmp_path / "again", progress=True)
    assert written == []


def test_a_link_is_followed(shop, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    shop.db.sales.export(tmp_path / "link", partition_by=[])
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["part-0.parquet"]
