"""The whole of a sync: the plan, a store for each account, and what becomes of each report."""

import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import tillroll
from tillroll.invalid import invalid
from tillroll.sync.errors import GaveUpError, SignInError, StoreError
from tillroll.sync.settings import Settings
from tillroll.sync.store import Fetched, Missing, Store
from tillroll.sync.summary import Outcome, SyncedReport, SyncProgress, SyncSummary
from tillroll.sync.trial import Trial

if TYPE_CHECKING:
    from tillroll.sync.http import Client

NEEDED = ("urllib3", "jwt", "cryptography")
# A store that gave up on so many reports, one after the other, is asked nothing more in this run.
_GIVEN_UP_MAX = 2

_running: set[Path] = set()
_running_lock = threading.Lock()


def sync(
    db: tillroll.Db,
    accounts: Iterable[int | tillroll.Record] | None = None,
    *,
    since: str | date | None = None,
    progress: bool | Callable[[SyncProgress], object] | None = None,
    now: datetime | None = None,
    settings: Settings | None = None,
) -> SyncSummary:
    """What `Db.sync()` does."""
    try:
        return _sync(db, accounts, since, progress, now, settings)
    except BaseException as error:
        # What inner frames hold signs in: it must not come along in what the caller may log or keep.
        cut_inner_frames(error)
        raise


def _sync(
    db: tillroll.Db,
    accounts: Iterable[int | tillroll.Record] | None,
    since: str | date | None,
    progress: bool | Callable[[SyncProgress], object] | None,
    now: datetime | None,
    settings: Settings | None,
) -> SyncSummary:
    refuse_without_extra()
    started = time.monotonic()
    _check(progress, now, settings)
    ids = None if accounts is None else _ids(accounts)
    summary = SyncSummary(skipped=skipped(db, ids))
    with _alone(db.path), _watched(progress) as watch:
        run = Run(db, summary, now, settings or Settings.from_environment(), watch)
        run.all(db.sync_plan(now=now, since=since, accounts=ids))
    summary.seconds = time.monotonic() - started
    return summary


def _ids(accounts: Iterable[int | tillroll.Record]) -> list[int]:
    """The ids of accounts; what can be none is told before anything is asked of a store."""
    ids = []
    if isinstance(accounts, str | bytes):
        raise TypeError("accounts must be an iterable of ids or records")
    for each in accounts:
        id_ = each.id if isinstance(each, tillroll.Record) else each
        if not isinstance(id_, int) or isinstance(id_, bool):
            raise TypeError("accounts must be ids or records")
        if not 0 < id_ < 2**63:
            raise invalid("accounts", "must be ids, whole numbers from 1 on")
        ids.append(id_)
    return ids


def _check(progress: Any, now: Any, settings: Any) -> None:
    """Refuses what has a wrong type."""
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise TypeError("progress must be a bool or a callable")
    if now is not None and not isinstance(now, datetime):
        raise TypeError("now must be a datetime")
    if settings is not None and not isinstance(settings, Settings):
        raise TypeError("settings must be a tillroll.sync.Settings")


