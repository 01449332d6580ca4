"""The files of an export, many at a time."""

import os
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

# Rows that make one row group, which readers skip or read as a whole.
_GROUP_ROWS_MAX = 256 * 1024
# Rows wait for their group to become full until so many bytes were read. A row that waits keeps all of the
# batch that it came with in memory, so what counts is how much was read and not how much of it waits.
_WAITING_BYTES_MAX = 128 << 20
# Files that are open at a time; one that is met again later goes on in another part.
_OPEN_MAX = 64


@dataclass
class _File:
    """One file that is being written, and the rows that wait for it."""

    out: BinaryIO
    writer: Any
    waiting: list[Any] = field(default_factory=list)
    rows: int = 0


class Files:
    """Writes rows to the folders they belong to."""

    def __init__(self, root: Path, schema: Any) -> None:
        self._root = root
        self._schema = schema
        # The one that was written to last is last.
        self._open: OrderedDict[str, _File] = OrderedDict()
        self._parts: dict[str, int] = {}
        self._read = 0
        self.count = 0
        self.bytes = 0

    def add(self, folder: str, batch: Any) -> None:
        """Rows for a file of this folder. They may wait in memory until there are more."""
        file = self._open.get(folder) or self._begin(folder)
        self._open.move_to_end(folder)
        file.waiting.append(batch)
        file.rows += batch.num_rows
        if file.rows >= _GROUP_ROWS_MAX:
            self._flush(file)

    def settle(self, size: int) -> None:
        """So many bytes were read and added: what waits for too long is written."""
        self._read += size
        if self._read > _WAITING_BYTES_MAX:
            for file in self._open.values():
                self._flush(file)
            self._read = 0

    def close(self) -> None:
        """Writes what waits, and sees to it that all of it is on disk."""
        while self._open:
            self._end()
        for folder, _, _ in os.walk(self._root, topdown=False):
            sync_folder(Path(folder))

    def abandon(self) -> None:
        """Lets go of all files, whatever is in them: they are about to be removed."""
        for file in self._open.values():
            # What could not be written before cannot be ended either.
            for one in (file.writer, file.out):
                with suppress(OSError):
                    one.close()
        self._open.clear()

    def _begin(self, folder: str) -> _File:
        if len(self._open) >= _OPEN_MAX:
            self._end()
        part = self._parts.get(folder, 0)
        self._parts[folder] = part + 1
        path = self._root / folder / f"part-{part}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened here, since pyarrow takes no path that is not UTF-8.
        out = path.open("xb")
        writer = import_module("pyarrow.parquet").ParquetWriter(out, self._schema, compression="zstd")
        self.count += 1
        return self._open.setdefault(folder, _File(out, writer))

    def _end(self) -> None:
        """Closes the file that was not written to for the longest time."""
        _, file = next(iter(self._open.items()))
        self._flush(file)
        file.writer.close()
        self._open.popitem(last=False)
        with file.out:
            file.out.flush()
            os.fsync(file.out.fileno())
            self.bytes += file.out.tell()

    def _flush(self, file: _File) -> None:
        if file.rows:
            table = import_module("pyarrow").Table.from_batches(file.waiting, self._schema)
            file.writer.write_table(_compact(table), row_group_size=_GROUP_ROWS_MAX)
            file.waiting, file.rows = [], 0


def _compact(table: Any) -> Any:
    """The same rows with dictionaries of their own: a few of a batch's rows come with all of its texts."""
    arrow = import_module("pyarrow")
    for place, field_ in enumerate(table.schema):
        if not arrow.types.is_dictionary(field_.type):
            continue
        column = table.column(place)
        if sum(len(chunk.dictionary) for chunk in column.chunks) > table.num_rows:
            own = column.cast(field_.type.value_type).dictionary_encode()
            table = table.set_column(place, field_, own.cast(field_.type))
    return table.unify_dictionaries()


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on disk, where a system can be asked for that."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
