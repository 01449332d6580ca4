"""Several stores in one database, beside DuckDB over the same files."""

import csv
import io
import random
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
import tillroll

duckdb = pytest.importorskip("duckdb", reason="DuckDB, which the figures are compared with, is not installed")

MONTHS = [(2021, 10), (2021, 11), (2021, 12)]
# Apple tells of this month day by day.
DAILY = (2021, 12)
PACIFIC = ZoneInfo("America/Los_Angeles")

APPLE = (
    "Provider,Provider Country,SKU,Developer,Title,Version,Product Type Identifier,Units,Developer Proceeds,"
    "Begin Date,End Date,Customer Currency,Country Code,Currency of Proceeds,Apple Identifier,Customer Price,"
    "Promo Code,Parent Identifier,Subscription,Period,Category,CMB,Device,Supported Platforms,"
    "Proceeds Reason,Preserved Pricing,Client,Order Type"
)
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
# Country, currency, currency of the proceeds, how many times a dollar's price.
APPLE_LANDS = [
    ("US", "USD", "USD", 1),
    ("DE", "EUR", "EUR", 1),
    ("JP", "JPY", "JPY", 110),
    ("RO", "RON", "EUR", 5),
    ("KE", "USD", "USD", 1),
]
# What may happen to an item, and how often.
APPLE_CASES = {"sold": 70, "refund": 8, "unpaid": 16, "unknown": 3, "credit": 2, "paid update": 1}
# SKU, title (a quote is a letter like any other), Product Type Identifiers, app, period, price in dollars.
APPLE_ITEMS = [
    ("chess", 'Chess "Deluxe"', ["1", "1F", "F1"], "", "", "0"),
    ("chess.gold", "Gold", ["IA1", "IA1-M"], "chess", "", "1.99"),
    ("chess.year", "A Year, with Lessons", ["IAY", "IAY-M"], "chess", "1 Year", "29.99"),
    ("sudoku", '"Sudoku', ["1", "1T", "F1-B"], "", "", "2.99"),
    ("sudoku.hints", "Hints", ["FI1", "IA9"], "sudoku", "", "0.69"),
    ("notes", "Notes", ["1E", "1EP"], "", "", "4.99"),
    ("notes.sync", "Sync", ["IAC"], "notes", "1 Month", "0.99"),
]
# Title, Product ID, SKU ID, Product Type.
GOOGLE_ITEMS = [
    ("Chess, Deluxe", "com.example.chess", "", "paidapp"),
    ("Chess, Deluxe", "com.example.chess", "gold", "inapp"),
    ("Chess, Deluxe", "com.example.chess", "pass", "subscription"),
    ("Sudoku", "com.example.sudoku", "", "paidapp"),
    ("Sudoku", "com.example.sudoku", "hints", "inapp"),
]
# What is sold: the app it counts among, and its SKU in each store that has it.
PRODUCTS = {
    "Chess": ("Chess", {"amazon": "chess", "apple": "chess", "google_play": "com.example.chess"}),
    "Gold": ("Chess", {"amazon": "chess.coins", "apple": "chess.gold", "google_play": "gold"}),
    "Pro": ("Chess", {"amazon": "chess.pro"}),
    "Year": ("Chess", {"apple": "chess.year"}),
    "Pass": ("Chess", {"google_play": "pass"}),
    "Sudoku": ("Sudoku", {"amazon": "sudoku", "apple": "sudoku", "google_play": "com.example.sudoku"}),
    "Hints": ("Sudoku", {"apple": "sudoku.hints", "google_play": "hints"}),
    "Notes": ("Notes", {"apple": "notes"}),
    "Sync": ("Notes", {"apple": "notes.sync"}),
}


@dataclass(frozen=True)
class Source:
    """Reports of one kind: how a month of them is written, and what DuckDB is to read in them."""

    store: str
    kind: str
    files: Callable[..., dict[str, str]]
    """Makes a month's files from the reports' maker, a random generator, year and month: the name of each,
    whose ending decides the container, and its text."""
    sql: str
    """The SKU, month, currency, units, sales, earnings and earnings currency of every row of {files}."""


