"""Ctrl-C, as a terminal sends it."""

import json
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest
import tillroll

# In each of the large reports.
ROWS = 120_000

# What every child does: say when it begins, and when Ctrl-C has arrived.
CHILD = """
import sys, polars, pyarrow, tillroll
database, account, *paths = sys.argv[1:]
with tillroll.open(database) as db:
    print("begin", flush=True)
    try:
        {work}
        print("finished", flush=True)
    except KeyboardInterrupt as stopped:
        print("stopped", getattr(stopped, "summary", None), flush=True)
"""


def interrupt(work, arguments, after):
    """Runs a child, sends it Ctrl-C, and gives what it said and how long it took to stop."""
    command = [sys.executable, "-c", CHILD.format(work=work), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "begin\n"
        time.sleep(after)
        child.send_signal(signal.SIGINT)
        sent = time.monotonic()
        said = child.stdout.readline()
        took = time.monotonic() - sent
        child.wait()
    return said, took


@pytest.mark.parametrize("after", [0.05, 0.3])
@pytest.mark.parametrize("progress", ["None", "print", "lambda step: None"])
def test_an_import_stops_within_a_second_and_leaves_whole_reports(tmp_path, large, progress, after):
    database = tmp_path / "shop.till"
    with tillroll.open(database) as db:
        account = db.external_accounts.create(nickname="a", store="amazon").id
    progress = progress.replace("print", "lambda step: print(step, file=sys.stderr)")
    work = f"db.sales.import_reports(paths, account=int(account), progress={progress})"
    said, took = interrupt(work, [database, account, *large], after)
    assert said.startswith("stopped ImportSummary(")
    assert took < 1
    with tillroll.open(database) as db:
        stored = db.sales.imports()
        assert len(stored) < len(large)
        assert all(import_.rows == ROWS for import_ in stored)
        assert len(db.sales) == ROWS * len(stored)
        assert db.check().ok


@pytest.mark.parametrize(
    "work",
    [
        "while True: db.sales.report(by=['day', 'country', 'sku'], measures=['rows'], sku=['chess'])",
        "while True: list(db.sales.scan())",
        "while True: db.sales.scan().to_arrow()",
        "while True: db.sales.scan().to_polars()",
    ],
)
def test_reading_stops_within_a_second(tmp_path, large, work):
    database = tmp_path / "shop.till"
    with tillroll.open(database) as db:
        account = db.external_accounts.create(nickname="a", store="amazon").id
        db.sales.import_reports(large[:2], account=account)
    said, took = interrupt(work, [database, account], 0.3)
    assert said.startswith("stopped")
    assert took < 1


@pytest.mark.parametrize("after", [0.3, 1.5])
def test_an_import_of_records_stops_within_a_second_and_leaves_whole_steps(tmp_path, after):
    time = {"created_at": "2021-04-16T15:39:06Z", "updated_at": "2021-04-16T15:39:06Z"}
    line = {"collection": "brands", **time, "fields": {"name": "x" * 100}}
    file, step = tmp_path / "records.jsonl", 10_000
    file.write_text("\n".join(json.dumps(line | {"id": id}) for id in range(1, 10 * step + 1)))
    database = tmp_path / "shop.till"
    said, took = interrupt("db.import_records(account)", [database, file], after)
    assert said == "stopped None\n"
    assert took < 1
    with tillroll.open(database) as db:
        assert len(db.brands) % step == 0
        assert len(db.brands) < 10 * step
        assert db.check().ok


def test_other_threads_run_while_the_engine_works(db, account, large):
    from threading import Event, Thread

    done, ticks = Event(), []

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = Thread(target=tick)
    thread.start()
    began = time.monotonic()
    db.sales.import_reports(large[0], account=account)
    list(db.sales.scan())
    ended = time.monotonic()
    done.set()
    thread.join()
    inside = [began, *(at for at in ticks if began < at < ended), ended]
    pauses = [later - earlier for earlier, later in pairwise(inside)]
    assert max(pauses) < (ended - began) / 2
