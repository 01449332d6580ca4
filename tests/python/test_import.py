"""Importing from Python: what goes in, what is told, what fails."""

import hashlib
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import tillroll

SUMS = {"by": ["month", "currency"], "measures": ["units", "sales", "earnings", "rows"]}


@pytest.fixture
def month(reports):
    return reports.rows(300, 2018, 3)


def test_paths_may_be_text_paths_globs_or_any_iterable(db, account, reports, tmp_path):
    for number, suffix in enumerate(["gz", "zip", "csv", "gz", "zip"], 1):
        reports.write(tmp_path / f"sales_2018_{number:02}.{suffix}", reports.rows(10, 2018, number))
    sales = db.sales
    assert sales.import_reports(str(tmp_path / "sales_2018_01.gz"), account=account.id).rows == 10
    assert sales.import_reports(tmp_path / "sales_2018_02.zip", account=account).rows == 10
    assert (
        sales.import_reports((tmp_path / name for name in ["sales_2018_03.csv"]), account=account.id).rows
        == 10
    )
    done = sales.import_reports(
        [str(tmp_path / "*.gz"), tmp_path / "*.zip", tmp_path / "*5.zip"], account=account.id
    )
    assert (done.files, done.rows, done.unchanged, done.replaced, done.rejected) == (4, 20, 2, 0, 0)
    assert done.seconds > 0
    assert len(sales) == 50


def test_the_same_again_changes_nothing(db, account, reports, month, tmp_path):
    path = reports.write(tmp_path / "sales_2018_03.gz", month)
    db.sales.import_reports(path, account=account)
    before = list(db.sales.report(**SUMS))
    done = db.sales.import_reports(path, account=account)
    assert (done.rows, done.unchanged, done.replaced) == (0, 1, 0)
    assert list(db.sales.report(**SUMS)) == before == reports.sums(month, **SUMS)
    forced = db.sales.import_reports(path, account=account, force=True)
    assert (forced.rows, forced.unchanged, forced.replaced) == (300, 0, 1)
    assert list(db.sales.report(**SUMS)) == before


def test_a_restated_month_replaces_its_own_rows_only(db, account, reports, month, tmp_path):
    february = reports.rows(200, 2018, 2)
    db.sales.import_reports(
        [
            reports.write(tmp_path / "sales_2018_02.gz", february),
            reports.write(tmp_path / "sales_2018_03.gz", month),
        ],
        account=account,
    )
    restated = reports.rows(320, 2018, 3, seed=2)
    done = db.sales.import_reports(reports.write(tmp_path / "sales_2018_03.gz", restated), account=account)
    assert (done.rows, done.replaced) == (320, 1)
    assert list(db.sales.report(**SUMS)) == reports.sums(february + restated, **SUMS)
    (newest,) = [import_ for import_ in db.sales.imports() if import_.period == "2018-03"]
    change = {row["currency"]: row["units"] for row in newest.change}
    for currency in {row.currency for row in month + restated}:
        units = [sum(row.net_units for row in rows if row.currency == currency) for rows in (restated, month)]
        assert change.get(currency, 0) == units[0] - units[1]


def test_overlapping_reports_count_once(db, account, reports, month, tmp_path):
    sales, key = db.sales, (account, "amazon-sales")
    day = [row for row in month if row.time.day == 5] or month[:3]
    sales.import_reports(reports.write(tmp_path / "day.csv", day), account=account, period="2018-03-05")
    sales.import_reports(reports.write(tmp_path / "sales_2018_03.gz", month), account=account)
    whole, part = sales.imports()
    assert (whole.period, part.period) == ("2018-03", "2018-03-05")
    assert (whole.shadowed_by, part.shadowed_by) == (None, whole.id)
    assert len(sales) == len(month)
    assert sales.period_state(*key, "2018-03-05") == "rows"
    sales.delete(*key, "2018-03")
    assert len(sales) == len(day)
    for call in (sales.period_state, sales.mark_empty):
        with pytest.raises(tillroll.NotFoundError):
            call(999, "amazon-sales", "2018-03")


def test_a_restated_report_shows_its_versions(db, account, reports, month, tmp_path):
    path = tmp_path / "sales_2018_03.gz"
    for rows in (month[:100], month):
        db.sales.import_reports(reports.write(path, rows), account=account)
    (import_,) = db.sales.imports()
    first, last = import_.versions
    assert (first.rows, first.change, last.rows, last.id) == (100, None, 300, import_.id)
    assert list(last.change) == list(import_.change)
    assert list(last.totals) == list(import_.totals) != list(first.totals)
    assert first.sha256 != last.sha256 == import_.sha256
    assert first.imported_at <= last.imported_at
    assert repr(first) == f"<ImportVersion {first.id}: 100 rows>"