def text_of(header: list[str], rows: list[list[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([header, *rows])
    return out.getvalue()


def amazon(reports, rng: random.Random, year: int, month: int) -> dict[str, str]:
    text = reports.text(reports.rows(400, year, month, seed=rng.randrange(1_000)))
    return {f"sales_{year}_{month:02}.gz": text}


def apple(_reports, rng: random.Random, year: int, month: int) -> dict[str, str]:
    days = [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]
    if (year, month) == DAILY:
        return {f"S_D_85000000_{day:%Y%m%d}.txt.gz": apple_report(rng, 20, day, day) for day in days}
    return {f"S_M_85000000_{year}{month:02}.txt.gz": apple_report(rng, 600, days[0], days[-1])}


def apple_report(rng: random.Random, count: int, begin: date, end: date) -> str:
    """A report of so many rows over these days; nothing is quoted, and what is blank is a space."""
    span = {"Begin Date": f"{begin:%m/%d/%Y}", "End Date": f"{end:%m/%d/%Y}"}
    header, rows = APPLE.split(","), [apple_row(rng) | span for _ in range(count)]
    lines = [header, *([row.get(name) or " " for name in header] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def apple_row(rng: random.Random) -> dict[str, str]:
    """What a row says besides its days."""
    sku, title, codes, parent, period, dollars = item = rng.choice(APPLE_ITEMS)
    country, currency, paid_in, rate = rng.choice(APPLE_LANDS)
    price = Decimal(dollars) * rate
    proceeds = (price if currency == paid_in else Decimal(dollars)) * 7 / 10
    code, units, price, proceeds = apple_case(rng, rng.choice(codes), bool(parent), price, proceeds)
    return {
        "Provider": "APPLE",
        "Provider Country": "US",
        "SKU": sku + rng.choice(["", "", " "]),
        "Title": title,
        "Version": "" if parent else "2.2",
        "Product Type Identifier": code,
        "Units": units,
        "Developer Proceeds": apple_amount(proceeds),
        "Customer Currency": currency,
        "Country Code": country,
        # Where nothing is paid, the currency may be blank.
        "Currency of Proceeds": paid_in if proceeds or rng.random() < 0.5 else "",
        "Apple Identifier": str(335_060_000 + APPLE_ITEMS.index(item)),
        "Customer Price": apple_amount(price),
        "Parent Identifier": parent,
        "Subscription": "Renewal" if period else "",
        "Period": period,
        "Device": "iPhone",
    }


def apple_case(
    rng: random.Random, code: str, is_item: bool, price: Decimal, proceeds: Decimal
) -> tuple[str, str, Decimal, Decimal]:
    """Product Type Identifier, units, and the price and proceeds of one unit, of what happened."""
    units, nothing = rng.choice(["1", "1", "1", "2", "7", "350", "12.00"]), Decimal(0)
    match rng.choices([*APPLE_CASES], [*APPLE_CASES.values()])[0]:
        case "refund":
            return code, f"-{units}", -price, proceeds
        case "unpaid":
            code = "IA3" if is_item else rng.choice(["3", "3F", "7", "7F", "7T", "F7"])
            return code, units, nothing, nothing
        case "unknown":
            return ("X1", units, price, proceeds) if rng.random() < 0.5 else ("X1", units, nothing, nothing)
        case "credit":
            return code, "0", Decimal("-85.43"), Decimal("59.80")
        case "paid update":
            return "7", units, price, proceeds
    return code, units, price, proceeds


def apple_amount(amount: Decimal) -> str:
    """As Apple writes it: `209.30`, `.693`, `-.69`."""
    return f"{amount:.3f}".removesuffix("0").replace("-0.", "-.").removeprefix("0")


def google_sales(_reports, rng: random.Random, year: int, month: int) -> dict[str, str]:
    rows = []
    for number in range(500):
        at = datetime(year, month, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(31 * 86_400 - 1))
        at = at if at.month == month else at - timedelta(days=1)
        country, currency, rate = rng.choice(LANDS)
        price, tax = Decimal(rng.choice(["0.99", "2.49", "549.00"])) * rate, Decimal("0.38") * rate
        status = rng.choices(["Charged", "Refund", "Partial refund"], [90, 8, 2])[0]
        sign = 1 if status == "Charged" else -1
        title, app, sku, type_ = rng.choice(GOOGLE_ITEMS)
        order = [f"GPA.{year}{month}-{number}..3", str(at.date()), str(int(at.timestamp())), status]
        product = ["pixel", title, app, type_, sku, currency]
        amounts = [f"{amount:,.2f}" for amount in (price, sign * tax, sign * (price + tax))]
        rows.append([*order, *product, *amounts, "", "", "", country])
    return {f"salesreport_{year}{month:02}.zip": text_of(GOOGLE_SALES, rows)}


def google_earnings(_reports, rng: random.Random, year: int, month: int) -> dict[str, str]:
    rows = []
    for number in range(300):
        at = datetime(year, month, 1, tzinfo=PACIFIC) + timedelta(seconds=rng.randrange(30 * 86_400))
        time = at.strftime("%I:%M:%S %p %Z").removeprefix("0")
        title, app, sku, type_ = rng.choice(GOOGLE_ITEMS)
        country, currency, rate = rng.choice(LANDS)
        paid = Decimal(rng.choice(["0.99", "2.49", "549.00"])) * rate
        parts = [("Charge", 1), ("Google fee", Decimal("-0.15"))]
        parts += [("Tax", Decimal("-0.05")), ("Tax refund", Decimal("0.01"))] if rng.random() < 0.1 else []
        if rng.random() < 0.1:
            parts += [("Charge refund", -1), ("Google fee refund", Decimal("0.15"))]
        for kind, share in parts:
            amounts = [f"{paid * share:,.2f}", "0.817650", "EUR", f"{paid * share / rate:,.2f}"]
            order = [f"GPA.{number}", at.strftime("%b %-d, %Y"), time, "", kind, ""]
            product = [title, app, "0" if type_ == "paidapp" else "1", sku, "pixel"]
            rows.append([*order, *product, country, "", "00001", currency, *amounts])
    return {f"earnings_{year}{month:02}_4711-1.zip": text_of(GOOGLE_EARNINGS, rows)}


SOURCES = [
    Source(
        "amazon",
        "amazon-sales",
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
        select "Vendor SKU" as sku,
            date_trunc('month', strptime(substr("Transaction Time", 1, 10), '%Y-%m-%d'))::date as month,
            "Marketplace Currency" as currency, sign * abs(count) as units, sign * abs(price) as sales,
            sign * abs(earned) as earnings, "Marketplace Currency" as earnings_currency
        from signed
        """,
    ),
    Source(
        "apple",
        "apple-sales",
        apple,
        """
        with amounts as (
            select *, trim("Product Type Identifier") as code, trim("Units")::decimal(18, 2)::bigint as count,
                nullif(trim("Customer Price"), '')::decimal(18, 6) as price,
                nullif(trim("Developer Proceeds"), '')::decimal(18, 6) as proceeds
            from read_csv({files}, all_varchar = true, header = true, delim = '\t', quote = '', escape = '')
        ), meant as (
            select *, case
                when count < 0 then true
                when code in ('1', '1F', '1T', 'F1', '1E', '1EP', '1EU', '1-B', 'F1-B') then true
                when code in ('IA1', 'IA1-M', 'FI1', 'IA9', 'IA9-M', 'IAY', 'IAY-M', 'IAC') then true
                when code in ('3', '3F', '7', '7F', '7T', 'F7', 'IA3') then false
                else price <> 0 or proceeds <> 0 end as counts
            from amounts
        )
        select trim("SKU") as sku, date_trunc('month', strptime("Begin Date", '%m/%d/%Y'))::date as month,
            "Customer Currency" as currency, if(counts, count, 0) as units, count * abs(price) as sales,
            count * proceeds as earnings, nullif(trim("Currency of Proceeds"), '') as earnings_currency
        from meant
        """,
    ),
    Source(
        "google_play",
        "google-sales",
        google_sales,
        """
        select coalesce(nullif("SKU ID", ''), "Product ID") as sku,
            date_trunc('month', epoch_ms("Order Charged Timestamp"::bigint * 1000))::date as month,
            "Currency of Sale" as currency, if("Financial Status" = 'Charged', 1, -1) as units,
            units * replace("Item Price", ',', '')::decimal(18, 6) as sales,
            null::decimal(18, 6) as earnings, null::varchar as earnings_currency
        from read_csv({files}, all_varchar = true, header = true)
        """,
    ),
    Source(
        "google_play",
        "google-earnings",
        google_earnings,
        """
        select coalesce(nullif("Sku Id", ''), "Product id") as sku,
            date_trunc('month', strptime("Transaction Date", '%b %d, %Y'))::date as month,
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

    def same(
        self, by: list[str], measures: list[str], kinds: list[str], combine: bool = False
    ) -> list[tuple[object, ...]]:
        """The report's rows, which must be those of DuckDB."""
        table = self.db.sales.report(by=by, measures=measures, kind=kinds, combine_inapps=combine)
        found = [tuple(row.values()) for row in table]
        sums = ", ".join(f"sum({measure})" for measure in measures)
        names = ", ".join(f"'{kind}'" for kind in kinds)
        order = ", ".join(f"{column} nulls last" for column in by)
        groups = f"group by all order by {order}"
        raw = "combined" if combine else "raw"
        query = f"select {', '.join(by)}, {sums} from {raw} where kind in ({names}) {groups}"
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
                files = [file for month in MONTHS for file in source.files(reports, rng, *month).items()]
                packed = [reports.pack(folder / name, text.encode()) for name, text in files]
                done = db.sales.import_reports(packed, account=account)
                assert (done.files, done.rejected) == (len(files), 0)
                plain = [reports.pack(folder / f"{name}.csv", text.encode()) for name, text in files]
                sql = source.sql.format(files=[str(path) for path in plain])
                views.append(f"select '{store}' as store, '{source.kind}' as kind, * from ({sql})")
        raw.execute(f"create view sold as {' union all by name '.join(views)}")
        raw.execute("create table products (store text, sku text, product_group bigint, app bigint)")
        raw.executemany("insert into products values (?, ?, ?, ?)", link(db))
        raw.execute("create table raw as from sold left join products using (store, sku)")
        raw.execute("create view combined as select * replace (app as product_group) from raw")
        assert raw.execute("select count(*) from raw").fetchone() == (len(db.sales),)
        yield Mixed(db, raw)


def link(db: tillroll.Db) -> list[tuple[str, str, int, int]]:
    """Links what is the same in several stores. Gives every SKU with its group and that of its app."""
    groups = {}
    for name, (_, skus) in PRODUCTS.items():
        ids = [db.products.get_by_store(*sku).id for sku in skus.items()]
        groups[name] = min(ids)
        if len(ids) > 1:
            db.products.link(ids)
    return [
        (*sku, groups[name], groups[app]) for name, (app, skus) in PRODUCTS.items() for sku in skus.items()
    ]


PAID = ["amazon-sales", "apple-sales", "google-earnings"]
SOLD = ["amazon-sales", "apple-sales", "google-sales"]


def test_units_and_earnings_by_store_month_and_currency(mixed):
    rows = mixed.same(["store", "month", "currency"], ["units", "earnings"], PAID)
    assert {row[0] for row in rows} == {"amazon", "apple", "google_play"}
    assert len({row[1] for row in rows}) == len(MONTHS)
    assert all(isinstance(row[4], Decimal) for row in rows)


def test_units_and_sales_by_store_month_and_currency(mixed):
    assert mixed.same(["store", "month", "currency"], ["units", "sales"], SOLD)


def test_earnings_by_what_the_stores_pay_in(mixed):
    rows = mixed.same(["store", "month", "earnings_currency"], ["units", "earnings"], PAID)
    assert {row[2] for row in rows if row[0] == "google_play"} == {"EUR"}
    assert {row[2] for row in rows if row[0] == "apple"} == {"EUR", "JPY", "USD", None}


@pytest.mark.parametrize(("combine", "groups"), [(False, 9), (True, 3)])
def test_units_and_sales_by_product_group(mixed, combine, groups):
    rows = mixed.same(["product_group", "currency"], ["units", "sales"], SOLD, combine)
    assert len({row[0] for row in rows}) == groups
    assert mixed.same(["product_group", "month", "store"], ["units"], SOLD, combine)


@pytest.mark.parametrize("combine", [False, True])
def test_units_and_earnings_by_product_group(mixed, combine):
    by = ["product_group", "currency", "earnings_currency"]
    assert mixed.same(by, ["units", "earnings"], PAID, combine)


def test_stores_that_pay_in_different_currencies_are_never_added(mixed):
    """Of one sale in dollars Apple pays dollars and Google euros."""
    by = ["product_group", "currency"]
    with pytest.raises(tillroll.ValidationError, match="earnings_currency"):
        mixed.db.sales.report(by=by, measures=["earnings"], kind=PAID)


def test_all_kinds_beside_each_other(mixed):
    kinds = sorted({source.kind for source in SOURCES})
    by = ["kind", "month", "currency", "earnings_currency"]
    rows = mixed.same(by, ["units", "sales", "earnings"], kinds)
    assert {row[0] for row in rows} == set(kinds)
    assert all(row[6] is None for row in rows if row[0] == "google-sales")
    foreign = {row[2:4] for row in rows if row[0] == "apple-sales" and row[3] not in (row[2], None)}
    assert foreign == {("RON", "EUR")}


def test_apple_reports_tell_of_everything_that_they_can(mixed):
    """What the figures above are to be right about."""
    apple = {"kind": "apple-sales"}
    types = mixed.db.sales.report(by="type", measures=["units", "all_units"], **apple)
    outside = {"redownload", "restore", "update"}
    assert {row["type"] for row in types} == outside | {"charge", "other", "refund"}
    assert {row["type"] for row in types if row["units"] != row["all_units"]} == outside
    periods = {row["period"] for row in mixed.db.sales.report(by="period", **apple)}
    assert len(periods) == 2 + 31


@pytest.mark.parametrize("by", ["month", "product_group"])
def test_sales_and_earnings_of_one_order_are_never_added(mixed, by):
    for where in [{}, {"store": "google"}, {"store": "google_play", "currency": "USD"}]:
        with pytest.raises(tillroll.ValidationError, match="kind") as caught:
            mixed.db.sales.report(by=[by, "currency"], measures=["units", "sales"], **where)
        assert set(caught.value.errors) == {"kind"}
    assert len(mixed.db.sales.report(by="kind")) == len({source.kind for source in SOURCES})
    assert len(mixed.db.sales.report(by="month", store="amazon")) == len(MONTHS)
