"""The five-minute tour: the same for everyone, and true."""

import csv
import gzip
import hashlib
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
import tillroll
from rich.cells import cell_len
from tillroll.cli.demo import writer
from tillroll.cli.demo.world import LADDER, MARKETS, PUBLISHERS

ESCAPE = "\x1b"
# Of the text of all files, as it has always been.
CONTENT = "3e81c2d8059ffb9235930a27519c7d347f9fbcd7fc2524034fc03a7d179d9126"


@dataclass
class Tour:
    """A demo that was run, where it was run, and what it printed."""

    cwd: Path
    folder: Path
    printed: str

    def step(self, title: str) -> list[str]:
        """The lines of a step."""
        (found,) = re.findall(rf"^\d {title}.*?\n(.*?)(?=^\d |\Z)", self.printed, re.MULTILINE | re.DOTALL)
        return found.splitlines()

    def table(self, title: str) -> list[list[str]]:
        """The cells of the table in a step; columns stand at least two spaces apart."""
        lines = self.step(title)
        (rule,) = (at for at, line in enumerate(lines) if line.strip().startswith("──"))
        rows = lines[rule + 1 : lines.index("", rule)]
        return [re.split(r" {2,}", line.strip()) for line in rows]

    def commands(self) -> list[str]:
        """The commands as they are printed."""
        joined = self.printed.replace("\\\n", " ")
        return [line.strip() for line in joined.splitlines() if "bin/tillroll " in line]


@pytest.fixture(scope="module")
def tour(tmp_path_factory, command_line):
    cwd = tmp_path_factory.mktemp("tour")
    said = command_line("demo", "my demo", cwd=cwd)
    assert (said.returncode, said.stderr) == (0, "")
    return Tour(cwd, cwd / "my demo", said.stdout)


@dataclass
class Row:
    """A row of the generated files, read by plain Python."""

    month: str
    type: str
    sku: str
    title: str
    currency: str
    id: str
    units: int
    earnings: Decimal

    @classmethod
    def of(cls, cells: list[str]) -> "Row":
        sign = -1 if cells[5] == "Refund" else 1
        day = datetime.strptime(cells[4], "%Y-%m-%d %H:%M:%S")
        units, price, earnings = int(cells[11]), Decimal(cells[14]), Decimal(cells[15])
        assert units > 0 <= price
        assert earnings * sign >= 0
        return cls(
            f"{day:%Y-%m}-01", cells[5], cells[6], cells[7], cells[13], cells[3], sign * units, earnings
        )


@dataclass
class Files:
    """What stands in the generated files."""

    rows: list[Row]
    faulty: int


