"""How this program was called."""

import shlex
import shutil
import sys
from pathlib import Path


def program() -> str:
    """The words that call this program again from where the user stands."""
    called = sys.argv[0]
    if Path(called).name == "__main__.py":
        return f"{shlex.quote(_near(sys.executable))} -m tillroll"
    on_path = shutil.which("tillroll")
    if on_path and Path(on_path).resolve() == Path(called).resolve():
        return "tillroll"
    near = _near(called)
    return shlex.quote(near if "/" in near else f"./{near}")


def _near(path: str) -> str:
    """A path from here, where it lies below."""
    try:
        return str(Path(path).absolute().relative_to(Path.cwd()))
    except ValueError:
        return path
