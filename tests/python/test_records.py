"""Records of all kinds, scopes, and records as lines of JSON."""

import json
import threading
from decimal import Decimal
from pathlib import Path

import pytest
import tillroll
from api_examples import LATER, example, examples


@pytest.fixture
def db(tmp_path: Path):
    with tillroll.open(tmp_path / "shop.till") as db:
        yield db


def test_accounts_form_a_tree(db):
    top = db.accounts.create(name="Group", legal_name="Group plc", registration_id="0addf4f1-0347")
    middle = db.accounts.create(name="Studio", parent=top.id)
    low = db.accounts.create(name="Team", parent=middle)
    assert [account.name for account in db.accounts.ancestors(low.id)] == ["Group", "Studio"]
    assert db.accounts.children(top) == [db.accounts.get(middle.id)]
    assert low.relationships["parent"] == {"data": {"id": middle.id, "type": "account"}}
    assert low.to_dict()["links"] == {"self": f"/accounts/{low.id}"}
    with pytest.raises(tillroll.ValidationError) as refused:
        db.accounts.update(top.id, parent=low.id, name="")
    assert refused.value.errors == {"name": ["is required"], "parent": ["would stand under itself"]}
    with pytest.raises(tillroll.ConflictError):
        db.accounts.delete(top.id)
    assert db.accounts.update(middle.id, parent=None).relationships == {}
    assert db.accounts.create(**low.to_dict()).relationships["parent"] == low.relationships["parent"]
    assert isinstance(db.accounts, tillroll.Collection)
    assert [account.name for account in db.accounts.list(filter="like(name,*t*)")] == ["Studio"]


def test_get_takes_expansions(db):
    account = db.accounts.create(name="Group")
    assert db.accounts.get(account.id, expand=()) == account
    with pytest.raises(tillroll.ValidationError, match="is not a sub-resource"):
        db.accounts.get(account.id, expand=["colours"])


def test_a_narrowed_handle(db):
    db.accounts.create(name="Group")
    with db.restrict(["records:read"]) as narrow:
        assert len(narrow.accounts) == 1
        for deed in (
            lambda: narrow.accounts.create(name="Other"),
            lambda: narrow.external_accounts.list(),
            lambda: narrow.sales.report(),
            lambda: narrow.check(),
            lambda: narrow.restrict(["sales:read"]),
            lambda: narrow.export_records("nowhere.jsonl"),
        ):
            with pytest.raises(tillroll.AccessError):
                deed()
    with pytest.raises(tillroll.ClosedError):
        len(narrow.accounts)
    assert len(db.accounts) == 1
    with pytest.raises(tillroll.ValidationError, match="account:read"):
        db.restrict(["everything"])
    with pytest.raises(TypeError):
        db.restrict("sales:read")


def test_records_move_to_another_database(db, tmp_path: Path):
    top = db.accounts.create(name="Größe")
    low = db.accounts.create(name="Team", parent=top.id)
    db.external_accounts.create(nickname="Amazon", store="amazon", password="p455w0rd!")
    file = tmp_path / "records.jsonl"
    assert db.export_records(file) == 3
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert {line["collection"] for line in lines} == {"accounts", "external_accounts"}
    assert "p455w0rd!" not in file.read_text(encoding="utf-8")
    with tillroll.open(tmp_path / "other.till") as other:
        assert other.import_records(str(file)) == 3
        assert other.import_records(file) == 0
        assert other.accounts.get(low.id) == db.accounts.get(low.id)
        assert list(other.external_accounts) == list(db.external_accounts)
        file.write_text(file.read_text(encoding="utf-8") + "{}\n", encoding="utf-8")
        with pytest.raises(tillroll.FormatError) as refused:
            other.import_records(file)
        assert refused.value.line == 4


def prepare(db):
    """The records that the examples refer to: groups 1 to 5, banner groups 1 to 4, a top category."""
    db.customer_groups.create_many({"name": f"group {n}"} for n in range(1, 6))
    db.banner_groups.create_many({"code": f"group-{n}", "title": "t"} for n in range(1, 5))
    db.categories.create(name="top")


