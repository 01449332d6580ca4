"""Compiles C and C++ programs against the installed library, as programs elsewhere would be."""

import importlib.util
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from compiling import HERE, LANGUAGES, NO_CPP, ROOT, SANITIZED, Library


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


@pytest.fixture(scope="session")
def can_sanitize(tmp_path_factory) -> bool:
    """Whether the compilers here have what SANITIZED asks for, and the machine runs it."""
    folder = tmp_path_factory.mktemp("sanitizers")
    source = folder / "empty.c"
    source.write_text("int main(void) { return 0; }\n")

    def works(language: list[str]) -> bool:
        program = folder / "empty"
        made = subprocess.run([*language, *SANITIZED, "-o", program, source], capture_output=True)
        return made.returncode == 0 and subprocess.run([program], capture_output=True).returncode == 0

    return all(works(LANGUAGES[language]) for language in ["c99", *([] if NO_CPP else ["c++17"])])


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
