"""The names that programs elsewhere are written against are there, as tests/names.toml lists them."""

import ast
import inspect
import operator
import tomllib
from pathlib import Path

import pytest
import tillroll
from tillroll.cli.app import app
from typer.main import get_command

NAMES = tomllib.loads((Path(__file__).parents[1] / "names.toml").read_text(encoding="utf-8"))
PYTHON, SALES = NAMES["python"], NAMES["python"]["sales"]
NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


def split(lines: list[str]) -> list[tuple[str, list[str]]]:
    """The two halves of `Owner: name name`."""
    return [(owner, names.split()) for owner, names in (line.split(":") for line in lines)]


def found(path: str):
    return operator.attrgetter(path)(tillroll)


def promised(signature: str) -> inspect.Signature:
    """The signature that a text says, as of a function."""
    name, parameters = signature.split("(", 1)
    (function,) = ast.parse(f"def {name.split('.')[-1]}({parameters}: ...").body
    space: dict = {}
    exec(compile(ast.Module([function], []), "names.toml", "exec"), space)
    return inspect.signature(space[function.name])


def alone(default):
    """A name, and a list of it alone, ask for the same."""
    return default[0] if isinstance(default, tuple) and len(default) == 1 else default


def of_fields(given: inspect.Parameter) -> bool:
    return given.kind is inspect.Parameter.VAR_KEYWORD


@pytest.mark.parametrize("signature", PYTHON["functions"])
def test_a_function_takes_what_callers_give_it(signature):
    there = inspect.signature(found(signature.split("(")[0])).parameters
    wanted = promised(signature).parameters
    given = [each for name, each in there.items() if name != "self"]
    for place, each in enumerate(wanted.values()):
        if of_fields(each):
            assert any(map(of_fields, given)), f"{signature} takes no fields"
        elif each.kind is inspect.Parameter.KEYWORD_ONLY:
            assert there[each.name].kind in NAMED
        else:
            assert given[place].name == each.name
            # What stands before `**fields` must not be a name that a field may have.
            allowed = {inspect.Parameter.POSITIONAL_ONLY} if any(map(of_fields, wanted.values())) else NAMED
            assert given[place].kind in allowed
        if each.default is not inspect.Parameter.empty:
            assert alone(there[each.name].default) == alone(each.default), each.name
    needed = [each.name for each in given if each.default is inspect.Parameter.empty and not of_fields(each)]
    assert needed == [
        each.name
        for each in wanted.values()
        if each.default is inspect.Parameter.empty and not of_fields(each)
    ], "what need not be given has a default"


@pytest.mark.parametrize(("owner", "names"), split(PYTHON["attributes"] + PYTHON["protocols"]))
def test_a_type_has_its_attributes(owner, names):
    there = dir(getattr(tillroll, owner))
    assert [name for name in names if name not in there] == []


@pytest.mark.parametrize(("exception", "bases"), split(PYTHON["exceptions"]))
def test_an_exception_is_caught_as_what_it_is(exception, bases):
    names = {base.__name__ for base in getattr(tillroll, exception).__mro__}
    assert set(bases) <= names
    assert getattr(tillroll, exception) in {getattr(tillroll, name) for name in tillroll.__all__}


def test_exceptions_tell_what_is_wrong(tmp_path, reports):
    told = dict(split(PYTHON["told"]))
    path = tmp_path / "sales_2018_03.csv"
    path.write_text("no report\n")
    with tillroll.open(tmp_path / "shop.till") as db:
        account = db.external_accounts.create(nickname="Amazon apps", store="amazon")
        with pytest.raises(tillroll.ValidationError) as invalid:
            db.external_accounts.create(nickname="Amazon apps")
        with pytest.raises(tillroll.FormatError) as unread:
            db.sales.import_reports(path, account=account.id)
    raised = {"ValidationError": invalid.value, "FormatError": unread.value}
    assert raised.keys() == told.keys()
    for name, error in raised.items():
        assert [part for part in told[name] if not hasattr(error, part)] == []


def test_the_module_has_its_constants():
    assert [name for name in PYTHON["constants"] if not isinstance(getattr(tillroll, name), str)] == []


@pytest.fixture(scope="module")
def db(tmp_path_factory, reports):
    folder = tmp_path_factory.mktemp("names")
    with tillroll.open(folder / "shop.till") as db:
        db.external_accounts.create(nickname="Amazon apps", store="amazon")
        path = reports.write(folder / "sales_2018_03.gz", reports.rows(20, 2018, 3))
        db.sales.import_reports(path, account=1)
        yield db


@pytest.mark.parametrize("axis", SALES["by"].split())
def test_a_report_groups_by_it(db, axis):
    assert db.sales.report(by=axis).columns == [axis, "units"]


@pytest.mark.parametrize("measure", SALES["measures"].split())
def test_a_report_measures_it(db, measure):
    by = ["currency", "earnings_currency"]
    assert db.sales.report(by=by, measures=measure).columns == [*by, measure]


@pytest.mark.parametrize("name", SALES["where"].split())
def test_rows_are_narrowed_down_by_it(db, name):
    values = {"account": 1, "product": 1, "include_inapps": True, "store": "amazon", "kind": "amazon-sales"}
    values |= {"type": "charge", "start": "2018-03-01", "end": "2018-04-01", "period": "2018-03"}
    where = {name: values.get(name, "EUR")} | ({"product": 1} if name == "include_inapps" else {})
    assert db.sales.report(**where).columns == ["units"]
    assert db.sales.scan(**where, columns=["units"]).columns == ["units"]


def test_rows_have_their_columns(db):
    wanted = SALES["columns"].split()
    assert db.sales.columns[: len(wanted)] == wanted
    sale = db.sales.get(next(iter(next(iter(db.sales.scan()))))["transaction_id"])[0]
    assert [name for name in wanted if not hasattr(sale, name)] == []
    assert db.sales.imports()[0].totals.columns == SALES["totals"].split()
    assert db.sales.rejects().columns == SALES["rejects"].split()


def command(name: str):
    return get_command(app).commands[name]


def choices_of(option) -> list[str]:
    annotation = option.type_descriptor.annotation
    return [each.value for each in annotation] if option.type_descriptor.is_choice else []


@pytest.mark.parametrize(("name", "usage"), NAMES["command_line"].items())
def test_a_command_takes_what_callers_give_it(name, usage):
    parameters = command(name).params
    arguments = [each for each in parameters if each.param_type_name == "argument"]
    options = {spelling: each for each in parameters for spelling in each.opts if spelling.startswith("--")}
    wanted = [word for word in usage.split() if not word.startswith("--")]
    shown = [each.make_metavar(None) if each.metavar is None else each.metavar for each in arguments]
    assert [word.strip("[]").removesuffix("...") for word in shown] == [
        word.strip("[]").removesuffix("...") for word in wanted
    ]
    assert [each.required for each in arguments] == [not word.startswith("[") for word in wanted]
    assert [each.nargs == -1 for each in arguments] == [word.endswith("...") for word in wanted]
    for word in usage.split():
        if word.startswith("--"):
            option, _, choices = word.partition("=")
            assert option in options
            assert set(choices.split(",")) <= {*choices_of(options[option]), ""}
