"""`tillroll sync` and `tillroll credentials`, as people and timers run them."""

import json
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest
import store_server as server
import tillroll
from conftest import SCRIPT, environment
from store_server import AMAZON_ID, AMAZON_SECRET, Stores, packed

GIVEN = {"client_id": AMAZON_ID, "client_secret": AMAZON_SECRET}


def months(count):
    """The last months, oldest first."""
    today = datetime.now(UTC).date()
    index = today.year * 12 + today.month - 1
    return [f"{each // 12}-{each % 12 + 1:02}" for each in range(index - count + 1, index + 1)]


@pytest.fixture
def stores(reports):
    with Stores() as stores:
        for period in months(2):
            year, month = map(int, period.split("-"))
            stores.amazon[period] = packed(reports.text(reports.rows(20, year, month)), "gzip", "")
        yield stores


@pytest.fixture
def env(stores, tmp_path):
    urls = {f"TILLROLL_SYNC_{name.upper()}": url for name, url in stores.settings.items()}
    (tmp_path / "tmp").mkdir()
    return environment(**urls, TMPDIR=str(tmp_path / "tmp"))


@pytest.fixture
def shop(tmp_path, command_line):
    """A database with an account that imports by itself."""
    path = tmp_path / "shop.till"
    command = ["credentials", path, "--account", "Amazon apps", "--store", "amazon", "--file", "-"]
    done = command_line(*command, input=json.dumps(GIVEN))
    assert (done.returncode, done.stdout) == (0, "Amazon apps: credentials sealed, auto_import is on\n"), done
    return path


def test_a_first_and_a_second_sync(shop, stores, env, command_line):
    first, second = months(2)
    done = command_line("sync", shop, "--since", first, env=env)
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"Amazon apps: amazon-sales {period}: 20 rows" for period in (first, second)]
    assert lines[2].startswith("2 reports: 40 rows of 2 new or restated, 0 unchanged, 0 without sales, 0 not")
    again = command_line("sync", shop, "--since", first, "--account", "Amazon apps", env=env)
    assert again.stdout.splitlines()[0] == f"Amazon apps: amazon-sales {first}: unchanged"
    assert AMAZON_SECRET not in str((done, again))


def test_a_store_that_fails_is_told_and_exits_with_1(shop, stores, env, command_line):
    stores.fault("api", server.status(400, "Odd"))
    done = command_line("sync", shop, "--since", months(2)[0], env=env)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"tillroll: Amazon apps: amazon-sales {months(2)[0]}: Amazon answers 400 Odd",
        "tillroll: 1 report not had; the next sync asks again",
    ]


def test_what_is_lost_is_not_asked_for_again():
    from tillroll.cli.sync import _troubles
    from tillroll.sync import Outcome, SyncedReport, SyncSummary

    def told(*outcomes, left=0):
        reports = [SyncedReport(1, "A", "apple", "apple-sales", "2021-01-05", each) for each in outcomes]
        return _troubles(SyncSummary(reports, left))[len(reports) :]

    assert told(Outcome.LOST) == ["1 report lost; no sync asks again"]
    assert told(Outcome.LOST, Outcome.FAILED, left=2) == [
        "1 report not had, 2 not asked for after that; the next sync asks again",
        "1 report lost; no sync asks again",
    ]


def test_an_account_that_is_named_and_cannot_be_fetched_for(shop, env, command_line):
    with tillroll.open(shop) as db:
        db.external_accounts.create(nickname="Off", store="amazon")
        db.external_accounts.create(nickname="Bare", store="amazon", auto_import=True)
    for account, why in (("Off", "auto_import is off"), ("Bare", "has no credentials")):
        real = command_line("sync", shop, "--account", account, env=env)
        dry = command_line("sync", shop, "--account", account, "--dry-run", env=env)
        assert (dry.returncode, dry.stderr) == (real.returncode, real.stderr)
        assert dry.returncode == 2
        assert why in dry.stderr


