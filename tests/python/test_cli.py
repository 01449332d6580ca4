"""The command line, as it is installed: what it prints, how it ends, what it leaves alone."""

import csv
import gzip
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from importlib.metadata import requires, version
from os import environ
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import tillroll
from packaging.requirements import Requirement
from tillroll.cli import main
from tillroll.cli.imports import _kept

COMMANDS = [
    "demo",
    "import",
    "report",
    "accounts",
    "products",
    "imports",
    "rejects",
    "info",
    "check",
    "repair",
]
COMMANDS += ["sync", "credentials", "backup", "restore"]
ESCAPE = "\x1b"


@pytest.fixture
def report_file(tmp_path, reports):
    return reports.write(tmp_path / "sales_2018_03.gz", reports.rows(200, 2018, 3))


@pytest.fixture(scope="module")
def stored(tmp_path_factory, shop):
    """A database on disk that nobody has open, and that nobody changes."""
    path = tmp_path_factory.mktemp("stored") / "shop.till"
    with tillroll.open(path) as db:
        account = db.external_accounts.create(
            nickname="Amazon apps", store="amazon", username="me@example.com"
        )
        db.sales.import_reports(shop.paths, account=account)
    return path


def answer(stored, **query):
    with tillroll.open(stored, read_only=True) as db:
        return list(db.sales.report(**query))


def accounts_of(path):
    with tillroll.open(path, create=False) as db:
        return [account.nickname for account in db.external_accounts]


# What it says of itself.


def test_it_tells_its_version(command_line):
    said = f"tillroll {tillroll.__version__}\n"
    assert command_line("--version").stdout == said
    assert command_line("--version", "report").stdout == said
    module = subprocess.run([sys.executable, "-m", "tillroll", "--version"], capture_output=True, text=True)
    assert (module.returncode, module.stdout) == (0, said)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example(command_line, command):
    said = command_line(command, "--help")
    assert said.returncode == 0
    assert f"  tillroll {command}" in said.stdout.split("Usage:")[1].split("\n", 1)[1]
    assert command in command_line("--help").stdout


@pytest.mark.parametrize("missing", ["typer", "rich"])
@pytest.mark.parametrize("arguments", [[], ["--version"], ["report", "shop.till"]])
def test_without_the_extra_it_says_what_to_install(missing, arguments):
    code = f"import sys; sys.modules[{missing!r}] = None; from tillroll.cli import main; sys.exit(main())"
    said = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "tillroll: the command line is an extra: pip install 'tillroll[cli]'\n"


def test_the_extra_asks_for_what_is_tested():
    extras = {"typer": "cli", "rich": "cli", "pyarrow": "export", "pyjwt": "sync", "urllib3": "sync"}
    needed = [Requirement(text) for text in requires("tillroll")]
    assert {each.name for each in needed} == set(extras)
    for each in needed:
        assert str(each.marker) == f'extra == "{extras[each.name]}"'
        assert each.specifier.contains(version(each.name))


def test_the_library_alone_needs_nothing():
    code = "import sys, tillroll; print({name.partition('.')[0] for name in sys.modules} & {'typer', 'rich'})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout == "set()\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["report"],
        ["report", "{db}", "--frob"],
        ["report", "{db}", "--limit", "many"],
        ["report", "{db}", "--format", "xml"],
        ["report", "{db}", "--by", "planet"],
        ["report", "{db}", "--measures", "earnings"],
        ["report", "{db}", "--start", "yesterday"],
        ["import", "{db}", "--account", "1"],
        ["import", "{db}", "x.gz"],
        ["import", "{db}", "x.gz", "--account", "1", "--on-reject", "drop"],
    ],
)
def test_what_is_asked_wrongly_ends_with_2(command_line, stored, arguments):
    said = command_line(*[each.format(db=stored) for each in arguments])
    assert said.returncode == 2
    assert "Traceback" not in said.stderr
    if arguments:
        assert said.stderr.startswith("tillroll: ")
        assert said.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--currency", ""],
        ["--start", ""],
        ["--store", ","],
        ["--limit", "99999999999999999999999"],
        ["--title", "N\udcff"],
        ["--product", "x"],
        ["--output", "{db}/TILLROLL"],
    ],
)
def test_what_cannot_be_meant_is_no_question_for_everything(command_line, stored, options):
    refused = command_line("report", stored, *(option.format(db=stored) for option in options))
    assert refused.returncode == 2, refused.stdout
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
    assert command_line("info", stored).returncode == 0


