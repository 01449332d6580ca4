"""Text as it may stand in a page."""

from html import escape

from tillroll.cli.text import plain, printable

# Marks that keep the direction of a name to itself; HTML's own elements do the same in a table.
ISOLATED, END = "\u2068", "\u2069"


def text(cell: object) -> str:
    """A cell as text of the page."""
    return escape(printable(plain(cell)))


def words(name: str) -> str:
    """A column's name as words."""
    return name.replace("_", " ").replace("sku", "SKU")


def listed(names: list[str]) -> str:
    """Names as a sentence lists them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
