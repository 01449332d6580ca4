"""Every example of the stores' own APIs, for the tests of Python and C; those of Rust read the same file."""

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parent.parent / "data" / "examples.json"
_READ = json.loads(FILE.read_text(encoding="utf-8"))
EXAMPLES: list[dict[str, Any]] = _READ["examples"]
THEN = "2013-06-19T17:41:47Z"


def example(collection: str, place: int = 0) -> dict[str, Any]:
    """The fields of an example that creates a record, as a copy."""
    creating = [one for one in EXAMPLES if (one["collection"], one["verb"]) == (collection, "create")]
    return json.loads(json.dumps(creating[place]["arguments"]))


def examples(collection: str) -> Iterator[dict[str, Any]]:
    """The fields of all of them."""
    creating = [one for one in EXAMPLES if (one["collection"], one["verb"]) == (collection, "create")]
    return (example(collection, place) for place in range(len(creating)))


def name(one: dict[str, Any]) -> str:
    return f"{one['collection']}.{one['verb']}"


def assert_shows(value: Any, wanted: Any) -> None:
    """A value has all of an example: objects may have more, but for empty ones."""
    if isinstance(wanted, dict) and wanted:
        for key, part in wanted.items():
            assert_shows(value[key], part)
    elif isinstance(wanted, list):
        assert len(value) == len(wanted), (value, wanted)
        for one, part in zip(value, wanted, strict=True):
            assert_shows(one, part)
    else:
        assert value == wanted


@dataclass
class Face:
    """A database as a face gives it: verbs with their arguments by name, plain values as answers."""

    call: Callable[[str, str, dict[str, Any]], Any]
    import_records: Callable[[Path], Any]

    def fill(self, folder: Path, *more: dict[str, Any]) -> None:
        """Imports what the examples refer to."""
        file = folder / "records.jsonl"
        lines = [json.dumps(line) for line in [*_READ["records"], *more]]
        file.write_text("\n".join(lines), encoding="utf-8")
        self.import_records(file)

    def read_back(self, collection: str, id: Any, fields: dict[str, Any]) -> Any:
        expand = {"expand": ["meta", "categories"]} if "meta" in fields else {}
        return self.call(collection, "get", {"id": id} | expand)

    def answers(self, one: dict[str, Any], folder: Path) -> None:
        """Does what an example does, and reads what was created back."""
        self.fill(folder)
        for step in one.get("before", []):
            self.call(*step)
        answer = self.call(one["collection"], one["verb"], one["arguments"])
        shows = one.get("shows", one["arguments"])
        if one["verb"] == "create":
            answer = self.read_back(one["collection"], answer.get("id", answer.get("code")), shows)
        assert_shows(answer, shows)

    def restores(self, one: dict[str, Any], folder: Path) -> None:
        """Reads an example as a line of an export, under the id that it has."""
        time, fields = one.get("clock", THEN), one["arguments"]
        line = {"collection": one["collection"], "id": one["id"], "fields": fields}
        self.fill(folder, line | {"created_at": time, "updated_at": time})
        shown = self.read_back(one["collection"], one["id"], fields)
        assert_shows(shown, fields | one.get("restored", {}))


def texts(fields: dict[str, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a text stands in the fields of a record."""
    for key, value in fields.items() if isinstance(fields, dict) else enumerate(fields):
        if isinstance(value, str):
            yield (*path, key)
        elif isinstance(value, (dict, list)):
            yield from texts(value, (*path, key))


def changed(fields: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with another value at a place."""
    fields = copy.deepcopy(fields)
    at: Any = fields
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return fields


COLLECTIONS = sorted({one["collection"] for one in EXAMPLES})
# A record of each, and where it has texts that it takes.
TEXTS = [
    (collection, path)
    for collection in COLLECTIONS
    for path in texts(example(collection))
    if (collection, path[0]) != ("accounts", "type")
]
HOSTILE_PAGES = [0, -1, 2**63, 2**64, 2**200, -(2**200), 1.5, "x", True, [], {}]
HOSTILE_SIZES = [*HOSTILE_PAGES, 10**9]
HOSTILE_FILTERS = [
    *[
        "",
        " ",
        "eq",
        "eq(",
        "eq)",
        "eq()",
        "eq(id)",
        "eq(id,",
        "eq(id,1",
        "eq(id,1))",
        "eq(id,1):",
        ":eq(id,1)",
    ],
    *[
        "eq(id,1)eq(id,1)",
        "eq(id,1,2)",
        "eq(,1)",
        "no(id,1)",
        "eq(colour,1)",
        "like(created_at,*)",
        'eq(id,"1)',
        "in(id)",
    ],
    *[
        "eq(id;1)",
        "(" * 100_000,
        "eq(id,1):" * 200_000,
        'eq(id,"\\x")',
        "gt(created_at,then)",
        "\0",
        7,
        [],
        {},
    ],
]


# What must be in the future when it is created was so at the time of the example: today it is refused with
# its own day and created with a later one, and it comes back from an export as it stands. A process whose
# clock is set to the example's time creates it as it stands too.
LATER = "9999-10-20"
EXPIRED = [one for one in EXAMPLES if "expires_at" in one["arguments"]]
TOO_LATE = {"expires_at": ["must be in the future; a day begins at 0:00 UTC"]}


def of_today(one: dict[str, Any]) -> dict[str, Any]:
    if "expires_at" in one["arguments"]:
        return one | {"arguments": one["arguments"] | {"expires_at": LATER}}
    return one


def at_its_time(one: dict[str, Any], folder: Path) -> dict[str, str]:
    """What the environment of a process needs that is to take the time of an example for now."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("the clock is set by a library that Linux loads before the C library, and that cc makes")
    library = folder / "clock.so"
    source = FILE.with_name("clock.c")
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
    subprocess.run(["cc", *flags, "-o", library, source], check=True)
    then = datetime.fromisoformat(one.get("clock", THEN))
    return {"LD_PRELOAD": str(library), "CLOCK_AT": str(int(then.timestamp()))}
