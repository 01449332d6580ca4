"""A folder that something else mirrors reports to: Google Play's bucket, or any store's downloads."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import tillroll

# What the stores call reports of sales and earnings. Of other files in a bucket none is a report that failed.
_REPORT = re.compile(r"(?:sales|earnings|playapps|s_[dwmy]_|apple-sales)", re.IGNORECASE)
# What a tool has not finished.
_UNFINISHED = (".part", ".partial", ".tmp", ".gstmp", ".crdownload", ".download")


@dataclass
class FolderSummary:
    """What came of a folder."""

    # By account: what was imported of the files that belong to it.
    imported: list[tuple[tillroll.Record, tillroll.ImportSummary]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    # Files that are no reports of sales or earnings.
    passed_over: int = 0
    # Reports of other stores than that of the account which was asked for.
    of_others: int = 0


def sync_folder(
    db: tillroll.Db, folder: str | PathLike[str], *, account: int | tillroll.Record | None = None
) -> FolderSummary:
    """Imports what is new or changed in a folder and those within it, of any store.

    A file belongs to `account`, else to the account whose id or nickname is the name of a folder that it
    lies in, else to the only account of its store. Files whose bytes are stored already change nothing. A
    file that cannot be imported does not stop the others.
    """
    done = FolderSummary()
    accounts = list(db.external_accounts)
    only = db.external_accounts.get(account) if account is not None else None
    whose: dict[int, list[str]] = {}
    for path, kind in _reports(Path(folder), done):
        store = "google_play" if kind.startswith("google") else kind.partition("-")[0]
        try:
            owner = _owner(path.relative_to(folder), store, accounts, only)
        except LookupError as error:
            done.failures.append((str(path), str(error)))
            continue
        if owner is not None:
            whose.setdefault(owner.id, []).append(str(path))
        else:
            done.of_others += 1
    for each in accounts:
        if each.id in whose:
            _import(db, each, whose[each.id], done)
    return done


def _reports(folder: Path, done: FolderSummary) -> Iterable[tuple[Path, str]]:
    if not folder.is_dir():
        raise NotADirectoryError(20, "is no folder", str(folder))
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.suffix.lower() in _UNFINISHED or not path.is_file():
            continue
        try:
            yield path, tillroll.sniff(path)
        except (tillroll.Error, OSError) as error:
            if _REPORT.match(path.name):
                done.failures.append((str(path), str(error)))
            else:
                done.passed_over += 1


def _owner(
    path: Path, store: str, accounts: list[tillroll.Record], only: tillroll.Record | None
) -> tillroll.Record | None:
    """Whose a file is; None for one of another store than the only account that is asked for."""
    if only is not None:
        return only if only.store == store else None
    of_store = [account for account in accounts if account.store == store]
    folders = set(path.parts[:-1])
    named = [account for account in of_store if folders & {str(account.id), account.nickname.strip()}]
    found = named or of_store
    if len(found) == 1:
        return found[0]
    if not found:
        raise LookupError(f"there is no account at {store}")
    names = ", ".join(f"{account.id} ({account.nickname})" for account in found)
    raise LookupError(
        f"may be that of the accounts {names}: put it into a folder with the name or id, or say whose it is"
    )


def _import(db: tillroll.Db, account: tillroll.Record, paths: list[str], done: FolderSummary) -> None:
    summary: tillroll.ImportSummary | None
    try:
        summary = db.sales.import_reports(paths, account=account)
    except (tillroll.Error, OSError) as error:
        summary = getattr(error, "summary", None)
        failures = getattr(error, "failures", ())
        if not failures:
            raise
        done.failures += [(str(path), str(each)) for path, each in failures]
    if summary is not None:
        done.imported.append((account, summary))
