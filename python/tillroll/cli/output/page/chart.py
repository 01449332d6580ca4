"""Series as SVG that stands in the page: bars over time, and bars beside their names."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape
from math import ceil

from rich.cells import cell_len, set_cell_size

from tillroll.cli.output.page.markup import END, ISOLATED
from tillroll.cli.output.page.scale import Scale, short
from tillroll.cli.output.page.series import Point, Series
from tillroll.cli.output.page.times import at, named

WIDTH = 400
HEIGHT = 196
TOP, BOTTOM, RIGHT = 10, 168, 392
# About what a character takes at the charts' size of type.
CHARACTER = 6.3
# Beyond this a bar is thinner than what a screen can show: a line it is.
BARS = 400
RANK, BAR = 34, 10


def draw(series: Series, number: int) -> str:
    """A chart, with what those hear who do not see it."""
    height, inside = _time(series) if series.time else _ranks(series)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="c{number} d{number}">'
        f'<title id="c{number}">{escape(series.title)}</title>'
        f'<desc id="d{number}">{escape(_described(series))}</desc>{"".join(inside)}</svg>'
    )


def _described(series: Series) -> str:
    high = max(series.points, key=lambda point: point.amount)
    low = min(series.points, key=lambda point: point.amount)
    first, last = series.points[0], series.points[-1]
    span = f"{len(series.points)} amounts, from {first.name} to {last.name}. " if series.time else ""
    largest = f"{span}Largest: {high.name}, {high.said}"
    # The last of those that are drawn is not the smallest of all.
    return f"{largest} ({series.note})." if series.note else f"{largest}. Smallest: {low.name}, {low.said}."


def _time(series: Series) -> tuple[int, Iterator[str]]:
    return HEIGHT, _time_parts(series)


def _time_parts(series: Series) -> Iterator[str]:
    points = series.points
    scale = Scale.of(point.amount for point in points)
    left = 8 + max(cell_len(short(tick)) for tick in scale.ticks()) * CHARACTER
    for tick in scale.ticks():
        y = _y(scale, tick)
        kind = "zero" if tick == 0 else "rule"
        yield f'<line class="{kind}" x1="{left:.1f}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="end" x="{left - 5:.1f}" y="{y + 4:.1f}">{short(tick)}</text>'
    first = points[0].at
    slots = points[-1].at - first + 1
    room = (RIGHT - left) / slots
    places = [(left + (point.at - first) * room, point) for point in points]
    yield from _bars(scale, places, room) if slots <= BARS else _line(scale, places)
    yield from _times(str(series.time), first, slots, left, room)


def _y(scale: Scale, amount: Decimal) -> float:
    return BOTTOM - (BOTTOM - TOP) * scale.share(amount)


def _bars(scale: Scale, places: Sequence[tuple[float, Point]], room: float) -> Iterator[str]:
    gap = min(room * 0.25, 6) if room > 3 else 0
    # A single bar in a wide place would be a wall.
    wide = min(room - gap, 48)
    zero = _y(scale, Decimal(0))
    for x, point in places:
        y = _y(scale, point.amount)
        start = x + (room - wide) / 2
        yield (
            f'<rect class="{_kind(point)}" x="{start:.2f}" y="{min(y, zero):.2f}" width="{wide:.2f}" '
            f'height="{abs(y - zero):.2f}">{_told(point)}</rect>'
        )


def _line(scale: Scale, places: Sequence[tuple[float, Point]]) -> Iterator[str]:
    """A line that stops where nothing is known: across a gap it would tell of amounts that nobody has."""
    path, after = [], None
    for x, point in places:
        to = "L" if point.at == after else "M"
        # A point by itself is a dot: a line of no length with a round end.
        path.append(f"{to}{x:.1f} {_y(scale, point.amount):.1f}{'h0' if to == 'M' else ''}")
        after = point.at + 1
    yield f'<path class="line" d="{"".join(path)}"/>'


def _times(time: str, first: int, slots: int, left: float, room: float) -> Iterator[str]:
    """Names below the axis, each as many places from the one before, as there is room for them."""
    wide = cell_len(named(at(first, time), time)) * CHARACTER
    for slot in range(0, slots, ceil(wide * 1.6 / room)):
        middle = max(left + (slot + 0.5) * room, wide / 2)
        if middle + wide / 2 <= WIDTH:
            name = named(at(first + slot, time), time)
            yield f'<text class="mid" x="{middle:.1f}" y="{HEIGHT - 6}">{name}</text>'


def _ranks(series: Series) -> tuple[int, Iterator[str]]:
    return len(series.points) * RANK + 2, _rank_parts(series)


def _rank_parts(series: Series) -> Iterator[str]:
    low = min(Decimal(0), *(point.amount for point in series.points))
    high = max(Decimal(0), *(point.amount for point in series.points))
    scale = Scale(low, high, Decimal(1))
    zero = WIDTH * scale.share(Decimal(0))
    for point in series.points:
        x, y = WIDTH * scale.share(point.amount), point.at * RANK + 12
        # Something that is not nothing is seen.
        wide = max(abs(x - zero), 1 if point.amount else 0)
        start = min(x, zero, WIDTH - wide)
        bar = f'x="{start:.2f}" y="{y + 6}" width="{wide:.2f}" height="{BAR}"'
        yield (
            f"<g>{_told(point)}"
            f'<text x="0" y="{y}">{escape(_cut(point))}</text>'
            f'<text class="end" x="{WIDTH}" y="{y}">{point.said}</text>'
            f'<rect class="track" x="0" y="{y + 6}" width="{WIDTH}" height="{BAR}"/>'
            f'<rect class="{_kind(point)}" {bar}/></g>'
        )


def _cut(point: Point) -> str:
    """A name in the room that its amount leaves; the whole of it is the bar's title."""
    room = int(WIDTH / CHARACTER) - cell_len(point.said) - 2
    if cell_len(point.name) <= room:
        return point.name
    cut = set_cell_size(point.name, room - 1).rstrip()
    return cut + "…" + END * (cut.count(ISOLATED) - cut.count(END))


def _kind(point: Point) -> str:
    return "bar minus" if point.amount < 0 else "bar"


def _told(point: Point) -> str:
    return f"<title>{escape(point.name)}: {point.said}</title>"
