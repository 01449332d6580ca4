"""What C writes, Python reads, and the other way round: the same figures."""

import json
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import tillroll

BY, MEASURES = ["month", "currency"], ["units", "sales", "earnings"]


@pytest.fixture(scope="module")
def exchange(library, tmp_path_factory):
    source = Path(__file__).parent / "exchange.c"
    program = library.compile(tmp_path_factory.mktemp("exchange") / "exchange", [source])

    def run(*arguments) -> list[str]:
        command = [program, *arguments]
        done = subprocess.run(command, env=library.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.fixture
def written(tmp_path, reports):
    """Three months of reports in a folder, and their rows."""
    rows = {month: reports.rows(300, 2018, month) for month in (1, 2, 3)}
    for month, some in rows.items():
        reports.write(tmp_path / "reports" / f"sales_2018_{month:02}.gz", some)
    return [row for some in rows.values() for row in some]


def as_c_prints_it(line: dict) -> str:
    days = (line["month"] - date(1970, 1, 1)).days
    micros = [int(line[money] * Decimal(1_000_000)) for money in ("sales", "earnings")]
    return ",".join(str(part) for part in [days, line["currency"], line["units"], *micros])


def test_python_reads_what_c_wrote(exchange, written, tmp_path, reports):
    assert exchange("write", tmp_path, tmp_path / "reports/*.gz") == ["3 900 0"]
    with tillroll.open(tmp_path / "shop.till") as db:
        assert list(db.sales.report(by=BY, measures=MEASURES)) == reports.sums(written, BY, MEASURES)
        assert [account.nickname for account in db.external_accounts] == ["Amazon apps"]
        assert [entry.rows for entry in db.sales.imports()] == [300] * 3
        assert db.check().ok


def test_c_reads_what_python_wrote(exchange, written, tmp_path, reports):
    with tillroll.open(tmp_path / "shop.till") as db:
        account = db.external_accounts.create(nickname="Spiele für alle", store="amazon", username="me")
        db.sales.import_reports([tmp_path / "reports" / "*.gz"], account=account.id)
        record = account.to_dict()
    *table, json_text = exchange("print", tmp_path)
    assert table == [as_c_prints_it(line) for line in reports.sums(written, BY, MEASURES)]
    assert json.loads(json_text) == record
