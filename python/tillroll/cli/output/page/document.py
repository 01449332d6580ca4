"""The page as a whole. It asks nothing of any other place, and needs no script."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import BinaryIO

from tillroll import __version__
from tillroll.cli.output.answer import Answer
from tillroll.cli.output.page import grid
from tillroll.cli.output.page.chart import draw
from tillroll.cli.output.page.markup import listed, text, words
from tillroll.cli.output.page.series import Series, drawn
from tillroll.cli.output.page.style import STYLE

# Whatever a report's text may hold, the page loads and runs nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write(answer: Answer, out: BinaryIO) -> None:
    """Writes the page in UTF-8."""
    for part in _parts(answer):
        out.write(part.encode())


def _parts(answer: Answer) -> Iterator[str]:
    title = _title(answer)
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{_conditions(answer)}"
    )
    yield from _charts(answer)
    yield from grid.table(answer)
    yield f"</main>\n<footer><p>{_origin(answer)}</p></footer>\n</body>\n</html>\n"


def _title(answer: Answer) -> str:
    measures = listed([words(name) for name in answer.measures])
    by = f" by {listed([words(name) for name in answer.by])}" if answer.by else ""
    return measures[:1].upper() + measures[1:] + by


def _conditions(answer: Answer) -> str:
    """What narrows the report down or makes its rows, as it was given."""
    given = [(words(name), _values(value)) for name, value in answer.where.items() if value is not None]
    if not given:
        return ""
    parts = "".join(f"<div><dt>{text(name)}</dt><dd>{value}</dd></div>" for name, value in given)
    return f"<dl>{parts}</dl>\n"


def _values(value: object) -> str:
    several = value if isinstance(value, list) else ["yes" if value is True else value]
    return ", ".join(f"<bdi>{text(each)}</bdi>" for each in several)


def _charts(answer: Answer) -> Iterator[str]:
    charts, possible = drawn(answer)
    if not charts:
        return
    yield '<div class="charts">\n'
    for number, series in enumerate(charts, 1):
        yield f"<figure><figcaption>{_caption(series)}</figcaption>\n{draw(series, number)}</figure>\n"
    yield "</div>\n"
    if possible > len(charts):
        yield f"<p>{len(charts)} of {possible} charts are drawn; the table has every number.</p>\n"


def _caption(series: Series) -> str:
    note = f" <small>({escape(series.note)})</small>" if series.note else ""
    return escape(series.title) + note


def _origin(answer: Answer) -> str:
    name = text(Path(answer.database).resolve().name)
    today = datetime.now(UTC).date().isoformat()
    made = f"From <bdi>{name}</bdi> by tillroll {__version__} on {today}."
    return f"{made} Amounts are exact; currencies are never added."
