"""Copies of a database, and databases that do not open."""

import pytest
import tillroll

EVERYTHING = {"by": ["month", "currency", "type"], "measures": ["rows", "units", "sales", "earnings"]}


def test_a_backup_is_the_database(shop, tmp_path):
    expected = list(shop.db.sales.report(**EVERYTHING))
    shop.db.backup(tmp_path / "copy")
    assert tillroll.check(tmp_path / "copy").ok
    tillroll.restore(str(tmp_path / "copy"), tmp_path / "restored.till")
    for path in [tmp_path / "copy", tmp_path / "restored.till"]:
        with tillroll.open(path, create=False) as db:
            assert list(db.sales.report(**EVERYTHING)) == expected
            assert db.external_accounts.get(shop.account.id) == shop.account
            assert db.check().ok


def test_a_backup_writes_over_nothing(db, tmp_path):
    with pytest.raises(tillroll.FormatError, match="lies in the database"):
        db.backup(db.path)
    tillroll.open(tmp_path / "taken.till").close()
    with pytest.raises(tillroll.ConflictError):
        db.backup(tmp_path / "taken.till")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(tillroll.FormatError, match=r"mine\.txt"):
        db.backup(tmp_path / "notes")
    with pytest.raises(tillroll.FormatError, match="lies in the database"):
        db.backup(db.path / "copy")
    with pytest.raises(tillroll.NotFoundError):
        tillroll.restore(tmp_path / "notes", tmp_path / "new")
    with pytest.raises(tillroll.NotFoundError):
        tillroll.check(tmp_path / "none")
    with pytest.raises(tillroll.LockedError):
        tillroll.check(db.path)
    with pytest.raises(tillroll.AccessError):
        db.restrict(["sales:read"]).backup(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_database_that_does_not_open_is_checked(tmp_path, command_line):
    path = tmp_path / "shop.till"
    with tillroll.open(path) as db:
        db.external_accounts.create(nickname="Amazon apps", store="amazon")
    journal = next(path.glob("journal/*.log"))
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 1
    journal.write_bytes(content)
    with pytest.raises(tillroll.CorruptionError):
        tillroll.open(path)
    (problem,) = tillroll.check(path).problems
    assert journal.name in problem
    said = command_line("check", path)
    assert (said.returncode, said.stdout) == (1, "")
    assert problem in said.stderr


def test_compacting_keeps_every_row(db, account, shop):
    for _ in range(2):
        for path in shop.paths:
            db.sales.import_reports([path], account=account, force=True)
    assert db.stats()["rolls"] > 1
    db.compact()
    assert list(db.sales.report(**EVERYTHING)) == list(shop.db.sales.report(**EVERYTHING))
    assert db.stats()["rolls"] == 1


def test_the_command_line_copies_both_ways(shop, tmp_path, command_line):
    copy, restored = tmp_path / "copy.till", tmp_path / "restored.till"
    shop.db.backup(tmp_path / "closed.till")
    for arguments in [("backup", tmp_path / "closed.till", copy), ("restore", copy, restored)]:
        said = command_line(*arguments)
        assert (said.returncode, said.stderr) == (0, "")
        assert "checked" in said.stdout
    again = command_line("restore", copy, restored)
    assert again.returncode == 1
    assert "is a database already" in again.stderr
    with tillroll.open(restored, create=False) as db:
        assert len(db.sales) == len(shop.rows)
