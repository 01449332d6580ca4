"""Which folder a row belongs to."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from importlib import import_module
from typing import Any
from urllib.parse import quote

from tillroll.invalid import invalid

# Hive's own name for "no value"; readers give null for it.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
# What is no text, number or day makes no folder: nobody looks for all rows of one amount or one instant.
_UNSUITABLE = ("decimal128(18, 6)", "timestamp[us, tz=UTC]")

# What a folder is called for: one value of each key.
Place = tuple[str | None, ...]


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


# The steps of time, written as periods are.
STEPS: dict[str, Callable[[date], str]] = {
    "day": date.isoformat,
    "week": _week,
    "month": lambda day: f"{day.year:04}-{day.month:02}",
    "quarter": lambda day: f"{day.year:04}-Q{(day.month + 2) // 3}",
    "year": lambda day: f"{day.year:04}",
}


class Partition:
    """The keys that rows are put into folders by."""

    def __init__(self, keys: Sequence[str], columns: Sequence[str]) -> None:
        known = [*STEPS, *columns]
        for key in keys:
            if key not in known:
                message = f"{key[:40]!r} is neither a column of the sales nor a step of time"
                raise invalid("partition_by", message)
        if len(set(keys)) < len(keys):
            raise invalid("partition_by", "names a column twice")
        self._keys = tuple(keys)

    @property
    def columns(self) -> list[str]:
        """The columns that tell a row's folder."""
        return list(dict.fromkeys("date" if key in STEPS else key for key in self._keys))

    @property
    def in_path(self) -> set[str]:
        """The columns that the path alone holds, as is usual."""
        return set(self._keys)

    def check(self, schema: Any) -> None:
        """Refuses keys that make no folders."""
        for key in set(self._keys) - set(STEPS):
            if str(schema.field(key).type) in _UNSUITABLE:
                raise invalid("partition_by", f"{key!r} has amounts or instants, which make no folders")

    def folder(self, place: Place) -> str:
        """The path of a folder, from the export's own on."""
        named = zip(self._keys, place, strict=True)
        return "/".join(f"{key}={_segment(value)}" for key, value in named)

    def nowhere(self) -> Place:
        """The place of no row: where an empty export keeps its columns."""
        return (None,) * len(self._keys)

    def split(self, batch: Any) -> Iterator[tuple[Place, Any]]:
        """The rows of a batch by place. Within one place they keep their order."""
        compute = import_module("pyarrow.compute")
        places, codes = self._places(batch)
        if len(places) < 2:
            yield from ((place, batch) for place in places)
            return
        # A stable sort.
        order = compute.array_sort_indices(codes)
        batch = batch.take(order)
        runs = compute.run_end_encode(codes.take(order))
        start = 0
        for code, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield places[code], batch.slice(start, end - start)
            start = end

    def _places(self, batch: Any) -> tuple[list[Place], Any]:
        """The places that a batch has rows of, and each row's index among them."""
        arrow, compute = import_module("pyarrow"), import_module("pyarrow.compute")
        places: list[Place] = [()] if batch.num_rows else []
        codes = arrow.repeat(arrow.scalar(0, arrow.int64()), batch.num_rows)
        for key in self._keys:
            texts, own = _texts(batch, key)
            both = compute.add(compute.multiply(codes, len(texts)), own)
            found = both.dictionary_encode()
            places = [
                (*places[pair // len(texts)], texts[pair % len(texts)])
                for pair in found.dictionary.to_pylist()
            ]
            codes = found.indices.cast(arrow.int64())
        return places, codes


def _texts(batch: Any, key: str) -> tuple[list[str | None], Any]:
    """The texts of a key in a batch, and each row's index among them."""
    arrow, compute = import_module("pyarrow"), import_module("pyarrow.compute")
    text: Callable[[Any], str] = STEPS.get(key, str)
    column = batch.column("date" if key in STEPS else key)
    if not arrow.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    # Several values have one text, as the days of a month have.
    known: dict[str | None, int] = {None: 0}
    values = [None if value is None else text(value) for value in column.dictionary.to_pylist()]
    meant = arrow.array([known.setdefault(value, len(known)) for value in values], arrow.int64())
    codes = compute.fill_null(meant.take(column.indices), 0)
    return list(known), codes


def _segment(value: str | None) -> str:
    """A value as a part of a path, with what the file system or readers might take amiss as %XX."""
    return NO_VALUE if value is None else quote(value, safe=" ")
