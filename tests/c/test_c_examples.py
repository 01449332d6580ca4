"""The programs of ffi/examples, run on reports, and checked for what they leave behind."""

import re
import subprocess
from decimal import Decimal

import pytest
from compiling import MEMCHECK, ROOT, SANITIZED, WITH_CPP, WITH_VALGRIND, run

EXAMPLES = ROOT / "ffi/examples"
LANGUAGES = {"import": "c99", "arrow": "c99", "report": "c++17"}
ALL = [pytest.param(name, marks=WITH_CPP if LANGUAGES[name] != "c99" else []) for name in LANGUAGES]


def source(name: str):
    return EXAMPLES / f"{name}.{'c' if LANGUAGES[name] == 'c99' else 'cpp'}"


@pytest.fixture(scope="module")
def build(library, tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")

    def build(name, more=()):
        to = folder / f"{name}{'-sanitized' if more else ''}"
        return to if to.exists() else library.compile(to, [source(name)], LANGUAGES[name], more=more)

    return build


@pytest.fixture(scope="module")
def written(tmp_path_factory, reports):
    """Reports of two months in a folder, and their rows."""
    folder = tmp_path_factory.mktemp("shop")
    rows = [row for month in (3, 4) for row in reports.rows(60, 2018, month)]
    for month in (3, 4):
        reports.write(folder / f"reports/sales_2018_{month:02}.gz", reports.rows(60, 2018, month))
    return folder, rows


def arguments(name, folder):
    """What a user gives: a database of the example's own, and the reports or nothing more."""
    return [folder / f"{name}.till", *([] if name == "arrow" else [f"{folder}/reports/sales_*.gz"])]


@pytest.fixture
def filled(build, written, library):
    """A database with the reports, for the example that only reads."""
    folder, _ = written
    if not (folder / "arrow.till").exists():
        run([build("import"), folder / "arrow.till", f"{folder}/reports/sales_*.gz"], env=library.environment)


def test_import_prints_what_is_in_the_reports(build, written, library, reports):
    folder, rows = written
    command = [build("import"), *arguments("import", folder)]
    first, *lines = run(command, env=library.environment).splitlines()
    assert first == "2 files, 0 unchanged, 120 rows, 0 rejected"
    sums = reports.sums(rows, ["currency"], ["units", "earnings"])
    printed = [(line.split()[0], int(line.split()[1]), Decimal(line.split()[3])) for line in lines]
    assert printed == [(line["currency"], line["units"], line["earnings"]) for line in sums]
    again = run(command, env=library.environment).splitlines()
    assert again == ["2 files, 2 unchanged, 0 rows, 0 rejected", *lines]


def test_arrow_prints_every_row(build, written, filled, library):
    folder, rows = written
    told = run([build("arrow"), *arguments("arrow", folder)], env=library.environment).splitlines()
    names, *lines = (line.split("\t") for line in told)
    assert len(lines) == len(rows)
    assert sorted(line[names.index("transaction_id")] for line in lines) == sorted(
        row.transaction for row in rows
    )
    times = {line[names.index("time")] for line in lines}
    assert all(re.fullmatch(r"2018-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)
    query = '{"columns":["currency","earnings"],"currency":"JPY"}'
    _, *some = run([build("arrow"), folder / "arrow.till", query], env=library.environment).splitlines()
    assert len(some) == sum(row.currency == "JPY" for row in rows)


@WITH_CPP
def test_report_prints_the_best_first(build, written, library, reports):
    folder, rows = written
    first, *lines, free = run(
        [build("report"), *arguments("report", folder)], env=library.environment
    ).splitlines()
    assert first == "2 files, 0 unchanged, 120 rows, 0 rejected"
    sums = reports.sums(rows, ["month", "currency"], ["units", "earnings"])
    printed = {tuple(line.split()[:2]): (int(line.split()[2]), Decimal(line.split()[4])) for line in lines}
    assert printed == {
        (f"{line['month']:%Y-%m}", line["currency"]): (line["units"], line["earnings"]) for line in sums
    }
    assert [units for units, _ in printed.values()] == sorted(
        (units for units, _ in printed.values()), reverse=True
    )
    assert re.fullmatch(r"\d+ free", free)


@pytest.mark.parametrize("name", ALL)
def test_an_example_says_how_it_is_used_and_what_went_wrong(name, build, written, library, tmp_path):
    program = build(name)
    done = subprocess.run([program], env=library.environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.split()[0]) == (2, "usage:")
    given = [tmp_path / "none.till", *([] if name == "arrow" else [tmp_path / "none.csv"])]
    done = subprocess.run([program, *given], env=library.environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "none." in done.stderr


@WITH_VALGRIND
@pytest.mark.parametrize("name", ALL)
def test_an_example_leaks_nothing(name, build, written, filled, library):
    folder, _ = written
    run([*MEMCHECK, build(name), *arguments(name, folder)], env=library.environment)


@pytest.mark.parametrize("name", ALL)
def test_an_example_does_nothing_undefined(name, build, written, filled, can_sanitize, library):
    if not can_sanitize:
        pytest.skip(reason="the compilers of this machine have no AddressSanitizer")
    folder, _ = written
    run([build(name, SANITIZED), *arguments(name, folder)], env=library.environment)


def test_every_example_is_here_and_in_the_cmake_project():
    project = (EXAMPLES / "CMakeLists.txt").read_text()
    assert sorted(path.name for path in EXAMPLES.glob("*.c*")) == sorted(
        source(name).name for name in LANGUAGES
    )
    assert all(source(name).name in project for name in LANGUAGES)
