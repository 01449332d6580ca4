"""What nobody should give: each is a fault with its field, and nothing of it is stored."""

import json
import random
from decimal import Decimal

import api_examples
import pytest
import tillroll


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    with tillroll.open(folder / "shop.till") as db:
        api_examples.Face(None, db.import_records).fill(folder)
        yield db
        assert db.check().ok


@pytest.fixture(autouse=True)
def nothing_is_stored(db):
    def stored():
        return {name: [record.to_dict() for record in getattr(db, name)] for name in api_examples.COLLECTIONS}

    before = stored()
    yield
    assert stored() == before


def refused(call, *arguments, **named) -> dict[str, list[str]]:
    with pytest.raises(tillroll.ValidationError) as refused:
        call(*arguments, **named)
    return refused.value.errors


def example(collection: str) -> dict:
    return api_examples.of_today({"arguments": api_examples.example(collection)})["arguments"]


HOSTILE = ["a\0b", "\0", "x" * 200_000, "\ud800", "a\udfffb"]


@pytest.mark.parametrize(("collection", "path"), api_examples.TEXTS, ids=str)
def test_hostile_texts(db, collection, path):
    records = getattr(db, collection)
    for hostile in HOSTILE:
        given = api_examples.changed(example(collection), path, hostile)
        errors = refused(records.create, **given)
        assert any(name.startswith(path[0]) for name in errors), errors
        errors = refused(records.create_many, [given])
        assert any(name.startswith(f"[0].{path[0]}") for name in errors), errors


@pytest.mark.parametrize("collection", api_examples.COLLECTIONS)
def test_ten_megabytes(db, collection):
    path = next(path for one, path in api_examples.TEXTS if one == collection)
    given = api_examples.changed(example(collection), path, "x" * 10_000_000)
    assert refused(getattr(db, collection).create, **given)


def nest(depth: int) -> list:
    deep: list = []
    for _ in range(depth):
        deep = [deep]
    return deep


CYCLE: list = []
CYCLE.append(CYCLE)
RING: dict = {}
RING["ring"] = RING
VALUES = [2**63, 2**64, -(2**64), 2**2000, 10**5000, float("nan"), float("inf"), -float("inf"), b"x"]
VALUES += [bytearray(b"x"), object(), nest(100_000), CYCLE, RING, {"\ud800"}]


@pytest.mark.parametrize("collection", api_examples.COLLECTIONS)
def test_values_of_no_field(db, collection):
    records = getattr(db, collection)
    for value in VALUES:
        for name in example(collection):
            # What the engine gives out is passed over, whatever it is: a number of any size among it.
            if name == "store_id" or (collection, name) == ("accounts", "type"):
                continue
            errors = refused(records.create, **example(collection) | {name: value})
            assert any(key.startswith(name) for key in errors), (name, value, errors)


@pytest.mark.parametrize("collection", api_examples.COLLECTIONS)
def test_names_that_are_no_text(db, collection):
    records = getattr(db, collection)
    for given in ({1: 2}, {None: 1}, {("a",): 1}, {b"name": 1}, {"\ud800": 1}):
        with pytest.raises(TypeError, match="names of fields"):
            records.create_many([given])
        with pytest.raises(TypeError, match="names of fields"):
            records.create(name=given)
    assert "[0].colour" in refused(records.create_many, [{"colour": 1}])


@pytest.mark.parametrize("collection", api_examples.COLLECTIONS)
def test_pages_and_sizes_that_are_none(db, collection):
    records = getattr(db, collection)
    for page in [*api_examples.HOSTILE_PAGES, float("nan"), b"1"]:
        if page not in (2**63,):
            assert list(refused(records.list, page=page)) == ["page"]
    for size in [*api_examples.HOSTILE_SIZES, float("nan"), b"1"]:
        assert list(refused(records.list, page_size=size)) == ["page_size"]
    assert set(refused(records.list, page=-1, page_size=0, sort="x", filter="x")) == {
        *["page", "page_size", "sort", "filter"]
    }
    assert records.list(page=2**63).data == []