def refuse_without_extra() -> None:
    """Says what to install where the extra is missing."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ModuleNotFoundError(
            f"fetching needs {missing[0]}, which comes with an extra: pip install 'tillroll[sync]'",
            name=missing[0],
        )


def skipped(db: tillroll.Db, ids: list[int] | None) -> list[tuple[int, str]]:
    """The accounts that were meant and cannot be fetched for. One that is named is an error."""
    found = []
    for account in db.external_accounts if ids is None else map(db.external_accounts.get, ids):
        why = _hindrance(db, account)
        if why and ids is not None:
            raise invalid("accounts", f"account {account.id} ({account.nickname}): {why}")
        if why and account.auto_import and account.store != "google_play":
            found.append((account.id, why))
    return found


def _hindrance(db: tillroll.Db, account: tillroll.Record) -> str | None:
    """Why an account cannot be fetched for."""
    if not account.auto_import:
        return "auto_import is off"
    if account.store == "google_play":
        return "google_play has no such interface: mirror the bucket, and sync the folder"
    if not db.external_accounts.has_credentials(account):
        return "has no credentials: set_credentials() or `tillroll credentials` seals them"
    return None


class Run:
    """One sync that runs."""

    def __init__(
        self,
        db: tillroll.Db,
        summary: SyncSummary,
        now: datetime | None,
        settings: Settings,
        watch: Callable[[SyncProgress], object],
    ) -> None:
        self._db = db
        self._summary = summary
        # Imports note the database's time; another one must be told.
        self._now = now
        self._settings = settings
        self._watch = watch
        self._total = 0
        # How many reports in a row each store gave up on.
        self._given_up: Counter[str] = Counter()

    def all(self, plan: list[tillroll.PlannedFetch]) -> None:
        """Fetches and imports all of a plan."""
        from tillroll.sync.http import Client, without_links_in_logs

        self._total = len(plan)
        self._watch(SyncProgress(0, self._total, None))
        clients: dict[str, Client] = {}
        try:
            with (
                _folder(self._db.path) as folder,
                closing(Trial(folder)) as trial,
                without_links_in_logs(),
            ):
                for account, planned in groupby(plan, key=lambda each: each.account):
                    record = self._db.external_accounts.get(account)
                    name = "Amazon" if record.store == "amazon" else "Apple"
                    if record.store not in clients:
                        clients[record.store] = Client(name, self._settings)
                    self._account(record, clients[record.store], list(planned), folder, trial)
        finally:
            for client in clients.values():
                client.close()
                self._summary.requests += client.requests
                self._summary.bytes += client.bytes

    def _account(
        self,
        account: tillroll.Record,
        client: "Client",
        plan: list[tillroll.PlannedFetch],
        folder: Path,
        trial: Trial,
    ) -> None:
        store = self._store(account, client)
        for place, planned in enumerate(plan):
            if self._given_up[account.store] >= _GIVEN_UP_MAX:
                self._leave(len(plan) - place)
                return
            message, given_up, is_refused = "", 0, False
            try:
                outcome, done = self._one(store, planned, folder, trial)
            except GaveUpError as error:
                given_up, message = self._given_up[account.store] + 1, str(error)
            except SignInError as error:
                is_refused, message = True, str(error)
            except (StoreError, tillroll.FormatError, tillroll.ConflictError) as error:
                message = str(error)
            self._given_up[account.store] = given_up
            if message:
                outcome, done = Outcome.FAILED, None
            self._tell(account, planned, outcome, done, message)
            if is_refused:
                self._leave(len(plan) - place - 1)
                return

    def _leave(self, reports: int) -> None:
        """Counts what is not asked for in this run."""
        self._summary.left += reports
        self._total -= reports

    def _store(self, account: tillroll.Record, client: "Client") -> Store:
        credentials = self._db.external_accounts.reveal_credentials(account)
        if credentials is None:
            raise tillroll.NotFoundError(f"the credentials of account {account.id} are gone")
        if account.store == "amazon":
            from tillroll.sync.amazon import Amazon

            return Amazon(credentials, client, self._settings)
        from tillroll.sync.apple import Apple

        vendor_id = account.metadata.get("vendor_id")
        return Apple(credentials, vendor_id, client, self._settings)

    def _one(
        self, store: Store, planned: tillroll.PlannedFetch, folder: Path, trial: Trial
    ) -> tuple[Outcome, tillroll.ImportSummary | None]:
        """One report: what became of it, and the import of it."""
        got = store.fetch(planned, folder)
        if not isinstance(got, Fetched):
            return self._without(planned, got), None
        try:
            if not trial.rows(got, planned) and self._state(planned) == "rows":
                raise StoreError("the report that came has no rows, and others are stored: they stay")
            done = self._db.sales.import_reports(
                [got.path], account=planned.account, kind=planned.kind, period=got.period
            )
        finally:
            got.path.unlink()
        self._settle(planned)
        if done.unchanged:
            return Outcome.UNCHANGED, done
        if not done.rows + done.rejected:
            return Outcome.EMPTY, done
        return (Outcome.REPLACED if done.replaced else Outcome.NEW), done

    def _without(self, planned: tillroll.PlannedFetch, missing: Missing) -> Outcome:
        """What it means that a store has no report for a period."""
        state = self._state(planned)
        where = (planned.account, planned.kind, planned.period)
        if missing is Missing.NONE and planned.is_over and state != "rows":
            self._db.sales.mark_empty(*where)
            self._settle(planned)
            return Outcome.EMPTY
        if state != "absent":
            # What was once given out is not taken back because it cannot be had twice.
            if missing is not Missing.LATER:
                self._settle(planned)
            return Outcome.KEPT
        if missing is Missing.GONE:
            self._db.sales.mark_lost(*where)
            return Outcome.LOST
        return Outcome.WAITING

    def _state(self, planned: tillroll.PlannedFetch) -> str:
        return self._db.sales.period_state(planned.account, planned.kind, planned.period)

    def _settle(self, planned: tillroll.PlannedFetch) -> None:
        self._db.sales.mark_fetched(planned.account, planned.kind, planned.period, at=self._now)

    def _tell(
        self,
        account: tillroll.Record,
        planned: tillroll.PlannedFetch,
        outcome: Outcome,
        done: tillroll.ImportSummary | None,
        message: str,
    ) -> None:
        report = SyncedReport(
            account.id,
            account.nickname,
            planned.store,
            planned.kind,
            planned.period,
            outcome,
            done.rows if done else 0,
            done.rejected if done else 0,
            message,
        )
        self._summary.reports.append(report)
        self._watch(SyncProgress(len(self._summary.reports), self._total, report))


def cut_inner_frames(error: BaseException) -> None:
    """Takes from an error what leads into a sync; what the caller's own `progress` did is kept."""
    own = None
    for inner in _frames(error):
        if inner.tb_frame.f_code.co_filename == __file__:
            own = inner.tb_next
    if own is not None and _is_ours(own):
        own = None
    error.__traceback__ = own
    for name in ("__cause__", "__context__"):
        before = getattr(error, name)
        if before is not None and (own is None or any(map(_is_ours, _frames(before)))):
            setattr(error, name, None)


