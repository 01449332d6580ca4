"""Fetching reports from their stores: what comes with the extra `[sync]`.

`Db.sync()` and the command `tillroll sync` are its faces. What is to be fetched the engine says
(`Db.sync_plan()`); a store is a file here, `http` is the only one that opens a connection, and nothing but
requests to the stores leaves the machine.
"""

from tillroll.sync.errors import SignInError, StoreError
from tillroll.sync.folder import sync_folder
from tillroll.sync.run import sync
from tillroll.sync.settings import Settings
from tillroll.sync.summary import Outcome, SyncedReport, SyncProgress, SyncSummary

__all__ = [
    "Outcome",
    "Settings",
    "SignInError",
    "StoreError",
    "SyncProgress",
    "SyncSummary",
    "SyncedReport",
    "sync",
    "sync_folder",
]
