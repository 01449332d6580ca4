"""The page that `tillroll report --html` writes: whole, exact, safe to open anywhere."""

import io
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest
import tillroll
from tillroll.cli import main
from tillroll.cli import report as command
from tillroll.cli.output.amounts import shown
from tillroll.cli.output.answer import Answer, paid_out, total
from tillroll.cli.output.page import document
from tillroll.cli.output.page.scale import STEPS, Scale, short
from tillroll.cli.output.page.times import TIMES, at, named, place

VOID = {"meta"}
NASTY = ["</title><script>alert(1)</script>", "a\"b'c&d", "\x1b[31mred", "數独　パズル", "משחק", "x" * 300]


class Page(HTMLParser):
    """What a page holds, read by the standard library."""

    def __init__(self, text):
        super().__init__()
        self.text, self.open = text, []
        self.tags, self.attributes, self.words = [], [], []
        self.head, self.body, self.foot, self.titles, self.captions = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], "elements that nothing closes"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self._part().append([])
        elif tag in ("th", "td"):
            self._part()[-1].append("")
        elif tag == "figcaption":
            self.captions.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.words.append(data)
        if {"th", "td"} & set(self.open):
            self._part()[-1][-1] += data
        if "figcaption" in self.open:
            self.captions[-1] += data
        if self.open[-2:] in (["rect", "title"], ["g", "title"]):
            self.titles.append(data)

    def _part(self):
        return {"thead": self.head, "tbody": self.body, "tfoot": self.foot}[
            next(tag for tag in self.open if tag in ("thead", "tbody", "tfoot"))
        ]


@pytest.fixture(scope="module")
def stored(tmp_path_factory, shop):
    path = tmp_path_factory.mktemp("stored") / "shop.till"
    with tillroll.open(path) as db:
        account = db.external_accounts.create(nickname="Amazon apps", store="amazon")
        db.sales.import_reports(shop.paths, account=account)
    return path


@pytest.fixture
def paged(tmp_path, capfd):
    """Asks for a page and the same as JSON."""

    def run(stored, *options):
        target = tmp_path / "page.html"
        asked = ["report", str(stored), *options, "--format", "json", "--html", str(target)]
        assert main(asked) == 0
        return Page(target.read_text(encoding="utf-8")), json.loads(capfd.readouterr().out)

    return run


QUERIES = [
    [],
    ["--by", "month,currency", "--measures", "units,earnings,sales"],
    ["--by", "day,sku,currency", "--measures", "earnings"],
    ["--by", "title,item_type,term", "--measures", "units,rows,refund_units"],
    ["--by", "currency", "--measures", "sales,units", "--order-by", "-units"],
    ["--by", "sku", "--measures", "sales", "--currency", "EUR", "--limit", "2"],
    ["--by", "week,account", "--type", "refund"],
    ["--by", "day", "--sku", "none"],
]


@pytest.mark.parametrize("options", QUERIES)
def test_its_table_says_what_the_library_answers(paged, stored, options):
    page, rows = paged(stored, *options)
    (head,) = page.head
    names = list(rows[0]) if rows else ["day", "units"]
    assert [name.lower().replace(" ", "_") for name in head] == names
    assert len(page.body) == len(rows)
    for cells, row in zip(page.body, rows, strict=True):
        for cell, value in zip(cells, row.values(), strict=True):
            if re.fullmatch(r"-?[\d,]+(\.\d+)?", cell):
                assert Decimal(cell.replace(",", "")) == Decimal(value)
            else:
                assert cell == (value or "")


def test_currencies_are_apart_in_charts_and_sums(paged, stored):
    page, rows = paged(stored, "--by", "month,sku,currency", "--measures", "units,sales")
    assert page.captions[:2] == ["Units by month", "Units by SKU"]
    currencies = {row["currency"] for row in rows}
    for currency in currencies:
        assert f"Sales in {currency} by month" in page.captions
        assert f"Sales in {currency} by SKU" in page.captions
        of = [row for row in rows if row["currency"] == currency]
        (line,) = [line for line in page.foot if line[0] == f"Sum {currency}"]
        assert int(line[1].replace(",", "")) == sum(row["units"] for row in of)
        assert Decimal(line[2].replace(",", "")) == sum(Decimal(row["sales"]) for row in of)
        march = sum(Decimal(row["sales"]) for row in of if row["month"] == "2018-03-01")
        assert any(
            title.startswith("2018-03: ") and Decimal(title.split()[1].replace(",", "")) == march
            for title in page.titles
        )
    assert len(page.captions) == 2 + 2 * len(currencies)


