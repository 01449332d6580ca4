"""What a store is to a sync: something that gives the report of a period, or says why not."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

import tillroll


class Missing(Enum):
    """Why a store gives no report."""

    # It has none for the period.
    NONE = "none"
    # It has none yet.
    LATER = "later"
    # It will never give it out any more.
    GONE = "gone"


@dataclass(frozen=True)
class Fetched:
    """A report as its store gave it."""

    path: Path
    # What the import is to take for its period; None where the name says it and the rows must agree.
    period: str | None


class Store(Protocol):
    """Fetches the reports of one account."""

    def fetch(self, planned: tillroll.PlannedFetch, folder: Path) -> Fetched | Missing:
        """The report in a file of the folder.

        Raises `SignInError` where no report of the account can be had, `GaveUpError` where the store does not
        answer, and `StoreError` where it does not give this one.
        """
