"""What is created from an example of the stores' own APIs reads back equal to it."""

import json
import os
import subprocess
import sys

import api_examples
import pytest
import tillroll


def plain(answer):
    if isinstance(answer, list):
        return [plain(one) for one in answer]
    return answer.to_dict() if isinstance(answer, tillroll.Record) else answer


@pytest.fixture
def face(db):
    def call(collection, verb, arguments):
        named = dict(arguments)
        # An id comes first and without its name.
        first = [named.pop("id")] if "id" in named and verb != "create" else []
        return plain(getattr(getattr(db, collection), verb)(*first, **named))

    yield api_examples.Face(call, db.import_records)
    assert db.check().ok


@pytest.mark.parametrize("one", api_examples.EXAMPLES, ids=api_examples.name)
def test_an_example_reads_back_as_it_was(face, one, tmp_path):
    face.answers(api_examples.of_today(one), tmp_path)


@pytest.mark.parametrize("one", api_examples.EXPIRED, ids=api_examples.name)
def test_an_example_that_has_expired_is_refused_for_its_day(db, one):
    with pytest.raises(tillroll.ValidationError) as refused:
        getattr(db, one["collection"]).create(**one["arguments"])
    assert refused.value.errors == api_examples.TOO_LATE
    assert len(getattr(db, one["collection"])) == 0


CREATING = """
import json, sys, tillroll
collection, fields = json.load(sys.stdin)
with tillroll.open(sys.argv[1]) as db:
    made = getattr(db, collection).create(**fields)
    print(json.dumps(getattr(db, collection).get(made.code).to_dict()))
"""


@pytest.mark.parametrize("one", api_examples.EXPIRED, ids=api_examples.name)
def test_an_expired_example_reads_back_as_it_was_at_its_time(one, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CREATING, tmp_path / "shop.till"],
        input=json.dumps([one["collection"], one["arguments"]]),
        env=os.environ | api_examples.at_its_time(one, tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    api_examples.assert_shows(json.loads(done.stdout), one.get("shows", one["arguments"]))


@pytest.mark.parametrize("one", [one for one in api_examples.EXAMPLES if "id" in one], ids=api_examples.name)
def test_an_example_comes_back_from_an_export(face, one, tmp_path):
    face.restores(one, tmp_path)
