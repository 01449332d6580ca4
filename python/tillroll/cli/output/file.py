"""Files that a command writes: whole under their name, or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """A file that takes its name when it is whole, in the place of what stood there.

    What goes wrong before leaves the old file as it was. A pipe or a device is written to as it is.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        with target.open("wb") as out:
            yield out
        return
    # Through links: what they point at is replaced, not they.
    target = target.resolve()
    with _named(path):
        mode = target.stat().st_mode & 0o777 if target.exists() else None
        if mode is not None and not os.access(target, os.W_OK):
            raise PermissionError(13, "Permission denied", path)
        unfinished = target.with_name(f".tillroll-{secrets.token_hex(6)}")
        out = unfinished.open("xb")
    try:
        with out:
            if mode is not None:
                unfinished.chmod(mode)
            yield out
            out.flush()
            os.fsync(out.fileno())
        with _named(path):
            unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Errors that name the file as the user does."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
