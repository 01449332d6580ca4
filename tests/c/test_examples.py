"""The examples of the stores' own APIs through C."""

import api_examples
import pytest

VALIDATION = 120


@pytest.fixture
def face(calls, tmp_path):
    calls.open(tmp_path / "shop.till")
    yield api_examples.Face(calls.done, calls.import_records)
    assert calls("-", "check") == (0, {"ok": True, "problems": []})


@pytest.mark.parametrize("one", api_examples.EXAMPLES, ids=api_examples.name)
def test_an_example_reads_back_as_it_was_and_begins_with_its_id(face, calls, one, tmp_path):
    face.answers(api_examples.of_today(one), tmp_path)
    # As the header promises, so that a program without a JSON library can read it.
    code, told = calls.send(one["collection"], "list", b"{}")
    assert code == 0
    assert told.startswith(b'{"data":[{"id":') or one["collection"] == "gift_cards"


@pytest.mark.parametrize("one", api_examples.EXPIRED, ids=api_examples.name)
def test_an_example_that_has_expired_is_refused_for_its_day(face, calls, one):
    code, faults = calls(one["collection"], "create", one["arguments"])
    assert (code, faults) == (VALIDATION, api_examples.TOO_LATE)
    assert calls.done(one["collection"], "count", {}) == 0


@pytest.mark.parametrize("one", api_examples.EXPIRED, ids=api_examples.name)
def test_an_expired_example_reads_back_as_it_was_at_its_time(calls_at, one, tmp_path):
    with calls_at(api_examples.at_its_time(one, tmp_path)) as calls:
        calls.open(tmp_path / "shop.till")
        api_examples.Face(calls.done, calls.import_records).answers(one, tmp_path)


@pytest.mark.parametrize("one", [one for one in api_examples.EXAMPLES if "id" in one], ids=api_examples.name)
def test_an_example_comes_back_from_an_export(face, one, tmp_path):
    face.restores(one, tmp_path)
