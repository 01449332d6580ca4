"""What goes wrong, told in a line on the error stream; the code to exit with follows from it."""

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

import tillroll
from tillroll.cli.text import one_line

P = ParamSpec("P")

FAILED, USAGE, STOPPED = 1, 2, 130


class Trouble(Exception):  # noqa: N818 - what a command has to tell, not a class that anybody catches by kind
    """Ends a command with these lines on the error stream."""

    def __init__(self, *lines: str, code: int = FAILED) -> None:
        super().__init__(*lines)
        self.lines = lines
        self.code = code


def tell(line: str) -> None:
    """Says a line on the error stream."""
    shown = one_line(line).encode("utf-8", "backslashreplace").decode("utf-8")
    print(f"tillroll: {shown}", file=sys.stderr)


def describe(error: BaseException) -> str:
    """An error in a line that names its file."""
    if isinstance(error, OSError) and not isinstance(error, tillroll.Error) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose errors become lines and exit codes, never tracebacks."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except Trouble as trouble:
            for line in trouble.lines:
                tell(line)
            raise typer.Exit(trouble.code) from None
        except KeyboardInterrupt:
            tell("stopped")
            raise typer.Exit(STOPPED) from None
        except BrokenPipeError:
            _be_quiet()
        except (tillroll.Error, OSError) as error:
            tell(describe(error))
            # What a query or a record must look like is told before anything is done.
            wrongly_asked = isinstance(error, tillroll.ValidationError)
            raise typer.Exit(USAGE if wrongly_asked else FAILED) from None
        except (ValueError, OverflowError) as error:
            # An argument that Python cannot hand on: no text, or a number beyond 64 bits.
            tell(f"an argument cannot be taken: {error}")
            raise typer.Exit(USAGE) from None

    return run


def _be_quiet() -> None:
    """The reader has seen enough (`| head`): nothing is wrong, and the rest of the output goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
