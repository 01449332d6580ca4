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
from tillroll.cli.output.amounts import shown
from tillroll.cli.output.answer import Answer, paid_out, total
from tillroll.cli.output.page import document, series
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


def test_a_page_can_be_all_that_is_written(command_line, stored, tmp_path):
    asked = ["report", stored, "--by", "month"]
    alone = command_line(*asked, "--html", tmp_path / "a.html")
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, "", "")
    for options in (["--output", tmp_path / "b.html"], ["--format", "html"]):
        said = command_line(*asked, *options)
        text = said.stdout or (tmp_path / "b.html").read_text(encoding="utf-8")
        assert text == (tmp_path / "a.html").read_text(encoding="utf-8")
    for option in ("--output", "--html"):
        dash = command_line(*asked, option, "-", "--format", "html", cwd=tmp_path)
        assert dash.stdout.startswith(text)
        assert not (tmp_path / "-").exists()
    both = command_line(*asked, "--output", tmp_path / "c.csv", "--html", tmp_path / "c.html")
    assert (both.returncode, both.stdout) == (0, "")
    assert (tmp_path / "c.csv").read_text().startswith("month,units\n")
    assert (tmp_path / "c.html").read_text(encoding="utf-8") == text


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
    assert capfd.readouterr().err == "tillroll: No space left on device\n"
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


def test_earnings_in_several_currencies_are_not_added_up(db, tmp_path):
    account = db.external_accounts.create(nickname="Apple apps", store="apple")
    header = (
        "Provider\tProvider Country\tSKU\tDeveloper\tTitle\tVersion\tProduct Type Identifier\tUnits\t"
        "Developer Proceeds\tBegin Date\tEnd Date\tCustomer Currency\tCountry Code\tCurrency of Proceeds\t"
        "Apple Identifier\tCustomer Price\n"
    )
    row = "APPLE\tUS\tchess\tMe\tChess\t1.0\t1F\t1\t{}\t{}\t{}\tEUR\tDE\t{}\t335060889\t1.00\n"
    for day, paid in [("10/05/2020", "EUR"), ("10/06/2020", "USD")]:
        name = f"S_D_85000000_2020{day[:2]}{day[3:5]}.txt"
        (tmp_path / name).write_text(header + row.format(".70", day, day, paid))
        db.sales.import_reports(tmp_path / name, account=account)
    # Each group is in one currency, and the groups together are not.
    mixed = answer_of(db, ["day", "currency"], ["earnings"])
    assert [mixed.currency(row, "earnings") for row in mixed.rows] == [None, None]
    assert series.drawn(mixed) == ([], 0)
    out = io.BytesIO()
    document.write(mixed, out)
    page = Page(out.getvalue().decode())
    assert page.foot == []
    assert document.MIXED in page.words
    apart = answer_of(db, ["day", "earnings_currency"], ["earnings"])
    assert [apart.currency(row, "earnings") for row in apart.rows] == ["EUR", "USD"]
    paid = answer_of(db, ["currency"], ["earnings"], start="2020-10-06")
    assert [paid.currency(row, "earnings") for row in paid.rows] == ["USD"]
    assert not any(map(paid.is_unknown, paid.rows))


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
