"""What a sync did, report by report."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a report that was asked for."""

    # Rows were written, for the first time or in the place of others.
    NEW = "new"
    REPLACED = "replaced"
    # The same bytes are stored already.
    UNCHANGED = "unchanged"
    # Nothing was sold.
    EMPTY = "empty"
    # The store has none yet.
    WAITING = "waiting"
    # The store has none any more, and what is stored stays.
    KEPT = "kept"
    # The store will never give it out any more.
    LOST = "lost"
    FAILED = "failed"


@dataclass(frozen=True)
class SyncedReport:
    """One report that was asked for."""

    account: int
    nickname: str
    store: str
    kind: str
    period: str
    outcome: Outcome
    rows: int = 0
    rejected: int = 0
    # Why, where that does not follow from the outcome.
    message: str = ""


@dataclass(frozen=True)
class SyncProgress:
    """How far a sync is."""

    done: int
    total: int
    # The report that is done; None before the first.
    report: SyncedReport | None


@dataclass
class SyncSummary:
    """All that a sync did. True where nothing is left to do or to look at."""

    reports: list[SyncedReport] = field(default_factory=list)
    # What was not asked for, because its store failed before: the next sync does.
    left: int = 0
    # Accounts that were to be fetched and could not be, each with why.
    skipped: list[tuple[int, str]] = field(default_factory=list)
    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def count(self, *outcomes: Outcome) -> int:
        """How many reports had one of these outcomes."""
        counts = Counter(report.outcome for report in self.reports)
        return sum(counts[outcome] for outcome in outcomes)

    @property
    def rows(self) -> int:
        """Rows that were written."""
        return sum(report.rows for report in self.reports)

    @property
    def failures(self) -> list[SyncedReport]:
        """Reports that could not be had, and those that their store has lost."""
        return [report for report in self.reports if report.outcome in (Outcome.FAILED, Outcome.LOST)]

    @property
    def ok(self) -> bool:
        """Whether everything was had that could be."""
        return not (self.failures or self.left or self.skipped)

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[SyncedReport]:
        return iter(self.reports)