def test_a_gift_card(db):
    card = db.gift_cards.create(**example("gift_cards") | {"expires_at": LATER})
    assert card.to_dict()["balance"] == 50
    assert db.gift_cards.get("DTGZRVGGYPS2YMNC") == db.gift_cards.get(card) == card
    assert "DTGZRVGGYPS2YMNC" in db.gift_cards
    assert db.gift_cards.update(card, balance=Decimal("39.99")).balance == Decimal("39.99")
    assert db.gift_cards.update(card, balance=39.99).to_dict()["balance"] == 39.99
    exact = db.gift_cards.update(card, balance="1234567890123.456789")
    assert exact.balance == exact.to_dict()["balance"] == Decimal("1234567890123.456789")
    assert db.gift_cards.update(card, code="NEW").code == "NEW"
    with pytest.raises(tillroll.NotFoundError):
        db.gift_cards.get("DTGZRVGGYPS2YMNC")
    assert len(db.gift_cards.create(expires_at="9999-01-01", balance=1).code) == 16
    with pytest.raises(tillroll.ValidationError) as refused:
        db.gift_cards.create(expires_at="2021-10-20")
    assert list(refused.value.errors) == ["expires_at"]


def test_customers_addresses_and_groups(db):
    prepare(db)
    customer = db.customers.create(**example("customers"), external_id="c-7")
    assert db.customers.get_by_email("mail@domain.fi") == db.customers.get_by_external_id("c-7") == customer
    address = {
        "primary": False,
        "email": "mail@example.com",
        "company": "Pulse247 Oy",
        "first_name": "Example",
        "last_name": "Customer",
        "street_address": "Kaivokatu 12",
        "street_name": "Moussaouistraat",
        "street_number": "22",
        "house_extension": "b",
        "postal_code": "00100",
        "city": "Helsinki",
        "country": "fi",
        "phone": "+3585012312312",
    }
    added = db.customers.add_address(customer.id, **address)
    assert {name: added.to_dict()[name] for name in address} == address
    assert added.customer_id == customer.id
    changed = db.customers.update_address(customer, added, **{**added.to_dict(), "city": "Espoo"})
    assert (changed.id, changed.city) == (added.id, "Espoo")
    assert db.customers.addresses(customer) == [changed]
    db.customers.remove_address(customer, changed)
    assert db.customers.addresses(customer) == []

    link = db.customer_groups.add(3, customer)
    assert (link.customer_id, link.customer_group_id) == (customer.id, 3)
    assert [member.customer_id for member in db.customer_groups.members(3)] == [customer.id]
    assert [group["id"] for group in db.customers.get(customer.id).customer_groups] == [3]
    listed = db.customers.list(expand=["customer_groups"], created_at_from="2013-06-19")
    assert listed.data[0].customer_groups[0]["name"] == "group 3"
    links = db.customer_groups.get(3, expand="customer_links").customer_links
    assert [entry["customer_id"] for entry in links] == [customer.id]
    db.customer_groups.remove(3, customer.id)
    with pytest.raises(tillroll.NotFoundError):
        db.customer_groups.remove(3, customer.id)
    assert db.customer_groups.members(3) == []


def test_categories_campaigns_and_banners(db):
    prepare(db)
    pants = db.categories.create(**example("categories"))
    assert db.categories.get_by_external_id(56) == db.categories.get_by_external_id("56") == pants
    assert db.categories.update_by_external_id(56, name="Trousers").name == "Trousers"
    assert [child.id for child in db.categories.children(1)] == [pants.id]
    shown = db.categories.set_visibilities(pants, [{"version_id": 1, "is_visible": False}])
    assert [row.to_dict() for row in shown] == [{"version_id": 1, "is_visible": False}]
    assert db.categories.visibilities(pants) == shown
    link = db.categories.link_product(pants.id, 2, category_sort=1, product_sort=4)
    assert (link.category_id, link.product_id, link.category_sort, link.product_sort) == (pants.id, 2, 1, 4)
    assert db.categories.products(pants) == [link]
    db.categories.unlink_product(pants, 2)
    assert db.categories.products(pants) == []

    campaign = db.campaigns.create(**example("campaigns"))
    rows = [
        {"product_id": 4, "price": 39.99},
        {"product_id": 5, "variation_id": 3, "price": 39.99, "order_limit": 3},
        {"product_id": 4, "download_id": 2, "quantity": 3, "price": 39.99},
    ]
    prices = db.campaigns.set_prices(campaign.id, rows)
    assert len(prices) == 3
    for row in rows:
        assert any({name: price.to_dict()[name] for name in row} == row for price in prices)
    db.campaigns.set_prices(campaign, [{"product_id": 4, "price": "1"}])
    assert sorted(price.price for price in db.campaigns.prices(campaign)) == [
        1,
        Decimal("39.99"),
        Decimal("39.99"),
    ]
    db.campaigns.remove_price(campaign, {"product_id": 4})
    assert len(db.campaigns.get(campaign.id, expand=["prices"]).prices) == 2

    banner = db.banners.create(**example("banners"))
    assert db.banners.get_by_code("new-discounts") == banner
    assert db.banners.update_by_code("new-discounts", code="old-discounts").code == "old-discounts"
    assert [found.id for found in db.banners.list(group_id=4, sort="sort-asc")] == [banner.id]


