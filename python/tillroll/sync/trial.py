"""What a file would store, told before it changes anything."""

from pathlib import Path

import tillroll
from tillroll.sync.errors import StoreError
from tillroll.sync.store import Fetched


class Trial:
    """Reads each report into a database of its own first, by the same rules as the import that counts."""

    def __init__(self, folder: Path) -> None:
        self._db = tillroll.open(folder / "trial.till")
        self._accounts: dict[str, int] = {}

    def close(self) -> None:
        """Closes it; its folder goes with the downloads."""
        self._db.close()

    def rows(self, got: Fetched, planned: tillroll.PlannedFetch) -> int:
        """How many rows a file has, those that are rejected among them.

        Raises `StoreError` where it is of another period, whatever the name within an archive says.
        """
        account = self._account(planned.store)
        sales = self._db.sales
        sales.import_reports([got.path], account=account, kind=planned.kind, period=got.period)
        stored = sales.imports()
        for each in stored:
            sales.delete(account, each.kind, each.period)
        others = sorted({each.period for each in stored} - {planned.period})
        if others:
            raise StoreError(
                f"the file that came is of another period than {planned.period}: {', '.join(others[:5])}"
            )
        return sum(each.rows + each.rejected for each in stored)

    def _account(self, store: str) -> int:
        if store not in self._accounts:
            self._accounts[store] = self._db.external_accounts.create(nickname=store, store=store).id
        return self._accounts[store]
