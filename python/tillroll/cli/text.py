"""Text for people: nothing in it that a terminal would obey."""

from datetime import date
from decimal import Decimal
from typing import Any
from unicodedata import category

# Joiners shape Indic and Persian words, the two marks of direction set right what stands beside them, and
# blanks are blanks in any script. Nothing else that is invisible is let through.
HARMLESS = "\u200c\u200d\u200e\u200f"


def printable(text: str) -> str:
    """Text out of a file, without control characters: a report must not steer the terminal it is shown on."""
    if text.isprintable():
        return text
    return "".join(each if _is_shown(each) else "\ufffd" for each in text)


def _is_shown(each: str) -> bool:
    return each.isprintable() or each in HARMLESS or category(each) == "Zs"


def one_line(text: str) -> str:
    """Text in one line."""
    return printable(" ".join(text.split()) if any(each in text for each in "\r\n\t") else text)


def count(number: int) -> str:
    """A count with thousands apart."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """A count with what it counts: `1 file`, `2,000 files`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def size(number: int) -> str:
    """A size in bytes, short."""
    if number < 1000:
        return f"{number} B"
    amount, units = number / 1000, ["kB", "MB", "GB"]
    while amount >= 999.5 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    unit = units[0]
    return f"{amount:.1f} {unit}" if amount < 99.95 else f"{amount:.0f} {unit}"


def plain(cell: Any) -> str:
    """A cell exactly as it is: ISO dates, decimals without exponents, nothing for nothing."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
