"""A process that is forked from one with a database open."""

import subprocess
import sys
from pathlib import Path

import pytest
import tillroll

# What every script does: open the database, get hold of all that it gives, and fork.
SCRIPT = """
import gc, multiprocessing, os, signal, sys, time
import pyarrow, tillroll

def told(call):
    try:
        return type(call()).__name__
    except BaseException as error:
        return type(error).__name__ + ": " + str(error)

def wait(child):
    # A child that hangs is killed, and told apart by that.
    for _ in range(1000):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
OPENED = "db = tillroll.open(sys.argv[1])"


@pytest.fixture(scope="module")
def path(tmp_path_factory, large):
    folder = tmp_path_factory.mktemp("fork")
    with tillroll.open(folder / "shop.till") as db:
        account = db.external_accounts.create(nickname="a", store="amazon")
        db.sales.import_reports(large[:4], account=account)
        db.brands.create(name="Acme")
    return folder / "shop.till"


def run(work, *arguments, before=OPENED):
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", SCRIPT + before + work, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        # What is asked for and refused would be made here.
        cwd=Path(arguments[0]).parent,
    )
    # Python itself warns of forks where there are threads.
    errors = [
        line for line in done.stderr.splitlines() if "DeprecationWarning" not in line and line[0] != " "
    ]
    assert (done.returncode, errors) == (0, [])
    return done.stdout.splitlines()


EVERYTHING = """
sales, brands, products, narrowed = db.sales, db.brands, db.products, db.restrict(["sales:read"])
scan = sales.scan(columns=["units"])
batches, records = iter(scan), iter(db.brands)
reader = pyarrow.RecordBatchReader.from_stream(scan)
table = sales.report(measures="rows")
calls = [
    db.close, db.stats, db.check, db.compact, db.stores, db.__enter__, lambda: db.__exit__(),
    lambda: db.sales, lambda: db.brands, lambda: db.products, lambda: db.restrict([]), lambda: db.sync_plan(),
    lambda: db.backup("nowhere"), lambda: db.set_passphrase(None),
    lambda: db.export_records("nowhere"), lambda: db.import_records("nowhere"),
    lambda: len(sales), lambda: sales.columns, lambda: sales.get("x"), lambda: sales.get_many(["x"]),
    lambda: sales.scan(), lambda: sales.report(), lambda: sales.imports(), lambda: sales.rejects(),
    lambda: sales.import_reports([], account=1), lambda: sales.export("nowhere"),
    lambda: sales.delete(1, "amazon-sales", "2018-01"), lambda: sales.gaps(1, "amazon-sales", 2018, 2019),
    lambda: sales.period_state(1, "amazon-sales", "2018-01"), lambda: narrowed.sales,
    lambda: sales.mark_empty(1, "amazon-sales", "2018-09"),
    lambda: sales.mark_lost(1, "amazon-sales", "2018-09"),
    lambda: sales.mark_fetched(1, "amazon-sales", "2018-09"),
    lambda: iter(scan), lambda: scan.to_arrow(), lambda: next(batches), lambda: next(records),
    lambda: reader.read_all(),
    lambda: len(brands), lambda: list(brands), lambda: 1 in brands, lambda: brands.get(1),
    lambda: brands.list(),
    lambda: brands.create(name="x"), lambda: brands.create_many([]), lambda: brands.update(1, name="x"),
    lambda: brands.delete(1), lambda: products.search("x"),
    lambda: products.get_by_store("apple", "x"), lambda: products.get_by_store("apple", "x", lookup=print),
]
"""


def test_nothing_of_the_parent_answers_in_a_child(path):
    said = run(
        EVERYTHING
        + """
child = os.fork()
if not child:
    for call in calls:
        print(told(call))
    # What is in memory stays, and so does what names the database.
    print(repr(db), db.path == __import__("pathlib").Path(sys.argv[1]), list(table), scan.columns)
    sys.stdout.flush()
    sys.exit(3)
print(wait(child), os.getpid(), flush=True)
print(len(sales), sum(map(len, batches)), len(list(records)), reader.read_all().num_rows, len(calls))
db.close()
with tillroll.open(sys.argv[1]) as db:
    print(len(db.brands), db.check().ok, db.stats()["index_rebuilt"], db.stats()["recovered"])
""",
        path,
    )
    *answers, kept, ended, parent, again = said
    count = int(parent.split()[-1])
    assert len(answers) == count > 45
    code, pid = ended.split()
    for answer in answers:
        assert f"the database belongs to process {pid}" in answer
    assert sum(answer.startswith("ClosedError") for answer in answers) == count - 1
    assert kept == f"<tillroll.Db {path}, of another process> True [{{'rows': 480000}}] ['units']"
    assert code == "3"
    assert parent == f"480000 480000 1 480000 {count}"
    assert again == "1 True 0 0"


@pytest.mark.parametrize(
    "end", ["sys.exit(7)", "del db, sales, scan, batches, reader; gc.collect(); sys.exit(7)"]
)
def test_a_child_with_a_scan_under_way_ends_at_once(path, end):
    said = run(
        f"""
sales = db.sales
scan = sales.scan()
batches, reader = iter(scan), pyarrow.RecordBatchReader.from_stream(scan)
# From the second batch on, others are read ahead by threads that a child does not have.
first = len(next(batches)) + len(next(batches)) + reader.read_next_batch().num_rows
began = time.monotonic()
child = os.fork()
if not child:
    {end}
print(wait(child), time.monotonic() - began < 5)
print(first + sum(map(len, batches)) + reader.read_all().num_rows)
db.brands.create(name="after")
db.close()
""",
        path,
    )
    assert said == ["7 True", "960000"]


def test_a_database_can_be_closed_and_opened_again_beside_a_child(path):
    said = run(
        """
db.brands.create(name="before")
child = os.fork()
if not child:
    time.sleep(60)
db.close()
print(told(lambda: os.kill(child, 0)))
with tillroll.open(sys.argv[1]) as db:
    print(db.brands.create(name="again").name, db.check().ok, db.stats()["index_degraded"])
os.kill(child, signal.SIGKILL)
print(wait(child))
""",
        path,
    )
    assert said == ["NoneType", "again True False", "-9"]


def test_a_child_of_a_process_that_had_one_open_only_reads(path):
    said = run(
        """
def work(number):
    opened = told(lambda: tillroll.open(sys.argv[1]))
    with tillroll.open(sys.argv[1], read_only=True) as own:
        return opened, len(own.sales.report(by="month", measures="rows")), own.check().ok

db.close()
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(*pool.map(work, range(2)), sep="\\n")
""",
        path,
    )
    assert len(said) == 2
    for line in said:
        assert line.startswith("('ClosedError: this process was forked from process ")
        assert line.endswith("', 4, True)")


def test_children_that_were_forked_before_open_what_they_like(tmp_path):
    said = run(
        """
def work(number):
    with tillroll.open(f"{sys.argv[2]}/{number}.till") as own:
        own.brands.create(name=str(number))
        return [brand.name for brand in own.brands]

with multiprocessing.get_context("fork").Pool(2) as pool:
    db = tillroll.open(sys.argv[1])
    print(pool.map(work, range(3)), len(db.brands))
""",
        tmp_path / "shop.till",
        tmp_path,
        before="",
    )
    assert said == ["[['0'], ['1'], ['2']] 0"]