def test_products(db):
    own = db.external_accounts.create(nickname="Apple", store="apple")
    given = [fields for fields in examples("products") if "developer" in fields]
    for fields in given:
        if fields["source"]:
            fields["source"]["external_account_id"] = own.id
    made = db.products.create_many(given)
    ids = {product.vendor_identifier: product.id for product in made}
    for store, id_in_store in [
        ("amazon", "B004T76OR8"),
        ("amazon_appstore", "B004T76OR8"),
        ("google_play", "com.rdio.android.ui"),
        ("apple", 335060889),
        ("apple:ios", "335060889"),
    ]:
        assert db.products.get_by_store(store, id_in_store).id == ids[str(id_in_store)]
    assert [store["name"] for store in db.stores()][:3] == ["apple", "google_play", "amazon_appstore"]
    assert [found.name for found in db.products.search("fob finder")] == ["FOB Finder", "Fob Finder Pro"]
    assert [found.name for found in db.products.search("@developer=angry")] == ["GPS Notification"]
    page = db.products.search("rdio", storefronts="apple;google_play", page=2, count=1)
    assert (page.item_count, page.page_count, page.data[0].name) == (2, 2, "Rdio")
    subway = db.products.search("embark", meta=True).data[0]
    assert subway.categories[0]["name"] == "Travel"
    assert "meta" not in db.products.get(subway.id).to_dict()

    (mine,) = db.products.mine()
    assert mine.source["external_account_id"] == own.id
    changed = db.products.update(mine, source={"active": False, "hidden": True})
    assert (changed.source["active"], changed.source["hidden"], changed.name) == (False, True, mine.name)
    assert db.products.mine() == []
    assert db.products.mine("apple", include_inactive=True) == [changed]
    for id, fields in [(mine, {"name": "Other"}), (ids["B004T76OR8"], {"source": {"active": True}})]:
        with pytest.raises(tillroll.Error):
            db.products.update(id, **fields)
    with pytest.raises(tillroll.ConflictError):
        db.products.create(**example("products"))


def test_products_in_several_stores_are_one_group(db):
    stores = ["amazon", "apple", "google_play"]
    made = [db.products.create(name="Chess", store=store, vendor_identifier="chess") for store in stores]
    amazon, apple, google = made
    assert db.products.group(apple) == [apple]
    assert db.products.link([apple, str(google.id)]) == [apple, google]
    assert db.products.link(iter((google.id, amazon.id))) == made
    assert db.products.group(google.id, meta=True)[0].meta == {}
    assert db.products.get(amazon.id) == amazon
    db.products.unlink(amazon)
    db.products.unlink(amazon)
    assert db.products.group(google) == [apple, google]
    db.products.delete(google)
    assert db.products.group(apple) == [apple]
    for few in [[], [apple], [apple, apple.id]]:
        with pytest.raises(tillroll.ValidationError) as caught:
            db.products.link(few)
        assert set(caught.value.errors) == {"ids"}
    for call in (db.products.group, db.products.unlink, lambda id: db.products.link([apple.id, id])):
        with pytest.raises(tillroll.NotFoundError):
            call(google.id)
    for wrong in ("12", 12, [None], [1.5, 2]):
        with pytest.raises(TypeError):
            db.products.link(wrong)


def test_a_link_whose_product_is_missing_moves_and_goes(db, tmp_path: Path):
    app = db.products.create(name="Chess", store="apple", vendor_identifier="chess")
    file, again = tmp_path / "records.jsonl", tmp_path / "again.jsonl"
    time = "2026-01-01T00:00:00Z"
    links = [
        {
            "collection": "product_links",
            "id": id,
            "created_at": time,
            "updated_at": time,
            "fields": {"group_id": 1},
        }
        for id in (1, 9)
    ]
    file.write_text("".join(json.dumps(link) + "\n" for link in links), encoding="utf-8")
    assert db.import_records(file) == 2
    assert db.products.group(app) == [app]
    db.export_records(file)
    with tillroll.open(tmp_path / "other.till") as other:
        assert other.import_records(file) == 3
        other.export_records(again)
        assert again.read_text(encoding="utf-8") == file.read_text(encoding="utf-8")
        other.products.unlink(9)
        with pytest.raises(tillroll.NotFoundError):
            other.products.unlink(9)
        assert other.export_records(again) == 1
        assert other.products.create(name="Go", store="apple", vendor_identifier="go").id == 10


