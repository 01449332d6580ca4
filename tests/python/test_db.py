"""Opening, closing, and what a handle tells."""

import subprocess
import sys
from pathlib import Path

import pytest
import tillroll


def test_a_database_is_made_kept_and_opened_again(tmp_path):
    path = tmp_path / "shop.till"
    with tillroll.open(path) as db:
        assert db.path == path
        made = db.external_accounts.create(nickname="Amazon apps", store="amazon")
    with tillroll.open(str(path)) as db:
        assert db.external_accounts.get(made.id) == made
        assert len(db.sales) == 0
        assert db.sales


def test_a_closed_database_says_so_whatever_is_asked(tmp_path):
    db = tillroll.open(tmp_path / "shop.till")
    accounts, sales = db.external_accounts, db.sales
    db.close()
    db.close()
    asked = [
        lambda: accounts.get(1),
        lambda: accounts.create(nickname="x", store="amazon"),
        lambda: accounts.list(),
        lambda: list(accounts),
        lambda: len(accounts),
        lambda: 1 in accounts,
        lambda: sales.get("1"),
        lambda: sales.report(),
        lambda: sales.scan(),
        lambda: sales.imports(),
        lambda: len(sales),
        lambda: db.stats(),
        lambda: db.__enter__(),
    ]
    for ask in asked:
        with pytest.raises(tillroll.ClosedError):
            ask()
    assert "closed" in repr(db)


def test_closing_at_the_end_of_with_also_after_an_exception(tmp_path):
    with pytest.raises(ZeroDivisionError), tillroll.open(tmp_path / "shop.till") as db:
        raise ZeroDivisionError
    with pytest.raises(tillroll.ClosedError):
        db.stats()
    tillroll.open(tmp_path / "shop.till").close()


def test_create_false_makes_nothing(tmp_path):
    with pytest.raises((OSError, tillroll.NotFoundError)):
        tillroll.open(tmp_path / "missing.till", create=False)
    assert not (tmp_path / "missing.till").exists()


def test_read_only_reads_and_writes_nothing(tmp_path, reports):
    path = tmp_path / "shop.till"
    with tillroll.open(path) as db:
        made = db.external_accounts.create(nickname="Amazon apps", store="amazon")
        report = reports.write(tmp_path / "sales_2018_03.gz", reports.rows(20, 2018, 3))
        db.sales.import_reports(report, account=made)
    before = sorted((file, file.stat().st_mtime_ns) for file in path.rglob("*"))
    with tillroll.open(path, read_only=True) as db:
        assert db.external_accounts.get(made.id) == made
        assert list(db.sales.report(measures="rows")) == [{"rows": 20}]
        with pytest.raises(tillroll.AccessError) as caught:
            db.external_accounts.create(nickname="x", store="amazon")
        assert isinstance(caught.value, PermissionError)
        with pytest.raises(tillroll.AccessError):
            db.sales.import_reports(report, account=made, force=True)
    assert sorted((file, file.stat().st_mtime_ns) for file in path.rglob("*")) == before


def test_a_second_process_is_told_who_holds_the_database(tmp_path):
    path = tmp_path / "shop.till"
    script = (
        "import sys, tillroll; db = tillroll.open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(tillroll.LockedError) as caught:
            tillroll.open(path)
        assert caught.value.pid == holder.pid
        assert str(holder.pid) in str(caught.value)
        holder.stdin.close()
    tillroll.open(path).close()


def test_a_wrong_passphrase_is_told_at_open_and_a_new_one_serves(tmp_path):
    path = tmp_path / "shop.till"
    with tillroll.open(path, passphrase="first") as db:
        db.external_accounts.create(nickname="a", store="amazon", password="p455w0rd!")
        db.set_passphrase("second")
    with pytest.raises(tillroll.VaultError):
        tillroll.open(path, passphrase="first")
    tillroll.open(path, passphrase="second").close()
    with tillroll.open(path) as db, pytest.raises(tillroll.VaultError):
        db.external_accounts.create(nickname="b", store="amazon", password="p455w0rd!")


def test_check_and_stats(shop):
    report = shop.db.check()
    assert report.ok
    assert report.problems == []
    assert isinstance(shop.db.stats(), dict)
    assert shop.db.stats()


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"threads": -1}, {"cache_bytes": -1}])
def test_numbers_that_make_no_sense_are_refused(tmp_path, wrong):
    with pytest.raises(tillroll.ValidationError) as caught:
        tillroll.open(tmp_path / "shop.till", **wrong)
    assert set(caught.value.errors) == set(wrong)


def test_a_path_that_is_a_file_is_an_os_error(tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    with pytest.raises((OSError, tillroll.FormatError)):
        tillroll.open(file)
    assert file.read_text() == "text"


def test_the_package_names_what_the_module_has():
    from tillroll import _tillroll

    assert sorted(tillroll.__all__) == sorted(_tillroll.__all__)
    assert all(getattr(tillroll, name).__doc__ for name in tillroll.__all__ if name != "__version__")
    assert (Path(tillroll.__file__).parent / "py.typed").exists()


def test_methods_explain_themselves():
    classes = [
        getattr(tillroll, name) for name in tillroll.__all__ if isinstance(getattr(tillroll, name), type)
    ]
    own = [member for cls in classes for name, member in vars(cls).items() if not name.startswith("_")]
    assert len(own) > 50
    missing = [member for member in own if callable(member) and not member.__doc__]
    assert missing == []
