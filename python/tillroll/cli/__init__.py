"""The command line, `tillroll`: what comes with the extra `[cli]`.

A command is a file here. What draws bars or writes Parquet is imported only where it is used: an answer of
milliseconds does not wait for it.
"""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

NEEDED = ("typer", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; gives the code to exit with: 0 done, 1 failed, 2 wrongly asked, 130 stopped."""
    _open_streams()
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not all(map(_is_there, NEEDED)):
        print("tillroll: the command line is an extra: pip install 'tillroll[cli]'", file=sys.stderr)
        return 2
    try:
        if given == ["--version"]:
            from tillroll import __version__

            print(f"tillroll {__version__}", flush=True)
            return 0
        from tillroll.cli.app import run

        code = run(given)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has seen enough, and the interpreter must not find out once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"tillroll: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _open_streams() -> None:
    """A stream that the caller closed is none at all; writing to it is no error of a command's."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it stays open
            setattr(sys, name, nowhere)


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:
        return False
