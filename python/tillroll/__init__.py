"""An embedded store for what an app or game publisher sells.

One directory on disk holds the accounts at the stores and every row of their sales reports. Importing a
report twice counts it once, money is exact, and currencies are never added together.

    import tillroll

    with tillroll.open("shop.till") as db:
        account = db.external_accounts.create(nickname="Amazon apps", store="amazon")
        db.sales.import_reports("reports/*.gz", account=account)
        print(db.sales.report(by=["month", "currency"], measures=["units", "earnings"]))
"""

from tillroll._tillroll import (
    AccessError,
    Accounts,
    Banners,
    Batch,
    BatchIterator,
    Campaigns,
    Categories,
    CheckReport,
    ClosedError,
    Collection,
    ConflictError,
    CorruptionError,
    CustomerGroups,
    Customers,
    Db,
    Error,
    FormatError,
    Import,
    ImportProgress,
    ImportSummary,
    LockedError,
    NotFoundError,
    Page,
    PendingError,
    Products,
    Record,
    RecordIterator,
    RowIterator,
    Sale,
    Sales,
    Scan,
    Table,
    ValidationError,
    VaultError,
    __version__,
    open,
    sniff,
)

__all__ = [
    "AccessError",
    "Accounts",
    "Banners",
    "Batch",
    "BatchIterator",
    "Campaigns",
    "Categories",
    "CheckReport",
    "ClosedError",
    "Collection",
    "ConflictError",
    "CorruptionError",
    "CustomerGroups",
    "Customers",
    "Db",
    "Error",
    "FormatError",
    "Import",
    "ImportProgress",
    "ImportSummary",
    "LockedError",
    "NotFoundError",
    "Page",
    "PendingError",
    "Products",
    "Record",
    "RecordIterator",
    "RowIterator",
    "Sale",
    "Sales",
    "Scan",
    "Table",
    "ValidationError",
    "VaultError",
    "__version__",
    "open",
    "sniff",
]
