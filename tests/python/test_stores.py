"""Several stores in one database, beside DuckDB over the same files."""

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import tillroll

duckdb = pytest.importorskip("duckdb", reason="DuckDB, which the figures are compared with, is not installed")

MONTHS = [(2021, 10), (2021, 11), (2021, 12)]
PACIFIC = ZoneInfo("America/Los_Angeles")

GOOGLE_SALES = [
    "Order Number",
    "Order Charged Date",
    "Order Charged Timestamp",
    "Financial Status",
    "Device Model",
    "Product Title",
    "Product ID",
    "Product Type",
    "SKU ID",
    "Currency of Sale",
    "Item Price",
    "Taxes Collected",
    "Charged Amount",
    "City of Buyer",
    "State of Buyer",
    "Postal Code of Buyer",
    "Country of Buyer",
]
GOOGLE_EARNINGS = [
    "Description",
    "Transaction Date",
    "Transaction Time",
    "Tax Type",
    "Transaction Type",
    "Refund Type",
    "Product Title",
    "Product id",
    "Product Type",
    "Sku Id",
    "Hardware",
    "Buyer Country",
    "Buyer State",
    "Buyer Postal Code",
    "Buyer Currency",
    "Amount (Buyer Currency)",
    "Currency Conversion Rate",
    "Merchant Currency",
    "Amount (Merchant Currency)",
]
# Country, currency, how many times a dollar's price.
LANDS = [("US", "USD", 1), ("DE", "EUR", 1), ("ID", "IDR", 14_000), ("CO", "COP", 3_900)]


@dataclass(frozen=True)
class Source:
    """Reports of one kind: how a month of them is written, and what DuckDB is to read in them."""

    store: str
    kind: str
    name: str
    """What a month's file is called; the ending decides the container."""
    text: Callable[..., str]
    """Makes the text of a month from the reports' maker, a random generator, year and month."""
    sql: str
    """The month, currency, units, sales, earnings and earnings currency of every row of {files}."""


