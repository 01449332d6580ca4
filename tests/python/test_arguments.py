"""What every argument does with what it should not be given: a fault with its name, or a `TypeError`."""

import contextlib
import inspect

import api_examples
import pytest
import tillroll

NAN, INF = float("nan"), float("inf")
HOSTILE = [
    *[None, True, 0, -1, 2**31, 2**63, 2**64, 10**30, -(2**70), 10**400, 1.5, -1e308, NAN, INF, -INF],
    *["", " ", "x", "\ud800", "a\udfffb", "a\0b", "\0", "x" * 10_000_000, b"\xff", b"\0", object()],
    *[
        [],
        {},
        [None],
        ["\ud800"],
        [2**70],
        [-1],
        [b"\xff"],
        [{}],
        [[[]]],
        {"\ud800": 1},
        {1: 2},
        {"x": "\ud800"},
    ],
]

# What is right for an argument, by its name: with the others right, the one that is tried is what is refused.
RIGHT = {
    "account": 1,
    "address_id": 1,
    "backup": "no backup",
    "by": ["month"],
    "code": "B10TC",
    "columns": ["sku"],
    "credentials": {},
    "customer_id": 2,
    "dir": "no folder",
    "email": "no@example.com",
    "end": "2018-04",
    "external_id": 7,
    "group_id": 1,
    "id": 1,
    "id_in_store": "B1",
    "ids": ["4dc81891-67af-40a2-a2df-0719a7b90fe8"],
    "kind": "amazon-sales",
    "passphrase": None,
    "path": "no path",
    "paths": "no path",
    "period": "2018-03",
    "product_id": 1,
    "records": [],
    "row": {"product_id": 1},
    "rows": [],
    "scopes": ["sales:read"],
    "start": "2018-03",
    "store": "amazon",
    "term": "plane",
    "transaction_id": "4dc81891-67af-40a2-a2df-0719a7b90fe8",
}

# What `**` stands for: some names where there are many.
NAMED = {
    "fields": ["name"],
    "field_filters": ["id", "created_at_from", "updated_at_to"],
    "where": [
        *["account", "store", "kind", "period", "start", "end", "product", "product_group", "include_inapps"],
        *["sku", "title", "country", "currency", "type", "term", "colour"],
    ],
}


