"""A plain bar of one line on the error stream, where that is a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tillroll.export.summary import ExportProgress

_WIDTH = 24
# How often it is drawn at most.
_STEP_SECONDS = 0.1


@contextmanager
def bar() -> Iterator[Callable[[ExportProgress], object]]:
    """What an export reports its progress to."""
    stream, started, drawn = sys.stderr, time.monotonic(), 0.0
    if stream is None or not stream.isatty():
        yield lambda state: None
        return

    def draw(state: ExportProgress) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn >= _STEP_SECONDS or state.rows_done == state.rows_total:
            drawn = now
            stream.write(f"\r{_line(state, now - started):<78}")
            stream.flush()

    try:
        yield draw
    except BaseException:
        stream.write(" stopped\n" if drawn else "")
        raise
    stream.write("\n" if drawn else "")


def _line(state: ExportProgress, seconds: float) -> str:
    """How far it is; without a total the bar is left out."""
    rows = f"{state.rows_done:,}".replace(",", " ")
    tail = f"{state.files} files  {rows} rows  {seconds:.1f} s"
    if state.rows_total is None:
        return tail
    filled = _WIDTH * state.rows_done // max(state.rows_total, 1)
    share = 100 * state.rows_done // max(state.rows_total, 1)
    return f"[{'#' * filled:.<{_WIDTH}}] {share:3} %  {tail}"
