"""What a report comes in: what it is, and whether all of it came."""

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import IO

_PIECE_BYTES = 1 << 20


def extension(path: Path) -> str:
    """What a container calls itself by its first bytes."""
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        return ".gz"
    return ".zip" if start[:4] == b"PK\x03\x04" else ".csv"


def fault(path: Path, bytes_max: int) -> str | None:
    """Why a container is not whole, where the server did not say how long it is. Plain text shows no end.

    What unpacks to more than `bytes_max` is not unpacked further.
    """
    try:
        match extension(path):
            case ".gz":
                with gzip.open(path) as file:
                    left = _rest(file, bytes_max)
            case ".zip":
                left = bytes_max
                with zipfile.ZipFile(path) as archive:
                    for member in archive.infolist():
                        with archive.open(member) as inner:
                            left = _rest(inner, left)
            case _:
                return "the answer broke off"
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, ValueError):
        return "the answer broke off"
    return f"the report unpacks to more than {bytes_max:,} bytes" if left < 0 else None


def _rest(file: IO[bytes] | gzip.GzipFile, left: int) -> int:
    """What is left of a bound after a file was read; below 0 it was too long."""
    while left >= 0 and (piece := file.read(_PIECE_BYTES)):
        left -= len(piece)
    return left
