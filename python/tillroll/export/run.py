"""An export from its first row to the folder's name."""

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import tillroll
from tillroll.export.files import Files, sync_folder
from tillroll.export.partition import Partition
from tillroll.export.summary import ExportProgress, ExportSummary
from tillroll.invalid import invalid

Watch = Callable[[ExportProgress], object]


def export(
    sales: tillroll.Sales,
    database: Path,
    dir: str | os.PathLike[str],
    *,
    partition_by: str | Iterable[str] = ("store", "month"),
    columns: str | Iterable[str] | None = None,
    limit: int | None = None,
    binary_ids: bool = False,
    progress: bool | Watch | None = None,
    **where: Any,
) -> ExportSummary:
    """What `Sales.export()` does, of a database in this folder."""
    refuse_without_extra()
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise TypeError("progress must be True, False, None or a callable")
    started = time.monotonic()
    partition = Partition(_names(partition_by), sales.columns)
    scan, kept = _scan(sales, partition, columns, {"limit": limit, "binary_ids": binary_ids} | where)
    target = _target(_text(dir), database)
    total = None if where or limit is not None else len(sales)
    with _watched(progress) as watch, _whole(target) as folder:
        files, rows = _write(scan, partition, kept, folder, total, watch)
    return ExportSummary(files.count, rows, files.bytes, time.monotonic() - started)


def refuse_without_extra() -> None:
    """Says what to install where the extra is missing."""
    try:
        import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "exporting needs pyarrow, which comes with an extra: pip install 'tillroll[export]'",
            name="pyarrow",
        ) from error


def _names(names: str | Iterable[str]) -> list[str]:
    """One name or several."""
    found = [names] if isinstance(names, str) else list(names)
    if not all(isinstance(name, str) for name in found):
        raise TypeError("partition_by must be a str or an iterable of str")
    return found


def _text(dir: str | os.PathLike[str]) -> str:
    """A path as text that can name a folder."""
    text = os.fsdecode(dir)
    if not text or "\0" in text:
        raise invalid("dir", "must name a folder")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise invalid("dir", "must be Unicode text, without a lone surrogate") from None
    return text


def _target(dir: str, database: Path) -> Path:
    """The folder that the export becomes, which must be new or empty."""
    # A link is followed: what it leads to is replaced, not the link.
    target = Path(os.path.realpath(dir))
    if target.is_relative_to(database.resolve()):
        error = tillroll.FormatError(f"{target}: lies in the database, where nothing else is written")
        error.path = str(target)
        raise error
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to export to", str(target.parent))
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "an export is a folder, and this is none", str(target))
    if target.exists() and any(target.iterdir()):
        raise _occupied(target)
    return target


def _occupied(target: Path) -> FileExistsError:
    message = "the folder has something in it: an export goes to a new or an empty one"
    return FileExistsError(errno.EEXIST, message, str(target))


def _scan(
    sales: tillroll.Sales,
    partition: Partition,
    columns: str | Iterable[str] | None,
    query: dict[str, Any],
) -> tuple[tillroll.Scan, list[str]]:
    """The rows to write, with what tells their folders, and the columns that the files have."""
    asked = sales.scan(columns=columns, **query).columns
    kept = [name for name in asked if name not in partition.in_path]
    if not kept:
        raise invalid("partition_by", "leaves no column for the files")
    needed = [*asked, *(name for name in partition.columns if name not in asked)]
    scan = sales.scan(columns=needed, **query)
    partition.check(import_module("pyarrow").schema(scan))
    return scan, kept


def _write(
    scan: tillroll.Scan,
    partition: Partition,
    kept: list[str],
    folder: Path,
    total: int | None,
    watch: Watch,
) -> tuple[Files, int]:
    """Writes the rows batch by batch; no more than a few of them are in memory at a time."""
    arrow = import_module("pyarrow")
    schema = arrow.schema([arrow.schema(scan).field(name) for name in kept])
    files, rows = Files(folder, schema), 0
    try:
        watch(ExportProgress(0, total, 0))
        for some in scan:
            batch = arrow.record_batch(some)
            for place, part in partition.split(batch):
                files.add(partition.folder(place), part.select(kept))
            files.settle(batch.nbytes)
            rows += batch.num_rows
            # Rows may have been imported since they were counted.
            watch(ExportProgress(rows, None if total is None else max(total, rows), files.count))
        if not rows:
            # Readers find the columns all the same.
            files.add(partition.folder(partition.nowhere()), arrow.RecordBatch.from_pylist([], schema))
        files.close()
    except BaseException:
        files.abandon()
        raise
    return files, rows


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A folder beside the target that takes its name when all is in it, and is gone where that fails."""
    folder = target.with_name(f".{target.name}.exporting-{secrets.token_hex(4)}")
    folder.mkdir()
    try:
        yield folder
        _rename(folder, target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _rename(folder: Path, target: Path) -> None:
    if os.name == "nt" and target.exists():
        # There a folder takes no other's place, an empty one's included.
        target.rmdir()
    try:
        folder.rename(target)
    except OSError as error:
        # Somebody put something there meanwhile: it stays.
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise _occupied(target) from error
        raise
    sync_folder(target.parent)


@contextmanager
def _watched(progress: bool | Watch | None) -> Iterator[Watch]:
    """Whom to tell how far it is."""
    if callable(progress):
        yield progress
    elif progress:
        from tillroll.export.bar import bar

        with bar() as watch:
            yield watch
    else:
        yield lambda state: None
