"""What a notebook shows of results."""

import re

import pytest
import tillroll

MARKUP = "<script>alert('\"R&D\"')</script>"
ESCAPED = "&lt;script&gt;alert('&quot;R&amp;D&quot;')&lt;/script&gt;"


@pytest.fixture
def marked(db, account, reports, tmp_path):
    """A shop in which every text that can be chosen is markup."""
    rows = reports.rows(3, 2018, 3)
    for row in rows:
        row.sku = row.title = MARKUP
        row.extra["<b>"] = MARKUP
    db.sales.import_reports(reports.write(tmp_path / "sales_2018_03.csv", rows), account=account)
    db.brands.create(name=MARKUP)
    return db, rows


SHOWN = {
    "report": lambda db, rows: db.sales.report(by=["sku", "title"]),
    "batch": lambda db, rows: next(iter(db.sales.scan(columns=["sku", "<b>", "units"]))),
    "page": lambda db, rows: db.brands.list(),
    "record": lambda db, rows: db.brands.get(1),
    "sale": lambda db, rows: db.sales.get(rows[0].transaction)[0],
    "products": lambda db, rows: db.products.list(),
}


@pytest.mark.parametrize("name", SHOWN)
def test_nothing_of_a_text_is_markup(marked, name):
    html = SHOWN[name](*marked)._repr_html_()
    assert ESCAPED in html
    tags = {tag.lower() for tag in re.findall(r"</?([^\s/>]+)", html)}
    assert tags <= {"table", "thead", "tbody", "tr", "th", "td", "p"}
    for tag in tags:
        assert len(re.findall(rf"<{tag}[ >]", html)) == html.count(f"</{tag}>")


def test_numbers_stand_to_the_right(marked):
    db, rows = marked
    right = ' style="text-align: right"'
    table = db.sales.report(by=["sku"], measures=["units", "rows"])._repr_html_()
    assert f"<th>sku</th><th{right}>units</th><th{right}>rows</th>" in table
    assert f"<td{right}>3</td></tr></tbody></table><p>1 row</p>" in table
    page = db.brands.list()._repr_html_()
    assert f"<tr><th{right}>id</th>" in page
    assert f"<tr><td{right}>1</td>" in page
    assert page.endswith("<p>page 1 of 1: 1 of 1 records</p>")
    assert f'<tr><th style="text-align: left">id</th><td{right}>1</td></tr>' in db.brands.get(1)._repr_html_()
    sale = db.sales.get(rows[0].transaction)[0]._repr_html_()
    assert f'<tr><th style="text-align: left">units</th><td{right}>' in sale


def test_much_is_cut_and_counted(db):
    db.brands.create_many({"name": f"brand {number}"} for number in range(100))
    html = db.brands.list(page_size=100)._repr_html_()
    assert html.count("<tr>") == 1 + 30 + 1 + 30
    assert "&hellip;" in html
    assert "brand 29<" in html
    assert "brand 30<" not in html
    assert html.endswith("<p>page 1 of 1: 100 of 100 records</p>")
    long = db.brands.create(name="x" * 200)
    assert f"<td>{'x' * 80}…</td>" in long._repr_html_()
    # The record itself is whole.
    assert "x" * 200 in repr(long)


def test_nothing_is_shown_as_nothing(shop):
    html = shop.db.sales.report(by="month", measures="rows", sku="no such")._repr_html_()
    assert html.endswith("</thead><tbody></tbody></table><p>0 rows</p>")
    assert shop.db.brands.list()._repr_html_().endswith("0 of 0 records</p>")


def test_reprs_say_what_it_is(shop):
    assert repr(shop.db.sales) == "<Sales>"
    assert repr(shop.db.brands) == "<Collection brands>"
    (batch,) = shop.db.sales.scan(columns="sku")
    assert repr(batch) == "<Batch of 1600 rows, 1 columns>"
    assert repr(shop.db.brands.list()) == "<Page 1 of 0: 0 of 0 records>"
    assert isinstance(shop.account, tillroll.Record)
    assert repr(shop.account).startswith("Record(id=1, ")