@pytest.fixture(scope="module")
def db(tmp_path_factory, reports):
    folder = tmp_path_factory.mktemp("arguments")
    with tillroll.open(folder / "shop.till") as db:
        api_examples.Face(None, db.import_records).fill(folder)
        account = db.external_accounts.create(nickname="Amazon apps", store="amazon").id
        db.sales.import_reports(
            reports.write(folder / "sales_2018_03.gz", reports.rows(50, 2018, 3)), account=account
        )
        yield db
        assert db.check().ok


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Names without a folder land where they do no harm."""
    monkeypatch.chdir(tmp_path)


OWNERS = ["tillroll", "db", "sales", *api_examples.COLLECTIONS]


def owner(db, name):
    return {"tillroll": tillroll, "db": db, "sales": db.sales}.get(name) or getattr(db, name)


def methods_of(name):
    """The public functions of a module, or methods of a class, that take arguments."""
    classes = {"db": tillroll.Db, "sales": tillroll.Sales}
    of = {cls.__name__.lower(): cls for cls in tillroll.Collection.__subclasses__()}
    place = (
        tillroll
        if name == "tillroll"
        else classes.get(name) or of.get(name.replace("_", ""), tillroll.Collection)
    )
    public = (one for one in dir(place) if not one.startswith("_"))
    called = (one for one in public if inspect.isroutine(getattr(place, one)))
    return [one for one in called if set(inspect.signature(getattr(place, one)).parameters) - {"self"}]


EVERY = [(name, method) for name in OWNERS for method in methods_of(name)]


def calls(function):
    """For every argument of a function, a call that gives this value for it and right ones for the others."""
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    needed = [one for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]

    def call(name, value):
        given = {one.name: RIGHT[one.name] for one in needed} | {name: value}
        before = [given.pop(one.name) for one in needed if one.kind is one.POSITIONAL_ONLY]
        return function(*before, **given)

    for one in parameters:
        for name in NAMED[one.name] if one.kind is one.VAR_KEYWORD else [one.name]:
            yield name, lambda value, name=name: call(name, value)


def test_every_method_is_there():
    assert len(EVERY) > 100
    assert {("tillroll", "open"), ("sales", "report"), ("categories", "link_product")} < set(EVERY)


@pytest.mark.parametrize(("name", "method"), EVERY)
def test_hostile_arguments_are_refused_as_the_documents_say(db, name, method):
    for argument, call in calls(getattr(owner(db, name), method)):
        for value in HOSTILE:
            try:
                answer = call(value)
            except (tillroll.Error, TypeError, OSError) as refused:
                answer = refused
            except BaseException as raised:
                pytest.fail(f"{argument}={value!r:.80}: {raised!r:.300}")
            if isinstance(answer, tillroll.Db):
                answer.close()
            # A message quotes what was given, and not all of it.
            if isinstance(answer, tillroll.Error):
                assert len(str(answer)) < 1000
    assert db.stats()


@pytest.mark.parametrize(("name", "method"), EVERY)
def test_text_that_is_no_unicode_is_told_with_its_argument(db, name, method):
    for argument, call in calls(getattr(owner(db, name), method)):
        with pytest.raises((tillroll.ValidationError, TypeError)) as raised:
            call("a\ud800")
        if raised.type is not TypeError:
            assert argument in raised.value.errors


WRONG = [
    ("categories", "link_product", "category_sort", [2**63, -(2**63) - 1, 10**400]),
    ("categories", "link_product", "product_sort", [2**63, -(2**63) - 1, 10**400]),
    ("tillroll", "open", "threads", [0, -1, 2**64]),
    ("tillroll", "open", "cache_bytes", [-1, 2**64]),
    ("sales", "import_reports", "threads", [0, -1, 2**64]),
    ("sales", "import_reports", "on_reject", ["", "KEEP", "\0"]),
    ("sales", "import_reports", "account", [-1, 2**64, "me", "", "\0"]),
    ("sales", "rejects", "import_id", [-1, 2**64]),
    ("products", "get_by_store", "timeout", [-1, -1e-9, NAN, INF, -INF, 10**400, 1e300]),
    ("customers", "list", "page", [-1, 0, 10**30]),
    ("customers", "list", "page_size", [-1, 0, 10**30]),
]


@pytest.mark.parametrize(("name", "method", "argument", "values"), WRONG)
def test_numbers_out_of_range_are_told_with_their_argument(db, name, method, argument, values):
    call = dict(calls(getattr(owner(db, name), method)))[argument]
    for value in values:
        with pytest.raises(tillroll.ValidationError) as raised:
            call(value)
        assert list(raised.value.errors) == [argument]


def test_ids_have_the_name_of_their_argument(db):
    for call, name in [
        (lambda id: db.customer_groups.add(1, id), "customer_id"),
        (lambda id: db.customer_groups.members(id), "group_id"),
        (lambda id: db.products.link([1, id]), "ids"),
        (lambda id: db.categories.link_product(1, id), "product_id"),
    ]:
        with pytest.raises(tillroll.ValidationError) as raised:
            call("\ud800")
        assert list(raised.value.errors) == [name]
        with pytest.raises(TypeError, match=name):
            call(1.5)


def test_what_python_itself_asks_for(db):
    record = next(iter(db.external_accounts))
    sale = next(iter(db.sales.get(next(iter(next(iter(db.sales.scan()))))["transaction_id"])))
    for thing in (record, sale):
        with pytest.raises(AttributeError):
            getattr(thing, "\ud800")
        assert not hasattr(thing, "a\0b")
    with pytest.raises(KeyError):
        sale["\ud800"]
    table = db.sales.report(measures=["rows"])
    for row in (2**63, -(2**63) - 1, 10**400):
        with pytest.raises(IndexError):
            table[row]
    for id in (*HOSTILE[:20], "\ud800", "\0"):
        with contextlib.suppress(TypeError):
            assert isinstance(id in db.products, bool)