def test_it_needs_nothing_from_anywhere(paged, stored):
    page, _ = paged(stored, "--by", "month,currency", "--measures", "units,earnings")
    assert page.text.startswith("<!DOCTYPE html>\n<html lang=")
    assert {"script", "link", "img", "iframe", "a", "object"}.isdisjoint(page.tags)
    assert not re.search(r"https?:|@import|url\(|javascript:", page.text)
    assert not any(name.startswith("on") or name in ("src", "href", "style") for name, _ in page.attributes)
    assert ("content", document.POLICY) in page.attributes
    for need in ["prefers-color-scheme: dark", "@media print", 'name="viewport"', '<meta charset="utf-8">']:
        assert need in page.text


def test_who_does_not_see_it_is_told(paged, stored):
    page, _ = paged(stored, "--by", "month,currency", "--measures", "units,earnings")
    charts = re.findall(
        r'<svg [^>]*role="img" aria-labelledby="(c\d+) (d\d+)"><title id="\1">([^<]+)</title>'
        r'<desc id="\2">([^<]+)</desc>',
        page.text,
    )
    assert len(charts) == page.tags.count("svg") == page.tags.count("figure") == len(page.captions) > 3
    assert len({number for number, *_ in charts}) == len(charts)
    assert all("Largest: 20" in said for *_, said in charts)
    assert page.text.count('<th scope="col"') == 4
    assert page.text.count('<th scope="row"') == len(page.body) + len(page.foot)
    assert "caption" in page.tags


@pytest.fixture
def nasty(named):
    return named("<b>.till", NASTY, "<i>Apps")


def test_no_name_becomes_markup(paged, nasty):
    page, rows = paged(nasty, "--by", "title", "--account", "<i>Apps")
    assert {"script", "b", "i"}.isdisjoint(page.tags)
    assert [line[0] for line in page.body] == [row["title"].replace("\x1b", "\ufffd") for row in rows]
    assert "<i>Apps" in page.words
    assert "<b>.till" in page.words
    assert "\x1b" not in page.text
    # In the chart a name is cut, and each name that runs the other way is closed before what follows.
    assert len(max(re.findall(r'<text x="0"[^>]*>([^<]*)', page.text), key=len)) < 100
    for drawn in re.findall(r"<text[^>]*>([^<]*)", page.text):
        assert drawn.count("\u2068") == drawn.count("\u2069")
    assert any("x" * 300 in title for title in page.titles)


def test_an_empty_report_is_a_page_too(paged, stored):
    page, rows = paged(stored, "--by", "month,currency", "--measures", "sales", "--sku", "none")
    assert (rows, page.body, page.foot) == ([], [], [])
    assert "svg" not in page.tags
    assert "No rows: nothing was found." in page.words


def undated(text):
    """A page without the day that it was made on, which may be another one for the next process."""
    return re.sub(r"on \d{4}-\d\d-\d\d\.", "", text)


def test_a_page_can_be_all_that_is_written(command_line, stored, tmp_path):
    asked = ["report", stored, "--by", "month"]
    alone = command_line(*asked, "--html", tmp_path / "a.html")
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, "", "")
    for options in (["--output", tmp_path / "b.html"], ["--format", "html"]):
        said = command_line(*asked, *options)
        text = said.stdout or (tmp_path / "b.html").read_text(encoding="utf-8")
        assert undated(text) == undated((tmp_path / "a.html").read_text(encoding="utf-8"))
    for options in (["--output", "-", "--format", "html"], ["--html", "-"]):
        dash = command_line(*asked, *options, cwd=tmp_path)
        assert undated(dash.stdout) == undated(text)
        assert not (tmp_path / "-").exists()
    both = command_line(*asked, "--output", tmp_path / "c.csv", "--html", tmp_path / "c.html")
    assert (both.returncode, both.stdout) == (0, "")
    assert (tmp_path / "c.csv").read_text().startswith("month,units\n")
    assert undated((tmp_path / "c.html").read_text(encoding="utf-8")) == undated(text)


@pytest.mark.parametrize(
    "options",
    [
        ["--output", "a.html", "--html", "./a.html"],
        ["--output", "-", "--html", "-"],
        ["--format", "html", "--html", "-"],
        ["--format", "csv", "--html", "/dev/stdout"],
        ["--output", ""],
        ["--html", ""],
    ],
)
def test_a_report_and_its_page_need_two_places(command_line, stored, tmp_path, options):
    refused = command_line("report", stored, *options, cwd=tmp_path)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert refused.stderr.startswith(("tillroll: the report and its page would both go to ", "tillroll: --"))
    assert list(tmp_path.iterdir()) == []


