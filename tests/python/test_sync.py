"""Reports fetch themselves: against servers written from the stores' documents."""

import base64
import logging
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

import pytest
import store_server as server
import tillroll
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from store_server import AMAZON_ID, AMAZON_SECRET, Stores, packed
from tillroll.sync import Settings, StoreError
from tillroll.sync.amazon import Amazon
from tillroll.sync.container import fault
from tillroll.sync.http import Client
from tillroll.sync.limiter import Limiter

BY = ["month", "marketplace", "currency", "sku", "type"]
MEASURES = ["rows", "units", "sales", "earnings"]
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
PEM = PRIVATE_KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
APPLE_HEADER = (
    "Provider\tProvider Country\tSKU\tDeveloper\tTitle\tVersion\tProduct Type Identifier\tUnits"
    "\tDeveloper Proceeds\tBegin Date\tEnd Date\tCustomer Currency\tCountry Code\tCurrency of Proceeds"
    "\tApple Identifier\tCustomer Price\tPromo Code\tParent Identifier\tSubscription\tPeriod\tCategory\tCMB"
)


class Time:
    """Time that passes as fast as it is waited for."""

    def __init__(self):
        self.skipped = 0.0
        self.pauses = []

    def clock(self):
        return time.monotonic() + self.skipped

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.skipped += seconds


