"""Files that a command writes: whole under their name, or not there."""

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

import tillroll

# As in other programs, in the place of a file's name.
STDOUT = "-"
# Names of what is open already, whatever kind of file stands behind them.
OPENED = re.compile(r"/dev/(?:fd/\d+|std(?:in|out|err))|/proc/[^/]+(?:/task/\d+)?/fd/\d+")
# A chain of links that is longer is a loop.
LINKS = 40
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def place(path: str) -> str:
    """Where a file of this name is written: the same for all its names."""
    if path == STDOUT or _opened(path) in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        return STDOUT
    return os.path.realpath(path)


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """A file that takes its name when it is whole, in the place of what stood there.

    What goes wrong before leaves the old file as it was. A pipe, a device, and what is open already are
    written to as they are.
    """
    with _named(path), _writer(Path(path)) as out:
        yield out


def _writer(target: Path) -> AbstractContextManager[BinaryIO]:
    # A loop of links is an error here; what is not there yet is none.
    is_there = _is_there(target)
    if _opened(str(target)) or (is_there and not target.is_file()):
        return target.open("ab")
    # Through links: what they point at is replaced, not they.
    target = target.resolve()
    if is_there and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    unfinished = target.with_name(f".tillroll-{secrets.token_hex(6)}")
    try:
        out = unfinished.open("xb")
    except OSError as error:
        if not is_there or error.errno not in REFUSED:
            raise
        # In a directory that takes no new file, the old one is written over. That gives up its being whole:
        # who reads it meanwhile sees a part, and what goes wrong leaves a part behind.
        return target.open("wb")
    return _renamed(out, unfinished, target, is_there)


@contextmanager
def _renamed(out: BinaryIO, unfinished: Path, target: Path, is_there: bool) -> Iterator[BinaryIO]:
    """A file beside its place, which it takes when it is whole."""
    try:
        with out:
            if is_there:
                unfinished.chmod(target.stat().st_mode & 0o777)
            yield out
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _opened(path: str) -> str | None:
    """The name of what is open already that a path leads to, if it leads to one."""
    at = Path(path).absolute()
    for _ in range(LINKS):
        at = Path(os.path.normpath(at))
        if OPENED.fullmatch(str(at)):
            return str(at)
        if not at.is_symlink():
            break
        at = at.parent / at.readlink()
    return None


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Errors that name the file as the user does."""
    try:
        yield
    except OSError as error:
        if isinstance(error, tillroll.Error) or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, path) from None