def test_credentials_make_no_database_by_a_typo(tmp_path, command_line):
    nowhere = tmp_path / "typo.till"
    start = ["credentials", nowhere, "--account"]
    for rest, text in (
        (["A", "--file", "-"], json.dumps(GIVEN)),
        (["A", "--remove"], ""),
        (["A", "--remove", "--store", "amazon"], ""),
        (["A", "--store", "amazon", "--file", "-"], "no JSON"),
        (["A", "--store", "amazon", "--file", tmp_path / "none.json"], ""),
        (["A", "--store", "amazone", "--file", "-"], json.dumps(GIVEN)),
        (["7", "--store", "amazon", "--file", "-"], json.dumps(GIVEN)),
    ):
        done = command_line(*start, *rest, input=text)
        assert done.returncode in (1, 2), done
        assert "Traceback" not in done.stderr
        assert not nowhere.exists(), rest


def test_a_plan_opens_no_socket(shop, monkeypatch, capsys):
    import socket

    from tillroll.cli import main

    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    first, second = months(2)
    assert main(["sync", str(shop), "--dry-run", "--since", first]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"Amazon apps: amazon-sales {first}, absent",
        f"Amazon apps: amazon-sales {second}, absent",
        "2 reports to fetch",
    ]
    with tillroll.open(shop) as db:
        assert len(db.sales.imports()) == 0
        db.external_accounts.create(nickname="Second", store="apple", auto_import=True)
    assert main(["sync", str(shop), "--dry-run"]) == 0
    assert "Second: has no credentials" in capsys.readouterr().out


def test_a_database_in_use_says_so(shop, env, command_line):
    with tillroll.open(shop):
        done = command_line("sync", shop, env=env)
    assert done.returncode == 1
    assert "process" in done.stderr
    assert "Traceback" not in done.stderr


def test_again_and_again(shop, stores, env):
    command = [SCRIPT, "sync", str(shop), "--since", months(2)[0], "--every", "1s"]
    stores.fault("token", server.status(400, "{}"))
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        until = time.monotonic() + 60
        while len(stores.asked("token")) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "gives no token" in err
    assert out.count("unchanged, 0 without") >= 1
    with tillroll.open(shop) as db:
        assert len(db.sales) == 40


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--every", "often"], "--every 'often' is none like 24h"),
        (["--every", "0h"], "is none like 24h"),
        (["--since", "soon"], "soon"),
        (["--folder", ".", "--dry-run"], "--folder takes neither"),
    ],
)
def test_wrongly_asked(shop, command_line, arguments, told):
    done = command_line("sync", shop, *arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_an_account_that_is_not_there(shop, tmp_path, command_line):
    assert command_line("sync", shop, "--account", "None").returncode == 1
    assert command_line("sync", tmp_path / "none.till").returncode == 1
    assert not (tmp_path / "none.till").exists()


def test_credentials_with_a_passphrase(tmp_path, stores, env, command_line):
    path, phrase = tmp_path / "shop.till", "pl4nted-Passphr4se-5d0e6c"
    with tillroll.open(path, passphrase=phrase) as db:
        db.external_accounts.create(nickname="A", store="amazon")
    file = tmp_path / "given.json"
    file.write_text(json.dumps(GIVEN))
    refused = command_line("credentials", path, "--account", "A", "--file", file)
    assert refused.returncode == 1
    assert "passphrase" in refused.stderr
    env["TILLROLL_PASSPHRASE"] = phrase
    assert command_line("credentials", path, "--account", "A", "--file", file, env=env).returncode == 0
    (tmp_path / "phrase").write_text(f"{phrase}\n")
    del env["TILLROLL_PASSPHRASE"]
    asked = ["sync", path, "--since", months(1)[0]]
    assert "passphrase" in command_line(*asked, env=env).stderr
    assert command_line(*asked, "--passphrase-file", tmp_path / "phrase", env=env).returncode == 0
    gone = command_line("credentials", path, "--account", "A", "--remove")
    assert gone.stdout == "A: credentials forgotten, auto_import is off\n"
    with tillroll.open(path) as db:
        assert not db.external_accounts.has_credentials(1)
        assert not db.external_accounts.get(1).auto_import


def test_credentials_that_are_wrong_are_not_shown(shop, tmp_path, command_line):
    command = ["credentials", shop, "--account", "Amazon apps", "--file", "-"]
    for text in (
        f'{{"client_id": "{AMAZON_SECRET}"}}',
        f'"{AMAZON_SECRET}"',
        f"{AMAZON_SECRET} {{",
        f'{{"{AMAZON_SECRET}": 1}}',
    ):
        done = command_line(*command, input=text)
        assert done.returncode == 2
        assert AMAZON_SECRET not in done.stdout + done.stderr
    assert "no terminal to ask on" in command_line("credentials", shop, "--account", "1", input="").stderr
    done = command_line("credentials", shop, "--account", "Nobody", "--file", "-", input="{}")
    assert "with --store it is made" in done.stderr


@pytest.fixture
def mirror(tmp_path, reports):
    """What a bucket tool has mirrored: reports, what it has not finished, and what is none."""
    folder = tmp_path / "mirror"
    reports.write(folder / "amazon" / "sales_2018_03.gz", reports.rows(30, 2018, 3))
    reports.write(folder / "amazon" / "sales_2018_04.gz", reports.rows(30, 2018, 4))
    play = (
        "Order Number,Order Charged Date,Order Charged Timestamp,Financial Status,Device Model,Product Title,"
    )
    play += "Product ID,Product Type,SKU ID,Currency of Sale,Item Price,Taxes Collected,Charged Amount,"
    play += "City of Buyer,State of Buyer,Postal Code of Buyer,Country of Buyer\n"
    play += (
        "GPA.1111-2222-3333-44444,2018-03-05,1520251200,Charged,x,App,app,paidapp,,EUR,1.99,0.38,2.37,,,,DE\n"
    )
    reports.pack(folder / "play" / "salesreport_201803.zip", play.encode())
    (folder / "play" / "installs_201803.csv").write_text("Date,Package\n2018-03-01,app\n")
    (folder / "play" / "salesreport_201804.zip.gstmp").write_bytes(b"PK\3\4")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "sales_2018_05.gz").write_bytes(b"")
    return folder


