"""A password that was given is found nowhere again, and nobody else may read the key that seals it."""

import base64
import logging
import os
import stat
import traceback
from pathlib import Path

import pytest
import tillroll

PASSWORD = "pl4nted-Passw0rd-7f3a91"
PASSPHRASE = "pl4nted-Passphr4se-5d0e6c"


def forms(secret):
    raw = secret.encode()
    yield from (raw, raw.hex().encode(), raw.hex().upper().encode(), raw[::-1])
    yield from (secret.encode("utf-16-le"), secret.encode("utf-16-be"))
    for shift in range(3):
        # Without the digits that depend on what stands beside it.
        yield base64.b64encode(bytes(shift) + raw)[4 if shift else 0 : -4]


FORMS = [form for secret in (PASSWORD, PASSPHRASE) for form in forms(secret)]


def assert_silent(what, text):
    content = text if isinstance(text, bytes) else str(text).encode()
    assert not [form for form in FORMS if form in content], what


def assert_files_are_silent(folder):
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert_silent(path, path.read_bytes())


def test_the_forms_are_found():
    for text in (PASSWORD, f"x{PASSPHRASE}", base64.b64encode(f"xx{PASSWORD}yy".encode()).decode()):
        with pytest.raises(AssertionError):
            assert_silent("planted", text)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_nothing_secret_is_shown_stored_or_logged(tmp_path, caplog, capfd, passphrase):
    caplog.set_level(logging.DEBUG)
    with tillroll.open(tmp_path / "shop.till", passphrase=passphrase) as db:
        accounts = db.external_accounts
        made = accounts.create(nickname="a", store="amazon", password=PASSWORD)
        shown = [made, made.to_dict(), vars(type(made)), dir(made), accounts, accounts.get(made.id)]
        shown += [list(accounts.list()), list(accounts), db, db.stats(), db.check()]
        for value in shown:
            assert_silent(type(value), repr(value))
            assert_silent(type(value), str(value))
        wrong = [
            {"nickname": "", "store": "amazon", "password": PASSWORD},
            {"nickname": "a", "store": "none", "password": PASSWORD},
            {"nickname": "a", "store": "amazon", "password": [PASSWORD]},
            {"nickname": "a", "store": "amazon", "password": {"is": PASSWORD}},
            {"nickname": "a", "store": "amazon", "password": PASSWORD.encode()},
            {"nickname": "a", "store": "amazon", "password": PASSWORD + "\0"},
            {"nickname": "a", "store": "amazon", "password": PASSWORD, "colour": object()},
        ]
        for fields in wrong:
            with pytest.raises((tillroll.Error, TypeError)) as told:
                accounts.create(**fields)
            assert_silent("an error", "".join(traceback.format_exception(told.value)))
            assert_silent("an error", repr(told.value))
            assert_silent("its fields", getattr(told.value, "errors", ""))
        db.backup(tmp_path / "copy.till")
        assert_files_are_silent(tmp_path)
        db.compact()
        db.set_passphrase(None if passphrase else PASSPHRASE)
    tillroll.restore(tmp_path / "copy.till", tmp_path / "restored.till")
    assert_files_are_silent(tmp_path)
    with pytest.raises(tillroll.VaultError) as told:
        tillroll.open(tmp_path / "restored.till", passphrase=PASSPHRASE + "-not")
    assert_silent("a wrong passphrase", told.value)
    assert_silent("the log", caplog.text)
    assert_silent("the streams", "".join(capfd.readouterr()))


@pytest.fixture
def lax_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="only there files have such permissions")
@pytest.mark.usefixtures("lax_umask")
def test_only_the_owner_reads_the_key_file_whatever_the_umask(tmp_path):
    def mode(name):
        return stat.S_IMODE((tmp_path / name / "vault.key").stat().st_mode)

    with tillroll.open(tmp_path / "shop.till") as db:
        db.external_accounts.create(nickname="a", store="amazon", password=PASSWORD)
        assert mode("shop.till") == 0o600
        db.backup(tmp_path / "copy.till")
        db.set_passphrase(PASSPHRASE)
        assert not (tmp_path / "shop.till" / "vault.key").exists()
        db.set_passphrase(None)
        assert mode("shop.till") == 0o600
    tillroll.restore(tmp_path / "copy.till", tmp_path / "restored.till")
    assert (mode("copy.till"), mode("restored.till")) == (0o600, 0o600)
    # A copy that somebody has made readable for all does not stay so in the next one.
    (tmp_path / "copy.till" / "vault.key").chmod(0o644)
    tillroll.restore(tmp_path / "copy.till", tmp_path / "again.till")
    assert mode("again.till") == 0o600
