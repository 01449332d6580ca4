"""Results go through `pickle` and `copy`; handles do not."""

import copy
import multiprocessing
import pickle
from datetime import UTC
from decimal import Decimal

import pyarrow as pa
import pytest
import tillroll

WAYS = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "pickle 2": lambda thing: pickle.loads(pickle.dumps(thing, protocol=2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}

RESULTS = {
    "record": lambda shop: shop.account,
    "sale": lambda shop: shop.db.sales.get(shop.rows[0].transaction)[0],
    "report": lambda shop: shop.db.sales.report(
        by=["day", "term", "currency"], measures=["units", "earnings"]
    ),
    "report without rows": lambda shop: shop.db.sales.report(by="month", measures="rows", sku="no such"),
    "sales": lambda shop: shop.db.sales.get_many([row.transaction for row in shop.rows[:40]]),
    "batch": lambda shop: next(iter(shop.db.sales.scan())),
    "page": lambda shop: shop.db.products.list(page_size=3),
    "import": lambda shop: shop.db.sales.imports()[0],
    "version": lambda shop: shop.db.sales.imports()[0].versions[0],
    "check": lambda shop: shop.db.check(),
}


def fields(thing):
    """All that a thing tells, as Python's own."""
    if isinstance(thing, tillroll.Table | tillroll.Batch):
        return [str(pa.schema(thing)), *thing]
    if isinstance(thing, tillroll.Record | tillroll.Sale):
        return thing.to_dict()
    if isinstance(thing, list):
        return [fields(each) for each in thing]
    if type(thing).__module__ != "tillroll":
        return thing
    return {name: fields(getattr(thing, name)) for name in dir(thing) if not name.startswith("_")}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RESULTS)
def test_results_come_out_as_they_went_in(shop, name, way):
    thing = RESULTS[name](shop)
    again = WAYS[way](thing)
    assert type(again) is type(thing)
    assert fields(again) == fields(thing)
    assert repr(again) == repr(thing)
    if hasattr(thing, "_repr_html_"):
        assert again._repr_html_() == thing._repr_html_()


@pytest.mark.parametrize("way", WAYS)
def test_progress_and_summaries(db, account, reports, tmp_path, way):
    told = []
    report = reports.write(tmp_path / "sales_2018_03.csv", reports.rows(20, 2018, 3))
    done = db.sales.import_reports(report, account=account, progress=told.append)
    for thing in [done, *told]:
        assert WAYS[way](thing) == thing
        assert repr(WAYS[way](thing)) == repr(thing)


def test_values_keep_their_types(shop):
    sale = WAYS["pickle"](shop.db.sales.get(shop.rows[0].transaction)[0])
    assert sale == shop.db.sales.get(shop.rows[0].transaction)[0]
    assert type(sale.earnings) is Decimal
    assert sale.time.tzinfo is UTC
    assert sale.term == shop.rows[0].term
    record = WAYS["pickle"](shop.account)
    assert record == shop.account
    assert record.to_dict() == shop.account.to_dict()


def test_what_is_pickled_is_checked(shop):
    table = shop.db.sales.report(by="day", measures="rows")
    rebuild, (kind, (rows, columns)) = table.__reduce__()
    assert list(rebuild(kind, (rows, columns))) == list(table)
    name, type_, nullable, (count, valid, buffers, children) = columns[0]
    for wrong in [
        (name, "nonsense", nullable, (count, valid, buffers, children)),
        (name, type_, nullable, (count + 1000, valid, buffers, children)),
        (name, "Utf8", nullable, (count, valid, [*buffers, b""], children)),
        (name, type_, nullable, (count, b"", buffers, children)),
    ]:
        with pytest.raises(ValueError, match=r"\w"):
            rebuild(kind, (rows, [wrong]))
    with pytest.raises(ValueError, match="nothing"):
        rebuild("nothing", ())


def report_of(table):
    return [row["rows"] for row in table], table


def test_results_reach_other_processes(shop):
    table = shop.db.sales.report(by="month", measures="rows")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        rows, back = pool.apply(report_of, (table,))
    assert rows == [row["rows"] for row in table]
    assert list(back) == list(table)


HANDLES = {
    "database": lambda db: db,
    "sales": lambda db: db.sales,
    "collection": lambda db: db.brands,
    "products": lambda db: db.products,
    "scan": lambda db: db.sales.scan(),
    "batches": lambda db: iter(db.sales.scan()),
    "records": lambda db: iter(db.brands),
    "rows": lambda db: iter(db.sales.report()),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("handle", HANDLES)
def test_handles_are_refused(db, handle, way):
    thing = HANDLES[handle](db)
    with pytest.raises(TypeError, match=f"cannot pickle 'tillroll.{type(thing).__name__}' object"):
        WAYS[way](thing)


def test_credentials_are_refused(db, account):
    db.external_accounts.set_credentials(account, {"client_id": "amzn1.a.b", "client_secret": "s3cret"})
    with pytest.raises(TypeError, match="Credentials"):
        pickle.dumps(db.external_accounts.reveal_credentials(account))


def test_exceptions_keep_what_they_tell(db):
    with pytest.raises(tillroll.ValidationError) as raised:
        db.brands.create(nonsense=1)
    again = WAYS["pickle"](raised.value)
    assert str(again) == str(raised.value)
    assert again.errors == raised.value.errors