def test_codes_have_no_case_and_products_are_asked_for(command_line, stored):
    lower, upper = (
        command_line("report", stored, "--currency", code, "--measures", "sales", "--format", "json")
        for code in ("eur", "EUR")
    )
    assert lower.stdout == upper.stdout != "[]\n"
    by_product = ["--by", "product", "--format", "json"]
    products = json.loads(command_line("report", stored, *by_product).stdout)
    one = products[0]
    of_one = command_line("report", stored, "--product", str(one["product"]), "--include-inapps", *by_product)
    assert one in json.loads(of_one.stdout)
    of_group = command_line("report", stored, "--product-group", str(one["product"]), *by_product)
    assert json.loads(of_group.stdout) == [one]
    apps = json.loads(command_line("report", stored, "--combine-inapps", *by_product).stdout)
    assert 0 < len(apps) < len(products)
    assert sum(row["units"] for row in apps) == sum(row["units"] for row in products)
    refused = command_line("report", stored, "--combine-inapps", "--by", "sku")
    assert (refused.returncode, "group by `product`" in refused.stderr) == (2, True)


READERS = ["report", "accounts", "products", "imports", "rejects", "info", "check"]


@pytest.mark.parametrize("command", READERS)
def test_a_database_that_is_not_there_is_not_made(command_line, tmp_path, command):
    said = command_line(command, tmp_path / "none.till")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == f"tillroll: database {tmp_path / 'none.till'} not found\n"
    assert not (tmp_path / "none.till").exists()


