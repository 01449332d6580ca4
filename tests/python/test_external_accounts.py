"""The first collection, and through it the machine that every collection has."""

import pytest
import tillroll


@pytest.fixture
def accounts(db):
    return db.external_accounts


def test_a_record_has_what_the_store_api_has(accounts):
    made = accounts.create(
        nickname="Amazon apps",
        username="me@example.com",
        password="p455w0rd!",
        store="amazon",
        auto_import=True,
    )
    assert made.nickname == "Amazon apps"
    assert made.username == "me@example.com"
    assert (made.store, made.store_id) == ("amazon", 3)
    assert made.auto_import is True
    assert made.metadata == {}
    assert isinstance(made.id, int)
    with pytest.raises(AttributeError):
        _ = made.no_such_field
    assert "nickname" in dir(made)
    assert "nickname='Amazon apps'" in repr(made)


def test_the_password_never_comes_out(accounts, db):
    made = accounts.create(nickname="a", store="amazon", password="p455w0rd!")
    shown = [
        repr(made),
        str(made.to_dict()),
        repr(accounts.get(made.id)),
        str(list(accounts.list())),
        str(db.stats()),
    ]
    assert not any("p455w0rd!" in text for text in shown)
    with pytest.raises(AttributeError):
        _ = made.password


def test_create_and_update_take_what_to_dict_gives(accounts):
    made = accounts.create(nickname="a", store="apple", metadata={"vendor_id": 85261205})
    assert made.metadata == {"vendor_id": 85261205}
    assert accounts.update(made.id, **made.to_dict()) == made
    again = accounts.create(**made.to_dict())
    assert again.id != made.id
    assert {**again.to_dict(), "id": made.id} == made.to_dict()


def test_update_changes_only_what_is_named(accounts):
    made = accounts.create(nickname="a", username="u", store="amazon")
    changed = accounts.update(made.id, nickname="b")
    assert {**changed.to_dict(), "nickname": "a"} == made.to_dict()
    assert accounts.get(made.id) == changed
    assert made.nickname == "a"
    with pytest.raises(tillroll.ValidationError):
        accounts.update(made.id, store="apple")


def test_dunders(accounts):
    made = accounts.create_many({"nickname": name, "store": "amazon"} for name in "abc")
    assert [record.nickname for record in made] == ["a", "b", "c"]
    assert len(accounts) == 3
    assert list(accounts) == made
    assert made[0].id in accounts
    assert str(made[0].id) in accounts
    assert 999 not in accounts
    assert None not in accounts
    assert "no id" not in accounts
    accounts.delete(made[1].id)
    assert list(accounts) == [made[0], made[2]]
    assert made[0] != made[2]


def test_iteration_goes_past_its_own_chunks(accounts):
    accounts.create_many({"nickname": str(index), "store": "amazon"} for index in range(600))
    ids = [record.id for record in accounts]
    assert len(ids) == 600
    assert ids == sorted(set(ids))


def test_create_many_is_all_or_nothing(accounts):
    with pytest.raises(tillroll.ValidationError):
        accounts.create_many([{"nickname": "a", "store": "amazon"}, {"nickname": "b", "store": "nowhere"}])
    assert len(accounts) == 0


def test_pages(accounts):
    accounts.create_many({"nickname": f"n{index}", "store": "amazon"} for index in range(7))
    page = accounts.list(page=2, page_size=3, sort="id-desc")
    assert [record.nickname for record in page] == ["n3", "n2", "n1"]
    assert page.data == list(page)
    assert (page.page, page.page_size, page.page_count, page.item_count, len(page)) == (2, 3, 3, 7, 3)
    assert [record.nickname for record in accounts.list(filter="eq(nickname,n4)")] == ["n4"]
    with pytest.raises(tillroll.ValidationError):
        accounts.list(sort="nonsense")


def test_other_spellings_of_a_store_are_taken(accounts):
    assert accounts.create(nickname="a", store="amazon_appstore").store == "amazon"
    assert accounts.create(nickname="b", store="apple", auto_import="true").auto_import is True


def test_faults_are_told_all_at_once(accounts):
    with pytest.raises(tillroll.ValidationError) as caught:
        accounts.create(store="nowhere")
    assert set(caught.value.errors) == {"nickname", "store"}
    assert all(isinstance(message, str) for messages in caught.value.errors.values() for message in messages)
    assert isinstance(caught.value, ValueError)


def test_what_is_not_there(accounts):
    for ask in [accounts.get, accounts.delete, accounts.update]:
        with pytest.raises(tillroll.NotFoundError) as caught:
            ask(12345)
        assert isinstance(caught.value, KeyError)
        assert "12345" in str(caught.value)
        assert not str(caught.value).startswith("'")


def test_values_that_are_no_json_are_faults_of_their_field(accounts):
    with pytest.raises(tillroll.ValidationError, match="nickname: cannot be of type object"):
        accounts.create(nickname=object(), store="amazon")
    with pytest.raises(tillroll.ValidationError, match="nickname: cannot be of type bytes"):
        accounts.create(nickname=b"bytes", store="amazon")
    with pytest.raises(ValueError, match="finite"):
        accounts.create(nickname=float("nan"), store="amazon")
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="deep"):
        accounts.create(nickname=loop, store="amazon")


def test_deleting_an_account_keeps_its_sales(db, accounts, reports, tmp_path):
    made = accounts.create(nickname="a", store="amazon")
    report = reports.write(tmp_path / "sales_2018_03.gz", reports.rows(10, 2018, 3))
    db.sales.import_reports(report, account=made)
    accounts.delete(made.id)
    assert len(db.sales) == 10