def test_imports_tell_where_rows_came_from(db, account, reports, month, tmp_path):
    path = reports.write(tmp_path / "sales_2018_03.gz", month)
    began = datetime.now(UTC) - timedelta(seconds=1)
    db.sales.import_reports(path, account=account)
    (import_,) = db.sales.imports(account)
    assert (import_.account, import_.kind, import_.period) == (account.id, "amazon-sales", "2018-03")
    assert (import_.rows, import_.rejected, import_.change) == (300, 0, None)
    assert import_.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert import_.path.endswith("sales_2018_03.gz")
    assert began <= import_.imported_at <= datetime.now(UTC)
    assert import_.imported_at.tzinfo is UTC
    assert import_.totals.columns == ["currency", "units", "sales", "earnings_currency", "earnings"]
    for total in import_.totals:
        rows = [row for row in month if row.currency == total["currency"]]
        assert total["units"] == reports.measure(rows, "units")
        assert total["sales"] == reports.measure(rows, "sales")
        assert total["earnings"] == reports.measure(rows, "earnings")
    assert db.sales.imports(account=999) == []


def test_rejects_are_kept_with_line_text_and_reason(db, account, reports, month, tmp_path):
    lines = reports.text(month).splitlines()
    lines[7] = lines[7].replace(",USD,", ",USD,x").replace(",EUR,", ",EUR,x").replace(",GBP,", ",GBP,x")
    lines[7] = lines[7].replace(",JPY,", ",JPY,x")
    path = reports.pack(tmp_path / "sales_2018_03.csv", "\n".join(lines).encode())
    done = db.sales.import_reports(path, account=account)
    assert (done.rows, done.rejected) == (299, 1)
    (reject,) = db.sales.rejects()
    assert reject["line"] == 8
    assert reject["path"].endswith("sales_2018_03.csv")
    assert reject["reason"]
    assert month[6].transaction in reject["text"]
    (import_,) = db.sales.imports()
    assert list(db.sales.rejects(import_.id)) == [reject]
    with pytest.raises(tillroll.Error):
        db.sales.import_reports(path, account=account, on_reject="fail", force=True)
    with pytest.raises(ValueError, match="on_reject"):
        db.sales.import_reports(path, account=account, on_reject="nonsense")


def test_a_bad_file_does_not_stop_the_others(db, account, reports, month, tmp_path):
    good = reports.write(tmp_path / "sales_2018_03.gz", month)
    cut = tmp_path / "sales_2018_04.gz"
    cut.write_bytes(good.read_bytes()[:-20])
    with pytest.raises(tillroll.FormatError) as caught:
        db.sales.import_reports([cut, good], account=account)
    assert caught.value.path.endswith("sales_2018_04.gz")
    assert caught.value.summary.rows == 300
    ((path, error),) = caught.value.failures
    assert path.endswith("sales_2018_04.gz")
    assert isinstance(error, tillroll.FormatError)
    assert list(db.sales.report(**SUMS)) == reports.sums(month, **SUMS)


def test_fail_stores_nothing_when_one_file_is_bad(db, account, reports, month, tmp_path):
    good = reports.write(tmp_path / "sales_2018_03.gz", month)
    cut = tmp_path / "sales_2018_04.gz"
    cut.write_bytes(good.read_bytes()[:-20])
    with pytest.raises(tillroll.FormatError):
        db.sales.import_reports([good, cut], account=account, on_reject="fail")
    assert len(db.sales) == 0


def test_a_glob_without_a_match_and_a_directory_are_refused(db, account, tmp_path):
    (tmp_path / "folder").mkdir()
    for path in [tmp_path / "*.gz", tmp_path / "folder"]:
        with pytest.raises((OSError, tillroll.Error)):
            db.sales.import_reports(path, account=account)
    with pytest.raises(tillroll.NotFoundError):
        db.sales.import_reports(tmp_path / "folder", account=12345)
    with pytest.raises(TypeError):
        db.sales.import_reports(7, account=account)
    with pytest.raises(TypeError):
        db.sales.import_reports("x.gz", account=1.5)


def test_personal_columns_stay_only_when_asked_for(db, account, reports, month, tmp_path):
    for row in month:
        row.extra["App User ID"] = "l33t"
    path = reports.write(tmp_path / "sales_2018_03.gz", month)
    db.sales.import_reports(path, account=account)
    assert "App User ID" not in db.sales.columns
    done = db.sales.import_reports(path, account=account, keep_personal=True)
    assert done.replaced == 1
    assert "App User ID" in db.sales.columns