def test_a_product_is_looked_up(db):
    asked = []

    def find(store, id_in_store):
        asked.append((store, id_in_store))
        return {"name": "Found", "vendor_identifier": id_in_store, "store": store}

    found = db.products.get_by_store("amazon", "B1", lookup=find)
    assert (found.name, asked) == ("Found", [("amazon_appstore", "B1")])
    assert db.products.get_by_store("amazon_appstore", "B1", lookup=find) == found
    assert len(asked) == 1
    with pytest.raises(tillroll.NotFoundError):
        db.products.get_by_store("apple", "2", lookup=lambda store, id_in_store: None)
    with pytest.raises(ZeroDivisionError):
        db.products.get_by_store("apple", "3", lookup=lambda store, id_in_store: 1 / 0)
    with pytest.raises(TypeError):
        db.products.get_by_store("apple", "4", lookup=lambda store, id_in_store: "no dict")
    release = threading.Event()

    def slow(store, id_in_store):
        release.wait(30)
        return {"name": "Late", "vendor_identifier": id_in_store, "store": store}

    with pytest.raises(tillroll.PendingError):
        db.products.get_by_store("apple", "5", lookup=slow, timeout=0.05)
    release.set()
    assert db.products.get_by_store("apple", "5", lookup=slow, timeout=30).name == "Late"
    with pytest.raises(ValueError, match="timeout"):
        db.products.get_by_store("apple", "6", lookup=slow, timeout=-1)


def test_hostile_text(db):
    for text in ("\ud800", "a\0b", "x" * 10_000_000):
        with pytest.raises(tillroll.ValidationError):
            db.accounts.create(name=text)
    assert len(db.accounts) == 0


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (Decimal("50").normalize(), "50"),
        (Decimal("0E-8"), "0"),
        (Decimal("1E+3"), "1000"),
        (1e-6, "0.000001"),
        (0.1, "0.1"),
        (7, "7"),
    ],
)
def test_amounts_need_no_plain_form(db, given, stored):
    assert db.gift_cards.create(balance=given).balance == Decimal(stored)


def test_amounts_beyond_all_are_refused(db):
    for given in (Decimal("1E+999999"), Decimal("NaN"), 1e300, Decimal("1E-9")):
        with pytest.raises(tillroll.ValidationError):
            db.gift_cards.create(balance=given)


def test_what_a_verb_gives_is_taken_back(db):
    prepare(db)
    campaign = db.campaigns.create(published=True)
    prices = db.campaigns.set_prices(campaign, [{"product_id": 4, "price": "39.99", "order_limit": 3}])
    assert db.campaigns.set_prices(campaign, prices) == prices
    db.campaigns.remove_price(campaign, prices[0])
    assert db.campaigns.prices(campaign) == []
    shown = db.categories.set_visibilities(1, [{"version_id": 1, "is_visible": True}])
    assert db.categories.set_visibilities(1, shown) == shown
    with pytest.raises(TypeError):
        db.campaigns.set_prices(campaign, [7])


def test_an_export_replaces_nothing_but_a_file(db, tmp_path: Path):
    db.accounts.create(name="Group")
    for path in (tmp_path, tmp_path / "shop.till" / "TILLROLL", tmp_path / "missing" / "x"):
        with pytest.raises((tillroll.FormatError, OSError)):
            db.export_records(path)
    (tmp_path / "out.jsonl.part").write_text("mine")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "out.jsonl")
    (tmp_path / "out.jsonl").write_text("old")
    assert db.export_records(tmp_path / "link.jsonl") == 1
    assert (tmp_path / "link.jsonl").is_symlink()
    assert json.loads((tmp_path / "out.jsonl").read_text())["collection"] == "accounts"
    assert (tmp_path / "out.jsonl.part").read_text() == "mine"
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"shop.till", "out.jsonl", "out.jsonl.part", "link.jsonl"}
