"""Records of all kinds, scopes, and records as lines of JSON."""

import json
from pathlib import Path

import pytest
import tillroll


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
