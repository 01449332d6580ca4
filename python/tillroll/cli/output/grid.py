"""Rows and columns as text in columns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size

from tillroll.cli.terminal import Screen
from tillroll.cli.text import printable

GAP = "  "
# A column of text is never cut to less.
NARROW = 8


@dataclass
class Grid:
    """A table ready to be shown: every cell is text already."""

    names: Sequence[str]
    rows: list[list[str]]
    # Which columns hold numbers: they stand at the right.
    right: set[str] = field(default_factory=set)

    def show(self, screen: Screen, indent: int = 0) -> None:
        """Writes the table, fitted to the screen's width where it has one."""
        for line in self.lines(screen, indent):
            screen.line(" " * indent + line)

    def lines(self, screen: Screen, indent: int = 0) -> Iterator[str]:
        """The table line by line."""
        self.rows = [[printable(cell) for cell in row] for row in self.rows]
        widths = self._widths(None if screen.width is None else screen.width - indent)
        yield screen.bold(self._line(self.names, widths, screen))
        rule = "─" if screen.unicode else "-"
        yield screen.dim(GAP.join(rule * width for width in widths))
        for row in self.rows:
            yield self._line(row, widths, screen)

    def _widths(self, most: int | None) -> list[int]:
        """The columns' widths; where there is no room, text gives way, the widest first."""
        widths = [max(map(cell_len, column)) for column in zip(self.names, *self.rows, strict=True)]
        texts = [at for at, name in enumerate(self.names) if name not in self.right]
        while most is not None and texts and sum(widths) + len(GAP) * (len(widths) - 1) > most:
            widest = max(texts, key=lambda at: widths[at])
            if widths[widest] <= NARROW:
                break
            widths[widest] -= 1
        return widths

    def _line(self, cells: Iterable[str], widths: Sequence[int], screen: Screen) -> str:
        fitted = [
            self._fit(cell, width, name in self.right, screen.ellipsis)
            for cell, width, name in zip(cells, widths, self.names, strict=True)
        ]
        return GAP.join(fitted).rstrip()

    def _fit(self, cell: str, width: int, right: bool, ellipsis: str) -> str:
        room = width - cell_len(cell)
        if room < 0:
            return set_cell_size(cell, width - 1) + ellipsis
        return " " * room + cell if right else cell + " " * room
