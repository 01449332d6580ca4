"""`tillroll sync`: what the stores have, and the database has not."""

import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

import tillroll
from tillroll.cli.account import existing
from tillroll.cli.database import DATABASE, opening, reading
from tillroll.cli.passphrase import FILE, passphrase
from tillroll.cli.progress import stepping
from tillroll.cli.terminal import screen
from tillroll.cli.text import count, counted, one_line, size
from tillroll.cli.trouble import FAILED, USAGE, Trouble, describe, tell

if TYPE_CHECKING:
    from tillroll.sync import SyncedReport, SyncProgress, SyncSummary

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TOLD = {
    "empty": "nothing was sold",
    "unchanged": "unchanged",
    "waiting": "the store has none yet",
    "kept": "the store has none any more; what is stored stays",
    "lost": "the store will never give it out any more",
}


def sync(
    db: Annotated[str, DATABASE],
    account: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME_OR_ID", help="Only this one; may be given several times."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Nothing that ends before this day or month.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be fetched and why, and ask no store.")
    ] = False,
    every: Annotated[
        str | None, typer.Option(metavar="TIME", help="Go on, and do it again after 24h, 90m ...")
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Import what is new in this folder instead, of any store."),
    ] = None,
    passphrase_file: Annotated[str | None, FILE] = None,
) -> None:
    """Fetch from the stores what is missing or may have been restated, and import it.

    For each account with auto_import and credentials (`tillroll credentials`). What an interrupted run did
    not come to is done by the next one. Google Play has no such interface: mirror its bucket and give the
    folder.

    Examples:

    \b
    tillroll sync shop.till --dry-run
    tillroll sync shop.till
    tillroll sync shop.till --folder ~/play-reports --account "Android apps"

    Exits with 0 where all is done, with 1 where a store did not give what it should (the next run asks
    again) or the database is in use, with 2 where it was asked wrongly.
    """
    pause = _seconds(every) if every else None
    if folder and (since or dry_run):
        raise Trouble("--folder takes neither --since nor --dry-run", code=USAGE)
    if dry_run:
        _plan(db, account, since)
        return
    while True:
        try:
            _once(db, account, since, folder, passphrase(passphrase_file))
        except (Trouble, tillroll.Error, OSError) as trouble:
            if pause is None or _is_usage(trouble):
                raise
            for line in trouble.lines if isinstance(trouble, Trouble) else (describe(trouble),):
                tell(line)
        if pause is None:
            return
        screen().stream.flush()
        # The database is closed meanwhile: others may use it.
        time.sleep(pause)


def _is_usage(trouble: BaseException) -> bool:
    """What no time mends."""
    wrong = isinstance(trouble, Trouble) and trouble.code == USAGE
    return wrong or isinstance(trouble, tillroll.ValidationError | ModuleNotFoundError)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if found is None or int(found[1]) == 0:
        raise Trouble(f"--every {text!r} is none like 24h, 90m, 1d", code=USAGE)
    return int(found[1]) * _UNITS[found[2]]


def _plan(db: str, account: list[str] | None, since: str | None) -> None:
    """Says what would be fetched."""
    from tillroll.sync.run import skipped

    on = screen()
    with reading(db) as opened:
        names = {each.id: each.nickname for each in opened.external_accounts}
        ids = [existing(opened, each).id for each in account] if account else None
        # As the run itself does, it refuses an account that is named and cannot be fetched for.
        left_out = skipped(opened, ids)
        plan = opened.sync_plan(since=since, accounts=ids)
        for each in plan:
            on.line(f"{one_line(names[each.account])}: {each.kind} {each.period}, {each.reason}")
        for id_, why in left_out:
            on.line(f"{one_line(names[id_])}: {why}")
    on.line(f"{counted(len(plan), 'report')} to fetch")


def _once(
    db: str, account: list[str] | None, since: str | None, folder: str | None, phrase: str | None
) -> None:
    with opening(db, passphrase=phrase) as opened:
        whose = [existing(opened, each) for each in account] if account else None
        if folder:
            _folder(opened, folder, whose)
        else:
            _fetch(opened, whose, since)


def _fetch(db: tillroll.Db, whose: list[tillroll.Record] | None, since: str | None) -> None:
    from tillroll.sync import Outcome

    on = screen()
    with stepping("fetching") as step:

        def watch(state: "SyncProgress") -> None:
            if state.report is not None:
                on.line(_line(state.report))
                on.stream.flush()
            if step is not None:
                report = state.report
                step(state.done, state.total, f"{report.nickname} {report.period}" if report else "")

        try:
            done = db.sync(whose, since=since, progress=watch)
        except ModuleNotFoundError as error:
            raise Trouble(str(error), code=USAGE) from None
    on.line(
        f"{counted(len(done.reports), 'report')}: {counted(done.rows, 'row')} of "
        f"{count(done.count(Outcome.NEW, Outcome.REPLACED))} new or restated, "
        f"{count(done.count(Outcome.UNCHANGED))} unchanged, "
        f"{count(done.count(Outcome.EMPTY))} without sales, "
        f"{count(done.count(Outcome.WAITING))} not there yet "
        f"({counted(done.requests, 'request')}, {size(done.bytes)}, {done.seconds:.0f} s)"
    )
    if not done.ok:
        raise Trouble(*_troubles(done), code=FAILED)


def _troubles(done: "SyncSummary") -> list[str]:
    lines = [
        f"{one_line(each.nickname)}: {each.kind} {each.period}: {each.message or _TOLD['lost']}"
        for each in done.failures
    ]
    lines += [f"account {id_} {why}" for id_, why in done.skipped]
    failed, lost = (sum(each.outcome == outcome for each in done.failures) for outcome in ("failed", "lost"))
    if failed or done.left:
        left = f", {done.left:,} not asked for after that" if done.left else ""
        lines.append(f"{counted(failed, 'report')} not had{left}; the next sync asks again")
    if lost:
        lines.append(f"{counted(lost, 'report')} lost; no sync asks again")
    return lines


def _line(report: "SyncedReport") -> str:
    rows = counted(report.rows, "row")
    rejected = f", {report.rejected:,} rejected" if report.rejected else ""
    told = {"new": rows + rejected, "replaced": f"restated, {rows}{rejected}", "failed": "failed"} | _TOLD
    return f"{one_line(report.nickname)}: {report.kind} {report.period}: {told[report.outcome]}"


def _folder(db: tillroll.Db, folder: str, whose: list[tillroll.Record] | None) -> None:
    from tillroll.sync import sync_folder

    if whose and len(whose) > 1:
        raise Trouble("--folder takes one --account at most", code=USAGE)
    done = sync_folder(db, folder, account=whose[0] if whose else None)
    on = screen()
    for account, summary in done.imported:
        new = summary.files - summary.unchanged
        on.line(
            f"{one_line(account.nickname)}: {counted(new, 'file')} new or changed, "
            f"{counted(summary.rows, 'row')}, {summary.rejected:,} rejected; {summary.unchanged:,} unchanged"
        )
    if done.passed_over:
        on.line(f"{counted(done.passed_over, 'file')} passed over: no reports of sales or earnings")
    if done.of_others:
        on.line(f"{counted(done.of_others, 'file')} passed over: reports of other stores")
    if done.failures:
        lines = [text if path in text else f"{path}: {text}" for path, text in done.failures]
        raise Trouble(*lines, f"{counted(len(lines), 'file')} not imported", code=FAILED)