def _frames(error: BaseException) -> Iterator[TracebackType]:
    frame = error.__traceback__
    while frame is not None:
        yield frame
        frame = frame.tb_next


def _is_ours(frame: TracebackType) -> bool:
    return frame.tb_frame.f_code.co_filename.startswith(str(Path(__file__).parent.parent))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Other processes are kept out by the database's own lock; this keeps out other threads."""
    path = path.resolve()
    with _running_lock:
        if path in _running:
            raise tillroll.LockedError(f"a sync of {path} is running already")
        _running.add(path)
    try:
        yield
    finally:
        with _running_lock:
            _running.discard(path)


@contextmanager
def _folder(database: Path) -> Iterator[Path]:
    """A folder for downloads that nobody else may read. What a killed sync left behind goes first."""
    prefix = f"tillroll-sync-{hash_of(database):08x}-"
    for stale in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            if not stale.is_symlink():
                shutil.rmtree(stale)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def hash_of(path: Path) -> int:
    """A number that stands for a path, the same in every process."""
    import zlib

    return zlib.crc32(str(path.resolve()).encode("utf-8", "surrogateescape"))


@contextmanager
def _watched(
    progress: bool | Callable[[SyncProgress], object] | None,
) -> Iterator[Callable[[SyncProgress], object]]:
    """Whom to tell how far it is; a bar where that is asked for and there is a terminal."""
    if callable(progress):
        yield progress
    elif progress and find_spec("rich") is not None:
        from tillroll.cli.progress import stepping

        with stepping("fetching") as step:
            yield lambda state: step and step(state.done, state.total, _named(state.report))
    else:
        yield lambda state: None


def _named(report: SyncedReport | None) -> str:
    return f"{report.nickname} {report.period}" if report else ""