@pytest.mark.parametrize("collection", api_examples.COLLECTIONS)
def test_filters_and_sorts_that_are_none(db, collection):
    records = getattr(db, collection)
    for filter in [*api_examples.HOSTILE_FILTERS, "\ud800", b"eq(id,1)", 2**70]:
        assert list(refused(records.list, filter=filter)) == ["filter"], filter
    for sort in [
        "",
        "id",
        "id-",
        "-asc",
        "id-up",
        "colour-asc",
        "\0",
        "\ud800",
        7,
        [],
        b"id-asc",
        "id-asc" * 10**6,
    ]:
        assert list(refused(records.list, sort=sort)) == ["sort"], sort
    assert list(refused(records.list, colour=1)) == ["colour"]
    assert list(refused(records.list, created_at_from="\ud800")) == ["created_at_from"]


def test_random_filters_are_filters_or_faults(db):
    rng = random.Random(7)
    pieces = ["eq", "in", "like", "(", ")", ",", ":", '"', "\\", "id", "created_at", "1", "*", " ", "é", "\t"]

    def faults_of(filter):
        try:
            db.banners.list(filter=filter)
        except tillroll.ValidationError as error:
            return list(error.errors)
        return None

    for _ in range(3000):
        text = "".join(rng.choices(pieces, k=rng.randrange(1, 9)))
        assert faults_of(text) in (None, ["filter"]), text


def test_translations_without_end(db):
    rows = [{"language": f"l{n}", "name": "x", "title": "x", "description": "x"} for n in range(10_000)]
    for collection in ("brands", "categories", "campaigns", "banner_groups", "banners", "customer_groups"):
        given = api_examples.example(collection) | {"translations": rows}
        assert "translations" in refused(getattr(db, collection).create, **given)


@pytest.mark.parametrize(
    "collection", ["banners", "banner_groups", "categories", "products", "gift_cards", "customers"]
)
def test_the_same_twice_in_one_call(db, collection):
    one = example(collection)
    one |= {"external_id": 7} if collection == "customers" else {}
    with pytest.raises(tillroll.ConflictError):
        getattr(db, collection).create_many([one, one])


def test_parents_in_a_circle(db):
    own = db.categories.list(sort="id-asc").data
    assert list(refused(db.categories.update, own[0].id, parent_id=own[0].id)) == ["parent_id"]
    low, high = (
        db.accounts.list(name="Account Level 3").data[0],
        db.accounts.list(name="Account Level 1").data[0],
    )
    assert list(refused(db.accounts.update, high, parent=low.id)) == ["parent"]
    for parent in (7, "\0", "x" * 10**7, "\ud800", [], {"data": {}}):
        assert list(refused(db.accounts.update, high, parent=parent)) == ["parent"]


def test_rows_of_verbs(db):
    errors = refused(
        db.campaigns.set_prices, 1, [{"product_id": 1, "price": 1}, {"product_id": 2, "price": 2e300}]
    )
    assert list(errors) == ["rows[1].price"]
    errors = refused(db.campaigns.set_prices, 1, [{"product_id": 1, "price": float("nan")}])
    assert list(errors) == ["rows[0].price"]
    row = {"product_id": 1, "price": "1"}
    assert list(refused(db.campaigns.set_prices, 1, [row, row])) == ["rows[1]"]
    assert db.campaigns.prices(1) == []
    assert list(refused(db.customers.add_address, 2, city="\0")) == ["city"]
    for page in (0, -1, 2**80, "x"):
        assert list(refused(db.products.search, "plane", page=page)) == ["page"]
        assert list(refused(db.products.search, "plane", count=page)) == ["count"]
    assert list(refused(db.products.search, "\ud800")) == ["term"]


def test_ids_that_are_none(db):
    for id in (0, -1, 2**64, 2**200, "", "x" * 10**7, "\0"):
        for collection in api_examples.COLLECTIONS:
            with pytest.raises(tillroll.NotFoundError):
                getattr(db, collection).get(id)
            assert id not in getattr(db, collection)


def test_amounts_are_decimals_whatever_they_are(tmp_path):
    with tillroll.open(tmp_path / "shop.till") as db:
        card = db.gift_cards.create(balance=50)
        assert (type(card.balance), card.balance) == (Decimal, 50)
        assert "balance=Decimal('50')" in repr(card)
        assert json.dumps(card.to_dict()["balance"]) == "50"
        campaign = db.campaigns.create()
        (row,) = db.campaigns.set_prices(campaign, [{"product_id": 4, "price": 39}])
        assert (type(row.price), type(row.product_id), row.to_dict()["price"]) == (Decimal, int, 39)
        product = db.products.create(**example("products"))
        assert product.price == {"currency": "USD", "price": "0.00"}
