"""Every figure against plain Python."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations

import pytest
import tillroll

COUNTS = ["units", "gross_units", "refund_units", "all_units", "rows"]
BY = [
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "sku",
    "title",
    "country",
    "marketplace",
    "type",
    "item_type",
    "term",
]
BY += ["store", "kind", "currency"]


@pytest.mark.parametrize(
    "by", [[], *([name] for name in BY), *map(list, combinations(["month", "sku", "type"], 2))]
)
def test_counts_by_everything(shop, reports, by):
    table = shop.db.sales.report(by=by, measures=COUNTS)
    assert table.columns == [*by, *COUNTS]
    assert list(table) == reports.sums(shop.rows, by, COUNTS)


def test_money_by_everything_at_once(shop, reports):
    by = ["month", "currency", "country", "sku", "type"]
    measures = ["units", "sales", "earnings", "rows"]
    table = shop.db.sales.report(by=by, measures=measures)
    assert list(table) == reports.sums(shop.rows, by, measures)
    assert all(type(row["sales"]) is Decimal for row in table)


@pytest.mark.parametrize(
    ("where", "keeps"),
    [
        ({"sku": "chess"}, lambda row: row.sku == "chess"),
        ({"sku": ["chess", "sudoku"]}, lambda row: row.sku in ("chess", "sudoku")),
        ({"country": ("US", "JP")}, lambda row: row.country in ("US", "JP")),
        ({"title": "数独パズル"}, lambda row: row.title == "数独パズル"),
        ({"item_name": '100 "Gold" Coins'}, lambda row: row.item_name == '100 "Gold" Coins'),
        ({"type": "refund"}, lambda row: row.kind == "refund"),
        (
            {"term": "1 Month", "marketplace": "Amazon.de"},
            lambda row: row.term and row.marketplace == "Amazon.de",
        ),
        ({"store": "amazon_appstore", "kind": "amazon-sales"}, lambda row: True),
        ({"store": "apple"}, lambda row: False),
        ({"sku": "no such"}, lambda row: False),
        ({"period": "2018-02"}, lambda row: row.date.month == 2),
        (
            {"start": date(2018, 1, 10), "end": "2018-02-01"},
            lambda row: date(2018, 1, 10) <= row.date < date(2018, 2, 1),
        ),
        ({"start": "2018-03-05"}, lambda row: row.date >= date(2018, 3, 5)),
        ({"start": None, "sku": None}, lambda row: True),
    ],
)
def test_filters(shop, reports, where, keeps):
    rows = [row for row in shop.rows if keeps(row)]
    by, measures = ["month", "currency"], ["units", "sales", "rows"]
    assert list(shop.db.sales.report(by=by, measures=measures, **where)) == reports.sums(rows, by, measures)


def test_a_time_of_day_goes_by_the_instant(shop, reports):
    start = datetime.fromisoformat("2018-02-10T12:00:00+05:30")
    end = "2018-02-20T06:00:00Z"
    rows = [row for row in shop.rows if start <= row.time < datetime.fromisoformat(end)]
    assert 0 < len(rows) < 400
    table = shop.db.sales.report(by="sku", measures="rows", start=start, end=end)
    assert list(table) == reports.sums(rows, ["sku"], ["rows"])


def test_the_account_may_be_given_as_record_or_id(shop, reports):
    for account in [shop.account, shop.account.id, [shop.account.id, 999]]:
        assert list(shop.db.sales.report(measures="rows", account=account)) == [{"rows": 1600}]
    assert shop.db.sales.report(measures="rows", account=999).to_arrow().to_pylist() in ([], [{"rows": 0}])


def test_order_and_limit(shop, reports):
    expected = reports.sums(shop.rows, ["country"], ["rows"])
    expected.sort(key=lambda row: -row["rows"])
    table = shop.db.sales.report(by="country", measures="rows", order_by="-rows", limit=2)
    assert [row["rows"] for row in table] == [row["rows"] for row in expected[:2]]
    table = shop.db.sales.report(by=["sku", "country"], measures="rows", order_by=["-sku", "country"])
    keys = [(row["sku"], row["country"]) for row in table]
    assert keys == sorted(sorted(keys, key=lambda key: key[1]), key=lambda key: key[0], reverse=True)


def test_currencies_are_never_added(shop):
    for measures in ["sales", "earnings"]:
        with pytest.raises(tillroll.ValidationError, match="currency"):
            shop.db.sales.report(by="month", measures=measures)
        pinned = shop.db.sales.report(by="month", measures=measures, currency="EUR")
        assert len(pinned) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "nonsense"},
        {"measures": "nonsense"},
        {"nonsense": 1},
        {"order_by": "nonsense"},
        {"limit": -1},
        {"start": "yesterday"},
        {"store": "nowhere"},
        {"kind": "nonsense"},
        {"product": "x"},
        {"include_inapps": "yes"},
        {"product_group": "x"},
        {"combine_inapps": "yes"},
        {"combine_inapps": True, "by": ["product", "sku"]},
        {"combine_inapps": True, "by": "title"},
    ],
)
def test_wrong_arguments_are_told_by_name(shop, wrong):
    with pytest.raises(tillroll.ValidationError) as caught:
        shop.db.sales.report(**{"by": "month", **wrong})
    assert caught.value.errors


def test_rows_by_product(shop):
    sales = shop.db.sales
    products = {row["sku"]: row["product"] for row in sales.report(by=["product", "sku"])}
    assert set(products) == {row.sku for row in shop.rows}
    assert len(set(products.values())) == len(products)
    assert None not in products.values()
    by = list(sales.report(by="product", measures="rows"))
    assert by == sorted(by, key=lambda row: row["product"])
    expected = {products[row.sku]: 0 for row in shop.rows}
    for row in shop.rows:
        expected[products[row.sku]] += 1
    assert {row["product"]: row["rows"] for row in by} == expected
    chess = products["chess"]
    assert sales.report(product=[chess]).to_arrow().equals(sales.report(sku="chess").to_arrow())
    scanned = sales.scan(columns="product", product=chess, limit=2).to_arrow().to_pylist()
    assert scanned == [{"product": chess}] * 2
    assert all(sale.product == products[sale.sku] for sale in sales.get(shop.rows[0].transaction))
    with pytest.raises(tillroll.NotFoundError) as caught:
        sales.report(product=10**9, include_inapps=True)
    assert isinstance(caught.value, KeyError)


def test_rows_by_app_and_by_group(shop):
    sales, products = shop.db.sales, shop.db.products
    rows = {row["product"]: row["rows"] for row in sales.report(by="product", measures="rows")}
    parents = {id: products.get(id).parent_id for id in rows}
    apps = sorted(id for id, parent in parents.items() if parent is None)
    assert 1 < len(apps) < len(rows)

    def summed(of):
        sums = dict.fromkeys(sorted({of(id) for id in rows}), 0)
        for id, count in rows.items():
            sums[of(id)] += count
        return sums

    def report(by, **asked):
        return {row[by]: row["rows"] for row in sales.report(by=by, measures="rows", **asked)}

    assert report("product", combine_inapps=True) == summed(lambda id: parents[id] or id)
    assert report("product", combine_inapps=False) == report("product_group") == rows
    try:
        linked = products.link(apps[:2])
        assert [product.id for product in linked] == apps[:2]
        first = {apps[1]: apps[0]}
        assert report("product_group") == summed(lambda id: first.get(id, id))
        of_app = summed(lambda id: first.get(parents[id] or id, parents[id] or id))
        assert report("product_group", combine_inapps=True) == of_app
        chosen = sales.report(measures="rows", product_group=apps[1], include_inapps=True)
        assert list(chosen) == [{"rows": of_app[apps[0]]}]
        assert sales.report(by="product_group").to_arrow().schema.field("product_group").type == "int64"
    finally:
        products.unlink(apps[0])
    assert report("product_group") == rows


def test_sales_by_transaction_id(shop):
    refund = next(row for row in shop.rows if row.kind == "refund")
    written = [row for row in shop.rows if row.transaction == refund.transaction]
    sales = shop.db.sales.get(refund.transaction)
    assert [(sale.type, sale.units, sale.sales, sale.earnings) for sale in sales] == [
        (row.kind, row.net_units, row.net_price, row.net_earnings) for row in written
    ]
    sale, row = sales[0], written[0]
    assert (sale.account, sale.store, sale.kind) == (shop.account.id, "amazon", "amazon-sales")
    assert (sale.sku, sale.title, sale.item_name, sale.term) == (row.sku, row.title, row.item_name, row.term)
    assert (sale.currency, sale.country, sale.marketplace) == (row.currency, row.country, row.marketplace)
    assert (sale.time, sale.date) == (row.time, row.date)
    assert sale.time.utcoffset() == timedelta(0)
    assert type(sale.sales) is Decimal
    assert sale == shop.db.sales.get(refund.transaction)[0]
    assert sale != sales[1]
    assert list(sale.to_dict())[:4] == ["account", "store", "kind", "period"]
    assert sale["sku"] == row.sku
    assert refund.transaction in repr(sale)
    with pytest.raises(AttributeError):
        _ = sale.nonsense
    with pytest.raises(KeyError):
        _ = sale["nonsense"]
    assert shop.db.sales.get("no such id") == []


def test_columns_of_the_file_stay_readable(shop):
    row = next(row for row in shop.rows if row.extra.get("Device Type"))
    sale = next(sale for sale in shop.db.sales.get(row.transaction) if sale.sku == "chess")
    assert sale["Device Type"] == "Fire TV"
    assert "Device Type" in shop.db.sales.columns


def test_many_transactions_in_one_call(shop):
    ids = [row.transaction for row in shop.rows[100:120]]
    table = shop.db.sales.get_many([*ids, "no such id"])
    assert {row["transaction_id"] for row in table} == set(ids)
    assert len(table) == sum(row.transaction in ids for row in shop.rows)
    with pytest.raises(TypeError):
        shop.db.sales.get_many("one")


CHANGES = [
    # Local time, marketplace: month's ends, clock changes, hours that are skipped or come twice.
    (datetime(2018, 2, 28, 23, 30), "Amazon.com"),
    (datetime(2018, 3, 1, 0, 30), "Amazon.co.jp"),
    (datetime(2018, 3, 11, 1, 59, 59), "Amazon.com"),
    (datetime(2018, 3, 11, 2, 30), "Amazon.com"),
    (datetime(2018, 3, 11, 3, 0), "Amazon.com"),
    (datetime(2018, 3, 25, 1, 30), "Amazon.co.uk"),
    (datetime(2018, 3, 25, 2, 30), "Amazon.de"),
    (datetime(2017, 10, 29, 2, 30), "Amazon.de"),
    (datetime(2017, 11, 5, 1, 30), "Amazon.com"),
]


def test_local_days_and_utc_instants(db, account, reports, tmp_path):
    rows = []
    for index, (local, marketplace) in enumerate(CHANGES):
        row = reports.rows(1, local.year, local.month, seed=index)[0]
        row.local, row.marketplace, row.transaction = local, marketplace, f"t{index}"
        rows.append(row)
    by_month = {}
    for row in rows:
        by_month.setdefault(row.date.strftime("%Y_%m"), []).append(row)
    paths = [reports.write(tmp_path / f"sales_{month}.gz", part) for month, part in by_month.items()]
    db.sales.import_reports(paths, account=account)
    for row in rows:
        (sale,) = db.sales.get(row.transaction)
        assert (sale.date, sale.time) == (row.date, row.time), row
    assert list(db.sales.report(by="day", measures="rows")) == reports.sums(rows, ["day"], ["rows"])


def test_a_sum_without_any_value_is_null_and_an_empty_report_has_its_columns(db):
    table = db.sales.report(by=["month", "currency"], measures=["units", "sales"])
    assert (len(table), table.columns, list(table)) == (0, ["month", "currency", "units", "sales"], [])
