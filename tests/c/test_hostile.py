"""What nobody should give, through C: each is a fault with its field, and nothing of it is stored."""

import json

import api_examples
import pytest

VALIDATION = 120


@pytest.fixture(scope="module")
def shop(calls, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    calls.open(folder / "shop.till")
    api_examples.Face(calls.done, calls.import_records).fill(folder)
    before = stored(calls)
    yield calls
    assert stored(calls) == before
    assert calls("-", "check") == (0, {"ok": True, "problems": []})


def stored(calls):
    return {name: calls.done(name, "list", {"page_size": 1000}) for name in api_examples.COLLECTIONS}


def refused(calls, collection, verb, arguments) -> list[str]:
    code, faults = calls(collection, verb, arguments)
    assert code == VALIDATION, faults
    return list(faults)


@pytest.mark.parametrize(("collection", "path"), api_examples.TEXTS, ids=str)
def test_hostile_texts(shop, collection, path):
    for hostile in ("a\0b", "\0", "x" * 200_000):
        given = api_examples.changed(api_examples.example(collection), path, hostile)
        faults = refused(shop, collection, "create", given)
        assert any(name.startswith(path[0]) for name in faults), faults


@pytest.mark.parametrize("collection", api_examples.COLLECTIONS)
def test_numbers_of_any_size(shop, collection):
    for digits in ("18446744073709551616", "-" + "9" * 5_000, "1e400", "9" * 5_000 + ".5"):
        for name in api_examples.example(collection):
            if name == "store_id" or (collection, name) == ("accounts", "type"):
                continue
            given = json.dumps(api_examples.changed(api_examples.example(collection), (name,), "HERE"))
            code, told = shop.send(collection, "create", given.replace('"HERE"', digits).encode())
            assert (code, name in str(told)) == (VALIDATION, True), (name, digits[:9], told)


@pytest.mark.parametrize("collection", api_examples.COLLECTIONS)
def test_what_is_no_json(shop, collection):
    deep = b"[" * 1_000_000
    texts = [b"", b"{", b"nul", b'{"name": NaN}', b'{"name": "\\ud800"}', b'{"name": "\\udc00x"}', deep]
    texts += [deep + b"]" * 1_000_000, b'{"name": ' * 200_000, b"\xff", b'{"name": "\xed\xa0\x80"}', b"{} {}"]
    for text in texts:
        code, told = shop.send(collection, "create", text)
        assert (code != 0, b"json" in told) == (True, True), (text[:20], told)
    for text in (b"[]", b"7", b'"x"', b"true"):
        assert shop.send(collection, "create", text)[0] == VALIDATION
    assert refused(shop, collection, "create_many", {"records": [{"colour": 1}]})


@pytest.mark.parametrize("collection", api_examples.COLLECTIONS)
def test_queries_that_are_none(shop, collection):
    for page in api_examples.HOSTILE_PAGES:
        if page != 2**63:
            assert refused(shop, collection, "list", {"page": page}) == ["page"], page
    for size in api_examples.HOSTILE_SIZES:
        assert refused(shop, collection, "list", {"page_size": size}) == ["page_size"], size
    for filter in api_examples.HOSTILE_FILTERS:
        assert refused(shop, collection, "list", {"filter": filter}) == ["filter"], filter
    assert refused(shop, collection, "list", {"colour": 1}) == ["colour"]
    assert shop(collection, "get", {"id": "x" * 1_000_000})[0] != 0