def month(back):
    """A month so many before this one."""
    today = datetime.now(UTC).date().replace(day=1)
    index = today.year * 12 + today.month - 1 - back
    return date(index // 12, index % 12 + 1, 1)


def name(day):
    return f"{day:%Y-%m}"


class Publisher:
    """Stores with books, and a database that is to agree with them."""

    def __init__(self, stores, path, reports):
        self.stores, self.reports, self.time = stores, reports, Time()
        self.rows = {}
        self.apple_rows = {}
        self.stores.clock = self.time.clock
        self.stores.public_key = PRIVATE_KEY.public_key()
        self.db = tillroll.open(path)
        accounts = self.db.external_accounts
        self.amazon = accounts.create(nickname="Amazon apps", store="amazon", auto_import=True)
        accounts.set_credentials(self.amazon, {"client_id": AMAZON_ID, "client_secret": AMAZON_SECRET})

    def add_apple(self):
        accounts = self.db.external_accounts
        apple = {"vendor_id": 85261205}
        self.apple = accounts.create(nickname="iOS", store="apple", auto_import=True, metadata=apple)
        key = {"key_id": "2X9R4HXF34", "issuer_id": "69a6de70-iss-uer", "private_key": PEM}
        accounts.set_credentials(self.apple, key)

    def sell(self, day, count=25, how="gzip", seed=1):
        """A month's books at Amazon; no rows for a count of 0, and no report for None."""
        rows = self.reports.rows(count, day.year, day.month, seed) if count else []
        self.rows[name(day)] = rows
        text = self.reports.text(rows)
        inner = f"sales-{name(day)}-00000.csv"
        self.stores.amazon[name(day)] = None if count is None else packed(text, how, inner)

    def sell_apple(self, day, units):
        """A day's books at Apple: so many units at 1.99, of which 1.40 are paid out."""
        self.apple_rows[day] = units
        answer = (404, server.NO_SALES)
        if units:
            us = f"{day:%m/%d/%Y}"
            cells = ["APPLE", "US", "app", "We", "App", "1.0", "1", str(units), "1.40", us, us, "USD", "US"]
            line = "\t".join([*cells, "USD", "7", "1.99", " ", " ", " ", " ", "Games", " "])
            answer = f"{APPLE_HEADER}\n{line}\n".encode()
        self.stores.apple["DAILY", day.isoformat()] = answer

    def settings(self, **changes):
        given = {"clock": self.time.clock, "sleep": self.time.sleep, **self.stores.settings}
        return Settings(**(given | changes))

    def sync(self, *arguments, settings=None, **named):
        return self.db.sync(*arguments, settings=settings or self.settings(), **named)

    def assert_books_agree(self):
        rows = [row for rows in self.rows.values() for row in rows]
        asked = {"by": BY, "measures": MEASURES, "account": self.amazon.id}
        assert list(self.db.sales.report(**asked)) == self.reports.sums(rows, BY, MEASURES)
        if not self.apple_rows:
            return
        found = self.db.sales.report(by="day", measures=MEASURES, account=self.apple.id, currency="USD")
        expected = [
            {"day": day, "rows": 1, "units": n, "sales": n * Decimal("1.99"), "earnings": n * Decimal("1.40")}
            for day, n in sorted(self.apple_rows.items())
            if n
        ]
        assert list(found) == expected

    def outcomes(self, summary):
        return {(each.store, each.period): each.outcome for each in summary}


@pytest.fixture(autouse=True)
def downloads(tmp_path, monkeypatch):
    """A temporary directory of its own, for children too: what is left there is this test's."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.fixture
def stores():
    with Stores() as stores:
        yield stores


@pytest.fixture
def publisher(stores, tmp_path, reports):
    publisher = Publisher(stores, tmp_path / "shop.till", reports)
    yield publisher
    publisher.db.close()


@pytest.fixture
def recent(publisher):
    """Sold in the last four months alone, and nothing before."""
    for back in range(4):
        publisher.sell(month(back))
    publisher.since = month(3)
    return publisher


def test_three_years_of_amazon_and_one_of_apple(publisher):
    stores = publisher.stores
    publisher.add_apple()
    forms = cycle([str, '"{}"'.format, '{{"url": "{}"}}'.format, '{{"downloadUrl": "{}"}}'.format])
    publisher.stores.link_form = lambda link: next(forms)(link)
    empty = {5, 17, 30}
    for back in range(36):
        how = ["gzip", "zip", "plain"][back % 3]
        publisher.sell(month(back), None if back in empty else 0 if back == 20 else 25, how)
    today = datetime.now(UTC).date()
    for back in range(1, 366):
        publisher.sell_apple(today - timedelta(days=back), 0 if back % 9 == 0 else back % 50 + 1)
    stores.fault("token", server.status(503))
    stores.fault("api", *[lambda _: False] * 4, server.status(429, Retry_After="7"), server.revoke)
    stores.fault("api", server.hang_up, server.status(500, "<html>"))
    stores.fault("files", server.cut(), server.expire, server.status(503), server.wrong_kind)
    stores.fault("files", server.unmeasured(), lambda _: False, server.unmeasured(0.7), server.chunked(0.4))
    stores.fault("files", server.slow(0.02), server.chunked())
    stores.fault("apple", *[lambda _: False] * 5, server.status(429), server.status(502), server.hang_up)

    first = publisher.sync()
    assert first.ok, first
    publisher.assert_books_agree()
    assert 7 in publisher.time.pauses
    outcomes = publisher.outcomes(first)
    months = (today.year - 2018) * 12 + today.month
    assert len(first.reports) == months + 365
    for back in (*empty, 20, 40):
        assert outcomes["amazon", name(month(back))] == "empty"
    assert publisher.db.sales.gaps(publisher.amazon, "amazon-sales", "2018-01", name(month(0))) == []
    start = (today - timedelta(days=365)).isoformat()
    assert publisher.db.sales.gaps(publisher.apple, "apple-sales", start, today.isoformat()) == []

    stores.seen.clear()
    second = publisher.sync()
    assert second.ok
    assert second.rows == 0
    assert stores.fetched_months() == [name(month(1)), name(month(0))]
    days = [(today - timedelta(days=back)).isoformat() for back in (3, 2, 1)]
    assert [each.path.partition("reportDate%5D=")[2] for each in stores.asked("apple")] == days
    publisher.assert_books_agree()

    stores.seen.clear()
    publisher.sell(month(1), 40, seed=2)
    publisher.sell_apple(today - timedelta(days=2), 77)
    before = {(each.account, each.period): each.sha256 for each in publisher.db.sales.imports()}
    third = publisher.sync()
    changed = {each.period for each in third if each.outcome == "replaced"}
    assert changed == {name(month(1)), (today - timedelta(days=2)).isoformat()}
    after = {(each.account, each.period): each.sha256 for each in publisher.db.sales.imports()}
    assert {
        period for (account, period) in after if after[account, period] != before[account, period]
    } == changed
    publisher.assert_books_agree()
    assert publisher.db.check().ok


def test_as_time_goes_on(recent):
    """Months are asked for until they are final, a month that runs until it is there, and all of it once."""
    stores = recent.stores
    stores.amazon[name(month(0))] = None
    recent.rows[name(month(0))] = []
    first = recent.sync(since=recent.since)
    assert recent.outcomes(first)["amazon", name(month(0))] == "waiting"
    assert recent.db.sales.period_state(recent.amazon, "amazon-sales", name(month(0))) == "absent"
    # A month on: the month before this one is looked at once more and is final.
    later = datetime.combine(month(-1), datetime.min.time(), UTC) + timedelta(days=9)
    recent.sell(month(0), 30)
    stores.seen.clear()
    second = recent.sync(since=recent.since, now=later)
    outcomes = recent.outcomes(second)
    assert outcomes["amazon", name(month(0))] == "new"
    assert outcomes["amazon", name(month(1))] == "unchanged"
    stores.seen.clear()
    recent.sync(since=recent.since, now=later)
    assert name(month(1)) not in stores.fetched_months()
    assert name(month(0)) in stores.fetched_months()
    recent.assert_books_agree()
    # What the store has no more is kept.
    stores.amazon[name(month(0))] = None
    third = recent.sync(since=recent.since, now=later)
    assert recent.outcomes(third)["amazon", name(month(0))] == "kept"
    recent.assert_books_agree()


def test_at_most_three_requests_a_second_as_the_store_sees_it(recent):
    recent.stores.link_form = str
    done = recent.sync(since=recent.since, settings=Settings(**recent.stores.settings))
    times = [each.at for each in recent.stores.seen]
    assert done.ok
    assert len(times) == done.requests == 9
    windows = [later - earlier for earlier, later in zip(times, times[3:], strict=False)]
    assert min(windows) >= 1.0, windows
    assert max(windows) < 3, "and is not much slower than it must be"


def test_a_limiter_counts_from_the_answer():
    at = [0.0]
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        at[0] += seconds / 2

    limiter = Limiter(lambda: at[0], sleep)
    for _ in range(3):
        limiter.wait(3)
        at[0] += 0.25
        limiter.answered()
    limiter.wait(3)
    # The first was answered at 0.25; a sleep that ends early is gone on with.
    assert at[0] >= 1.25 - 1e-9
    assert len(waits) > 1


def test_all_syncs_share_the_limit_of_a_store(recent, tmp_path):
    times = []
    for _ in range(2):
        done = recent.sync(since=month(0), settings=Settings(**recent.stores.settings))
        assert done.requests >= 2
    times = [each.at for each in recent.stores.seen]
    windows = [later - earlier for earlier, later in zip(times, times[3:], strict=False)]
    assert min(windows) >= 1.0, windows


def test_places_that_nobody_answered_are_taken():
    at = [0.0]
    limiter = Limiter(lambda: at[0], lambda seconds: at.__setitem__(0, at[0] + seconds) or limiter.answered())
    for _ in range(3):
        limiter.wait(3)
    limiter.wait(1)
    assert at[0] >= 1.05


def test_tokens_and_links_end(recent):
    stores = recent.stores
    stores.token_seconds = 61
    stores.fault("api", lambda _: False, server.revoke)
    stores.fault("files", server.expire, server.expire)
    # A token that has less than a minute left is not used; this one is used for a second.
    assert recent.sync(since=recent.since).ok
    assert len(stores.asked("token")) >= 3
    recent.assert_books_agree()
    for seen in stores.asked("files"):
        assert "Authorization" not in seen.headers


def test_a_token_is_used_again(recent):
    assert recent.sync(since=recent.since).ok
    assert len(recent.stores.asked("token")) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (server.status(429), "429, too many requests"),
        (server.status(503), "503, not available"),
        (server.hang_up, "broke off"),
    ],
    ids=["busy", "down", "silent"],
)
def test_a_store_that_stays_down_is_left_alone(recent, fault, told):
    recent.stores.fault("api", *[fault] * 100)
    done = recent.sync(since=recent.since)
    assert not done.ok
    assert [each.outcome for each in done] == ["failed", "failed"]
    assert done.left == 2
    assert told in done.failures[0].message
    assert len(recent.stores.asked("api")) == 2 * recent.settings().attempts_max
    assert len(recent.db.sales) == 0
    recent.stores.faults.clear()
    assert recent.sync(since=recent.since).ok
    recent.assert_books_agree()


def test_patience_has_a_bound(recent):
    at = (datetime.now(UTC) + timedelta(hours=3)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    recent.stores.fault("token", server.status(503, Retry_After="0"))
    recent.stores.fault("api", server.status(429, Retry_After="20"), server.status(429, Retry_After=at))
    done = recent.sync(since=recent.since)
    assert 0.5 <= recent.time.pauses[0] <= 1
    assert 20 in recent.time.pauses
    assert max(recent.time.pauses) <= 300
    assert [each.outcome for each in done] == ["failed", "new", "new", "new"]
    assert "asks to come back in 10," in done.failures[0].message


@pytest.mark.parametrize(
    "fault", [server.cut(0.9), server.chunked(0.9), server.unmeasured(0.5), server.status(500)], ids=str
)
def test_nothing_half_is_stored(recent, fault):
    recent.stores.fault("files", *[fault] * 6)
    done = recent.sync(since=recent.since)
    assert [each.outcome for each in done] == ["failed", "new", "new", "new"]
    assert recent.db.sales.period_state(recent.amazon, "amazon-sales", name(recent.since)) == "absent"
    assert recent.sync(since=recent.since).ok
    recent.assert_books_agree()


def test_plain_text_without_a_length_is_not_believed(recent):
    recent.sell(recent.since, how="plain")
    recent.stores.fault("files", *[server.unmeasured()] * 6)
    done = recent.sync(since=recent.since)
    assert done.failures[0].message == "Amazon: the answer broke off"


def test_a_slow_body_has_a_bound(recent):
    recent.stores.fault("files", server.slow(0.3, 10))
    settings = recent.settings(read_seconds_max=0.15, attempts_max=2)
    assert recent.sync(since=recent.since, settings=settings).ok
    recent.stores.fault("files", server.slow(0.1, 30), server.slow(0.1, 30))
    recent.sell(month(0), seed=9)
    settings = recent.settings(answer_seconds_max=0.5, attempts_max=2)
    done = recent.sync(since=month(0), settings=settings)
    assert [each.message for each in done.failures] == ["Amazon: no answer in time"]


def test_sizes_have_a_bound(recent):
    done = recent.sync(since=recent.since, settings=recent.settings(report_bytes_max=100))
    assert {each.message for each in done} == {"Amazon: the report is larger than 100 bytes"}
    recent.stores.fault("api", *[server.status(200, "x" * 100_000)] * 4)
    done = recent.sync(since=recent.since)
    assert {each.message for each in done} == {"Amazon: its answer is longer than any should be"}
    assert len(recent.db.sales) == 0


def test_what_is_no_report_is_refused(recent):
    recent.stores.fault("files", server.status(200, "<html><body>Sign in</body></html>"))
    recent.stores.fault("api", lambda _: False, server.status(200, "http://example.invalid/report"))
    done = recent.sync(since=recent.since)
    first, second, *others = done.reports
    assert first.outcome == second.outcome == "failed"
    assert second.message == "Amazon's answer is no link to a report"
    assert [each.outcome for each in others] == ["new", "new"]
    wrong = month(2)
    recent.stores.amazon[name(recent.since)] = recent.stores.amazon[name(wrong)]
    done = recent.sync(since=recent.since)
    assert done.reports[0].outcome == "failed"
    assert recent.db.sales.period_state(recent.amazon, "amazon-sales", name(recent.since)) == "absent"


def test_a_404_without_the_words_says_nothing_of_sales(recent):
    found = "<html>404 Not Found</html>"
    recent.stores.fault("api", server.status(404, found), server.status(404, "Report not found"))
    done = recent.sync(since=recent.since)
    assert [each.outcome for each in done] == ["failed", "empty", "new", "new"]
    assert done.failures[0].message == f"Amazon answers 404 {found}"
    assert recent.db.sales.period_state(recent.amazon, "amazon-sales", name(recent.since)) == "absent"


def test_a_restated_report_without_rows_takes_none_away(recent):
    assert recent.sync(since=recent.since).ok
    recent.stores.amazon[name(month(0))] = packed(recent.reports.text([]), "gzip", "")
    recent.stores.amazon[name(month(1))] = packed(
        recent.reports.text([]), "zip", f"sales-{name(month(1))}.csv"
    )
    done = recent.sync(since=recent.since)
    assert [each.outcome for each in done] == ["failed", "failed"]
    assert {each.message for each in done} == {
        "the report that came has no rows, and others are stored: they stay"
    }
    recent.assert_books_agree()


@pytest.mark.parametrize("rows", [20, 0])
def test_what_is_of_another_period_is_not_stored(recent, rows):
    asked, other = month(1), month(0)
    text = recent.reports.text(recent.reports.rows(rows, other.year, other.month) if rows else [])
    recent.stores.amazon[name(asked)] = packed(text, "zip", f"sales-{name(other)}-00000.csv")
    recent.stores.amazon[name(other)] = None
    done = recent.sync(since=asked)
    assert [each.outcome for each in done] == ["failed", "waiting"]
    assert done.failures[0].message == (
        f"the file that came is of another period than {name(asked)}: {name(other)}"
    )
    assert recent.db.sales.imports() == []


def encrypted(handler):
    body = bytearray(packed("a,b\n", "zip", "sales.csv"))
    at = body.index(b"PK\1\2")
    body[6], body[at + 8] = 1, 1
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(bytes(body))
    handler.hang_up()
    return True


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("token", server.status(400, '{"error": {"code": 1}}')),
        ("token", server.status(400, '{"error": ["invalid_client"]}')),
        ("token", server.status(200, '{"access_token": "t", "expires_in": 1' + "0" * 400 + "}")),
        ("token", server.status(200, "[" * 60_000)),
        ("api", server.status(200, "{" + '"a":[' * 10_000)),
        ("api", server.status(302, "", Location="https://h:abc/")),
        ("api", server.status(302, "", Location="https://[h/")),
        ("api", server.status(200, "https://h:abc/")),
        ("files", server.status(302, "", Location="http://h:abc/")),
        ("files", server.status(503, "", Retry_After="Mon, 01 Jan 0001 00:00:00 -0000")),
        ("files", encrypted),
        ("apple", server.status(404, "[" * 60_000)),
        ("apple", server.status(404, '{"errors": 7}')),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_an_odd_answer_ends_no_other_accounts_sync(recent, host, fault):
    accounts = recent.db.external_accounts
    odd = recent.amazon
    if host == "apple":
        recent.add_apple()
        odd = recent.apple
    healthy = accounts.create(nickname="Healthy", store="amazon", auto_import=True)
    accounts.set_credentials(healthy, {"client_id": AMAZON_ID, "client_secret": AMAZON_SECRET})
    recent.stores.fault(host, *[fault] * (6 if fault is encrypted else 1))
    done = recent.sync([odd, healthy], since=month(0))
    assert done.reports[0].account == odd.id
    assert [each.outcome for each in done if each.account == healthy.id] == ["new"]


@pytest.mark.parametrize("host", ["token", "api", "files", "apple"])
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_way_leads_to_another_host(recent, host, code):
    if host == "apple":
        recent.add_apple()
        recent.sell_apple(datetime.now(UTC).date() - timedelta(days=1), 1)
    there = server.redirect(lambda handler: handler.stores.url("elsewhere", "/?token=1"), code)
    recent.stores.fault(host, there)
    done = recent.sync(since=month(0))
    assert not recent.stores.asked("elsewhere")
    assert "leads on to 127.0.0.1, which is not followed" in done.failures[0].message
    assert recent.sync(since=month(0)).ok or host == "apple"


def test_within_a_host_a_download_may_lead_on(recent):
    recent.stores.fault("files", server.redirect(lambda handler: handler.path, 307))
    recent.stores.fault("files", *[server.redirect(lambda handler: handler.path, 307)] * 2)
    assert recent.sync(since=month(0)).ok
    recent.stores.fault("files", *[server.redirect(lambda handler: handler.path, 307)] * 9)
    assert "on and on" in recent.sync(since=month(0)).failures[0].message


@pytest.mark.parametrize("code", [400, 403])
def test_an_error_that_echoes_what_signs_in_shows_none_of_it(recent, code):
    recent.add_apple()
    recent.sell_apple(datetime.now(UTC).date() - timedelta(days=1), 1)
    sent = []

    def echo(handler):
        sent.append(handler.headers["Authorization"].removeprefix("Bearer "))
        handler.send(code, f"odd {sent[-1]} {quote(sent[-1])}".encode(), "text/plain")
        return True

    recent.stores.fault("api", echo)
    recent.stores.fault("apple", echo)
    done = recent.sync(since=month(0))
    messages = [each.message for each in done.failures]
    assert len(messages) == len(sent) == 2
    for message in messages:
        assert "odd … …" in message
        assert not [each for each in sent if each in message or quote(each) in message]


@pytest.mark.parametrize(
    "link",
    [
        "https://127.0.0.1/r",
        "https://[::1]/r",
        "https://[::ffff:10.0.0.1]/r",
        "https://localhost/r",
        "https://10.1.2.3:8443/r",
        "https://169.254.169.254/latest",
        "https://2130706433/r",
        "https://0x7f.1/r",
        "http://localhost/r",
        "https://user:word@files.example.com/r",
    ],
)
def test_no_link_leads_inside(publisher, link):
    settings = Settings()
    amazon = Amazon({}, None, settings)
    with pytest.raises(StoreError, match=r"leads to this machine or its network|names a user"):
        amazon._read_link(link)
    assert (
        amazon._read_link("https://reports.s3.amazonaws.com/r?a=b")
        == "https://reports.s3.amazonaws.com/r?a=b"
    )


def test_apple_is_asked_with_a_key_that_has_not_ended(publisher):
    publisher.add_apple()
    day = datetime.now(UTC).date() - timedelta(days=1)
    publisher.sell_apple(day, 3)
    publisher.stores.fault("apple", *[server.status(429, Retry_After="290")] * 4)
    assert publisher.sync([publisher.apple], since=day).ok
    signed = [each.headers["Authorization"] for each in publisher.stores.asked("apple")]
    assert len(set(signed)) == 2


@pytest.mark.parametrize("fault", [server.cut(0.6), server.chunked(0.6), server.unmeasured(0.6)], ids=str)
def test_apples_bodies_that_break_off_are_asked_for_again(publisher, fault):
    publisher.add_apple()
    day = datetime.now(UTC).date() - timedelta(days=1)
    publisher.sell_apple(day, 3)
    publisher.stores.fault("apple", fault)
    assert publisher.sync([publisher.apple], since=day).ok
    assert len(publisher.stores.asked("apple")) == 2


def test_apple_without_a_vendor_number(publisher):
    accounts = publisher.db.external_accounts
    publisher.add_apple()
    apple = accounts.update(publisher.apple, metadata={})
    done = publisher.sync([apple], since=datetime.now(UTC).date() - timedelta(days=2))
    assert "there is no vendor number" in done.failures[0].message
    assert not publisher.stores.seen


def test_a_store_that_gave_up_is_left_alone_for_all_accounts(recent):
    accounts = recent.db.external_accounts
    second = accounts.create(nickname="Second", store="amazon", auto_import=True)
    accounts.set_credentials(second, {"client_id": AMAZON_ID, "client_secret": AMAZON_SECRET})
    recent.add_apple()
    day = datetime.now(UTC).date() - timedelta(days=1)
    recent.sell_apple(day, 3)
    recent.stores.fault("api", *[server.status(503)] * 100)
    done = recent.sync(since=recent.since)
    assert [each.account for each in done if each.store == "amazon"] == [recent.amazon.id] * 2
    assert done.left == 2 + 4
    assert len(recent.stores.asked("api")) == 2 * recent.settings().attempts_max
    assert "new" in [each.outcome for each in done if each.store == "apple"]
    # What one account may not, another may.
    recent.stores.faults.clear()
    accounts.set_credentials(recent.amazon, {"client_id": AMAZON_ID, "client_secret": "wrong"})
    done = recent.sync([recent.amazon, second], since=recent.since)
    assert [each.outcome for each in done] == ["failed", "new", "new", "new", "new"]


def test_what_is_gone_and_stored_without_rows_is_kept(publisher):
    publisher.add_apple()
    day = datetime.now(UTC).date() - timedelta(days=1)
    publisher.stores.apple["DAILY", day.isoformat()] = (404, server.NO_SALES)
    assert [each.outcome for each in publisher.sync([publisher.apple], since=day)] == ["empty"]
    publisher.stores.apple["DAILY", day.isoformat()] = (410, server.GONE)
    assert [each.outcome for each in publisher.sync([publisher.apple], since=day)] == ["kept"]


def test_containers_are_looked_at_with_a_bound(tmp_path):
    path = tmp_path / "report"
    for how in ("gzip", "zip"):
        path.write_bytes(packed("0" * 5_000_000, how, "a.csv"))
        assert fault(path, 5_000_000) is None
        assert fault(path, 4_999_999) == "the report unpacks to more than 4,999,999 bytes"
        path.write_bytes(path.read_bytes()[:-4])
        assert fault(path, 5_000_000) == "the answer broke off"


def test_the_proxys_password_is_decoded_and_not_shown():
    settings = Settings(proxy_url="http://me%40home:p%3Aw%2Fd@127.0.0.1:9")
    assert "p%3Aw" not in repr(settings)
    client = Client("Amazon", settings)
    headers = client._pool("https://example.com").proxy_headers
    basic = headers["proxy-authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic) == b"me@home:p:w/d"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
def test_no_frame_that_an_error_keeps_holds_a_secret(recent, monkeypatch, kind):
    recent.add_apple()
    recent.sell_apple(datetime.now(UTC).date() - timedelta(days=1), 1)

    def interrupt(self, *arguments, **named):
        raise kind

    monkeypatch.setattr("urllib3.PoolManager.request", interrupt)
    for account in (recent.amazon, recent.apple):
        with pytest.raises(kind) as raised:
            recent.sync([account], since=month(0))
        told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
        text = "".join(str(frame.locals) for frame in told.stack if frame.filename != __file__)
        for secret in (AMAZON_SECRET, PEM.splitlines()[1], "Bearer"):
            assert secret not in text
        assert "interrupt" not in [frame.name for frame in told.stack]


def test_what_to_do_in_the_stores_consoles(recent):
    accounts = recent.db.external_accounts
    accounts.set_credentials(recent.amazon, {"client_id": AMAZON_ID, "client_secret": "wrong-s3cret"})
    done = recent.sync(since=recent.since)
    assert len(done.reports) == 1
    assert done.left == 3
    assert "Security Profiles, copy Client ID and Client Secret" in done.failures[0].message
    assert len(recent.stores.seen) == 1, "credentials that are refused are not tried again"
    accounts.set_credentials(recent.amazon, {"client_id": AMAZON_ID, "client_secret": AMAZON_SECRET})
    recent.stores.fault("token", server.status(400, '{"error": "invalid_scope"}'))
    done = recent.sync(since=recent.since)
    assert "API Access > Reporting API, choose the profile and attach it" in done.failures[0].message
    recent.stores.fault(
        "token", server.status(400, f'{{"error": "odd", "error_description": "pl4nted-c1d {AMAZON_ID}"}}')
    )
    done = recent.sync(since=recent.since)
    assert "Amazon gives no token (400 odd pl4nted-c1d …)" in done.failures[0].message
    recent.stores.fault("token", server.status(200, "[]"))
    assert "no token" in recent.sync(since=month(0)).failures[0].message
    recent.add_apple()
    recent.stores.public_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    done = recent.sync([recent.apple], since=month(0))
    assert "Apple refuses the key (401" in done.failures[0].message
    assert "Users and Access" in done.failures[0].message
    broken = PEM.replace("M", "N", 3)
    accounts.set_credentials(recent.apple, {"key_id": "K", "issuer_id": "I", "private_key": broken})
    done = recent.sync([recent.apple], since=month(0))
    assert "the private key cannot sign" in done.failures[0].message


def test_apple_says_why_there_is_no_report(publisher):
    publisher.add_apple()
    publisher.db.external_accounts.update(publisher.amazon, auto_import=False)
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in range(1, 15)]
    for day in days:
        publisher.sell_apple(day, 3)
    daily = publisher.stores.apple
    daily["DAILY", days[0].isoformat()] = (404, server.NOT_YET)
    daily["DAILY", days[1].isoformat()] = (404, server.NO_SALES)
    daily["DAILY", days[9].isoformat()] = (410, server.GONE)
    daily["DAILY", days[10].isoformat()] = (404, "Something else.")
    newer = "The version parameter you have specified is invalid. The latest version for this report is 1_1."
    publisher.stores.fault("apple", lambda handler: handler.apple(400, newer) or True)
    done = publisher.sync(since=days[-1])
    outcomes = {period: outcome for (_, period), outcome in publisher.outcomes(done).items()}
    told = [outcomes[day.isoformat()] for day in (days[0], days[1], days[9], days[10], days[11])]
    assert told == ["waiting", "empty", "lost", "failed", "new"]
    assert "version%5D=1_1" in publisher.stores.seen[-1].path
    assert "Apple answers 404 Something else." in [each.message for each in done]
    # What is lost is asked for no more. The week that it lies in would hide the days that are stored.
    again = publisher.sync(since=days[-1])
    periods = {each.period for each in again}
    assert days[9].isoformat() not in periods
    year, week, _ = days[9].isocalendar()
    assert f"{year}-W{week:02}" not in periods
    monday = days[9] - timedelta(days=days[9].weekday())
    sales = publisher.db.sales
    assert days[9].isoformat() in sales.gaps(publisher.apple, "apple-sales", days[9], days[8])
    for day in (monday + timedelta(days=back) for back in range(7)):
        if sales.period_state(publisher.apple, "apple-sales", day.isoformat()) == "rows":
            sales.delete(publisher.apple, "apple-sales", day.isoformat())
            sales.mark_empty(publisher.apple, "apple-sales", day.isoformat())
    third = publisher.sync(since=days[-1])
    assert f"{year}-W{week:02}" in {each.period for each in third}
    last = next(each.path for each in publisher.stores.seen if "WEEKLY" in each.path)
    assert last.endswith((monday + timedelta(days=6)).isoformat())


def test_accounts_that_cannot_be_fetched_for(publisher):
    accounts = publisher.db.external_accounts
    google = accounts.create(nickname="Play", store="google_play", auto_import=True)
    other = accounts.create(nickname="Second", store="amazon", auto_import=True)
    off = accounts.create(nickname="Off", store="amazon")
    publisher.stores.amazon[name(month(0))] = None
    done = publisher.sync(since=month(0))
    assert [account for account, _ in done.skipped] == [other.id]
    assert not done
    for account, told in ((google, "bucket"), (other, "credentials"), (off, "auto_import is off")):
        with pytest.raises(tillroll.ValidationError, match=told) as raised:
            publisher.sync([publisher.amazon, account])
        assert list(raised.value.errors) == ["accounts"]
    with pytest.raises(tillroll.NotFoundError):
        publisher.sync([99])
    with pytest.raises(tillroll.AccessError):
        publisher.db.restrict(["account:read", "sales:read", "sales:write"]).sync()


def test_settings_are_checked():
    wrong = {
        "amazon_token_url": "http://example.invalid/",
        "apple_report_url": "file:///etc",
        "attempts_max": 0,
    }
    wrong |= {"requests_per_second": 4, "amazon_report_url": "http://127.0.0.1.example.invalid"}
    for field, value in wrong.items():
        with pytest.raises(tillroll.ValidationError, match=field):
            Settings(**{field: value})


def test_a_certificate_that_nobody_trusts(recent, tmp_path):
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        subject, subject, PRIVATE_KEY.public_key(), 7, now - timedelta(1), now + timedelta(1)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = made.sign(PRIVATE_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "ca.pem").write_bytes(pem)
    (tmp_path / "both.pem").write_bytes(pem + PEM.encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    token = recent.stores.servers["token"]
    token.socket = context.wrap_socket(token.socket, server_side=True)
    url = recent.stores.url("token", "/auth/o2/token").replace("http://127.0.0.1", "https://localhost")
    done = recent.sync(since=month(0), settings=recent.settings(amazon_token_url=url))
    assert "its certificate is not trusted" in done.failures[0].message
    trusting = recent.settings(amazon_token_url=url, ca_file=tmp_path / "ca.pem")
    assert recent.sync(since=month(0), settings=trusting).ok
    elsewhere = recent.settings(
        amazon_token_url=url.replace("localhost", "127.0.0.1"), ca_file=tmp_path / "ca.pem"
    )
    assert (
        "its certificate is not trusted"
        in recent.sync(since=month(0), settings=elsewhere).failures[0].message
    )


def test_no_secret_is_anywhere(recent, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    recent.add_apple()
    stores = recent.stores
    stores.fault("files", server.cut(), server.expire)
    stores.fault("api", lambda _: False, server.status(400, f"odd {AMAZON_SECRET}"), server.hang_up)
    stores.fault("token", server.hang_up)
    shown = [recent.sync(since=recent.since), recent.db.sync_plan()]
    accounts = recent.db.external_accounts
    shown += [accounts.reveal_credentials(recent.amazon), accounts.get(recent.amazon), recent.settings()]
    accounts.set_credentials(recent.amazon, {"client_id": AMAZON_ID, "client_secret": f"{AMAZON_SECRET}-not"})
    shown.append(recent.sync(since=month(0)))
    stops = []
    with pytest.raises(RuntimeError) as raised:
        recent.sync(since=recent.since, progress=lambda state: stops.append(state) or stop())
    shown += ["".join(traceback.format_exception(raised.value)), stops]
    tokens, links = list(stores.tokens), list(stores.links)
    key_line = PEM.splitlines()[1]
    planted = [AMAZON_SECRET, AMAZON_ID, key_line, *tokens, *links]
    assert len(tokens)
    assert len(links) > 3
    signed = [each.headers["Authorization"] for each in stores.asked("apple")]
    planted += [header.removeprefix("Bearer ") for header in signed]
    forms = [form for secret in planted for form in server.forms(secret)]
    captured = "".join(capfd.readouterr())
    texts = [repr(each) + str(each) for each in shown] + [caplog.text, captured]
    assert "connectionpool" in caplog.text, "the lines that could have them are looked at"
    for text in texts:
        assert not [form for form in forms if form in text.encode()]
    recent.db.backup(tmp_path / "copy.till")
    recent.db.export_records(tmp_path / "records.jsonl")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert recent.db.path in {path.parent for path in files}
    for path in files:
        content = path.read_bytes()
        assert not [form for form in forms if form in content], path
    assert "stop" in [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]


def stop():
    raise RuntimeError("stopped by the caller")


def test_what_was_fetched_before_it_was_stopped_stays(recent):
    def watch(state):
        if state.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recent.sync(since=recent.since, progress=watch)
    assert {each.period for each in recent.db.sales.imports()} == {name(month(3)), name(month(2))}
    recent.stores.seen.clear()
    assert recent.sync(since=recent.since).ok
    assert recent.stores.fetched_months()[0] == name(month(1))
    recent.assert_books_agree()
    assert not list(Path(tempfile.gettempdir()).glob("tillroll-sync-*")), "nothing is left behind"


def test_the_second_of_two_says_so(recent):
    inside, go_on = threading.Event(), threading.Event()

    def watch(state):
        inside.set()
        go_on.wait(30)

    first = threading.Thread(target=lambda: recent.sync(since=recent.since, progress=watch))
    first.start()
    assert inside.wait(30)
    with pytest.raises(tillroll.LockedError, match="is running already"):
        recent.sync(since=recent.since)
    go_on.set()
    first.join()
    assert recent.sync(since=recent.since).ok


def test_without_the_extra(recent, monkeypatch):
    import importlib.util

    for missing in ("urllib3", "jwt"):
        real = importlib.util.find_spec
        monkeypatch.setattr(
            "tillroll.sync.run.find_spec",
            lambda one, missing=missing, real=real: None if one == missing else real(one),
        )
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'tillroll\[sync\]'"):
            recent.sync()


def test_importing_tillroll_imports_nothing_of_the_extra():
    code = "import sys, tillroll.sync; print({'urllib3', 'jwt', 'cryptography'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_one_place_names_a_library():
    folder = Path(tillroll.sync.__file__).parent.parent
    for library, place in (("urllib3", "sync/http.py"), ("jwt", "sync/apple.py"), ("socket", None)):
        for path in folder.rglob("*.py"):
            lines = [line.strip() for line in path.read_text().splitlines()]
            named = any(line.startswith((f"import {library}", f"from {library}")) for line in lines)
            assert named == (path.relative_to(folder).as_posix() == place), path


CHILD = """
import sys, time, tillroll
from tillroll.sync import Settings
path, since, *urls = sys.argv[1:]
skipped = [0.0]
settings = Settings(*urls, clock=lambda: time.monotonic() + skipped[0],
                    sleep=lambda seconds: skipped.__setitem__(0, skipped[0] + seconds))
with tillroll.open(path) as db:
    print("open", flush=True)
    done = db.sync(since=since, settings=settings)
    print(done.ok, flush=True)
"""


def test_killed_at_fifty_moments(publisher, tmp_path):
    """A process that dies leaves whole reports alone, and the next one goes on."""
    for back in range(12):
        publisher.sell(month(back), 200, ["gzip", "zip"][back % 2])
    publisher.stores.clock = time.monotonic
    path, since = str(publisher.db.path), name(month(11))
    publisher.db.close()
    settings = publisher.stores.settings.values()
    draw = random.Random(20180405)
    kills, looked_at = 0, 0
    planted = [form for secret in (AMAZON_SECRET, AMAZON_ID) for form in server.forms(secret)]
    planted += [b"pl4nted-t0ken", b"pl4nted-s1gnature"]
    while kills < 50:
        command = [sys.executable, "-c", CHILD, path, since, *settings]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "open\n"
            with suppress(subprocess.TimeoutExpired):
                child.wait(draw.uniform(0, 0.45))
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                kills += 1
                child.wait()
                for file in tmp_path.rglob("*"):
                    # What a killed process left in the folder of downloads as well.
                    content = file.read_bytes() if file.is_file() else b""
                    assert not [form for form in planted if form in content], file
                    looked_at += file.is_file() and "tillroll-sync-" in str(file)
            else:
                assert child.stdout.readline() == "True\n"
        with tillroll.open(path) as db:
            stored = {each.period: each.rows for each in db.sales.imports()}
            assert all(rows == 200 for rows in stored.values()), stored
            if len(stored) == 12 and draw.random() < 0.5:
                for period in draw.sample(sorted(stored), 9):
                    db.sales.delete(publisher.amazon.id, "amazon-sales", period)
    assert looked_at, "some were killed with downloads"
    publisher.db = tillroll.open(path)
    assert publisher.sync(since=since).ok
    publisher.assert_books_agree()
    assert publisher.db.check().ok
    assert not list(Path(tempfile.gettempdir()).glob("tillroll-sync-*"))
