"""What an export tells while it runs, and when it is over."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportProgress:
    """How far an export is."""

    rows_done: int
    # None where it is not known before all of them are read: with filters.
    rows_total: int | None
    # How many files are written, those that are still open included.
    files: int


@dataclass(frozen=True)
class ExportSummary:
    """What an export wrote."""

    files: int
    rows: int
    bytes: int
    seconds: float