def test_a_folder(mirror, tmp_path, reports, command_line):
    path = tmp_path / "shop.till"
    with tillroll.open(path) as db:
        db.external_accounts.create(nickname="Amazon apps", store="amazon")
        db.external_accounts.create(nickname="Android", store="google_play")
    done = command_line("sync", path, "--folder", mirror)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "Amazon apps: 2 files new or changed, 60 rows, 0 rejected; 0 unchanged",
            "Android: 1 file new or changed, 1 row, 0 rejected; 0 unchanged",
            "1 file passed over: no reports of sales or earnings",
        ],
    ), done
    reports.write(mirror / "amazon" / "sales_2018_04.gz", reports.rows(31, 2018, 4))
    (mirror / "amazon" / "sales_2018_06.gz").write_bytes(b"\x1f\x8bhalf")
    done = command_line("sync", path, "--folder", mirror, "--account", "Amazon apps")
    assert done.returncode == 1
    assert "1 file new or changed, 31 rows, 0 rejected; 1 unchanged" in done.stdout
    assert "sales_2018_06.gz" in done.stderr
    assert "1 file passed over: no reports of sales or earnings" in done.stdout
    assert "1 file passed over: reports of other stores" in done.stdout


def test_a_folder_of_several_accounts(mirror, tmp_path, command_line):
    path = tmp_path / "shop.till"
    with tillroll.open(path) as db:
        db.external_accounts.create(nickname="amazon", store="amazon")
        db.external_accounts.create(nickname="other", store="amazon")
    shutil.move(mirror / "amazon" / "sales_2018_04.gz", mirror / "sales_2018_04.gz")
    done = command_line("sync", path, "--folder", mirror)
    assert done.returncode == 1
    assert "amazon: 1 file new or changed, 30 rows" in done.stdout
    assert "may be that of the accounts 1 (amazon), 2 (other)" in done.stderr
    assert "there is no account at google_play" in done.stderr
    assert command_line("sync", path, "--folder", tmp_path / "nowhere").returncode == 1


def test_the_date_of_tomorrow_is_no_reason(shop, command_line, env):
    tomorrow = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    done = command_line("sync", shop, "--since", tomorrow, env=env)
    assert done.stdout.startswith("0 reports: 0 rows of 0 new or restated")
