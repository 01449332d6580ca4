"""What the documentation of the module says, run."""

import doctest
import inspect
import re
import subprocess
import sys

import pytest
import tillroll
import tillroll.export
import tillroll.sync

REPORT = """\
Marketplace,Transaction ID,Transaction Time,Transaction Type,Vendor SKU,Title,Units,Marketplace Currency,\
Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)
Amazon.de,t1,2018-03-05 12:00:00,Charge,chess,Chess,1,EUR,1.99,1.39
Amazon.de,t1,2018-03-06 12:00:00,Refund,chess,Chess,1,EUR,1.99,-1.39
Amazon.com,t2,2018-03-06 12:00:00,Charge,coins,Coins,2,USD,9.98,6.98
Amazon.com,t3,2018-03-06 12:00:00,Charge,coins,Coins,many,USD,9.98,6.98
"""
ADA = {
    **{"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "login_allowed": True},
    **{"street_address": "12 Square", "postal_code": "W1", "city": "London", "country": "GB"},
    "external_id": "c-7",
}


def is_exception(thing):
    return isinstance(thing, type) and issubclass(thing, BaseException)


def documented():
    """Every public name of the module, and of its classes: what it is called, and the thing itself."""
    for name in tillroll.__all__:
        thing = getattr(tillroll, name)
        yield name, thing
        if isinstance(thing, type) and not is_exception(thing):
            for member, value in vars(thing).items():
                if not member.startswith("_"):
                    yield f"{name}.{member}", value


NAMES = {name: thing for name, thing in documented() if name != "__version__"}
# Attributes are shown by the examples of their class. Exceptions are raised by what has the examples.
WITH_EXAMPLES = {name: thing for name, thing in NAMES.items() if callable(thing) and not is_exception(thing)}


@pytest.fixture
def names(tmp_path):
    """What examples may use: a shop with one report, and a folder that goes with it."""
    report = tmp_path / "sales_2018_03.csv"
    report.write_text(REPORT)
    with tillroll.open(tmp_path / "shop.till") as db:
        account = db.external_accounts.create(nickname="Amazon apps", store="amazon")
        db.sales.import_reports(report, account=account)
        db.customers.create(**ADA)
        yield {
            **{"tillroll": tillroll, "db": db, "account": account, "folder": tmp_path, "report": report},
            # What Apple gives out as a file of this kind.
            "pem": "-----BEGIN PRIVATE KEY-----\nMIG...\n-----END PRIVATE KEY-----\n",
        }


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_do_what_they_say(name, names):
    parser = doctest.DocTestParser()
    text = inspect.getdoc(WITH_EXAMPLES[name])
    test = parser.get_doctest(text, names, name, None, None)
    assert test.examples, "has no example"
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    assert runner.run(test, out=said.append).failed == 0, "".join(said)


def test_examples_have_the_types_that_the_stubs_say(tmp_path):
    names = "db: tillroll.Db, account: tillroll.Record, folder: Path, report: Path, pem: str"
    text = ["from pathlib import Path", "import tillroll"]
    for number, thing in enumerate(WITH_EXAMPLES.values()):
        text.append(f"def example_{number}({names}) -> None:")
        for example in doctest.DocTestParser().get_examples(inspect.getdoc(thing)):
            text += [f"    {line}" for line in example.source.splitlines()]
    (tmp_path / "examples.py").write_text("\n".join(text))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache"]
    checked = subprocess.run([*command, tmp_path / "examples.py"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_documented(name):
    doc = inspect.getdoc(NAMES[name])
    assert doc
    # What a class or a method is, is told in a sentence.
    assert re.search(r"[.:]$", doc.split("\n\n")[0]), doc


def arguments_of(thing):
    found = inspect.signature(thing).parameters.values()
    return {str(one).split("=")[0].split(":")[0] for one in found} - {"self", "/", "$self"}


@pytest.mark.parametrize(
    "name", [name for name, thing in WITH_EXAMPLES.items() if not isinstance(thing, type)]
)
def test_every_argument_is_documented(name):
    thing, doc = WITH_EXAMPLES[name], inspect.getdoc(WITH_EXAMPLES[name])
    told = re.search(r"\nParameters\n-+\n(.*?)(\n\n[A-Z]|\Z)", doc, re.DOTALL)
    names = re.findall(r"^([*\w, ]+?)(?: : .*)?$", told[1], re.MULTILINE) if told else []
    assert {one.strip() for line in names for one in line.split(",")} == arguments_of(thing)


def test_sections_come_in_order():
    order = ["Parameters", "Returns", "Raises", "Examples"]
    for name, thing in NAMES.items():
        found = re.findall(r"^(\w+)\n-+$", inspect.getdoc(thing), re.MULTILINE)
        assert found == [section for section in order if section in found], name


@pytest.mark.parametrize("module", [tillroll.export, tillroll.sync])
def test_what_stands_beside_it_is_documented(module):
    for name in module.__all__:
        assert inspect.getdoc(getattr(module, name)), name