def test_a_page_has_an_end(monkeypatch, capfd, stored, tmp_path):
    monkeypatch.setattr(command, "PAGE_ROWS", 100)
    asked = ["report", str(stored), "--by", "day", "--html", str(tmp_path / "a.html")]
    assert main(asked) == 2
    said = capfd.readouterr().err
    assert said.startswith("tillroll: a page holds 100 rows at most, and these are 1")
    assert "--limit" in said
    assert list(tmp_path.iterdir()) == []
    assert main([*asked, "--limit", "100"]) == 0


@pytest.mark.parametrize("option", ["--output", "--html"])
def test_a_file_changes_only_when_the_new_one_is_whole(monkeypatch, capfd, stored, tmp_path, option):
    target = tmp_path / "out" / "page.html"
    target.parent.mkdir()
    target.write_text("before")
    target.chmod(0o640)
    link = tmp_path / "link.html"
    link.symlink_to(target)

    def breaks(answer, out):
        out.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(document, "write", breaks)
        assert main(["report", str(stored), option, str(target)]) == 1
    assert capfd.readouterr().err == f"tillroll: {target}: No space left on device\n"
    assert [each.name for each in target.parent.iterdir()] == ["page.html"]
    assert target.read_text() == "before"
    assert main(["report", str(stored), option, str(link)]) == 0
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert target.stat().st_mode & 0o777 == 0o640
    for refused, code in [(stored / "page.html", 2), (tmp_path / "no" / "page.html", 1), (tmp_path, 1)]:
        assert main(["report", str(stored), option, str(refused), "--format", "html"]) == code
        said = capfd.readouterr().err
        assert str(refused) in said
        assert said.count("\n") == 1


# Exactness beneath it.


def test_no_sum_and_no_amount_is_rounded():
    large = Decimal("12345678901234567890123456789012.345678")
    assert total([large, large, Decimal("0.000001")]) == Decimal("24691357802469135780246913578024.691357")
    assert shown(large, "EUR") == "12,345,678,901,234,567,890,123,456,789,012.345678"
    assert (shown(Decimal("1.50"), "JPY"), shown(Decimal("3.00"), "JPY")) == ("1.5", "3")
    assert shown(Decimal(1), "EUR", [Decimal("0.125")]) == "1.000"


def answer_of(db, by, measures, **where):
    table = db.sales.report(by=by, measures=measures, **where)
    return Answer(table, by, measures, where, paid=paid_out(db, by, measures, where))


APPLE = (
    "Provider\tProvider Country\tSKU\tDeveloper\tTitle\tVersion\tProduct Type Identifier\tUnits\t"
    "Developer Proceeds\tBegin Date\tEnd Date\tCustomer Currency\tCountry Code\tCurrency of Proceeds\t"
    "Apple Identifier\tCustomer Price\n"
)
SOLD = "APPLE\tUS\tchess\tMe\tChess\t1.0\t1F\t{}\t{}\t{}\t{}\tEUR\tDE\t{}\t335060889\t1.00\n"


def sold(db, folder, days):
    """Imports a sale a day: how many units, for how much each, paid out in what."""
    account = db.external_accounts.create(nickname="Apple apps", store="apple")
    for day, (units, amount, paid) in days.items():
        path = folder / f"S_D_85000000_{day:%Y%m%d}.txt"
        path.write_text(APPLE + SOLD.format(units, amount, f"{day:%m/%d/%Y}", f"{day:%m/%d/%Y}", paid))
        db.sales.import_reports(path, account=account)


def page_of(answer):
    out = io.BytesIO()
    document.write(answer, out)
    return Page(out.getvalue().decode())


