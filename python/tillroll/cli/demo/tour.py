"""What the demo shows, step by step, each with the command that does the same."""

import shlex
import textwrap
import time
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import tillroll
from tillroll.cli.account import find
from tillroll.cli.database import size_on_disk
from tillroll.cli.demo import writer
from tillroll.cli.demo.folder import Folder
from tillroll.cli.demo.world import PUBLISHERS, YEAR, Publisher
from tillroll.cli.output.form import show
from tillroll.cli.program import program
from tillroll.cli.progress import bar, stepping
from tillroll.cli.terminal import screen
from tillroll.cli.text import counted, size

CURRENCY = "USD"
TOP = 8
# Words are not set wider than this, tables neither if they can be helped.
PAGE = 80
NARROWEST = 20
NEW = ["rows", "rejected", "seconds", "rows/s"]
MORE = " \\"
INDENT = 2
DEEPER = 4


class Tour:
    """One walk through the demo."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.on = screen()
        self.width = max(NARROWEST, min(self.on.width or PAGE, PAGE))
        self.steps = 0

    def run(self) -> None:
        """All steps."""
        self.folder.claim()
        self.on.line(self.on.bold(f"Tillroll {tillroll.__version__}: a tour"))
        self.reports()
        with tillroll.open(self.folder.database) as db:
            self.imports(db)
            self.months(db)
            self.top(db)
            self.lookup(db)
            self.rejects(db)
        self.farewell()

    def reports(self) -> None:
        """Writes the sample reports."""
        self.head("Sample reports", f"two accounts at the Amazon Appstore, twelve months of {YEAR}")
        files = writer.paths(self.folder.reports)
        if self.folder.is_written():
            self.say(f"{len(files)} files are there from the last time, in {self.folder.reports}")
            return
        began, rows, packed = time.perf_counter(), 0, 0
        with stepping("writing") as step:
            for at, report in enumerate(writer.write(self.folder.reports), 1):
                rows, packed = rows + report.rows, packed + report.bytes
                if step:
                    step(at, len(files), f"{at}/{len(files)} files, {rows:,} rows")
        self.folder.written()
        took = time.perf_counter() - began
        self.say(f"{len(files)} files with {rows:,} rows, {size(packed)} of gzip, written in {took:.1f} s")
        self.say(f"to {self.folder.reports}")

    def imports(self, db: tillroll.Db) -> None:
        """Imports them, an account at a time."""
        self.head("Import", "each report wholly or not at all, and never twice")
        first = PUBLISHERS[0]
        whose = f"--account {shlex.quote(first.nickname)}"
        self.command("import", whose, files=f"{first.folder}/*.gz")
        lines = []
        for publisher in PUBLISHERS:
            account = find(db, publisher.nickname) or db.external_accounts.create(
                nickname=publisher.nickname, store="amazon"
            )
            lines.append(self._import(db, account, publisher))
        again = all(line["unchanged"] == line["files"] for line in lines)
        self.table(["account", "files", *(["unchanged", "seconds"] if again else NEW)], lines)
        if again:
            self.say("The same bytes as last time: nothing was read again, nothing counted twice.")
        else:
            self.say(f"{len(db.sales):,} rows take {size(size_on_disk(db.path))} on disk, index included.")

    def _import(self, db: tillroll.Db, account: tillroll.Record, publisher: Publisher) -> dict[str, Any]:
        with bar() as progress:
            done = db.sales.import_reports(self._files(publisher), account=account, progress=progress)
        return {
            "account": publisher.nickname,
            "files": done.files,
            "rows": done.rows,
            "rejected": done.rejected,
            "unchanged": done.unchanged,
            "seconds": Decimal(f"{done.seconds:.2f}"),
            "rows/s": int(done.rows / done.seconds) if done.rows and done.seconds else None,
        }

    def _files(self, publisher: Publisher) -> list[Path]:
        """The very files, since a folder's name may look like a pattern."""
        return [path for path in writer.paths(self.folder.reports) if path.parent.name == publisher.folder]

    def months(self, db: tillroll.Db) -> None:
        """Units and earnings by month."""
        self.head("By month", f"in {CURRENCY}: currencies are never added together")
        self.command("report", "--by month", "--measures units,sales,earnings", f"--currency {CURRENCY}")
        began = time.perf_counter()
        table = db.sales.report(by="month", measures=["units", "sales", "earnings"], currency=CURRENCY)
        took = time.perf_counter() - began
        self.table(table.columns, list(table))
        self.say(f"answered in {took * 1000:.1f} ms")

    def top(self, db: tillroll.Db) -> None:
        """The products that earn most."""
        self.head(f"Top {TOP} products", f"by what they earn in {CURRENCY}")
        self.command(
            "report",
            "--by sku,title",
            "--measures units,earnings",
            f"--currency {CURRENCY}",
            "--order-by -earnings",
            f"--limit {TOP}",
        )
        began = time.perf_counter()
        table = db.sales.report(
            by=["sku", "title"],
            measures=["units", "earnings"],
            currency=CURRENCY,
            order_by="-earnings",
            limit=TOP,
        )
        took = time.perf_counter() - began
        self.table(table.columns, list(table))
        self.say(f"answered in {took * 1000:.1f} ms")

    def lookup(self, db: tillroll.Db) -> None:
        """One transaction, which was refunded."""
        self.head("One transaction", "a charge and its refund share the id")
        found = db.sales.scan(columns="transaction_id", type="refund", currency=CURRENCY, limit=1)
        id_ = next(row["transaction_id"] for batch in found for row in batch)
        self.on.line(" " * INDENT + self.on.accent(f'db.sales.get("{id_}")'))
        self.on.line()
        began = time.perf_counter()
        rows = db.sales.get(id_)
        took = time.perf_counter() - began
        names = ["type", "time", "sku", "units", "sales", "earnings"]
        shown = [row.to_dict() | {"time": f"{row.time:%Y-%m-%d %H:%M} UTC"} for row in rows]
        self.table(names, shown)
        self.say(f"found among {counted(len(db.sales), 'row')} in {took * 1000:.2f} ms")

    def rejects(self, db: tillroll.Db) -> None:
        """What could not be read."""
        self.head("Rejects", "what cannot be read exactly is kept, with its reason")
        self.command("rejects")
        reasons: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in db.sales.rejects():
            reasons[row["reason"]].append(row)
        for reason, rows in reasons.items():
            path = Path(rows[0]["path"])
            place = f"{path.parent.name}/{path.name}, line {rows[0]['line']}"
            self.say(f"{counted(len(rows), 'row')}: {reason}")
            self.say(f"first in {place}", indent=INDENT + 2, dim=True)

    def farewell(self) -> None:
        """Where it all is, and how to go on."""
        self.head("Go on", "the database is a directory; delete it all at will")
        self.say(f"It lies in {self.folder.database}, the reports beside it. Try:")
        self.on.line()
        page = shlex.quote(str(self.folder.path / "quarters.html"))
        self.command("report", "--by quarter,currency", "--measures units,earnings")
        self.command("report", "--by quarter,currency", "--measures units,earnings", f"--html {page}")
        self.command("info")

    # How it looks.

    def head(self, title: str, what: str) -> None:
        """Begins a step."""
        self.steps += 1
        on = self.on
        on.line()
        start = f"{on.accent(str(self.steps))} {on.bold(title)}"
        if len(f"{self.steps} {title}  {what}") <= self.width:
            on.line(f"{start}  {on.dim(what)}")
        else:
            on.line(start)
            on.line(" " * INDENT + on.dim(what))
        on.line()

    def say(self, text: str, indent: int = INDENT, dim: bool = False) -> None:
        """Words below what is shown."""
        for line in textwrap.wrap(text, self.width - indent, subsequent_indent="  ", break_on_hyphens=False):
            self.on.line(" " * indent + (self.on.dim(line) if dim else line))

    def table(self, names: list[str], rows: list[dict[str, Any]]) -> None:
        """Rows in columns."""
        show(names, rows, self.on, CURRENCY, INDENT)
        self.on.line()

    def command(self, name: str, *rest: str, files: str | None = None) -> None:
        """The command that does the same, as it can be typed here."""
        parts = [f"{program()} {name} {shlex.quote(str(self.folder.database))}"]
        if files:
            parts.append(f"{shlex.quote(str(self.folder.reports))}/{files}")
        lines = [""]
        for part in [*parts, *rest]:
            if lines[-1] and len(f"{lines[-1]} {part}") > self.width - INDENT - DEEPER - len(MORE):
                lines.append("")
            lines[-1] += f" {part}" if lines[-1] else part
        for at, line in enumerate(lines, 1):
            more = MORE if at < len(lines) else ""
            self.on.line(" " * (INDENT if at == 1 else INDENT + DEEPER) + self.on.accent(line + more))
        self.on.line()