def test_periods_are_absent_empty_or_have_rows(db, account, reports, month, tmp_path):
    sales, key = db.sales, (account.id, "amazon-sales")
    sales.import_reports(reports.write(tmp_path / "sales_2018_03.gz", month), account=account)
    sales.import_reports(reports.write(tmp_path / "sales_2018_05.gz", []), account=account)
    sales.mark_empty(account, "amazon-sales", "2018-06")
    states = {
        period: sales.period_state(*key, period) for period in ["2018-03", "2018-04", "2018-05", "2018-06"]
    }
    assert states == {"2018-03": "rows", "2018-04": "absent", "2018-05": "empty", "2018-06": "empty"}
    assert sales.gaps(*key, "2018-02", "2018-06") == ["2018-02", "2018-04"]
    sales.delete(*key, "2018-03")
    assert sales.period_state(*key, "2018-03") == "absent"
    assert len(sales) == 0
    assert sales.import_reports(tmp_path / "sales_2018_03.gz", account=account).rows == 300


def test_progress_goes_up_to_the_end(db, account, reports, tmp_path):
    paths = [
        reports.write(tmp_path / f"sales_2018_{number:02}.gz", reports.rows(50, 2018, number))
        for number in range(1, 5)
    ]
    seen = []
    db.sales.import_reports(paths, account=account, progress=seen.append)
    assert all(isinstance(step, tillroll.ImportProgress) for step in seen)
    last = seen[-1]
    assert (last.files_done, last.files_total, last.rows) == (4, 4, 200)
    assert last.bytes_done == last.bytes_total == sum(path.stat().st_size for path in paths)
    done = [step.bytes_done for step in seen]
    assert done == sorted(done)


def test_an_exception_in_the_progress_function_stops_the_import(db, account, reports, tmp_path):
    paths = [
        reports.write(tmp_path / f"sales_2018_{number:02}.gz", reports.rows(50, 2018, number))
        for number in range(1, 9)
    ]

    class StopError(Exception):
        pass

    def progress(step):
        raise StopError

    with pytest.raises(StopError) as caught:
        db.sales.import_reports(paths, account=account, progress=progress)
    assert isinstance(caught.value.summary, tillroll.ImportSummary)
    stored = db.sales.imports()
    assert len(stored) < 8
    assert len(db.sales) == 50 * len(stored)


def test_a_progress_function_may_use_the_database(db, account, reports, month, tmp_path):
    path = reports.write(tmp_path / "sales_2018_03.gz", month)
    seen = []

    def progress(step):
        # Polars lets go of the interpreter while it reads, below a call that holds it.
        seen.append(pl.DataFrame(db.sales.scan()).height)

    db.sales.import_reports(path, account=account, progress=progress)
    assert seen
    assert set(seen) <= {0, 300}


def test_progress_true_shows_a_bar_on_a_terminal_only(db, account, reports, month, tmp_path, monkeypatch):
    class Stream:
        def __init__(self, terminal):
            self.terminal, self.text = terminal, ""

        def isatty(self):
            return self.terminal

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    path = reports.write(tmp_path / "sales_2018_03.gz", month)
    for terminal in [True, False]:
        stream = Stream(terminal)
        monkeypatch.setattr("sys.stderr", stream)
        db.sales.import_reports(path, account=account, progress=True, force=True)
        monkeypatch.undo()
        assert (stream.text != "") is terminal
        if terminal:
            assert stream.text.startswith("\r[")
            assert stream.text.endswith("\n")
            assert "100 %  1/1 files  300 rows" in stream.text
    with pytest.raises(TypeError):
        db.sales.import_reports(path, account=account, progress="yes")


def test_what_an_import_gives_prints_and_compares(db, account, reports, month, tmp_path):
    path = reports.write(tmp_path / "sales_2018_03.gz", month)
    done = db.sales.import_reports(path, account=account)
    assert repr(done).startswith(
        "ImportSummary(files=1, rows=300, rejected=0, unchanged=0, replaced=0, seconds="
    )
    assert done != db.sales.import_reports(path, account=account)


@pytest.mark.parametrize("suffix", ["gz", "zip", "csv"])
def test_a_file_tells_its_kind_whatever_its_name(tmp_path, reports, suffix):
    path = reports.write(tmp_path / f"report.{suffix}", reports.rows(5, 2018, 3))
    assert tillroll.sniff(path) == tillroll.sniff(str(path)) == "amazon-sales"


def test_what_is_no_report_is_told(tmp_path):
    path = tmp_path / "holiday.csv"
    path.write_text("name,town\nAda,London\n")
    with pytest.raises(tillroll.FormatError, match="no sales report known") as told:
        tillroll.sniff(path)
    assert (told.value.path, told.value.line) == (str(path), 1)
    with pytest.raises(FileNotFoundError):
        tillroll.sniff(tmp_path / "missing.gz")