def test_earnings_in_several_currencies_are_not_added_up(db, tmp_path):
    october = [date(2020, 10, day) for day in (5, 6, 7, 8, 9)]
    paid = [(1, ".70", "GBP"), (-1, ".70", "GBP"), (1, ".70", "USD"), (1, "1.40", "USD"), (1, "0", "USD")]
    sold(db, tmp_path, dict(zip(october, paid, strict=True)))
    # What was sold and given back cancels out over all days, and is of its own currency on each.
    mixed = answer_of(db, ["day", "currency"], ["units", "sales", "earnings"])
    paid_in = [mixed.currency(row, "earnings") for row in mixed.rows]
    assert paid_in == ["GBP", "GBP", "USD", "USD", None]
    page = page_of(mixed)
    assert [line[:4] for line in page.foot] == [
        ["Sum EUR GBP", "0", "0.00", "0.00"],
        ["Sum EUR USD", "2", "2.00", "2.10"],
        ["Sum EUR", "1", "1.00", ""],
    ]
    assert "Earnings in GBP by day" in page.captions
    assert "Earnings in USD by day" in page.captions
    apart = answer_of(db, ["day", "earnings_currency"], ["earnings"])
    assert [apart.currency(row, "earnings") for row in apart.rows] == ["GBP", "GBP", "USD", "USD", "USD"]
    late = answer_of(db, ["day", "currency"], ["earnings"], start="2020-10-07")
    assert [late.currency(row, "earnings") for row in late.rows] == ["USD"] * 3
    assert page_of(late).foot == [["Sum USD", "2.10"]]


GOOGLE_SALE = (
    "Order Number,Order Charged Date,Order Charged Timestamp,Financial Status,Device Model,Product Title,"
    "Product ID,Product Type,SKU ID,Currency of Sale,Item Price,Taxes Collected,Charged Amount,City of Buyer,"
    "State of Buyer,Postal Code of Buyer,Country of Buyer\n"
)
GOOGLE_EARNED = (
    "Description,Transaction Date,Transaction Time,Tax Type,Transaction Type,Refund Type,Product Title,"
    "Product id,Product Type,Sku Id,Hardware,Buyer Country,Buyer State,Buyer Postal Code,Buyer Currency,"
    "Amount (Buyer Currency),Currency Conversion Rate,Merchant Currency,Amount (Merchant Currency)\n"
)


def test_two_kinds_that_tell_of_the_same_orders_are_not_added_up(db, tmp_path):
    account = db.external_accounts.create(nickname="Play", store="google_play")
    sales = tmp_path / "salesreport_202110.csv"
    earned = tmp_path / "earnings_202110_4711-1.csv"
    sales.write_text(
        GOOGLE_SALE
        + "".join(
            f"GPA.{day},2021-10-0{day},{1633046400 + 86400 * (day - 1)},Charged,pixel,{title},{title},"
            "paidapp,,EUR,1.00,0.00,1.00,,,,DE\n"
            for day in (3, 4)
            for title in ("Chess", "Go")
        )
    )
    earned.write_text(
        GOOGLE_EARNED
        + "".join(
            f'GPA.{day},"Oct {day}, 2021",12:00:00 PM PDT,,Charge,,{title},{title},0,,pixel,DE,,'
            "00001,EUR,1.00,1,EUR,1.00\n"
            for day in (3, 4)
            for title in ("Chess", "Go")
        )
    )
    for path, kind in [(sales, "google-sales"), (earned, "google-earnings")]:
        done = db.sales.import_reports(path, account=account, kind=kind, period="2021-10")
        assert (done.rows, done.rejected) == (4, 0)
    answer = answer_of(db, ["day", "kind", "title", "currency"], ["units", "sales"])
    page = page_of(answer)
    assert page.foot == [
        ["Sum google-earnings EUR", "4", "4.00"],
        ["Sum google-sales EUR", "4", "4.00"],
    ]
    for kind in ("google-sales", "google-earnings"):
        for what in (f"Units of {kind}", f"Sales of {kind} in EUR"):
            assert {f"{what} by day", f"{what} by title"} <= set(page.captions)
    assert len(page.captions) == 8
    assert {title.split(": ")[1] for title in page.titles} == {"2", "2.00"}
    # A bar a kind adds nothing.
    assert page_of(answer_of(db, ["kind", "currency"], ["sales"])).captions == ["Sales in EUR by kind"]


def test_what_a_limit_cuts_off_is_told(paged, stored):
    asked = ["--by", "day,sku,currency", "--measures", "units,sales"]
    page, rows = paged(stored, *asked, "--limit", "20", "--order-by", "-units")
    assert len(rows) == 20
    assert page.captions == [] or not any("by day" in caption for caption in page.captions)
    assert page.foot
    assert all(line[0].startswith("Sum of the rows shown") for line in page.foot)
    assert {"limit", "20"} <= set(page.words)
    # A bar for each row says nothing of others.
    page, _ = paged(stored, "--by", "product", "--limit", "2", "--combine-inapps")
    assert page.captions == ["Units by product (of the rows shown)"]
    assert {"combine inapps", "yes"} <= set(page.words)
    whole, _ = paged(stored, *asked, "--limit", "100000")
    assert any(caption == "Units by day" for caption in whole.captions)
    assert all(line[0].split()[:2] != ["Sum", "of"] for line in whole.foot)


