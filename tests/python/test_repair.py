"""Databases that are damaged, and put right."""

import json
import os
import shutil
import signal
import time
from threading import Thread

import pytest
import tillroll

EVERYTHING = {"by": ["month", "currency", "type"], "measures": ["rows", "units", "sales", "earnings"]}


@pytest.fixture
def stored(shop, tmp_path):
    """A database that nobody has open."""
    path = tmp_path / "shop.till"
    shop.db.backup(path)
    return path


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_healthy_database_is_left_alone(stored, tmp_path, command_line):
    report = tillroll.repair(stored)
    assert (report.ok, report.changed, bool(report)) == (True, False, True)
    assert repr(report) == "<RepairReport: nothing to repair>"
    assert report == tillroll.repair(str(stored))
    assert report.to_dict() == {
        "ok": True, "changed": False, "incomplete": False,
        "lost": [], "uncertain": [], "moved": [], "notes": [],
    }  # fmt: skip
    said = command_line("repair", stored)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == f"{stored}: there is nothing to repair\n"
    with pytest.raises(tillroll.NotFoundError):
        tillroll.repair(tmp_path / "none")
    with tillroll.open(stored), pytest.raises(tillroll.LockedError):
        tillroll.repair(stored)


def test_what_is_lost_has_a_name(shop, stored, command_line):
    expected = list(shop.db.sales.report(**EVERYTHING))
    rolls = sorted(stored.glob("rolls/*.roll"))
    for roll in rolls:
        roll.write_bytes(roll.read_bytes()[:100])
    (stored / "TILLROLL").unlink()
    with pytest.raises(tillroll.CorruptionError):
        tillroll.open(stored)
    again = stored.with_name("again.till")
    shutil.copytree(stored, again)
    report = tillroll.repair(stored)
    assert sorted(file.path for file in report.lost) == sorted(map(str, shop.paths))
    assert (report.ok, report.changed, report.uncertain) == (False, True, [])
    (file, *_) = report.lost
    assert (file.account, file.kind, len(file.sha256)) == (shop.account.id, "amazon-sales", 64)
    assert (file.path in repr(file), file.period in repr(file)) == (True, True)
    assert f"{len(shop.paths)} lost, 0 uncertain" in repr(report)
    assert {f"damaged/{roll.name}" for roll in rolls} < set(report.moved)
    told = json.loads((stored / "damaged" / "repair.json").read_text())
    assert told["lost"] == report.to_dict()["lost"]
    assert tillroll.check(stored).ok
    with tillroll.open(stored) as db:
        db.sales.import_reports([file.path for file in report.lost], account=shop.account.id)
        assert list(db.sales.report(**EVERYTHING)) == expected
        assert db.external_accounts.get(shop.account.id) == shop.account
    said = command_line("repair", again)
    assert said.returncode == 1
    assert all(f"lost: {path} (sha256 " in said.stdout for path in shop.paths)
    assert "to import again" in said.stderr


def test_what_can_be_rebuilt_is_and_the_command_says_so(shop, stored, command_line):
    (stored / "TILLROLL").write_text("noise")
    said = command_line("repair", stored)
    assert (said.returncode, said.stderr) == (0, "")
    assert "note: TILLROLL" in said.stdout
    assert "kept: damaged/TILLROLL" in said.stdout
    assert said.stdout.endswith("repaired; every report is there\n")
    with tillroll.open(stored, create=False) as db:
        assert len(db.sales) == len(shop.rows)


def test_without_a_journal_nothing_tells_what_was_deleted(shop, stored, command_line):
    shutil.rmtree(stored / "journal")
    said = command_line("repair", stored)
    assert said.returncode == 1
    assert said.stdout.count("uncertain: ") == len(shop.paths)
    with tillroll.open(stored, create=False) as db:
        assert list(db.sales.report(**EVERYTHING)) == list(shop.db.sales.report(**EVERYTHING))
        assert db.external_accounts.get(shop.account.id).nickname.startswith("Recovered account")


def test_a_damaged_commit_does_not_hide_those_behind_it(tmp_path, command_line):
    path = tmp_path / "shop.till"
    with tillroll.open(path) as db:
        for name in ["first", "second", "third"]:
            db.external_accounts.create(nickname=name, store="apple")
    journal = next(path.glob("journal/*.log"))
    flip(journal, journal.read_bytes().index(b"second"))
    again = path.with_name("again.till")
    shutil.copytree(path, again)
    report = tillroll.repair(path)
    assert (report.ok, report.incomplete, report.lost, report.uncertain) == (False, True, [], [])
    assert any("could not be read" in note for note in report.notes)
    assert "damaged/index" in report.moved
    assert "repaired, incomplete, 0 lost" in repr(report)
    said = command_line("repair", again)
    assert said.returncode == 1
    assert "every report" not in said.stdout
    assert "more is lost, or may be" in said.stderr
    with tillroll.open(path) as db:
        assert [account.nickname for account in db.external_accounts] == ["first", "third"]
        assert db.check().ok


@pytest.fixture
def heard():
    """Ctrl-C is heard, also where the tests were started in a way that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(reason="the repair waits at a pipe with a name", condition=not hasattr(os, "mkfifo"))
def test_ctrl_c_waits_for_the_repair(stored, heard):
    (stored / "LOCK").unlink()
    # It waits at this until somebody writes.
    pipe = stored / "rolls" / "000099.roll"
    os.mkfifo(pipe)
    done = []

    def interrupt():
        while not (stored / "LOCK").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        done.append("let go")
        with pipe.open("wb"):
            pipe.unlink()

    thread = Thread(target=interrupt, daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        tillroll.repair(stored)
    assert done == ["let go"]
    thread.join()


def test_what_is_no_path_is_refused():
    with pytest.raises(tillroll.ValidationError, match="path"):
        tillroll.repair("\ud800")
