"""`tillroll credentials`: what signs in at a store, sealed."""

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import tillroll
from tillroll.cli import account as accounts
from tillroll.cli.database import DATABASE, opening
from tillroll.cli.passphrase import FILE, passphrase
from tillroll.cli.terminal import screen
from tillroll.cli.text import one_line
from tillroll.cli.trouble import USAGE, Trouble

NAMES = {
    "amazon": ("client_id", "client_secret"),
    "apple": ("key_id", "issuer_id", "private_key", "vendor_number"),
}


def credentials(
    db: Annotated[str, DATABASE],
    account: Annotated[
        str,
        typer.Option(metavar="NAME_OR_ID", help="Whose they are; with --store an unknown name is made."),
    ],
    store: Annotated[
        str | None, typer.Option(metavar="STORE", help="amazon or apple: makes the account.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A JSON object with them; - reads it from standard input."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Forget them, and fetch no more.")] = False,
    passphrase_file: Annotated[str | None, FILE] = None,
) -> None:
    """Seal what signs in at a store, and fetch the account's reports from now on (`tillroll sync`).

    Asked for on a terminal, where they are not shown, or read from a file: never an argument, which other
    programs could see. Of Amazon: client_id, client_secret. Of Apple: key_id, issuer_id, private_key (asked
    for as the name of the .p8 file), vendor_number.

    Examples:

    \b
    tillroll credentials shop.till --account "Amazon apps" --store amazon
    tillroll credentials shop.till --account 2 --file apple.json
    """
    if store is not None and store not in NAMES:
        raise Trouble(f"--store {store!r} is neither amazon nor apple", code=USAGE)
    makes = store is not None and not remove
    if makes and not Path(db).exists():
        accounts.refuse_new_id(account, db)
    # Before anything is opened or made; without --store the account says what is to be asked for.
    given = None if remove or (file is None and store is None) else _read(file, str(store))
    phrase = passphrase(passphrase_file)
    with tillroll.open(db, passphrase=phrase) if makes else opening(db, passphrase=phrase) as opened:
        whose = accounts.find(opened, account)
        if whose is None and store is None:
            raise Trouble(f"no account {account!r} in {db}; with --store it is made")
        if remove:
            whose = whose or accounts.existing(opened, account)
            opened.external_accounts.set_credentials(whose, None)
            opened.external_accounts.update(whose.id, auto_import=False)
            screen().line(f"{one_line(whose.nickname)}: credentials forgotten, auto_import is off")
            return
        if given is None:
            given = _read(file, whose.store if whose else str(store))
        if whose is None:
            accounts.refuse_new_id(account, db)
            whose = opened.external_accounts.create(nickname=account.strip(), store=store)
        opened.external_accounts.set_credentials(whose, given)
        opened.external_accounts.update(whose.id, auto_import=True)
        screen().line(f"{one_line(whose.nickname)}: credentials sealed, auto_import is on")


def _read(file: str | None, store: str) -> dict[str, Any]:
    if file is None:
        return _ask(store)
    text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    given = None
    try:
        given = json.loads(text)
    except ValueError:
        # Told below, where nothing of the text can come along.
        given = None
    if not isinstance(given, dict):
        raise Trouble(f"{'standard input' if file == '-' else file} holds no JSON object", code=USAGE)
    return given


def _ask(store: str) -> dict[str, Any]:
    """Asks on the terminal; what is typed is not shown."""
    if not sys.stdin.isatty():
        raise Trouble(
            "there is no terminal to ask on: give --file FILE, or --file - and the JSON", code=USAGE
        )
    given = {}
    for name in NAMES.get(store, ()):
        if name == "private_key":
            path = Path(input("private_key, the .p8 file: ").strip())
            given[name] = path.expanduser().read_text("utf-8")
        elif text := getpass.getpass(f"{name}: ").strip():
            given[name] = text
    return given
