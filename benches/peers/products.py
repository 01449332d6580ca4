"""Products by the hundred thousand in Tillroll and in SQLite with FTS5, in one run; prints JSON.

    python benches/peers/products.py [--count 100000] [--rounds 5]

Both get the same invented products in chunks of 10,000, each chunk in one durable commit. Each engine lives
in a process of its own, so that its peak memory is its own, and answers one question at a time; the engines
take turns, and the median of the rounds counts. Both must give the same answers: what is got by an id, the
ids of every page, how many match, and the set that a search hits. The order of hits differs, since SQLite
ranks by bm25 and Tillroll by how the words stand in the texts: only the sets are compared. SQLite's cache
holds 32 MiB, as that of Tillroll's index does.

A page is given with the number of all that match: SQLite counts them each time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from serve import Answer, Peers, peak_mb, serve, size_on_disk, timed

CHUNK = 10_000
READS = 2_000
PAGE = 50
HITS = 25
CACHE_KIB = 32 * 1024
ENGINES = ("tillroll", "sqlite")
WORDS = [
    *("Angry", "Birds", "Finder", "Pro", "Free", "Game", "Saga", "City", "Photo"),
    *("Editor", "Music", "Puzzle", "Super", "World", "Craft", "東京", "Café"),
]
# A number stands behind the last word: one word to SQLite, while Tillroll ends one where its script ends.
ASCII = [word for word in WORDS if word.isascii()]
TERMS = {
    "word": "puzzle",
    "prefix": "pho",
    "two words": "angry birds",
    "three words": "angry birds saga",
    "accent": "cafe",
    "rare": "studios 4711",
    "none": "zzz",
}


def product(number: int) -> dict[str, object]:
    """One product; the same number gives the same one, in any process."""
    draw = random.Random(number)
    name = f"{draw.choice(WORDS)} {draw.choice(WORDS)} {draw.choice(ASCII)}{draw.randrange(20_000)}"
    store, vendor = [
        ("apple", str(300_000_000 + number)),
        ("google_play", f"com.example.app{number}"),
        ("amazon_appstore", f"B{number:09}"),
    ][number % 3]
    fields: dict[str, object] = {
        "name": name,
        "developer": f"{draw.choice(WORDS)} Studios {draw.randrange(5_000)}",
        "store": store,
        "vendor_identifier": vendor,
        "icon": f"http://a715.phobos.apple.com/us/r1000/028/Purple/26/31/e1/{number}.png",
        "release_date": "2011-01-22T00:02:00",
        "added_date": "2011-11-22T23:53:45",
        "updated_date": "2011-11-02T13:00:02",
        "version": "1.76",
        "type": "app",
        "devices": ["Handheld", "Tablet"],
        "price": {"currency": "USD", "price": "0.99"},
    }
    fields |= [{"ref_no": 300_000_000 + number}, {"package_name": vendor}, {"sku": vendor}][number % 3]
    return fields


def chunks(count: int) -> Iterator[list[dict[str, object]]]:
    """All products, in the order in which they are created."""
    for start in range(0, count, CHUNK):
        yield [product(number) for number in range(start, min(start + CHUNK, count))]


class Tillroll:
    """The engine that is measured."""

    def __init__(self, folder: Path) -> None:
        import tillroll

        self.version = tillroll.__version__
        self.path = folder / "shop.till"
        self.open = lambda: tillroll.open(self.path)
        self.db = self.open()

    def create(self, products: list[dict[str, object]]) -> None:
        self.db.products.create_many(products)

    def get(self, key: int) -> object:
        return self.db.products.get(key).name

    def by_store(self, store: str, vendor: str) -> object:
        return self.db.products.get_by_store(store, vendor).name

    def page(self, number: int, sort: str, store: str | None) -> object:
        where = {} if store is None else {"store": store}
        page = self.db.products.list(page=number, page_size=PAGE, sort=f"{sort}-asc", **where)
        return page.item_count, [one.id for one in page.data]

    def search(self, term: str) -> object:
        page = self.db.products.search(term, count=HITS)
        return page.item_count, len(page.data)

    def hits(self, term: str) -> list[int]:
        found: list[int] = []
        number = 1
        while True:
            page = self.db.products.search(term, page=number, count=1000)
            found += [one.id for one in page.data]
            if number >= page.page_count:
                return found
            number += 1

    def close(self) -> None:
        self.db.close()

    def rebuild(self) -> None:
        """Make the index again from the journal: what a lost one costs."""
        shutil.rmtree(self.path / "index")
        self.db = self.open()


class Sqlite:
    """SQLite as one would lay it out for the same questions."""

    COLUMNS = (
        *("name", "developer", "store", "vendor_identifier", "icon", "release_date", "added_date"),
        *("updated_date", "version", "type", "devices", "price", "ref_no", "package_name", "sku"),
    )
    SCHEMA = f"""
        CREATE TABLE products (id INTEGER PRIMARY KEY, {", ".join(COLUMNS)}, created_at, updated_at);
        CREATE UNIQUE INDEX products_by_vendor ON products (store, vendor_identifier);
        CREATE INDEX products_by_store ON products (store);
        CREATE INDEX products_by_name ON products (name);
        CREATE VIRTUAL TABLE words USING fts5 (name, developer, content = 'products', content_rowid = 'id',
            prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2');
    """

    def __init__(self, folder: Path) -> None:
        self.version = sqlite3.sqlite_version
        self.path = folder / "shop.sqlite"
        self.db = self.open()
        self.db.executescript(self.SCHEMA)
        self.last = 0

    def open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return db

    def create(self, products: list[dict[str, object]]) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        rows, words = [], []
        for fields in products:
            self.last += 1
            plain = fields | {name: json.dumps(fields[name]) for name in ("devices", "price")}
            rows.append((self.last, *(plain.get(name) for name in self.COLUMNS), now, now))
            words.append((self.last, fields["name"], fields["developer"]))
        places = ", ".join("?" * (len(self.COLUMNS) + 3))
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(f"INSERT INTO products VALUES ({places})", rows)
        self.db.executemany("INSERT INTO words (rowid, name, developer) VALUES (?, ?, ?)", words)
        self.db.execute("COMMIT")

    def get(self, key: int) -> object:
        return self.db.execute("SELECT * FROM products WHERE id = ?", (key,)).fetchone()[1]

    def by_store(self, store: str, vendor: str) -> object:
        query = "SELECT * FROM products WHERE store = ? AND vendor_identifier = ?"
        return self.db.execute(query, (store, vendor)).fetchone()[1]

    def page(self, number: int, sort: str, store: str | None) -> object:
        where, values = ("", ()) if store is None else ("WHERE store = ?", (store,))
        (count,) = self.db.execute(f"SELECT count(*) FROM products {where}", values).fetchone()
        part = f"LIMIT {PAGE} OFFSET {(number - 1) * PAGE}"
        query = f"SELECT * FROM products {where} ORDER BY {sort}, id {part}"
        return count, [row[0] for row in self.db.execute(query, values)]

    @staticmethod
    def match(term: str) -> str:
        return " ".join(f'"{word}"*' for word in term.split())

    def search(self, term: str) -> object:
        match = (self.match(term),)
        (count,) = self.db.execute("SELECT count(*) FROM words WHERE words MATCH ?", match).fetchone()
        query = (
            "SELECT products.* FROM words JOIN products ON products.id = words.rowid "
            f"WHERE words MATCH ? ORDER BY rank LIMIT {HITS}"
        )
        return count, len(self.db.execute(query, match).fetchall())

    def hits(self, term: str) -> list[int]:
        query = "SELECT rowid FROM words WHERE words MATCH ?"
        return [key for (key,) in self.db.execute(query, (self.match(term),))]

    def close(self) -> None:
        self.db.close()

    def rebuild(self) -> None:
        """Make all that is derived again: the words and the indexes."""
        self.db = self.open()
        self.db.execute("INSERT INTO words (words) VALUES ('rebuild')")
        self.db.execute("REINDEX")


class Server:
    """One engine in a process of its own: a question a line, an answer a line."""

    def __init__(self, engine: str, count: int) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=Path.cwd() / "target"))
        self.engine = {"tillroll": Tillroll, "sqlite": Sqlite}[engine](self.folder)
        self.count = count

    def answer(self, what: str, given: list) -> Answer:
        return getattr(self, f"do_{what}")(*given)

    def do_version(self) -> Answer:
        return 0.0, self.engine.version

    def do_create(self) -> Answer:
        taken = (timed(lambda chunk=chunk: self.engine.create(chunk)) for chunk in chunks(self.count))
        return sum(seconds for seconds, _ in taken), None

    def do_peak(self) -> Answer:
        return 0.0, peak_mb()

    def do_get(self, seed: int) -> Answer:
        draw = random.Random(seed)
        keys = [draw.randrange(self.count) + 1 for _ in range(READS)]
        seconds, names = timed(lambda: [self.engine.get(key) for key in keys])
        return seconds / READS, hashlib.sha256(repr(names).encode()).hexdigest()

    def do_by_store(self, seed: int) -> Answer:
        draw = random.Random(seed)
        asked = [product(draw.randrange(self.count)) for _ in range(READS)]
        pairs = [(fields["store"], fields["vendor_identifier"]) for fields in asked]
        seconds, names = timed(lambda: [self.engine.by_store(*pair) for pair in pairs])
        assert names == [fields["name"] for fields in asked]
        return seconds / READS, None

    def do_page(self, number: int, sort: str, store: str | None) -> Answer:
        return timed(lambda: self.engine.page(number, sort, store))

    def do_search(self, term: str) -> Answer:
        return timed(lambda: self.engine.search(term))

    def do_hits(self, term: str) -> Answer:
        hits = sorted(self.engine.hits(term))
        return 0.0, [len(hits), hashlib.sha256(repr(hits).encode()).hexdigest()]

    def do_one_more(self) -> Answer:
        self.count += 1
        return timed(lambda: self.engine.create([product(self.count - 1)]))

    def do_close(self) -> Answer:
        return timed(self.engine.close)

    def do_size(self) -> Answer:
        return 0.0, size_on_disk(self.folder)

    def do_rebuild(self) -> Answer:
        return timed(self.engine.rebuild)

    def run(self) -> None:
        try:
            serve(self.answer)
        finally:
            shutil.rmtree(self.folder)


def compare(count: int, rounds: int) -> None:
    """Ask both engines everything."""
    serving = [sys.executable, __file__, "--count", str(count), "--serve"]
    peers = Peers({engine: [*serving, engine] for engine in ENGINES})
    print(json.dumps({"products": count, "cpus": os.cpu_count(), "load": os.getloadavg()}), flush=True)
    peers.values("version", "version")
    peers.tell("create, in chunks", "s", "create")
    peers.values("peak MB after creating", "peak")
    peers.tell("get by id", "us", "get", 1, rounds=rounds)
    peers.tell("get by store and id", "us", "by_store", 2, rounds=rounds)
    for name, term in TERMS.items():
        peers.tell(f"first search for {name}", "ms", "search", term)
        peers.tell(f"search for {name}: {term}", "ms", "search", term, rounds=rounds)
        _, hits = peers.ask("tillroll", "hits", term)
        if hits != peers.ask("sqlite", "hits", term)[1]:
            raise SystemExit(f"the hits of {term!r} differ")
    last, apples = (count + PAGE - 1) // PAGE, (count + 2) // 3
    for name, number, sort, store in [
        ("first page by id", 1, "id", None),
        ("deepest page by id", last, "id", None),
        ("first page by name", 1, "name", None),
        ("deepest page by name", last, "name", None),
        ("first page of a store", 1, "id", "apple"),
        ("middle page of a store", apples // PAGE // 2, "id", "apple"),
        ("deepest page of a store", (apples + PAGE - 1) // PAGE, "id", "apple"),
        ("first page of a store by name", 1, "name", "apple"),
    ]:
        peers.tell(f"{name}, asked first", "ms", "page", number, sort, store)
        peers.tell(name, "ms", "page", number, sort, store, rounds=rounds)
    peers.tell("create one", "ms", "one_more", same=False)
    peers.tell("first page of a store behind a change", "ms", "page", 1, "id", "apple")
    peers.values("peak MB of all this", "peak")
    peers.tell("close", "s", "close")
    peers.values("bytes on disk", "size")
    peers.tell("make the derived part again", "s", "rebuild")
    peers.values("peak MB with that", "peak")
    print(json.dumps({"load": os.getloadavg()}), flush=True)
    peers.end()


def main() -> int:
    """Compare, or be one of the two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", choices=ENGINES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        Server(arguments.serve, arguments.count).run()
    else:
        compare(arguments.count, arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