@pytest.fixture(scope="module")
def files(tour):
    rows, faulty = [], 0
    for path in sorted(tour.folder.glob("reports/*/*.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            lines = csv.reader(text)
            next(lines)
            for cells in lines:
                try:
                    rows.append(Row.of(cells))
                except (ValueError, ArithmeticError, IndexError):
                    faulty += 1
    return Files(rows, faulty)


# The sample data.


def test_the_same_bytes_on_every_run(tour, tmp_path):
    written = [report.path for report in writer.write(tmp_path)]
    assert written == writer.paths(tmp_path)
    assert len(written) == 24
    content = hashlib.sha256()
    for path in written:
        other = tour.folder / "reports" / path.relative_to(tmp_path)
        assert path.read_bytes() == other.read_bytes()
        content.update(gzip.decompress(path.read_bytes()))
    # Of the text: packed it is the same only where zlib is.
    assert content.hexdigest() == CONTENT


def test_the_order_of_hashes_does_not_matter(tmp_path):
    code = "import sys; from pathlib import Path; from tillroll.cli.demo.writer import write"
    code += "; print([r.rows for r in write(Path(sys.argv[1]))])"
    for seed in "12":
        subprocess.run(
            [sys.executable, "-c", code, tmp_path / seed],
            env={"PYTHONHASHSEED": seed},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    for path in writer.paths(tmp_path / "1"):
        assert path.read_bytes() == (tmp_path / "2" / path.relative_to(tmp_path / "1")).read_bytes()


def test_what_a_publisher_has_is_in_it(tour, files):
    assert 195_000 < len(files.rows) < 205_000
    assert len({row.currency for row in files.rows}) == len(LADDER) >= 12
    titles = {row.title for row in files.rows}
    assert any("," in title for title in titles)
    assert any('"' in title for title in titles)
    assert {"数独パズル", "마법의 숲", "Кроссворды дня", "Σημειώσεις"} <= titles
    with tillroll.open(tour.folder / "shop.till", read_only=True) as db:
        assert [account.nickname for account in db.external_accounts] == ["Lantern Games", "Quiet Tools"]
        assert len(db.sales) == len(files.rows)
        types = {row["item_type"]: row["rows"] for row in db.sales.report(by="item_type", measures=["rows"])}
        assert set(types) == {"App", "Consumable", "Entitlement", "Subscription"}
        terms = {row["term"] for row in db.sales.report(by="term", item_type="Subscription")}
        assert terms == {"1 Month", "12 Months", "1 Year"}
        months = [row["units"] for row in db.sales.report(by="month")]
        assert len(months) == 12
        assert months[-1] > months[0] * 3 // 2
        assert db.check().ok


def test_refunds_share_the_id_of_their_charge(files):
    rows = defaultdict(list)
    for row in files.rows:
        rows[row.id].append(row)
    refunded = [each for each in rows.values() if len(each) > 1]
    assert len(refunded) == sum(row.type == "Refund" for row in files.rows) > 1000
    for charge, refund in (sorted(each, key=lambda row: row.type) for each in refunded):
        assert (charge.type, refund.type) == ("Charge", "Refund")
        assert (charge.sku, charge.units, charge.earnings) == (refund.sku, -refund.units, -refund.earnings)


def test_prices_are_the_stores_and_a_part_is_paid_out():
    market = {market.currency: market for market in MARKETS}
    assert market["USD"].price(0, 3) == ("2.97", 297)
    assert market["JPY"].price(1, 2) == ("600", 600)
    assert market["EUR"].price(None, 1) == ("0.00", 0)
    assert market["EUR"].amount(-5) == "-0.05"
    assert market["JPY"].amount(-112) == "-112"
    assert all(70 <= publisher.share <= 80 for publisher in PUBLISHERS)


# The tour itself.


def test_the_import_is_told(tour, files):
    rows = tour.table("Import")
    assert [row[0] for row in rows] == ["Lantern Games", "Quiet Tools"]
    assert sum(int(row[1]) for row in rows) == 24
    assert sum(int(row[2].replace(",", "")) for row in rows) == len(files.rows)
    assert sum(int(row[3]) for row in rows) == files.faulty == 12
    assert f"{len(files.rows) + files.faulty:,} rows" in tour.step("Sample reports")[1]


def test_the_months_add_up(tour, files):
    units, earnings = Counter(), Counter()
    for row in files.rows:
        if row.currency == "USD":
            units[row.month] += row.units
            earnings[row.month] += row.earnings
    shown = tour.table("By month")
    assert [row[0] for row in shown] == sorted(units)
    assert {row[0]: int(row[1].replace(",", "")) for row in shown} == units
    assert {row[0]: Decimal(row[3].replace(",", "")) for row in shown} == earnings


def test_the_top_products_are_those(tour, files):
    earnings = Counter()
    for row in files.rows:
        if row.currency == "USD":
            earnings[row.sku, row.title] += row.earnings
    shown = [((row[0], row[1]), Decimal(row[3].replace(",", ""))) for row in tour.table("Top 8 products")]
    assert shown == earnings.most_common(8)


def test_the_lookup_shows_a_charge_and_its_refund(tour, files):
    (id_,) = re.findall(r'db\.sales\.get\("(\d+)"\)', tour.printed)
    rows = [row for row in files.rows if row.id == id_]
    charge, refund = tour.table("One transaction")
    assert (charge[0], refund[0]) == ("charge", "refund")
    assert [(row.sku, row.units, row.earnings) for row in rows] == [
        (row[2], int(row[3]), Decimal(row[5])) for row in (charge, refund)
    ]


def test_the_rejects_have_their_reasons(tour):
    with tillroll.open(tour.folder / "shop.till", read_only=True) as db:
        reasons = Counter(row["reason"] for row in db.sales.rejects())
    assert sum(reasons.values()) == 12
    starts = ['Units "one"', "Sales Price", "Transaction Time", "the row ends before"]
    assert all(any(reason.startswith(start) for reason in reasons) for start in starts)
    assert all(any(reason.startswith(start) for start in starts) for reason in reasons)
    shown = " ".join(" ".join(tour.step("Rejects")).split())
    for reason, count in reasons.items():
        assert f"{count} row{'s' * (count > 1)}: {reason}" in shown


def test_the_commands_can_be_typed_as_they_stand(tour):
    commands = tour.commands()
    assert [command.split("bin/tillroll ")[1].split()[0] for command in commands] == [
        "import",
        "report",
        "report",
        "rejects",
        "report",
        "report",
        "info",
    ]
    for command in commands:
        ran = subprocess.run(["bash", "-c", command], cwd=tour.cwd, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout or "--html" in command
    assert "Earnings in USD by quarter" in (tour.folder / "quarters.html").read_text(encoding="utf-8")
    # What the tour shows is what its command prints.
    month = subprocess.run(["bash", "-c", commands[1]], cwd=tour.cwd, capture_output=True, text=True)
    assert [re.split(r" {2,}", line) for line in month.stdout.splitlines()[2:]] == tour.table("By month")


def test_again_nothing_is_counted_twice(tour, command_line):
    before = {path: path.stat().st_mtime_ns for path in tour.folder.glob("reports/*/*")}
    again = command_line("demo", "my demo", cwd=tour.cwd)
    assert (again.returncode, again.stderr) == (0, "")
    assert "nothing counted twice" in again.stdout
    assert Tour(tour.cwd, tour.folder, again.stdout).table("By month") == tour.table("By month")
    assert before == {path: path.stat().st_mtime_ns for path in tour.folder.glob("reports/*/*")}


def test_a_report_that_is_missing_is_written_again(tour, command_line):
    path = next(tour.folder.glob("reports/*/*_07.gz"))
    content = path.read_bytes()
    path.unlink()
    assert command_line("demo", tour.folder).returncode == 0
    assert path.read_bytes() == content


def test_anything_else_is_left_alone(tmp_path, command_line):
    (tmp_path / "letter.txt").write_text("Dear Ada")
    said = command_line("demo", tmp_path)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == f"tillroll: {tmp_path} is not empty and no demo of ours: name another directory\n"
    said = command_line("demo", tmp_path / "letter.txt")
    assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_the_directory_has_a_name_of_its_own(tmp_path, command_line):
    said = command_line("demo", cwd=tmp_path, env={"PATH": str(Path(sys.executable).parent)})
    assert said.returncode == 0
    assert (tmp_path / "tillroll-demo" / "shop.till").is_dir()
    # Found on the path, it is called by its name alone.
    assert "\n  tillroll info tillroll-demo/shop.till\n" in said.stdout


TERMINALS = [(80, "xterm-256color"), (60, "xterm-256color"), (80, "dumb")]


@pytest.mark.parametrize(("columns", "term"), TERMINALS)
def test_on_a_terminal_everything_fits(tour, command_line, columns, term):
    code, shown = command_line.on_terminal("demo", "my demo", columns=columns, TERM=term, cwd=tour.cwd)
    assert code == 0
    assert (ESCAPE in shown) == (term != "dumb")
    # What the bars draw is taken away again: it stands before the line that says so.
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"\r?\n|\r", shown)]
    assert [line for line in lines if cell_len(line) > columns and "bin/tillroll" not in line] == []
    assert "Go on" in shown


def test_piped_it_is_plain_text(tour):
    assert ESCAPE not in tour.printed
    assert "\r" not in tour.printed
    lines = tour.printed.splitlines()
    assert [line for line in lines if cell_len(line) > 80 and "bin/tillroll" not in line] == []
    # Wide scripts stand in line.
    top = [
        line
        for line in lines
        if re.match(r"  (lantern|quiet)\.", line) and line.endswith(tuple("0123456789"))
    ]
    assert any("数独" in line for line in top)
    assert len({cell_len(line) for line in top}) == 1


def test_the_picture_shows_what_the_tour_prints(tour):
    picture = (Path(__file__).parents[2] / "docs/tillroll.svg").read_text(encoding="utf-8")
    shown = re.findall(r'<text class="sku"[^>]*>([^<]+)</text><text class="amount"[^>]*>([^<]+)<', picture)
    told = [line.split() for line in tour.printed.splitlines()]
    told = [(line[0], line[-1]) for line in told if len(line) > 2 and (line[0], line[-1]) in shown]
    assert told == shown
    assert len(shown) == 5
    # The bars are as long as the amounts say.
    bars = [float(wide) for wide in re.findall(r'<rect class="bar"[^>]* width="([\d.]+)"', picture)]
    amounts = [float(amount.replace(",", "")) for _, amount in shown]
    assert [round(bar / bars[0], 2) for bar in bars] == [round(each / amounts[0], 2) for each in amounts]


def test_a_directory_may_look_like_a_pattern(tmp_path, command_line):
    (tmp_path / "tour2").mkdir()
    shown = command_line("demo", "tour[1]*", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "24 files with 199,767 rows" in shown.stdout
