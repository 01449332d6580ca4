"""The exception classes, and what they carry."""

import errno
import pickle

import pytest
import tillroll

KINDS = {
    "NotFoundError": KeyError,
    "ConflictError": Exception,
    "ValidationError": ValueError,
    "AccessError": PermissionError,
    "PendingError": Exception,
    "VaultError": Exception,
    "LockedError": Exception,
    "CorruptionError": Exception,
    "FormatError": Exception,
    "ClosedError": Exception,
}


@pytest.mark.parametrize(("name", "builtin"), KINDS.items())
def test_every_class_is_an_error_and_prints_its_message(name, builtin):
    cls = getattr(tillroll, name)
    assert issubclass(cls, tillroll.Error)
    assert issubclass(cls, builtin)
    assert (cls.__module__, cls.__name__) == ("tillroll", name)
    made = cls("what is wrong")
    assert str(made) == "what is wrong"
    assert made.summary is None
    assert str(pickle.loads(pickle.dumps(made))) == "what is wrong"


def test_attributes_stand_on_the_classes_too():
    assert tillroll.ValidationError("x").errors == {}
    assert (tillroll.FormatError("x").path, tillroll.FormatError("x").line) == (None, None)
    assert (tillroll.LockedError("x").path, tillroll.LockedError("x").pid) == (None, None)
    assert tillroll.ConflictError("x").field is None
    assert tillroll.CorruptionError("x").path is None


def test_a_missing_file_is_the_builtin_error_with_errno_and_name(db, account, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        db.sales.import_reports(tmp_path / "missing.gz", account=account)
    assert caught.value.errno == errno.ENOENT
    assert str(caught.value.filename).endswith("missing.gz")


def test_a_bad_file_is_named_with_its_line(db, account, tmp_path, reports):
    rows = reports.text(reports.rows(5, 2018, 3)).splitlines(keepends=True)
    rows[3] = rows[3].replace(rows[3].split(",")[0], '"' + "x" * (2 << 20) + '"')
    bad = reports.pack(tmp_path / "sales_2018_03.csv", "".join(rows).encode())
    with pytest.raises(tillroll.FormatError) as caught:
        db.sales.import_reports(bad, account=account)
    assert caught.value.path.endswith("sales_2018_03.csv")
    assert caught.value.line == 4
    assert "sales_2018_03.csv" in str(caught.value)


def test_damage_is_told_with_its_file(tmp_path, reports):
    path = tmp_path / "shop.till"
    with tillroll.open(path) as db:
        account = db.external_accounts.create(nickname="a", store="amazon")
        report = reports.write(tmp_path / "sales_2018_03.gz", reports.rows(200, 2018, 3))
        db.sales.import_reports(report, account=account)
    (roll,) = (path / "rolls").iterdir()
    content = bytearray(roll.read_bytes())
    for place in range(64, len(content), 64):
        content[place] ^= 0xFF
    roll.write_bytes(content)
    with pytest.raises(tillroll.CorruptionError) as caught, tillroll.open(path) as db:
        list(db.sales.scan())
    assert caught.value.path.endswith(roll.name)