def text_of(header: list[str], rows: list[list[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([header, *rows])
    return out.getvalue()


def amazon(reports, rng: random.Random, year: int, month: int) -> str:
    return reports.text(reports.rows(400, year, month, seed=rng.randrange(1_000)))


def google_sales(_reports, rng: random.Random, year: int, month: int) -> str:
    rows = []
    for number in range(500):
        at = datetime(year, month, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(31 * 86_400 - 1))
        at = at if at.month == month else at - timedelta(days=1)
        country, currency, rate = rng.choice(LANDS)
        price, tax = Decimal(rng.choice(["0.99", "2.49", "549.00"])) * rate, Decimal("0.38") * rate
        status = rng.choices(["Charged", "Refund", "Partial refund"], [90, 8, 2])[0]
        sign = 1 if status == "Charged" else -1
        sold = rng.choice([("paidapp", ""), ("inapp", "gold"), ("subscription", "pass")])
        order = [f"GPA.{year}{month}-{number}..3", str(at.date()), str(int(at.timestamp())), status]
        product = ["pixel", "Chess, Deluxe", "com.example.chess", *sold, currency]
        amounts = [f"{amount:,.2f}" for amount in (price, sign * tax, sign * (price + tax))]
        rows.append([*order, *product, *amounts, "", "", "", country])
    return text_of(GOOGLE_SALES, rows)


def google_earnings(_reports, rng: random.Random, year: int, month: int) -> str:
    rows = []
    for number in range(300):
        at = datetime(year, month, 1, tzinfo=PACIFIC) + timedelta(seconds=rng.randrange(30 * 86_400))
        time = at.strftime("%I:%M:%S %p %Z").removeprefix("0")
        country, currency, rate = rng.choice(LANDS)
        paid = Decimal(rng.choice(["0.99", "2.49", "549.00"])) * rate
        parts = [("Charge", 1), ("Google fee", Decimal("-0.15"))]
        parts += [("Tax", Decimal("-0.05")), ("Tax refund", Decimal("0.01"))] if rng.random() < 0.1 else []
        if rng.random() < 0.1:
            parts += [("Charge refund", -1), ("Google fee refund", Decimal("0.15"))]
        for kind, share in parts:
            amounts = [f"{paid * share:,.2f}", "0.817650", "EUR", f"{paid * share / rate:,.2f}"]
            order = [f"GPA.{number}", at.strftime("%b %-d, %Y"), time, "", kind, ""]
            product = ["Chess", "com.example.chess", "1", "gold", "pixel"]
            rows.append([*order, *product, country, "", "00001", currency, *amounts])
    return text_of(GOOGLE_EARNINGS, rows)


SOURCES = [
    Source(
        "amazon",
        "amazon-sales",
        "sales_{year}_{month:02}.gz",
        amazon,
        """
        with amounts as (
            select *, lower("Transaction Type") as type, "Units"::bigint as count,
                "Sales Price (Marketplace Currency)"::decimal(18, 6) as price,
                "Estimated Earnings (Marketplace Currency)"::decimal(18, 6) as earned
            from read_csv({files}, all_varchar = true, header = true)
        ), signed as (
            select *, case
                when regexp_matches(type, 'refund|chargeback|reversal') then -1
                when type <> 'charge' and coalesce(nullif(earned, 0), price) < 0 then -1
                else 1 end as sign
            from amounts
        )
        select date_trunc('month', strptime(substr("Transaction Time", 1, 10), '%Y-%m-%d'))::date as month,
            "Marketplace Currency" as currency, sign * abs(count) as units, sign * abs(price) as sales,
            sign * abs(earned) as earnings, "Marketplace Currency" as earnings_currency
        from signed
        """,
    ),
    Source(
        "google_play",
        "google-sales",
        "salesreport_{year}{month:02}.zip",
        google_sales,
        """
        select date_trunc('month', epoch_ms("Order Charged Timestamp"::bigint * 1000))::date as month,
            "Currency of Sale" as currency, if("Financial Status" = 'Charged', 1, -1) as units,
            units * replace("Item Price", ',', '')::decimal(18, 6) as sales,
            null::decimal(18, 6) as earnings, null::varchar as earnings_currency
        from read_csv({files}, all_varchar = true, header = true)
        """,
    ),
    Source(
        "google_play",
        "google-earnings",
        "earnings_{year}{month:02}_4711-1.zip",
        google_earnings,
        """
        select date_trunc('month', strptime("Transaction Date", '%b %d, %Y'))::date as month,
            "Buyer Currency" as currency,
            case "Transaction Type" when 'Charge' then 1 when 'Charge refund' then -1 else 0 end as units,
            if(units <> 0, replace("Amount (Buyer Currency)", ',', '')::decimal(18, 6), null) as sales,
            replace("Amount (Merchant Currency)", ',', '')::decimal(18, 6) as earnings,
            "Merchant Currency" as earnings_currency
        from read_csv({files}, all_varchar = true, header = true)
        """,
    ),
]


@dataclass
class Mixed:
    """A database of several stores, and the same rows in DuckDB."""

    db: tillroll.Db
    raw: object

    def same(self, by: list[str], measures: list[str], kinds: list[str]) -> list[tuple[object, ...]]:
        """The report's rows, which must be those of DuckDB."""
        table = self.db.sales.report(by=by, measures=measures, kind=kinds)
        found = [tuple(row.values()) for row in table]
        sums = ", ".join(f"sum({measure})" for measure in measures)
        names = ", ".join(f"'{kind}'" for kind in kinds)
        order = ", ".join(f"{column} nulls last" for column in by)
        groups = f"group by all order by {order}"
        query = f"select {', '.join(by)}, {sums} from raw where kind in ({names}) {groups}"
        assert found == self.raw.execute(query).fetchall()
        return found


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, reports):
    folder = tmp_path_factory.mktemp("stores")
    rng = random.Random(20_211_101)
    views = []
    with tillroll.open(folder / "shop.till") as db, duckdb.connect() as raw:
        for store, sources in groupby(SOURCES, key=lambda source: source.store):
            account = db.external_accounts.create(nickname=store, store=store)
            for source in sources:
                plain = [write(folder, source, reports, rng, *month) for month in MONTHS]
                packed = [str(path) for path in (folder / source.kind).glob("*") if path.suffix != ".csv"]
                done = db.sales.import_reports(packed, account=account)
                assert (done.files, done.rejected) == (len(MONTHS), 0)
                sql = source.sql.format(files=[str(path) for path in plain])
                views.append(f"select '{store}' as store, '{source.kind}' as kind, * from ({sql})")
        raw.execute(f"create table raw as {' union all by name '.join(views)}")
        assert raw.execute("select count(*) from raw").fetchone() == (len(db.sales),)
        yield Mixed(db, raw)


def write(folder: Path, source: Source, reports, rng: random.Random, year: int, month: int) -> Path:
    """Writes a month packed, as the store gives it out, and plain beside it."""
    packed = folder / source.kind / source.name.format(year=year, month=month)
    text = source.text(reports, rng, year, month).encode()
    reports.pack(packed, text)
    return reports.pack(packed.with_suffix(".csv"), text)


PAID = ["amazon-sales", "google-earnings"]
SOLD = ["amazon-sales", "google-sales"]


def test_units_and_earnings_by_store_month_and_currency(mixed):
    rows = mixed.same(["store", "month", "currency"], ["units", "earnings"], PAID)
    assert {row[0] for row in rows} == {"amazon", "google_play"}
    assert len({row[1] for row in rows}) == len(MONTHS)
    assert all(isinstance(row[4], Decimal) for row in rows)


def test_units_and_sales_by_store_month_and_currency(mixed):
    assert mixed.same(["store", "month", "currency"], ["units", "sales"], SOLD)


def test_earnings_by_what_the_stores_pay_in(mixed):
    rows = mixed.same(["store", "month", "earnings_currency"], ["units", "earnings"], PAID)
    assert {row[2] for row in rows if row[0] == "google_play"} == {"EUR"}


def test_all_kinds_beside_each_other(mixed):
    kinds = sorted({source.kind for source in SOURCES})
    by = ["kind", "month", "currency", "earnings_currency"]
    rows = mixed.same(by, ["units", "sales", "earnings"], kinds)
    assert {row[0] for row in rows} == set(kinds)
    assert all(row[6] is None for row in rows if row[0] == "google-sales")


def test_sales_and_earnings_of_one_order_are_never_added(mixed):
    for where in [{}, {"store": "google"}, {"store": "google_play", "currency": "USD"}]:
        with pytest.raises(tillroll.ValidationError, match="kind") as caught:
            mixed.db.sales.report(by=["month", "currency"], measures=["units", "sales"], **where)
        assert set(caught.value.errors) == {"kind"}
    assert len(mixed.db.sales.report(by="kind")) == len({source.kind for source in SOURCES})
    assert len(mixed.db.sales.report(by="month", store="amazon")) == len(MONTHS)
