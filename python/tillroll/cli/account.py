"""Which external account is meant by a name or an id, and making one for files of a store."""

from collections.abc import Sequence
from glob import glob
from pathlib import Path

import typer

import tillroll
from tillroll.cli.trouble import Trouble, describe

# What narrows a listing down.
ONLY = typer.Option(metavar="NAME_OR_ID", help="Only what is of this account.")


def find(db: tillroll.Db, text: str) -> tillroll.Record | None:
    """The account of this id or nickname; an id counts before a nickname of digits."""
    if is_id(text) and int(text) in db.external_accounts:
        return db.external_accounts.get(int(text))
    named = [account for account in db.external_accounts if account.nickname.strip() == text.strip()]
    if len(named) > 1:
        ids = ", ".join(str(account.id) for account in named)
        raise Trouble(f"{len(named)} accounts are named {text!r}: give --account one of the ids {ids}")
    return named[0] if named else None


def existing(db: tillroll.Db, text: str) -> tillroll.Record:
    """The account of this id or nickname, which must be there."""
    found = find(db, text)
    if found is None:
        raise Trouble(f"no account {text!r} in {db.path}: `tillroll accounts` lists them")
    return found


def is_id(text: str) -> bool:
    """Whether a text is meant as an id."""
    return text.isascii() and text.isdigit() and len(text) < 20


def refuse_new_id(text: str, database: str) -> None:
    """A number is meant as an id: no account is made of one."""
    if is_id(text):
        raise Trouble(f"no account {text} in {database}; a new one needs a name that is no number")
    if not text.strip():
        raise Trouble("an account needs a name")


def store_of(files: Sequence[str], kind: str | None) -> str:
    """The store whose reports these are: that of the first file which tells.

    Raises `Trouble` with a line a file where none does.
    """
    if kind:
        return _store(kind)
    lines = []
    for path in _expanded(files):
        try:
            return _store(tillroll.sniff(path))
        except tillroll.FormatError as error:
            lines.append(describe(error))
    raise Trouble(*lines, "no file tells its store: no account is made")


def _store(kind: str) -> str:
    """`amazon-sales` is the store amazon's."""
    return "google_play" if kind.startswith("google") else kind.partition("-")[0]


def _expanded(files: Sequence[str]) -> list[str]:
    """The files behind globs that no shell has resolved, as an import will find them."""
    found: list[str] = []
    for each in files:
        is_glob = any(mark in each for mark in "*?[") and not Path(each).exists()
        # Not of a directory: the pattern may be absolute.
        matches = sorted(glob(each, recursive=True)) if is_glob else [each]  # noqa: PTH207
        if not matches:
            raise Trouble(f"no file matches {each!r}")
        found += matches
    return found