def test_rows_without_a_currency_stay_in_the_sums():
    rows = Rows(
        {"day": date(2020, 1, day), "currency": currency, "units": 1, "sales": sales}
        for day, currency, sales in [
            (1, "EUR", Decimal(2)),
            (2, "EUR", Decimal(3)),
            (3, None, None),
            (4, None, Decimal(0)),
        ]
    )
    rows.columns = ("day", "currency", "units", "sales")
    page = page_of(Answer(rows, ["day", "currency"], ["units", "sales"]))
    assert page.foot == [["Sum EUR", "2", "5.00"], ["Sum without a currency", "2", ""]]


def test_a_ranking_does_not_call_its_last_the_smallest():
    rows = Rows({"sku": f"s{at:02}", "units": 100 - at} for at in range(57))
    rows.columns = ("sku", "units")
    page = page_of(Answer(rows, ["sku"], ["units"]))
    (said,) = re.findall(r"<desc[^>]*>([^<]+)</desc>", page.text)
    assert said == "Largest: \u2068s00\u2069, 100 (the 10 largest of 57)."
    few = Rows(rows[:3])
    few.columns = rows.columns
    (said,) = re.findall(r"<desc[^>]*>([^<]+)</desc>", page_of(Answer(few, ["sku"], ["units"])).text)
    assert said == "Largest: \u2068s00\u2069, 100. Smallest: \u2068s02\u2069, 98."


def test_a_currency_asked_for_twice_is_one(paged, stored):
    page, _ = paged(
        stored, "--by", "month", "--measures", "sales", "--currency", "EUR,eur", "--currency", "EUR"
    )
    assert page.captions == ["Sales in EUR by month"]
    assert [line[0] for line in page.foot] == ["Sum EUR"]
    twice = Answer(Rows(), [], ["sales"], {"currency": ["EUR", "EUR"]})
    assert twice.pinned() == "EUR"


class Rows(list):
    columns = ("day", "units")


def test_a_line_stops_where_nothing_is_known():
    # More days than bars can be told apart; some of them are missing, and one stands alone between them.
    days = [date(2016, 1, 1) + timedelta(days=each) for each in range(900)]
    known = Rows({"day": day, "units": at} for at, day in enumerate(days) if not 300 <= at < 400 or at == 350)
    out = io.BytesIO()
    document.write(Answer(known, ["day"], ["units"]), out)
    page = out.getvalue().decode()
    (line,) = re.findall(r'<path class="line" d="([^"]+)"', page)
    assert re.sub(r"[\d. ]", "", line) == "Mh" + "L" * 299 + "Mh" + "Mh" + "L" * 499
    assert "<rect" not in page
    assert "801 amounts, from 2016-01-01 to 2018-06-18." in page


def test_an_axis_has_round_steps_around_all_amounts():
    for text in ["1", "54 -59", "0.07 0.01", "99999", "-3", "1000000 1", "12.5 -0.004"]:
        amounts = [Decimal(each) for each in text.split()]
        scale = Scale.of(amounts)
        ticks = scale.ticks()
        assert Decimal(0) in ticks
        assert ticks[0] <= min(amounts)
        assert ticks[-1] >= max(amounts)
        assert 2 <= len(ticks) <= STEPS + 1
        assert all(0 <= scale.share(amount) <= 1 for amount in amounts)
        assert scale.step.normalize().as_tuple().digits in [(1,), (2,), (5,)]
    told = [short(Decimal(each)) for each in ["0", "-2500", "1200000", "0.25", "15"]]
    assert told == ["0", "-2.5k", "1.2M", "0.25", "15"]


@pytest.mark.parametrize("time", TIMES)
def test_an_axis_of_time_knows_what_stands_where(time):
    days = [date(2016, 2, 29) + timedelta(days=37 * each) for each in range(60)]
    places = [place(day, time) for day in days]
    assert places == sorted(places)
    for day in days:
        first = at(place(day, time), time)
        assert first <= day
        assert place(first, time) == place(day, time)
        assert place(first - timedelta(days=1), time) == place(day, time) - 1
        if time == "week":
            assert first.weekday() == 0
    assert named(date(2018, 10, 1), "quarter") == "2018 Q4"
    assert (named(date(2018, 1, 1), "month"), named(date(2018, 1, 1), "day")) == ("2018-01", "2018-01-01")
