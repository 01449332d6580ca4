"""Compiles C and C++ programs against the installed library, as programs elsewhere would be."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# A C file is a C++ file to the second; what NDEBUG takes out of a program must be missed by none.
LANGUAGES = {
    "c99": [os.environ.get("CC", "cc"), "-std=c99", "-DNDEBUG"],
    "c++17": [os.environ.get("CXX", "c++"), "-x", "c++", "-std=c++17"],
}


def _python_tests():
    """The conftest of tests/python: its reports and what they add up to serve here too."""
    spec = importlib.util.spec_from_file_location("python_tests", ROOT / "tests/python/conftest.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def reports():
    return _python_tests().Reports()


@dataclass
class Library:
    """Where the library was installed, and how programs are made with it."""

    prefix: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"LD_LIBRARY_PATH": str(self.prefix / "lib")}

    def flags(self, *arguments: str, tool: list[str] | None = None) -> list[str]:
        """What pkg-config says of the library. Without a pkg-config of the system there is PyPI's."""
        system = shutil.which("pkg-config")
        tool = tool or ([system] if system else [sys.executable, "-m", "pkgconf"])
        path = {"PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig")}
        return run([*tool, *arguments, "tillroll"], env=os.environ | path).split()

    def compile(self, to: Path, sources: list[Path], language: str = "c99", flags=None) -> Path:
        linked = flags or self.flags("--cflags", "--libs")
        # The sources come before the libraries that they need; `-x c++` would hold for these too.
        names = [str(source) for source in sources]
        none = ["-x", "none"] if language == "c++17" else []
        run([*LANGUAGES[language], *WARNINGS, "-g", "-pthread", "-o", str(to), *names, *none, *linked])
        return to


def run(command, **options) -> str:
    """The output of a command, which must succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command} gave {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def library() -> Library:
    """What `make test-c` has installed."""
    return Library(Path(os.environ["TILLROLL_PREFIX"]))


class Calls:
    """`calls.c`, told line by line what to do."""

    def __init__(self, program: Path, environment: dict[str, str]):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.child = subprocess.Popen([program], env=environment, **pipes)

    def send(self, collection: str, verb: str, text: bytes) -> tuple[int, bytes]:
        """The code and what is told with it, for JSON that need be none."""
        self.child.stdin.write(f"{collection} {verb} ".encode() + text + b"\n")
        self.child.stdin.flush()
        code, told = self.child.stdout.readline().split(b" ", 1)
        return int(code), told.rstrip(b"\n")

    def __call__(self, collection: str, verb: str, arguments: Any = None) -> tuple[int, Any]:
        """The code, and the answer or the faults by field; a message where it is about no fields."""
        code, told = self.send(collection, verb, json.dumps(arguments).encode())
        try:
            return code, json.loads(told)
        except ValueError:
            return code, told.decode()

    def done(self, collection: str, verb: str, arguments: Any) -> Any:
        """The answer of what must succeed."""
        code, answer = self(collection, verb, arguments)
        assert code == 0, answer
        return answer

    def open(self, path: Path) -> None:
        assert self.send("-", "open", bytes(path)) == (0, b"null")

    def import_records(self, path: Path) -> None:
        assert self.send("-", "import", bytes(path)) == (0, b"null")


@pytest.fixture(scope="session")
def calls_at(library, tmp_path_factory):
    """Starts programs that run what they are told, with more in their environment; each ends well."""
    program = library.compile(tmp_path_factory.mktemp("calls") / "calls", [HERE / "calls.c"])

    @contextmanager
    def start(more):
        calls = Calls(program, library.environment | more)
        with calls.child:
            yield calls
        assert calls.child.returncode == 0

    return start


@pytest.fixture(scope="session")
def calls(calls_at):
    """One of them, for as long as the tests go on."""
    with calls_at({}) as calls:
        yield calls