@pytest.mark.parametrize("command", READERS)
def test_another_directory_is_told_apart_from_none(command_line, tmp_path, stored, command):
    empty = tmp_path / "empty"
    empty.mkdir()
    said = command_line(command, empty)
    named = f"tillroll: {empty} is no database: name the directory that `tillroll import` made\n"
    assert (said.returncode, said.stdout, said.stderr) == (1, "", named)
    above = command_line(command, stored.parent)
    assert above.stderr == f"tillroll: {stored.parent} is no database: {stored} is one\n"
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reprot"], "No such command 'reprot'; did you mean report or repair? See: tillroll --help"),
        (["report", "x", "--messures", "a"], "No such option: --messures; did you mean --measures? See: "),
        (["report", "x", "--qqq"], "No such option: --qqq. See: tillroll report --help"),
        (["report", "x", "--format", "xml"], "Invalid value for '--format': 'xml' is not one of 'table', "),
        (["report", "{db}", "--by", "planet"], '--by: "planet" is none of day, week, '),
        (["report", "{db}", "--order-by", "x"], '--order-by: "x" is not a column of this report'),
        (["report", "{db}", "--measures", "sales"], "sales: needs `currency` in `by`, or held to one value"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(command_line, stored, arguments, said):
    told = command_line(*[each.format(db=stored) for each in arguments])
    assert (told.returncode, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    assert told.stderr.startswith(f"tillroll: {said}")


def test_a_database_in_use_is_told(command_line, tmp_path, report_file):
    with tillroll.open(tmp_path / "shop.till"):
        said = command_line("import", tmp_path / "shop.till", report_file, "--account", "Apps")
    assert said.returncode == 1
    assert "is in use" in said.stderr
    assert said.stderr.count("\n") == 1


# Importing.


def test_an_unknown_name_becomes_an_account_of_the_files_store(command_line, tmp_path, report_file):
    db = tmp_path / "shop.till"
    said = command_line("import", db, report_file, "--account", "Amazon apps")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith(
        "Amazon apps: a new account at amazon, id 1\n  1 file, 200 rows, 0 rejected"
    )
    again = command_line("import", db, report_file, "--account", "1")
    assert again.stdout.startswith("Amazon apps: account at amazon, id 1\n")
    assert "1 file unchanged" in again.stdout
    forced = command_line("import", db, report_file, "--account", "Amazon apps", "--force")
    assert "200 rows" in forced.stdout
    assert "1 file restated" in forced.stdout
    other = command_line("import", db, report_file, "--account", "Another")
    assert "Another: a new account at amazon, id 2" in other.stdout
    with tillroll.open(db, create=False) as opened:
        assert [account.store for account in opened.external_accounts] == ["amazon", "amazon"]
        assert len(opened.sales) == 400


def test_a_glob_in_quotes_is_found(command_line, tmp_path, report_file):
    db = tmp_path / "shop.till"
    said = command_line("import", db, tmp_path / "sales_*.gz", "--account", "Apps")
    assert "1 file, 200 rows" in said.stdout
    assert report_file.exists()
    missing = command_line("import", tmp_path / "new.till", tmp_path / "*.zip", "--account", "Apps")
    assert (missing.returncode, missing.stderr) == (1, f"tillroll: no file matches '{tmp_path}/*.zip'\n")
    assert not (tmp_path / "new.till").exists()


APPLE = (
    "Provider\tProvider Country\tSKU\tDeveloper\tTitle\tVersion\tProduct Type Identifier\tUnits\t"
    "Developer Proceeds\tBegin Date\tEnd Date\tCustomer Currency\tCountry Code\tCurrency of Proceeds\t"
    "Apple Identifier\tCustomer Price\n"
    "APPLE\tUS\tchess\tMe\tChess\t1.0\t1F\t3\t.70\t10/05/2020\t10/05/2020\tUSD\tUS\tUSD\t335060889\t.99\n"
)


def test_a_new_account_is_at_the_store_of_its_files(command_line, tmp_path):
    db, report = tmp_path / "shop.till", tmp_path / "S_D_85000000_20201005.txt.gz"
    report.write_bytes(gzip.compress(APPLE.encode()))
    said = command_line("import", db, report, "--account", "Apple apps")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("Apple apps: a new account at apple, id 1\n  1 file, 1 row, 0 rejected")
    with tillroll.open(db) as opened:
        by, measures = ["period", "earnings_currency"], ["units", "earnings"]
        assert list(opened.sales.report(by=by, measures=measures)) == [
            {"period": "2020-10-05", "earnings_currency": "USD", "units": 3, "earnings": Decimal("2.10")}
        ]


@pytest.mark.parametrize("exists", [False, True])
def test_no_account_is_made_for_files_that_tell_no_store(command_line, tmp_path, exists):
    db, holiday = tmp_path / "shop.till", tmp_path / "holiday.csv"
    holiday.write_text("name,town\nAda,London\n")
    if exists:
        tillroll.open(db).close()
    said = command_line("import", db, holiday, "--account", "Apps")
    assert said.returncode == 1
    first, last = said.stderr.splitlines()
    assert first.startswith(f"tillroll: {holiday}, line 1: this is no sales report known")
    assert last == "tillroll: no file tells its store: no account is made"
    assert accounts_of(db) == [] if exists else not db.exists()
    missing = command_line("import", db, tmp_path / "missing.gz", "--account", "Apps")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert "missing.gz" in missing.stderr
    assert db.exists() == exists


def test_no_account_stays_if_nothing_could_be_imported(command_line, tmp_path, report_file):
    cut = tmp_path / "sales_2018_04.gz"
    cut.write_bytes(report_file.read_bytes()[:-200])
    db = tmp_path / "shop.till"
    said = command_line("import", db, cut, "--account", "Apps")
    assert (said.returncode, said.stdout) == (1, "")
    assert str(cut) in said.stderr
    assert accounts_of(db) == []


def test_each_file_that_fails_is_named_and_the_others_stay(command_line, tmp_path, report_file):
    holiday, cut = tmp_path / "holiday.csv", tmp_path / "sales_2018_04.gz"
    holiday.write_text("name,town\nAda,London\n")
    cut.write_bytes(report_file.read_bytes()[:-200])
    said = command_line("import", tmp_path / "shop.till", holiday, cut, report_file, "--account", "Apps")
    assert said.returncode == 1
    assert "1 file, 200 rows" in said.stdout
    lines = said.stderr.splitlines()
    assert len(lines) == 3
    assert sum(line.startswith(f"tillroll: {holiday}, line 1: ") for line in lines) == 1
    assert sum(line.startswith(f"tillroll: {cut}") for line in lines) == 1
    assert lines[-1] == "tillroll: 2 files not imported; what else there was is stored"
    assert accounts_of(tmp_path / "shop.till") == ["Apps"]


def test_rejects_are_kept_or_fail(command_line, tmp_path, reports, report_file):
    text = gzip.decompress(report_file.read_bytes()).decode().splitlines()
    text.insert(7, text[7].replace("2018-03-", "2018-13-"))
    bad = reports.pack(tmp_path / "bad_2018_03.gz", "\n".join(text).encode())
    db = tmp_path / "shop.till"
    refused = command_line("import", db, bad, "--account", "Apps", "--on-reject", "fail")
    assert refused.returncode == 1
    assert f"{bad}, line 8: Transaction Time" in refused.stderr
    assert refused.stderr.endswith("1 file not imported; nothing was imported\n")
    assert accounts_of(db) == []
    kept = command_line("import", db, bad, "--account", "Apps")
    assert "200 rows, 1 rejected" in kept.stdout
    assert "1 row could not be read and is kept: " in kept.stdout
    assert f"tillroll rejects {db}" in kept.stdout
    shown = command_line("rejects", db).stdout.splitlines()
    assert shown[0].startswith(f"{bad}, line 8: Transaction Time")
    assert shown[1] == f"    {text[7]}"
    (row,) = json.loads(command_line("rejects", db, "--format", "json").stdout)
    assert (row["path"], row["line"], row["text"]) == (str(bad), 8, text[7])
    assert command_line("rejects", db, "--limit", "0").stdout == "(no rows)\n"


def test_imports_tell_what_restating_changed(command_line, tmp_path, reports):
    db = tmp_path / "shop.till"
    month = reports.rows(40, 2018, 3)
    for rows in (month[:30], month):
        command_line("import", db, reports.write(tmp_path / "sales_2018_03.gz", rows), "--account", "Apps")
    day = reports.write(tmp_path / "day.csv", month[:5])
    command_line("import", db, day, "--account", "Apps", "--period", "2018-03-05")
    listed = json.loads(command_line("imports", db, "--account", "Apps", "--format", "json").stdout)
    *changes, shadowed = listed
    assert {(row["period"], row["rows"], row["versions"], row["shadowed_by"]) for row in changes} == {
        ("2018-03", 40, 2, None)
    }
    for row in changes:
        added = [each for each in month[30:] if each.currency == row["currency"]]
        assert row["units_change"] == sum(each.net_units for each in added)
    assert (shadowed["period"], shadowed["rows"], shadowed["versions"]) == ("2018-03-05", 5, 1)
    assert (shadowed["shadowed_by"], shadowed["currency"]) == (changes[0]["id"], None)
    table = command_line("imports", db).stdout.splitlines()
    assert table[0].split()[:4] == ["id", "account", "kind", "period"]
    assert command_line("imports", db, "--account", "None").returncode == 1
    rows = json.loads(command_line("accounts", db, "--format", "json").stdout)
    assert [row["rows"] for row in rows] == [40]


def test_kind_and_period_and_personal_fields(command_line, tmp_path, reports):
    nameless = reports.write(tmp_path / "report.csv", reports.rows(20, 2018, 3))
    empty = reports.pack(tmp_path / "empty.csv", reports.text([]).encode())
    db = tmp_path / "shop.till"
    asked = ["import", db, empty, "--account", "Apps"]
    assert "period" in command_line(*asked).stderr
    done = command_line(*asked, "--period", "2018-02", "--kind", "amazon-sales")
    assert "1 file, 0 rows" in done.stdout
    rows = reports.rows(20, 2018, 3)
    for row in rows:
        row.extra["App User ID"] = "buyer-1"
    reports.write(nameless, rows)
    command_line("import", db, nameless, "--account", "Apps", "--keep-personal")
    with tillroll.open(db) as opened:
        assert [each.period for each in opened.sales.imports()] == ["2018-02", "2018-03"]
        assert "App User ID" in opened.sales.columns


def test_a_number_is_an_id_and_a_shared_name_is_refused(command_line, tmp_path, report_file):
    db = tmp_path / "shop.till"
    unknown = command_line("import", db, report_file, "--account", "7")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    assert "no account 7" in unknown.stderr
    assert not db.exists()
    with tillroll.open(db) as opened:
        twins = [opened.external_accounts.create(nickname="Apps", store="amazon") for _ in range(2)]
        seven = opened.external_accounts.create(nickname="7", store="amazon")
        two = opened.external_accounts.create(nickname="2", store="amazon")
    shared = command_line("import", db, report_file, "--account", "Apps")
    assert shared.returncode == 1
    assert shared.stderr == "tillroll: 2 accounts are named 'Apps': give --account one of the ids 1, 2\n"
    # No account has the id 7: the nickname counts. The id 2 counts before the nickname.
    for text, account in [("7", seven), ("2", twins[1]), (str(two.id), two)]:
        said = command_line("import", db, report_file, "--account", text)
        assert f"id {account.id}\n" in said.stdout
    asked = command_line("report", db, "--account", "Apps")
    assert (asked.returncode, asked.stderr) == (1, shared.stderr)
    assert command_line("report", db, "--account", "5").returncode == 1


def test_ctrl_c_ends_with_130_and_says_what_is_kept(command_line, tmp_path, large):
    db = tmp_path / "shop.till"
    command = [command_line.script, "import", db, *large, "--account", "Apps"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        while child.poll() is None and not list(db.glob("rolls/*")):
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert err.startswith("tillroll: stopped; ")
    assert err.count("\n") == 1
    with tillroll.open(db) as opened:
        stored = opened.sales.imports()
        kept = f"kept what was imported before: {len(stored)} file"
        assert (kept if stored else "nothing was imported") in err
        assert len(opened.external_accounts) == bool(stored)
        assert opened.check().ok


def test_stopped_too_late_nothing_is_denied():
    # The exception has no summary then.
    assert _kept(None) == "stopped; what was imported before is kept"


# Asking.

DAYS = {"start": "2018-01-05", "end": "2018-01-09"}
KIND = {"store": "amazon", "kind": "amazon-sales"}
QUERIES = [
    ([], {}),
    (["--by", "month,currency", "--measures", "units,earnings"], {}),
    (["--by", "sku", "--order-by", "-units", "--limit", "2"], {"order_by": "-units", "limit": 2}),
    (["--by", "day", "--start", DAYS["start"], "--end", DAYS["end"]], DAYS),
    (["--by", "currency", "--currency", "EUR", "--currency", "USD"], {"currency": ["EUR", "USD"]}),
    (["--by", "currency", "--currency", "EUR,USD"], {"currency": ["EUR", "USD"]}),
    (["--by", "country", "--country", "DE,AT"], {"country": ["DE", "AT"]}),
    (["--by", "sku", "--sku", "chess", "--sku", "sudoku"], {"sku": ["chess", "sudoku"]}),
    (["--title", "Chess, Checkers & More"], {"title": "Chess, Checkers & More"}),
    (["--item-name", "Pro"], {"item_name": "Pro"}),
    (["--by", "item_type", "--item-type", "App"], {"item_type": "App"}),
    (["--by", "term", "--term", "1 Month"], {"term": "1 Month"}),
    (["--by", "type", "--type", "refund"], {"type": "refund"}),
    (["--by", "marketplace", "--marketplace", "Amazon.de"], {"marketplace": "Amazon.de"}),
    (["--by", "kind", "--store", "amazon", "--kind", "amazon-sales"], KIND),
    (["--by", "period", "--period", "2018-02"], {"period": "2018-02"}),
    (["--by", "account", "--account", "Amazon apps"], {"account": 1}),
    (["--measures", "earnings", "--earnings-currency", "JPY"], {"earnings_currency": "JPY"}),
    (["--by", "sku", "--parent-sku", "none"], {"parent_sku": "none"}),
]


@pytest.fixture
def printed(capfd):
    """Runs the command line in this process, which is quicker, and gives what it printed."""

    def run(*arguments):
        assert main(list(map(str, arguments))) == 0
        out, err = capfd.readouterr()
        assert err == ""
        return out

    return run


def expected(stored, options, query):
    """What the library answers: groups and measures stand in the options."""
    for option, name in [("--by", "by"), ("--measures", "measures")]:
        if option in options:
            query = query | {name: options[options.index(option) + 1].split(",")}
    return answer(stored, **query)


@pytest.mark.parametrize(("options", "query"), QUERIES)
def test_json_is_what_the_library_answers(printed, stored, options, query):
    said = json.loads(printed("report", stored, *options, "--format", "json"))
    rows = expected(stored, options, query)
    for row in rows:
        row |= {name: str(cell) for name, cell in row.items() if not isinstance(cell, int | str | None)}
    assert said == rows
    assert list(map(list, said)) == list(map(list, rows))


@pytest.mark.parametrize(("options", "query"), QUERIES)
def test_csv_is_what_the_library_answers(printed, stored, options, query):
    said = printed("report", stored, *options, "--format", "csv")
    assert "\r" not in said
    rows = expected(stored, options, query)
    told = list(csv.reader(io.StringIO(said)))
    assert told[1:] == [["" if cell is None else str(cell) for cell in row.values()] for row in rows]


@pytest.mark.parametrize("into", ["file", "pipe"])
def test_parquet_has_the_librarys_types(command_line, stored, tmp_path, into):
    asked = ["report", stored, "--by", "month,currency,title", "--measures", "units,earnings"]
    path = tmp_path / "report.parquet"
    if into == "file":
        assert command_line(*asked, "--output", path).returncode == 0
    else:
        piped = command_line(*asked, "--format", "parquet", encoding=None)
        path.write_bytes(piped.stdout)
    query = {"by": ["month", "currency", "title"], "measures": ["units", "earnings"]}
    with tillroll.open(stored, read_only=True) as db:
        table = db.sales.report(**query).to_arrow()
    assert pq.read_table(path).equals(table)


def test_parquet_is_refused_where_it_cannot_be(command_line, stored, tmp_path):
    code, said = command_line.on_terminal("report", stored, "--format", "parquet")
    assert code == 2
    assert said.startswith("tillroll: parquet is not for a terminal")
    block = "import sys; sys.modules['pyarrow'] = None; from tillroll.cli import main; sys.exit(main())"
    out = tmp_path / "x.parquet"
    missing = subprocess.run(
        [sys.executable, "-c", block, "report", stored, "--output", out], capture_output=True, text=True
    )
    assert missing.returncode == 1
    assert missing.stderr == "tillroll: parquet needs the package pyarrow: pip install pyarrow\n"
    assert not out.exists()


def test_the_name_of_the_output_tells_its_form(command_line, stored, tmp_path):
    for name, start in [("a.csv", "units\n"), ("a.json", '[\n{"units": '), ("a.txt", "units\n─────\n")]:
        said = command_line("report", stored, "--output", tmp_path / name)
        assert (said.returncode, said.stdout) == (0, "")
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    chosen = command_line("report", stored, "--output", tmp_path / "b.csv", "--format", "json")
    assert chosen.returncode == 0
    assert json.loads((tmp_path / "b.csv").read_text())
    nowhere = command_line("report", stored, "--output", tmp_path / "no" / "a.csv")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (1, 1)
    assert str(tmp_path / "no" / "a.csv") in nowhere.stderr


def test_a_table_shows_amounts_as_people_read_them(command_line, stored):
    asked = ["report", stored, "--by", "currency", "--measures", "units,sales"]
    shown = [line.split() for line in command_line(*asked).stdout.splitlines()[2:]]
    rows = answer(stored, by="currency", measures=["units", "sales"])
    assert [[row[0], row[1].replace(",", "")] for row in shown] == [
        [row["currency"], str(row["units"])] for row in rows
    ]
    assert [Decimal(row[2].replace(",", "")) for row in shown] == [row["sales"] for row in rows]
    yen = next(row for row in shown if row[0] == "JPY")
    assert "." not in yen[2]
    assert "," in yen[2]
    widths = {len(line) for line in command_line(*asked).stdout.splitlines()}
    assert len(widths) == 1


@pytest.mark.parametrize("command", ["accounts", "products", "imports", "info"])
def test_a_listing_fits_a_terminal(command_line, stored, command):
    code, shown = command_line.on_terminal(command, stored, columns=80, NO_COLOR="1")
    assert code == 0
    assert max(map(len, shown.splitlines())) <= 80
    # No column stands there in which nothing stands.
    assert "shadowed" not in shown
    assert "…" not in shown.splitlines()[0]


def test_nothing_found_is_told(command_line, stored):
    asked = ["report", stored, "--by", "sku", "--sku", "none"]
    assert command_line(*asked).stdout.splitlines()[-1] == "(no rows)"
    assert command_line(*asked, "--format", "csv").stdout == "sku,units\n"
    assert command_line(*asked, "--format", "json").stdout == "[]\n"


NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\uff1d1+1", f"red{ESCAPE}[31m", 'plain, "quoted"', "数独"]


@pytest.fixture
def nasty(named):
    return named("shop.till", NASTY, "=cmd()")


def test_no_text_becomes_a_formula(command_line, nasty):
    told = csv.reader(io.StringIO(command_line("report", nasty, "--by", "title", "--format", "csv").stdout))
    titles = sorted(row[0] for row in list(told)[1:])
    stored = [row["title"] for row in answer(nasty, by="title")]
    assert titles == sorted(f"'{text}" if text[0] in "=+-@\t\uff1d" else text for text in stored)
    assert len([text for text in titles if text.startswith("'")]) >= 4
    assert "'=cmd()" in command_line("accounts", nasty, "--format", "csv").stdout
    as_json = json.loads(command_line("report", nasty, "--by", "title", "--format", "json").stdout)
    assert [row["title"] for row in as_json] == stored


def test_a_negative_number_is_no_formula(command_line, tmp_path, reports):
    rows = [row for row in reports.rows(300, 2018, 3) if row.kind == "refund" and row.currency == "EUR"]
    db = tmp_path / "shop.till"
    command_line("import", db, reports.write(tmp_path / "sales_2018_03.gz", rows), "--account", "Apps")
    asked = ["--by", "currency", "--measures", "units,sales", "--format", "csv"]
    currency, units, sales = command_line("report", db, *asked).stdout.splitlines()[1].split(",")
    assert currency == "EUR"
    assert int(units) == sum(row.net_units for row in rows) < 0
    assert Decimal(sales) == sum(row.net_price for row in rows) < 0


def test_no_text_steers_the_terminal(command_line, nasty):
    assert ESCAPE in "".join(row["title"] for row in answer(nasty, by="title"))
    code, shown = command_line.on_terminal("report", nasty, "--by", "title", TERM="dumb")
    assert code == 0
    assert ESCAPE not in shown
    assert "red\ufffd[31m" in shown


def test_accounts_and_info(command_line, stored):
    shown = command_line("accounts", stored).stdout
    assert shown.splitlines()[2].split() == [
        "1",
        "Amazon",
        "apps",
        "amazon",
        "me@example.com",
        "4",
        "1,600",
        "0",
    ]
    (account,) = json.loads(command_line("accounts", stored, "--format", "json").stdout)
    assert account["nickname"] == "Amazon apps"
    assert account["rows"] == 1600
    lines = command_line("info", stored).stdout.splitlines()
    (of_kind,) = json.loads(command_line("info", stored, "--format", "json").stdout)
    assert (of_kind["reports"], of_kind["first"], of_kind["rows"]) == (4, "2017-12", 1600)
    assert lines[0].split() == ["rows", "1,600"]
    assert lines[1].split(maxsplit=1)[1] == "4 reports of 1 account"
    assert lines[3].split() == ["currencies", "EUR", "GBP", "JPY", "USD"]
    table = lines[-1].split()
    assert table == ["1", "Amazon", "apps", "amazon-sales", "4", "2017-12", "2018-03", "1,600", "0"]


def test_products_are_those_that_are_sold(command_line, stored):
    listed = json.loads(command_line("products", stored, "--format", "json").stdout)
    with tillroll.open(stored, read_only=True) as db:
        ours = db.products.mine()
    assert [(each["id"], each["sku"], each["name"]) for each in listed] == [
        (each.id, each.sku, each.name) for each in ours
    ]
    assert len(listed) > 1
    shown = command_line("products", stored, "--store", "amazon_appstore").stdout
    assert len(shown.splitlines()) == 2 + len(listed)
    assert json.loads(command_line("products", stored, "--store", "apple", "--format", "json").stdout) == []
    assert command_line("products", stored, "--store", "corner").returncode == 2


def test_products_are_searched_and_told_by_account(command_line, stored, tmp_path):
    with tillroll.open(stored, read_only=True) as db:
        known = {each.id: each for each in db.products.mine()}
    listed = json.loads(command_line("products", stored, "--account", "1", "--format", "json").stdout)
    assert [row["id"] for row in listed] == list(known)
    for row in listed:
        told = known[row["id"]].to_dict()
        assert row == {name: told.get(name) for name in row} | {"account": 1}
    none = command_line("products", stored, "--search", "backgammon", "--format", "json")
    assert none.stdout == "[]\n"
    chess = command_line("products", stored, "--search", "@name=chess", "--format", "csv")
    assert [row["name"] for row in csv.DictReader(io.StringIO(chess.stdout))] == ["Chess, Checkers & More"]
    table = command_line("products", stored, "--limit", "1").stdout.splitlines()
    assert (table[0].split()[:2], len(table)) == (["id", "name"], 3)
    assert command_line("products", stored, "--account", "None").returncode == 1
    assert command_line("products", stored, "--search", "chess", "--all").returncode == 2
    other = shutil.copytree(stored, tmp_path / "other.till")
    with tillroll.open(other) as db:
        db.external_accounts.create(nickname="Another", store="amazon")
    assert command_line("products", other, "--account", "Another", "--format", "json").stdout == "[]\n"


@pytest.mark.parametrize("command", ["report", "accounts", "products", "imports", "rejects", "info"])
def test_whatever_prints_a_table_prints_it_for_programs_too(command_line, stored, command):
    as_json = json.loads(command_line(command, stored, "--format", "json").stdout)
    as_csv = csv.DictReader(io.StringIO(command_line(command, stored, "--format", "csv").stdout))
    cells = [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in as_json]
    cells = [{name: {"True": "true"}.get(cell, cell) for name, cell in row.items()} for row in cells]
    assert list(as_csv) == cells
    assert len(cells) > 0 or command == "rejects"


def test_check_ends_with_1_and_names_what_is_damaged(command_line, stored, tmp_path):
    assert command_line("check", stored).returncode == 0
    damaged = tmp_path / "damaged.till"
    shutil.copytree(stored, damaged)
    roll = next(damaged.glob("rolls/*.roll"))
    content = bytearray(roll.read_bytes())
    content[len(content) // 3] ^= 0xFF
    roll.write_bytes(content)
    said = command_line("check", damaged)
    assert (said.returncode, said.stdout) == (1, "")
    assert roll.name in said.stderr
    assert "problem" in said.stderr.splitlines()[-1]


# Where it writes to.


def test_a_reader_that_leaves_early_is_no_error(command_line, stored):
    wide = f"{command_line.script} report {stored} --by day,sku,country,title,type --format"
    for form in ["table", "csv", "json"]:
        command = f"set -o pipefail; for i in 1 2 3; do {wide} {form}; done | head -n 1"
        said = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.count("\n") == 1


def test_a_full_disk_is_an_error_in_a_line(command_line, stored):
    with Path("/dev/full").open("w") as full:
        said = command_line("report", stored, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert said.returncode == 1
    assert said.stderr == "tillroll: No space left on device\n"


@pytest.mark.parametrize("name", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "link"])
def test_what_is_open_already_is_not_replaced(command_line, stored, tmp_path, name):
    (tmp_path / "link").symlink_to("/dev/stdout")
    into = tmp_path / "out.csv"
    command = f"(echo a; {command_line.script} report {stored} --format csv --output {name}; echo z) > {into}"
    into.touch()
    before = into.stat().st_ino
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    lines = into.read_text().splitlines()
    assert (lines[:2], lines[-1], len(lines)) == (["a", "units"], "z", 4)
    # Neither is another file that the shell has open.
    third = f"{command_line.script} report {stored} --format csv --output /dev/fd/3 3>> {into}"
    assert subprocess.run(["bash", "-c", third], capture_output=True).returncode == 0
    assert len(into.read_text().splitlines()) == 6
    assert into.stat().st_ino == before


def test_a_file_is_written_over_where_its_directory_takes_no_new_one(monkeypatch, capfd, stored, tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("before, and longer than what comes")
    opened = Path.open

    def refuses(path, mode="r", *rest, **options):
        if "x" in mode:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", refuses)
    assert main(["report", str(stored), "--output", str(target)]) == 0
    assert target.read_text().startswith("units\n")
    assert main(["report", str(stored), "--output", str(tmp_path / "new.csv")]) == 1
    assert capfd.readouterr().err == f"tillroll: {tmp_path / 'new.csv'}: Permission denied\n"


def test_a_loop_of_links_is_an_error_in_a_line(command_line, stored, tmp_path):
    (tmp_path / "a.csv").symlink_to(tmp_path / "a.csv")
    said = command_line("report", stored, "--output", tmp_path / "a.csv")
    assert said.returncode == 1
    assert said.stderr == f"tillroll: {tmp_path / 'a.csv'}: Too many levels of symbolic links\n"
    assert (tmp_path / "a.csv").is_symlink()


def test_the_standard_output_does_not_lie_in_the_database(command_line, stored):
    said = command_line("report", stored.resolve(), "--output", "-", cwd=stored)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("units\n")


def test_closed_streams_are_no_error(command_line, stored):
    closed = f"{command_line.script} report {stored} >&- 2>&-"
    assert subprocess.run(["bash", "-c", closed]).returncode == 0


def test_colours_only_on_a_terminal_that_has_them(command_line, stored):
    asked = ["report", stored, "--by", "title"]
    assert ESCAPE in command_line.on_terminal(*asked)[1]
    for changes in [{"NO_COLOR": "1"}, {"TERM": "dumb"}]:
        code, shown = command_line.on_terminal(*asked, **changes)
        assert code == 0
        assert ESCAPE not in shown
    assert ESCAPE not in command_line(*asked).stdout
    assert ESCAPE not in command_line("report", "--help").stdout


def test_a_bar_only_on_a_terminal(command_line, tmp_path, report_file):
    asked = ["import", tmp_path / "shop.till", report_file, "--account", "Apps", "--force"]
    code, shown = command_line.on_terminal(*asked)
    assert code == 0
    assert "importing" in shown
    assert "100%" in shown
    piped = command_line(*asked, env={**environ, "FORCE_COLOR": "1"})
    assert "importing" not in piped.stdout + piped.stderr
    code, dumb = command_line.on_terminal(*asked, TERM="dumb")
    assert code == 0
    assert "importing" not in dumb
    assert ESCAPE not in dumb


def test_a_narrow_terminal_gets_a_narrow_table(command_line, stored):
    asked = ["report", stored, "--by", "title,sku,country,currency,item_type", "--measures", "units,sales"]
    widest = max(map(len, command_line(*asked).stdout.splitlines()))
    code, shown = command_line.on_terminal(*asked, columns=70, NO_COLOR="1")
    assert code == 0
    assert max(map(len, shown.splitlines())) <= 70 < widest
    assert "…" in shown


def test_another_encoding_than_utf_8(command_line, stored):
    asked = ["report", stored, "--by", "title"]
    said = command_line(*asked, env={**environ, "PYTHONIOENCODING": "ascii"})
    assert said.returncode == 0
    assert "\\u6570" in said.stdout
    assert "-----" in said.stdout
    as_csv = command_line(*asked, "--format", "csv", env={**environ, "PYTHONIOENCODING": "ascii"})
    assert "数独パズル" in as_csv.stdout
