"""Import the same reports with Tillroll and with DuckDB, in one run, and print what each took as JSON.

    python benches/peers/import.py reports/*.gz [--engines duckdb,duckdb-key,tillroll]

Every engine runs in a process of its own, so that CPU time and peak memory are its own; each ends durable,
with the database closed. `duckdb` loads typed columns; `duckdb-key` has an index on the transaction id beside
that, which is what Tillroll always has. A charge and its refund share an id: it cannot be a primary key.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENGINES = ("duckdb", "duckdb-key", "tillroll")

# Bound by position: generated reports all have the 16 columns of 2018.
COLUMNS = {
    "marketplace": "VARCHAR",
    "country": "VARCHAR",
    "invoice_id": "VARCHAR",
    "transaction_id": "VARCHAR",
    "time": "TIMESTAMP",
    "type": "VARCHAR",
    "sku": "VARCHAR",
    "title": "VARCHAR",
    "item_name": "VARCHAR",
    "item_type": "VARCHAR",
    "term": "VARCHAR",
    "units": "BIGINT",
    "usage_time": "VARCHAR",
    "currency": "VARCHAR",
    "sales": "DECIMAL(18, 6)",
    "earnings": "DECIMAL(18, 6)",
}


def import_duckdb(database: Path, files: list[str], *, key: bool) -> tuple[str, int]:
    """Load all files into one typed table; the time's zone token, which some rows have, is cut off."""
    import duckdb

    as_text = {name: "VARCHAR" if name == "time" else kind for name, kind in COLUMNS.items()}
    types = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"CREATE TABLE sales ({types})")
        connection.execute(
            "INSERT INTO sales SELECT * REPLACE (CAST(time[1:19] AS TIMESTAMP) AS time) "
            "FROM read_csv(?, header = true, columns = ?, compression = 'gzip', quote = '\"', escape = '\"')",
            [files, as_text],
        )
        if key:
            connection.execute("CREATE INDEX sales_by_id ON sales (transaction_id)")
        connection.execute("CHECKPOINT")
        (rows,) = connection.execute("SELECT count(*) FROM sales").fetchone()
    return duckdb.__version__, rows


def import_tillroll(database: Path, files: list[str]) -> tuple[str, int]:
    """Import all files into one account."""
    import tillroll

    with tillroll.open(database) as db:
        account = db.external_accounts.create(nickname="bench", store="amazon")
        done = db.sales.import_reports(files, account=account.id)
        if done.rejected:
            raise SystemExit(f"{done.rejected} rows were rejected")
    return tillroll.__version__, done.rows


def size_on_disk(path: Path) -> int:
    """The bytes of a file or of all files below a directory."""
    paths = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    return sum(part.stat().st_size for part in paths if part.is_file())


def measure(engine: str, files: list[str]) -> dict[str, object]:
    """Run one engine in this process."""
    with tempfile.TemporaryDirectory(dir=Path.cwd() / "target") as folder:
        database = Path(folder) / "bench.db"
        started = time.perf_counter()
        if engine == "tillroll":
            version, rows = import_tillroll(database, files)
        else:
            version, rows = import_duckdb(database, files, key=engine == "duckdb-key")
        seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = used.ru_utime + used.ru_stime
        # Linux counts in KiB, macOS in bytes.
        rss = used.ru_maxrss * (1 if platform.system() == "Darwin" else 1024)
        return {
            "engine": engine,
            "version": version,
            "rows": rows,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu, 3),
            "rows_per_cpu_second": round(rows / cpu),
            "peak_rss_mb": round(rss / 1e6, 1),
            "bytes_per_row": round(size_on_disk(database) / max(rows, 1), 1),
        }


def main() -> int:
    """Measure each engine in a process of its own; one that cannot run says why in its place."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--one", choices=ENGINES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.files)))
        return 0
    failed = 0
    for engine in arguments.engines.split(","):
        command = [sys.executable, __file__, "--one", engine, *arguments.files]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            print(done.stdout.strip(), flush=True)
        else:
            failed += 1
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            print(json.dumps({"engine": engine, "error": reason}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
